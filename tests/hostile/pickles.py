"""Pickles that mean harm: bare as NVIDIA's programs write them, and in both layouts of torch."""

import io
import os
import pickle
import struct
import zipfile

from tests.generators.checkpoints import standins
from tests.generators.checkpoints.hostile import Call
from tests.hostile import good
from tests.hostile.cases import LARGE_PICKLES, PICKLES, hostile

PRIME = 2**61 - 1  # what Python's hash of a number is taken modulo


# ---- opcodes


def text(value):
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def whole(value):
    data = pickle.encode_long(value)
    return b"\x8a" + bytes([len(data)]) + data


def put(index):
    return b"r" + struct.pack("<I", index)


def get(index):
    return b"j" + struct.pack("<I", index)


def name(module, attribute):
    return text(module) + text(attribute) + b"\x93"


def program(*parts):
    return b"\x80\x04" + b"".join(parts) + b"."


def called(function, *arguments):
    return function + b"(" + b"".join(arguments) + b"tR"


# ---- what pickles lie in


def archive(pickled, entries=(), compressed=False):
    """The zip of torch."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as z:
        for key, data in {
            "x/data.pkl": pickled,
            "x/byteorder": b"little",
            **dict(entries),
            "x/version": b"3\n",
        }.items():
            z.writestr(zipfile.ZipInfo(key), data, z.compression)
    return file.getvalue()


def legacy(pickled, keys=(), storages=b""):
    """The layout of torch before 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    head = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, system))
    return head + pickled + pickle.dumps(list(keys), 2) + storages


def everywhere(pickled):
    return {"bare": pickled, "in a zip of torch": archive(pickled), "in torch's old layout": legacy(pickled)}


# ---- what would run


@hostile("a command", PICKLES)
def _():
    made = everywhere(program(b"}", text("G_ema"), called(name("os", "system"), text("touch executed")), b"s"))
    for protocol in (0, 2, 5):
        made[f"protocol {protocol}"] = pickle.dumps({"g_ema": Call(os.system, "touch executed")}, protocol)
    return made


@hostile("a command behind another name", PICKLES)
def _():
    names = {
        "eval": ("builtins", "eval"), "getattr": ("builtins", "getattr"), "importing": ("builtins", "__import__"),
        "Python 2": ("__builtin__", "execfile"), "through an attribute": ("torch.serialization", "os.system"),
        "torch.load": ("torch", "load"), "the loader of a storage": ("torch.storage", "_load_from_bytes"),
        "operator": ("operator", "attrgetter"), "partial": ("functools", "partial"), "numpy.load": ("numpy", "load"),
        "hub": ("torch.hub", "load"), "import by name": ("importlib", "import_module"), "code": ("types", "CodeType"),
    }  # fmt: skip
    inner = pickle.dumps(Call(os.system, "touch executed"), 2)
    data = b"B" + struct.pack("<I", len(inner)) + inner
    made = {}
    for key, what in names.items():
        argument = data if "storage" in key else text("open('executed', 'w')")
        made[key] = program(b"}", text("g_ema"), called(name(*what), argument), b"s")
        made[f"{key}, in a zip"] = archive(made[key])
    return made


@hostile("a command in the attributes of an instance", PICKLES)
def _():
    bag = name("dnnlib.tflib.network", "Network") + b")\x81"
    keys = ("__setstate__", "__class__", "__reduce__", "__dict__", "build", "state", "name")
    state = b"}(" + b"".join(text(key) + name("os", "system") for key in keys) + b"u"
    return everywhere(program(bag, b"}(" + b"".join(text(key) + text("os.system") for key in keys) + b"u", b"b")) | {
        "named": program(bag, state, b"b"),
        "a function": program(name("collections", "OrderedDict"), state, b"b"),
    }


@hostile("an old opcode that runs", PICKLES)
def _():
    return {
        "INST": b"(S'touch executed'\nios\nsystem\n.",
        "OBJ": b"\x80\x02(cos\nsystem\nU\x0etouch executedo.",
        "GLOBAL and REDUCE": b"\x80\x02cos\nsystem\nU\x0etouch executed\x85R.",
        "EXT1": b"\x80\x02\x82\x01)R.",
        "EXT4": b"\x80\x02\x84\xff\xff\xff\x7f)R.",
        "PERSID": b"\x80\x02Pos.system\n.",
        "NEXT_BUFFER": b"\x80\x05\x97\x98.",
    }


@hostile("a pickle in a number of NumPy", PICKLES)
def _():
    inner = pickle.dumps(Call(os.system, "touch executed"), 2)
    objects = called(name("numpy", "dtype"), text("O8"), b"\x89\x88")
    data = b"C" + bytes([len(inner)]) + inner
    empty = called(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b"K\x00\x85", b"C\x01b")
    scalar = called(name("numpy.core.multiarray", "scalar"), objects, data)
    filled = empty + b"(K\x01K\x01\x85" + objects + b"\x89]" + text("x") + b"atb"
    return everywhere(program(b"}", text("G_ema"), scalar, b"s")) | {"an array": program(filled)}


@hostile("a source that runs", PICKLES)
def _():
    sources = {
        "exits": "import os; os._exit(1)\n", "nested": "(" * 5000, "long": "class A:\n" * 100_000,
        "nulls": "\0" * 1000, "surrogates": "\ud800",
    }  # fmt: skip
    return {key: good.written(lambda path, s=s: standins.write_nvidia(path, good.network(), source=s))
            for key, s in sources.items()}  # fmt: skip


@hostile("a class of a file as a persistent id", PICKLES)
def _():
    parts = b"(" + text("module") + name("torch.nn.modules.linear", "Linear") + text("x.py") + text("exit(1)") + b"tQ"
    storage = b"(" + text("storage") + name("os", "system") + text("0") + text("cpu") + whole(2**62) + b"tQ"
    return everywhere(program(parts, b")\x81")) | {"a storage": archive(program(storage), {"x/data/0": bytes(8)})}


# ---- what grows


@hostile("tuples that double", PICKLES)
def _():
    parts = [text("x"), put(0)]
    for i in range(60):
        parts += [b"(", get(i) * 10, b"t", put(i + 1)]
    return everywhere(program(b"(", *parts, b"t"))


@hostile("paths that double", PICKLES)
def _():
    made = {}
    for system in ("PosixPath", "WindowsPath"):
        parts = [text("x" * 16), put(0)]
        for i in range(26):
            parts += [called(name("pathlib", system), get(i), get(i)), put(i + 1)]
        made[system] = program(b"(", *parts, b"t")
    return made | {"in a zip": archive(made["PosixPath"])}


@hostile("names of tensors that double", PICKLES)
def _():
    parts = [b"}", text("t"), b"K\x00", b"s", put(0)]
    for i in range(40):
        parts += [b"}(", text("a" * 40), get(i), text("b" * 40), get(i), b"u", put(i + 1)]
    chain = b"".join(b"}" + text("n" * 200) for _ in range(3000)) + b"K\x01" + b"s" * 3000
    return everywhere(program(b"(", *parts, b"t")) | {"a chain of long names": program(chain)}


@hostile("containers of one long list, again and again", LARGE_PICKLES)
def _():
    made = {}
    numbers = b"](" + b"".join(b"M" + struct.pack("<H", i) for i in range(20_000)) + b"e" + put(0)
    for module, function in (("builtins", "set"), ("__builtin__", "frozenset")):
        again = called(name(module, function), get(0))
        made[function] = program(b"(", numbers, again * 3000, b"t")
    pairs = b"](" + b"".join(b"M" + struct.pack("<H", i) + b"N\x86" for i in range(20_000)) + b"e" + put(0)
    for module, function in (("collections", "OrderedDict"), ("collections", "Counter"), ("dnnlib.util", "EasyDict")):
        made[function] = program(b"(", pairs, called(name(module, function), get(0)) * 3000, b"t")
    return made


@hostile("text encoded again and again", LARGE_PICKLES)
def _():
    again = put(1) + (called(get(1), get(0), text("latin1"))) * 20_000
    once = name("_codecs", "encode")
    latin = program(b"(", text("x" * 65_000), put(0), once, again, b"t")
    wide = program(b"(", text("é" * 32_000), put(0), once, again, b"t")
    return {"letters": latin, "beyond ASCII": wide, "in a zip": archive(latin)}


@hostile("attributes given again and again", LARGE_PICKLES)
def _():
    state = b"}(" + b"".join(b"M" + struct.pack("<H", i) + b"N" for i in range(20_000)) + b"u" + put(0)
    bag = name("argparse", "Namespace") + b")\x81"
    return everywhere(program(state, bag, (get(0) + b"b") * 10_000))


@hostile("keys that collide", LARGE_PICKLES)
def _():
    def numbers(n):
        return (whole(i * PRIME) for i in range(1, n))

    entries = b"".join(number + b"N" for number in numbers(20_000))
    tuples = b"".join(number + b"\x85N" for number in numbers(20_000))
    return {
        "a dict": program(b"}(", entries, b"u"),
        "a set": program(b"\x8f(", *numbers(20_000), b"\x90"),
        "tuples": program(b"}(", tuples, b"u"),
        "in a zip": archive(program(b"}(", entries, b"u")),
        "a call": program(called(name("builtins", "set"), b"](" + b"".join(numbers(20_000)) + b"e")),
    }


@hostile("a deep nest", LARGE_PICKLES)
def _():
    kinds = {
        "tuples": b")" + b"\x85" * 100_000,
        "lists": b"]" * 100_000 + b"a" * 99_999,
        "dicts": b"".join([b"}", text("a")] * 30_000) + b"N" + b"s" * 30_000,
        "instances": (name("argparse", "Namespace") + b")\x81" + put(0) + get(0) + b"}" + text("a")) * 5000
        + b"N" + b"sb" * 5000,
    }  # fmt: skip
    return {key: program(parts) for key, parts in kinds.items()} | {"in a zip": archive(program(kinds["tuples"]))}


@hostile("what holds itself", PICKLES)
def _():
    return everywhere(program(b"}", put(0), text("g_ema"), get(0), b"s")) | {
        "a list": program(b"]", put(0), get(0), b"a"),
        "an instance": program(name("argparse", "Namespace"), b")\x81", put(0), b"}", text("a"), get(0), b"sb"),
        "its own state": program(b"}", put(0), text("x"), get(0), b"s", name("argparse", "Namespace"), b")\x81",
        get(0), b"b"),
    }  # fmt: skip


@hostile("many small things", LARGE_PICKLES)
def _():
    made = {
        "marks": program(b"(" * 200_000),
        "memos": program(b"N", b"\x94" * 200_000),
        "sets": program(b"(", b"\x8f" * 1_900_000, b"t"),  # 400 MB of them would be
        "dicts of one": program(b"(", b"}K\x01Ns" * 60_000, b"t"),
    }
    many = {"instances": (name("argparse", "Namespace"), b")\x81"), "strangers": (name("a", "B"), b")R"),
            "arrays": (name("numpy.core.multiarray", "_reconstruct"), b")R")}  # fmt: skip
    for key, (what, call) in many.items():
        made[key] = program(b"(", what, put(0), b"0", (get(0) + call) * 30_000, b"t")
    return made


@hostile("lengths that lie", PICKLES)
def _():
    claims = {
        "LONG4": b"\x8b" + struct.pack("<i", 2**31 - 1), "LONG4 below zero": b"\x8b" + struct.pack("<i", -5),
        "BINBYTES8": b"\x8e" + struct.pack("<Q", 2**62), "BINUNICODE8": b"\x8d" + struct.pack("<Q", 2**64 - 1),
        "BINUNICODE": b"X" + struct.pack("<I", 2**32 - 1), "FRAME": b"\x95" + struct.pack("<Q", 2**63),
        "BYTEARRAY8": b"\x96" + struct.pack("<Q", 2**40), "BINSTRING": b"T" + struct.pack("<i", -1),
        "LONG_BINPUT": b"Nr" + struct.pack("<I", 2**32 - 1), "LONG_BINGET": b"j" + struct.pack("<I", 2**32 - 1),
    }  # fmt: skip
    return {key: program(claim, b"123") for key, claim in claims.items()}


@hostile("arrays that claim what they have not", PICKLES)
def _():
    def filled(shape, code="f8", data=b"\0" * 8):
        kind = (
            called(name("numpy", "dtype"), text(code), b"\x89\x88")
            + b"(K\x03"
            + text("<")
            + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        )
        empty = called(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b"K\x00\x85", b"C\x01b")
        sizes = b"(" + b"".join(map(whole, shape)) + b"t"
        return empty + b"(K\x01" + sizes + kind + b"\x89C" + bytes([len(data)]) + data + b"tb"

    def state(array):
        return program(b"}", text("g_ema"), b"}", text("style.1.weight"), array, b"ss")

    return {
        "a large shape": state(filled((2**40,))),
        "sizes whose product is large": state(filled((2**31, 2**31, 2**31))),
        "a size of zero beside large ones": state(filled((0, 2**47, 2**47), data=b"")),
        "a size below zero": state(filled((-1,))),
        "an integer of many digits": state(filled((2**2000,))),
        "many sizes": state(filled((1,) * 60)),
        "no bytes": state(filled((1,), data=b"")),
        "text": state(filled((1,), "U2")),
        "a type of gigabytes": state(filled((1,), "V2147483647")),
    }  # fmt: skip


@hostile("a network of absurd sizes", PICKLES)
def _():
    def changed(**values):
        def make():
            tree = standins.nvidia(good.network())
            for key, value in values.items():
                target = tree.state["_modules"]["mapping"].state if key == "num_layers" else tree.state
                target[key] = value
            return {"G_ema": standins.set_architecture(tree, "skip")}

        return good.written(lambda path: standins.dump(make, path))

    return {
        f"{key} {value!r}": changed(**{key: value})
        for key in ("z_dim", "w_dim", "c_dim", "img_resolution", "num_ws", "num_layers")
        for value in (2**31 - 1, -1, 0, 1e308, float("nan"), "8", 2**600)
    }


@hostile("names that cannot be shown", PICKLES)
def _():
    return {
        "a lone surrogate": program(b"}", text("G_\ud800"), b"Ns"),
        "a surrogate of a module": program(name("a\ud800", "B"), b")\x81"),
        "control characters": program(name("a\x1b[2J\n", "B\x00"), b")R"),
        "a megabyte": program(name("a" * 2**20, "B" * 2**20), b")R"),
        "without an end": b"\x80\x02c" + b"a" * 100_000,
        "a key of a megabyte": program(b"}", text("k" * 2**20), b"Ns"),
        "right to left": program(b"}", text("\u202egnp.exe"), b"Ns"),
        "no text": program(b"K\x01K\x02\x93"),
    }


@hostile("damage to a good file", PICKLES)
def _():
    made = {}
    for key, data in {"nvidia": good.nvidia(), "tensorflow": good.tensorflow(), "zip": good.rosinality(),
                      "old layout": good.rosinality(zipped=False)}.items():  # fmt: skip
        for share in (0.1, 0.5, 0.9, 0.999):
            made[f"{key} cut at {share}"] = data[: int(share * len(data))]
        made[f"{key} twice"] = data + data
        for step in (97, 1013):
            spoilt = bytearray(data)
            for i in range(step, len(spoilt), step):
                spoilt[i] ^= 0x41
            made[f"{key}, each byte {step} changed"] = bytes(spoilt)
    return made

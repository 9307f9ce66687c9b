"""Files of torch whose tensors claim more than they have, and archives that are none."""

import io
import pickle
import struct
import tarfile
import zipfile
from collections import OrderedDict

import torch

from tests.generators.checkpoints import standins
from tests.generators.checkpoints.hostile import shaped
from tests.hostile import good
from tests.hostile.cases import PICKLES, hostile
from tests.hostile.pickles import archive, legacy, program, text, whole


def saved(value, zipped=True):
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def where_tensors_are(tensor):
    """The places in which the readers look for one."""
    state = standins.rosinality(good.network()) | {"style.1.weight": tensor, "latent_avg": tensor}
    glo = {"pictures": 3, "sketch": tensor, "network": {"4.weight": tensor}, "codes": {"weight": tensor},
           "done": tensor, "losses": tensor, "optimiser": {}, "code optimiser": {}}  # fmt: skip
    return {
        "alone": saved(tensor),
        "of directions": saved({"directions": tensor}),
        "of a PCA": saved({"comp": tensor, "std": tensor}),
        "of GANSpace": saved({"lat_comp": tensor, "lat_stdev": tensor}),
        "of a network": saved({"g_ema": state}),
        "of a network, old layout": saved({"g_ema": state}, zipped=False),
        "of a training": saved(glo),
    }


@hostile("tensors that repeat one number", PICKLES)
def _():
    return {
        f"{name}, {shape}": data
        for shape in ((2**16, 2**16), (2**40,), (1, 2, 2**30))
        for name, data in where_tensors_are(torch.zeros(1).expand(shape)).items()
    }


@hostile("tensors that overlap themselves", PICKLES)
def _():
    made = where_tensors_are(torch.zeros(60_000).as_strided((30_000, 30_000), (1, 1)))
    return made | {"many views": saved({str(i): torch.zeros(1).expand(2**20, 2) for i in range(300)})}


@hostile("tensors beyond their storage", PICKLES)
def _():
    shapes = {
        "too many": ((1000, 1000), (1000, 1)), "far away": ((2,), (2**40,)), "strides below zero": ((2, 2), (-2, 1)),
        "sizes below zero": ((-1, 2), (2, 1)), "a huge product": ((2**31, 2**31), (2**31, 1)),
        "zero and huge": ((0, 2**62), (1, 1)), "no sizes for strides": ((2,), (1, 1)), "digits": ((2**700,), (1,)),
        "text": (("2",), ("1",)), "many": ((1,) * 70, (1,) * 70),
    }  # fmt: skip
    made = {}
    for name, (shape, stride) in shapes.items():
        for zipped in (True, False):
            made[f"{name} {zipped}"] = saved({"directions": shaped(shape, stride)}, zipped)
            made[f"{name} {zipped} in a network"] = saved({"g_ema": {"style.1.weight": shaped(shape, stride)}}, zipped)
    return made


@hostile("tensors of other kinds", PICKLES)
def _():
    kinds = {
        "sparse": torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.long), torch.ones(1), (2**20, 2**20)),
        "compressed": torch.sparse_csr_tensor(torch.tensor([0, 1]), torch.tensor([2]), torch.ones(1), (1, 2**30)),
        "meta": torch.empty(2**40, device="meta"),
        "complex": torch.ones(3, 5, dtype=torch.complex64),
        "whole": torch.ones(3, 5, dtype=torch.int64),
        "quantised": torch.quantize_per_tensor(torch.ones(3, 5), 0.1, 0, torch.quint8),
        "eighths": torch.ones(3, 5).to(torch.float8_e4m3fn),
        "empty": torch.zeros(0, 5),
        "no axes": torch.tensor(1.0),
        "no numbers": torch.full((3, 5), torch.nan),
        "a parameter": torch.nn.Parameter(torch.ones(2**10, 5)),
    }
    return {f"{kind} {place}": data for kind, value in kinds.items() for place, data in where_tensors_are(value).items()
            if "old" not in place or kind in ("complex", "no numbers")}  # fmt: skip


@hostile("storages that lie", PICKLES)
def _():
    def body(numel, key="0", kind=b"ctorch\nFloatStorage\n"):
        storage = b"(" + text("storage") + kind + text(key) + text("cpu") + whole(numel) + b"tQ"
        tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + whole(numel) + b"\x85K\x01\x85\x89}tR"
        return program(b"}", text("directions"), tensor, b"s")

    made = {
        "fewer bytes": archive(body(2**40), {"x/data/0": bytes(8)}),
        "no entry": archive(body(2, "1"), {"x/data/0": bytes(8)}),
        "a way out of the archive": archive(body(2, "../../../etc/passwd"), {"x/data/0": bytes(8)}),
        "packed": archive(body(2**24), {"x/data/0": bytes(2**26)}, compressed=True),
        "old layout": legacy(body(2**40), ["0"], struct.pack("<Q", 2**40)),
        "old layout below zero": legacy(body(2), ["0"], struct.pack("<q", -1)),
        "old layout, unknown key": legacy(body(2), ["1"], struct.pack("<Q", 2)),
        "old layout, keys without end": legacy(body(2), ["0"] * 100_000),
        "another type": archive(body(2, kind=b"ctorch\nQInt32Storage\n"), {"x/data/0": bytes(8)}),
        "big endian": archive(body(2), {"x/data/0": bytes(8), "x/byteorder": b"big"}),
    }
    many = b"".join(b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + whole(i) + b"tQ0"
                    for i in range(1, 3000))  # fmt: skip
    return made | {"one storage of many lengths": archive(program(many, b"N"), {"x/data/0": bytes(8)})}


@hostile("archives of another kind", PICKLES)
def _():
    state = pickle.dumps({"g_ema": 1}, 2)

    def zipped(entries, method=zipfile.ZIP_STORED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as z:
            for name, data in entries:
                z.writestr(zipfile.ZipInfo(name), data, method)
        return file.getvalue()

    plain = zipped([("x/data.pkl", state)])
    lies = bytearray(plain)
    lies[18:26] = struct.pack("<II", 2**31, 2**31)  # sizes in the local header
    place = lies.index(b"PK\x01\x02")
    lies[place + 20 : place + 28] = struct.pack("<II", 2**31, 2**31)  # and in the directory
    secret = bytearray(plain)
    secret[place + 8] |= 1
    end = plain.index(b"PK\x05\x06")
    many = plain[:end] + plain[end : end + 8] + struct.pack("<HH", 65535, 65535) + plain[end + 12 :]
    return {
        "a bomb": zipped([("x/data.pkl", bytes(2**28))], zipfile.ZIP_DEFLATED),
        "two pickles": zipped([("x/data.pkl", state), ("y/data.pkl", state)]),
        "a way out": zipped([("../../data.pkl", state)]),
        "an absolute way": zipped([("/etc/data.pkl", state)]),
        "10 000 entries": zipped([(f"x/data/{i}", b"") for i in range(10_000)] + [("x/data.pkl", state)]),
        "sizes that lie": bytes(lies),
        "locked": bytes(secret),
        "an entry of many": bytes(many),
        "a comment": plain[:-2] + struct.pack("<H", 60_000) + b"PK\x05\x06" * 15_000,
        "a program of torch": zipped([("x/data.pkl", state), ("x/constants.pkl", state), ("x/code/a.py", b"exit(1)")]),
        "a nest": zipped([("x/data.pkl", plain)]),
        "no directory": plain[:end],
        "only a head": b"PK\x03\x04",
        "bzip2": zipped([("x/data.pkl", state * 1000)], zipfile.ZIP_BZIP2),
        "lzma": zipped([("x/data.pkl", state * 1000)], zipfile.ZIP_LZMA),
    }


@hostile("an old archive of torch", PICKLES)
def _():
    def tarred(entries, mode="w"):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode=mode, format=tarfile.USTAR_FORMAT) as tar:
            for name, data in entries.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return file.getvalue()

    entries = {"storages": pickle.dumps(10**9, 2), "tensors": pickle.dumps(10**9, 2), "pickle": b"cos\nsystem\n."}
    link = tarfile.TarInfo("storages")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    linked = link.tobuf(tarfile.USTAR_FORMAT) + bytes(1024)
    return {"plain": tarred(entries), "linked": linked, "a bomb": tarred({"storages": bytes(2**26)}, "w:xz")}


@hostile("a training that claims too much", PICKLES)
def _():
    whole_one = torch.load(io.BytesIO(good.glo_checkpoint()), weights_only=True)
    wrong = {
        "done": 10**9, "done below zero": -1, "done as text": "1", "done as a list": [1], "done as a share": 0.5,
        "done true": True, "losses": 3, "losses of text": ["a"], "losses without end": [0.0] * 300_000,
        "pictures": "3", "sketch": "text", "network": [], "codes": {}, "optimiser": {"state": 3, "param_groups": 4},
        "code optimiser": None,
    }  # fmt: skip
    made = {key: saved(whole_one | {key.split()[0] if key != "code optimiser" else key: value})
            for key, value in wrong.items()}  # fmt: skip
    groups = whole_one["optimiser"]["param_groups"]
    bad = {
        "a rate": [groups[0] | {"lr": "x"}], "betas": [groups[0] | {"betas": (2.0, "a")}],
        "two groups": groups * 2, "no parameters": [groups[0] | {"params": []}],
        "parameters twice": [groups[0] | {"params": [0] * 10_000}], "unhashable": [groups[0] | {"params": [[]]}],
        "capturable": [groups[0] | {"capturable": True}],
    }  # fmt: skip
    for key, group in bad.items():
        made[f"optimiser, {key}"] = saved(whole_one | {"optimiser": whole_one["optimiser"] | {"param_groups": group}})
    for key, state in {"text": {0: {"step": "x"}}, "steps": {0: {"step": torch.zeros(7)}},
                       "another": {99: {"step": torch.tensor(1.0)}}, "a number": {0: 3},
                       "a large moment": {0: {"step": torch.tensor(1.0), "exp_avg": torch.zeros(1).expand(2**40)}},
                       "a wrong moment": {0: {"step": torch.tensor(1.0), "exp_avg": torch.zeros(3), "exp_avg_sq": 1}},
                       }.items():  # fmt: skip
        made[f"state, {key}"] = saved(whole_one | {"optimiser": whole_one["optimiser"] | {"state": state}})
    made["nothing"] = saved({})
    made["a list"] = saved([1, 2])
    made["a number"] = saved(3)
    made["a network alone"] = saved(OrderedDict(whole_one["network"]))
    made["other names"] = saved(whole_one | {"network": {"a": torch.zeros(3)}})
    made["no numbers"] = saved(whole_one | {"codes": {"weight": torch.full((3, 2), torch.nan)}})
    made["codes far outside"] = saved(whole_one | {"codes": {"weight": torch.full((3, 2), 1e30)}})
    return made

"""Files that mean harm, or are broken: refused with the reason, nothing executed, nothing large allocated."""

import importlib
import os
import pickle
import struct
import subprocess
import sys
import types
import zipfile

import numpy as np
import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.checkpoints._values import CheckpointError
from tests.generators.checkpoints.hostile import EXECUTED, WATCH, Call, OldArchive, attempt, saved, shaped, with_weight
from tests.generators.checkpoints.standins import (
    Persistent,
    dump,
    genforce,
    rosinality,
    write_nvidia,
    write_tensorflow,
)


@pytest.fixture(scope="module")
def watched():
    """An audit hook, which stays for the life of the process; it looks only while WATCH is on."""
    with pytest.raises(FileNotFoundError):
        lw.load("no such file.pkl")  # the reader itself is imported the first time

    def hook(event, arguments):
        if WATCH["on"]:
            runs = event in EXECUTED or event.startswith(("pickle.", "ctypes.", "socket.", "shutil."))
            writes = event == "open" and any(mark in str(arguments[1]) for mark in "wax+")
            if runs or writes:
                WATCH["seen"].append((event, str(arguments)[:80]))

    sys.addaudithook(hook)


HOSTILE = {
    "a shell command": lambda: {"G_ema": Call(os.system, "touch executed")},
    "eval": lambda: {"G_ema": Call(eval, "open('executed', 'w')")},  # noqa: S307 - it is only named
    "subprocess": lambda: {"G_ema": Call(subprocess.getoutput, "touch executed")},
    "a command in the discriminator": lambda: {"D": Call(os.system, "touch executed"), "G_ema": None},
    "a command in a dict key's place": lambda: [Call(os.system, "touch executed")],
    "the loader of torch": lambda: Call(torch.load, "executed"),
    "importing": lambda: Call(__import__, "this"),
    "getattr": lambda: Call(getattr, "text", "upper"),
    "attributes for a function": lambda: Call(len, "abc", state={"__code__": 1}),
    "a type that is made": lambda: Call(type, "name", (), {}),
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("name", HOSTILE)
def test_foreign_names_are_refused_and_nothing_runs(tmp_path, watched, monkeypatch, name, protocol):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(HOSTILE[name](), protocol))
    error, seen = attempt(path)
    assert isinstance(error, CheckpointError)
    assert "a checkpoint must name only what networks are made of, got" in str(error)
    assert "nothing in it was executed" in str(error)
    assert not (tmp_path / "executed").exists()
    assert seen == []


def test_the_watch_sees_what_python_executes(tmp_path, watched):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(Call(eval, "1 + 1")))  # noqa: S307 - the point
    WATCH["seen"].clear()
    WATCH["on"] = True
    assert pickle.loads(path.read_bytes()) == 2  # noqa: S301 - the point
    WATCH["on"] = False
    assert {event for event, _ in WATCH["seen"]} >= {"pickle.find_class", "exec"}


def test_good_files_execute_nothing_either(tmp_path, watched, make_variant):
    files = [write_nvidia(tmp_path / f"{name}.pkl", make_variant(name)) for name in ("skip", "T")]
    files.append(write_tensorflow(tmp_path / "tf.pkl", make_variant()))
    for zipped in (True, False):
        files.append(tmp_path / f"{zipped}.pt")
        torch.save({"g_ema": rosinality(make_variant())}, files[-1], _use_new_zipfile_serialization=zipped)
    for path in files:
        lw.load(path)  # what torch imports the first time
        error, seen = attempt(path)
        assert (error, seen) == (None, [])


NESTED = {
    "a call in torch's old layout": lambda: saved({"a": Call(os.system, "true")}),
    "a call in torch's zip": lambda: saved({"a": Call(os.system, "true")}, zipped=True),
    "a file in a file in a file": lambda: saved({"a": OldArchive(saved(torch.zeros(2).untyped_storage()))}),
    "no storage": lambda: saved([1, 2]),
    "half a file": lambda: saved(torch.zeros(100))[:-200],
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("name", NESTED)
def test_files_in_files_are_held_to_the_same_rules(tmp_path, watched, make_variant, name):
    inner = NESTED[name]()

    class Tensor:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (OldArchive(inner), 0, (6, 7), (7, 1), False, {})

    def change(modules):
        modules["mapping"].state["_modules"]["fc0"].state["_parameters"]["weight"] = Tensor()

    error, seen = attempt(dump(with_weight(make_variant, change), tmp_path / "x.pkl"))
    assert isinstance(error, CheckpointError)
    assert seen == []


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_are_held_to_the_same_rules(tmp_path, watched, zipped):
    path = tmp_path / "x.pt"
    path.write_bytes(saved({"g_ema": Call(os.system, "true")}, zipped))
    error, seen = attempt(path)
    assert isinstance(error, CheckpointError)
    assert "posix.system" in str(error)
    assert seen == []
    path.write_bytes(saved(torch.nn.Linear(2, 2), zipped))  # a whole module: its class would have to be imported
    assert isinstance(attempt(path)[0], CheckpointError)


def test_a_hostile_source_is_text(tmp_path, watched, make_variant):
    source = f"open({str(tmp_path / 'executed')!r}, 'w')"
    path = write_nvidia(tmp_path / "x.pkl", make_variant(), source=source)
    lw.load(path)
    assert attempt(path) == (None, [])
    assert not (tmp_path / "executed").exists()


# ---- single opcodes

RAW = {
    "a dotted name": (b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93.", "OrderedDict.__init__"),
    "attributes for an allowed function": (
        b"\x80\x04\x8c\x07_codecs\x8c\x06encode\x93}b.",
        "BUILD must act on an instance",
    ),
    "attributes for an allowed class": (b"\x80\x02ccollections\nOrderedDict\n}b.", "BUILD must act on an instance"),
    "calling a value": (b"\x80\x02K\x01)R.", "REDUCE must be applied to an allowed name, got int"),
    "an object of a number": (b"\x80\x02K\x01)\x81.", "NEWOBJ must be applied to an allowed name, got int"),
    "a name that must not be called": (
        b"\x80\x02cnumpy\nndarray\n)R.",
        "must be applied to an allowed name, got numpy.nd",
    ),
    "a huge string": (b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7f", "the file must be whole, got one cut off"),
    "huge bytes": (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f", "the file must be whole, got one cut off"),
    "a huge frame": (b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f", "the file must be whole, got one cut off"),
    "a huge integer": (b"\x80\x02\x8b\xff\xff\xff\x7f", "an integer in a pickle must have at most 255 bytes"),
    "a far memo": (b"\x80\x02Nr\xff\xff\xff\xff0h\x05.", "must recall what it has memoised, got the unknown number 5"),
    "an extension": (b"\x80\x02\x82\x01.", "got opcode EXT1"),
    "an instance of old": (b"\x80\x02(ios\nsystem\n.", "got opcode INST"),
    "a persistent id": (b"\x80\x02K\x01Q.", "must have no persistent ids"),
    "an empty stack": (b"\x80\x020.", "must take from its stack what it has put there"),
    "a lost mark": (b"\x80\x02t.", "must have a mark on its stack"),
    "a mark for a value": (b"\x80\x02](a.", "must take values from its stack, got a mark"),
    "a mark at the end": (b"\x80\x02(.", "must end with a value"),
    "appending to a dict": (b"\x80\x02}K\x01a.", "APPEND must act on a list, got dict"),
    "a key that takes for ever": (b"\x80\x02}))\x86K\x01s.", "a key in a pickle must be text or a number, got tuple"),
    "an odd dict": (b"\x80\x02}(K\x01u.", "as many values as keys"),
    "an old protocol": (b"\x80\x01.", "must be written with pickle protocol 2 to 5, got 1"),
    "a new protocol": (b"\x80\x06.", "must be written with pickle protocol 2 to 5, got 6"),
    "no such opcode": (b"\x80\x02\xfe.", "got opcode 0xfe"),
    "a name without end": (b"\x80\x02c" + b"a" * 600, "a name in a pickle must end within 512 bytes"),
    "names that are numbers": (b"\x80\x04K\x01K\x02\x93.", "a name in a pickle must be text, got 1, 2"),
    "text that is not": (b"\x80\x04\x8c\x02\xff\xfe.", "must be UTF-8"),
    "other arguments": (b"\x80\x02c_codecs\nencode\n)R.", "must have its usual arguments, got others"),
    "arguments that are no tuple": (b"\x80\x02c_codecs\nencode\n]R.", "arguments of _codecs.encode must be a tuple"),
    "another encoding": (
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00rot\x86R.",
        "latin1 only, got 'rot'",
    ),
    "an array of objects": (
        b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00O8\x85R.",
        "must be one of plain numbers, got 'O8'",
    ),
    "a module of another version": (
        b"\x80\x02ctorch_utils.persistence\n_reconstruct_persistent_obj\n}\x85R.",
        "of type 'class' and version 6",
    ),
}


@pytest.mark.parametrize("name", RAW)
def test_single_opcodes_are_refused(tmp_path, watched, name):
    data, message = RAW[name]
    path = tmp_path / "x.pkl"
    path.write_bytes(data)
    error, seen = attempt(path)
    assert isinstance(error, CheckpointError)
    assert message in str(error)
    assert seen == []


def test_a_memo_bomb_is_a_small_value(tmp_path):
    data = b"\x80\x02]q\x00" + b"".join(b"]q%c(" % (i + 1) + b"h%c" % i * 10 + b"e" for i in range(60)) + b"."
    path = tmp_path / "x.pkl"
    path.write_bytes(data)  # 10 ** 60 lists, if it were unfolded
    with pytest.raises(CheckpointError, match=r"the file must hold a generator, got a list"):
        lw.load(path)
    nest = b"\x80\x02]" + b"\x85" * 100_000 + b"."
    path.write_bytes(nest)
    with pytest.raises(CheckpointError, match="the file must hold a generator, got a tuple"):
        lw.load(path)


def test_endless_pickles_end(tmp_path, monkeypatch):
    from latent_widgets.generators.checkpoints import _machine

    monkeypatch.setattr(_machine, "MAX_STEPS", 1000)
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x02" + b"N0" * 600 + b"N.")
    with pytest.raises(CheckpointError, match="a pickle must have at most 1000 steps, got more"):
        lw.load(path)


# ---- tensors and arrays that are not there


TENSORS = {
    "beyond its end": ((6, 7), (7, 1), 1, "must lie within its storage of 42 numbers, got 42 from number 1"),
    "by its stride": ((6, 7), (70, 1), 0, "must lie within its storage of 42 numbers, got 357 from number 0"),
    "repeated": ((6, 7), (0, 1), 0, "must not repeat its numbers"),
    "below zero": ((6, 7), (7, 1), -1, "must be integers from 0"),
    "huge": ((2**40, 2**40), (1, 1), 0, r"must have shape \(6, 7\), got \(1099511627776, 1099511627776\)"),
    "of other sizes": ((7, 6), (6, 1), 0, r"mapping.fc0.weight must have shape \(6, 7\), got \(7, 6\)"),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_out_of_range(tmp_path, watched, make_variant, name):
    shape, stride, offset, message = TENSORS[name]

    def change(modules):
        modules["mapping"].state["_modules"]["fc0"].state["_parameters"]["weight"] = shaped(shape, stride, offset)

    path = dump(with_weight(make_variant, change), tmp_path / "x.pkl")
    with pytest.raises(CheckpointError, match=message):
        lw.load(path)


SIZES = {
    "a huge latent": lambda m: m["mapping"].state["_modules"].clear(),
    "layers without end": lambda m: m["mapping"].state.update(num_layers=10**9),
    "another activation": lambda m: m["mapping"].state["_modules"]["fc0"].state.update(activation="swish"),
    "an activation in the synthesis": lambda m: (
        m["synthesis"].state["_modules"]["b8"].state["_modules"]["conv0"].state.update(activation="relu")
    ),
    "a block that differs": lambda m: m["synthesis"].state["_modules"]["b8"].state.update(architecture="orig"),
    "colours": lambda m: m["synthesis"].state.update(img_channels=4),
    "a weight that is text": lambda m: m["mapping"].state["_modules"]["fc0"].state["_parameters"].update(weight="x"),
    "a class of its own": lambda m: m["synthesis"].state["_modules"].update(extra=Persistent("TriPlane", {})),
    "a filter of its own": lambda m: (
        m["synthesis"].state["_modules"]["b8"].state["_buffers"].update(resample_filter=torch.rand(4, 4))
    ),
}


@pytest.mark.parametrize("name", SIZES)
def test_forks_are_refused_with_the_way_out(tmp_path, make_variant, name):
    path = dump(with_weight(make_variant, SIZES[name]), tmp_path / "x.pkl")
    with pytest.raises(CheckpointError) as caught:
        lw.load(path)
    if name != "a weight that is text":
        assert "class 'Generator', source sha256 0a33a521d80d1d31" in str(caught.value)
        assert "pass the live network: lw.load(network)" in str(caught.value)


def test_huge_sizes_in_the_attributes_allocate_nothing(tmp_path, make_variant):
    def change(modules):
        modules["mapping"].state["w_dim"] = 2**40

    def make():
        made = with_weight(make_variant, change)()
        made["G_ema"].state["w_dim"] = made["G_ema"].state["z_dim"] = 2**30
        return made

    with pytest.raises(CheckpointError, match=r"mapping.w_avg must have shape \(1073741824,\), got \(6,\)"):
        lw.load(dump(make, tmp_path / "x.pkl"))


def test_numbers_that_are_not_finite(tmp_path, make_variant):
    network = make_variant()
    network.mapping.fc0.weight[0, 0] = torch.nan
    with pytest.raises(CheckpointError, match=r"mapping.fc0.weight must be finite, got 1 numbers that are not"):
        lw.load(write_nvidia(tmp_path / "x.pkl", network))


def test_one_tensor_that_stands_for_many(tmp_path, make_variant, monkeypatch):
    wide = make_variant(w_dim=400)
    one = torch.zeros(400 * 400)
    state = rosinality(wide) | {f"style.{i}.weight": one.view(400, 400) for i in range(2, 60)}
    state |= {f"style.{i}.bias": one[:400] for i in range(2, 60)}
    torch.save({"g_ema": state}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match="must lie in it side by side, got one that stands for many"):
        lw.load(tmp_path / "x.pt")


def test_object_arrays(tmp_path, watched):
    for value in (np.array([Call(os.system, "true")], dtype=object), np.array([1, "a"], dtype=object)):
        path = tmp_path / "x.pkl"
        path.write_bytes(pickle.dumps({"G_ema": value}, 4))
        error, seen = attempt(path)
        assert isinstance(error, CheckpointError)
        assert seen == []


def test_array_that_does_not_fill_its_shape(tmp_path, make_variant):
    path = write_tensorflow(tmp_path / "x.pkl", make_variant())
    value = struct.pack("<q", 0)  # any other bytes of the right length would do
    data = path.read_bytes()
    path.write_bytes(data.replace(np.float32(make_variant().mapping.fc0.bias[:2].numpy()).tobytes(), value))
    assert lw.load(path).resolution == 16  # numbers may change, sizes may not
    path.write_bytes(b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85K\x00\x87RK\x01b.")
    with pytest.raises(CheckpointError, match="a NumPy array must be built from five values"):
        lw.load(path)


# ---- files of other kinds

OTHERS = {
    "empty": (b"", "got an empty one"),
    "text": (b"not a network\n", "got a text file"),
    "a web page": (b"<!DOCTYPE html><html>Google Drive", "got a web page"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", "got a Git LFS pointer"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 60, "got an HDF5 file"),
    "noise": (bytes(range(129, 256)) * 4, "got an unknown kind of file"),
    "a tar archive": (b"a" * 257 + b"ustar" + b"\0" * 300, "got a tar archive"),
    "a broken zip": (b"PK\x03\x04" + b"\0" * 100, "must be a whole zip archive"),
    "broken safetensors": (struct.pack("<Q", 10) + b"{" + b" " * 20, "must be a whole safetensors file"),
    "only a protocol": (b"\x80\x04", "got one cut off"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_named(tmp_path, name):
    data, message = OTHERS[name]
    path = tmp_path / "network.pkl"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=message):
        lw.load(path)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must be a file, got none"):
        lw.load(tmp_path / "none.pkl")
    with pytest.raises(FileNotFoundError, match=r"must be a file, got a folder"):
        lw.load(tmp_path)


@pytest.mark.parametrize("kind", ["nvidia", "zip", "legacy"])
def test_truncated_files(tmp_path, make_variant, kind):
    path = tmp_path / "x"
    if kind == "nvidia":
        write_nvidia(path, make_variant())
    else:
        torch.save({"g_ema": rosinality(make_variant())}, path, _use_new_zipfile_serialization=kind == "zip")
    data = path.read_bytes()
    for length in (1, 20, 200, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError):
            lw.load(path)


def test_torchscript(tmp_path):
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("x/data.pkl", "x/constants.pkl", "x/code/__torch__.py"):
            archive.writestr(name, b"\x80\x02}.")
    with pytest.raises(CheckpointError, match=r"got a TorchScript program. Load it with torch.jit.load and pass it"):
        lw.load(path)


def test_compressed_and_foreign_archives(tmp_path):
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}." * 1000)
    with pytest.raises(CheckpointError, match=r"must be stored as it is, got a compressed one"):
        lw.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", b"hello")
    with pytest.raises(CheckpointError, match=r"must be a torch checkpoint with one data\.pkl, got another archive"):
        lw.load(path)


def test_what_old_archives_need_is_imported_beforehand(tmp_path, make_variant):
    torch.save({"g_ema": rosinality(make_variant())}, tmp_path / "x.pt")
    data = bytearray((tmp_path / "x.pt").read_bytes())
    start = data.rindex(b"PK\x01\x02")
    data[start + 8 : start + 10] = b"\0\0"  # not UTF-8, says the flag: zipfile reads it as in DOS
    data[start + 46] = 0xE9
    (tmp_path / "x.pt").write_bytes(data)
    importlib.import_module("latent_widgets.generators.checkpoints._archive")
    assert "encodings.cp437" in sys.modules
    assert lw.load(tmp_path / "x.pt").resolution == 16


def test_only_a_discriminator(tmp_path):
    torch.save({"d": {"convs.0.weight": torch.zeros(3)}}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"got these keys: 'd'. That is a discriminator, which draws nothing"):
        lw.load(tmp_path / "x.pt")
    dump(lambda: {"D": Persistent("Discriminator", {})}, tmp_path / "x.pkl")
    with pytest.raises(CheckpointError, match=r"must hold a generator under 'G_ema', got these keys: 'D'"):
        lw.load(tmp_path / "x.pkl")


def test_variants_of_known_layouts(tmp_path, make_variant):
    state = rosinality(make_variant()) | {"convs.0.extra": torch.zeros(2)}
    torch.save({"g_ema": state}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"rosinality's StyleGAN2, got 'convs.0.extra': a variant of it"):
        lw.load(tmp_path / "x.pt")
    torch.save({"a": types.SimpleNamespace(b=1)}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"must name only what .* are made of, got 'types\.SimpleNamespace'"):
        lw.load(tmp_path / "x.pt")


def test_tensors_without_their_axes(tmp_path, make_variant):
    for layout, key in (
        (rosinality, "input.input"),
        (rosinality, "to_rgb1.bias"),
        (genforce, "synthesis.layer0.weight"),
        (genforce, "synthesis.early_layer.const"),
    ):
        torch.save({"g_ema": layout(make_variant()) | {key: torch.tensor(1.0)}}, tmp_path / "x.pt")
        with pytest.raises(CheckpointError):
            lw.load(tmp_path / "x.pt")


def test_a_hash_that_differs_stops_before_parsing(tmp_path, make_variant, monkeypatch):
    from latent_widgets.generators.checkpoints import sources

    path = write_nvidia(tmp_path / "x.pkl", make_variant())
    right = sources.hash_file(path)
    assert lw.load(path, sha256=right).resolution == 16
    monkeypatch.setattr(sources, "read_network", lambda *_: pytest.fail("it was parsed"))
    with pytest.raises(ValueError, match=r"the file x.pkl must have the sha256 0000, got [0-9a-f]{64}"):
        lw.load(path, sha256="0000")

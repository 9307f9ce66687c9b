"""Files that mean harm: refused with the reason, and nothing executed."""

import os
import pickle
import subprocess

import numpy as np
import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.checkpoints._values import CheckpointError
from tests.generators.checkpoints.hostile import WATCH, Call, OldArchive, attempt, saved, with_weight
from tests.generators.checkpoints.standins import (
    dump,
    rosinality,
    write_nvidia,
    write_tensorflow,
)

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


def test_object_arrays(tmp_path, watched):
    for value in (np.array([Call(os.system, "true")], dtype=object), np.array([1, "a"], dtype=object)):
        path = tmp_path / "x.pkl"
        path.write_bytes(pickle.dumps({"G_ema": value}, 4))
        error, seen = attempt(path)
        assert isinstance(error, CheckpointError)
        assert seen == []

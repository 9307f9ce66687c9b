"""Values of unknown kinds beside the tensors stay inert names; what means harm is refused all the same."""

import argparse
import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import pickle
import random
import sys
import types
import uuid
import zoneinfo

import numpy as np
import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.checkpoints._strangers import means_harm
from latent_widgets.generators.checkpoints._values import CheckpointError
from tests.generators.checkpoints.hostile import Call, attempt
from tests.generators.checkpoints.standins import rosinality

TOUCHED = []


class Colour(enum.Enum):
    GREY = "grey"


class Flags(enum.Flag):
    ONE = 1


@dataclasses.dataclass
class Config:
    size: int = 16
    kind: object = Colour.GREY


class Settings(dict):
    def __getattr__(self, name):
        TOUCHED.append(name)
        raise AttributeError(name)


class Words(list):
    pass


class Members(set):
    pass


class Slotted:
    __slots__ = ("a",)

    def __init__(self):
        self.a = 3


class Made:
    def __new__(cls, *arguments, **keywords):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (1,), {"size": 2}


Pair = collections.namedtuple("Pair", "a b")

EXTRAS = {
    "a type of torch": torch.float32,
    "a layout of torch": torch.strided,
    "a default dict": collections.defaultdict(list, {"loss": [1.0]}),
    "a counter": collections.Counter("abca"),
    "a queue": collections.deque([1, 2], maxlen=4),
    "a chain": collections.ChainMap({"a": 1}),
    "an enum": Colour.GREY,
    "a flag": Flags.ONE,
    "a dataclass": Config(),
    "a dict of a class": Settings(size=16, inner=Settings(a=1)),
    "a list of a class": Words([1, 2]),
    "a set of a class": Members([1, 2]),
    "a class with slots": Slotted(),
    "an instance by keywords": Made(),
    "a named tuple": Pair(1, [2]),
    "a class": Config,
    "a function": random.shuffle,
    "a method": datetime.datetime.now,
    "a partial function": functools.partial(random.gauss, 0, sigma=1),
    "a date": datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
    "a duration": datetime.timedelta(seconds=3),
    "a time zone": zoneinfo.ZoneInfo("UTC"),
    "a decimal": decimal.Decimal("1.5"),
    "a fraction": fractions.Fraction(1, 3),
    "an identifier": uuid.UUID(int=7),
    "a complex number": 1 + 2j,
    "a range": range(3),
    "a slice": slice(1, 2),
    "an exception": ValueError("too large"),
    "an ellipsis": ...,
    "a namespace": types.SimpleNamespace(a=argparse.Namespace(b=1)),
    "a path": pathlib.PurePosixPath("a/b"),
    "an array of the library": array.array("f", [1.0]),
    "a random state": np.random.RandomState(3),
    "a random generator": np.random.default_rng(3),
    "a type of NumPy": np.float32,
    "text of NumPy": np.array(["a", "bc"]),
    "objects of NumPy": np.array([Config(), "a"], dtype=object),
    "dates of NumPy": np.array(["2020-01-01"], dtype="M8[D]"),
    "complex numbers of NumPy": np.zeros(3, complex),
    "records of NumPy": np.zeros(2, [("a", "f4"), ("b", "i2")]),
    "one text of NumPy": np.str_("abc"),
    "complex numbers of torch": torch.zeros(3, dtype=torch.complex64),
    "small integers of torch": torch.zeros(3, dtype=torch.uint16),
    "a sparse tensor": torch.eye(3).to_sparse(),
    "a network": torch.nn.TransformerEncoderLayer(4, 2),
    "pairs as keys": {(0.0, 0.99): 1, Colour.GREY: 2, torch.float32: 3},
    "an optimiser": torch.optim.Adam([torch.zeros(2, requires_grad=True)], betas=(0.0, 0.99)),
    "a bound thing": pathlib.PurePosixPath("a").joinpath,
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", EXTRAS)
def test_extras_beside_the_tensors(tmp_path, watched, make_variant, name, zipped):
    network, path = make_variant(), tmp_path / "x.pt"
    value = {"first": EXTRAS[name], "g_ema": rosinality(network), "last": [EXTRAS[name], {"a": EXTRAS[name]}]}
    if name == "small integers of torch" and not zipped:
        pytest.skip("torch itself does not write them so")
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    lw.load(path)  # what torch imports the first time
    TOUCHED.clear()
    error, seen = attempt(path)
    assert (error, seen, TOUCHED) == (None, [], [])
    state = lw.load(path).module.state_dict()
    assert all(torch.equal(state[key], wanted) for key, wanted in network.state_dict().items() if "w_avg" not in key)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "name", ["an enum", "a dataclass", "a dict of a class", "a date", "text of NumPy", "a named tuple"]
)
def test_extras_in_plain_pickles(tmp_path, make_variant, name, protocol):
    arrays = {key: value.numpy() for key, value in rosinality(make_variant()).items()}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": EXTRAS[name], "g_ema": arrays}, protocol))
    assert lw.load(tmp_path / "x.pkl").resolution == 16


def test_a_network_inside_dicts_of_unknown_classes(tmp_path, make_variant):
    network = make_variant()
    torch.save(Settings(models=Settings(g_ema=Settings(rosinality(network)))), tmp_path / "x.pt")
    assert torch.equal(lw.load(tmp_path / "x.pt").module.synthesis.b4.const, network.synthesis.b4.const)


def test_nothing_of_the_name_is_imported(tmp_path, watched, make_variant):
    class Configuration:
        pass

    module = types.ModuleType("a_module_that_is_not_there")
    Configuration.__module__, Configuration.__qualname__ = module.__name__, "Configuration"
    module.Configuration = Configuration
    sys.modules[module.__name__] = module
    try:
        torch.save({"g_ema": rosinality(make_variant()), "config": Configuration()}, tmp_path / "x.pt")
    finally:
        del sys.modules[module.__name__]
    lw.load(tmp_path / "x.pt")
    assert attempt(tmp_path / "x.pt") == (None, [])
    assert module.__name__ not in sys.modules


HARMFUL = {
    "a shell": Call(__import__("os").system, "touch executed"),
    "eval": Call(eval, "open('executed', 'w')"),  # noqa: S307 - it is only named
    "opening": Call(open, "executed", "w"),
    "a process": Call(__import__("subprocess").Popen, ["touch", "executed"]),
    "importing": Call(__import__("importlib").import_module, "this"),
    "torch's loader": Call(torch.load, "executed"),
    "a pickle": Call(pickle.loads, b"N."),  # noqa: S301 - it is only named
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_good_network_does_not_excuse_what_means_harm(tmp_path, watched, monkeypatch, make_variant, name):
    monkeypatch.chdir(tmp_path)
    torch.save({"g_ema": rosinality(make_variant()), "extra": HARMFUL[name]}, tmp_path / "x.pt")
    error, seen = attempt(tmp_path / "x.pt")
    assert isinstance(error, CheckpointError)
    assert "It is refused, and nothing in it was executed. If you trust the file, load it with" in str(error)
    assert (seen, (tmp_path / "executed").exists()) == ([], False)


def test_calls_of_harmless_names_run_nothing(tmp_path, watched, make_variant):
    extra = [
        Call(TOUCHED.append, 1),
        Call(getattr, TOUCHED, "append"),
        Call(random.seed, 3),
        Call(setattr.__class__, 1),
    ]
    torch.save({"g_ema": rosinality(make_variant()), "extra": extra[:1]}, tmp_path / "x.pt")
    before = random.getstate()
    TOUCHED.clear()
    assert attempt(tmp_path / "x.pt")[1] == []
    assert (TOUCHED, random.getstate() == before) == ([], True)


@pytest.mark.parametrize(
    ("module", "name", "harm"),
    [
        ("builtins", "exec", True),
        ("__builtin__", "setattr", True),
        ("builtins", "KeyError", False),
        ("os.path", "join", True),
        ("torch.hub", "load", True),
        ("io", "open", True),
        ("my.config", "Config", False),
        ("oscillator", "Wave", False),
    ],
)
def test_names_that_mean_harm(module, name, harm):
    assert means_harm(module, name) is harm


def test_a_file_without_a_network_says_what_stayed_a_name(tmp_path):
    torch.save({"config": Config(), "when": datetime.date(2020, 1, 2)}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError) as caught:
        lw.load(tmp_path / "x.pt")
    assert "got these keys: 'config', 'when'" in str(caught.value)
    assert "test_strangers.Config'. It stayed a name, and nothing in it was executed" in str(caught.value)
    torch.save(Config(), tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"must hold a state dict, got an instance of '.*test_strangers\.Config'"):
        lw.load(tmp_path / "x.pt")

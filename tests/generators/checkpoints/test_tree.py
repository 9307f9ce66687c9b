"""All tensors of a file by name; hostile nests, rings and keys take neither time nor memory."""

import tracemalloc

import pytest

from latent_widgets.generators.checkpoints._storages import FileTensor, Storage
from latent_widgets.generators.checkpoints._strangers import Stranger
from latent_widgets.generators.checkpoints._tree import leaves, modules
from latent_widgets.generators.checkpoints._values import Bag, PersistentModule


def tensor():
    return FileTensor(Storage(), 0, (3, 2), (2, 1))


def stranger(**items):
    made = Stranger("a.B")
    made.kept[dict].update(items)
    return made


def with_state(**state):
    made = Bag("a.C")
    made.build(state)
    return made


HELD = {
    "a": lambda t: {"a": t, "b": 3},
    "a.1.b": lambda t: {"a": [None, {"b": t}]},
    "a.0": lambda t: {"a": (t,)},
    "x.y": lambda t: {"x": stranger(y=t)},
    "x.w": lambda t: {"x": with_state(_parameters={"w": t})},
    "x.fc.w": lambda t: {"x": with_state(_modules={"fc": with_state(_buffers={"w": t}, training=False)})},
    "x.y.z": lambda t: {"x": with_state(y={"z": t})},
    "3.None": lambda t: {3: {None: t}},
    "tuple": lambda t: {(1, 2): t},
    "0": lambda t: Stranger("a.B", (t,)),
}


@pytest.mark.parametrize("name", HELD)
def test_names_of_tensors(name):
    found = leaves(HELD[name](tensor()))
    assert list(found) == [name]
    assert found[name].value.shape == (3, 2)


def test_modules_of_nvidia_are_told_apart():
    module = PersistentModule("G", "", {"_modules": {"fc": PersistentModule("F", "", {"_parameters": {"w": tensor()}})}})
    value = {"G_ema": module, "extra": tensor()}
    assert list(leaves(value)) == ["extra", "G_ema.fc.w"]
    assert list(leaves(value, into_modules=False)) == ["extra"]
    assert modules(value) == {"G_ema": module}


def test_a_ring_ends():
    ring = {"a": tensor()}
    ring["again"] = [ring]
    assert list(leaves(ring)) == ["a"]


def test_hostile_nests_are_small():
    held = [tensor()]
    for _ in range(40):
        held = [held] * 10  # 10 ** 40 lists, if they were unfolded
    long = {"k" * 60_000: {str(i): tensor() for i in range(20_000)}}
    nest = stranger()
    for _ in range(60):
        nest = Stranger("a.B", (nest, nest))  # whose text would be endless
    tracemalloc.start()
    found = leaves({"held": held, "long": long, nest: tensor()})
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert list(found) == ["Stranger"]
    assert used < 20 * 2**20

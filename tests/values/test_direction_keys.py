"""Which of several arrays of a file are its directions, and what these are called."""

import numpy as np
import pytest
import torch

from latent_widgets.values.directions import Directions

KEYS = ("directions", "vectors", "boundary", "direction")


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(2, 5)).astype(np.float32) for name in (*KEYS, "other")}


@pytest.mark.parametrize("first", range(4))
def test_usual_names_are_looked_for_in_their_order(tmp_path, arrays, first):
    held = {name: arrays[name] for name in ("other", *KEYS[first:][::-1])}
    np.savez(tmp_path / "a.npz", **held)
    torch.save({name: torch.from_numpy(value) for name, value in held.items()}, tmp_path / "a.pt")
    for file in ("a.npz", "a.pt"):
        found = Directions.load(tmp_path / file)
        assert np.array_equal(found.vectors.numpy(), arrays[KEYS[first]])
        assert np.array_equal(Directions.load(tmp_path / file, key="other").vectors.numpy(), arrays["other"])


@pytest.mark.parametrize("labels", ["names", "labels", "attributes"])
def test_names_beside_an_array_are_those_of_its_rows(tmp_path, arrays, labels):
    np.savez(tmp_path / "a.npz", vectors=arrays["vectors"], **{labels: ["smile", "age"]})
    assert Directions.load(tmp_path / "a.npz").names == ("smile", "age")
    np.savez(tmp_path / "b.npz", vectors=arrays["vectors"], **{labels: ["smile"]})  # not one for each
    assert Directions.load(tmp_path / "b.npz").names == ("npz file 1", "npz file 2")


def test_array_alone_is_called_by_its_own_name_if_that_says_something(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", smile=arrays["other"][:1])
    assert Directions.load(tmp_path / "a.npz").names == ("smile",)
    np.savez(tmp_path / "b.npz", boundary=arrays["other"][:1])
    assert Directions.load(tmp_path / "b.npz").names == ("npz file 1",)


def test_one_direction_under_each_name(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", smile=arrays["other"][0], age=arrays["other"][1:])
    found = Directions.load(tmp_path / "a.npz")
    assert found.names == ("smile", "age")
    assert np.array_equal(found.vectors.numpy(), arrays["other"])


def test_principal_components_come_in_their_own_deviations(tmp_path, arrays):
    held = {"comp": torch.from_numpy(arrays["other"]), "std": torch.tensor([2.0, 0.5])}
    torch.save(held, tmp_path / "a.pt")
    found = Directions.load(tmp_path / "a.pt")
    assert (found.method, found.unit, found.space, found.scales.tolist()) == ("pca file", "sd", "w", [2.0, 0.5])
    assert np.array_equal(found.vectors.numpy(), arrays["other"])

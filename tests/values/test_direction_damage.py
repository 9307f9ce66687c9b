"""Files of directions that are damaged, hostile or large: refused in words; nothing is read that nobody asks for."""

import json
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save

from latent_widgets.values.direction_fields import different
from latent_widgets.values.directions import Directions
from tests.stored_arrays import claiming, npz

VECTORS = torch.eye(3)


def test_only_the_array_that_is_asked_for_is_unpacked(tmp_path):
    (tmp_path / "a.npz").write_bytes(npz(directions=np.eye(3), large=np.zeros(2**24)))
    tracemalloc.start()
    assert Directions.load(tmp_path / "a.npz").vectors.tolist() == np.eye(3).tolist()
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 2**22
    with pytest.raises(ValueError, match="must need memory and work in proportion to its"):
        Directions.load(tmp_path / "a.npz", key="large")


def test_a_name_is_enough_to_choose_among_damaged_arrays(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("other.npy", b"hello")
        archive.writestr(
            "directions.npy",
            claiming("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}", body=b"\0\0\x80?" * 2),
        )
    assert Directions.load(tmp_path / "a.npz").vectors.tolist() == [[1, 1]]
    with pytest.raises(ValueError, match="path must be an undamaged file of directions"):
        Directions.load(tmp_path / "a.npz", key="other")


def test_a_torch_file_may_hold_other_values_beside(tmp_path):
    from argparse import Namespace

    value = {"eigvec": VECTORS, "args": Namespace(a=1), "when": np.float64(3), 3: {"a": [1]}}
    torch.save(value, tmp_path / "a.pt")
    assert torch.equal(Directions.load(tmp_path / "a.pt").vectors, VECTORS)
    torch.save(torch.ones(1, 1).expand(2, 5), tmp_path / "a.pt")
    assert Directions.load(tmp_path / "a.pt").vectors.tolist() == [[1.0] * 5] * 2
    torch.save({"directions": VECTORS.numpy()}, tmp_path / "a.pt")
    assert torch.equal(Directions.load(tmp_path / "a.pt").vectors, VECTORS)
    torch.save(Namespace(a=VECTORS), tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"it holds a Bag, not a tensor|holds Python objects"):
        Directions.load(tmp_path / "a.pt")


@pytest.fixture
def ours():
    """Makes one of our own files with other fields."""

    def make(**changes):
        metadata = {"format": "latent_widgets.values.directions", "version": "1"}
        plain = {"space": "z", "unit": "latent", "names": ["a", "b", "c"], "method": "m", "parameters": {}} | changes
        return save({"vectors": VECTORS, "scales": torch.ones(3)}, metadata | {"directions": json.dumps(plain)})

    return make


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"space": 3}, "field 'space' must be text, got 3"),
        ({"names": True}, "field 'names' must be a list, text each, got True"),
        ({"names": ["a", "b"]}, "names must be 3 different labels"),
        ({"names": ["a" * 9**6] * 3}, "names must be 3 different labels"),
        ({"method": True}, "field 'method' must be text, got True"),
        ({"rows": ["1"]}, "field 'rows' must be a list, a whole number each or none, got a list"),
        ({"rows": [1]}, "rows must name 3 rows"),
        ({"layers": "ab"}, "field 'layers' must be a list"),
        ({"layers": [0]}, "layers must be None in z"),
        ({"seed": 1.5}, "field 'seed' must be a whole number or none, got 1.5"),
        ({"weights_hash": []}, "field 'weights_hash' must be text or none, got a list"),
        ({"parameters": []}, "field 'parameters' must be a dict, got a list"),
        ({"parameters": {"a": float("nan")}}, "parameters must be plain JSON values"),
        ({"vectors": []}, "fields must be space, unit, .* got 'vectors'"),
        ({"unit": "miles"}, "unit must be one of"),
    ],
)
def test_our_own_files_with_other_fields_are_refused_in_words(tmp_path, ours, changes, why):
    (tmp_path / "a.safetensors").write_bytes(ours(**changes))
    with pytest.raises(ValueError, match=f"path must be .*file of directions, got .*{why}") as caught:
        Directions.load(tmp_path / "a.safetensors")
    assert type(caught.value) is ValueError
    assert len(str(caught.value)) < 800


def test_our_own_files_without_their_parts_are_refused_in_words(tmp_path, ours):
    path = tmp_path / "a.safetensors"
    for text in ("null", "[]", "3", "{", "[" * 9**5, '{"space": "z", "space": "w"}'):
        path.write_bytes(
            save(
                {"vectors": VECTORS}, {"format": "latent_widgets.values.directions", "version": "1", "directions": text}
            )
        )
        with pytest.raises(ValueError, match=r"path must be a file of directions, got .* its 'directions' must be"):
            Directions.load(path)
    path.write_bytes(ours().replace(b'"scales"', b'"scalez"'))
    with pytest.raises(ValueError, match=r"path must be an undamaged file of directions, got .* it has no 'scales'"):
        Directions.load(path)


@pytest.mark.parametrize("data", [pickle.dumps([1]), b"\x80", b"\x80\x02"])
def test_pickles_are_refused_unread(tmp_path, data):
    (tmp_path / "a.pt").write_bytes(data)
    with pytest.raises(ValueError, match="which holds Python objects"):
        Directions.load(tmp_path / "a.pt")


def test_names_that_come_again_and_again_cost_no_more():
    assert different(["a"] * 3 + ["a (2)", "b"]) == ("a", "a (2)", "a (3)", "a (2) (2)", "b")
    names = different(["a"] * 20_000)
    assert (len(set(names)), names[-1]) == (20_000, "a (20000)")

import io
import os
import pickle
from dataclasses import fields

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from latent_widgets.values.directions import Directions


@pytest.fixture
def vectors():
    return torch.randn(3, 5, generator=torch.Generator().manual_seed(0))


def test_own_file_gives_back_every_bit(tmp_path, vectors):
    path = tmp_path / "smile.safetensors"
    D = Directions(
        vectors,
        "w",
        unit="rms",
        scales=[0.1, 0.2, 1 / 3],
        layers=(0, 2),
        names=["größer", "b", "c"],
        scores={"locality": [1.0, 2.0, 3.0], "chance": [0.1, 0.1, 0.1]},
        method="lelsd",
        parameters={"part": "mouth", "steps": 200, "rate": 1e-3, "layers": (1, 2), "mask": None},
        seed=3,
        rows=(4, 2, 0),
        generator="faces64",
        weights_hash="ab" * 32,
    )
    D.save(path)
    back = Directions.load(path)
    for field in fields(D):
        made, read = getattr(D, field.name), getattr(back, field.name)
        if field.name in ("vectors", "scales"):
            assert torch.equal(made, read)
            assert made.dtype == read.dtype
        elif field.name == "scores":
            assert made.keys() == read.keys()
            assert all(torch.equal(made[name], read[name]) for name in made)
        else:
            assert made == read, field.name
    assert os.listdir(tmp_path) == ["smile.safetensors"]


def test_no_length_of_the_header_is_taken_for_another_format(tmp_path, vectors):
    path, firsts = tmp_path / "a.safetensors", set()
    for length in range(0, 300, 8):
        Directions(vectors, "z", names=["x" * (length + 1), "b", "c"]).save(path)
        firsts.add(path.read_bytes()[0])
        assert torch.equal(Directions.load(path).vectors, vectors)
    assert 0x80 in firsts  # how a pickle begins


def test_directions_of_w_plus_survive_a_file(tmp_path):
    D = Directions(torch.randn(2, 4, 3, dtype=torch.float64), "w+")
    D.save(tmp_path / "a.safetensors")
    assert torch.equal(Directions.load(tmp_path / "a.safetensors").vectors, D.vectors)


def test_own_file_contradicting_the_caller_is_refused(tmp_path, vectors):
    Directions(vectors, "z").save(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"space must be 'z', as .*a\.safetensors' says, got 'w'"):
        Directions.load(tmp_path / "a.safetensors", space="w")


def test_own_file_of_a_newer_version_is_refused(tmp_path, vectors):
    header = {"format": "latent_widgets.values.directions", "version": "99", "directions": "{}"}
    save_file({"vectors": vectors}, tmp_path / "a.safetensors", header)
    with pytest.raises(ValueError, match=r"written by a newer version of latent_widgets \(format 99, known 1\)"):
        Directions.load(tmp_path / "a.safetensors")


def test_other_suffix_is_refused(tmp_path, vectors):
    with pytest.raises(ValueError, match=r"path must end in \.safetensors, got .*smile\.npy"):
        Directions(vectors, "z").save(tmp_path / "smile.npy")


@pytest.mark.parametrize(
    ("shape", "space", "expected", "found"),
    [
        ((1, 5), None, (1, 5), "w"),  # an InterFaceGAN boundary
        ((5,), "z", (1, 5), "z"),
        ((3, 5), None, (3, 5), "w"),  # LowRankGAN: one direction a row
        ((3, 1, 5), None, (3, 5), "w"),  # GANSpace and SeFa as the Local Basis code keeps them
        ((4, 5), "w+", (1, 4, 5), "w+"),  # one direction with a row for each layer
        ((2, 4, 5), None, (2, 4, 5), "w+"),
    ],
)
def test_npy_file(tmp_path, shape, space, expected, found):
    array = np.arange(1, 1 + np.prod(shape), dtype=np.float64).reshape(shape)
    np.save(tmp_path / "boundary.npy", array)
    D = Directions.load(tmp_path / "boundary.npy", space=space)
    assert (tuple(D.vectors.shape), D.space, D.unit) == (expected, found, "latent")
    assert np.array_equal(np.asarray(D).reshape(shape), array)
    assert (D.method, D.parameters, D.rows) == ("npy file", {"file": "boundary.npy"}, None)


@pytest.mark.parametrize(("deviations", "space"), [([2.0, 1.5, 0.5], "w"), ([1.0, 1.0, 1.0], "z")])
def test_ganspace_file_is_in_its_own_deviations(tmp_path, vectors, deviations, space):
    dump = {
        "act_comp": vectors.numpy()[:, None] * 7,
        "act_mean": np.zeros((1, 5), np.float32),
        "act_stdev": np.ones(3, np.float32),
        "lat_comp": vectors.numpy()[:, None],
        "lat_mean": np.zeros((1, 5), np.float32),
        "lat_stdev": np.array(deviations, np.float32),
        "var_ratio": np.array([0.5, 0.3, 0.1], np.float32),
        "random_stdevs": np.ones(3, np.float32),
    }
    path = tmp_path / "components.npz"
    np.savez_compressed(path, **dump)
    D = Directions.load(path)
    assert torch.equal(D.vectors, vectors)
    assert (D.space, D.unit, D.scales.tolist()) == (space, "sd", deviations)
    assert D.scores["variance_ratio"].tolist() == pytest.approx([0.5, 0.3, 0.1])
    assert D.names[0] == "ganspace file 1"
    assert torch.equal(Directions.load(path, key="act_comp").vectors, vectors * 7)


def test_closed_form_factors_are_columns(tmp_path):
    columns = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(0))).Q
    torch.save({"ckpt": "stylegan2.pt", "eigvec": columns}, tmp_path / "factor.pt")
    D = Directions.load(tmp_path / "factor.pt")
    assert torch.equal(D.vectors[1], columns[:, 1])
    assert D.method == "closed-form factorisation"


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_of_both_layouts(tmp_path, vectors, zipped):
    torch.save(vectors, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    assert torch.equal(Directions.load(tmp_path / "a.pt", space="z").vectors, vectors)


def test_principal_components_with_deviations(tmp_path, vectors):
    std = torch.tensor([3.0, 2.0, 1.0])
    torch.save({"mean": torch.zeros(1, 5), "comp": vectors[:, None], "std": std}, tmp_path / "ffhq_pca.pt")
    D = Directions.load(tmp_path / "ffhq_pca.pt")
    assert torch.equal(D.vectors, vectors)
    assert (D.unit, D.scales.tolist()) == ("sd", [3, 2, 1])


def test_contents_decide_not_the_suffix(tmp_path, vectors):
    np.save(tmp_path / "a.npy", vectors.numpy())
    os.rename(tmp_path / "a.npy", tmp_path / "a.pt")
    assert torch.equal(Directions.load(tmp_path / "a.pt").vectors, vectors)


def test_foreign_safetensors_and_single_arrays(tmp_path, vectors):
    save_file({"anything": vectors}, tmp_path / "a.safetensors")
    np.savez(tmp_path / "b.npz", vectors.numpy())
    for name in ("a.safetensors", "b.npz"):
        assert torch.equal(Directions.load(tmp_path / name).vectors, vectors)


def test_file_of_several_arrays_needs_a_key(tmp_path, vectors):
    np.savez(tmp_path / "b.npz", first=vectors.numpy(), second=vectors.numpy() * 2, label=np.array("x"))
    with pytest.raises(ValueError, match=r"holds the arrays 'first', 'second', 'label'\. Choose one with key="):
        Directions.load(tmp_path / "b.npz")
    with pytest.raises(ValueError, match="and none is called 'third'"):
        Directions.load(tmp_path / "b.npz", key="third")
    assert torch.equal(Directions.load(tmp_path / "b.npz", key="second").vectors, vectors * 2)
    with pytest.raises(ValueError, match=r"the array 'label' must hold real numbers, got text\. Choose another"):
        Directions.load(tmp_path / "b.npz", key="label")


class Hostile:
    """Unpickling it makes a folder, so that a test sees whether anything ran."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return os.mkdir, (self.trace,)


@pytest.mark.parametrize("kind", ["pickle", "torch", "legacy torch", "npy", "npz"])
def test_nothing_in_a_file_is_executed(tmp_path, kind):
    trace, path, data = tmp_path / "trace", tmp_path / "evil.bin", io.BytesIO()
    value = Hostile(trace)
    if kind == "pickle":
        pickle.dump(value, data)
    elif kind.endswith("torch"):
        torch.save({"eigvec": value}, data, _use_new_zipfile_serialization=kind == "torch")
    elif kind == "npy":
        np.save(data, np.array([value], dtype=object), allow_pickle=True)
    else:
        np.savez(data, lat_comp=np.array([value], dtype=object))
    path.write_bytes(data.getvalue())
    with pytest.raises(
        ValueError, match=r"path must be a file of plain .*, got .*evil\.bin', which holds Python objects"
    ):
        Directions.load(path)
    assert not trace.exists()


@pytest.mark.parametrize("suffix", ["safetensors", "npy", "npz", "pt"])
def test_truncated_files_are_refused(tmp_path, vectors, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "safetensors":
        Directions(vectors, "z").save(path)
    elif suffix == "npy":
        np.save(path, vectors.numpy())
    elif suffix == "npz":
        np.savez(path, lat_comp=vectors.numpy())
    else:
        torch.save(vectors, path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="path must be an undamaged file"):
        Directions.load(path)


@pytest.mark.parametrize("data", [b"", b"hello, this is a text", b"\x89PNG\r\n\x1a\n" + bytes(64)])
def test_other_files_are_refused(tmp_path, data):
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(ValueError, match=r"path must be a \.safetensors, \.npy, \.npz or \.pt file .* none of them"):
        Directions.load(tmp_path / "a.npy")


def test_arrays_of_other_shapes_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2, 3, 4, 5)))
    with pytest.raises(ValueError, match=r"vectors must have shape .*, got \(2, 3, 4, 5\)"):
        Directions.load(tmp_path / "a.npy")


def test_torch_file_of_something_else_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "a.pt")
    with pytest.raises(ValueError, match="it holds a list, not a tensor or a dictionary of tensors"):
        Directions.load(tmp_path / "a.pt")


@pytest.mark.parametrize("kind", ["<f8", ">f8", "<f4", ">f4"])
def test_arrays_keep_their_digits_in_every_byte_order(tmp_path, kind):
    array = (np.arange(1, 7).reshape(2, 3) / 7).astype(kind)
    np.save(tmp_path / "a.npy", array)
    found = Directions.load(tmp_path / "a.npy").vectors
    assert found.dtype == (torch.float64 if kind.endswith("8") else torch.float32)
    assert found.tolist() == array.tolist()

import dataclasses
import hashlib
import json
import shutil
import socket
from pathlib import Path

import pytest
import torch

from latent_widgets import faces
from latent_widgets.generators import _shipped
from latent_widgets.generators.zoo import ModelInfo, list_models, load

NAMES = ["faces64", "digits32", "faces-exact", "fashion32", "faces128"]


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the shipped data, which a test may damage."""
    folder = tmp_path / "data"
    shutil.copytree(_shipped.DATA, folder)
    monkeypatch.setattr(_shipped, "DATA", folder)
    return folder


@pytest.fixture
def offline(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)


@pytest.mark.parametrize(
    ("name", "spaces", "resolution"),
    [
        ("faces64", ("z", "w", "w+", "s"), 64),
        ("digits32", ("z",), 32),
        ("faces-exact", ("z", "w", "s"), 64),
        ("fashion32", ("z", "w", "w+", "s"), 32),
        ("faces128", ("z", "w", "w+", "s"), 128),
    ],
)
def test_what_is_listed_is_what_is_loaded(offline, name, spaces, resolution):
    G = load(name)
    info = next(m for m in list_models() if m.name == name)
    assert (G.name, G.spaces, G.resolution) == (info.name, info.spaces, info.resolution) == (name, spaces, resolution)
    assert (G.dtype, G.device.type) == (torch.float32, "cpu")
    x = G(G.sample_z(2, seed=0))
    assert x.shape == (2, 3, resolution, resolution)
    assert x.isfinite().all()
    assert not any(p.requires_grad for p in G.module.parameters())


def test_the_default_is_faces64():
    assert load().name == "faces64"
    assert load().weights_hash == load("faces64").weights_hash != load("digits32").weights_hash


def test_device_and_dtype():
    G = load("digits32", dtype=torch.float64, device="cpu")
    H = load("digits32")
    assert G.dtype == torch.float64
    z = H.sample_z(2, seed=3)
    torch.testing.assert_close(G(z.double()).float(), H(z), rtol=1e-4, atol=1e-4)
    assert G.weights_hash == H.weights_hash  # the identity is that of the weights that were loaded


def test_the_exact_generator_takes_its_own_options():
    G = load("faces-exact", resolution=24, entanglement=0.0, dtype=torch.float64)
    assert (G.resolution, G.entanglement, G.dtype) == (24, 0.0, torch.float64)
    assert G(G.sample_z(1)).shape == (1, 3, 24, 24)


def test_every_file_is_registered_and_its_header_says_the_same():
    entries = _shipped.read_registry()
    files = {entry["file"] for entry in entries.values() if "file" in entry}
    assert files == {path.name for path in _shipped.DATA.glob("*.safetensors")}
    for name, entry in entries.items():
        if "file" in entry:
            data = (_shipped.DATA / entry["file"]).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
            about = _shipped.read_shipped(name).about
            assert about == {key: entry[key] for key in about}
            assert about["licence"] == "BSD-3-Clause"
    assert sum(entry.get("bytes", 0) for entry in entries.values()) < 8e6


def test_fashion_draws_the_class_that_it_is_asked_for():
    G, H = load("fashion32"), load("fashion32", condition=7)
    assert (G.classes, G.class_number, H.class_number) == (10, 0, 7)
    assert H.class_names[7] == "sneaker"
    assert H.origin == "lw.load('fashion32', condition=7)"
    z = G.sample_z(3, seed=0)
    assert torch.equal(G.of_class(7)(z), H(z))
    ink = ((H(H.sample_z(100, seed=1)).mean(1) + 1) / 2).mean(0)  # a sneaker lies in the lower half
    assert ink[16:].mean() > 2 * ink[:12].mean()
    with pytest.raises(ValueError, match="condition must be"):
        load("fashion32", condition=10)
    with pytest.raises(TypeError, match="condition"):
        load("faces64", condition=1)


def test_the_average_of_a_generator_with_classes_is_over_all_of_them():
    G = load("fashion32")
    w = torch.cat([G.of_class(c).map(G.sample_z(3000, seed=c)) for c in range(G.classes)])
    torch.testing.assert_close(w.mean(0), G.w_avg, rtol=0, atol=float(0.05 * w.std(0).max()))


def test_the_shipped_average_is_the_mean_of_w():
    G = load("faces64")
    w = G.map(G.sample_z(20_000, seed=9))
    error = w.std(0) / len(w) ** 0.5
    assert ((w.mean(0) - G.w_avg).abs() < 6 * error + 1e-3 * w.std(0)).all()


def test_samples_look_like_the_data_on_average():
    G = load("faces64")
    renders = faces.render(faces.sample_factors(64, seed=5), 64).image.mean(0)
    samples = G(G.sample_z(64, seed=5)).mean(0)
    correlation = torch.corrcoef(torch.stack([renders.flatten(), samples.flatten()]))[0, 1]
    assert correlation > 0.8
    digits = load("digits32")(load("digits32").sample_z(100, seed=5))[:, 0]
    ink = ((digits + 1) / 2).mean((1, 2))
    assert 0.05 < ink.mean() < 0.2  # 0.10 of a digit's 32 x 32 square is ink
    assert digits[:, :2].max() < -0.8  # and none of it is at the margin


def test_models_are_frozen_and_shown_as_a_table():
    models = list_models()
    assert [m.name for m in models] == NAMES
    assert all(isinstance(m, ModelInfo) for m in models)
    with pytest.raises(dataclasses.FrozenInstanceError):
        models[0].name = "other"
    lines = repr(models).splitlines()
    assert len(lines) == 1 + len(NAMES)
    assert lines[0].split() == [f.name for f in dataclasses.fields(ModelInfo)]
    table = models._repr_html_()
    for m in models:
        assert f"<td>{m.name}</td>" in table
        assert m.recipe in table
        assert m.sha256 in repr(models)
        assert f'<td title="{m.sha256}">{m.sha256[:8]}</td>' in table


def test_the_list_escapes_what_it_shows():
    models = list_models()
    models[0] = dataclasses.replace(models[0], trained_on="<b>")
    assert "<td>&lt;b&gt;</td>" in models._repr_html_()


def test_a_name_with_a_typo_gets_the_nearest():
    with pytest.raises(ValueError, match=r"got 'face64'. Did you mean 'faces64'"):
        load("face64")
    with pytest.raises(ValueError, match=r"got 'xyz'. Built-in generators: 'faces64', 'digits32', .*'faces128'\."):
        load("xyz")
    with pytest.raises(ValueError, match="source must be the name of a built-in generator, got 'faces-regressor'"):
        load("faces-regressor")  # it is shipped, and draws nothing


def test_paths_and_objects_are_told_from_names():
    for path in (Path("a/network.pkl"), "network.PKL", "a/network", "x.safetensors"):
        with pytest.raises(FileNotFoundError, match="must be a file that exists, got"):
            load(path)
    with pytest.raises(TypeError, match="a path, or a network that can be called, got an object of type int"):
        load(3)
    with pytest.raises(
        TypeError, match=r"load\(file\) must be given known keywords, got 'z_dim'. Known: class_names, condition, dev"
    ):
        load("network.pkl", z_dim=3)


def test_bad_options():
    with pytest.raises(TypeError, match=r"load\('faces-exact'\) .* got 'resoluton'. Did you mean 'resolution'"):
        load("faces-exact", resoluton=32)
    with pytest.raises(
        TypeError, match=r"load\('faces64'\) must be given known keywords, got 'resolution'. Known: dev"
    ):
        load("faces64", resolution=32)
    for dtype in (torch.int64, "float32"):
        with pytest.raises(TypeError, match="dtype must be a floating torch type, got"):
            load("digits32", dtype=dtype)


def test_an_altered_file_is_refused_before_it_is_parsed(copied, monkeypatch):
    path = copied / "digits32.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    monkeypatch.setattr(_shipped, "unpack", lambda *_: pytest.fail("it was parsed"))
    with pytest.raises(ValueError, match=r"digits32.safetensors must have the sha256 [0-9a-f]{64}, got .*Reinstall"):
        load("digits32")


def test_a_truncated_file_is_refused(copied):
    path = copied / "digits32.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[:1000])
    with pytest.raises(ValueError, match=f"must have {len(data)} bytes, got 1000. Reinstall latent_widgets"):
        load("digits32")


def test_a_missing_file_is_named(copied):
    (copied / "digits32.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"the weights file digits32.safetensors must be in .*, got none"):
        load("digits32")
    assert load("faces64").name == "faces64"


def test_packing_rounds_to_half_keeps_integers_and_repeats_itself():
    tensors = {"a": torch.tensor([[1.0, 1 / 3]]), "n": torch.tensor([2**40])}
    data = _shipped.pack(tensors, {"b": 1, "a": {"4": 2.5}})
    assert data == _shipped.pack(tensors, {"a": {"4": 2.5}, "b": 1})
    read = _shipped.unpack(data)
    assert read.about == {"b": 1, "a": {"4": 2.5}}
    assert read.tensors["n"].item() == 2**40
    assert read.tensors["a"].dtype == torch.float32
    torch.testing.assert_close(read.tensors["a"], tensors["a"].half().float(), rtol=0, atol=0)


def test_bytes_that_are_no_weights_are_refused():
    with pytest.raises(ValueError, match="x must be a whole safetensors file, got"):
        _shipped.unpack(b"not at all", "x")
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    bare = len(header).to_bytes(8, "little") + header + b"\0" * 4
    with pytest.raises(ValueError, match="x must carry a description under 'latent_widgets' in its header, got none"):
        _shipped.unpack(bare, "x")
    with pytest.raises(ValueError, match="a must be finite in float16, got 1 numbers that are not"):
        _shipped.pack({"a": torch.tensor([1.0, 1e6])}, {})

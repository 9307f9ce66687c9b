"""Files that are broken, of another kind, or of another network: refused with the reason, nothing large allocated."""

import importlib
import struct
import sys
import types
import zipfile

import numpy as np
import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.checkpoints._values import CheckpointError
from tests.generators.checkpoints.hostile import shaped, with_weight
from tests.generators.checkpoints.standins import (
    Persistent,
    dump,
    genforce,
    rosinality,
    write_nvidia,
    write_tensorflow,
)

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


def test_array_that_does_not_fill_its_shape(tmp_path, make_variant):
    path = write_tensorflow(tmp_path / "x.pkl", make_variant())
    value = struct.pack("<q", 0)  # any other bytes of the right length would do
    data = path.read_bytes()
    path.write_bytes(data.replace(np.float32(make_variant().mapping.fc0.bias[:2].numpy()).tobytes(), value))
    assert lw.load(path).resolution == 16  # numbers may change, sizes may not
    path.write_bytes(b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85K\x00\x87RK\x01b.")
    with pytest.raises(CheckpointError, match="a NumPy array must be built from five values"):
        lw.load(path)


def test_a_long_run_of_letters_that_are_no_bytes(tmp_path, make_variant):
    def change(modules):
        modules["mapping"].state["_modules"]["fc0"].state["_parameters"]["weight"] = weight

    weight = np.zeros((200, 200), np.float32)
    path = dump(with_weight(lambda: make_variant(z_dim=200, w_dim=200), change), tmp_path / "x.pkl", protocol=2)
    assert lw.load(path).z_dim == 200  # protocol 2 writes bytes as letters
    data = path.read_bytes()
    middle = data.index(bytes(100_000)) + 50_000
    path.write_bytes(data[:middle] + "Ā".encode() * 8 + data[middle + 16 :])
    with pytest.raises(CheckpointError, match="bytes written as text must be letters below 256, got others"):
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
    with pytest.raises(FileNotFoundError, match=r"must be a file that exists, got"):
        lw.load(tmp_path / "none.pkl")
    with pytest.raises(FileNotFoundError, match=r"must be a file, got the folder"):
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


@pytest.mark.parametrize("program", [b"X\x01\x00\x00\x00aR.", b"X\x01\x00\x00\x00a\x85R."])
def test_names_of_a_file_are_shown_on_one_line(tmp_path, program):
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x02ctorch.n\x0e\x1bmodules.linear\nLin" + 300 * b"\x07" + b"ear\n" + program)
    with pytest.raises(CheckpointError) as told:
        lw.load(path)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 600

"""The commands on weights files."""

import os

import pytest
import torch

import latent_widgets as lw
from latent_widgets.__main__ import main
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.generators.stylegan3 import make_stylegan3
from tests.faults import FULL, in_child
from tests.generators.checkpoints.standins import genforce, write_nvidia
from tests.generators.checkpoints.web import serving


@pytest.fixture
def checkpoint(tmp_path):
    network = StyleGAN2(z_dim=7, w_dim=6, resolution=8, channels={4: 5, 8: 4}, mapping_layers=2)
    return write_nvidia(tmp_path / "network.pkl", network)


def test_inspect_says_what_is_inside(checkpoint, capsys):
    assert main(["inspect", str(checkpoint)]) == 0
    said = capsys.readouterr().out
    assert "written by    NVIDIA StyleGAN2" in said
    assert "resolution    8" in said
    assert "source sha256 0a33a521d80d1d31" in said
    assert "numbers " in said


def test_convert_writes_a_file_that_loads(checkpoint, tmp_path, capsys):
    target = tmp_path / "network.safetensors"
    assert main(["convert", str(checkpoint), str(target)]) == 0
    assert "stylegan2" in capsys.readouterr().out
    before, after = lw.load(checkpoint), lw.load(target)
    assert before.weights_hash == after.weights_hash
    assert main(["inspect", str(target)]) == 0
    assert "written by    latent_widgets" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_full_disk_is_said(checkpoint, tmp_path, capfd):
    target = tmp_path / "network.safetensors"
    target.write_bytes(b"old")
    said, _ = in_child(lambda: FULL["no room on the server"](0) or main(["convert", str(checkpoint), str(target)]))
    assert said["returned"] == 1
    assert capfd.readouterr().err.startswith(f"refused: path must lie on a disk with room for it, got '{target}': ")
    assert target.read_bytes() == b"old"


def test_links_are_taken_like_files(checkpoint, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LATENT_WIDGETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LATENT_WIDGETS_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    target = str(tmp_path / "network.safetensors")
    with serving() as web:
        url = web.put("/x.pkl?token=abc", checkpoint.read_bytes())
        assert main(["convert", url, str(tmp_path / "network.pkl")]) == 1
        assert "target must end in .safetensors" in capsys.readouterr().err
        assert web.asked == []  # nothing is downloaded that could not be written
        assert main(["inspect", url, "--sha256", 64 * "0"]) == 1
        assert f"x.pkl?token=*** must have the sha256 {64 * '0'}, got" in capsys.readouterr().err
        assert main(["inspect", url]) == 0
        assert f"{web.address}/x.pkl?token=***: " in capsys.readouterr().out
        assert main(["convert", url, target]) == 0
        assert len(web.asked) == 2
    assert lw.load(target).weights_hash == lw.load(checkpoint).weights_hash
    assert main(["inspect", "hf:me", "--filename", "x"]) == 1
    assert "must be written as 'hf:owner/name@revision'" in capsys.readouterr().err


def test_refusals_are_words_and_a_status(tmp_path, capsys):
    bad = tmp_path / "bad.pkl"
    bad.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert main(["inspect", str(bad)]) == 1
    assert capsys.readouterr().err.startswith(
        "refused: the file must be a pickle, a torch file or safetensors, got a text"
    )
    assert main(["convert", str(tmp_path / "none"), str(tmp_path / "x.safetensors")]) == 1
    assert "must be a file that exists, got" in capsys.readouterr().err


SMALL = {"z_dim": 7, "w_dim": 6, "resolution": 8, "channels": {4: 5, 8: 4}, "mapping_layers": 2}


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (
            {"colours": 1},
            ["colours       1 (grey)", "classes       none", "architecture  skip", "noise         stored"],
        ),
        (
            {"c_dim": 3, "noise": False},
            ["classes       3: load it with condition=", "noise         none", "colours       3"],
        ),
        ({"architecture": "resnet", "clamp": 2.5}, ["architecture  resnet", "clamp         2.5", "mapping_lr    0.01"]),
    ],
)
def test_inspect_names_the_variant(tmp_path, capsys, options, lines):
    assert main(["inspect", str(write_nvidia(tmp_path / "x.pkl", StyleGAN2(**SMALL | options)))]) == 0
    said = capsys.readouterr().out
    assert [line for line in lines if line not in said] == []
    assert "    synthesis.b8.conv0.weight (4, 5, 3, 3)" in said


@pytest.mark.parametrize(("rotation", "letter"), [(False, "T"), (True, "R")])
def test_inspect_names_the_configuration(tmp_path, capsys, rotation, letter):
    sizes = {"z_dim": 7, "w_dim": 6, "resolution": 16, "num_layers": 4, "channel_base": 64, "channel_max": 6}
    assert main(["inspect", str(write_nvidia(tmp_path / "x.pkl", make_stylegan3(**sizes, rotation=rotation)))]) == 0
    said = capsys.readouterr().out
    assert f"configuration {letter}" in said
    assert "colours       3" in said


def test_inspect_says_what_was_assumed(tmp_path, capsys):
    torch.save({"models": {"generator_smooth": genforce(StyleGAN2(**SMALL))}}, tmp_path / "x.pth")
    assert main(["inspect", str(tmp_path / "x.pth")]) == 0
    said = capsys.readouterr().out
    assert "The learning rate of the mapping was told from its weights" in said
    assert "final_tanh=True adds it" in said
    assert "The generator was found in the file under 'models.generator_smooth.'" in said
    assert "    models.generator_smooth.synthesis.layer1.weight (4, 5, 3, 3)" in said


def test_inspect_lists_what_it_cannot_load(tmp_path, capsys):
    value = {"net": {"layers": [{"weight": torch.zeros(3, 2)}]}, "kind": torch.float16, "odd\nname": torch.zeros(4)}
    torch.save(value, tmp_path / "x.pth")
    assert main(["inspect", str(tmp_path / "x.pth")]) == 1
    said = capsys.readouterr()
    assert "it holds 2 tensors" in said.out
    assert "    net.layers.0.weight (3, 2)\n" in said.out
    assert "    odd\\nname (4,)\n" in said.out
    assert "got 'torch.float16'. It stayed a name" in said.out
    assert said.err.startswith(
        "refused: the file must hold a StyleGAN2, StyleGAN3 or DCGAN of a known layout, got these keys"
    )
    assert "'net.layers.0.weight' (3, 2)" in said.err


def test_inspect_lists_the_tensors_of_a_fork(tmp_path, capsys):
    network = StyleGAN2(**SMALL)
    network.mapping.fc0.bias = torch.nn.Parameter(torch.zeros(9))
    path = write_nvidia(tmp_path / "x.pkl", network)
    assert main(["inspect", str(path)]) == 1
    said = capsys.readouterr()
    assert "read as       stylegan2" in said.out
    assert "    mapping.fc0.bias (9,)" in said.out
    assert "mapping.fc0.bias must have shape (6,), got (9,)" in said.err
    assert main(["convert", str(path), str(tmp_path / "x.safetensors")]) == 1
    assert "mapping.fc0.bias must have shape (6,), got (9,)" in capsys.readouterr().err


def test_commands_take_the_sources_of_load(tmp_path, capsys):
    assert main(["inspect", "pip:no-such-package"]) == 1
    assert "the package must be one of 'gan-face-generate'" in capsys.readouterr().err
    assert main(["convert", "hf:nothing", str(tmp_path / "x.safetensors")]) == 1
    assert "a repository must be written as 'hf:owner/name@revision'" in capsys.readouterr().err

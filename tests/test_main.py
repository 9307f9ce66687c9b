"""The commands on weights files."""

import pytest

import latent_widgets as lw
from latent_widgets.__main__ import main
from latent_widgets.generators.stylegan2 import StyleGAN2
from tests.generators.checkpoints.standins import write_nvidia
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

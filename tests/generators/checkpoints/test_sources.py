"""Where files lie: the cache, the hub, installed packages; no network is asked."""

import sys
import types
from pathlib import Path

import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.checkpoints import sources
from latent_widgets.generators.checkpoints.reading import convert, hash_file
from tests.generators.checkpoints.standins import write_nvidia
from tests.live_networks import SmallDCGAN


class Missing(Exception):
    pass


class NotCached(Missing):
    pass


class Refused(Exception):
    pass


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A stand-in of huggingface_hub: `files` by repository and name; `calls` is what was asked."""
    state = types.SimpleNamespace(files={}, calls=[])

    def hf_hub_download(repository, filename, revision=None, cache_dir=None, local_files_only=False):
        state.calls.append((repository, filename, revision, str(cache_dir), local_files_only))
        if (repository, filename) in state.files:
            return str(state.files[repository, filename])
        raise NotCached if local_files_only else Missing

    module, errors = types.ModuleType("huggingface_hub"), types.ModuleType("huggingface_hub.errors")
    module.hf_hub_download = hf_hub_download
    errors.EntryNotFoundError, errors.HfHubHTTPError, errors.LocalEntryNotFoundError = Missing, Refused, NotCached
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)
    monkeypatch.setenv("LATENT_WIDGETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LATENT_WIDGETS_OFFLINE", raising=False)
    return state


def test_a_repository_is_read_like_a_file(tmp_path, hub, make_variant):
    path = write_nvidia(tmp_path / "x.pkl", make_variant())
    convert(path, tmp_path / "model.safetensors")
    hub.files["me/faces", "model.safetensors"] = tmp_path / "model.safetensors"
    hub.files["me/faces", "old.pkl"] = path
    G = lw.load("hf:me/faces@v1")
    assert hub.calls == [("me/faces", "model.safetensors", "v1", str(tmp_path / "cache" / "hub"), False)]
    assert G.origin == "lw.load('hf:me/faces@v1')"
    other = lw.load("hf:me/faces", filename="old.pkl")
    assert hub.calls[-1][1:3] == ("old.pkl", None)
    assert other.weights_hash == G.weights_hash


def test_a_repository_without_weights(hub, monkeypatch):
    with pytest.raises(ValueError, match=r"'hf:me/other' must hold one of model.safeten.* Name it with filename="):
        lw.load("hf:me/other")
    assert len(hub.calls) == 3
    monkeypatch.setenv("LATENT_WIDGETS_OFFLINE", "1")
    with pytest.raises(ValueError, match=r"must be in the cache .* got neither.* unset LATENT_WIDGETS_OFFLINE"):
        lw.load("hf:me/other")
    assert all(call[-1] for call in hub.calls[3:])


def test_how_a_repository_is_written(hub):
    for source in ("hf:faces", "hf:a/b/c", "hf:/x", "hf:"):
        with pytest.raises(ValueError, match="a repository must be written as 'hf:owner/name@revision', got 'hf:"):
            lw.load(source)
    with pytest.raises(ValueError, match=r"filename must be given for a repository 'hf:owner/name' only, got 'x'"):
        lw.load("network.pkl", filename="x")


def test_how_a_hash_is_written(tmp_path, hub, make_variant):
    path = write_nvidia(tmp_path / "x.pkl", make_variant())
    right = hash_file(path)
    for written in (right.upper(), f" sha256:{right}\n"):
        assert lw.load(path, sha256=written).resolution == 16
    for source in ("https://host/x.pkl", "hf:me/faces"):  # before anybody is asked
        with pytest.raises(ValueError, match=r"sha256 must be 64 hexadecimal digits, got '12ab'. Copy all of it"):
            lw.load(source, sha256="12ab")
        with pytest.raises(TypeError, match=r"sha256 must be text of 64 hexadecimal digits, got int"):
            lw.load(source, sha256=12)
    assert hub.calls == []
    hub.files["me/faces", "model.safetensors"] = path
    assert lw.load("hf:me/faces", sha256=right).resolution == 16
    with pytest.raises(ValueError, match=rf"the file x.pkl must have the sha256 {64 * '0'}, got {right}. Download it"):
        lw.load("hf:me/faces", sha256=64 * "0")


def test_a_link_names_its_file_itself():
    with pytest.raises(ValueError, match=r"repository 'hf:owner/name' only, got 'x' for 'https://host/y\?key=\*\*\*'"):
        lw.load("https://me:pass@host/y?key=abc", filename="x")
    with pytest.raises(ValueError, match="a link must be written as 'https://host/file', got one without a host"):
        lw.load(Path("https://host/x.pkl"))


def test_the_hub_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"needs huggingface_hub, got none. Use `pip install 'latent_widgets\[hub\]'`"):
        lw.load("hf:me/faces")


def test_the_cache_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LATENT_WIDGETS_CACHE", str(tmp_path))
    assert sources.cache_folder() == tmp_path
    monkeypatch.delenv("LATENT_WIDGETS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert sources.cache_folder() == tmp_path / "x" / "latent_widgets"
    for value, offline in (("", False), ("0", False), ("1", True), ("yes", True)):
        monkeypatch.setenv("LATENT_WIDGETS_OFFLINE", value)
        assert sources.is_offline() is offline


def test_an_installed_package(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match=r"the package must be one of 'gan-face-generate', got 'numpy'"):
        lw.load("pip:numpy")
    with pytest.raises(ValueError, match=r"must be installed, got none. Use `pip install --no-deps gan-face-generate`"):
        lw.load("pip:gan-face-generate")
    torch.manual_seed(0)
    network = SmallDCGAN(nz=5, resolution=32).eval()
    path = tmp_path / "weights.tar"
    torch.save({"netG_state_dict": network.state_dict(), "epoch": 3}, path)
    found = types.SimpleNamespace(locate_file=lambda name: path)
    monkeypatch.setattr(sources.importlib.metadata, "distribution", lambda name: found)
    G = lw.load("pip:gan-face-generate")
    z = G.sample_z(2)
    torch.testing.assert_close(G(z), network(z[:, :, None, None]).detach(), rtol=1e-4, atol=1e-5)
    assert (G.z_dim, G.resolution, G.spaces) == (5, 32, ("z",))
    assert G.layer_names == ("b4", "b8", "b16", "image")
    assert "Its activation is taken to be ReLU" in G.notes[1]
    torch.save({"netG_state_dict": network.state_dict() | {"main.4.extra": torch.zeros(1)}}, path)
    with pytest.raises(ValueError, match=r"must be those of a DCGAN, got 'main.4.extra': a variant of it"):
        lw.load(path)

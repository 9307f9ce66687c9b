"""Everything runs on every kind of generator; what one cannot do is said in words."""

import importlib

import numpy as np
import pytest
import torch

import latent_widgets as lw
from tests.live_networks import MAKERS


@pytest.fixture(scope="module", params=MAKERS)
def G(request):
    torch.manual_seed(0)
    return MAKERS[request.param]()


@pytest.fixture(scope="module")
def mask(G):
    """The left upper quarter."""
    mask = np.zeros(G.picture_size, bool)
    mask[: mask.shape[0] // 2, : mask.shape[1] // 2] = True
    return mask


def test_pictures_and_spaces(G):
    z = G.sample_z(2, seed=1)
    x = G(z)
    assert x.shape == (2, 3, *G.picture_size)
    assert x.isfinite().all()
    assert not torch.allclose(x[0], x[1])
    if "w" in G.spaces:
        torch.testing.assert_close(G.synthesize(G.broadcast(G.map(z))), x, rtol=1e-4, atol=1e-4)
    else:
        with pytest.raises(ValueError, match="map must be called on a generator with a mapping network"):
            G.map(z)


def test_local_basis(G):
    z = G.sample_z(1, seed=1)[0]
    basis = lw.local_basis(G, z, target="w" if "w" in G.spaces else "image", k=2)
    moved = G.synthesize(G.code(1)[None] + basis.directions.vectors[:1].to(G.dtype) * 0.5)
    assert basis.directions.space == G.main_space
    assert moved.isfinite().all()
    if "w" not in G.spaces:
        with pytest.raises(ValueError, match=r"target must be 'image' or a layer for .*, which has no mapping network"):
            lw.local_basis(G, z)


def test_low_rank_directions_and_regions(G, mask):
    code = G.code(1)
    found = lw.low_rank_directions(G, code, mask, k=1, solver="generalized")
    assert found.directions.vectors.shape == (1, G.dim(G.main_space))
    values = lw.RegionSpectra(G, code, tiles=4).spectrum(mask).singular_values
    assert (values.diff() <= 1e-6 * values[0]).all()
    assert values[0] > 0


def test_ganspace_and_sefa(G):
    found = lw.ganspace(G, k=2, samples=50)
    assert (found.space, found.vectors.shape) == (G.main_space, (2, G.dim(G.main_space)))
    assert bool(found.vectors.isfinite().all())
    assert lw.ganspace(G, k=2, layer="image", samples=50).vectors.shape == (2, G.dim(G.main_space))
    first = {"function": "that begins with a linear layer of z", "Oblong": "that begins with a linear layer of z"}
    refusal = next((words for name, words in first.items() if name in G.name), None)
    if refusal is None:
        assert lw.sefa(G, k=2).vectors.shape == (2, G.dim(G.main_space))
    else:
        with pytest.raises(ValueError, match=f"sefa must be given a generator {refusal}"):
            lw.sefa(G, k=2)


def test_warpage(G):
    found = lw.warpage(G, n=4, k=2, seed=0, target="w" if "w" in G.spaces else "image")
    assert found.distances.shape == (4, 4)
    assert found.distances.diagonal().abs().max() < 1e-3


def test_trained_directions(G, mask, monkeypatch):
    monkeypatch.setattr(
        importlib.import_module("latent_widgets.methods.lelsd.course"), "RANDOM", 2
    )  # each is a picture
    found = lw.lelsd(G, mask, code=G.code(1), features=["image"], steps=1, batch=1, samples=1, part="corner")
    assert found.directions.vectors.isfinite().all()
    walks = lw.dp_lase(G, layer="image", k=2, steps=1, batch=1)
    assert walks.directions.vectors.shape[0] == 2


def test_layers(G):
    if not G.layer_names:
        with pytest.raises(ValueError, match="layer must be one of"):
            G.features(G.code(0)[None], ["b4"])
        return
    name = G.layer_names[len(G.layer_names) // 2]
    features = G.features(G.code(0)[None], [name])[name]
    assert features.ndim == 4
    if not G.can_resume:
        with pytest.raises(ValueError, match="must be called on a generator that can go on from a layer"):
            G.activations(G.code(0)[None])


def test_invert(G):
    target = G.synthesize(G.code(1)[None])
    found = lw.invert(G, target, steps=4, starts=1, samples=2)
    assert found.code.space == ("w+" if "w+" in G.spaces else G.main_space)
    assert found.image.shape == target.shape
    assert found.image.isfinite().all()


def test_explorer(G):
    explorer = lw.LatentExplorer(G, lw.random_directions(G, k=2), seed=3, executor="inline")
    before = explorer.edit.apply(G)
    explorer.set_alpha(0, 2.0)
    assert explorer.error is None
    assert not torch.allclose(explorer.edit.apply(G), before)
    explorer.close()


def test_region_page(G, mask):
    explorer = lw.LatentExplorer(G, k=2, steer=True, executor="inline")
    explorer.region.page.count.value = 2
    explorer.controls.page = "region"
    explorer.mask = lw.Mask(mask)
    assert explorer.error is None
    assert explorer.directions.space == G.main_space
    assert explorer.directions.method != "random_directions"
    explorer.set_alpha(0, 1.0)
    assert explorer.edit.moves
    assert explorer.error is None
    explorer.close()


def test_the_other_panels(G):
    spectrum = lw.JacobianSpectrum(G, G.sample_z(1, seed=1)[0], executor="inline")
    heatmap = lw.WarpageHeatmap(lw.warpage(G, n=3, k=2, target="image"), executor="inline")
    painter = lw.MaskPainter(G.synthesize(G.code(1)[None])[0], executor="inline")
    for panel in (spectrum, heatmap, painter):
        assert panel.error is None
        panel.close()

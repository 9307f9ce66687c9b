"""Pictures need not be square: a generator and the same one with rows and columns exchanged give the same numbers."""

import numpy as np
import pytest
import torch
from PIL import Image

import latent_widgets as lw
from latent_widgets.geometry.regions.tiles import TileGrams
from latent_widgets.widgets.explorer.photo.crop import Crop
from tests.live_networks import oblong
from tests.public_calls import CALLS, corner, numbers


@pytest.fixture(scope="module")
def wide():
    return oblong()


@pytest.fixture(scope="module")
def tall():
    return oblong(turned=True)


def test_size_of_the_pictures_is_known(wide, tall):
    assert (wide.picture_size, wide.resolution, tall.picture_size, tall.resolution) == ((24, 40), 40, (40, 24), 40)
    assert lw.load("faces64").picture_size == (64, 64)
    assert "; 40 x 24 px; " in repr(wide)


@pytest.mark.parametrize("name", CALLS)
def test_turned_pictures_give_the_same_numbers(wide, tall, name):
    if name == "sefa":
        pytest.skip("no linear layer is found in this network")
    for a, b in zip(numbers(name, wide), numbers(name, tall), strict=True):
        b = b.mT if a.shape != b.shape else b  # pictures and maps
        torch.testing.assert_close(a, b, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize(("tiles", "shape"), [(4, (8, 13)), (3, (13, 8)), (1, (2, 9))])
def test_grams_of_tiles_are_the_dense_sum(tiles, shape):
    rng = torch.Generator().manual_seed(0)
    pooled = torch.randn(2, 3, *shape, 4, generator=rng, dtype=torch.float64)
    weights = torch.rand(*shape, generator=rng, dtype=torch.float64)
    weights[:2] = 1
    dense = torch.einsum("ncyxr,yx,ncyxs->rs", pooled, weights, pooled) / 2
    torch.testing.assert_close(TileGrams(pooled, tiles).within(weights), dense)


def test_analysis_keeps_the_aspect_to_a_pixel(wide):
    spectra = lw.RegionSpectra(wide, wide.code(1), size=15)
    assert (spectra.size, spectra.pooled_size, spectra.pooled.shape[2:4]) == (15, (9, 15), (9, 15))
    odd = lw.RegionSpectra(wide, wide.code(1), size=13)
    assert odd.pooled_size == (8, 13)
    assert odd.weights(corner(wide)).shape == (8, 13)
    with pytest.raises(ValueError, match="mask must have the aspect of the picture, 24 x 40, got 40 x 40"):
        odd.grams(np.ones((40, 40), bool))
    with pytest.raises(ValueError, match="tiles must be between 1 and 8, got 9"):
        lw.RegionSpectra(wide, wide.code(1), 9, size=13)


def test_direction_of_a_region_acts_in_it(wide):
    spectra = lw.RegionSpectra(wide, wide.code(1))
    inside = spectra.directions(corner(wide), k=1).scores
    assert inside["locality"] > inside["chance"]
    elsewhere = spectra.directions(~corner(wide), k=1).scores
    assert elsewhere["chance"] > inside["chance"]


def test_photo_is_cut_to_the_aspect():
    photo = np.zeros((40, 100, 3), np.uint8)
    photo[:, 30:70] = 255  # the middle 40 columns
    assert lw.load_photo(photo, (20, 20)).mean() == 1
    assert lw.load_photo(photo, (24, 12)).mean() == 1
    wider = lw.load_photo(photo, (20, 40))
    assert wider.shape == (1, 3, 20, 40)
    assert torch.equal(wider[0, 0, :, 20], torch.ones(20))
    assert wider[..., :6].max() == -1
    inside = lw.load_photo(photo, (10, 20), crop=(0.3, 0.0, 0.7, 0.5))  # 40 x 20 pixels, all white
    assert inside.mean() == 1
    whole = lw.load_photo(photo, (20, 20), crop=(0, 0, 1, 1), background=(1, 0, 0))  # paper above and below
    torch.testing.assert_close(whole[0, :, 0, 0], torch.tensor([1.0, -1.0, -1.0]))
    for size in ((2, 3, 4), (5,)):
        with pytest.raises(ValueError, match=r"size must be a number of pixels or \(height, width\)"):
            lw.load_photo(photo, size)


@pytest.mark.parametrize("turn", [0.0, 90.0, 33.0])
def test_crop_of_an_aspect_is_what_load_photo_cuts(turn):
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 255, (50, 80, 3), dtype=np.uint8))
    crop = Crop(0.4, 0.5, 0.8, turn, aspect=40 / 24)
    (x0, y0), (x1, y1), (x2, y2), _ = crop.corners(80, 50)
    assert np.hypot(x1 - x0, y1 - y0) / np.hypot(x2 - x1, y2 - y1) == pytest.approx(40 / 24)
    if not turn:
        assert crop.box(80, 50) == pytest.approx((x0 / 80, y0 / 50, x2 / 80, y2 / 50))
    assert crop.cut(photo, (24, 40)).shape == (1, 3, 24, 40)


def test_photo_is_found_again(wide, tmp_path):
    target = wide.synthesize(wide.code(4)[None])
    pixels = ((target[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().numpy()
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    found = lw.invert(wide, tmp_path / "photo.png", steps=5, samples=16)
    assert found.image.shape == target.shape
    torch.testing.assert_close(found.target, target, rtol=0, atol=0.005)
    with pytest.raises(ValueError, match=r"image must have shape \(3, 24, 40\) or \(1, 3, 24, 40\), got \(3, 40, 24\)"):
        lw.invert(wide, torch.zeros(3, 40, 24))
    with pytest.raises(ValueError, match=r"painted_labels must have shape \(1, 24, 40\), .* got \(1, 40, 24\)"):
        lw.fit_segmenter(wide, wide.code(1)[None], np.zeros((1, 40, 24), int))


def test_explorer_cuts_a_photo_to_the_shape_of_the_pictures(wide):
    explorer = lw.LatentExplorer(wide, lw.random_directions(wide, k=2), executor="inline")
    explorer.controls.page = "photo"
    explorer.photo.open(np.full((60, 90, 3), 128, np.uint8))
    assert explorer.error is None
    assert explorer.photo.page.target.to_pil().size == (40, 24)
    explorer.photo.page.steps.value = explorer.photo.page.steps.min
    explorer.photo.start()
    assert explorer.error is None
    assert explorer.photo.found.image.shape == (1, 3, 24, 40)
    explorer.close()


def test_what_is_painted_lines_up(wide):
    picture = wide.synthesize(wide.code(1)[None])
    painter = lw.MaskPainter(picture[0], executor="inline")
    assert painter.image.shape == (24, 40, 3)
    painter.close()
    explorer = lw.LatentExplorer(wide, lw.random_directions(wide, k=1), seed=1, confine=True, executor="inline")
    explorer.mask = lw.Mask(corner(wide))
    explorer.set_alpha(0, 3.0)
    changed = (explorer.edit.apply(wide) - picture).abs().amax((0, 1)) > 0
    assert explorer.error is None
    assert not changed[~torch.from_numpy(corner(wide))].any()
    assert changed[torch.from_numpy(corner(wide))].any()
    explorer.close()

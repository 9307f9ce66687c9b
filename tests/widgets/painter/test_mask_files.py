"""A mask means the same at every door: files, the painter, operators, regions, parts, segmenters."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import latent_widgets as lw
from latent_widgets.geometry.effects.part_masks import PartMasks
from latent_widgets.segmentation._painting import read_painting
from latent_widgets.widgets.painter import files
from latent_widgets.widgets.painter.model import MaskModel
from tests.doors import MASK_DOORS, H, W
from tests.masks import grey_mask
from tests.pictures import file_of

INSIDE = np.zeros((H, W), bool)
INSIDE[1:5, 2:8] = True


@pytest.fixture
def model():
    return MaskModel(np.zeros((H, W, 3), np.uint8))


@pytest.mark.parametrize("shades", [(0, 1), (0, 128), (17, 200)])
def test_a_file_of_two_shades_is_loaded_as_painted(model, tmp_path, shades):
    grey_mask(INSIDE, *shades).save(tmp_path / "m.png")
    files.load_mask(model, tmp_path / "m.png")
    assert model.mask.dtype == bool
    assert np.array_equal(model.mask, INSIDE)
    model.clear()
    array = io.BytesIO()
    np.save(array, np.asarray(grey_mask(INSIDE, *shades))[None])
    files.read_mask(model, "m.npy", array.getvalue())
    assert np.array_equal(model.mask, INSIDE)


@pytest.mark.parametrize("weights", [(0.0, 0.5), (0.2, 0.4), (0.5, 0.5), (0.0, 1 / 51), (0.0, 1.0)])
def test_a_soft_region_of_few_shades_comes_back_soft(model, tmp_path, weights):
    mask = np.where(INSIDE, weights[1], weights[0]).astype(np.float32)
    model.assign(mask)
    path = files.save_mask(model, tmp_path / "m.png")
    model.clear()
    files.load_mask(model, path)
    assert model.mask.dtype == np.float32
    assert np.abs(model.mask - mask).max() <= 0.5 / 255 + 1e-6


def test_what_is_refused_changes_nothing(model, tmp_path):
    model.assign(INSIDE)
    labels = np.repeat([[0, 3, 7]], 4, axis=1).repeat(H, axis=0).astype(np.uint8)
    Image.fromarray(labels).save(tmp_path / "m.png")
    with pytest.raises(ValueError, match=r"mask must be one region, got 3 shades that look like labels: 0, 3, 7\."):
        files.load_mask(model, tmp_path / "m.png")
    assert np.array_equal(model.mask, INSIDE)


GIVEN = {
    "zero and one": np.asarray(grey_mask(INSIDE, 0, 1)),
    "eight bits": np.asarray(grey_mask(INSIDE, 0, 255))[..., None],
    "channel first": torch.from_numpy(np.array(grey_mask(INSIDE, 3, 90)))[None],
    "int64": INSIDE.astype(np.int64),
    "bool": torch.from_numpy(INSIDE),
    "picture": grey_mask(INSIDE, 17, 200),
    "paint on a sheet": Image.fromarray(np.dstack([*(3 * [200 * INSIDE]), 255 * INSIDE]).astype(np.uint8)),
    "colours": np.dstack([200 * INSIDE, 10 * INSIDE, 0 * INSIDE]).astype(np.uint8),
}
REFUSED = {
    "labels": (np.repeat([[0, 3, 7]], 4, axis=1).repeat(H, axis=0), "mask must be one region, got 3 shades"),
    "weights beyond": (2.0 * INSIDE, "mask must be between 0 and 1, got 0 to 2"),
    "shape": (np.zeros((2, H, W), bool), r"mask must have shape \(H, W\), got \(2, 8, 12\)"),
    "lost range": (INSIDE / 255, "mask must have weights up to 1"),
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize("door", MASK_DOORS)
def test_every_door_reads_the_same(door, given):
    assert np.allclose(np.asarray(MASK_DOORS[door](given), float), INSIDE, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("door", MASK_DOORS)
def test_every_door_refuses_in_the_same_words(door, given, words):
    if (door, given.dtype.kind) == ("parts", "i"):
        words = "part must be a label, an integer, where parts have no names, got 'digit'"
    with pytest.raises(ValueError, match=words):
        MASK_DOORS[door](given)


def test_a_label_map_is_asked_by_number():
    labels = np.where(INSIDE, 255, 0).astype(np.uint8)
    G = lw.load("digits32")
    for given in (labels, torch.from_numpy(labels), Image.fromarray(labels)):
        assert np.array_equal(PartMasks.of(G, given, 0).fixed.numpy(), ~INSIDE)
        with pytest.raises(ValueError, match=r"part must be a label of the map, got 1, .* There are 0, 255\."):
            PartMasks.of(G, given, 1)


def test_a_mask_of_eight_bits_is_no_painting_of_255_parts():
    with pytest.raises(ValueError, match=r"painted_labels must be 0, 1, 2 and so on, got 255, which stands for white"):
        read_painting(torch.zeros(1, 2), np.where(np.eye(H), 255, 0).astype(np.uint8), None, (H, H))


def test_a_picture_file_of_a_mask_fits_the_painter():
    painter = lw.MaskPainter(np.zeros((H, W, 3), np.uint8))
    painter.take_file("m.png", file_of(grey_mask(INSIDE, 0, 1)))
    assert painter.mask.area == pytest.approx(INSIDE.mean())
    painter.close()

"""What people have as a mask is read as what was painted, whatever holds it, or refused in words."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from latent_widgets.values.mask_reading import read_mask, read_picture
from latent_widgets.values.masks import Mask
from tests.masks import INSIDE, H, W, feathered, hard, labels, palette, rgba, soft, two
from tests.pictures import file_of


@pytest.mark.parametrize("shades", [(0, 1), (0, 255), (0, 128), (17, 200), (0, 3), (254, 255), (1, 2)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64, np.uint16, np.uint32, ">i4"])
def test_two_whole_numbers_are_outside_and_inside(shades, dtype):
    array = two(*shades, dtype)
    for value in (array, array[None], array[..., None], array[None, ..., None], array.tolist()):
        assert hard(read_mask(value))
    if dtype != ">i4":
        assert hard(read_mask(torch.from_numpy(array)))


def test_minus_one_is_outside():
    assert hard(read_mask(two(-1, 0, np.int64)))


def test_numbers_may_be_as_large_as_they_come():
    assert hard(read_mask(two(0, 2**62, np.int64)))


@pytest.mark.parametrize("shades", [(0, 1), (0, 255), (0, 128), (17, 200), (250, 251)])
@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_two_shades_of_a_file(shades, kind):
    assert hard(read_picture(file_of(Image.fromarray(two(*shades)), kind)))


@pytest.mark.parametrize("shades", [(0, 1), (0, 65535), (300, 301), (0, 255)])
def test_two_shades_of_sixteen_bits(shades):
    assert hard(read_picture(file_of(Image.fromarray(two(*shades, np.uint16)))))
    assert hard(read_mask(Image.fromarray(two(*shades, np.int32))))


def test_one_bit():
    assert hard(read_picture(file_of(Image.fromarray(INSIDE))))
    assert hard(read_mask(INSIDE))
    assert hard(read_mask(torch.from_numpy(INSIDE)[None]))


@pytest.mark.parametrize(("shade", "inside"), [(0, False), (1, True), (255, True)])
def test_a_single_shade_is_black_or_white(shade, inside):
    for value in (np.full((H, W), shade, np.uint8), Image.new("L", (W, H), shade)):
        found = read_mask(value)
        assert found.dtype == torch.bool
        assert found.eq(inside).all()


def test_another_single_shade_says_nothing():
    with pytest.raises(ValueError, match="mask must have an inside and an outside, got the shade 40 everywhere"):
        read_mask(np.full((H, W), 40))


# ---- weights

RAMP = np.tile(np.linspace(0, 1, W), (H, 1))


@pytest.mark.parametrize(
    "value",
    [
        RAMP,
        RAMP.astype(np.float16),
        RAMP.astype(np.longdouble),
        np.rint(255 * RAMP).astype(np.uint8),
        np.rint(255 * RAMP).astype(np.int64)[None],
        np.rint(65535 * RAMP).astype(np.uint16),
        torch.from_numpy(RAMP)[None, None],
        Image.fromarray(np.rint(255 * RAMP).astype(np.uint8)),
        Image.fromarray(np.rint(65535 * RAMP).astype(np.uint16)),
        Image.fromarray(RAMP.astype(np.float32)),
    ],
    ids=lambda value: str(getattr(value, "dtype", getattr(value, "mode", ""))),
)
def test_many_shades_are_weights(value):
    assert soft(read_mask(value).double(), RAMP)


def test_black_and_white_that_were_compressed_are_two_shades():
    large = np.kron(INSIDE, np.ones((20, 20), bool))
    file = file_of(Image.fromarray(large).convert("L"), "JPEG", quality=70)
    shades = np.unique(np.asarray(Image.open(io.BytesIO(file))))
    assert len(shades) > 2  # or nothing is shown
    found = read_picture(file)
    assert np.array_equal(found.numpy() > 0.5, large)
    levels = np.where(large, 253, 2).astype(np.uint8)
    levels[:40, :40], levels[60:80, 100:140] = 4, 255
    assert np.array_equal(read_mask(levels).numpy(), large)


def test_a_smooth_edge_is_no_label():
    assert soft(read_mask(feathered()), feathered() / 255)
    assert soft(read_mask(np.minimum(feathered(), 200)), np.minimum(feathered(), 200) / 255)  # white is 255


def test_a_hard_edge_with_a_few_greys_is_no_label():
    levels = np.tile(np.repeat([0, 85, 170, 255], [6, 1, 1, 6]), (H, 1))
    assert soft(read_mask(levels), levels / 255)


def test_black_grey_and_white_are_weights():
    levels = two(0, 255)
    levels[:2] = 128
    assert soft(read_mask(Image.fromarray(levels)), levels / 255)


def test_gradients_and_devices_are_left_behind():
    value = torch.rand(H, W, requires_grad=True)
    assert not read_mask(value).requires_grad
    assert read_mask(value.to(torch.bfloat16)).dtype == torch.bfloat16


# ---- labels

STRIPES = np.indices((H, W)).sum(0) % 3  # no pixel lies amid its own kind


@pytest.mark.parametrize(
    "numbers",
    [(0, 1, 2), (0, 1, 255), (0, 12, 15, 255), (0, 40, 90, 139), (0, 40, 220, 255), (0, 50, 100, 150, 200)],
)
def test_many_labels_are_refused_and_one_can_be_picked(numbers):
    array, message = labels(*numbers), f"one region, got .* look like labels: 0, {numbers[1]}.*: pixels == {numbers[1]}"
    for value in (array, array.astype(np.uint8), torch.from_numpy(array), Image.fromarray(array.astype(np.uint8))):
        with pytest.raises(ValueError, match=message):
            read_mask(value)
    assert read_mask(array == numbers[1]).any()


def test_labels_below_zero_and_beyond_sixteen_bits_are_refused():
    scattered = np.array([-1, 128, 255])[STRIPES]
    for array in (labels(-1, 0, 1), scattered, labels(0, 1, 70_000)):
        with pytest.raises(ValueError, match="mask must be one region, got 3 shades"):
            read_mask(array)


VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)] + [(i, 255 - i, 128) for i in range(252)]


def test_a_palette_with_one_label():
    assert hard(read_mask(palette(two(0, 2), VOC)))
    assert hard(read_picture(file_of(palette(two(0, 3), VOC))))


def test_a_palette_with_several_labels_is_refused():
    with pytest.raises(ValueError, match=r"3 shades that look like labels: 0, 2, 255\. .*: pixels == 2"):
        read_picture(file_of(palette(labels(0, 2, 255), VOC)))


@pytest.mark.parametrize(
    ("numbers", "colours"),
    [(STRIPES, VOC), (labels(0, 1, 2), [(0, 0, 0), (100, 0, 0), (200, 0, 0)])],
    ids=["scattered", "shades of one colour"],
)
def test_a_palette_tells_labels_apart_by_colours_or_by_areas(numbers, colours):
    with pytest.raises(ValueError, match="3 shades that look like labels: 0, 1, 2"):
        read_mask(palette(numbers, colours))


def test_a_palette_of_black_and_white_is_read_by_colour_not_by_number():
    assert hard(read_mask(palette(two(1, 0), [(255, 255, 255), (0, 0, 0)])))


def test_a_palette_of_greys_has_weights():
    image = Image.fromarray(feathered()).quantize(64)
    assert np.abs(read_mask(image).numpy() - feathered() / 255).max() <= 4 / 255  # what 64 greys of 256 leave


def test_a_palette_whose_colours_say_nothing_is_read_by_number():
    assert hard(read_mask(palette(two(0, 7), [(0, 0, 0)] * 8)))


# ---- colours and transparency


PAINTINGS = {
    "red on nothing": rgba((255, 0, 0), (0, 0, 0), 255, 0),
    "thin blue on nothing": rgba((0, 0, 255), (255, 255, 255), 128, 0),
    "black on nothing": rgba((0, 0, 0), (0, 0, 0), 255, 0),
    "white on nothing": rgba((255, 255, 255), (0, 0, 0), 255, 0),
    "thick on thin": rgba((9, 200, 90), (9, 200, 90), 255, 40),
    "white on black, all opaque": rgba((255, 255, 255), (0, 0, 0)),
    "green on black": rgba((0, 128, 0), (0, 0, 0)),
    "yellow on blue": rgba((255, 255, 0), (0, 0, 90)),
    "one on nought": rgba((1, 1, 1), (0, 0, 0)),
    "grey, all half opaque": rgba((200, 200, 200), (17, 17, 17), 128, 128),
}


@pytest.mark.parametrize("pixels", PAINTINGS.values(), ids=PAINTINGS)
def test_paintings_of_programs(pixels):
    opaque = pixels[..., 3].min() == 255
    values = [pixels, torch.from_numpy(pixels), torch.from_numpy(pixels).movedim(-1, 0), pixels[None], pixels / 255]
    values += [Image.fromarray(pixels)] + ([pixels[..., :3]] if opaque else [])
    assert all(hard(read_mask(value)) for value in values)
    assert hard(read_picture(file_of(Image.fromarray(pixels))))


def test_grey_with_transparency():
    image = Image.fromarray(np.stack([two(255, 90), two(0, 255)], -1))
    assert image.mode == "LA"
    assert hard(read_mask(image))
    image = Image.fromarray(np.stack([np.rint(255 * RAMP).astype(np.uint8), two(0, 255)], -1))
    assert soft(read_mask(image), RAMP * INSIDE)  # grey paint of many shades: the shades


def test_paint_with_a_soft_edge():
    edge = feathered()
    pixels = np.dstack([np.full((H, W), 250), np.full((H, W), 40), np.zeros((H, W)), edge]).astype(np.uint8)
    assert soft(read_mask(pixels), edge / 255)
    pixels[..., 3] = np.rint(edge * 0.5)  # half opaque paint is inside all the same
    assert np.abs(read_mask(pixels).numpy() - edge / 255).max() <= 1 / 127
    thin = np.maximum(edge, 1)[..., None] / 255  # as a canvas keeps it: what is thin has lost its colour
    pixels = np.dstack([np.rint(np.rint(thin * [250, 40, 0]) / thin), edge]).clip(0, 255).astype(np.uint8)
    assert len(np.unique(pixels[edge > 0][:, :3], axis=0)) > 2
    assert soft(read_mask(pixels), edge / 255)
    over = np.rint(edge[..., None] / 255 * [220, 30, 60]).astype(np.uint8)  # laid over black
    assert np.abs(read_mask(over).numpy() - edge / 255).max() <= 1.5 / 220


def test_a_transparent_shade_is_outside():
    image = Image.fromarray(two(30, 200))
    image.info["transparency"] = 30
    assert hard(read_mask(image))
    assert hard(read_picture(file_of(image, transparency=30)))


def test_an_empty_sheet_is_an_empty_mask():
    assert not read_mask(rgba((9, 9, 9), (200, 0, 0), 0, 0)).any()


@pytest.mark.parametrize(
    "pixels",
    [
        np.random.default_rng(1).integers(0, 256, (H, W, 3), np.uint8),
        np.stack([labels(0, 0, 255), labels(0, 255, 0), labels(0, 0, 0)], -1).astype(np.uint8),
        np.dstack([labels(0, 0, 255), labels(0, 255, 0), labels(0, 0, 0), labels(0, 255, 255)]).astype(np.uint8),
        np.stack([labels(0, 64, 128), labels(0, 0, 0), labels(0, 0, 0)], -1).astype(np.uint8),
        np.full((H, W, 3), (200, 30, 30), np.uint8),
    ],
    ids=["photo", "two paints on black", "two paints on nothing", "two reds", "red everywhere"],
)
def test_colours_of_several_regions_are_refused(pixels):
    with pytest.raises(
        ValueError, match=r"mask must be black, white and grey, or .*, got a picture with colours\. Pick"
    ):
        read_mask(pixels)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV"])
def test_other_modes(mode):
    assert hard(read_mask(Image.fromarray(rgba((255, 255, 255), (0, 0, 0))[..., :3]).convert(mode)))


def test_masks_are_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(two(0, 9))
    found = read_picture(file_of(image, exif=exif))
    assert np.array_equal(found.numpy(), np.rot90(INSIDE, -1))


# ---- refusals


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (two(0, 255, np.float32), ValueError, r"between 0 and 1, got 0 to 255\. Use mask / 255 .*, mask > 0"),
        (two(0, 1, np.float64) / 255, ValueError, r"weights up to 1, got 0 and 0\.00392157 alone.* Use mask > 0"),
        (torch.from_numpy(two(0, 1)) / 255, ValueError, "weights up to 1"),
        (np.zeros((3, H, W)), ValueError, rf"shape \(H, W\), got \(3, {H}, {W}\)"),
        (np.zeros((2, H, W), np.uint8), ValueError, rf"shape \(H, W\), got \(2, {H}, {W}\)"),
        (np.zeros((H, W, 3), bool), ValueError, rf"shape \(H, W\), got \({H}, {W}, 3\)"),
        ([[1, 2], [3]], ValueError, "rows of different lengths"),
        (np.zeros((H, 0), np.uint8), ValueError, r"shape \(H, W\)"),
        ("mask.png", TypeError, r"array, a tensor or a Pillow image, got str .*PIL\.Image\.open\(path\) reads a file"),
        (None, TypeError, "array, a tensor or a Pillow image, got NoneType"),
        (RAMP + 1j, TypeError, "mask must be real, got torch.complex128"),
    ],
)
def test_what_is_no_mask(value, error, words):
    for read in (read_mask, Mask):
        with pytest.raises(error, match=words):
            read(value)
    with pytest.raises(error, match=r"^brush must"):
        read_mask(value, "brush")


def test_files_that_are_damaged():
    data = file_of(Image.fromarray(np.random.default_rng(2).integers(0, 256, (H, W), np.uint8)))
    for source in (lambda: read_picture(data[:-60]), lambda: read_mask(Image.open(io.BytesIO(data[:-60])))):
        with pytest.raises(ValueError, match=r"mask must be a whole picture, got .*, which is damaged"):
            source()

"""Pictures of files and of Pillow are decoded, turned and brought to sRGB, or refused in words."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from latent_widgets.core.colours import in_eight_bits, in_srgb
from latent_widgets.core.images import open_picture
from tests import icc
from tests.icc import p3_to_srgb, srgb, with_profile
from tests.pictures import file_of, lazily

# In gamut of both, so that nothing is clipped. One level is what the tables of a colour engine in eight bits may round.
COLOURS = np.array([[200, 60, 70], [90, 160, 80], [40, 70, 190], [128, 128, 128], [251, 240, 200], [20, 25, 30]])
LEVEL = 1


def test_display_p3_becomes_srgb_by_the_matrix():
    shown = srgb(with_profile(COLOURS.reshape(2, 3, 3), icc.display_p3()))
    expected = p3_to_srgb(COLOURS)
    assert np.abs(shown.reshape(-1, 3) - expected).max() <= LEVEL
    assert np.abs(expected - COLOURS).max() > 10 * LEVEL  # the profile says something


def test_the_profile_of_a_file_counts_and_is_gone_afterwards():
    image = with_profile(COLOURS.reshape(3, 2, 3), icc.display_p3())
    read = in_srgb("photo", open_picture("photo", file_of(image, icc_profile=icc.display_p3())))
    assert np.array_equal(np.asarray(read), srgb(image))
    assert "icc_profile" not in read.info
    assert np.array_equal(srgb(read), np.asarray(read))  # once only


def test_transparency_is_kept_beside_the_profile():
    alpha = np.arange(6, dtype=np.uint8).reshape(2, 3, 1) * 50
    image = with_profile(np.concatenate([COLOURS.reshape(2, 3, 3), alpha], 2), icc.display_p3())
    shown = srgb(image)
    assert np.array_equal(shown[..., 3:], alpha)
    assert np.abs(shown[..., :3].reshape(-1, 3) - p3_to_srgb(COLOURS)).max() <= LEVEL


def test_a_palette_has_the_colours_of_the_profile():
    image = Image.frombytes("P", (3, 2), bytes(range(6)))
    image.putpalette(COLOURS.flatten().tolist())
    image.info["icc_profile"] = icc.display_p3()
    assert np.abs(srgb(image).reshape(-1, 3) - p3_to_srgb(COLOURS)).max() <= LEVEL


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_with_a_profile_of_its_own(mode):
    levels = np.array([[0, 60, 128], [190, 230, 255]], np.uint8)
    image = Image.fromarray(levels).convert(mode)
    image.info["icc_profile"] = icc.grey(1.0)
    expected = 255 * icc.curved(levels / 255)
    assert np.abs(srgb(image)[..., :3] - expected[..., None]).max() <= LEVEL


def test_grey_in_the_profile_of_colours_stays_grey():
    levels = np.array([[0, 60, 128, 200, 255]], np.uint8)
    image = with_profile(levels, icc.display_p3())
    assert np.abs(srgb(image) - levels[..., None]).max() <= LEVEL


def test_sixteen_bits_of_grey_keep_their_profile():
    levels = np.array([[0, 60, 128], [190, 230, 255]], np.uint16)
    image = Image.fromarray(levels * 257)
    image.info["icc_profile"] = icc.grey(1.0)
    expected = 255 * icc.curved(levels / 255.0)
    assert np.abs(srgb(in_eight_bits("photo", image)) - expected[..., None]).max() <= LEVEL


def test_inks_have_the_colours_of_their_profile():
    corners = np.zeros((2, 2, 2, 2, 3))
    corners[..., 0, 0] = np.linspace(100, 44, 8).reshape(2, 2, 2)  # the darker the more ink; black is black
    corners[1, 0, 0, 0] = 60, -20, -15
    image = Image.new("CMYK", (3, 2), (0, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 0))
    image.putpixel((2, 1), (0, 0, 0, 255))
    image.info["icc_profile"] = icc.inks(corners)
    shown = srgb(image)
    xyz = icc.lab_to_xyz((60, -20, -15))
    expected = 255 * icc.curved(np.linalg.solve(icc.adapted(icc.to_xyz(icc.SRGB)), xyz))
    # a* and b* are whole numbers and L* is rounded to 0.4: less than two levels of sRGB, and one of the engine
    assert np.abs(shown[0, 1] - expected).max() <= 3 * LEVEL
    assert shown[0, 0].min() >= 255 - LEVEL
    assert shown[1, 2].max() <= LEVEL


@pytest.mark.parametrize(
    "spoilt", [b"junk", icc.display_p3()[:150], icc.grey(1.0), icc.inks(np.zeros((2,) * 4 + (3,)))]
)
def test_a_profile_that_is_damaged_or_fits_not_is_left_out(spoilt):
    pixels = COLOURS.reshape(2, 3, 3).astype(np.uint8)
    assert np.array_equal(srgb(with_profile(pixels, spoilt)), pixels)


def test_the_profile_of_srgb_changes_nothing():
    pixels = np.random.default_rng(5).integers(0, 256, (20, 30, 3), np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.abs(srgb(with_profile(pixels, profile)) - pixels).max() <= LEVEL


def test_lab_is_converted_without_a_profile():
    image = Image.new("LAB", (3, 2), (153, 128 - 20, 128 - 15))  # L* = 60; a* and b* count from 128
    expected = 255 * icc.curved(np.linalg.solve(icc.adapted(icc.to_xyz(icc.SRGB)), icc.lab_to_xyz((60, -20, -15))))
    assert np.abs(srgb(image) - expected).max() <= 3 * LEVEL  # the engine takes the cube roots from a coarse table


@pytest.mark.parametrize("values", [[-1.0, 0.5, 1.0], [0.0, np.nan, 1.0], [0.0, np.inf, 1.0]])
def test_numbers_that_are_no_shades_are_refused(values):
    image = Image.fromarray(np.array([values], np.float32))
    with pytest.raises(ValueError, match=r"photo must have values from 0 for black, got .* in mode 'F'\."):
        in_eight_bits("photo", image)


def test_inks_without_a_profile():
    image = Image.new("CMYK", (3, 2), (0, 255, 255, 0))
    assert srgb(image)[0, 0].tolist() == [255, 0, 0]


@pytest.fixture
def noise():
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (40, 60, 3), np.uint8))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_images_that_end_too_early_are_refused_as_files_are(noise, kind):
    data = file_of(noise, kind)
    for source in (data[: len(data) // 2], lazily(noise, 0.5, kind) if kind != "WEBP" else data[: len(data) // 3]):
        with pytest.raises(ValueError, match=r"photo must be a (whole picture|picture in one of the formats .*), got"):
            open_picture("photo", source)


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch):
    header = file_of(Image.new("1", (15_000, 15_000)))[:200]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    for source in (header, Image.open(io.BytesIO(header)), Image.new("1", (15_000, 15_000))):
        message = r"photo must have at most 200 million pixels, got 15000 x 15000\. Shrink it first\."
        with pytest.raises(ValueError, match=message):
            open_picture("photo", source)


def test_a_file_has_the_same_limit_which_is_not_that_of_pillow():
    usual = Image.MAX_IMAGE_PIXELS
    image = open_picture("photo", file_of(Image.new("L", (19_000, 10_000)), "JPEG"), shrink=True, needs=lambda mode: 1)
    assert image.size == (9_500, 5_000)
    assert 19_000 * 10_000 > 2 * usual  # Pillow alone refuses it
    with pytest.raises(ValueError, match="photo must have at most 200 million pixels, got more"):
        open_picture("photo", file_of(Image.new("1", (15_000, 15_000)))[:200])
    assert usual == Image.MAX_IMAGE_PIXELS


def test_a_closed_image_is_refused(noise):
    image = lazily(noise)
    image.close()
    with pytest.raises(ValueError, match="photo must be a whole picture, got a Pillow image of 60 x 40"):
        open_picture("photo", image)


def test_an_image_is_turned_upright_and_not_changed(noise):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(file_of(noise, exif=exif)))
    turned = open_picture("photo", image)
    assert (image.size, turned.size) == ((60, 40), (40, 60))
    assert np.array_equal(np.asarray(turned), np.rot90(np.asarray(noise), -1))


def test_spoilt_orientation_does_not_keep_from_reading(noise):
    image = noise.copy()
    image.info["exif"] = b"Exif\0\0II*\0\x08\0\0\0\xff\xff"
    assert np.array_equal(np.asarray(open_picture("photo", image)), np.asarray(noise))

"""Photos of every kind become upright square tensors, or a clear refusal."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from latent_widgets.inversion.photos import load_photo, read_photo
from tests import icc
from tests.pictures import corners, file_of


@pytest.fixture
def quarters():
    """A 40 x 60 picture: red top left, green top right, blue bottom left, white bottom right."""
    pixels = np.full((40, 60, 3), 255, dtype=np.uint8)
    pixels[:20, :30], pixels[:20, 30:], pixels[20:, :30] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return pixels


R, G, B, W = (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)


def test_path_bytes_image_and_array_give_the_same(quarters, tmp_path):
    image = Image.fromarray(quarters)
    path = tmp_path / "a photo.png"
    image.save(path)
    found = [load_photo(source, 24) for source in (path, str(path), file_of(image), image, quarters, quarters / 255.0)]
    assert all(torch.equal(found[0], other) for other in found)
    assert found[0].shape == (1, 3, 24, 24)
    assert found[0].dtype == torch.float32
    assert corners(found[0]) == [R, G, B, W]


def test_extremes_map_to_minus_one_and_one():
    assert load_photo(np.zeros((8, 8), np.uint8), 4).eq(-1).all()
    assert load_photo(np.full((8, 8), 255, np.uint8), 4).eq(1).all()


def test_camera_orientation_is_applied(quarters):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    photo = load_photo(file_of(Image.fromarray(quarters), "JPEG", quality=95, exif=exif), 24)
    assert corners(photo) == [B, R, W, G]


def test_transparency_shows_the_background(quarters):
    image = Image.fromarray(np.dstack([quarters, np.zeros((40, 60), np.uint8)]))
    shown = load_photo(image, 8, background=(0, 1, 0))
    assert torch.equal(shown[0, 1], torch.ones(8, 8))
    assert shown[0, 0].eq(-1).all()
    palette = Image.fromarray(quarters).convert("P")
    palette.info["transparency"] = 0
    assert load_photo(palette, 8).isfinite().all()


@pytest.mark.parametrize("mode", ["L", "LA", "CMYK", "1", "I;16", "I", "F"])
def test_every_mode_becomes_three_channels(mode):
    grey = Image.fromarray(np.tile(np.linspace(0, 255, 20).astype(np.uint8), (20, 1)))
    image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    photo = load_photo(image, 10)
    assert photo.shape == (1, 3, 10, 10)
    assert float(photo[0, :, :, -1].mean()) > 0.7
    assert float(photo[0, :, :, 0].mean()) < -0.7


def test_first_frame_of_an_animation(quarters):
    frames = [Image.fromarray(quarters), Image.new("RGB", (60, 40), "black")]
    data = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert corners(load_photo(data, 24)) == [R, G, B, W]


def test_crop_takes_shares_and_pads_with_background(quarters):
    assert load_photo(quarters, 8, crop=(0, 0, 1 / 3, 0.5))[0].mean((1, 2)).gt(0).tolist() == [True, False, False]
    beyond = load_photo(quarters, 8, crop=(1, 0, 2, 1), background=(0, 0, 1))
    assert beyond[0].mean((1, 2)).tolist() == [-1, -1, 1]


def test_rotation_is_counter_clockwise(quarters):
    assert corners(load_photo(quarters, 24, rotate=90)) == [G, W, R, B]


def test_ten_thousand_pixels_are_handled():
    photo = Image.new("RGB", (10_000, 300), "red")
    photo.paste("blue", (4900, 0, 5100, 300))
    assert load_photo(file_of(photo, "JPEG"), 16)[0, 2].gt(0).any()


def test_what_claims_too_much_is_refused_before_it_is_decoded():
    header = file_of(Image.new("1", (30_000, 30_000)))[:200]
    with pytest.raises(ValueError, match=r"source must have at most 200 million pixels, got"):
        load_photo(header, 16)


def test_bad_input(quarters, tmp_path):
    (tmp_path / "notes.png").write_text("hello")
    data = file_of(Image.fromarray(quarters))
    for source, message in [
        (tmp_path / "none.png", r"source must be a file that exists, got '.*none\.png'\."),
        (tmp_path / "notes.png", r"source must be a picture in one of the formats PNG, JPEG, .*, got 'notes\.png'\."),
        (data[: len(data) // 2], r"source must be a whole picture, got \d+ bytes, which is damaged"),
        (np.zeros((4, 4, 2), np.uint8), r"source must have shape .*, got \(4, 4, 2\)\."),
        (np.full((4, 4), 3.0), r"source must be between 0 and 1 where it is floating, got 3 to 3\."),
    ]:
        with pytest.raises(ValueError, match=message):
            load_photo(source, 8)
    for source, message in [
        (np.zeros((4, 4), int), r"source must be uint8, or floating in \[0, 1\], got int64\."),
        (torch.zeros(3, 4, 4), r"source must be a path, bytes, a Pillow image or an array, got Tensor\."),
    ]:
        with pytest.raises(TypeError, match=message):
            load_photo(source, 8)
    with pytest.raises(ValueError, match=r"crop must be \(left, top, right, bottom\) .*, got \(1, 0, 0, 1\)\."):
        load_photo(quarters, 8, crop=(1, 0, 0, 1))
    with pytest.raises(ValueError, match=r"background must be red, green and blue, got 2 numbers\."):
        load_photo(quarters, 8, background=(1, 1))
    with pytest.raises(ValueError, match=r"background must be between 0 and 1, got 2\."):
        load_photo(quarters, 8, background=(2, 1, 1))


def test_a_turned_photo_loses_nothing_that_the_crop_holds():
    wide = np.zeros((40, 60), np.uint8)
    whole = {"crop": (0, -0.25, 1, 1.25)}  # a square as wide as the photo
    turned = load_photo(wide, 60, rotate=90, **whole)
    assert torch.equal(turned, load_photo(np.ascontiguousarray(wide.T), 60, crop=(-0.25, 0, 1.25, 1)))


def test_sixteen_bits_are_not_brightened():
    dark = Image.fromarray(np.full((8, 8), 16384, np.uint16))
    assert float(load_photo(file_of(dark), 4)[0, 0, 0, 0]) == pytest.approx(-0.5, abs=0.01)
    assert float(load_photo(Image.new("F", (8, 8), 0.5), 4)[0, 0, 0, 0]) == pytest.approx(0, abs=0.01)
    assert float(load_photo(Image.new("I", (8, 8), 128), 4)[0, 0, 0, 0]) == pytest.approx(0, abs=0.01)


def test_colours_of_a_profile_are_those_of_srgb():
    photo = Image.new("RGB", (20, 30), (200, 60, 70))
    data = file_of(photo, icc_profile=icc.display_p3())
    matrix = np.linalg.solve(icc.to_xyz(icc.SRGB), icc.to_xyz(icc.P3))
    expected = 255 * icc.curved(matrix @ icc.linear(np.array([200, 60, 70]) / 255))
    once = read_photo(data, 25)
    for found in (load_photo(data, 8), load_photo(once, 8), load_photo(Image.open(io.BytesIO(data)), 8)):
        assert np.abs((found[0, :, 4, 4].numpy() + 1) * 127.5 - expected).max() <= 1  # one level, of the engine
    assert abs(expected[0] - 200) > 10


def test_a_transparent_photo_is_laid_over_the_background_in_srgb():
    photo = Image.new("RGBA", (20, 30), (200, 60, 70, 0))
    photo.putpixel((10, 15), (200, 60, 70, 255))
    data = file_of(photo, icc_profile=icc.display_p3())
    assert read_photo(data, 30).getpixel((0, 0))[3] == 0
    assert load_photo(data, 10, background=(0.2, 0.4, 0.6))[0, :, 0, 0].tolist() == pytest.approx(
        [-0.6, -0.2, 0.2], abs=1 / 255
    )


def test_images_of_pillow_are_refused_as_files_are(quarters):
    data = file_of(Image.fromarray(quarters), "BMP")
    for read in (lambda source: load_photo(source, 8), lambda source: read_photo(source, 8)):
        with pytest.raises(
            ValueError, match=r"source must be a whole picture, got a Pillow image of 60 x 40, which is"
        ):
            read(Image.open(io.BytesIO(data[: len(data) // 2])))
        with pytest.raises(ValueError, match=r"source must have at most 200 million pixels, got 20001 x 10000\."):
            read(Image.new("1", (20_001, 10_000)))


def test_an_image_of_pillow_stays_as_it_is(quarters):
    image = Image.fromarray(quarters)
    image.info["icc_profile"] = icc.display_p3()
    read_photo(image, 10)
    assert image.size == (60, 40)
    assert image.info["icc_profile"] == icc.display_p3()
    assert np.array_equal(np.asarray(image), quarters)


def test_shares_may_be_off_by_rounding(quarters):
    shares = quarters / 255.0
    off = shares * (1 + 1e-7) - 1e-8
    assert torch.equal(load_photo(off, 12), load_photo(shares, 12))
    assert torch.equal(load_photo(shares[..., :1], 12), load_photo(shares[..., 0], 12))


@pytest.mark.parametrize(
    ("array", "error", "fix"),
    [
        (lambda x: 255 * x, ValueError, "Use source / 255 for pixels of eight bits"),
        (lambda x: 2 * x - 1, ValueError, r"\(source \+ 1\) / 2 for a picture in \[-1, 1\]"),
        (lambda x: (65535 * x).astype(np.uint16), TypeError, "source / 65535 for sixteen"),
        (lambda x: (255 * x).astype(np.int64), TypeError, r"Use source\.astype\('uint8'\)"),
    ],
)
def test_arrays_in_another_range_are_refused_with_the_way_back(quarters, array, error, fix):
    with pytest.raises(error, match=fix):
        load_photo(array(quarters / 255), 8)


@pytest.mark.parametrize("rotate", [0, 30])
def test_a_crop_far_beyond_the_photo_takes_little_memory(rotate):
    photo = np.zeros((64, 48), np.uint8)
    for away in (40, 9_000):  # of which the second is 600 000 pixels wide
        shown = load_photo(photo, 32, crop=(-away, -away, away, away), rotate=rotate)
        dark = (1 - shown[0, 0]).flatten()
        assert float(dark.sum()) / 2 <= 2 * 32**2 / (2 * away) ** 2 + 32**2 / 255  # its share of the area
        assert float(dark.sum() - dark.max()) / 2 <= 3
    beside = load_photo(photo, 16, crop=(9_000, 0, 9_001, 1), rotate=rotate, background=(0, 0, 1))
    assert beside[0].mean((1, 2)).tolist() == [-1, -1, 1]


def test_a_crop_that_is_shrunk_shows_the_same():
    photo = np.random.default_rng(2).integers(0, 256, (40, 60, 3), np.uint8).repeat(20, 0).repeat(20, 1)
    crop = (-1.5, -1.2, 2.5, 2.2)  # of 2720 rows: more than the photo has, so it is shrunk
    exact = np.full((2720, 4800, 3), 255, np.uint8)
    exact[960:1760, 1800:3000] = photo
    found = load_photo(photo, (68, 120), crop=crop)
    assert float((found - load_photo(exact, (68, 120))).abs().mean()) < 0.01


def test_a_line_that_is_shrunk_stays_as_faint_as_it_is():
    line = np.zeros((1, 20_000), np.uint8)  # in a square of which it is a twenty-thousandth
    shown = load_photo(line, 64, crop=(0, 0, 1, 1))
    assert float((1 - shown[0, 0]).sum()) / 2 == pytest.approx(64 * 64 / 20_000, abs=64 / 255)


def test_a_crop_has_an_end():
    with pytest.raises(ValueError, match=r"crop must be between -10000 and 10000, got 20000\."):
        load_photo(np.zeros((4, 4)), 8, crop=(0, 0, 20_000, 1))

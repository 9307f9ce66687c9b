"""Pictures in another range than [-1, 1] are told from pictures of generators, at every door that takes pictures."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import latent_widgets as lw
from latent_widgets.core.pictures import BROUGHT, check_pictures, range_of, within_reach
from latent_widgets.geometry.effects.part_masks import PartMasks
from latent_widgets.geometry.effects.pyramid import lap1_norm, laplacian_pyramid
from latent_widgets.widgets.kit.encode import to_uint8
from latent_widgets.widgets.kit.still import Still
from tests import icc
from tests.doors import PICTURE_DOORS
from tests.pictures import file_of, lazily, noise

H, W = 10, 14


SCALED = {  # what [0, 1] becomes, and how it is brought back
    "eight bits": (lambda x: 255 * x, "x / 127.5 - 1"),
    "dark eight bits": (lambda x: 40 * x, "x / 127.5 - 1"),
    "enlarged eight bits": (lambda x: 290 * x - 20, "x / 127.5 - 1"),
    "sixteen bits": (lambda x: 65535 * x, "x / 32767.5 - 1"),
    "percent": (lambda x: 100 * x, "x / 127.5 - 1"),
    "four times": (lambda x: 4 * x, "2 * (x -"),
    "around zero": (lambda x: 255 * x - 128, "2 * (x -"),
    "ten times": (lambda x: 20 * x - 10, "2 * (x -"),
    "all white": (lambda x: torch.full_like(x, 255), "x / 127.5 - 1"),
    "below": (lambda x: -3 - x, "2 * (x -"),
}


@pytest.mark.parametrize(("scale", "fix"), SCALED.values(), ids=SCALED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_other_ranges_are_refused_with_the_way_back(scale, fix, dtype):
    pictures = scale(noise()).to(dtype)
    for x in (pictures, pictures[0], torch.cat([2 * noise() - 1, pictures.float()])):  # one alone, and among others
        with pytest.raises(ValueError, match=r"x must be in \[-1, 1\], from black to white, got") as told:
            check_pictures("x", x, BROUGHT)
        assert f"Use {fix}" in str(told.value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(
    "scale",
    [lambda x: x, lambda x: 2 * x - 1, lambda x: 3.4 * x - 1.5, lambda x: x * 0, lambda x: -x, lambda x: 0.01 * x],
)
def test_pictures_of_generators_pass(scale, dtype):
    pictures = scale(noise()).to(dtype)
    assert check_pictures("x", pictures, BROUGHT) is pictures
    assert range_of(pictures) is None


def test_single_pixels_of_a_network_may_lie_far_out():
    pictures = 2 * noise() - 1
    pictures[0, 1, 2, 3], pictures[1, 2, 0, 0] = -9.0, 8.0
    assert range_of(pictures, BROUGHT) is None
    assert range_of(torch.zeros(0, 3, H, W)) is None


@pytest.mark.parametrize(
    ("dtype", "largest", "white", "fix"),
    [
        (torch.uint8, 255, 255, "x / 127.5 - 1"),
        (torch.uint8, 3, 255, "x / 127.5 - 1"),
        (torch.int64, 255, 255, "x / 127.5 - 1"),
        (torch.int16, 90, 255, "x / 127.5 - 1"),
        (torch.uint16, 65535, 65535, "x / 32767.5 - 1"),
        (torch.int32, 4095, 65535, "x / 32767.5 - 1"),
        (torch.bool, 1, 1, "2.0 * x - 1"),
    ],
)
def test_whole_numbers_are_refused_with_the_way_back(dtype, largest, white, fix):
    pictures = (largest * noise()).round().to(torch.int64).to(dtype)
    with pytest.raises(TypeError) as told:
        check_pictures("x", pictures)
    assert str(told.value) == f"x must be floating in [-1, 1], got {dtype}. Use {fix}."
    assert range_of(pictures) == (0, white)


def test_complex_and_spoilt_pictures():
    with pytest.raises(TypeError, match=r"x must be floating in \[-1, 1\], got torch\.complex64\."):
        check_pictures("x", noise() + 1j)
    with pytest.raises(ValueError, match="x must be finite, got 840 NaN"):
        check_pictures("x", noise() * torch.nan)


def test_inside_transforms_and_on_no_device_there_is_nothing_to_look_at():
    assert torch.func.vmap(lambda x: check_pictures("x", x) * 2)(255 * noise()).shape == (2, 3, H, W)
    assert check_pictures("x", torch.zeros(1, 3, H, W, device="meta")).is_meta


def test_what_a_generator_draws_far_out_is_told_from_pixels():
    assert range_of(40 * noise() - 15) is None
    assert range_of(255 * noise() - 128) is not None
    assert range_of(290 * noise() - 20) == (0, 255)


# ---- doors


@pytest.mark.parametrize("door", PICTURE_DOORS)
def test_every_door_takes_pictures_in_range_and_no_others(door):
    name, call = PICTURE_DOORS[door]
    call(2 * noise() - 1)
    for error, x in (
        (ValueError, 200 * noise()),
        (TypeError, (255 * noise()).byte()),
        (TypeError, (255 * noise()).int()),
    ):
        with pytest.raises(error, match=rf"^{name} must be (in|floating in) \[-1, 1\].* Use {name} / 127\.5 - 1\.$"):
            call(x)


def test_whole_numbers_are_no_picture_for_the_screen_nor_for_the_pyramid():
    for call in (lambda x: to_uint8(x[0]), lambda x: Still(x[0]), lambda x: laplacian_pyramid(x, 1)):
        with pytest.raises(TypeError, match=r"must be floating in \[-1, 1\], got torch\.uint8"):
            call((255 * noise()).byte())


def test_a_painter_takes_images_of_pillow_as_photos_are_read():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGBA", (14, 10), (200, 60, 70, 255))
    image.putpixel((0, 9), (0, 0, 0, 0))
    image = Image.open(io.BytesIO(file_of(image, exif=exif, icc_profile=icc.display_p3())))
    painter = lw.MaskPainter(image)
    assert painter.image.shape == (14, 10, 3)
    assert painter.image[0, 0].tolist() == [255, 255, 255]
    assert np.abs(painter.image[5, 5] - icc.p3_to_srgb(np.array([200, 60, 70]))).max() <= 1
    with pytest.raises(ValueError, match="image must be a whole picture, got a Pillow image of 14 x 10"):
        painter.image = lazily(Image.new("RGB", (14, 10)), 0.7, "BMP")
    painter.close()


def test_a_painter_keeps_its_picture_when_another_is_refused():
    painter = lw.MaskPainter(2 * noise(1) - 1)
    before = painter.image.copy()
    painter.paint("brush", [(4, 5)], 3)
    for error, x in (
        (ValueError, 255 * noise(1)),
        (TypeError, (255 * noise(1)).byte()),
        (ValueError, np.ones((H, W, 3))),
    ):
        with pytest.raises(error, match="image must be"):
            painter.image = x
    assert np.array_equal(painter.image, before)
    assert painter.mask is not None
    painter.close()


def test_a_generator_driven_far_out_ends_no_measurement():
    far = torch.cat([300 * noise(1) - 150, 2 * noise(1) - 1])
    assert range_of(far) is not None
    assert range_of(within_reach(far)) is None
    assert torch.equal(within_reach(far)[1], far[1])
    seen = []

    def bright(images):
        seen.append(images)
        return images.mean(1).gt(0).long()

    masks = PartMasks.of(lw.load("digits32"), bright, 1)
    assert torch.equal(masks(torch.zeros(2, 64), "z", far), far.clamp(-1, 1).mean(1).gt(0))
    assert torch.equal(seen[0], far.clamp(-1, 1))
    wild = 20 * far / 150
    masks(torch.zeros(2, 64), "z", wild)
    assert torch.equal(seen[1], wild)
    assert bool(lap1_norm(far[:1] - far[1:], 1) > 10)

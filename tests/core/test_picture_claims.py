"""A file of a picture gets memory and time in proportion to its bytes, of seven formats, and runs no program."""

import io
import subprocess

import numpy as np
import pytest
from PIL import Image

import latent_widgets as lw
from latent_widgets.core.images import FORMATS
from latent_widgets.core.picture_claims import too_much
from latent_widgets.inversion.photos import load_photo, read_photo
from latent_widgets.values.mask_reading import read_picture
from latent_widgets.widgets.kit.still import pixels_of
from latent_widgets.widgets.painter.files import load_mask
from latent_widgets.widgets.painter.model import MaskModel
from tests import icc
from tests.picture_bombs import BOMBS, EPS, cut_png, tiff
from tests.pictures import file_of, lazily, noise

READERS = {
    "photo": lambda source: load_photo(source, 8),
    "whole photo": lambda source: read_photo(source, 64),
    "mask": lambda source: lw.Mask(source) if isinstance(source, Image.Image) else read_picture(source),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("bomb", BOMBS)
def test_what_asks_for_too_much_is_refused_in_words(reader, bomb):
    make, words = BOMBS[bomb]
    with pytest.raises(ValueError, match=words):
        READERS[reader](make())


# The beginning of a file alone: what is small enough is found to be cut off.
@pytest.mark.parametrize(
    ("reader", "bits", "colour", "side", "most"),
    [
        ("photo", 8, 2, 5000, 23), ("photo", 16, 6, 5000, 23), ("photo", 1, 0, 5000, 23), ("photo", 16, 0, 13_300, 23),
        ("mask", 8, 2, 2200, 4), ("mask", 16, 6, 2200, 4), ("mask", 1, 0, 3000, 8), ("mask", 16, 0, 3000, 8),
    ],
)  # fmt: skip
def test_pixels_go_by_the_bit_depth_before_they_are_decoded(reader, bits, colour, side, most):
    with pytest.raises(ValueError, match=rf"at most {most} million pixels in a file of 1 kB, got {side} x {side}\."):
        READERS[reader](cut_png(side, side, bits, colour))
    with pytest.raises(ValueError, match="must be a whole picture"):
        READERS[reader](cut_png(int((most * 1e6) ** 0.5), int((most * 1e6) ** 0.5), bits, colour))


def test_larger_files_may_have_more_pixels():
    head = cut_png(10_000, 10_000)
    for size in (10**6, 10**7):
        with pytest.raises(ValueError, match=rf"at most {23 + 6 * size // 10**6} million|whole picture"):
            load_photo(head + bytes(size), 8)
    with pytest.raises(ValueError, match="must be a whole picture"):  # as those of a camera of a hundred megapixels
        load_photo(head + bytes(2 * 10**7), 8)
    with pytest.raises(ValueError, match="at most 200 million pixels, got more"):
        load_photo(cut_png(15_000, 15_000) + bytes(10**8), 8)


def test_large_jpegs_are_decoded_smaller():
    photo = Image.new("RGB", (9000, 8400), "red")  # 76 million pixels in a megabyte
    read = load_photo(file_of(photo, "JPEG", quality=30), 16)
    assert float(read[0, 0].min()) > 0.9
    assert float(read[0, 1:].max()) < -0.9


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read_whatever_it_is_called(kind, tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(file_of(Image.new("RGB", (32, 32), "blue"), kind))
    blue = load_photo(path, 8)[0, :, 4, 4]
    assert blue.round().tolist() == [-1, -1, 1]


@pytest.fixture
def no_program(monkeypatch):
    """Nothing is started: Pillow has Ghostscript draw EPS."""
    started = []
    for name in ("Popen", "check_call", "run", "call"):
        monkeypatch.setattr(subprocess, name, lambda *a, **k: started.append(a))
    yield
    assert not started


@pytest.mark.usefixtures("no_program")
@pytest.mark.parametrize("kind", ["EPS", "PPM", "TGA", "PCX", "SGI", "JPEG2000"])
def test_all_other_formats_stay_closed(kind, tmp_path):
    data = EPS if kind == "EPS" else file_of(Image.new("RGB", (16, 16), "red"), kind)
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    model = MaskModel(np.zeros((16, 16, 3), np.uint8))
    readers = [*READERS.values(), lambda data: load_photo(path, 8), lambda data: load_mask(model, path)]
    for read in readers:
        with pytest.raises(ValueError, match="must be a picture in one of the formats PNG, JPEG, WEBP, GIF, TIFF, BMP"):
            read(data)
    for read in (*READERS.values(), pixels_of):
        with pytest.raises(ValueError, match=rf"must be one of PNG, .*, got an undecoded {kind}\. If you trust"):
            read(Image.open(io.BytesIO(data)))


def test_an_image_that_is_decoded_is_an_image_whatever_it_was():
    image = lazily(Image.new("RGB", (16, 16), "red"), kind="PPM")
    image.load()
    assert load_photo(image, 8)[0, 0].min() == 1


def test_what_programs_write_asks_for_nothing_much():
    picture = Image.fromarray((255 * noise(1, (300, 200))[0].permute(1, 2, 0).numpy()).astype(np.uint8))
    exif = Image.Exif()
    exif[0x010F] = "camera"
    options = {"TIFF": {"compression": "tiff_lzw"}, "JPEG": {"progressive": True, "exif": exif}}
    for kind in FORMATS:
        assert too_much(file_of(picture, kind, **options.get(kind, {}))) is None
    assert too_much(file_of(picture, "TIFF", tiffinfo={278: 1})) is None  # a strip for each row
    assert too_much(file_of(picture, "TIFF", big_tiff=True)) is None
    for order in "<>":
        assert too_much(tiff([(322, 3, 1, 16), (323, 3, 1, 16)], order=order)) is None
    for spoilt in (
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"II+\0\x08\0\0\0" + 8 * b"\xff",
    ):
        assert too_much(spoilt) is None


def test_a_profile_that_is_a_program_is_left_out():
    image = Image.new("RGB", (8, 8), (200, 60, 70))
    image.info["icc_profile"] = icc.display_p3()
    assert read_photo(image, 8).getpixel((0, 0)) != (200, 60, 70)
    image.info["icc_profile"] += b"mpet"  # 45 kB whose 8000 steps are the same table took minutes
    assert read_photo(image, 8).getpixel((0, 0)) == (200, 60, 70)

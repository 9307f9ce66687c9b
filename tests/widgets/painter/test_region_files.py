"""Regions as JSON that somebody else wrote are read as they are meant, or refused in words, in little memory."""

import base64
import json
import tracemalloc
import zlib

import numpy as np
import pytest

from latent_widgets.widgets.painter import files
from latent_widgets.widgets.painter.model import MaskModel
from latent_widgets.widgets.painter.tools import Stroke
from tests.json_places import changed, places

H, W = 30, 41


@pytest.fixture
def plain():
    """The file of a hard region with a stroke and of a soft one."""
    model = MaskModel(np.zeros((H, W, 3), np.uint8), ("eyes", "mouth"))
    model.stroke(Stroke("line", [(3.25, 3), (30, 20)], 5))
    model.select("mouth")
    model.assign(np.linspace(0, 1, H * W, dtype=np.float32).reshape(H, W))
    return json.loads(files.to_json(model))


def test_a_mask_unpacks_to_the_pixels_of_the_picture_and_no_further(plain):
    bomb = base64.b64encode(zlib.compress(bytes(2**26), 9)).decode()
    text = json.dumps(changed(plain, ("regions", 1, "mask"), bomb))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"a damaged file: mask must have a weight of four bytes for each of 1230"):
        files.from_json(text, (H, W))
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("place", "wrong", "words"),
    [
        (("version",), True, "of format 1, got True"),
        (("size",), "\ud800", r"height and width, \[30, 41\], got '\\ud800'"),
        (("regions",), None, "a damaged file: 'NoneType'"),
        (("regions", 0), 3, "a damaged file"),
        (("regions", 0, "soft"), "no", "soft must be True or False, got 'no'"),
        (("regions", 0, "soft"), 1, "soft must be True or False, got 1"),
        (("regions", 0, "name"), "", "region must be a name, got ''"),
        (("regions", 0, "name"), 3, "region must be a name, got 3"),
        (("regions", 0, "name"), "mouth", "two regions have the name 'mouth'"),
        (("regions", 0, "mask"), "AAAA", "mask must have a bit for each of 30 x 41 pixels, got 3 bytes"),
        (("regions", 0, "mask"), "ä", "ASCII"),
        (("regions", 1, "mask"), "AAAA", "mask must be compressed weights, got something else"),
        (("regions", 1, "mask"), base64.b64encode(zlib.compress(bytes(4 * H * W))[:-5]).decode(), "another number"),
        (("regions", 0, "strokes", 0, "erase"), "no", "erase must be True or False, got 'no'"),
        (("regions", 0, "strokes", 0, "size"), "5", "size must be a number, got '5'"),
        (("regions", 0, "strokes", 0, "points"), [["1", 2]], "x must be a number, got '1'"),
        (("regions", 0, "strokes", 0, "points"), [], "points must be at least one"),
        (("region",), "nose", "region must be one of 'eyes', 'mouth', got 'nose'"),
    ],
)
def test_fields_of_a_wrong_kind_are_named(plain, place, wrong, words):
    with pytest.raises(ValueError, match=words):
        files.from_json(json.dumps(changed(plain, place, wrong)), (H, W))


def test_every_field_takes_its_kind_alone(plain):
    for place in places(plain):
        for wrong in (None, True, "no", -1, 1.5, 10**299, [], {}, [[]], "\ud800\nquit()", 10_000 * "x", [None]):
            try:
                state = files.from_json(json.dumps(changed(plain, place, wrong)), (H, W))
            except ValueError as error:
                words = str(error)
            else:
                words = " ".join(state.regions)
                assert all(packed.unpack(H, W).shape == (H, W) for packed in state.regions.values())
            assert words.isprintable() or words.startswith("\ufffd"), (place, wrong)
            assert len(words) < 2_000 or place[-1] == "name", (place, wrong)
            words.encode()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "", "\x00", '{"format": NaN}'])
def test_text_that_is_no_json_of_ours_is_refused_in_words(text):
    with pytest.raises(ValueError, match="the text of regions must be JSON, got something else"):
        files.from_json(text, (H, W))


def test_an_array_that_claims_more_than_it_has_is_refused(plain):
    head = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"
    model = MaskModel(np.zeros((H, W, 3), np.uint8))
    with pytest.raises(ValueError, match="mask must be an array as numpy saves it, got something else"):
        files.read_mask(model, "mask.npy", head.ljust(127) + b"\n")

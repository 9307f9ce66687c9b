"""Hands on the explorer's picture: what the page says of them, and what that does."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from latent_widgets.edits.edit import Mask
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.kit.encode import to_uint8
from latent_widgets.widgets.kit.stage import FULL
from latent_widgets.widgets.kit.strokes import Stroke, cover
from tests.controls import titles


@pytest.fixture
def explorer(tiny):
    with LatentExplorer(tiny, seed=3, k=2, executor="inline") as made:
        yield made


@pytest.fixture
def touch(explorer):
    return explorer.hands


@pytest.fixture
def faces():
    """An explorer of rendered faces, whose parts are known."""
    with LatentExplorer(ExactFaces(resolution=16), seed=3, k=2, executor="inline") as made:
        yield made


def test_first_stroke_makes_the_sliders_follow_and_is_one_act(explorer, touch):
    touch.stroke(((4.5, 4.5), (9.5, 4.5)), 3.0, False)
    covered = torch.from_numpy(cover(Stroke("brush", [(4.5, 4.5), (9.5, 4.5)], 3.0), 16, 16))
    assert explorer.mask.tensor.equal(covered)
    assert (explorer.steer, explorer.confine) == (True, False)
    assert explorer.directions.method == "region"
    assert titles(explorer.state.shelf) == ["Random directions", "Region"]
    shown = np.asarray(Image.open(io.BytesIO(touch.stage.mask)))
    assert ((shown > 127) == covered.numpy()).all()
    explorer.undo()
    assert (explorer.mask, explorer.steer, explorer.confine) == (None, False, True)
    assert not explorer.history.can_undo
    assert touch.stage.mask == b""
    assert titles(explorer.state.shelf) == ["Random directions"]
    explorer.redo()
    assert explorer.mask.tensor.equal(covered)
    assert touch.stage.mask


def test_strokes_add_up_and_wipe(explorer, touch):
    touch.stroke(((4.5, 4.5),), 4.0, False)
    one = explorer.mask.tensor.sum()
    touch.stroke(((11.5, 11.5),), 4.0, False)
    assert explorer.mask.tensor.sum() == 2 * one
    touch.stroke(((4.5, 4.5),), 4.0, True)
    assert explorer.mask.tensor.sum() == one
    touch.stroke(((8.0, 8.0),), 40.0, True)
    assert explorer.mask is None  # nothing is painted
    explorer.undo()
    assert explorer.mask.tensor.sum() == one
    assert explorer.error is None


def test_eraser_alone_paints_nothing_and_steers_nothing(explorer, touch):
    touch.stroke(((4.5, 4.5),), 4.0, True)
    assert (explorer.mask, explorer.steer) == (None, False)
    assert not explorer.history.can_undo


def test_paint_on_a_region_that_confines_goes_on_confining(explorer, touch, square):
    explorer.mask = Mask(square)
    touch.stroke(((0.5, 0.5),), 2.0, False)
    assert (explorer.confine, explorer.steer) == (True, False)
    assert explorer.edit.mask is explorer.mask
    assert explorer.mask.tensor[0, 0]


def test_region_of_another_size_is_painted_on_in_the_size_of_the_picture(explorer, touch):
    explorer.mask = Mask(torch.ones(3, 3))
    touch.stroke(((8.0, 8.0),), 6.0, True)
    assert tuple(explorer.mask.tensor.shape) == (16, 16)
    assert 0.7 < explorer.mask.area < 0.95


def test_part_is_taken_and_given_up_with_a_click(faces):
    touch = faces.hands
    names = faces.part.segmenter.names
    touch.take(8.0, 4.0, False)
    assert faces.error is None
    taken = faces.mask
    assert 0 < taken.area < 1
    assert taken.tensor[4, 8]
    assert any(f"took {name}" in faces.status for name in names)
    assert faces.directions.method == "region"
    touch.take(8.0, 4.0, True)
    assert faces.mask is None
    assert "gave up" in faces.status


def test_taking_where_nothing_finds_parts_is_refused_in_words(explorer, touch):
    assert list(touch.tool.buttons) == ["brush", "eraser"]
    with pytest.raises(ValueError, match=r"segmenter must find parts, got none\. Paint the part, or set"):
        touch.take(3.0, 3.0, False)


def test_page_gets_the_picture_before_the_moves_when_it_asks(tiny, explorer, touch):
    explorer.set_alpha(0, 2.0)
    assert touch.stage.before == b""
    touch.stage._heard(touch.stage, {"kind": "before"}, [])
    seen = np.asarray(Image.open(io.BytesIO(touch.stage.before)).convert("RGB"))
    assert (seen == to_uint8(tiny.synthesize(tiny.code(3)[None]))).all()
    explorer.set_alpha(0, 1.0)
    assert touch.stage.before  # the start is the same
    explorer.seed = 4
    assert touch.stage.before == b""


def test_tools_are_taken_and_left(touch):
    brush, eraser = touch.tool.buttons.values()
    brush.value = True
    assert (touch.stage.tool, touch.size.layout.display) == ("brush", None)
    eraser.value = True
    assert (touch.stage.tool, brush.value) == ("eraser", False)
    touch.stage._heard(touch.stage, {"kind": "tool", "tool": ""}, [])  # Escape in the page
    assert (eraser.value, touch.size.layout.display) == (False, "none")
    touch.size.value = 3.5
    assert touch.stage.brush == 3.5
    touch.stage._heard(touch.stage, {"kind": "brush", "size": 7.0}, [])
    assert touch.size.value == 7.0


def test_full_screen_is_the_business_of_the_page(touch):
    assert touch.full in touch.tools.children
    assert (touch.full.description, touch.full.icon) == ("Full screen", "expand")
    assert {FULL, "lw-icon"} <= set(touch.full._dom_classes)


def test_stage_says_what_the_picture_shows(explorer, touch):
    explorer.set_alpha(0, 2.0)
    assert touch.stage.alt.startswith("The picture: seed 3 · 1 move · change ")


def test_any_move_of_a_slider_shows_the_picture_after(explorer):
    explorer.controls.view.value = "before"
    explorer.sliders.rows[0].slider.put(1.0)
    assert explorer.controls.view.value == "after"
    explorer.screen.compare.value = True
    assert explorer.controls.view.value == "difference"
    explorer.sliders.rows[0].slider.put(2.0)
    assert explorer.screen.compare.value
    explorer.controls.view.value = "after"
    assert not explorer.screen.compare.value


# ---- the strip


def test_strip_is_the_walk_of_the_active_direction(explorer):
    strip = explorer.strip.view
    assert (strip.count, strip.places, strip.chosen) == (7, [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0], 3)
    assert strip.labels[0] == "-3 sd"
    assert strip.alt == "walk along random 1"
    sheet = Image.open(io.BytesIO(strip.sheet))
    assert sheet.size == (7 * 16, 16)
    strip._heard(strip, {"kind": "go", "place": 2.0}, [])
    assert [move.alpha for move in explorer.edit.moves] == [2.0]
    assert strip.chosen == 5
    explorer.select(1)
    explorer.show_page()
    assert (strip.alt, strip.chosen) == ("walk along random 2", 3)


def test_drag_along_the_strip_is_one_entry(explorer):
    strip = explorer.strip.view
    for number, (place, done) in enumerate([(0.4, False), (0.9, False), (1.3337, True)]):
        strip._heard(strip, {"kind": "scrub", "place": place, "done": done, "id": number}, [])
    assert [move.alpha for move in explorer.edit.moves] == [1.334]
    explorer.undo()
    assert explorer.edit.moves == ()
    assert not explorer.history.can_undo


def test_slow_generator_draws_no_strip_by_itself(tiny, explorer, monkeypatch):
    explorer.frames.exact_ms = 400.0
    drawn = []
    monkeypatch.setattr(tiny, "synthesize", lambda *a: drawn.append(a))
    explorer.strip.draw()
    assert drawn == []
    assert explorer.strip.view.layout.display == "none"


def test_walk_that_there_is_not_leaves_no_strip(explorer, tiny):
    explorer.pages["walk"].kind.value = "curve"
    explorer.code = explorer.code.__class__(tiny.code(3) + 1, "w")
    assert explorer.strip.view.layout.display == "none"
    assert explorer.error is None

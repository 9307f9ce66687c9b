"""A painter beside the hand: long tools on the worker, parts, uploads, fingers, another picture, a busy cell."""

import io
import sys
import threading
from datetime import datetime
from types import SimpleNamespace

import ipycanvas
import numpy as np
import pytest
import torch
from traitlets import dlink, link

from latent_widgets.widgets.jobs.turns import HANDS
from latent_widgets.widgets.kit.still import Still
from latent_widgets.widgets.painter import tools
from latent_widgets.widgets.painter.cell_watch import CellWatch
from latent_widgets.widgets.painter.files import to_png
from latent_widgets.widgets.painter.parts import Parts
from tests.widgets.conftest import PATIENCE, until

H, W = 24, 32
COMMANDS = ipycanvas.canvas.COMMANDS


@pytest.fixture
def upload():
    """Hands a file to a painter as its upload button does."""

    def send(painter, name, data):
        file = {
            "name": name,
            "type": "",
            "size": len(data),
            "content": memoryview(data),
            "last_modified": datetime.now(),
        }
        painter.controls.upload.value = (file,)

    return send


def test_strokes_made_while_a_tool_works_are_kept(make, send, gate, monkeypatch):
    painter = make(executor="thread", brush=4)
    painter.paint("rectangle", [(10, 10), (14, 14)])
    slow = gate()
    grow = tools.grow
    monkeypatch.setattr(tools, "grow", lambda mask, n: (slow(lambda: True), grow(mask, n))[1])
    painter.controls.amount.value = 2
    painter.later.edge("grow", 2)
    slow.await_begin()
    send(painter, "mouse_down", (25, 20))
    send(painter, "mouse_up", (25, 20))
    painted = painter.model.mask.copy()
    assert painted[20, 25]
    slow.open()
    assert painter.job.wait(PATIENCE)
    assert (painter.model.mask == grow(painted, 2)).all()
    painter.undo()
    assert (painter.model.mask == painted).all()


def test_two_quick_clicks_fill_both_places(make, send, gate):
    image = np.zeros((H, W, 3), np.uint8)
    image[:, 16:] = 200
    painter = make(image, executor="thread", tool="fill")
    first = gate()
    painter.run(first)
    first.await_begin()
    for x in (5, 25):
        send(painter, "mouse_down", (x, 5))
    first.open()
    assert painter.job.wait(PATIENCE)
    assert painter.model.mask.all()


def test_tool_of_another_region_does_not_change_the_selection_and_a_removed_one_is_left_alone(make, gate):
    painter = make(regions=["a", "b"], executor="thread")
    painter.paint("rectangle", [(10, 10), (14, 14)])
    for leave in (lambda: setattr(painter, "region", "b"), lambda: painter.remove("a")):
        painter.region = "a"
        before = painter.model.mask.copy()
        held = gate()
        painter.run(held)
        held.await_begin()
        painter.later.edge("grow", 1)
        leave()
        held.open()
        assert painter.job.wait(PATIENCE)
        assert painter.region == "b"
        if "a" in painter.regions:
            assert (painter.model.mask_of("a") == tools.grow(before, 1)).all()


def test_tool_is_dropped_in_words_where_the_picture_has_another_size(make, gate):
    painter = make(executor="thread")
    held = gate()
    painter.run(held)
    held.await_begin()
    painter.later.threshold(0, 255)
    painter.image = np.zeros((10, 10, 3), np.uint8)
    held.open()
    assert painter.job.wait(PATIENCE)
    assert painter.mask is None
    assert "threshold was dropped: the picture has another size now" in painter.status


def test_parts_from_a_segmenter_are_looked_for_once_a_picture(make):
    looked = []

    def segmenter(images):
        looked.append(images.shape)
        assert float(images.min()) >= -1
        return (images[:, 0] > 0).long()

    segmenter.names = ("dark", "bright")
    image = np.zeros((H, W, 3), np.uint8)
    image[4:9] = 255
    painter = make(image, segmenter=segmenter, parts={"left": np.arange(W)[None] + np.zeros((H, 1)) < 3})
    assert painter.controls.part.options == ("left", "dark", "bright")
    assert looked == []
    for name in ("bright", "left"):
        painter.controls.part.value = name
        painter.controls.take.click()
    expected = image[..., 0] > 0
    expected[:, :3] = True
    assert (painter.model.mask == expected).all()
    painter.take("dark")
    assert painter.model.mask.all()
    assert looked == [(1, 3, H, W)]
    painter.image = np.zeros((H, W, 3), np.uint8)
    painter.clear()
    painter.later.take("bright")
    assert painter.mask is None
    assert "no bright in this picture" in painter.status
    assert len(looked) == 2
    painter.image = np.full((10, 12, 3), 255, np.uint8)
    painter.take("bright")
    assert painter.model.mask.shape == (10, 12)
    assert painter.model.mask.all()


def test_parts_from_a_map_of_labels():
    labels = torch.tensor([[[0, 1, 1], [2, 2, 0]]])
    parts = Parts((labels, ["none", "hair", "skin"]), None, (2, 3))
    image = np.zeros((2, 3, 3), np.uint8)
    assert parts.names == ("none", "hair", "skin")
    assert parts.find("skin", image).tolist() == [[False, False, False], [True, True, False]]
    parts.fit(4, 6)
    assert parts.find("hair", image).shape == (4, 6)


@pytest.mark.parametrize(
    ("given", "segmenter", "error", "text"),
    [
        ((np.zeros((2, 2), int), ["a"]), None, ValueError, r"parts must give labels of the picture's height and width"),
        ((np.zeros((2, 3)), ["a"]), None, TypeError, "parts must give integer labels, got float64"),
        ((np.full((2, 3), 4), ["a"]), None, ValueError, "parts must give labels from 0 to 0, got 4 to 4"),
        ([1, 2], None, TypeError, r"parts must be masks by name or \(labels, names\), got list"),
        (None, lambda images: images, TypeError, "segmenter must be callable and have names, got function"),
        (None, SimpleNamespace(names=["a"]), TypeError, "segmenter must be callable and have names"),
    ],
)
def test_parts_that_do_not_fit_are_refused(given, segmenter, error, text):
    with pytest.raises(error, match=text):
        Parts(given, segmenter, (2, 3))


def test_failing_segmenter_is_shown_and_the_painter_lives_on(make):
    def segmenter(images):
        raise RuntimeError("no weights")

    segmenter.names = ("a",)
    painter = make(segmenter=segmenter)
    painter.controls.take.click()
    assert "no weights" in str(painter.error)
    painter.paint("brush", [(3, 3)])
    assert painter.mask is not None


def test_uploaded_files_are_taken(make, upload):
    painter = make()
    mask = np.zeros((H, W), bool)
    mask[3:7, 4:9] = True
    array = io.BytesIO()
    np.save(array, mask)
    for name, data in (("m.png", to_png(mask)), ("m.npy", array.getvalue())):
        painter.clear()
        upload(painter, name, data)
        assert (painter.model.mask == mask).all()
        assert painter.controls.upload.value == ()
    upload(painter, "m.npy", b"what")
    assert "mask must be an array as numpy saves it" in str(painter.error)
    upload(painter, "m.exe", b"")
    assert "the ending of path must be one of" in str(painter.error)
    assert (painter.model.mask == mask).all()


def test_touch_that_the_browser_takes_away_keeps_what_was_painted(make, send):
    painter = make(brush=4)
    send(painter, "touch_start", (5, 5))
    send(painter, "touch_move", (20, 5))
    send(painter, "touch_cancel")
    assert painter.model.mask[5, 19]
    assert not painter.gesture.down


def test_two_fingers_zoom_and_move_about_what_they_hold(make, send):
    painter = make()
    send(painter, "touch_start", (10, 10))
    send(painter, "touch_start", (10, 12), (20, 12))
    held = painter.view.to_image(150, 120)
    touches = [{"x": 50, "y": 130}, {"x": 250, "y": 130}]
    painter.canvas.widget[-1]._handle_frontend_event(None, {"event": "touch_move", "touches": touches}, [])
    assert painter.view.zoom == pytest.approx(2)
    assert painter.view.to_image(150, 130) == pytest.approx(held)
    send(painter, "touch_end", (10, 12))
    send(painter, "touch_move", (20, 20))
    send(painter, "touch_end")
    assert painter.mask is None


def test_another_picture_keeps_regions_history_and_the_stroke_that_is_being_made(make, send):
    painter = make(brush=4)
    painter.paint("rectangle", [(1, 1), (5, 5)])
    send(painter, "mouse_down", (20, 20))
    source = make()
    with HANDS:  # as an explorer does
        joined = dlink((source, "picture"), (painter, "picture"))
        source.picture = Still(np.full((H, W, 3), 7, np.uint8))
    assert painter.image[0, 0, 0] == 7
    assert painter.gesture.down
    send(painter, "mouse_up", (20, 20))
    assert painter.model.mask[20, 20]
    painter.undo()
    painter.undo()
    assert painter.mask is None
    painter.redo()
    assert painter.mask.area > 0
    joined.unlink()
    painter.image = Still(np.full((H, W, 3), 9, np.uint8))
    assert painter.image[0, 0, 0] == 9


def test_linked_painters_on_two_threads_wait_for_nobody_forever(make):
    first, second = make(executor="thread"), make(executor="thread")
    joined = link((first, "mask"), (second, "mask"))
    for painter in (first, second):
        for _ in range(5):
            painter.later.edge("grow", 1)
            painter.later.threshold(0, 200)
    for painter in (first, second):
        assert painter.job.wait(PATIENCE)
    assert (first.model.mask == second.model.mask).all()
    joined.unlink()


def test_pieces_of_a_stroke_are_small_and_name_their_canvas_when_another_was_drawn_on(make, send, sent):
    painter = make(opacity=1.0)
    send(painter, "mouse_down", (3, 5))
    del sent[:]
    send(painter, "mouse_move", (9, 5))
    assert [command[0] for command in sent[-1]] == [COMMANDS["strokeLine"]]
    painter.canvas.hint([(1, 1), (2, 2)])
    send(painter, "mouse_move", (12, 5))
    assert sent[-1][0] == [COMMANDS["switchCanvas"], [f"IPY_MODEL_{painter.canvas.widget[2].model_id}"], 0]
    assert len(sent[-1]) == 8
    other = ipycanvas.Canvas()
    other.fill_rect(0, 0, 3, 3)
    send(painter, "mouse_move", (14, 5))
    assert sent[-1][0][0] == COMMANDS["switchCanvas"]
    send(painter, "mouse_move", (15, 5))
    assert len(sent[-1]) == 1
    other.close()


def test_stroke_is_drawn_again_when_the_regions_were(make, send, sent):
    painter = make()
    send(painter, "mouse_down", (3, 5))
    send(painter, "mouse_move", (9, 5))
    del sent[:]
    painter.opacity = 0.25
    assert painter.gesture.down
    assert sum(command[0] == COMMANDS["stroke"] or command[0] == COMMANDS["strokeLine"] for command in sent[-1]) == 2
    send(painter, "mouse_up", (9, 5))
    assert painter.model.mask[5, 8]


@pytest.mark.parametrize("mask", [np.ones((H, W), bool), np.eye(1, H * W).reshape(H, W) > 0])
def test_full_and_one_pixel_masks_go_through_every_tool(make, mask):
    painter = make()
    for change in (
        lambda: painter.grow(3), lambda: painter.shrink(3), lambda: painter.feather(2), painter.invert,
        lambda: painter.fill(0, 0), lambda: painter.pick(3, 3), lambda: painter.threshold(0, 100), painter.clear,
    ):  # fmt: skip
        painter.mask = mask
        change()
        if not np.array_equal(painter.model.mask, mask):
            painter.undo()
        assert (painter.model.mask == mask).all()
    painter.clear()
    for change in (lambda: painter.grow(3), lambda: painter.shrink(3), lambda: painter.feather(2)):
        change()
        assert painter.mask is None


def test_masks_with_channels_are_refused(make):
    painter = make()
    with pytest.raises(ValueError, match=r"mask must have shape \(H, W\), got \(24, 32, 3\)"):
        painter.mask = np.zeros((H, W, 3), bool)
    assert painter.mask is None


class Events:
    """A notebook's cells beginning and ending."""

    def __init__(self):
        self.called = {}

    def register(self, name, function):
        self.called[name] = function

    def unregister(self, name, function):
        assert self.called.pop(name) == function


@pytest.fixture
def cells(monkeypatch):
    """Stand for those of a notebook that runs."""
    events = Events()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(events=events)))
    return events.called


def test_long_cell_is_told_of_and_its_end(cells):
    said = []
    watch = CellWatch(said.append, patience=0.0)
    cells["pre_run_cell"](None)
    until(lambda: said)
    cells["post_run_cell"](None)
    assert said == [True, False]
    slow = CellWatch(said.append, patience=1000)
    cells["pre_run_cell"](None)
    cells["post_run_cell"](None)
    assert said == [True, False]
    slow.close()
    slow.close()
    assert cells == {}
    assert watch is not slow


def test_timer_of_an_earlier_cell_says_nothing_of_this_one(cells, monkeypatch):
    said, rung = [], []

    class Timer:
        """One that cannot be stopped any more: the test rings it."""

        def __init__(self, seconds, function):
            rung.append(function)

        def start(self):
            pass

        cancel = start

    monkeypatch.setattr(threading, "Timer", Timer)
    watch = CellWatch(said.append)
    for _ in range(2):
        cells["pre_run_cell"](None)
        rung[0]()  # on another thread than this cell's timer
        assert said == []
        cells["post_run_cell"](None)
    assert said == []
    assert len(rung) == 2
    watch.close()


def test_painter_says_that_a_cell_runs(make, cells):
    painter = make()
    waiting = painter.controls.waiting
    assert waiting.layout.visibility == "hidden"
    end = cells["post_run_cell"]
    cells["pre_run_cell"](None)
    until(lambda: waiting.layout.visibility == "visible")
    end(None)
    assert waiting.layout.visibility == "hidden"
    cells["pre_run_cell"](None)
    until(lambda: waiting.layout.visibility == "visible")
    painter.close()
    assert cells == {}
    end(None)  # was on its way
    assert waiting.layout.visibility == "visible"


def test_result_that_does_not_fit_leaves_the_selected_region(make):
    painter = make(None, ["eyes", "mouth"])
    with pytest.raises(ValueError, match="mask must have the picture's height and width"):
        painter.settle("mouth", np.zeros((3, 3), bool))
    assert painter.model.region == painter.region == "eyes"

"""Whatever hands do to a painter linked with an explorer of an unruly generator: no stroke and no picture is lost.

Undo and redo, files and links are held to a model beside it. `LATENT_WIDGETS_EXAMPLES=100` looks longer.
"""

import os
import time
from functools import partial

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from traitlets import dlink, link

from latent_widgets.edits.edit import Mask
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.screen import frames, screen
from latent_widgets.widgets.jobs.settle import Settle
from latent_widgets.widgets.painter.files import to_json
from latent_widgets.widgets.painter.painter import MaskPainter
from tests.unruly import SIDE, alike, failing, failing_at_times, lawful, unruly
from tests.widgets.conftest import PATIENCE, calm

pytestmark = pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
PLACES = st.tuples(st.floats(0, SIDE, width=16), st.floats(0, SIDE, width=16))
SHAPES = st.sampled_from(["brush", "rectangle", "ellipse", "lasso"])
NAMES = st.sampled_from(["eyes", "mouth", "hair"])


class Finder:
    """A segmenter that finds the upper half, at times slowly, at times not at all."""

    names = ("upper", "lower")

    def __init__(self):
        self.trouble, self.pause, self.calls = None, 0.0, 0

    def __call__(self, images):
        self.calls += 1
        time.sleep(self.pause)
        if self.trouble is not None:
            self.trouble(self.calls)
        rows = np.arange(SIDE)[None, :, None] >= SIDE // 2
        return np.broadcast_to(rows, (1, SIDE, SIDE)).astype(int)


class Brushes(RuleBasedStateMachine):
    """A painter with its explorer, and a model of its history: the regions at each step, and where it stands."""

    def __init__(self, kind, executor):
        super().__init__()
        self.network, G, D = unruly(kind)
        self.explorer = LatentExplorer(G, D, seed=1, executor=executor)
        self.explorer.controls.page = "code"
        assert self.explorer.wait(PATIENCE)
        self.finder = Finder()
        self.painter = MaskPainter(
            self.explorer.picture, ["eyes", "mouth"], segmenter=self.finder, executor=executor, width=64
        )
        dlink((self.explorer, "picture"), (self.painter, "picture"))
        link((self.painter, "mask"), (self.explorer, "mask"))
        self.shown = {}
        canvas = self.painter.canvas
        self.regions, self.picture = canvas.show_regions, canvas.show_picture
        canvas.show_regions, canvas.show_picture = self.show_regions, self.show_picture
        self.painter.redraw()
        self.steps, self.place = [self.now()], 0

    def teardown(self):
        self.network.trouble, self.finder.trouble = None, None
        for panel in (self.painter, self.explorer):
            panel.close()
            assert panel.wait(PATIENCE)

    def show_regions(self, masks, *rest):
        self.shown["regions"] = {name: mask.copy() for name, mask in masks.items()}
        self.regions(masks, *rest)

    def show_picture(self, image):
        self.shown["picture"] = image
        self.picture(image)

    def now(self):
        model = self.painter.model
        return {name: model.mask_of(name).copy() for name in model.names}

    def act(self, do):
        """Do something, which is one step where it changes a region."""
        calm(self.explorer, self.painter)
        before = self.now()
        do()
        calm(self.explorer, self.painter)
        after = self.now()
        if not alike(before, after):
            del self.steps[self.place + 1 :]
            self.steps.append(after)
            self.place += 1

    # ---- the hand

    @rule(shape=SHAPES, points=st.lists(PLACES, min_size=2, max_size=5), erase=st.booleans())
    def stroke(self, shape, points, erase):
        self.act(partial(self.painter.paint, shape, points, 2.0, erase))

    @rule(do=st.sampled_from(["invert", "grow", "shrink", "feather", "clear"]))
    def change(self, do):
        self.act(getattr(self.painter, do))

    @rule(place=PLACES, erase=st.booleans())
    def press_and_lift(self, place, erase):
        self.painter.tool, self.painter.erase = "brush", erase
        (x, y), gesture = self.painter.view.to_view([place])[0], self.painter.gesture
        self.act(lambda: (gesture.press(x, y), gesture.move(x + 20, y), gesture.lift(x + 20, y)))

    @rule(name=NAMES)
    def choose_region(self, name):
        calm(self.explorer, self.painter)
        if name in self.painter.model.names:
            self.painter.region = name
        else:
            self.act(partial(self.painter.add, name))

    @rule(name=NAMES)
    def remove_region(self, name):
        if name in self.painter.model.names and len(self.painter.model.names) > 1:
            self.act(partial(self.painter.remove, name))

    @rule(rows=st.integers(0, SIDE))
    def assign(self, rows):
        mask = np.arange(SIDE)[:, None].repeat(SIDE, 1) < rows
        self.act(partial(setattr, self.painter, "mask", Mask(mask) if rows else None))

    # ---- tools beside the hand

    @rule(part=st.sampled_from(["upper", "lower"]))
    def take_part(self, part):
        self.painter.erase = False
        self.act(partial(self.painter.later.take, part))

    @rule(low=st.integers(0, 255))
    def threshold(self, low):
        self.act(partial(self.painter.later.threshold, low, 255))

    @rule(x=st.integers(0, SIDE - 2))
    def paint_while_a_tool_works(self, x):
        """Both are there in the end, whoever came first; each is a step."""
        calm(self.explorer, self.painter)
        self.painter.erase, self.finder.trouble, self.finder.pause = False, None, 0.002
        before, name = self.painter.model.mask.copy(), self.painter.region
        self.painter.later.take("lower")
        self.painter.paint("rectangle", [(x, 0), (x + 2, 1)], erase=False)
        calm(self.explorer, self.painter)
        self.finder.pause = 0.0
        expected = before.copy()
        expected[SIDE // 2 :] = expected[0, x : x + 2] = 1
        assert (self.painter.model.mask_of(name) == expected).all()
        self.read_history()

    def read_history(self):
        """Walk through the steps, and come back."""
        self.network.trouble = None
        count = 0
        while self.painter.model.can_undo:
            self.painter.undo()
            count += 1
        self.steps = [self.now()]
        for _ in range(count):
            self.painter.redo()
            self.steps.append(self.now())
        assert not self.painter.model.can_redo
        self.place = count

    # ---- history, files, links

    @rule()
    def undo(self):
        calm(self.explorer, self.painter)
        self.painter.undo()
        self.place = max(self.place - 1, 0)

    @rule()
    def redo(self):
        calm(self.explorer, self.painter)
        self.painter.redo()
        self.place = min(self.place + 1, len(self.steps) - 1)

    @rule()
    def save_and_load(self):
        calm(self.explorer, self.painter)
        before, strokes = self.now(), self.painter.model.strokes
        text = to_json(self.painter.model)
        with MaskPainter(self.painter.image, executor="inline", width=64) as other:
            other.take_file("regions.json", text.encode())
            assert alike({name: other.model.mask_of(name) for name in other.model.names}, before)
            other.model.select(self.painter.region)
            assert other.model.strokes == strokes

    @rule(alpha=st.sampled_from([-2.0, 0.5, 3.0]))
    def slide(self, alpha):
        calm(self.explorer, self.painter)
        self.explorer.sliders.rows[0].slider.put(alpha)

    @rule()
    def undo_the_edit(self):
        self.act(self.explorer.undo)

    @rule(of=st.sampled_from(["network", "finder"]), trouble=st.sampled_from([None, None, failing, failing_at_times]))
    def fall_into_trouble(self, of, trouble):
        calm(self.explorer, self.painter)
        getattr(self, of).trouble = trouble

    @rule()
    def cancel_and_dismiss(self):
        for panel in (self.explorer, self.painter):
            panel.line.cancel.click()
            panel.line.dismiss.click()

    # ---- the laws

    @invariant()
    def nothing_is_lost(self):
        calm(self.explorer, self.painter)
        assert alike(self.now(), self.steps[self.place])
        assert self.painter.model.can_undo == (self.place > 0)
        assert self.painter.model.can_redo == (self.place < len(self.steps) - 1)

    @invariant()
    def what_is_shown_is_there(self):
        model = self.painter.model
        assert alike(self.shown["regions"], self.now())
        assert (self.shown["picture"] == model.image).all()
        for name, mask in self.painter.regions.items():
            assert (mask is None) == (not model.mask_of(name).any())
            assert mask is None or (mask.tensor.numpy() == model.mask_of(name)).all()
        assert self.painter.mask is self.painter.regions[self.painter.region]

    @invariant()
    def links_hold(self):
        assert self.explorer.mask is self.painter.mask
        if lawful(self.explorer, self.network):
            assert (self.painter.image == self.explorer.picture.pixels).all()
            assert self.explorer.edit.mask is self.explorer.mask


@pytest.mark.parametrize(
    ("kind", "executor"), [("NumPy", "thread"), ("NaN pictures", "thread"), ("plain", "inline"), ("half", "inline")]
)
def test_painters_lose_nothing(kind, executor, monkeypatch):
    monkeypatch.setattr(frames, "SLOW_MS", -1.0)
    monkeypatch.setattr(screen, "Settle", partial(Settle, delay=0.003))
    chosen = settings(
        max_examples=int(os.environ.get("LATENT_WIDGETS_EXAMPLES", "2")),
        stateful_step_count=12,
        derandomize="LATENT_WIDGETS_EXAMPLES" not in os.environ,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Brushes(kind, executor), settings=chosen)

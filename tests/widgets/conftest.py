"""What the tests of the panels share: no test waits for a time to pass; threads meet at events."""

import threading
import time

import ipywidgets
import numpy as np
import pytest
import torch
from ipycanvas.canvas import _CANVAS_MANAGER
from traitlets import Int

from latent_widgets.edits.changes import move_along, others
from latent_widgets.edits.edit import Mask
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.jobs.executors import Worker
from latent_widgets.widgets.jobs.job import Job
from latent_widgets.widgets.kit.encode import to_uint8
from latent_widgets.widgets.kit.panel import Panel
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.painter.painter import MaskPainter

PATIENCE = 30.0  # seconds until a test that would hang fails


class Gate:
    """Work that says when it has begun and goes on when it is let go, by the thread that made the gate."""

    def __init__(self, result=None):
        self.begun, self.opened = threading.Event(), threading.Event()
        self.result, self.answers = result, []
        self.keeper = threading.get_ident()

    def __call__(self, on_step):
        if threading.get_ident() == self.keeper and not self.opened.is_set():
            pytest.fail("who opens a gate waits before it")
        self.begun.set()
        assert self.opened.wait(PATIENCE)
        self.answers.append(on_step())
        return self.result

    def await_begin(self):
        assert self.begun.wait(PATIENCE)

    def open(self):
        self.opened.set()


def until(holds):
    """Give other threads the turn until `holds()`, which must then go on holding."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def gate():
    """Makes gates, and opens all in the end so that no thread stays behind."""
    made = []

    def make(result=None):
        made.append(Gate(result))
        return made[-1]

    yield make
    for each in made:
        each.open()


@pytest.fixture
def instances():
    """Returns how many widgets are alive beyond those before the test."""
    alive = ipywidgets.widgets.widget._instances
    before = set(alive)
    return lambda: len(set(alive) - before)


def random_acts(explorer, rng):
    """What a restless hand does to an explorer of four directions in w and six layers."""
    controls, mix = explorer.controls, explorer.pages["mix"]
    return [
        lambda: explorer.set_alpha(int(rng.integers(4)), float(rng.normal(scale=2))),
        lambda: explorer.sliders.rows[rng.integers(4)].slider.put(rng.uniform(-3, 3)),
        lambda: setattr(explorer.sliders.layers.slider, "value", tuple(sorted(rng.integers(0, 6, 2)))),
        lambda: setattr(explorer, "seed", int(rng.integers(1000))),
        lambda: setattr(explorer, "mask", Mask(rng.random((4, 4))) if rng.integers(2) else None),
        lambda: setattr(controls.truncation, "value", round(rng.uniform(0, 1.2), 2)),
        lambda: setattr(mix.weight, "value", round(rng.uniform(), 2)),
        lambda: setattr(mix.mixing, "value", bool(rng.integers(2))),
        explorer.undo,
        explorer.redo,
    ]


def calm(*explorers):
    """Wait until explorers, with their regions, have nothing left to do, nor to give each other."""
    stamps = None
    while stamps != (stamps := [job.stamp for each in explorers for job in each.jobs]):
        for each in explorers:
            assert each.wait(PATIENCE)


# ---- jobs


@pytest.fixture(params=["thread", "inline"])
def job(request):
    """A job of each kind, closed afterwards, whose thread must have ended."""
    before = set(threading.enumerate())
    with Job(executor=request.param) as made:
        yield made
    assert made.wait(PATIENCE)
    assert not [thread for thread in threading.enumerate() if isinstance(thread, Worker) and thread not in before]


@pytest.fixture
def threaded_job():
    """A job with a thread."""
    with Job(executor="thread") as made:
        yield made
    assert made.wait(PATIENCE)


@pytest.fixture
def seen():
    """A list for results."""
    return []


# ---- panels


class Faces(Panel):
    """A panel as a subclass writes it: a slider, a button, a picture."""

    seed = Int(0)

    def __init__(self, brightness, *, width=64, **keywords):
        super().__init__(**keywords)
        self.picture = Picture(width=width, caption="face")
        self.slider = ipywidgets.IntSlider(description="level")
        self.button = ipywidgets.Button(description="go")
        self.body.children = [self.picture, ipywidgets.HBox([self.slider, self.button])]
        self.slider.observe(self.guard(self._moved), "value")
        self.button.on_click(self.guard(lambda button: 1 / 0))
        self.own(ipywidgets.jslink((self.slider, "value"), (ipywidgets.IntText(), "value")))
        self.picture.show(torch.full((3, 4, 6), brightness))

    def _moved(self, change):
        self.run(lambda on_step: torch.full((3, 4, 6), 1 / (change["new"] - 13)), self.picture.show, label="drawing")


@pytest.fixture
def faces():
    """The panel, run inline."""
    with Faces(0.5, executor="inline") as panel:
        yield panel


# ---- explorers


@pytest.fixture
def explorer(tiny):
    """An explorer whose work is done where it is asked for."""
    with LatentExplorer(tiny, seed=3, k=4, executor="inline") as made:
        walk = made.pages["walk"]
        walk.count.value, walk.density.value = 3, False  # each act draws the strip too
        yield made


@pytest.fixture
def threaded(tiny):
    """An explorer with a worker, at rest."""
    with LatentExplorer(tiny, seed=3, k=4, executor="thread") as made:
        assert made.wait(PATIENCE)
        yield made
        assert made.wait(PATIENCE)


@pytest.fixture
def agrees():
    """Fails unless picture, traits, sliders and edit of an explorer say the same."""

    def check(explorer):
        edit, G = explorer.edit, explorer.generator
        assert explorer.error is None
        assert edit is explorer.current
        shown = np.array(explorer.controls.picture.to_pil())
        assert explorer.controls.picture.format == "png"
        assert (shown == to_uint8(edit.apply(G))).all()
        assert torch.equal(explorer.code.tensor, edit.code(G).tensor)
        assert explorer.mask is edit.mask
        if edit.base.code is None:
            assert explorer.seed == edit.base.seed == explorer.controls.seed.value
        singles = [single for one in explorer.state.shelf.open if not one.folded for single in one.singles]
        for single, row in zip(singles, explorer.sliders.all_rows, strict=True):
            move = move_along(edit, single)
            alpha = 0.0 if move is None else move.alpha
            assert row.box.value == pytest.approx(alpha, abs=1e-6)
            assert row.slider.number == pytest.approx(alpha, abs=0.0501)
        mine = [move_along(edit, d) for d in explorer.state.rows]
        without = others(edit, mine)
        assert len(explorer.controls.others.children) == len(without)

    return check


@pytest.fixture
def square():
    """A region of a quarter of a 16 pixel picture."""
    mask = torch.zeros(16, 16, dtype=torch.bool)
    mask[4:12, 6:14] = True
    return mask


@pytest.fixture
def steering(tiny):
    """An explorer whose sliders follow a region, on its page."""
    with LatentExplorer(tiny, seed=3, k=3, steer=True, executor="inline") as made:
        made.region.page.count.value = 2
        made.controls.page = "save"  # which draws nothing
        yield made


# ---- painters


@pytest.fixture
def make():
    """Makes painters of a grey picture of 24 x 32, and closes them in the end."""
    made = []

    def build(image=None, *arguments, **keywords):
        image = np.full((24, 32, 3), 90, np.uint8) if image is None else image
        made.append(MaskPainter(image, *arguments, **{"executor": "inline", "width": 320} | keywords))
        return made[-1]

    yield build
    for painter in made:
        painter.close()


@pytest.fixture
def send():
    """Hands an event to a painter's canvas as its page would; places are pixels of the picture."""

    def event(painter, name, *places, **content):
        view = [dict(zip("xy", place, strict=True)) for place in painter.view.to_view(places)]
        if name.startswith("touch"):
            content["touches"] = view
        elif view:
            content |= view[0]
        painter.canvas.widget[-1]._handle_frontend_event(None, {"event": name} | content, [])

    return event


@pytest.fixture
def press_key(send):
    def press(painter, key, shift=False, ctrl=False):
        send(painter, "key_down", key=key, shift_key=shift, ctrl_key=ctrl, meta_key=False)

    return press


@pytest.fixture
def sent(monkeypatch):
    """The messages that go to the page."""
    messages = []
    monkeypatch.setattr(_CANVAS_MANAGER, "_send_custom", lambda command, buffers=(): messages.append(command))
    return messages

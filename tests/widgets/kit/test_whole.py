"""Nothing stays of a panel that fails while it is built, and panels can be built after all widgets were closed."""

import inspect
import sys
import threading
from types import SimpleNamespace

import ipywidgets
import numpy as np
import pytest
from ipycanvas.canvas import _CANVAS_MANAGER
from traitlets import Int, TraitError

import latent_widgets as lw
from latent_widgets.widgets.jobs.executors import Worker
from latent_widgets.widgets.kit.canvases import open_canvases
from latent_widgets.widgets.kit.panel import Panel
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.whole import whole

GREY = np.full((6, 9, 3), 77, np.uint8)
# What each constructor refuses: before anything is made, in the middle, and after all was made and works.
REFUSED = [
    (lw.LatentExplorer, {"directions": 3}),
    (lw.LatentExplorer, {"selected_index": 9}),
    (lw.LatentExplorer, {"selected_index": "a"}),
    (lw.LatentExplorer, {"theme": "pink"}),
    (lw.LatentExplorer, {"width": "wide"}),
    (lw.LatentExplorer, {"layout": 3}),
    (lw.LatentExplorer, {"executor": "nowhere"}),
    (lw.LatentExplorer, {"layers": (3, 99)}),
    (lw.LatentExplorer, {"code": "a code"}),
    (lw.LatentExplorer, {"sead": 3}),
    (lw.MaskPainter, {"brush": -1}),
    (lw.MaskPainter, {"tool": "chisel"}),
    (lw.MaskPainter, {"region": "nose"}),
    (lw.MaskPainter, {"colour": "pinkish"}),
    (lw.MaskPainter, {"mask": np.zeros((3, 3))}),
    (lw.MaskPainter, {"regions": {"a": np.zeros((3, 3))}}),
    (lw.MaskPainter, {"width": 3}),
    (lw.JacobianSpectrum, {"width": 3}),
    (lw.JacobianSpectrum, {"k": 99}),
    (lw.JacobianSpectrum, {"target": "a layer"}),
    (lw.JacobianSpectrum, {"theme": "pink"}),
    (lw.JacobianSpectrum, {"selected_index": [1]}),
    (lw.WarpageHeatmap, {"n": 1}),
    (lw.WarpageHeatmap, {"seed": -1}),
    (lw.WarpageHeatmap, {"metric": "miles"}),
    (lw.WarpageHeatmap, {"layout": 3}),
    (lw.WarpageHeatmap, {"width": 3.5}),
]


class Brittle(Panel):
    """A panel of somebody's, which breaks at the end."""

    level = Int(0)

    def __init__(self, *widgets, **keywords):
        super().__init__(widgets, **keywords)
        self.inner = Panel([Picture(), ipywidgets.IntSlider()], executor="inline")
        self.begun = threading.Event()
        self.run(lambda on_step: self.begun.set())
        self.begun.wait(30)
        raise ZeroDivisionError


@pytest.fixture
def left():
    """Returns what widgets and threads there are beyond those before the test."""
    open_canvases()  # a test before this one may have closed what every panel opens
    alive = ipywidgets.widgets.widget._instances
    widgets, threads = set(alive), set(threading.enumerate())
    return lambda: (set(alive) - widgets, [t for t in threading.enumerate() if t not in threads and t.is_alive()])


@pytest.mark.parametrize("executor", ["thread", "inline"])
@pytest.mark.parametrize(("cls", "options"), REFUSED)
def test_refused_panel_leaves_nothing(tiny, left, cls, options, executor):
    subject = GREY if cls is lw.MaskPainter else tiny
    with pytest.raises((TraitError, TypeError, ValueError)):
        cls(subject, **{"executor": executor, **options})
    assert left() == (set(), [])


@pytest.mark.parametrize("executor", ["thread", "inline"])
def test_broken_subclass_leaves_nothing_but_what_was_there(left, executor):
    mine, layout = ipywidgets.IntSlider(), ipywidgets.Layout()
    mine.observe(print, "value")
    kept, _ = left()
    with pytest.raises(ZeroDivisionError):
        Brittle(mine, executor=executor, layout=layout, level=np.int64(3))
    assert left() == (kept, [])
    assert layout.comm is not None
    assert mine._trait_notifiers["value"]["change"] == [print]
    for widget in (mine, mine.layout, mine.style, layout):
        widget.close()


def test_refusal_within_a_whole_panel_is_its_own(left):
    class Careful(Panel):
        def __init__(self):
            super().__init__(executor="inline")
            self.picture = Picture()
            with pytest.raises(ZeroDivisionError):
                Brittle(executor="thread")
            self.body.children = [self.picture]

    panel = Careful()
    panel.picture.show(GREY)
    assert panel.picture.comm is not None
    panel.close()
    assert left() == (set(), [])


def test_widgets_of_other_threads_and_listeners_stay(left):
    heard, made = [], []
    before = ipywidgets.Widget._widget_construction_callback
    ipywidgets.Widget.on_widget_constructed(heard.append)

    class Slow(Panel):
        def __init__(self):
            super().__init__(executor="inline")
            other = threading.Thread(target=lambda: made.append(ipywidgets.IntText()))
            other.start()
            other.join()
            raise ZeroDivisionError

    try:
        with pytest.raises(ZeroDivisionError):
            Slow()
    finally:
        ipywidgets.Widget.on_widget_constructed(before)
    assert made[0] in heard
    assert left()[0] == {made[0].model_id, made[0].layout.model_id, made[0].style.model_id}
    for widget in (made[0], made[0].layout, made[0].style):
        widget.close()


def test_painter_that_fails_listens_to_no_cell(monkeypatch):
    listening = []
    events = SimpleNamespace(
        register=lambda name, function: listening.append((name, function)),
        unregister=lambda name, function: listening.remove((name, function)),
    )
    shell = SimpleNamespace(events=events)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    with pytest.raises(ValueError, match="region must be one of"):
        lw.MaskPainter(GREY, region="nose")
    assert listening == []


def test_signature_is_the_constructors(tiny):
    parameters = inspect.signature(lw.LatentExplorer).parameters
    assert ["G", "directions", "seed"] == list(parameters)[:3]
    with pytest.raises(
        TypeError, match=r"LatentExplorer must be given known keywords, got 'sead'\. Did you mean 'seed'"
    ):
        lw.LatentExplorer(tiny, sead=3)


def test_error_of_a_constructor_is_the_one_that_was_raised():
    class Odd:
        @whole
        def __init__(self):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        Odd()


def test_panels_work_after_all_widgets_were_closed(tiny, send, make, left):
    old, older = make(), lw.LatentExplorer(tiny, seed=1, k=2)
    older.wait()
    ipywidgets.Widget.close_all()
    assert repr(old) == "<MaskPainter closed>"
    assert repr(older) == "<LatentExplorer closed>"
    for panel in (old, older):
        panel.close()
        panel.close()
    with pytest.raises(RuntimeError, match=r"must be called on an open job, got a closed one\. Make a new panel\."):
        older.set_alpha(0, 1.0)
    assert older.wait(1)
    assert not [thread for thread in threading.enumerate() if isinstance(thread, Worker)]

    painter = make(brush=4)
    assert _CANVAS_MANAGER.comm is not None
    send(painter, "mouse_down", (5, 5))
    send(painter, "mouse_up", (20, 5))
    assert painter.mask.tensor.any()
    with lw.LatentExplorer(tiny, seed=3, k=2, executor="inline") as explorer:
        explorer.controls.page = "palette"
        explorer.set_alpha(1, 0.5)
        explorer.steer = True
        explorer.mask = lw.Mask(np.eye(16))
        assert explorer.error is None
        assert explorer.controls.picture.to_pil() is not None


def test_click_on_a_plot_counts_after_all_widgets_were_closed():
    from latent_widgets.widgets.kit.plot import Plot

    clicks = []
    for _ in range(2):
        ipywidgets.Widget.close_all()
        plot = Plot(200, 100, "a line", lambda x, y: clicks.append((x, y)))
        canvas = next(child for child in plot.children if hasattr(child, "on_mouse_up"))
        canvas._handle_frontend_event(None, {"event": "mouse_up", "x": 50, "y": 25}, [])
        assert clicks.pop() == (0.25, 0.75)
        canvas.fill_rect(0, 0, 3, 3)  # what ipycanvas itself draws arrives too


def test_manager_of_canvases_that_is_open_stays_as_it_is():
    open_canvases()
    comm, _CANVAS_MANAGER._current_canvas = _CANVAS_MANAGER.comm, "mine"
    assert not open_canvases()
    assert (_CANVAS_MANAGER.comm, _CANVAS_MANAGER._current_canvas) == (comm, "mine")
    _CANVAS_MANAGER._current_canvas = None


def test_refusal_after_all_widgets_were_closed_leaves_nothing():
    ipywidgets.Widget.close_all()
    with pytest.raises(TraitError):
        lw.MaskPainter(GREY, theme="pink")
    assert not ipywidgets.widgets.widget._instances

"""Explorers of slow generators without a forward mode, and of such as fail: no picture stays old unsaid."""

import threading
from functools import partial

import pytest
import torch
from traitlets import HasTraits, Instance, TraitError, dlink, observe

from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.screen import frames, screen
from latent_widgets.widgets.explorer.walk import strip
from latent_widgets.widgets.jobs.settle import Settle
from latent_widgets.widgets.kit.still import Still
from tests.unruly import NO_PREVIEW, failing, failing_at_times, lawful, unruly
from tests.widgets.conftest import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")


@pytest.fixture
def explore(monkeypatch):
    """Makes explorers of unruly generators, which are slow ones, and closes them in the end."""
    monkeypatch.setattr(frames, "SLOW_MS", -1.0)
    monkeypatch.setattr(screen, "Settle", partial(Settle, delay=0.01))
    made = []

    def make(kind, executor="thread", page="code"):
        network, G, D = unruly(kind)
        explorer = LatentExplorer(G, D, seed=1, executor=executor)
        made.append(explorer)
        explorer.controls.page = page  # none that draws
        assert explorer.wait(PATIENCE)
        return network, explorer

    yield make
    for explorer in made:
        explorer.close()


@pytest.mark.parametrize(("kind", "executor"), [*((kind, "thread") for kind in NO_PREVIEW), ("NumPy", "inline")])
def test_sliders_are_followed_where_there_is_no_preview(explore, kind, executor, monkeypatch):
    products, jvp = [], torch.func.jvp
    monkeypatch.setattr(torch.func, "jvp", lambda *a: products.append(1) or jvp(*a))
    _, explorer = explore(kind, executor)
    for value in (0.5, 1.0, 2.0):
        before = explorer.controls.picture.data
        explorer.sliders.rows[0].slider.put(value)
        assert explorer.wait(PATIENCE)
        assert lawful(explorer)
        assert explorer.controls.picture.data != before
    assert not explorer.frames.approximates
    assert len(products) <= 2  # PyTorch's rules are loaded with one of their own


def test_generator_without_preview_is_asked_for_one_no_more(explore, monkeypatch):
    monkeypatch.setattr(strip, "PATIENCE", -1.0)  # its pictures are not counted here
    network, explorer = explore("NumPy")
    explorer.sliders.rows[0].slider.put(1.0)
    assert explorer.wait(PATIENCE)
    before = network.calls
    explorer.sliders.rows[1].slider.put(1.0)
    assert explorer.wait(PATIENCE)
    assert network.calls == before + 1  # the picture while the hand moves is the exact one, and is kept


def test_preview_is_tried_again_where_the_generator_itself_had_failed(explore):
    network, explorer = explore("plain")
    network.trouble = failing
    explorer.sliders.rows[0].slider.put(1.0)
    assert explorer.wait(PATIENCE)
    assert str(explorer.error) == "out of memory"
    assert explorer.frames.approximates
    network.trouble = None
    explorer.sliders.rows[0].slider.put(1.5)
    assert explorer.wait(PATIENCE)
    assert lawful(explorer)
    assert explorer.frames.approximates


def test_own_preview_that_fails_gives_way_too(explore, monkeypatch):
    _, explorer = explore("plain")
    monkeypatch.setattr(type(explorer.generator), "preview_resolutions", (2,))  # which it cannot draw
    explorer.sliders.rows[0].slider.put(1.0)
    assert explorer.wait(PATIENCE)
    assert lawful(explorer)
    assert not explorer.frames.approximates


@pytest.mark.parametrize("kind", ["plain", "NumPy", "NaN pictures", "half"])
def test_generator_that_fails_every_third_time_is_followed(explore, kind):
    network, explorer = explore(kind)
    ends = set()
    for step in range(1, 6):
        network.trouble = failing_at_times
        explorer.sliders.rows[0].slider.put(-0.2 * step)
        assert explorer.wait(PATIENCE)
        network.trouble = None
        ends.add("followed" if lawful(explorer) else str(explorer.error))
    assert "followed" in ends
    assert ends <= {"followed", "out of memory"}


def test_picture_is_shown_although_the_one_before_the_moves_cannot_be(explore):
    network, explorer = explore("plain", "inline")
    explorer.set_alpha(0, 1.0)
    drawn, failed = network.calls, []

    def once(calls):
        if calls == drawn + 2 and not failed:  # after the exact picture
            failed.append(calls)
            failing(calls)

    network.trouble = once
    explorer.seed = 5  # whose picture without the move is not known yet
    network.trouble = None
    assert failed
    assert lawful(explorer)
    assert explorer.controls.picture.caption.endswith("1 move")


# ---- what is old is not called idle


@pytest.mark.parametrize("page", ["walk", "seeds"])
def test_success_of_a_page_leaves_the_error_of_the_picture(explore, page):
    network, explorer = explore("plain")
    network.trouble = failing
    explorer.set_alpha(0, 1.0)
    assert explorer.wait(PATIENCE)
    error = explorer.error
    assert str(error) == "out of memory"
    network.trouble = None
    explorer.controls.page = page
    assert explorer.wait(PATIENCE)
    assert explorer.pages[page].children
    assert explorer.error is error
    assert explorer.status == "error"
    explorer.redraw()
    assert explorer.wait(PATIENCE)
    assert lawful(explorer)


def test_error_of_a_page_goes_with_the_page_and_with_its_success(explore):
    network, explorer = explore("plain")
    for leave in (True, False):
        network.trouble = failing
        explorer.controls.page = "seeds"
        assert explorer.wait(PATIENCE)
        assert str(explorer.error) == "out of memory"
        network.trouble = None
        if leave:
            explorer.controls.page = "code"
        else:
            explorer.show_page()
        assert explorer.wait(PATIENCE)
        assert lawful(explorer)


def test_picture_that_was_given_up_is_called_old(explore):
    network, explorer = explore("plain", page="walk")
    network.trouble = failing
    explorer.set_alpha(0, 1.0)
    assert explorer.wait(PATIENCE)
    network.trouble = None
    explorer.line.dismiss.click()
    assert (explorer.error, explorer.status) == (None, "the picture is old")
    explorer.show_page()  # which succeeds
    assert explorer.wait(PATIENCE)
    assert (explorer.error, explorer.status) == (None, "the picture is old")
    assert "lw-cancelled" in explorer.line.text.value
    explorer.set_alpha(0, 2.0)
    assert explorer.wait(PATIENCE)
    assert lawful(explorer)


def test_picture_that_was_cancelled_is_called_old_after_a_page_is_drawn(explore):
    network, explorer = explore("plain")
    begun, go_on = threading.Event(), threading.Event()

    def slow(calls):
        begun.set()
        assert go_on.wait(PATIENCE)

    network.trouble = slow
    explorer.set_alpha(0, 1.0)
    assert begun.wait(PATIENCE)
    explorer.line.cancel.click()
    network.trouble = None
    go_on.set()
    assert explorer.wait(PATIENCE)
    assert explorer.status == "cancelled"
    explorer.controls.page = "seeds"
    assert explorer.wait(PATIENCE)
    assert explorer.status == "the picture is old"
    explorer.redraw()
    assert explorer.wait(PATIENCE)
    assert lawful(explorer)


def test_explorer_is_busy_until_the_exact_picture_is_there(explore):
    """Also between the fast picture and the rest of the hand, while nothing runs."""
    _, explorer = explore("plain")
    seen = []
    show = explorer.controls.picture.show
    explorer.controls.picture.show = lambda image, lossless=True, **more: (
        show(image, lossless=lossless, **more), seen.append((lossless, explorer.busy))
    )  # fmt: skip
    explorer.observe(lambda change: seen.append("idle"), "busy")
    explorer.sliders.rows[0].slider.put(1.0)
    assert explorer.wait(PATIENCE)
    assert seen == ["idle", (False, True), (True, True), "idle"]


# ---- one failure does not keep another thing from being done


class Refusing(HasTraits):
    """Takes one picture and no more."""

    picture = Instance(Still, allow_none=True)

    @observe("picture")
    def _refuse(self, change):
        if change["old"] is not None:
            raise TraitError("no more pictures")


def test_linked_panel_that_refuses_a_picture_keeps_nothing_else_from_being_shown(explore):
    _, explorer = explore("plain")
    text = explorer.pages["code"].text
    link = dlink((explorer, "picture"), (Refusing(), "picture"))
    explorer.set_alpha(0, 1.0)
    assert explorer.wait(PATIENCE)
    assert "no more pictures" in str(explorer.error)
    assert "1.0" in text.value  # the page
    assert explorer.code.tensor.allclose(explorer.edit.code(explorer.generator).tensor)  # and the trait
    link.unlink()
    explorer.set_alpha(0, 1.5)
    assert explorer.wait(PATIENCE)
    assert lawful(explorer)

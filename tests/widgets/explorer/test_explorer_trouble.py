"""Failures, slow generators and several hands at once: the explorer goes on, and says what happened."""

import math
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

import latent_widgets as lw
from latent_widgets.core.steps import Cancelled
from latent_widgets.edits.edit import Mask
from latent_widgets.methods import methods, random_directions
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.screen import frames
from latent_widgets.widgets.explorer.walk import strip
from tests.widgets.conftest import PATIENCE


@pytest.mark.parametrize("trouble", ["raises", "nan"])
def test_generator_that_fails_in_the_middle_of_a_drag(tiny, explorer, agrees, monkeypatch, trouble):
    monkeypatch.setattr(frames, "SLOW_MS", math.inf)  # no preview first, however busy the machine is
    explorer.set_alpha(0, 1.0)
    good, synthesize = explorer.controls.picture.data, tiny.synthesize

    def fail(*arguments):
        if trouble == "raises":
            raise RuntimeError("out of memory")
        return synthesize(*arguments) * math.nan

    monkeypatch.setattr(tiny, "synthesize", fail)
    explorer.sliders.rows[0].slider.put(2.0)
    expected = (
        (RuntimeError, "out of memory") if trouble == "raises" else (ValueError, "picture must be finite, got 768")
    )
    assert isinstance(explorer.error, expected[0])
    assert expected[1] in str(explorer.error)
    assert explorer.controls.picture.data == good
    monkeypatch.setattr(tiny, "synthesize", synthesize)
    explorer.sliders.rows[0].slider.put(2.5)
    agrees(explorer)
    assert explorer.edit.moves[0].alpha == 2.5


def test_error_of_a_method_shows_and_the_sliders_stay(explorer, agrees):
    method = next(m for m in methods() if m.name == "random_directions")
    before = explorer.directions
    explorer.find(method, {"k": 100})
    assert "k must be at most 6" in str(explorer.error)
    assert explorer.directions is before
    explorer.find(method, {"k": 2, "seed": 4})
    assert len(explorer.directions) == 2
    agrees(explorer)


@pytest.mark.parametrize("name", sorted(m.name for m in methods()))
def test_every_method_of_the_picker_gives_sliders(explorer, agrees, name):
    explorer.mask, before = Mask(torch.arange(256).reshape(16, 16) < 60), explorer.directions
    picker = explorer.controls.picker
    picker.method.value = next(m.title for m in methods() if m.name == name)
    for control in picker.parameters.children:
        if control.description in ("directions", "steps"):
            control.value = 3
    picker.find.click()
    assert explorer.error is None
    assert 1 <= len(explorer.directions) <= 3
    assert explorer.directions is not before
    explorer.set_alpha(0, 1.0)
    agrees(explorer)


def test_two_explorers_on_one_generator(tiny, threaded, agrees):
    with LatentExplorer(tiny, seed=8, k=2, executor="thread") as other:
        for i in range(20):
            threaded.set_alpha(0, 0.1 * i)
            other.set_alpha(1, -0.1 * i)
        assert threaded.wait(PATIENCE)
        assert other.job.wait(PATIENCE)
        agrees(threaded)
        agrees(other)
        assert (threaded.seed, other.seed) == (3, 8)


def test_hands_on_several_threads_lose_nothing(threaded, agrees):
    def drag(i):
        for step in range(25):
            threaded.sliders.rows[i].slider.put(round(0.1 * (step + 1), 1))

    hands = [threading.Thread(target=drag, args=(i,)) for i in range(4)]
    for hand in hands:
        hand.start()
    for step in range(25):
        threaded.seed = step
    for hand in hands:
        hand.join()
    assert threaded.wait(PATIENCE)
    assert {move.alpha for move in threaded.edit.moves} == {2.5}
    assert len(threaded.edit.moves) == 4
    assert threaded.seed == 24
    agrees(threaded)


def test_slow_generator_previews_while_a_slider_moves(threaded, monkeypatch, agrees):
    monkeypatch.setattr(frames, "SLOW_MS", -1.0)
    seen, show = [], threaded.controls.picture.show

    def note(image, lossless=True, **keywords):
        seen.append((tuple(image.shape), lossless))
        show(image, lossless=lossless, **keywords)

    monkeypatch.setattr(threaded.controls.picture, "show", note)
    threaded.sliders.rows[0].slider.put(1.0)
    assert threaded.wait(PATIENCE)
    assert seen == [((1, 3, 16, 16), False), ((1, 3, 16, 16), True)]
    agrees(threaded)


def test_moves_along_a_known_line_are_shown_before_the_worker_is_asked(tiny, threaded, monkeypatch, agrees):
    monkeypatch.setattr(frames, "SLOW_MS", -1.0)
    slider, picture = threaded.sliders.rows[0].slider, threaded.controls.picture
    slider.put(1.0)
    assert threaded.wait(PATIENCE)
    before = picture.data
    with tiny.lock:  # so the worker draws nothing
        slider.put(1.5)
        assert picture.data != before
        assert (picture.format, picture.caption) == ("jpeg", "preview, change at 4 px")
        assert not threaded.screen.current
    assert threaded.wait(PATIENCE)
    assert picture.format == "png"
    assert threaded.screen.current
    agrees(threaded)


def test_late_picture_of_an_older_edit_does_not_replace_a_newer_one(threaded):
    old, screen = threaded.screen._drawn, threaded.screen
    threaded.set_alpha(0, 1.0)
    assert threaded.wait(PATIENCE)
    before = screen.picture.data
    screen._show(old, True)
    assert screen.picture.data == before
    assert screen.current


def test_page_gives_way_to_a_picture(tiny, threaded, monkeypatch, gate):
    held, synthesize, drawn = gate(), tiny.synthesize, []

    def slow(code, *arguments):
        if len(code) > 1:  # of the strip
            drawn.append(len(code))
            held.begun.set()
            assert held.opened.wait(PATIENCE)
        return synthesize(code, *arguments)

    monkeypatch.setattr(tiny, "synthesize", slow)
    monkeypatch.setattr(strip, "PATIENCE", -1.0)  # that of the page is meant, not the one below the picture
    monkeypatch.setattr(frames, "SLOW_MS", math.inf)  # three in a batch, however busy the machine is
    threaded.controls.page = "walk"
    held.await_begin()
    threaded.set_alpha(0, 1.0)
    held.open()
    assert threaded.wait(PATIENCE)
    assert drawn == 4 * [3]  # the strip ended after its first three pictures, and that of the new edit has nine


def test_slow_method_can_be_cancelled(threaded, gate, agrees):
    method = next(m for m in methods() if m.name == "random_directions")
    held, before = gate(), threaded.directions

    def endless(G, on_step=None, **parameters):
        held(lambda: True)
        while on_step(lw.Step(1, None)):
            pass
        return random_directions(G, 1)

    threaded.find(replace(method, function=endless), {})
    held.await_begin()
    assert threaded.busy
    threaded.cancel()
    held.open()
    assert threaded.wait(PATIENCE)
    assert threaded.status == "cancelled"
    assert threaded.directions is before
    threaded.set_alpha(0, 1.0)
    assert threaded.wait(PATIENCE)
    agrees(threaded)


@pytest.mark.parametrize("has", ["something", "nothing", "nothing, and says so"])
def test_method_stopped_by_hand_leaves_what_it_has(threaded, agrees, has):
    method, begun = next(m for m in methods() if m.name == "random_directions"), threading.Event()
    before, scene = threaded.directions, threaded.state.scene

    def endless(G, on_step=None, **parameters):
        while on_step(lw.Step(7, 100)):
            begun.set()
        if has == "nothing, and says so":
            raise Cancelled
        found = random_directions(G, 2, seed=9)
        return SimpleNamespace(directions=found, stopped="cancelled", steps=7) if has == "something" else None

    threaded.find(replace(method, function=endless), {})
    assert begun.wait(PATIENCE)
    threaded.line.cancel.click()
    assert threaded.wait(PATIENCE)
    if has == "something":
        assert [one.title for one in threaded.state.shelf.open][1:] == ["Random directions, stopped at step 7"]
        assert len(threaded.directions) == 2
        threaded.undo()
        assert threaded.wait(PATIENCE)
        assert threaded.state.scene.same(scene)
    else:
        assert threaded.status == "cancelled"
        assert not threaded.history.can_undo
    assert threaded.directions is before
    agrees(threaded)


def test_method_stopped_twice_is_dropped(threaded, gate, agrees):
    method = next(m for m in methods() if m.name == "random_directions")
    held, before = gate(random_directions(threaded.generator, 2, seed=9)), threaded.directions
    threaded.find(replace(method, function=lambda G, on_step=None, **parameters: held(on_step)), {})
    held.await_begin()
    threaded.line.cancel.click()
    assert threaded.status == "busy: stopping Random directions"
    threaded.line.cancel.click()
    assert threaded.status == "cancelled"
    held.open()
    assert threaded.wait(PATIENCE)
    assert threaded.directions is before
    agrees(threaded)


def test_sliders_go_on_while_a_method_runs(threaded, agrees):
    """The method never lets go of its thread, nor of the lock but at its steps: only a second worker can draw."""
    method = next(m for m in methods() if m.name == "random_directions")
    begun, moved = threading.Event(), threading.Event()

    def patient(G, on_step=None, **parameters):
        while not moved.wait(0.001):
            assert on_step(lw.Step(1, 4))
            begun.set()
        return random_directions(G, 2, seed=1)

    threaded.find(replace(method, function=patient), {})
    assert begun.wait(PATIENCE)
    threaded.set_alpha(0, 1.0)
    assert threaded.job.wait(PATIENCE)
    assert threaded.code is not None
    assert threaded.code.seed is None  # the picture of the move is there
    assert threaded.status == "busy: Random directions, 25 %"
    moved.set()
    assert threaded.wait(PATIENCE)
    assert len(threaded.directions) == 2
    agrees(threaded)

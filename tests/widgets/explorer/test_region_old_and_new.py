"""While the Jacobian at a new latent is on its way, the old directions serve, marked as old; the newest latent wins."""

from threading import Event

import pytest

from latent_widgets.core.steps import Cancelled
from latent_widgets.edits.edit import Mask
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.region import effects, region
from latent_widgets.widgets.explorer.region.work import Where
from tests.widgets.conftest import PATIENCE, calm, until


@pytest.fixture
def explorer(steering):
    """An explorer whose sliders follow a region."""
    return steering


@pytest.fixture
def threaded(tiny, square):
    """The same with workers, a region and its directions."""
    with LatentExplorer(tiny, seed=3, k=3, steer=True, mask=Mask(square), executor="thread") as made:
        made.controls.page = "region"
        calm(made)
        yield made
        calm(made)


@pytest.fixture
def slow(monkeypatch):
    """Holds each pass back until `slow.open()`; it goes on taking steps, at which others have their turn."""
    slow, spectra = Event(), Where.spectra

    def held(self, G, on_step=None):
        slow.begun.set()
        while not slow.opened.wait(0.002):
            if not on_step():
                raise Cancelled("stopped")
        return spectra(self, G, on_step)

    slow.begun, slow.opened = Event(), Event()
    monkeypatch.setattr(Where, "spectra", held)
    yield slow
    slow.opened.set()


def test_old_result_stays_and_serves_until_the_new_one_lands(threaded, square, slow):
    page = threaded.region.page
    shown, directions = page.spectrum.svg, threaded.directions
    threaded.seed = 5
    assert slow.begun.wait(PATIENCE)
    assert threaded.job.wait(PATIENCE)
    assert threaded.region.stale
    assert page.spectrum.svg == shown
    assert "<b>old</b>" in page.words.value
    assert page.spectrum.stale
    more = square.clone()
    more[2:4] = True
    threaded.mask = Mask(more)  # painting goes on, with the Jacobian that is there
    until(lambda: threaded.directions is not directions)
    assert threaded.region.stale
    assert threaded.region.follower.where.base.seed == 3
    threaded.set_alpha(0, 0.1)  # and so does everything else
    assert threaded.job.wait(PATIENCE)
    slow.opened.set()
    calm(threaded)
    assert not threaded.region.stale
    assert threaded.region.follower.where.base.seed == 5
    assert "old" not in page.words.value
    assert not page.spectrum.stale
    assert threaded.error is None


def test_newest_latent_wins(threaded, slow, monkeypatch):
    landed = []
    follower = threaded.region.follower
    arrive = follower.arrived
    monkeypatch.setattr(
        follower, "arrived", lambda where, found: (landed.append(where.base.seed), arrive(where, found))
    )
    threaded.seed = 5
    assert slow.begun.wait(PATIENCE)
    threaded.seed = 6
    assert threaded.job.wait(PATIENCE)
    slow.opened.set()
    calm(threaded)
    assert set(landed) == {6}
    assert follower.where.base.seed == 6
    assert not threaded.region.stale


def test_pass_can_be_stopped_and_asked_for_again(threaded, slow):
    steering = threaded.region
    threaded.seed = 5
    assert slow.begun.wait(PATIENCE)
    until(lambda: "Jacobian" in threaded.line.text.value)  # the picture's worker shows it, after the beginning
    assert not threaded.line.cancel.disabled
    threaded.line.cancel.click()
    assert "Stopped" in steering.page.message.value
    slow.opened.set()
    calm(threaded)
    assert steering.follower.where.base.seed == 3
    assert steering.stale
    threaded.seed = 6
    calm(threaded)
    assert steering.follower.where.base.seed == 6
    assert threaded.error is None


def test_failure_of_the_pass_is_shown_and_the_page_lives_on(explorer, square, monkeypatch):
    spectra = Where.spectra

    def broken(self, G, on_step=None):
        raise RuntimeError("no forward derivative")

    monkeypatch.setattr(Where, "spectra", broken)
    explorer.mask = Mask(square)
    page = explorer.region.page
    assert "no forward derivative" in str(explorer.error)
    assert page.message.value.startswith(
        "The Jacobian at this latent could not be found. The sliders follow again when"
    )
    explorer.region.refresh()  # as after each picture
    assert "as soon as" not in page.message.value
    monkeypatch.setattr(Where, "spectra", spectra)
    explorer.seed = 4
    assert explorer.error is None
    assert page.message.value == ""
    assert explorer.directions.method == "region"
    monkeypatch.setattr(Where, "spectra", broken)
    explorer.seed = 5
    assert page.message.value.startswith("The Jacobian at this latent could not be found.")
    assert "<b>old</b>, of the latent before: " in page.words.value
    explorer.steer = False
    assert explorer.error is None


def test_pass_that_failed_is_tried_again_for_another_mask_alone(explorer, square, monkeypatch):
    tried, spectra = [], Where.spectra

    def broken(self, G, on_step=None):
        tried.append(1)
        if len(tried) == 1:
            raise RuntimeError("no memory")
        return spectra(self, G, on_step)

    monkeypatch.setattr(Where, "spectra", broken)
    explorer.mask = Mask(square)
    for _ in range(3):
        explorer.redraw()
    assert len(tried) == 1
    explorer.mask = Mask(~square)
    assert len(tried) == 2
    assert explorer.directions.method == "region"
    assert explorer.region.page.message.value == ""


@pytest.mark.parametrize("end", ["cancelled", "failed"])
def test_directions_that_were_lost_are_asked_for_again(threaded, square, end, monkeypatch, gate):
    more, held, find = square.clone(), gate(), region.find_region
    more[2:4] = True

    def lost(*arguments):
        held(lambda: True)
        raise RuntimeError("no memory")

    monkeypatch.setattr(region, "find_region", lost)
    before = threaded.directions
    threaded.mask = Mask(more)
    held.await_begin()
    if end == "cancelled":
        threaded.cancel()
    held.open()
    calm(threaded)
    assert threaded.directions is before
    monkeypatch.setattr(region, "find_region", find)
    threaded.redraw()
    calm(threaded)
    assert threaded.error is None
    assert threaded.directions is not before


def test_effects_that_were_lost_are_asked_for_again(threaded, monkeypatch):
    true = effects.true_effect
    monkeypatch.setattr(effects, "true_effect", lambda *a: 1 / 0)
    threaded.choose(1)
    calm(threaded)
    assert isinstance(threaded.error, ZeroDivisionError)
    monkeypatch.setattr(effects, "true_effect", true)
    threaded.redraw()
    calm(threaded)
    assert threaded.error is None
    assert threaded.region.effects.maps[1] is not None

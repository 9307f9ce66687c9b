"""Spectra that are found in stages: whiskers, words, starts nearby and what is left when one is cancelled."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import latent_widgets as lw
from latent_widgets.methods.local_basis import local_basis
from latent_widgets.widgets.spectrum.data import far, spectrum_at
from latent_widgets.widgets.spectrum.finder import Finder
from latent_widgets.widgets.spectrum.latents import Latents
from latent_widgets.widgets.spectrum.plot import THIN, SpectrumView, draw_spectrum
from latent_widgets.widgets.spectrum.spectrum import JacobianSpectrum
from latent_widgets.widgets.spectrum.state import Pace, products_words
from tests.linear import LinearGenerator
from tests.spectra import falling, near


@pytest.fixture
def wide():
    """A generator whose picture has the singular values 1, 1/2, 1/3 ..."""
    return LinearGenerator(falling(40, 40), falling(192, 40, seed=1))


def test_stages_have_true_values_between_their_whiskers(wide):
    told = []
    code = lw.Code(wide.code(3), "w")
    found = spectrum_at(wide, code, None, "image", 5, "progressive", told.append)
    true = 1 / torch.arange(1, 6).double()
    for step in told:
        low, high = step.value.whiskers
        n = len(low)
        assert bool(((low <= true[:n]) & (true[:n] <= high)).all())
        assert len(step.value.directions) == n
    assert [step.index for step in told] == list(range(2, 2 * len(told) + 1, 2))
    assert found.svd.stopped == "finished"
    torch.testing.assert_close(found.values, true, rtol=0, atol=0.01)


def test_auto_finds_all_of_a_small_matrix_and_few_of_a_large_one(wide, monkeypatch):
    code = lw.Code(wide.code(3), "w")
    assert len(spectrum_at(wide, code, None, "image", None, "auto").values) == 40
    monkeypatch.setattr("latent_widgets.widgets.spectrum.data.WHOLE", 39)
    few = spectrum_at(wide, code, None, "image", None, "auto")
    assert (len(few.values), few.svd.method) == (20, "progressive")


def test_whiskers_are_drawn_from_end_to_end_and_to_the_top_where_nothing_is_known(wide):
    told = []
    spectrum_at(wide, lw.Code(wide.code(3), "w"), None, "image", 5, "progressive", told.append)
    view = SpectrumView(log=True, ranks=False, energy=False)
    for step in (told[0], told[5]):
        spectrum = step.value
        axes, _ = draw_spectrum(Figure(), [spectrum], view)
        lines = next(c for c in axes.collections if c.get_gid() == "whiskers").get_segments()
        bottom, top = axes.get_ylim()
        low, high = (end.numpy().clip(bottom, top) for end in spectrum.whiskers)
        seen = high - low > THIN * (top - bottom)  # shorter ones would not be seen
        assert [segment[1, 1] for segment in lines] == pytest.approx(high[seen])
        assert [segment[0, 1] for segment in lines] == pytest.approx(low[seen])
        assert seen.any()
    assert np.isinf(told[0].value.whiskers[1].numpy()).all()


def test_code_nearby_is_begun_with_and_a_far_one_is_not(wide):
    finder = Finder(wide, Latents(wide, 4), 5, "progressive")
    code = lw.Code(wide.code(3), "w")
    plan = finder.plan(code, "image")
    assert finder.start(plan) is None
    cold = finder.find(plan)
    beside, away = finder.plan(near(wide, code), "image"), finder.plan(near(wide, code, 3.0), "image")
    assert finder.start(beside) is cold.svd
    assert finder.start(away) is None
    assert finder.start(finder.plan(code, "all")) is None
    warm = finder.find(beside)
    assert sum(warm.svd.products) < sum(cold.svd.products)
    said = "5 values from 10 products, begun with the directions nearby, about 10 fewer"
    assert products_words(warm, warm=True) == said
    assert products_words(cold) == f"5 values from {sum(cold.svd.products)} products"


def test_distance_of_codes_is_in_standard_deviations(wide):
    code = lw.Code(wide.code(3), "w")
    assert far(wide, code, near(wide, code, 0.25)) == pytest.approx(0.25, rel=1e-4)
    assert far(wide, code, code) == 0
    assert far(wide, code, lw.Code(wide.broadcast(code.tensor[None])[0], "w+")) == float("inf")


def test_pace_says_what_it_will_take_and_what_is_left():
    now = [0.0]
    pace = Pace(lambda: now[0])
    now[0] = 4.0
    assert pace.words(2, 20, warm=False) == "2 products, 0.5 a second: about 3 min for 80"
    now[0] = 20.0
    assert pace.words(20, 20, warm=False) == "20 products, 1 a second, about 60 s left"
    assert pace.words(20, 20, warm=True) == "20 products, 1 a second, about 20 s left"
    assert pace.words(80, 20, warm=False) == "80 products, 4 a second, until the whiskers are short"
    assert pace.due()
    now[0] = 20.5
    assert not pace.due()
    now[0] = 21.0
    assert pace.due()


def test_panel_shows_stages_and_says_what_a_start_saved(wide, make):
    panel = make(wide, target="image", k=5, method="progressive")
    assert panel.error is None
    assert "5 values from" in panel.controls.words.value
    first = sum(panel.current.svd.products)
    panel.code = near(wide, panel.code)
    assert "begun with the directions nearby" in panel.controls.words.value
    assert sum(panel.current.svd.products) < first


def test_panel_keeps_what_is_there_when_it_is_cancelled(wide, make, monkeypatch):
    panel = make(wide, target="image", k=5, method="progressive")
    stages = []

    def show(step):
        stages.append(step.value)
        JacobianSpectrum._show_stage(panel, step)
        if len(stages) == 3:
            panel.cancel()

    monkeypatch.setattr(panel, "_show_stage", show)
    panel.code = near(wide, panel.code, 5.0)
    assert panel.current is stages[2]
    assert len(panel.directions) == len(stages[2].values) == 3
    assert "3 values from 6 products, not finished" in panel.controls.words.value


def test_basis_of_a_picture_begins_with_one_nearby(wide):
    z = wide.sample_z(1, 3)
    told = []
    cold = local_basis(wide, z, "image", 5, method="progressive", on_step=told.append)
    warm = local_basis(wide, z + 1e-3, "image", 5, method="progressive", start=cold)
    assert (warm.svd.products, told[0].value.method) == ((5, 5), "progressive")
    assert sum(cold.svd.products) > 10
    ended = local_basis(wide, z, "image", 5, method="progressive", on_step=lambda step: step.index < 6)
    assert len(ended.singular_values) == 3
    assert ended.rank is None
    with pytest.raises(ValueError, match=r"start must be left out unless method='progressive' finds .* got target 'w'"):
        local_basis(wide, z, start=cold)
    with pytest.raises(ValueError, match=r"start must be a basis of target 'all', got one of 'image'\."):
        local_basis(wide, z, "all", 5, method="progressive", start=cold)

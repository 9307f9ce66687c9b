"""On large generators a painted region is searched for in stages: each shows, and none begins anew."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.widgets.explorer.region.work import Settings, Where


@pytest.fixture(scope="module")
def large():
    """Large enough to be searched: 256 px."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        channels = {4: 8, 8: 8, 16: 8, 32: 8, 64: 4, 128: 4, 256: 3}
        return StyleGenerator(StyleGAN2(z_dim=8, w_dim=12, resolution=256, channels=channels), "large")


@pytest.fixture
def region():
    inside = torch.zeros(256, 256, dtype=torch.bool)
    inside[70:110, 90:150] = True
    return lw.Mask(inside)


@pytest.fixture
def explorer(large, monkeypatch):
    monkeypatch.setattr("latent_widgets.widgets.explorer.region.work.PATIENCE", 30)
    with lw.LatentExplorer(large, seed=3, executor="inline") as panel:
        panel.steer = True
        yield panel


@pytest.fixture
def stages(monkeypatch):
    """What came of each search, and with what it began."""
    seen, search = [], Where.search

    def watched(self, G, mask, settings, start=None, on_step=None):
        found = search(self, G, mask, settings, start, on_step)
        seen.append((start, found))
        return found

    monkeypatch.setattr(Where, "search", watched)
    return seen


def test_sliders_come_from_a_search_and_words_say_what_was_seen(explorer, region, stages):
    explorer.mask = region
    assert explorer.error is None
    assert explorer.directions.method == "region"
    assert len(stages) == 1
    assert stages[0][1] is explorer.region.follower.spectra
    assert "seen along" in explorer.region.page.words.value
    assert "at 256 px" in explorer.region.page.words.value


def test_another_mask_goes_on_with_what_was_seen(explorer, region, stages):
    explorer.mask = region
    explorer.mask = lw.Mask(region.tensor.roll(40, 0))
    (_, first), (start, second) = stages
    assert start is first
    assert second.seen.reused == first.seen.directions
    explorer.mask = explorer.mask
    assert len(stages) == 2


def test_another_latent_begins_with_the_directions_of_before(explorer, region, stages):
    explorer.mask = region
    explorer.seed = 4
    (_, first), (start, second) = stages
    assert start is first
    assert second.seen.reused == 0
    assert not explorer.region.stale


def test_more_directions_are_searched_for(explorer, region, stages):
    explorer.mask = region
    explorer.region.page.count.value = 3
    assert [start is None for start, _ in stages] == [True, False]
    assert len(explorer.directions) == 3


def test_stages_show_before_the_search_ends(explorer, region, monkeypatch):
    shown, landed = [], explorer.region._landed
    monkeypatch.setattr(explorer.region, "_landed", lambda where, found: (shown.append(found), landed(where, found)))
    explorer.mask = region
    assert len(shown) > 2
    assert shown[0].seen.side == 16
    assert shown[-1].seen.stopped
    assert all(isinstance(found, RegionSpectra) for found in shown)
    assert all(len(found.total) >= 6 for found in shown[:-1])  # no slider goes, to come back later


def test_which_generators_are_searched(large, tiny):
    code = lw.Edit.of(large)
    here = Where(code.base, (), None, "rgb")
    assert here.searches(large)
    assert not here.searches(tiny)
    assert Settings().k == 6


@pytest.mark.parametrize("before", [False, True])
def test_a_region_of_everything_is_told_and_no_failure(explorer, region, before):
    if before:
        explorer.mask = region
    explorer.mask = lw.Mask(torch.ones(256, 256, dtype=torch.bool))
    assert explorer.error is None
    assert explorer.region.work.job.error is None
    said = "The region is the whole picture" if before else "mask must leave a part of the picture out"
    assert said in explorer.region.page.message.value
    explorer.mask = lw.Mask(region.tensor.roll(9, 1))
    assert explorer.region.page.message.value == ""
    assert explorer.directions.method == "region"


def test_a_search_that_fails_otherwise_is_an_error(explorer, region, monkeypatch):
    def broken(*arguments, **options):
        raise ValueError("fn must be differentiable")

    monkeypatch.setattr(Where, "search", broken)
    explorer.mask = region
    assert "fn must be differentiable" in str(explorer.region.work.job.error)

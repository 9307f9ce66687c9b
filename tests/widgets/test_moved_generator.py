"""A generator can be moved at any time: panels forget what they found before, and say where nothing can be computed."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from latent_widgets.edits.edit import Edit, Mask
from latent_widgets.generators.place import place_of
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.inversion.invert import invert
from latent_widgets.methods.local_basis import local_basis
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.photo import photo as _explorer_photo
from latent_widgets.widgets.explorer.region.work import Where
from latent_widgets.widgets.explorer.walk.densities import Densities
from latent_widgets.widgets.spectrum.spectrum import JacobianSpectrum
from latent_widgets.widgets.warpage.warpage import WarpageHeatmap
from tests.widgets.conftest import calm

NO_WEIGHTS = "the generator must have its weights to draw, got it on the meta device, where tensors have shapes"


@pytest.fixture
def region(steering, square):
    """The page of an explorer that follows a region."""
    steering.mask = Mask(square)
    return steering.region


@pytest.fixture
def explorer_with_part(tiny, square, monkeypatch):
    """A page for parts after a training of the painted region that was stopped."""
    module = importlib.import_module("latent_widgets.methods.lelsd.course")
    for name in ("RANDOM", "CHECKED", "FEWEST"):
        monkeypatch.setattr(module, name, 2)
    with LatentExplorer(tiny, seed=3, k=2, mask=Mask(square), confine=False, executor="inline") as explorer:
        explorer.controls.page = "part"
        explorer.part.page.steps.value = 2
        explorer.part.train()
        explorer.part.found = replace(explorer.part.found, stopped="cancelled", total=9)
        explorer.redraw()
        yield explorer


@pytest.fixture
def part(explorer_with_part):
    """The page."""
    return explorer_with_part.part


@pytest.fixture
def explorer_with_photo(tiny, monkeypatch):
    """A page for photos after a search."""
    monkeypatch.setattr(_explorer_photo, "invert", lambda *a, **k: invert(*a, **k, samples=8, starts=2))
    with LatentExplorer(tiny, seed=3, k=2, executor="inline") as explorer:
        explorer.controls.page = "photo"
        explorer.photo.page.steps.value = 4
        explorer.photo.open(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8))
        explorer.photo.start()
        assert explorer.photo.found is not None
        yield explorer


@pytest.fixture
def photo(explorer_with_photo):
    """The page."""
    return explorer_with_photo.photo


@pytest.fixture
def spectrum(tiny):
    """A spectrum of the mapping."""
    with JacobianSpectrum(tiny, seed=3, k=3, executor="inline", pictures=3) as made:
        yield made


@pytest.fixture
def heatmap(tiny):
    """Distances between a few latents."""
    with WarpageHeatmap(tiny, n=4, k=2, executor="inline") as made:
        yield made


# ---- to another type


def test_jacobian_of_a_region_is_found_anew_where_the_generator_is_then(tiny, region, square, steering):
    explorer, before = steering, region.follower.spectra
    explorer.controls.page = "region"
    tiny.to(dtype=torch.float32)
    explorer.redraw()
    assert region.follower.spectra is not before
    assert place_of(region.follower.spectra.functions[0].x0) == place_of(tiny)
    assert not region.stale
    expected = RegionSpectra(tiny, tiny.code(3)).directions(square, 2)
    assert torch.allclose(explorer.directions.vectors.abs(), expected.vectors.abs(), atol=1e-4)
    assert explorer.directions.vectors.dtype == torch.float32
    assert explorer.error is None


@pytest.mark.parametrize("act", ["tolerance", "overlay", "mask", "unsteered"])
def test_whatever_is_touched_first_drops_the_old_jacobian(tiny, region, square, act, steering):
    explorer, before = steering, region.follower.spectra
    tiny.to(dtype=torch.float32)
    if act == "tolerance":
        region.page.tolerance.value = 0.1
    elif act == "overlay":
        region.page.overlay.value = "predicted"
        assert region.effects.maps[0].map.dtype == torch.float32
    elif act == "mask":
        explorer.mask = Mask(~square)
    else:
        explorer.steer = False
        assert region.follower.spectra is None
        explorer.steer = True
    assert region.follower.spectra is not before
    assert place_of(region.follower.spectra.functions[0].x0) == place_of(tiny)
    assert region.found.spectrum.singular_values is not None
    assert explorer.error is None


def test_jacobian_of_another_generator_is_dropped(make_network, region, steering):
    explorer, before = steering, region.follower.spectra
    explorer.generator = StyleGenerator(make_network(), "tiny")  # with the same weights
    explorer.redraw()
    assert region.follower.spectra is not before
    assert region.follower.spectra.generator is explorer.generator
    assert explorer.error is None


def test_jacobian_that_lands_after_the_move_is_found_again(tiny, square, monkeypatch):
    spectra, seen = Where.spectra, []

    def moved_meanwhile(self, G, on_step=None):
        found = spectra(self, G, on_step)
        seen.append(found)
        if len(seen) == 1:
            G.module.float()
        return found

    monkeypatch.setattr(Where, "spectra", moved_meanwhile)
    with LatentExplorer(tiny, seed=3, k=2, steer=True, mask=Mask(square), executor="thread") as explorer:
        calm(explorer)
        assert len(seen) == 2
        assert explorer.region.follower.spectra is seen[1]
        assert explorer.directions.vectors.dtype == torch.float32
        assert explorer.error is None


def test_spectrum_is_found_anew_where_the_generator_is_then(tiny, spectrum):
    spectrum.controls.chance.value = "latents"
    before, band = spectrum.current, spectrum.band
    tiny.to(dtype=torch.float32)
    spectrum.selected_index = 1
    assert spectrum.selected_index == 1
    assert spectrum.current is not before
    assert place_of(spectrum.directions.vectors) == place_of(tiny)
    assert not torch.equal(spectrum.band.middle, band.middle)  # of float32
    assert torch.allclose(spectrum.band.middle, band.middle, atol=1e-4)
    before = spectrum.current
    tiny.to(dtype=torch.float64)
    spectrum.code = Edit.of(tiny, seed=3).code(tiny)  # the same code
    assert spectrum.current is not before
    assert spectrum.error is None


def test_pictures_beside_the_distances_are_drawn_where_the_generator_is_then(tiny, heatmap):
    tiny.to(dtype=torch.float32)
    result, old = heatmap.result, heatmap.pages.pictures
    heatmap.selected = (1, 3)
    assert heatmap.error is None
    assert heatmap.controls.pictures[1].caption == "B: latent 3"
    heatmap.show_strips()
    heatmap.pages.draw_pictures(result, then=heatmap.show_page)
    assert heatmap.error is None
    assert len(heatmap.pages.pictures) == len(old) == 4
    assert heatmap.result is result  # it says what was measured


def test_training_goes_on_only_where_it_began_and_the_part_is_looked_at_anew(tiny, part, explorer_with_part):
    seen = part.seen
    assert not part.page.more.disabled
    tiny.to(dtype=torch.float32)
    explorer_with_part.redraw()
    assert part.page.more.disabled
    assert part.seen is not seen
    part.train(more=True)  # anew
    assert part.found.stopped == "finished"
    assert place_of(part.found.directions.vectors) == place_of(tiny)
    assert explorer_with_part.error is None


def test_search_goes_on_where_the_generator_is_then(tiny, photo, explorer_with_photo):
    tiny.to(dtype=torch.float32)
    photo.go_on()
    assert photo.work.job.error is None
    assert place_of(photo.found.image) == place_of(tiny)
    assert explorer_with_photo.error is None


def test_density_of_a_walk_is_fitted_where_the_generator_is_then(tiny):
    densities = Densities(tiny)
    before = densities.of("w")
    assert densities.of("w+") is before
    tiny.to(dtype=torch.float32)
    assert densities.of("w") is not before
    code = tiny.code(3)[None]
    assert densities.of("w").log_prob(code).dtype == torch.float32
    tiny.to(dtype=torch.float64)
    assert densities.of("w") is before


# ---- to where there are no values


def test_region_page_says_what_is_missing(tiny, region, steering):
    explorer = steering
    tiny.to("meta")
    region.page.tolerance.value = 0.1
    assert NO_WEIGHTS in region.page.message.value
    assert region.follower.spectra is None
    assert region.page.plots.layout.display == "none"
    for act in (lambda: setattr(region.page.overlay, "value", "true"), region.refresh, region.show_effects):
        act()
        assert NO_WEIGHTS in region.page.message.value
    assert explorer.error is None
    assert region.work.job.error is None


def test_explorer_says_what_is_missing(tiny, explorer):
    code = explorer.code
    tiny.to("meta")
    acts = [explorer.redraw, lambda: explorer.step_seed(1)]
    acts += [lambda page=page: setattr(explorer.controls, "page", page) for page in ("mix", "seeds")]
    for act in acts:
        explorer.dismiss()
        act()
        assert NO_WEIGHTS in str(explorer.error)
    explorer.controls.page = "walk"
    assert NO_WEIGHTS in explorer.pages["walk"].strip.caption
    for act in (explorer.walk, lambda: setattr(explorer, "code", replace(code, seed=None))):
        with pytest.raises(ValueError, match=NO_WEIGHTS):
            act()
    with pytest.raises(ValueError, match=NO_WEIGHTS):
        Densities(tiny).of("w")


def test_part_page_says_what_is_missing(tiny, part, explorer_with_part):
    tiny.to("meta")
    for button in (part.page.train, part.page.more):
        explorer_with_part.dismiss()
        button.click()
        assert NO_WEIGHTS in str(explorer_with_part.error)
    for act in (part.draw, lambda: part.painted.add("nose")):
        with pytest.raises(ValueError, match=NO_WEIGHTS):
            act()


def test_photo_page_says_what_is_missing(tiny, photo):
    tiny.to("meta")
    for act in (photo.start, photo.go_on):
        act()
        assert NO_WEIGHTS in str(photo.work.job.error)
    with pytest.raises(ValueError, match=NO_WEIGHTS):
        photo.adopt()


def test_spectrum_says_what_is_missing(tiny, spectrum):
    tiny.to("meta")
    for act in (lambda: spectrum.select(2), spectrum.refresh, lambda: spectrum.choose_target("image")):
        spectrum.dismiss()
        act()
        assert NO_WEIGHTS in str(spectrum.error)


def test_heatmap_says_what_is_missing(tiny, heatmap):
    tiny.to("meta")
    for act in (lambda: heatmap.select(1, 2), heatmap.show_strips, lambda: heatmap.measure(3)):
        heatmap.dismiss()
        act()
        assert NO_WEIGHTS in str(heatmap.error)


@pytest.mark.parametrize(
    "compute",
    [
        lambda G, z: RegionSpectra(G, G.code(3)),
        lambda G, z: local_basis(G, z),
        lambda G, z: local_basis(G, z, "image"),
        lambda G, z: invert(G, torch.zeros(3, 16, 16)),
    ],
)
def test_what_needs_values_is_refused_in_words_without_a_widget_too(tiny, compute):
    tiny.to("meta")
    with pytest.raises(ValueError, match=NO_WEIGHTS):
        compute(tiny, tiny.sample_z(1)[0])

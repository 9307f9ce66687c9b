"""Where a region's direction acts: predicted, measured, and drawn over the picture."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from latent_widgets.edits.edit import Code, Edit, Mask
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.widgets.explorer.region.overlay import Heat, change_map, heat, predicted_map, scale_bar
from latent_widgets.widgets.explorer.region.work import Where, effect_of, true_effect


@pytest.fixture
def explorer(steering):
    """An explorer whose sliders follow a region."""
    return steering


@pytest.mark.parametrize("rows", [None, (1, 2)])
@pytest.mark.parametrize("spread", [False, True])
def test_predicted_map_is_the_dense_one(tiny, square, rows, spread):
    w = tiny.code(3)
    code = Code(tiny.broadcast(w[None])[0] + torch.arange(6.0)[:, None] / 20, "w+") if spread else Code(w, "w")
    spectra = RegionSpectra(tiny, code, rows=rows, shared=True)
    direction = spectra.directions(square, 2, 1e-2)[1]
    assert (direction.space, direction.layers) == ("w", rows)
    point = code.tensor if spread else tiny.broadcast(w[None])[0]
    acts = torch.zeros(6, 1).double()
    acts[list(rows or range(6))] = 1
    dense = torch.func.jacfwd(lambda x: tiny.synthesize((point + acts * x)[None], "w+")[0])(torch.zeros(6).double())
    change = dense @ (direction.vectors[0] / direction.vectors[0].norm() * direction.scales[0])
    found = predicted_map(spectra, direction)
    assert torch.allclose(found, change.square().mean(0).sqrt(), rtol=1e-8)
    sums = effect_of(found, square)
    assert sums.inside == pytest.approx(1.0)  # one unit is a change of the inside by one root mean square
    assert sums.locality == pytest.approx(float(direction.scores["locality"][0]))
    assert sums.outside == pytest.approx(float(direction.scores["outside per inside"][0]))


def test_true_effect_is_that_of_the_pictures_and_small_steps_are_linear(tiny, square):
    where = Where.of(Edit.of(tiny, seed=3), (), None, "rgb")
    direction = where.spectra(tiny).directions(square, 1)
    move = Edit.of(tiny).move(direction, 0, 1e-4).moves[0]
    true = true_effect(tiny, where, move, Mask(square))
    start = Edit.of(tiny, seed=3)
    difference = replace(start, moves=(move,)).apply(tiny) - start.apply(tiny)
    assert torch.allclose(true.map, difference[0].square().mean(0).sqrt())
    assert true.inside == pytest.approx(float(difference[0, :, square].square().mean().sqrt()))
    assert true.outside == pytest.approx(float(difference[0, :, ~square].square().mean().sqrt()))
    predicted = effect_of(1e-4 * predicted_map(where.spectra(tiny), direction), square)
    assert true.inside == pytest.approx(predicted.inside, rel=1e-2)
    assert true.locality == pytest.approx(predicted.locality, rel=1e-2)


@pytest.mark.parametrize("channels", ["luminance", "chroma"])
def test_prediction_and_truth_look_at_the_same_channels(tiny, square, channels):
    where = Where.of(Edit.of(tiny, seed=3), (), None, channels)
    spectra = where.spectra(tiny)
    direction = spectra.directions(square, 1)
    move = Edit.of(tiny).move(direction, 0, 1e-4).moves[0]
    true = true_effect(tiny, where, move, Mask(square))
    assert true.inside == pytest.approx(1e-4 * effect_of(predicted_map(spectra, direction), square).inside, rel=1e-2)


def test_heat_covers_the_picture_by_how_much_acts():
    picture = np.full((16, 16, 3), 128, np.uint8)
    values = torch.zeros(16, 16)
    values[8:] = 2.0
    hot = heat(picture, values, 2.0).astype(int)
    assert hot.shape == (384, 384, 3)
    assert hot[-1, 0].sum() > hot[0, 0].sum() + 150  # brighter where it acts, also for who sees no colours
    assert (heat(picture, values, 2.0, Mask(values > 0)) == 255).all(-1).any()  # the region's outline
    assert "2.5 rms" in scale_bar(2.5, "rms")
    assert change_map(torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.5)).unique().tolist() == [0.5]


@pytest.mark.parametrize("size", [(16, 12), (12, 48), (400, 500)])
def test_sheet_over_a_grey_picture_is_the_picture_with_heat(size):
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(5, 7, generator=generator)
    picture = np.repeat(np.random.default_rng(0).integers(0, 256, (*size, 1), np.uint8), 3, 2)
    with Image.open(io.BytesIO(Heat(values, 0.8, size).sheet)) as file:
        assert (file.mode, max(file.size)) == ("RGBA", 384)
        sheet = file.resize(tuple(max(a, b) for a, b in zip(file.size, size[::-1], strict=True)))
    under = Image.fromarray(picture).resize(sheet.size, Image.Resampling.BILINEAR).convert("RGBA")
    laid = np.asarray(Image.alpha_composite(under, sheet).convert("RGB")).astype(int)
    composed = Heat(values, 0.8, size).over(picture).astype(int)
    assert laid.shape == composed.shape
    within = 2 if max(size) <= 384 else 12  # a sheet that is drawn larger is smoothed between its own pixels
    assert np.abs(laid - composed).max() <= within


def test_page_lays_the_heat_and_the_picture_stays_as_it_is(explorer, square):
    explorer.mask = Mask(square)
    stage, picture = explorer.screen.stage, explorer.controls.picture
    plain, page = picture.data, explorer.region.page
    page.overlay.value = "predicted"
    composed = explorer.screen.still
    assert (stage.heat, composed.size, picture.data != plain) == (b"", (384, 384), True)  # no page shows the stage
    stage._handle_custom_msg({"kind": "shown"}, [])
    assert stage.heat
    assert picture.data == plain
    assert np.array_equal(explorer.screen.still, composed)  # what is saved is what is seen
    assert explorer.picture.pixels.shape == (16, 16, 3)
    assert picture.caption.endswith(" · heat: predicted change, see the region page")
    explorer.controls.view.value = "difference"
    assert stage.heat == b""
    explorer.controls.view.value = "after"
    assert stage.heat
    page.overlay.value = "none"
    assert (stage.heat, picture.data, picture.caption) == (b"", plain, "seed 3")


def test_heat_is_sent_once_for_each_effect(explorer, square):
    explorer.mask = Mask(square)
    stage, sent = explorer.screen.stage, []
    stage._handle_custom_msg({"kind": "shown"}, [])
    stage.observe(lambda change: sent.append(change["new"]), "heat")
    explorer.region.page.overlay.value = "predicted"
    assert len(sent) == 1
    for _ in range(3):
        explorer.redraw()
        explorer.screen.repaint()
    assert len(sent) == 1
    explorer.set_alpha(0, 0.3)
    assert len(sent) <= 2


def test_overlay_lies_on_the_picture_and_goes_again(tiny, explorer, square):
    explorer.mask = Mask(square)
    plain = np.array(explorer.controls.picture.to_pil())
    page = explorer.region.page
    for overlay in ("predicted", "true"):
        page.overlay.value = overlay
        assert explorer.controls.picture.to_pil().size == (384, 384)
        assert "rms change for +0.1 rms" in page.scale.value
    explorer.controls.page = "walk"
    explorer.set_alpha(1, 0.3)
    assert "for +0.3 rms" in page.scale.value
    assert explorer.controls.picture.to_pil().size == (384, 384)
    assert explorer.controls.picture.caption.endswith(" · heat: true change, see the region page")
    explorer.undo()
    page.overlay.value = "none"
    assert explorer.controls.picture.caption == "seed 3"
    assert (np.array(explorer.controls.picture.to_pil()) == plain).all()
    assert page.scale.value == ""
    page.overlay.value = "true"
    explorer.steer = False
    assert (np.array(explorer.controls.picture.to_pil()) == plain).all()


def test_page_shows_locality_beside_chance(explorer, square):
    explorer.mask = Mask(square)
    explorer.controls.page = "region"
    page = explorer.region.page
    area, chance = 0.25, float(explorer.directions.scores["chance"][0])
    for words in (f"{area:.2%} of the picture", "rank ", "true ", f"chance {chance:.1%}"):
        assert words in page.words.value
    assert all("<svg" in plot.svg for plot in (page.spectrum, page.locality, page.effect))
    page.solver.value = "projection"
    assert "of its length left by the projection" in page.words.value
    explorer.region.pick(0.9, 0.5)  # a click on the last bar
    assert explorer.selected_index == 1

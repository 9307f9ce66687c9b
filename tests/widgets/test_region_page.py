"""A painted region steers: sliders, plots and heat follow the mask and the latent, and no hand on a slider is lost."""

from dataclasses import replace
from threading import Event

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image

from latent_widgets._steps import Cancelled
from latent_widgets.directions import Directions
from latent_widgets.edits import Code, Edit, Mask
from latent_widgets.geometry.regions import RegionSpectra
from latent_widgets.methods import random_directions
from latent_widgets.widgets._encode import to_uint8
from latent_widgets.widgets._log_slider import LogSlider
from latent_widgets.widgets._moves import same_direction
from latent_widgets.widgets._overlay import change_map, heat, predicted_map, scale_bar
from latent_widgets.widgets._page_work import PageWork
from latent_widgets.widgets._region_work import Settings, Where, effect_of, find_region, matched, true_effect
from latent_widgets.widgets._still import Still
from latent_widgets.widgets.explorer import LatentExplorer
from latent_widgets.widgets.mask_painter import MaskPainter
from tests.widgets.conftest import PATIENCE, calm, until


@pytest.fixture
def square():
    """A region of a quarter of a 16 pixel picture."""
    mask = torch.zeros(16, 16, dtype=torch.bool)
    mask[4:12, 6:14] = True
    return mask


@pytest.fixture
def explorer(tiny):
    """An explorer whose sliders follow a region, on its page."""
    with LatentExplorer(tiny, seed=3, k=3, steer=True, executor="inline") as made:
        made.region.page.count.value = 2
        made.controls.page = "save"  # which draws nothing
        yield made


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


@pytest.fixture
def linked(explorer):
    """A painter in the documented two lines."""
    with MaskPainter(explorer.picture, brush=3.0, executor="inline") as painter:
        links = [
            traitlets.dlink((explorer, "picture"), (painter, "picture")),
            traitlets.link((painter, "mask"), (explorer, "mask")),
        ]
        yield painter
        for link in links:
            link.unlink()


@pytest.fixture
def passes(monkeypatch):
    """The places at which Jacobians were found."""
    seen, spectra = [], Where.spectra

    def counted(self, G, on_step=None):
        seen.append(self)
        return spectra(self, G, on_step)

    monkeypatch.setattr(Where, "spectra", counted)
    return seen


# ---- painting and steering


def test_painted_region_gives_the_directions_of_region_spectra(tiny, explorer, linked):
    assert "Paint a region" in explorer.region.page.message.value
    linked.paint("rectangle", [(6, 4), (14, 12)])
    assert explorer.error is None
    assert linked.error is None
    assert explorer.mask is linked.mask
    expected = RegionSpectra(tiny, tiny.code(3)).directions(linked.mask, 2, 1e-3)
    found = explorer.directions
    assert torch.allclose(found.vectors, expected.vectors)
    assert torch.allclose(found.scales, expected.scales)
    assert (found.method, found.unit, found.names) == ("region", "rms", ("region 1", "region 2"))
    assert explorer.edit.mask is None  # the picture is whole: a direction's reach is seen
    explorer.set_alpha(0, 0.2)
    assert Edit.from_json(explorer.edit.to_json()).apply(tiny).equal(explorer.edit.apply(tiny))
    linked.clear()
    assert "empty" in explorer.region.page.message.value
    assert len(explorer.edit.moves) == 1  # what was done stays


def test_painter_paints_on_the_picture_that_is_shown(tiny, explorer, linked):
    linked.paint("brush", [(5, 5), (9, 5)])
    mask = linked.mask
    explorer.seed = 8
    shown = to_uint8(tiny.synthesize(tiny.code(8)[None]))
    assert (linked.image == shown).all()
    assert np.array_equal(explorer.picture, shown)
    assert linked.mask is mask
    assert linked.model.can_undo
    explorer.set_alpha(0, 0.3)
    assert (linked.image == to_uint8(explorer.edit.apply(tiny))).all()
    before = explorer.picture
    explorer.controls.view.value = "difference"  # another view of the same picture
    assert explorer.picture is before
    linked.undo()
    assert explorer.mask is None


def test_picture_that_lands_during_a_stroke_goes_under_it(explorer, linked):
    linked.gesture.press(100.0, 100.0)
    linked.gesture.move(200.0, 100.0)
    explorer.seed = 9
    assert linked.gesture.down
    assert len(linked.gesture.points) == 2
    linked.gesture.lift()
    assert linked.mask is not None
    assert explorer.directions.method == "region"


def test_switches_say_what_a_mask_does(tiny, square):
    mask = Mask(square)
    with LatentExplorer(tiny, seed=3, k=2, executor="inline") as explorer:
        page = explorer.region.page
        explorer.mask = mask
        assert explorer.edit.mask is mask
        assert page.confine.value
        assert not page.steer.value
        page.steer.value = True
        assert (explorer.edit.mask, explorer.mask, explorer.confine) == (None, mask, False)
        assert explorer.directions.method == "region"
        page.confine.value = True  # both
        assert explorer.edit.mask is mask
        assert explorer.steer
        explorer.set_alpha(0, 0.3)
        outside = ~torch.as_tensor(square)
        assert explorer.edit.apply(tiny)[0, :, outside].equal(tiny.synthesize(tiny.code(3)[None])[0, :, outside])
        explorer.confine = False
        assert explorer.edit.mask is None
        assert explorer.mask is mask
        explorer.undo()
        assert explorer.edit.mask is mask
        assert page.confine.value
        explorer.redo()
        assert explorer.edit.mask is None
        assert explorer.mask is mask
        assert not page.confine.value
        explorer.steer = False
        assert explorer.mask is mask
        assert explorer.edit.mask is None
        explorer.edit = Edit.of(tiny, seed=1, mask=mask)
        assert explorer.confine
        assert not explorer.steer
        explorer.edit = Edit.of(tiny, seed=2)
        assert explorer.mask is None
        assert explorer.error is None


def test_directions_of_somebody_else_end_the_steering(tiny, explorer, square):
    explorer.mask = Mask(square)
    explorer.directions = random_directions(tiny, 3)
    assert not explorer.steer
    assert explorer.directions.method == "random_directions"
    explorer.seed = 5
    assert explorer.directions.method == "random_directions"
    explorer.steer = True
    assert explorer.directions.method == "region"


# ---- a hand on a slider


def test_drag_goes_on_while_the_region_changes(explorer, linked, passes):
    linked.paint("rectangle", [(6, 4), (14, 12)])
    explorer.set_alpha(1, 0.2)
    row, old = explorer.sliders.rows[1], explorer.sliders.directions[1]
    linked.paint("rectangle", [(5, 4), (6, 12)])
    new = explorer.sliders.directions[1]
    assert explorer.sliders.rows[1] is row
    assert row.slider.number == 0.2
    assert new is not old
    assert not new.vectors.equal(old.vectors)
    (move,) = explorer.edit.moves
    assert same_direction(move.direction, new)
    assert move.alpha == 0.2
    assert float((new.unit_vectors @ old.unit_vectors.T).squeeze()) > 0.9
    explorer.set_alpha(1, 0.25)
    assert explorer.edit.moves[0].alpha == 0.25
    assert len(explorer.edit.moves) == 1
    assert len(passes) == 1  # none of this made a new latent
    explorer.undo()
    explorer.undo()
    assert explorer.edit.moves == ()  # that directions turned is no act of the hand


def test_jacobian_is_found_once_a_latent(explorer, square, passes):
    explorer.mask = Mask(square)
    for alpha in (0.1, 0.2, 0.0):
        explorer.set_alpha(0, alpha)
    page = explorer.region.page
    before = explorer.directions
    page.tolerance.value = 0.1
    page.solver.value = "projection"
    assert explorer.directions is not before
    assert len(passes) == 1
    page.channels.value = "chroma"
    page.layers.value = (1, 3)
    explorer.seed = 4
    assert [p.channels for p in passes] == ["rgb", "chroma", "chroma", "chroma"]
    assert passes[-1].base.seed == 4
    assert explorer.directions.layers == (1, 2, 3)
    assert not explorer.region.stale


def test_kept_direction_stays_when_another_region_is_painted(explorer, square):
    explorer.mask = Mask(square)
    explorer.set_alpha(0, 0.2)
    kept = explorer.sliders.directions[0]
    explorer.sliders.keep(0, True)
    explorer.mask = Mask(~square)
    assert explorer.sliders.directions[0].vectors.equal(kept.vectors)
    assert explorer.edit.moves[0].direction is kept
    assert len(explorer.sliders.rows) == 3
    assert explorer.controls.others.children == ()
    assert explorer.error is None


def test_names_stay_with_their_directions(explorer, square):
    explorer.mask = Mask(square)
    explorer.sliders.rows[1].name.value = "smile"
    more = square.clone()
    more[3, 6:14] = True
    explorer.mask = Mask(more)
    assert explorer.directions.names == ("region 1", "smile")


def test_alike_directions_keep_place_sign_and_name():
    old = Directions(torch.eye(5)[:3].double(), "w", names=["a", "b", "c"])
    turned = torch.tensor([[0.1, -1, 0.1, 0, 0], [0, 0, 0, 1, 0], [1, 0.2, 0, 0, 0]]).double()
    new = Directions(turned, "w", scores={"locality": torch.tensor([0.3, 0.2, 0.1]).double()})
    found, heirs = matched(new, old)
    assert heirs == [0, 1, None]
    assert found.names == ("a", "b", "region 1")
    assert found.vectors.equal(torch.stack([turned[2], -turned[0], turned[1]]))
    assert found.scores["locality"].tolist() == pytest.approx([0.1, 0.3, 0.2])
    same, nothing = matched(new, replace(old, space="z"))
    assert same is new
    assert nothing == [None] * 3


# ---- old and new


def test_old_result_stays_and_serves_until_the_new_one_lands(threaded, square, slow):
    region, page = threaded.region, threaded.region.page
    shown, directions = page.spectrum.svg, threaded.directions
    threaded.seed = 5
    assert slow.begun.wait(PATIENCE)
    assert threaded.job.wait(PATIENCE)
    assert region.stale
    assert page.spectrum.svg == shown
    assert "<b>old</b>" in page.words.value
    assert "lw-stale" in page.spectrum._shown[0]._dom_classes
    more = square.clone()
    more[2:4] = True
    threaded.mask = Mask(more)  # painting goes on, with the Jacobian that is there
    until(lambda: threaded.directions is not directions)
    assert region.stale
    assert region.where.base.seed == 3
    threaded.set_alpha(0, 0.1)  # and so does everything else
    assert threaded.job.wait(PATIENCE)
    slow.opened.set()
    calm(threaded)
    assert not region.stale
    assert region.where.base.seed == 5
    assert "old" not in page.words.value
    assert "lw-stale" not in page.spectrum._shown[0]._dom_classes
    assert threaded.error is None


def test_newest_latent_wins(threaded, slow, monkeypatch):
    landed = []
    region = threaded.region
    arrive = region._landed
    monkeypatch.setattr(region, "_landed", lambda where, found: (landed.append(where.base.seed), arrive(where, found)))
    threaded.seed = 5
    assert slow.begun.wait(PATIENCE)
    threaded.seed = 6
    assert threaded.job.wait(PATIENCE)
    slow.opened.set()
    calm(threaded)
    assert set(landed) == {6}
    assert region.where.base.seed == 6
    assert not region.stale


def test_pass_can_be_stopped_and_asked_for_again(threaded, slow):
    region = threaded.region
    threaded.seed = 5
    assert slow.begun.wait(PATIENCE)
    assert region.work.children[1].layout.display is None
    assert not region.work.cancel.disabled
    region.work.cancel.click()
    assert "Stopped" in region.page.message.value
    slow.opened.set()
    calm(threaded)
    assert region.where.base.seed == 3
    assert region.stale
    threaded.seed = 6
    calm(threaded)
    assert region.where.base.seed == 6
    assert threaded.error is None


def test_failure_of_the_pass_is_shown_and_the_page_lives_on(explorer, square, monkeypatch):
    spectra = Where.spectra

    def broken(self, G, on_step=None):
        raise RuntimeError("no forward derivative")

    monkeypatch.setattr(Where, "spectra", broken)
    explorer.mask = Mask(square)
    work = explorer.region.work
    assert "no forward derivative" in work.message.value
    assert work.trouble.layout.display is None
    monkeypatch.setattr(Where, "spectra", spectra)
    explorer.seed = 4
    assert work.message.value == ""
    assert explorer.directions.method == "region"


# ---- what a direction does


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
    explorer.undo()
    page.overlay.value = "none"
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
    assert "kept norm" in page.words.value
    explorer.region._pick(0.9, 0.5)  # a click on the last bar
    assert explorer.selected_index == 1


# ---- bad input


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.zeros(16, 16, dtype=torch.bool), "The region is empty"),
        (torch.ones(16, 16, dtype=torch.bool), "The region is the whole picture"),
        (torch.eye(16) * (torch.arange(16) == 4), "1 pixel at the analysis size can change in 3 ways: 3 of the 5"),
        (torch.ones(8, 16).triu(4), "mask must have the aspect of the picture, 16 x 16, got 8 x 16"),
    ],
)
def test_page_says_what_is_wrong_with_a_region(explorer, square, mask, message):
    explorer.region.page.count.value = 5
    explorer.mask = Mask(square)
    explorer.mask = Mask(mask)
    assert message in explorer.region.page.message.value
    assert explorer.error is None
    explorer.mask = Mask(square)
    assert explorer.region.page.message.value == ""
    assert len(explorer.sliders.rows) == 5


def test_region_of_which_nothing_moves_is_refused_in_words(tiny, square, monkeypatch):
    synthesize, lit = tiny.synthesize, (~square).double()
    monkeypatch.setattr(tiny, "synthesize", lambda code, space=None: synthesize(code, space) * lit)
    with pytest.raises(ValueError, match="mask must cover pixels that follow the latent, got none"):
        find_region(RegionSpectra(tiny, tiny.code(3)), Mask(square), Settings())


def test_generator_without_w_steers_in_z(plain):
    with LatentExplorer(plain, seed=1, k=2, steer=True, executor="inline") as explorer:
        explorer.mask = Mask(torch.eye(16) > 0)
        assert explorer.error is None
        assert explorer.directions.space == "z"
        assert explorer.directions.method == "region"
        assert explorer.region.page.layers is None
        explorer.set_alpha(0, 0.2)
        assert explorer.edit.apply(plain).isfinite().all()


def test_edit_of_single_layers_is_differentiated_where_it_is(tiny, explorer, square):
    explorer.steer = False
    explorer.directions = random_directions(tiny, 2)
    explorer.set_alpha(0, 1.0)
    explorer.layers = (2, 4)
    assert explorer.code.space == "w+"
    explorer.mask, explorer.steer = Mask(square), True
    expected = RegionSpectra(tiny, explorer.edit.code(tiny), shared=True).directions(square, 2)
    assert torch.allclose(explorer.directions.vectors.abs(), expected.vectors.abs(), atol=1e-6)
    assert explorer.directions.space == "w"
    assert explorer.error is None


# ---- the parts


def test_log_slider_and_its_box_say_the_same():
    slider = LogSlider(1e-3, -5, 0, "tolerance", "How much")
    assert (slider.slider.value, slider.box.value) == (-12, 1e-3)
    slider.slider.value = -2
    assert slider.value == slider.box.value == 0.316
    slider.box.value = 0.02
    assert slider.value == 0.02
    assert slider.slider.value == -7
    slider.close()


def test_still_is_a_copy_that_cannot_be_written_to():
    pixels = np.zeros((4, 5, 3), np.uint8)
    still = Still(pixels)
    pixels[:] = 9
    assert still.pixels.max() == 0
    assert np.asarray(still).shape == (4, 5, 3)
    assert repr(still) == "<Still 4 x 5>"
    assert still != Still(np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        still.pixels[0] = 1


def test_work_of_a_page_stops_with_its_panel(tiny, square, instances):
    with LatentExplorer(tiny, seed=3, k=2, steer=True, mask=Mask(square), executor="thread") as explorer:
        work = explorer.region.work
        calm(explorer)
    assert work.job.closed
    assert instances() == 0
    alone = PageWork("inline")
    alone.run(lambda on_step: 1 / 0)
    assert "division by zero" in alone.message.value
    alone.quiet()
    assert alone.message.value == ""
    alone.close()


def test_static_form_and_picture_before_the_first_frame(tiny):
    with LatentExplorer(tiny, seed=3, k=2, executor="inline") as explorer:
        assert isinstance(explorer._static_image(), Image.Image)
        assert np.array_equal(explorer._first_picture(), to_uint8(tiny.synthesize(tiny.code(3)[None])))

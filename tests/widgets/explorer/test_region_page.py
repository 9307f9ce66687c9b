"""A painted region steers: sliders and plots follow the mask and the latent, and no hand on a slider is lost."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image

import latent_widgets
from latent_widgets.edits.edit import Edit, Mask
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.methods import random_directions
from latent_widgets.values.directions import Directions, same_direction
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.region.work import Settings, Where, find_region, matched
from latent_widgets.widgets.kit.encode import to_uint8
from latent_widgets.widgets.kit.page_work import PageWork
from latent_widgets.widgets.kit.still import Still
from latent_widgets.widgets.painter.painter import MaskPainter
from tests.widgets.conftest import calm


@pytest.fixture
def explorer(steering):
    """An explorer whose sliders follow a region."""
    return steering


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
    explorer.steer = False
    assert "with the brush beside the picture" in explorer.region.page.message.value
    explorer.steer = True
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


def test_page_asks_for_no_region_where_one_is_painted(explorer, linked):
    message = explorer.region.page.message
    explorer.steer = False
    linked.paint("rectangle", [(6, 4), (14, 12)])
    assert "act in the painted region" in message.value
    assert "MaskPainter" not in message.value
    linked.clear()
    assert "MaskPainter" in message.value


def test_lines_that_the_page_gives_can_be_pasted(tiny):
    with LatentExplorer(tiny, seed=3, k=2, executor="inline") as explorer:
        code = re.search("<pre>(.*)</pre>", explorer.region.page.message.value, re.DOTALL)[1]
        assert code.endswith("\npainter")  # the cell shows it
        assert code in explorer.part.page.examples.help.value
        names = {"lw": latent_widgets, "explorer": explorer}
        exec(code, names)  # noqa: S102 - these lines are what is tested
        with names["painter"] as painter:
            painter.mask = Mask(np.eye(tiny.resolution, dtype=bool))
            assert explorer.mask is painter.mask


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


def test_picture_that_answers_a_stroke_is_painted_on(explorer, linked):
    explorer.confine, explorer.steer = True, False
    explorer.set_alpha(0, 3.0)
    whole = explorer.picture
    linked.paint("rectangle", [(2, 2), (9, 9)])
    assert not np.array_equal(explorer.picture, whole)  # the move shows inside alone
    assert np.array_equal(linked.image, explorer.picture)
    linked.undo()
    assert np.array_equal(linked.image, explorer.picture)
    assert np.array_equal(explorer.picture, whole)


def test_picture_that_lands_during_a_stroke_goes_under_it(explorer, linked):
    linked.gesture.press(100.0, 100.0)
    linked.gesture.move(200.0, 100.0)
    explorer.seed = 9
    assert linked.gesture.down
    assert len(linked.gesture.points) == 2
    linked.gesture.lift()
    assert linked.mask is not None
    assert explorer.directions.method == "region"


def test_strip_of_the_walk_goes_along_the_region_as_far_as_its_unit_asks_for(explorer, square):
    walk = explorer.pages["walk"]
    explorer.controls.page, walk.density.value = "walk", False
    assert "random 1, linear: -3 to 3 sd" in walk.strip.caption
    explorer.mask = Mask(square)
    assert "region 1, linear: -0.3 to 0.3 rms" in walk.strip.caption
    walk.reach.value = 0.1
    explorer.directions = random_directions(explorer.generator, k=2)
    assert "random 1, linear: -3 to 3 sd" in walk.strip.caption
    explorer.steer = False
    explorer.steer = True
    explorer.mask = Mask(~square)
    assert "region 1, linear: -0.1 to 0.1 rms" in walk.strip.caption


def test_undo_and_redo_bring_back_the_sliders_of_the_region(explorer, square):
    explorer.mask = Mask(square)
    explorer.set_alpha(0, 1.0)
    moved = explorer.edit.apply(explorer.generator)
    explorer.controls.truncation.value = 0.99  # another latent, and directions that have turned a little
    explorer.undo()
    assert torch.allclose(explorer.edit.apply(explorer.generator), moved)
    assert explorer.sliders.rows[0].box.value == 1.0
    assert explorer.controls.others.children == ()
    explorer.redo()
    assert explorer.edit.base.truncation == 0.99
    assert explorer.controls.others.children == ()
    assert not explorer.history.can_redo
    assert explorer.error is None


def test_region_that_turns_after_undo_leaves_redo(explorer, square):
    explorer.mask = Mask(square)
    explorer.set_alpha(0, 1.0)
    explorer.set_alpha(0, 2.0)
    explorer.sliders.rows[0].name.value = "smile"
    explorer.set_alpha(0, 3.0)
    explorer.undo()
    explorer.region.page.tolerance.value *= 1.5
    assert [(move.name, move.alpha) for move in explorer.edit.moves] == [("smile", 2.0)]
    explorer.redo()
    assert [(move.name, move.alpha) for move in explorer.edit.moves] == [("smile", 3.0)]
    assert explorer.controls.others.children == ()
    assert explorer.sliders.rows[0].name.value == "smile"
    assert explorer.error is None


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


def test_directions_of_somebody_else_stand_beside_those_of_the_region(tiny, explorer, square):
    explorer.mask = Mask(square)
    explorer.directions = random_directions(tiny, 3)
    assert explorer.steer
    assert explorer.directions.method == "random_directions"
    before = explorer.state.shelf.following.directions
    explorer.seed = 5
    assert explorer.directions.method == "random_directions"
    assert explorer.state.shelf.following.directions is not before  # these follow all the same
    explorer.steer = False
    assert explorer.state.shelf.following is None
    explorer.steer = True
    assert explorer.directions.method == "region"
    assert len(explorer.state.shelf.open) == 3  # that of before stays as it was


# ---- a hand on a slider


def test_drag_goes_on_while_the_region_changes(explorer, linked, passes):
    linked.paint("rectangle", [(6, 4), (14, 12)])
    explorer.set_alpha(1, 0.2)
    row, old = explorer.sliders.rows[1], explorer.state.directions[1]
    linked.paint("rectangle", [(5, 4), (6, 12)])
    new = explorer.state.directions[1]
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
    for left in (0.2, 0.2, None):  # the second slide, the second stroke, the first slide
        explorer.undo()
        assert [move.alpha for move in explorer.edit.moves] == [left] * (left is not None)
    explorer.undo()
    assert explorer.directions.method == "random_directions"  # that directions came and turned is no act of the hand


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
    kept = explorer.state.directions[0]
    explorer.state.keep(kept, True)
    explorer.mask = Mask(~square)
    assert explorer.state.directions[0].vectors.equal(kept.vectors)
    assert explorer.edit.moves[0].direction is kept
    assert len(explorer.sliders.rows) == 3
    assert explorer.controls.others.children == ()
    assert explorer.error is None


def test_kept_directions_of_two_units_stop_nothing(explorer, square):
    explorer.sliders.rows[0].keep.value = True
    explorer.mask = Mask(square)
    explorer.sliders.rows[0].keep.value = True
    assert {d.unit for d in explorer.state.bookmarked} == {"sd", "rms"}
    explorer.set_alpha(1, 0.2)
    explorer.undo()
    explorer.controls.page = "compare"
    explorer.pages["compare"].start()
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


# ---- bad input


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.zeros(16, 16, dtype=torch.bool), "The region is empty"),
        (torch.ones(16, 16, dtype=torch.bool), "The region is the whole picture"),
        (torch.eye(16) * (torch.arange(16) == 4), "1 pixel at the analysis size can change in 3 ways: 3 of 5"),
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
    with pytest.raises(ValueError, match="mask must cover pixels that answer to the latent, got none"):
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
    assert "division by zero" in str(alone.job.error)
    alone.quiet()
    assert alone.job.error is None
    alone.close()


def test_static_form_and_picture_before_the_first_frame(tiny):
    with LatentExplorer(tiny, seed=3, k=2, executor="inline") as explorer:
        assert isinstance(explorer._static_image(), Image.Image)
        assert np.array_equal(explorer._first_picture(), to_uint8(tiny.synthesize(tiny.code(3)[None])))

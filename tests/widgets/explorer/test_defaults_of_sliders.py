"""How far sliders go and what an explorer starts with is what was measured, and the explorer says so."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.geometry.walks.own_defaults import known_defaults
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.sliders.reach_note import reach_note
from latent_widgets.widgets.kit.unit_ranges import UNIT_RANGES, unit_ranges
from tests.controls import slider_ends


@pytest.fixture(scope="module")
def faces():
    return lw.load("faces64")


@pytest.fixture(scope="module")
def components(faces):
    """Two principal components: walks along them leave early."""
    return lw.ganspace(faces, k=2, samples=200)


@pytest.fixture
def explore():
    """Makes explorers of which nothing stays."""
    made = []

    def make(*arguments, **keywords):
        made.append(lw.LatentExplorer(*arguments, executor="inline", **keywords))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_sliders_end_where_walks_were_measured_to_leave(faces, components, explore):
    explorer = explore(faces, k=3)
    assert slider_ends(explorer) == [pytest.approx(unit_ranges(faces)["sd"].reach)]
    explorer.directions = components
    assert slider_ends(explorer) == [pytest.approx(unit_ranges(faces, components)["sd"].reach)]
    rows = explorer.sliders.all_rows
    assert len({row.range.reach for row in rows}) == 2  # each set its own


def test_the_start_has_the_truncation_that_was_measured_or_the_one_that_is_asked_for(faces, components, explore):
    assert known_defaults(faces, "ganspace").truncation < 1
    assert explore(faces, components).edit.base.truncation == known_defaults(faces, "ganspace").truncation
    assert explore(faces).edit.base.truncation == known_defaults(faces).truncation
    assert explore(faces, components, truncation=0.9).edit.base.truncation == 0.9


def test_walks_strips_and_palettes_go_a_share_of_that(faces, components, explore):
    explorer = explore(faces, components)
    reach = unit_ranges(faces, components)["sd"].reach
    assert explorer.walk(3).at[-1] == pytest.approx(0.6 * reach)
    explorer.controls.page = "walk"
    assert explorer.walks.page.reach.value == pytest.approx(0.6 * reach)
    explorer.controls.page = "palette"
    assert explorer.pages["palette"].reach.value == pytest.approx(0.6 * reach)


def test_another_class_has_other_ends_and_moves_stay(explore):
    G = lw.load("fashion32")
    D = lw.random_directions(G, k=2)
    classes = range(G.classes)
    ends = {c: unit_ranges(G.of_class(c), D)["sd"].reach for c in classes}
    near, far = min(classes, key=ends.get), max(classes, key=ends.get)
    assert ends[near] < ends[far]
    explorer = explore(G, D)
    explorer.change_base(condition=far)
    explorer.set_alpha(0, ends[far])
    explorer.change_base(condition=near)
    widened, fitted = (row.slider.max * row.slider.size for row in explorer.sliders.rows)
    assert (widened, fitted) == (pytest.approx(ends[far]), pytest.approx(ends[near]))
    assert explorer.edit.moves[0].alpha == ends[far]


def test_moves_on_the_stack_weigh_as_their_sliders_do(faces, components, explore):
    explorer = explore(faces, components)
    explorer.set_alpha(0, 1.0)
    explorer.controls.page = "stack"
    weight = explorer.pages["stack"].rows[0].weight
    assert weight.max == pytest.approx(4 * unit_ranges(faces, components)["sd"].reach)


def test_of_a_stranger_nothing_is_known_until_it_is_measured(tiny, explore):
    explorer = explore(tiny, k=2)
    assert slider_ends(explorer) == [UNIT_RANGES["sd"].reach]
    assert "not measured" in explorer.sliders.note.value
    explorer.controls.page = "walk"
    explorer.walks.page.measure.click()
    explorer.wait(60)
    found = lw.own_defaults(tiny, explorer.directions)
    assert "own pictures" in explorer.sliders.note.value
    assert slider_ends(explorer) == [pytest.approx(unit_ranges(tiny, measured=found)["sd"].reach)]
    explorer.directions = Directions(torch.eye(6)[:2], "w")  # another set, of which nothing was measured
    assert "not measured" in explorer.sliders.note.value


def test_the_note_names_the_truncation_where_the_start_has_another(faces, components, explore):
    explorer = explore(faces, components)
    assert "at truncation" not in explorer.sliders.note.value
    explorer.change_base(truncation=1.0)
    assert "at truncation 0.5" in explorer.sliders.note.value


@pytest.mark.parametrize("unit", ["degrees", "rms"])
def test_units_that_never_leave_have_no_note(unit):
    assert reach_note(lw.Defaults(), unit, 1.0) == ""

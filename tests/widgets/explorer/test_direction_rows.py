"""A row says what a hand does, once, and nothing when it is told what to show."""

import pytest
import torch

from latent_widgets.edits.edit import Edit
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.sliders.rows import DirectionRow, Handlers
from latent_widgets.widgets.explorer.sliders.sliders import Sliders
from latent_widgets.widgets.explorer.state import ExplorerState
from latent_widgets.widgets.kit.panel import close_tree
from latent_widgets.widgets.kit.unit_ranges import UNIT_RANGES


@pytest.fixture
def heard():
    """What handlers were called with."""
    return []


@pytest.fixture
def handlers(heard):
    """Handlers that note it."""
    return Handlers(
        lambda *a: heard.append(("slide", *a)),
        lambda *a: heard.append(("alpha", *a)),
        lambda *a: heard.append(("layers", *a)),
        lambda *a: heard.append(("name", *a)),
        lambda *a: heard.append(("select", *a)),
    )


@pytest.fixture
def D():
    """Four directions in w, the last for three layers alone."""
    return Directions(torch.eye(4), "w", names=["a", "b", "c", "d"])


@pytest.fixture
def row(D, handlers):
    """The row of the second direction."""
    made = DirectionRow(1, D["b"], 6, handlers, lambda handler: handler)
    yield made
    close_tree(made)


@pytest.fixture
def state(plain):
    """The state of an explorer."""
    return ExplorerState(plain, Edit.of(plain))


@pytest.fixture
def sliders(D, handlers, state):
    """A row for each."""
    made = Sliders(state, 6, handlers, lambda handler: handler)
    made.use(D)
    yield made
    close_tree(made)


def test_every_control_tells_the_index(row, heard):
    row.slider.value = 15
    row.box.value = -0.25
    row.layers.value = (2, 4)
    row.name.value = "smile"
    row.zero.click()
    row.select.click()
    assert heard == [
        ("slide", 1, 1.5),
        ("alpha", 1, -0.25),
        ("layers", 1),
        ("name", 1, "smile"),
        ("alpha", 1, 0.0),
        ("select", 1),
    ]


def test_what_is_shown_is_nobodys_move(row, heard):
    row.show(2.0, (1, 3))
    row.show_name("other")
    row.activate(True)
    assert (row.slider.number, row.box.value, row.layers.value, row.name.value) == (2.0, 2.0, (1, 3), "other")
    assert not row.zero.disabled
    row.show(0.0)
    assert row.zero.disabled
    assert row.layers.value == (1, 3)
    assert heard == []


def test_value_between_two_steps_is_not_rounded_by_its_slider(row, heard):
    row.show(0.123)
    assert row.slider.number == 0.1
    assert row.box.value == 0.123
    row.slider.value = 2
    assert heard == [("slide", 1, 0.2)]


def test_page_finds_only_integers_on_the_scale_of_a_slider(row):
    for alpha in (1.9, 0.05, -3.333, 27.1):
        row.show(alpha)
        assert all(type(number) is int for number in (row.slider.value, row.slider.min, row.slider.max))
        assert (row.slider.step, row.slider.readout) == (1, False)


def test_numbers_of_a_slider_are_those_of_its_scale(row, heard):
    row.slider.value = 3
    assert heard == [("slide", 1, 0.3)]


@pytest.mark.parametrize("alpha", [-37.77, 6.0, 33.21])
def test_ranges_widen_to_whole_steps(row, alpha):
    row.show(alpha)
    assert row.box.value == alpha
    assert row.slider.number == pytest.approx(alpha, abs=0.05001)
    assert row.slider.max == -row.slider.min >= abs(row.slider.value)  # no move is still in the middle


@pytest.mark.parametrize("unit", UNIT_RANGES)
def test_sliders_have_their_unit(unit, handlers):
    D = Directions(torch.eye(2)[:1], "z", unit=unit, scales=torch.ones(1))
    row = DirectionRow(0, D, 1, handlers, lambda handler: handler)
    assert row.unit.value == UNIT_RANGES[unit].label
    assert row.slider.max * row.slider.size == -row.slider.min * row.slider.size == UNIT_RANGES[unit].reach
    assert row.box.max == 4 * UNIT_RANGES[unit].reach
    close_tree(row)


def test_every_control_has_a_tooltip_with_its_direction(row):
    row.show_name("smile")
    for control in (row.slider, row.box, row.zero, row.keep):
        assert "smile" in control.tooltip
    assert row.select.tooltip
    assert row.layers.tooltip
    assert row.name.tooltip


def test_refused_name_does_not_stay(D):
    def refuse(index, name):
        raise ValueError("taken")

    errors = []

    def guard(handler):
        def guarded(*arguments):
            try:
                handler(*arguments)
            except ValueError as error:
                errors.append(error)

        return guarded

    row = DirectionRow(1, D["b"], 6, Handlers(*[lambda *a: None] * 3, refuse, lambda *a: None), guard)
    row.name.value = "a"
    assert row.name.value == "b"
    assert len(errors) == 1
    close_tree(row)


def test_one_layer_leaves_nothing_to_choose(D, handlers, instances):
    row = DirectionRow(0, D["a"], 1, handlers, lambda handler: handler)
    assert (row.layers, row.chosen_range, row.chosen_layers) == (None, None, None)
    close_tree(row)
    assert instances() == 0


@pytest.mark.parametrize("layers", [(1, 3, 5), (2,), None])
def test_untouched_range_means_the_layers_of_the_direction(layers, handlers):
    D = Directions(torch.eye(2)[:1], "w", layers=layers)
    row = DirectionRow(0, D, 6, handlers, lambda handler: handler)
    assert row.chosen_layers is None
    row.layers.value = (3, 4)
    assert row.chosen_layers == (3, 4)
    close_tree(row)


def test_state_makes_moves_with_the_layers_and_the_kind_chosen(sliders, state):
    assert state.move(2, 1.5).layers is None
    sliders.choose_layers(2, (1, 4))
    state.kind = "density"  # which is no kind in w
    move = state.move(2, 1.5)
    assert (move.name, move.alpha, move.layers, move.kind) == ("c", 1.5, (1, 2, 3, 4), "linear")
    sliders.choose_layers(2, None)
    assert sliders.layers(2) == (0, 5)


@pytest.mark.parametrize("layers", [(0, 6), (-1, 2), (3, 2)])
def test_layers_that_are_not_there_are_refused(sliders, layers):
    with pytest.raises(ValueError, match=r"layers must be the first and last of 0 to 5, in order, got \("):
        sliders.choose_layers(0, layers)
    assert sliders.layers(0) == (0, 5)


def test_layers_outside_w_are_refused(handlers, state):
    sliders = Sliders(state, 6, handlers, lambda handler: handler)
    sliders.use(Directions(torch.eye(4), "z"))
    assert sliders.layers(1) is None
    with pytest.raises(ValueError, match="layers must be None for a direction outside w and w"):
        sliders.choose_layers(1, (0, 1))
    close_tree(sliders)


def test_sliders_show_an_edit_and_take_it_back(sliders, D, heard):
    edit = Edit().move(D, "b", 1.5, layers=[2, 3]).move(D, "d", -2.0)
    sliders.show(edit)
    assert [row.box.value for row in sliders.rows] == [0, 1.5, 0, -2]
    assert [sliders.layers(i) for i in range(4)] == [(0, 5), (2, 3), (0, 5), (0, 5)]
    sliders.show(Edit())
    assert [row.box.value for row in sliders.rows] == [0] * 4
    assert heard == []


def test_kept_directions_stay_and_come_first(sliders, D, state):
    assert state.kept is None
    sliders.rows[2].keep.value = True
    assert sliders.rows[2].keep.icon == "bookmark"
    found = Directions(-torch.eye(4)[:2], "w", names=["new", "c"])
    both = state.with_kept(found)
    assert both.names == ("c", "new", "c (2)")
    sliders.use(both)
    assert [row.keep.value for row in sliders.rows] == [True, False, False]
    sliders.rename(0, both.rename(0, "smile")["smile"])
    assert state.kept.names == ("smile",)
    assert sliders.rows[0].name.value == "smile"
    sliders.rows[0].keep.value = False
    assert state.kept is None
    assert state.with_kept(found) is found


def test_kept_directions_of_another_space_wait(sliders, state):
    sliders.rows[1].keep.value = True
    found = Directions(torch.eye(4), "z")
    assert state.with_kept(found) is found
    sliders.use(found)
    assert not any(row.keep.value for row in sliders.rows)
    assert state.kept.names == ("b",)


def test_kept_direction_that_is_found_again_is_not_doubled(sliders, D, state):
    sliders.rows[1].keep.value = True
    assert state.with_kept(D) is D


def test_replaced_rows_are_freed(instances, sliders, D):
    before = instances()
    for _ in range(3):
        sliders.use(D)
    assert instances() == before

"""A row says what a hand does, once, and nothing when it is told what to show."""

from dataclasses import replace

import pytest
import torch

from latent_widgets.edits.edit import Edit
from latent_widgets.geometry.walks.own_defaults import Defaults
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.shelf import DirectionSet
from latent_widgets.widgets.explorer.sliders import reach_note, rows
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
        lambda *a: heard.append(("name", *a)),
        lambda *a: heard.append(("select", *a)),
        lambda *a: heard.append(("keep", *a)),
    )


@pytest.fixture
def D():
    """Four directions in w, the last for three layers alone."""
    return Directions(torch.eye(4), "w", names=["a", "b", "c", "d"])


@pytest.fixture
def row(D, handlers):
    """The row of the second direction."""
    made = DirectionRow(1, D["b"], UNIT_RANGES["sd"], handlers, lambda handler: handler)
    yield made
    close_tree(made)


@pytest.fixture
def state(plain):
    """The state of an explorer."""
    return ExplorerState(plain, Edit.of(plain))


@pytest.fixture
def show(handlers, state):
    """Makes rows for directions; others go on the shelf with them."""
    made = []

    def act(directions):
        state.amend(shelf=state.shelf.put(DirectionSet("mine", directions)))
        if not made:
            choose = lambda key, row: state.amend(shelf=state.shelf.choose(key, row))  # noqa: E731
            made.append(Sliders(state, 6, handlers, choose, lambda: None, lambda handler: handler))
        made[0].show_shelf()
        return made[0]

    yield act
    close_tree(*made)


@pytest.fixture
def sliders(D, show):
    """A row for each."""
    return show(D)


def test_every_control_tells_the_index(row, heard):
    row.slider.value = 15
    row.box.value = -0.25
    row.name.value = "smile"
    row.zero.click()
    row.select.click()
    row.keep.value = True
    assert heard == [
        ("slide", 1, 1.5),
        ("alpha", 1, -0.25),
        ("name", 1, "smile"),
        ("alpha", 1, 0.0),
        ("select", 1),
        ("keep", 1, True),
    ]


def test_what_is_shown_is_nobodys_move(row, heard):
    row.show(2.0)
    row.show_name("other")
    row.show_kept(True)
    row.activate(True)
    assert (row.slider.number, row.box.value, row.name.value, row.keep.icon) == (2.0, 2.0, "other", "bookmark")
    assert not row.zero.disabled
    row.show(0.0)
    assert row.zero.disabled
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
    row = DirectionRow(0, D, UNIT_RANGES[unit], handlers, lambda handler: handler)
    assert row.unit.value == UNIT_RANGES[unit].label
    assert row.slider.max * row.slider.size == -row.slider.min * row.slider.size == UNIT_RANGES[unit].reach
    assert row.box.max == 4 * UNIT_RANGES[unit].reach
    close_tree(row)


def test_every_control_has_a_tooltip_with_its_direction(row):
    row.show_name("smile")
    for control in (row.slider, row.box, row.zero, row.keep, row.select, row.name):
        assert "smile" in control.tooltip


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

    refusing = Handlers(*[lambda *a: None] * 2, refuse, *[lambda *a: None] * 2)
    row = DirectionRow(1, D["b"], UNIT_RANGES["sd"], refusing, guard)
    row.name.value = "a"
    assert row.name.value == "b"
    assert len(errors) == 1
    close_tree(row)


def test_one_layer_leaves_nothing_to_choose(D, handlers, state, instances):
    state.amend(shelf=state.shelf.put(DirectionSet("mine", D)))
    sliders = Sliders(state, 1, handlers, lambda key, row: None, lambda: None, lambda handler: handler)
    sliders.show_shelf()
    assert (sliders.layers, sliders.chosen_range(), state.layers) == (None, None, (None,) * 4)
    close_tree(sliders)
    assert instances() == 0


@pytest.mark.parametrize("layers", [(1, 3, 5), (2,), None])
def test_untouched_range_means_the_layers_of_the_direction(layers, show, state):
    sliders = show(Directions(torch.eye(2)[:1], "w", layers=layers))
    assert state.layers == (None,)
    own = (0, 5) if layers is None else (min(layers), max(layers))
    assert sliders.chosen_range() == own
    sliders.layers.slider.value = (3, 4)
    assert state.layers == ((3, 4),)
    sliders.layers.slider.value = own
    assert state.layers == (None,)


def test_layers_are_those_of_the_active_row(sliders, state):
    sliders.layers.slider.value = (1, 2)
    state.amend(shelf=state.shelf.choose(state.shelf.active, 2))
    sliders.mark()
    assert sliders.chosen_range() == (0, 5)
    sliders.layers.slider.value = (4, 5)
    assert state.layers == ((1, 2), None, (4, 5), None)
    state.amend(shelf=state.shelf.choose(state.shelf.active, 0))
    sliders.mark()
    assert sliders.chosen_range() == (1, 2)


def test_state_makes_moves_with_the_layers_and_the_kind_chosen(sliders, state):
    assert state.move(0, 1.5).layers is None
    sliders.choose_layers((1, 4))
    state.kind = "density"  # which is no kind in w
    move = state.move(0, 1.5)
    assert (move.name, move.alpha, move.layers, move.kind) == ("a", 1.5, (1, 2, 3, 4), "linear")
    sliders.choose_layers(None)
    assert sliders.chosen_range() == (0, 5)


@pytest.mark.parametrize("layers", [(0, 6), (-1, 2), (3, 2)])
def test_layers_that_are_not_there_are_refused(sliders, layers):
    with pytest.raises(ValueError, match=r"layers must be the first and last of 0 to 5, in order, got \("):
        sliders.choose_layers(layers)
    assert sliders.chosen_range() == (0, 5)


def test_layers_outside_w_are_refused(show):
    sliders = show(Directions(torch.eye(4), "z"))
    assert sliders.chosen_range() is None
    assert sliders.layers.layout.visibility == "hidden"
    with pytest.raises(ValueError, match="layers must be None for a direction outside w and w"):
        sliders.choose_layers((0, 1))


def test_sliders_show_an_edit_and_take_it_back(sliders, state, D, heard):
    edit = Edit().move(D, "b", 1.5, layers=[2, 3]).move(D, "d", -2.0)
    assert sliders.show(edit) == []
    assert [row.box.value for row in sliders.rows] == [0, 1.5, 0, -2]
    assert state.layers == (None, (2, 3), None, None)
    sliders.show(Edit())
    assert [row.box.value for row in sliders.rows] == [0] * 4
    assert heard == []


def test_moves_along_any_open_set_have_their_slider(sliders, show, state, D):
    E = Directions(-torch.eye(4)[:2], "w", names=["x", "y"])
    edit = Edit().move(D, "b", 1.5).move(E, "y", 2.0)
    assert [move.name for move in sliders.show(edit)] == ["y"]
    show(E)
    assert sliders.show(edit) == []
    assert [row.box.value for row in sliders.all_rows] == [0, 1.5, 0, 0, 0, 2]
    first, second = state.shelf.open
    state.amend(shelf=state.shelf.change(first.key, folded=True))
    sliders.show_shelf()
    assert sliders.show(edit) == []  # folded is not gone
    assert [row.box.value for row in sliders.all_rows] == [0, 2]
    state.amend(shelf=state.shelf.close(second.key))
    sliders.show_shelf()
    assert [move.name for move in sliders.show(edit)] == ["y"]
    assert (sliders.rows, sliders.all_rows) == ((), ())  # the active set is folded


def test_row_of_another_set_makes_it_the_active_one_first(sliders, show, state, D, heard):
    show(Directions(-torch.eye(4)[:2], "w"))
    assert len(sliders.rows) == 2
    first = state.shelf.open[0]
    sliders.all_rows[3].slider.value = 10
    assert heard == [("slide", 3, 1.0)]
    assert (state.shelf.active, state.active) == (first.key, 3)
    sliders.mark()
    assert [row.active for row in sliders.all_rows] == [False, False, False, True, False, False]


def test_directions_are_kept_until_they_are_let_go(sliders, D, state):
    assert state.kept is None
    state.keep(D["c"], True)
    sliders.show_shelf()
    assert [row.keep.value for row in sliders.rows] == [False, False, True, False]
    assert sliders.rows[2].keep.icon == "bookmark"
    state.keep(D["a"], True)
    assert state.kept.names == ("c", "a")
    state.keep(D["c"], False)
    assert state.kept.names == ("a",)
    state.history.undo()
    assert state.kept.names == ("c", "a")


def test_rows_stay_where_others_fit_under_them(sliders, state, D):
    rows, shelf = sliders.rows, state.shelf
    turned = Directions(torch.eye(4).flip(0), "w", names=["e", "f", "g", "h"])
    state.amend(shelf=shelf.exchange(shelf.active, turned))
    sliders.show_shelf()
    assert all(a is b for a, b in zip(rows, sliders.rows, strict=True))
    assert [row.name.value for row in rows] == ["e", "f", "g", "h"]


def test_share_inside_the_region_stands_beside_chance(row, D):
    assert row.bar is None
    scores = {"locality": torch.tensor([0.934]), "chance": torch.tensor([0.05])}
    row.show_direction(replace(D["b"], scores=scores))
    assert "93 % of its change falls inside the region, chance 5 %" in row.bar.value
    assert "width:93.4%" in row.bar.value
    assert "left:5.0%" in row.bar.value
    row.show_direction(D["b"])
    assert row.bar.value == ""


def test_replaced_rows_are_freed(instances, sliders, state, D):
    before = instances()
    for k in (2, 3, 4):
        state.amend(shelf=state.shelf.exchange(state.shelf.active, Directions(torch.eye(4)[:k], "w")))
        sliders.show_shelf()
    assert instances() == before


def test_quotes_of_a_catalogue_end_no_tooltip(monkeypatch):
    for module in (reach_note, rows):
        monkeypatch.setattr(module, "tr", lambda text, **values: '"own" <b>')
    for words in (reach_note.reach_note(Defaults(), "sd", 1.0), rows.share_bar(0.5, 0.1)):
        assert 'title="&quot;own&quot; &lt;b&gt;"' in words

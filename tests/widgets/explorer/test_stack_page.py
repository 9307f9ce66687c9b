"""The stack page: what its rows do is done to the edit, for moves of any method, and undo takes it back."""

import pytest

from latent_widgets.edits.changes import change_move, drop_move, shift_move
from latent_widgets.edits.edit import Edit
from latent_widgets.methods import random_directions, sefa
from latent_widgets.widgets.explorer.explorer import LatentExplorer


@pytest.fixture
def explorer(tiny):
    """An explorer on the page of the stack, with two moves of its sliders and one of another method."""
    with LatentExplorer(tiny, seed=3, k=3, executor="inline") as made:
        made.controls.page = "stack"
        made.edit = made.edit.move(sefa(tiny, k=2), 1, 2.0)
        made.set_alpha(0, 1.0)
        made.set_alpha(1, -1.5)
        yield made


@pytest.fixture
def alphas():
    """Reads how far an edit's moves go."""
    return lambda edit: [round(m.alpha, 9) for m in edit.moves]


def test_rows_are_the_moves_in_order(explorer):
    rows = explorer.pages["stack"].rows
    assert [row.weight.value for row in rows] == [2.0, 1.0, -1.5]
    assert "sefa" in rows[0].name.value
    assert "random_directions" in rows[1].name.value
    assert [row.up.disabled for row in rows] == [True, False, False]
    assert [row.down.disabled for row in rows] == [False, False, True]
    assert "3 of 3 moves" in explorer.pages["stack"].words.value


def test_switching_off_and_on_is_exact_and_can_be_undone(tiny, explorer):
    page, before = explorer.pages["stack"], explorer.edit
    page.rows[0].enabled.value = False
    assert [m.enabled for m in explorer.edit.moves] == [False, True, True]
    without = Edit.of(tiny, seed=3).move(before.moves[1].direction, 0, 1.0).move(before.moves[2].direction, 0, -1.5)
    assert explorer.edit.apply(tiny).equal(without.apply(tiny))
    assert Edit.from_json(explorer.edit.to_json()).moves[0].enabled is False
    page.off.click()
    assert explorer.edit.apply(tiny).equal(Edit.of(tiny, seed=3).apply(tiny))
    assert explorer.sliders.rows[0].slider.number == 0
    page.on.click()
    assert explorer.edit.apply(tiny).equal(before.apply(tiny))
    assert explorer.sliders.rows[0].slider.number == 1.0
    for _ in range(3):
        explorer.undo()
    assert explorer.edit is before
    assert [row.enabled.value for row in page.rows] == [True] * 3


def test_weights_order_and_removal(explorer, alphas):
    page = explorer.pages["stack"]
    page.rows[1].weight.value = 0.25
    assert alphas(explorer.edit) == [2.0, 0.25, -1.5]
    assert explorer.sliders.rows[0].slider.number == 0.2  # the nearest step; the box has the number
    page.rows[2].up.click()
    assert alphas(explorer.edit) == [2.0, -1.5, 0.25]
    page.rows[0].down.click()
    assert alphas(explorer.edit) == [-1.5, 2.0, 0.25]
    page.rows[1].drop.click()
    assert alphas(explorer.edit) == [-1.5, 0.25]
    assert len(page.rows) == 2
    explorer.undo()
    explorer.undo()
    assert alphas(explorer.edit) == [2.0, -1.5, 0.25]
    assert explorer.error is None


def test_rows_stay_where_nothing_changed(explorer):
    page = explorer.pages["stack"]
    rows = page.rows
    explorer.redraw()
    assert page.rows == rows
    explorer.reset()
    assert page.rows == ()
    assert "No move yet" in page.words.value
    assert page.on.disabled
    assert page.off.disabled


def test_functions_return_the_same_edit_where_nothing_changes(tiny, alphas):
    edit = Edit.of(tiny, seed=1).move(random_directions(tiny, 2), 0, 1.0).move(random_directions(tiny, 2), 1, 2.0)
    assert change_move(edit, 0, alpha=1.0) is edit
    assert shift_move(edit, 0, -1) is edit
    assert shift_move(edit, 1, 1) is edit
    assert alphas(shift_move(edit, 0, 1)) == [2.0, 1.0]
    assert alphas(drop_move(edit, 0)) == [2.0]

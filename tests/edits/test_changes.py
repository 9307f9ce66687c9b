"""What a slider does to an edit."""

from dataclasses import replace

import pytest
import torch

from latent_widgets.edits import changes
from latent_widgets.edits.edit import Code, Edit, Move
from latent_widgets.values.directions import Directions


@pytest.fixture
def D():
    """Three directions in w."""
    return Directions(torch.eye(3), "w", names=["a", "b", "c"])


@pytest.fixture
def edit(D):
    """Two moves along a, one along b."""
    return Edit().move(D, "a", 1.0, layers=[0]).move(D, "b", 2.0).move(D, "a", 3.0, layers=[1])


@pytest.fixture
def strangers():
    """The moves of an edit for which none of some sliders stands."""
    return lambda edit, directions: changes.others(edit, [changes.move_along(edit, one) for one in directions])


def test_slider_stands_for_a_move_whose_direction_was_found_anew(edit, D):
    """On another processor: the last digits of vectors and deviations are others."""
    anew = Directions(D.vectors * (1 + 1e-7), "w", scales=D.scales * (1 - 1e-7), names=D.names)
    assert changes.move_along(edit, anew["a"]) is edit.moves[0]
    assert changes.move_along(edit, Directions(D.vectors, "w", scales=1.001 * D.scales)[0]) is None
    code = Code(torch.tensor([1.0, 2.0, 3.0]), "w")
    assert changes.same_code(code, Code(code.tensor * (1 + 1e-7), "w"))
    assert not changes.same_code(code, Code(code.tensor + 1e-4, "w"))


def test_slider_stands_for_the_first_move_along_its_direction(edit, D, strangers):
    assert changes.move_along(edit, D["a"]) is edit.moves[0]
    assert changes.move_along(edit, D["c"]) is None
    assert strangers(edit, D) == [edit.moves[2]]
    assert strangers(edit, [D["b"]]) == [edit.moves[0], edit.moves[2]]


def test_slider_leaves_all_other_moves_alone(edit, D):
    moved = changes.set_move(edit, Move.of(D, "a", 5.0))
    assert [m.alpha for m in moved.moves] == [5, 2, 3]
    assert moved.moves[1:] == edit.moves[1:]
    assert [m.alpha for m in changes.set_move(edit, Move.of(D, "a", 0.0)).moves] == [2, 3]
    assert [m.name for m in changes.set_move(edit, Move.of(D, "c", 1.0)).moves] == ["a", "b", "a", "c"]


def test_move_is_changed_dropped_and_shifted_in_its_place(edit):
    a, b, c = edit.moves
    for index in range(3):
        left = changes.drop_move(edit, index)
        assert left.moves == tuple(move for move in (a, b, c) if move is not edit.moves[index])
        changed = changes.change_move(edit, index, alpha=9.0, enabled=False)
        assert [move.alpha for move in changed.moves] == [
            9.0 if i == index else m.alpha for i, m in enumerate((a, b, c))
        ]
        assert [move.enabled for move in changed.moves] == [i != index for i in range(3)]
        assert all(x is y for i, (x, y) in enumerate(zip(changed.moves, edit.moves, strict=True)) if i != index)
    assert changes.change_move(edit, 1, alpha=2.0, enabled=True) is edit
    assert changes.change_move(edit, 1, alpha=2.0, enabled=False) is not edit  # one of two is another
    assert changes.shift_move(edit, 0, 1).moves == (b, a, c)
    assert changes.shift_move(edit, 2, -2).moves == (c, a, b)
    assert changes.shift_move(edit, 1, 9).moves == (a, c, b)
    assert changes.shift_move(edit, 0, -1) is edit
    assert changes.shift_move(edit, 2, 1) is edit


def test_moves_are_carried_to_directions_that_took_the_place_of_theirs(edit, D):
    new = Directions(torch.eye(3).flip(0), "w", names=["x", "y", "z"])
    carried = changes.carried(edit, [D["a"], D["c"]], [new["x"], new["z"]])
    assert [move.name for move in carried.moves] == ["x", "b", "x"]
    assert [(m.alpha, m.layers) for m in carried.moves] == [(m.alpha, m.layers) for m in edit.moves]
    assert carried.moves[1] is edit.moves[1]
    assert changes.carried(edit, [D["c"]], [new["z"]]) is edit
    with pytest.raises(ValueError, match="shorter"):
        changes.carried(edit, [D["c"], D["b"]], [new["z"]])


def test_what_changes_nothing_is_the_same_edit(edit, D):
    assert changes.set_move(edit, Move.of(D, "c", 0.0)) is edit
    assert changes.set_move(edit, Move.of(D, "b", 2.0)) is edit
    assert changes.set_move(edit, Move.of(D, "b", 2.0, layers=[1])) is not edit
    assert changes.rebase(edit, seed=0, truncation=1.0) is edit
    assert changes.rename(edit, D["c"], D.rename("c", "x")["x"]) is edit


def test_move_that_is_off_has_no_slider(edit, D, strangers):
    off = replace(edit, moves=tuple(replace(m, enabled=False) for m in edit.moves))
    assert changes.move_along(off, D["a"]) is None
    assert len(strangers(off, D)) == 3


def test_walk_keeps_a_move_of_zero(edit, D):
    assert [m.alpha for m in changes.with_move(edit, Move.of(D, "b", 0.0)).moves] == [1, 0, 3]


def test_directions_are_the_same_by_value(D):
    loaded = replace(D["a"], names=("other",))
    assert changes.same_direction(D["a"], loaded)
    assert changes.same_direction(D["a"], loaded.to(dtype=torch.float64))
    assert not changes.same_direction(D["a"], D["b"])
    assert not changes.same_direction(D["a"], Directions(torch.eye(3)[:1], "z"))
    assert not changes.same_direction(D["a"], replace(D["a"], scales=torch.tensor([2.0])))
    assert not changes.same_direction(D["a"], Directions(torch.eye(4)[:1], "w"))


def test_rename_reaches_every_move_along_the_direction(edit, D):
    renamed = changes.rename(edit, D["a"], D.rename("a", "smile")["smile"])
    assert [m.name for m in renamed.moves] == ["smile", "b", "smile"]
    assert [m.alpha for m in renamed.moves] == [1, 2, 3]


def test_seed_takes_the_place_of_a_code():
    edit = changes.rebase(Edit(), seed=None, code=Code(torch.zeros(3), "w"))
    assert edit.base.seed is None
    back = changes.rebase(edit, seed=7)
    assert (back.base.seed, back.base.code) == (7, None)


def test_unknown_field_of_a_start_is_refused(edit):
    with pytest.raises(TypeError, match=r"got 'trunction'\. Did you mean 'truncation'"):
        changes.rebase(edit, trunction=0.5)


def test_codes_are_the_same_up_to_their_type():
    a = Code(torch.tensor([0.1, 0.2], dtype=torch.float64), "w")
    assert changes.same_code(a, Code(a.tensor.clone(), "w", seed=3))
    assert changes.same_code(a, a.to(dtype=torch.float32))
    assert not changes.same_code(a, Code(a.tensor, "z"))
    assert not changes.same_code(a, Code(torch.zeros(3), "w"))
    assert not changes.same_code(a, None)
    assert changes.same_code(None, None)

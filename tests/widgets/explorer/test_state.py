"""What an explorer shows, without one: history, directions and the moves of sliders."""

from types import SimpleNamespace

import pytest
import torch

from latent_widgets.edits.edit import Code, Edit, Mask
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer import state as _state
from latent_widgets.widgets.explorer.shelf import DirectionSet, Shelf
from latent_widgets.widgets.explorer.state import ExplorerState


@pytest.fixture
def state(tiny):
    made = ExplorerState(tiny, Edit.of(tiny, seed=3))
    D = Directions(torch.eye(6, dtype=torch.float64)[:3], "w", names=["a", "b", "c"])
    made.amend(shelf=Shelf().put(DirectionSet("mine", D, layers=(None, (1, 2), None))))
    return made


def test_a_gesture_is_one_entry_until_the_hand_rests(state, tiny):
    first, (a, b, c) = state.edit, [Edit.of(tiny, seed=seed) for seed in (4, 5, 6)]
    for edit in (a, b):
        state.adopt(edit, gesture="seed")
    assert state.history.undo().edit is first
    assert state.history.redo().edit is b
    state.rest()
    state.adopt(c, gesture="seed")
    assert state.history.undo().edit is b


def test_what_is_shown_again_is_no_act(state, tiny):
    state.adopt(state.edit)
    state.adopt(Edit.of(tiny, seed=4), record=False)
    assert not state.history.can_undo


def test_an_exchanged_edit_leaves_no_entry_and_the_gesture_goes_on(state, tiny):
    first = state.edit
    state.adopt(Edit.of(tiny, seed=4), gesture="seed")
    other = Edit.of(tiny, seed=5)
    state.adopt(other, gesture=state.exchange(other), record=False)
    assert state.edit is other
    state.adopt(Edit.of(tiny, seed=6), gesture="seed")
    assert state.history.undo().edit is first


def test_moves_have_the_layers_and_the_kind_that_are_chosen(state):
    assert (state.move(0, 1.5).layers, state.move(1, 1.5).layers) == (None, (1, 2))
    state.kind = "density"  # a walk that directions in w do not have
    assert state.move(0, 1.5).kind == "linear"
    state.amend(shelf=state.shelf.put(DirectionSet("z", Directions(torch.eye(7, dtype=torch.float64)[:3], "z"))))
    assert state.move(0, 1.5).kind == "density"


def test_directions_are_found_by_what_they_are(state):
    again = Directions(torch.eye(6, dtype=torch.float64)[1:2], "w", names=["b"])
    assert state.slider_of(again) == 1
    assert state.slider_of(Directions(torch.eye(6, dtype=torch.float64)[4:5], "w")) is None
    state.amend(shelf=state.shelf.choose(state.shelf.active, 2))
    assert state.direction is state.directions[2]


def test_methods_are_told_the_latent_only_where_there_is_one(state, tiny):
    known = state.known("code")
    assert torch.equal(known["z"], tiny.sample_z(1, 3)[0])
    assert (known["w"], known["code"], known["mask"]) == ("code", "code", None)
    state.adopt(Edit.of(tiny, code=Code(tiny.code(5), "w")))
    assert state.known("code")["z"] is None


def test_hand_that_may_still_hold_a_control_goes_on_after_a_rest(state, tiny, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_state, "time", SimpleNamespace(monotonic=lambda: now[0]))
    first, (a, b, c) = state.edit, [Edit.of(tiny, seed=seed) for seed in (4, 5, 6)]
    for edit, pause in ((a, 0.9), (b, 1.1)):
        with state.hand():
            state.adopt(edit, gesture="slider")
            now[0] += 10  # while it is done
        state.rest()
        now[0] += pause
    with state.hand():
        state.adopt(c, gesture="slider")
    assert state.history.undo().edit is b
    assert state.history.undo().edit is first


def test_move_that_waited_for_a_busy_kernel_goes_on(state, tiny, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_state, "time", SimpleNamespace(monotonic=lambda: now[0]))
    first, edits = state.edit, [Edit.of(tiny, seed=seed) for seed in (4, 5, 6, 7)]
    for edit, sent in zip(edits, (100.0, 100.5, 102.0, None), strict=True):
        with state.hand(sent):
            state.adopt(edit, gesture="slider")
        state.rest()
        now[0] += 5  # a cell runs
    assert [state.history.undo().edit for _ in range(3)] == [edits[2], edits[1], first]
    assert not state.history.can_undo


def test_code_that_moves_the_same_comes_to_rest_with_its_picture(state, tiny):
    edits = [Edit.of(tiny, seed=seed) for seed in (4, 5, 6)]
    with state.hand():
        state.adopt(edits[0], gesture="slider")
    for edit in edits[1:]:
        state.adopt(edit, gesture="code")
        state.rest()
    assert [state.history.undo().edit for _ in range(2)] == [edits[1], edits[0]]


def test_what_is_done_in_one_act_is_one_entry(state, tiny):
    first, mask = state.scene, Mask(torch.ones(16, 16, dtype=torch.bool))
    with state.act():
        state.change(mask=mask)
        with state.act():
            state.adopt(Edit.of(tiny, seed=4, mask=mask))
        state.change(steer=True)
    assert (state.mask, state.steer, state.painted) == (mask, True, True)
    assert state.history.undo() is first
    assert not state.history.can_undo
    state.history.redo()
    state.change(steer=False)
    assert state.history.undo().steer


def test_act_that_was_taken_back_leaves_no_entry(state):
    with state.act():
        state.change(confine=False)
        state.amend(confine=True)
    with state.act():
        state.change(confine=True)
    assert not state.history.can_undo


def test_act_within_which_a_gesture_goes_on_stays_one_entry(state, tiny):
    for seed in (4, 5):
        with state.act():
            state.adopt(Edit.of(tiny, seed=seed), gesture="seed")
    assert state.history.undo().edit.base.seed == 3


def test_all_rows_begin_with_those_of_the_active_set(state):
    more = Directions(torch.eye(6, dtype=torch.float64)[3:5], "w", names=["d", "e"])
    state.amend(shelf=state.shelf.put(DirectionSet("more", more)))
    assert [d.names[0] for d in state.rows] == ["d", "e", "a", "b", "c"]
    state.amend(shelf=state.shelf.close(state.shelf.active))
    assert [d.names[0] for d in state.rows] == ["a", "b", "c"]

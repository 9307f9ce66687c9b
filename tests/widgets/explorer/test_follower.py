"""Which Jacobian and which directions belong to an edit, without a widget."""

import pytest
import torch

from latent_widgets.edits.changes import set_move
from latent_widgets.edits.edit import Edit, Mask
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.region.follower import Follower
from latent_widgets.widgets.explorer.region.work import Settings, find_region
from latent_widgets.widgets.explorer.shelf import DirectionSet, Shelf
from latent_widgets.widgets.explorer.state import ExplorerState


@pytest.fixture
def state(tiny):
    made = ExplorerState(tiny, Edit.of(tiny, seed=3))
    first = Directions(torch.eye(6, dtype=torch.float64)[:2], "w")
    made.amend(steer=True, shelf=Shelf().put(DirectionSet("others", first)))
    return made


@pytest.fixture
def follower(state):
    return Follower(state)


@pytest.fixture
def serve(state, follower, tiny, square):
    """Finds the directions of a region at the edit's latent and puts sliders on them, as an explorer does."""

    def act(mask=None):
        here = follower.here(None, "rgb")
        if follower.wants(here):
            follower.arrived(here, here.spectra(tiny))
        found, edit = follower.take(find_region(follower.spectra, mask or Mask(square), Settings(k=2)))
        state.amend(shelf=follower.shelved(found.directions))
        if edit is not state.edit:
            state.exchange(edit)
        follower.remember(edit)
        return found

    return act


def test_a_latent_is_asked_for_once(follower, tiny):
    here = follower.here(None, "rgb")
    assert follower.wants(here) is True
    assert follower.wants(follower.here(None, "rgb")) is False  # on its way
    follower.arrived(here, here.spectra(tiny))
    assert follower.wants(follower.here(None, "rgb")) is None
    assert follower.wants(follower.here((0, 1), "rgb")) is True


def test_own_moves_are_no_new_latent_and_others_are(follower, state, serve):
    serve()
    state.adopt(set_move(state.edit, state.move(0, 1.0)))
    assert not follower.stale(follower.here(None, "rgb"))
    state.keep(
        state.directions[0], True
    )  # kept for later: it stays where it is from now on, so its move is part of the latent
    assert follower.stale(follower.here(None, "rgb"))
    state.keep(state.directions[0], False)
    state.adopt(Edit.of(state.generator, seed=4))
    assert follower.stale(follower.here(None, "rgb"))


def test_directions_of_a_mask_are_asked_for_once(follower, serve, square):
    serve()
    mask, settings = Mask(square), Settings(k=2)
    assert follower.asks(mask, settings)
    assert not follower.asks(mask, settings)
    assert follower.asks(mask, Settings(k=3))
    follower.forget()
    assert follower.asks(mask, settings)
    assert follower.asks(mask, settings)  # there is nothing to find them with yet


def test_a_move_goes_on_along_the_direction_that_took_over(follower, state, serve, square):
    old = serve()
    state.adopt(set_move(state.edit, state.move(0, 1.5)))
    larger = square.clone()
    larger[3, 6:14] = True
    new = serve(Mask(larger))
    assert new.directions.names == old.directions.names
    (move,) = state.edit.moves
    assert move.alpha == 1.5
    assert torch.equal(move.direction.vectors, new.directions[0].vectors)
    assert not torch.equal(move.direction.vectors, old.directions[0].vectors)


def test_an_edit_of_before_brings_its_directions_back(follower, state, serve, square):
    old = serve()
    before = state.edit
    state.adopt(set_move(before, state.move(0, 1.0)))
    serve(Mask(~square))
    now = follower.directions
    follower.recall(state.edit)
    assert follower.directions is now  # they are there
    follower.recall(before)
    assert torch.equal(follower.directions.vectors, old.directions.vectors)
    renamed = Edit.of(state.generator, seed=9)
    follower.recall(follower.pass_on(state.edit, renamed))
    assert follower.directions is now


def test_without_steer_the_sliders_are_the_regions_no_longer(follower, state, serve):
    serve()
    follower.rest()
    assert follower.directions is not None
    state.amend(steer=False)
    follower.rest()
    assert follower.directions is None
    assert follower.loose() == []
    assert state.shelf.following is None
    assert [one.title for one in state.shelf.open] == ["others", "Region at seed 3"]

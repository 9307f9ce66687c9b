"""What is assigned to an explorer or linked to it holds everywhere, or is refused and does not stay."""

import math

import pytest
import torch
import traitlets

from latent_widgets.edits.edit import Code, Edit, Mask
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.methods import random_directions
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from tests.widgets.conftest import PATIENCE, calm

# ---- traits set from outside


def test_seed_can_be_assigned(explorer, agrees):
    explorer.set_alpha(0, 1.0)
    explorer.seed = 12
    agrees(explorer)
    assert len(explorer.edit.moves) == 1


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (-1, ValueError, "seed must be at least 0, got -1"),
        (True, TypeError, "seed must be an integer, got True"),
        (1.5, traitlets.TraitError, "expected an int, not the float 1.5"),
        ("7", traitlets.TraitError, "expected an int, not the str '7'"),
    ],
)
def test_seed_that_is_none_is_refused(explorer, agrees, value, error, message):
    with pytest.raises(error, match=message):
        explorer.seed = value
    assert explorer.seed == 3
    agrees(explorer)


def test_code_can_be_assigned(tiny, explorer, agrees):
    code = Code(torch.randn(6, 6, dtype=torch.float64), "w+")
    explorer.set_alpha(0, 1.0)
    explorer.code = code
    assert explorer.code is code
    assert explorer.edit.base.code is code
    assert explorer.edit.moves == ()
    agrees(explorer)
    assert "a code in w+" in repr(explorer)
    explorer.set_alpha(1, 1.0)
    agrees(explorer)
    explorer.seed = 5
    assert explorer.edit.base.code is None
    agrees(explorer)


def test_code_that_the_edit_leads_to_changes_nothing(explorer):
    explorer.set_alpha(0, 1.0)
    edit = explorer.edit
    explorer.code = Code(explorer.code.tensor, "w")
    assert explorer.edit is edit


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (Code(torch.zeros(5), "w"), r"code must have shape \(n, 6\) or \(6,\), got \(5,\)"),
        (Code(torch.zeros(4, 6), "w+"), r"code must have shape \(n, 6, 6\)"),
    ],
)
def test_code_that_does_not_fit_is_refused(explorer, agrees, code, message):
    before = explorer.code
    with pytest.raises(ValueError, match=message):
        explorer.code = code
    assert explorer.code is before
    agrees(explorer)


def test_code_with_nan_cannot_even_be_made():
    with pytest.raises(ValueError, match="tensor must be finite, got 1 NaN or infinite of 2 numbers"):
        Code(torch.tensor([0.0, math.nan]), "w")


def test_directions_can_be_assigned_and_old_moves_stay(tiny, explorer, agrees):
    explorer.set_alpha(0, 1.0)
    kept = explorer.edit
    found = random_directions(tiny, 3, seed=9)
    explorer.directions = found
    assert explorer.directions is found
    assert len(explorer.sliders.rows) == 3
    assert explorer.edit is kept
    assert [one.title for one in explorer.state.shelf.open] == 2 * ["Random directions"]
    agrees(explorer)
    explorer.sets.close(explorer.state.shelf.open[0].key)
    agrees(explorer)
    (drop,) = explorer.controls.others.children
    assert drop.description == "random 1 +1 sd"
    drop.click()
    assert explorer.edit.moves == ()
    assert explorer.controls.others.children == ()
    agrees(explorer)


def test_directions_of_another_generator_are_refused_by_hash(make_network, explorer, agrees):
    foreign = random_directions(StyleGenerator(make_network(seed=1), "other"), 2)
    before = explorer.directions
    with pytest.raises(ValueError, match=r"another name \('other', here 'tiny'\); weights hash"):
        explorer.directions = foreign
    assert explorer.directions is before
    assert len(explorer.sliders.rows) == 4
    agrees(explorer)
    with pytest.raises(ValueError, match="weights hash"):
        LatentExplorer(explorer.generator, foreign)


def test_edit_can_be_assigned(tiny, explorer, agrees):
    edit = Edit.of(tiny, seed=21, truncation=0.73).move(explorer.directions, 2, alpha=1.234, layers=[1, 2])
    explorer.edit = edit
    assert explorer.edit is edit
    assert explorer.seed == 21
    assert explorer.sliders.rows[2].box.value == 1.234
    explorer.selected_index = 2
    assert explorer.layers == (1, 2)
    agrees(explorer)
    explorer.undo()
    assert explorer.seed == 3


def test_loaded_edit_finds_its_sliders(explorer, agrees):
    explorer.set_alpha(1, 1.5)
    loaded = Edit.from_json(explorer.edit.to_json())
    explorer.reset()
    explorer.edit = loaded
    assert explorer.sliders.rows[1].box.value == 1.5
    explorer.set_alpha(1, 2.0)
    assert [move.alpha for move in explorer.edit.moves] == [2.0]
    agrees(explorer)


def test_edit_of_another_generator_is_refused_by_hash(make_network, explorer, agrees):
    foreign, before = Edit.of(StyleGenerator(make_network(seed=1), "other"), seed=1), explorer.edit
    with pytest.raises(ValueError, match=r"edit must be replayed on the generator that it was made on, got another"):
        explorer.edit = foreign
    assert explorer.edit is before
    agrees(explorer)


def test_selected_index_layers_and_mask_can_be_assigned(explorer, agrees):
    explorer.set_alpha(2, 1.0)
    explorer.selected_index = 1
    assert [("lw-active" in row._dom_classes) for row in explorer.sliders.rows] == [False, True, False, False]
    explorer.layers = (2, 5)
    assert explorer.sliders.layers.slider.value == (2, 5)
    explorer.set_alpha(1, 1.0)
    assert explorer.edit.moves[1].layers == (2, 3, 4, 5)
    explorer.layers = None
    assert explorer.layers == (0, 5)
    assert explorer.edit.moves[1].layers is None
    explorer.mask = Mask(torch.ones(3, 3))
    assert explorer.edit.mask is explorer.mask
    agrees(explorer)
    explorer.mask = None
    agrees(explorer)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("selected_index", 4, "selected_index must be between 0 and 3, got 4"),
        ("selected_index", -1, "selected_index must be between 0 and 3, got -1"),
        ("layers", (0, 6), r"layers must be the first and last of 0 to 5, in order, got \(0, 6\)"),
        ("layers", (3, 2), r"layers must be the first and last of 0 to 5, in order, got \(3, 2\)"),
    ],
)
def test_refused_values_do_not_stay(explorer, agrees, name, value, message):
    before = getattr(explorer, name)
    with pytest.raises(ValueError, match=message):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before
    agrees(explorer)


@pytest.mark.parametrize("name", ["code", "directions", "edit"])
def test_none_says_nothing(explorer, agrees, name):
    before = getattr(explorer, name)
    setattr(explorer, name, None)
    assert getattr(explorer, name) is before
    agrees(explorer)


def test_values_given_at_the_start_hold(tiny, agrees):
    D = random_directions(tiny, 3)
    mask = Mask(torch.ones(4, 4))
    with LatentExplorer(tiny, D, seed=9, selected_index=2, layers=(1, 3), mask=mask, executor="inline") as explorer:
        assert (explorer.selected_index, explorer.layers, explorer.seed) == (2, (1, 3), 9)
        assert explorer.mask is mask
        assert explorer.directions is D
        agrees(explorer)
    edit = Edit.of(tiny, seed=4).move(D, 1, 2.0)
    with LatentExplorer(tiny, D, edit=edit, executor="inline") as explorer:
        assert explorer.edit is edit
        agrees(explorer)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"trunction": 0.5}, TypeError, r"got 'trunction'\. Did you mean 'truncation'"),
        ({"direction": 1}, TypeError, "Did you mean 'directions'"),
        ({"seed": 1.5}, TypeError, r"seed must be an integer, got 1\.5"),
        ({"seed": -2}, ValueError, "seed must be at least 0, got -2"),
        ({"truncation": "x"}, TypeError, "truncation must be a number, got 'x'"),
        ({"mask": 3}, TypeError, "mask must be a Mask, got int"),
        ({"directions": 3}, TypeError, "directions must be Directions or a result that carries them, got int"),
        ({"k": 7}, ValueError, "k must be at most 6, the dimension of w, got 7"),
        ({"theme": "drak"}, traitlets.TraitError, "theme"),
        ({"selected_index": 9}, ValueError, "selected_index must be between 0 and 5, got 9"),
    ],
)
def test_bad_arguments_are_refused(tiny, keywords, error, message):
    with pytest.raises(error, match=message):
        LatentExplorer(tiny, executor="inline", **keywords)


def test_what_is_no_generator_is_refused():
    with pytest.raises(TypeError, match=r"G must be a Generator, got int. Use lw.load\(\.\.\.\)"):
        LatentExplorer(3)


def test_mistyped_field_of_the_start_is_refused(explorer):
    with pytest.raises(TypeError, match=r"change_base must be given known keywords, got 'sed'. Did you mean 'seed'"):
        explorer.change_base(sed=4)


@pytest.mark.parametrize(("index", "alpha"), [(4, 1.0), (-1, 1.0), (0, math.nan), (0, math.inf)])
def test_bad_positions_are_refused(explorer, agrees, index, alpha):
    with pytest.raises(ValueError, match=r"index must be between 0 and 3|alpha must be finite"):
        explorer.set_alpha(index, alpha)
    agrees(explorer)


# ---- linked


def test_linked_codes_meet(tiny, threaded, agrees):
    with LatentExplorer(tiny, seed=8, k=2, executor="thread") as other:
        assert other.job.wait(PATIENCE)
        link = traitlets.link((threaded, "code"), (other, "code"))
        sent = []
        threaded.observe(sent.append, "code")
        other.observe(sent.append, "code")
        for i in range(10):
            threaded.set_alpha(0, 0.3 * i)
            other.set_alpha(1, 0.1 * i) if i % 3 == 0 else None
        calm(threaded, other)
        assert len(sent) < 100
        assert threaded.code is other.code
        agrees(threaded)
        agrees(other)
        link.unlink()


def test_linked_edits_and_directions_meet(tiny, explorer, agrees):
    with LatentExplorer(tiny, seed=8, k=2, executor="inline") as other:
        links = [traitlets.link((explorer, name), (other, name)) for name in ("edit", "directions", "code", "seed")]
        assert other.edit is explorer.edit
        assert other.directions is explorer.directions
        other.set_alpha(3, 1.5)
        assert explorer.edit is other.edit
        assert explorer.sliders.rows[3].box.value == 1.5
        explorer.directions = random_directions(tiny, 3, seed=5)
        assert len(other.sliders.rows) == 3
        assert other.directions is explorer.directions
        other.seed = 77
        assert explorer.edit is other.edit
        for each in (explorer, other):
            agrees(each)
        for link in links:
            link.unlink()


def test_link_that_the_other_refuses_stops_nothing_here(make_network, explorer, agrees):
    foreign = StyleGenerator(make_network(seed=1), "other")
    with LatentExplorer(foreign, k=2, executor="inline") as other:
        link = traitlets.link((explorer, "selected_index"), (other, "selected_index"))
        with pytest.raises(ValueError, match="selected_index must be between 0 and 1, got 3"):
            explorer.selected_index = 3
        link.unlink()
        agrees(explorer)
        agrees(other)

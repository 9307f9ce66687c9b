"""The shelf loses nothing: sets come, fold, are put away and come back, and each knows where it came from."""

from dataclasses import replace

import pytest
import torch

from latent_widgets.edits.edit import Base, Code, Mask
from latent_widgets.methods import local_basis, methods
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.shelf import DirectionSet, Found, Shelf, same_set, title_of
from tests.controls import titles


@pytest.fixture
def shelf():
    """Three sets, the last of them active."""
    made = Shelf()
    for k, title in ((4, "four"), (3, "three"), (2, "two")):
        made = made.put(DirectionSet(title, Directions(torch.eye(4)[:k], "w")))
    return made


@pytest.fixture
def explorer(tiny):
    with LatentExplorer(tiny, seed=3, k=2, executor="inline") as made:
        yield made


def test_last_set_is_the_active_one(shelf):
    assert titles(shelf) == ["four", "three", "two"]
    assert (shelf.current.title, shelf.row) == ("two", 0)
    assert shelf.following is None


def test_set_that_is_put_away_comes_back_where_it_was(shelf):
    two = shelf.current
    away = shelf.close(two.key)
    assert (titles(away), [one.title for one in away.closed]) == (["four", "three"], ["two"])
    assert away.current.title == "three"  # the one before it
    first = away.close(away.open[0].key)
    assert (titles(first), first.current.title) == (["three"], "three")
    back = first.reopen(two.key)
    assert (titles(back), back.current.title) == (["three", "two"], "two")
    assert back.of(two.key).directions is two.directions


def test_last_open_set_stays(shelf):
    for key in [one.key for one in shelf.open[:-1]]:
        shelf = shelf.close(key)
    with pytest.raises(ValueError, match=r"shelf must keep one set open, got only 'two'\. Add another one first\."):
        shelf.close(shelf.active)


def test_first_set_gives_way_to_the_next(shelf):
    shelf = shelf.choose(shelf.sets[0].key, 3)
    assert shelf.close(shelf.active).current.title == "three"


def test_exchanged_directions_keep_layers_and_row_where_they_fit(shelf):
    key = shelf.sets[0].key
    shelf = shelf.change(key, layers=(None, (1,), None, (2, 3))).choose(key, 3)
    turned = shelf.exchange(key, Directions(torch.eye(4).flip(0), "w"))
    assert (turned.of(key).layers, turned.row) == ((None, (1,), None, (2, 3)), 3)
    fewer = shelf.exchange(key, Directions(torch.eye(4)[:2], "w"))
    assert (fewer.of(key).layers, fewer.row) == ((None, None), 1)
    elsewhere = shelf.exchange(shelf.sets[1].key, Directions(torch.eye(4)[:1], "w"))
    assert elsewhere.row == 3


def test_sets_are_the_same_by_their_directions(shelf):
    D = shelf.current.directions
    assert same_set(D, Directions(torch.eye(4)[:2] * (1 + 1e-7), "w", names=["x", "y"]))
    assert not same_set(D, Directions(torch.eye(4)[:3], "w"))
    assert not same_set(D, Directions(torch.eye(4)[1:3], "w"))


@pytest.mark.parametrize(
    ("method", "parameters", "found", "title"),
    [
        ("ganspace", {}, None, "GANSpace"),
        ("local_basis", {}, Found("local_basis", {}, Base(seed=7), local=True), "Local Basis at seed 7"),
        ("local_basis", {}, Found("local_basis", {}, Base(seed=7)), "Local Basis"),
        ("lelsd", {"part": "hair", "steps": 200}, None, "hair, LELSD, 200 steps"),
        ("lelsd", {"part": "hair", "steps": 200}, Found("lelsd", {}, Base(), stopped=4), "hair, LELSD, 4 of 200 steps"),
        ("dp_lase", {"steps": 200}, Found("dp_lase", {}, Base(), stopped=4), "DP-LaSE, stopped at step 4"),
        ("region", {}, None, "Region"),
        ("", {}, None, "directions"),
        ("my_own <b>", {}, None, "my own <b>"),
        ("sefa", {}, Found("sefa", {}, Base(code=Code(torch.zeros(4), "w")), local=True), "SeFa at a code in w"),
    ],
)
def test_titles_say_where_directions_came_from(method, parameters, found, title):
    assert title_of(Directions(torch.eye(2), "w", method=method, parameters=parameters), found) == title


def test_set_of_another_latent_says_so(tiny):
    here, code = Base(seed=7, truncation=0.8), Code(tiny.code(3), "w")
    found = Found("local_basis", {}, here, local=True)
    assert not found.elsewhere(Base(seed=7, truncation=0.8))
    assert found.elsewhere(Base(seed=8, truncation=0.8))
    assert found.elsewhere(Base(seed=7))
    assert found.elsewhere(Base(code=code))
    assert not Found("local_basis", {}, Base(code=code), local=True).elsewhere(Base(code=Code(tiny.code(3), "w")))
    assert not Found("sefa", {}, here).elsewhere(Base(seed=8))


# ---- in an explorer


def test_local_directions_are_found_again_elsewhere_on_demand(tiny, explorer):
    method = next(m for m in methods() if m.name == "local_basis")
    explorer.find(method, {"k": 2})
    first, name = explorer.state.shelf.current, "Local Basis at seed 3 (2)"
    assert first.title == "Local Basis at seed 3"
    chip = explorer.controls.shelf.names[name]
    assert [press.description for press in chip.children] == [name, "close Local Basis at seed 3"]
    explorer.seed = 5
    again = explorer.controls.shelf.names[name].children[1]
    assert again.description == "find again here"
    again.click()
    assert titles(explorer.state.shelf) == ["Random directions", "Local Basis at seed 3", "Local Basis at seed 5"]
    expected = local_basis(tiny, tiny.sample_z(1, 5)[0], k=2).directions
    assert explorer.directions.vectors.equal(expected.vectors)
    explorer.undo()
    assert explorer.state.shelf.current.directions is first.directions
    assert explorer.error is None


def test_chips_fold_close_and_reopen(explorer, tiny):
    explorer.directions = Directions(tiny.code(4)[None], "w", names=["mine"])
    bar, rows = explorer.controls.shelf, explorer.sliders
    explorer.set_alpha(0, 0.5)
    assert len(rows.all_rows) == 3
    bar.names["Random directions (2)"].children[0].click()
    assert (len(rows.all_rows), explorer.state.shelf.sets[0].folded) == (1, True)
    assert explorer.history.can_undo
    bar.names["Random directions (2)"].children[0].click()
    assert len(rows.all_rows) == 3
    bar.names["directions (1)"].children[-1].click()
    assert (explorer.directions.method, len(rows.all_rows)) == ("random_directions", 2)
    assert explorer.controls.others.children[0].description.startswith("mine +0.5")  # what it moved stays
    assert bar.names["Random directions (2)"].children[-1].disabled  # the only one
    bar.add.value = True
    assert [press.description for press in bar.away.children] == ["directions (1)"]
    bar.away.children[0].click()
    assert (explorer.directions.names, rows.rows[0].box.value) == (("mine",), 0.5)
    assert bar.away.children == ()
    for expected in ("random_directions", ""):
        explorer.undo()
        assert explorer.directions.method == expected
    assert explorer.error is None


def test_chip_of_a_folded_set_tells_of_the_moves_in_it(explorer, tiny):
    bar, name = explorer.controls.shelf, "Random directions (2)"
    explorer.set_alpha(0, 0.5)
    explorer.directions = Directions(tiny.code(4)[None], "w", names=["mine"])
    explorer.set_alpha(0, 1.0)
    first = explorer.state.shelf.sets[0].key
    assert list(bar.names) == ["directions (1)", name]  # open sets show their moves
    explorer.sets.fold(first, True)
    assert list(bar.names) == ["directions (1)", f"{name} · 1 move"]
    chip = bar.names[f"{name} · 1 move"]
    assert "lw-moved" in chip._dom_classes
    assert chip.children[0].tooltip == "Random directions: show its sliders"
    both = explorer.edit
    explorer.edit = explorer.edit.move(explorer.state.shelf.sets[0].directions, 1, -1.0)
    assert f"{name} · 2 moves" in bar.names
    explorer.undo()
    assert f"{name} · 1 move" in bar.names
    explorer.edit = replace(both, moves=tuple(replace(move, enabled=False) for move in both.moves))
    assert name in bar.names  # what is switched off moves nothing
    explorer.undo()
    bar.names[f"{name} · 1 move"].children[0].click()
    assert list(bar.names) == ["directions (1)", name]
    assert "lw-moved" not in bar.names[name]._dom_classes
    assert explorer.sliders.all_rows[0].box.value == 0.5
    assert explorer.error is None


def test_linked_panel_that_finds_at_each_latent_fills_no_shelf(explorer, tiny):
    for seed in range(4):
        explorer.directions = local_basis(tiny, tiny.sample_z(1, seed)[0], k=2).directions
    assert titles(explorer.state.shelf) == ["Random directions", "Local Basis"]
    explorer.set_alpha(0, 1.0)
    explorer.directions = local_basis(tiny, tiny.sample_z(1, 9)[0], k=2).directions
    assert titles(explorer.state.shelf) == ["Random directions", "Local Basis", "Local Basis"]  # that was used


def test_assigned_set_that_is_there_becomes_the_active_one(explorer, tiny):
    first = explorer.directions
    explorer.directions = Directions(tiny.code(4)[None], "w")
    explorer.directions = first
    assert len(explorer.state.shelf.open) == 2
    assert explorer.directions is first


def test_undo_brings_back_everything_that_a_hand_changed(explorer, square):
    page, mask = explorer.region.page, Mask(square)
    explorer.seed = 4
    explorer.mask = mask
    page.steer.value = True
    region = explorer.directions
    explorer.set_alpha(0, 0.2)
    explorer.sliders.rows[0].name.value = "smile"
    explorer.sliders.layers.slider.value = (1, 2)
    explorer.sliders.rows[1].keep.value = True
    scenes = [explorer.state.scene]
    while explorer.history.can_undo:
        explorer.undo()
        scenes.append(explorer.state.scene)
    assert len(scenes) == 8
    assert (explorer.seed, explorer.mask, explorer.steer, explorer.confine) == (3, None, False, True)
    assert (explorer.kept, explorer.edit.moves, explorer.directions.method) == (None, (), "random_directions")
    assert len(explorer.sliders.all_rows) == 2
    while explorer.history.can_redo:
        explorer.redo()
    assert (explorer.seed, explorer.mask, explorer.steer, explorer.confine) == (4, mask, True, False)
    assert explorer.directions.names[0] == explorer.edit.moves[0].name == "smile"
    assert explorer.edit.moves[0].rows == (1, 2)
    assert explorer.kept.names == (region.names[1],)
    assert explorer.error is None


def test_names_of_all_kinds_stand_on_chips(explorer, tiny):
    name = "<b>\u202eحر " + 200 * "x"
    explorer.directions = Directions(tiny.code(4)[None], "w", names=[name], method=name)
    assert any(title.startswith("<b>") for title in explorer.controls.shelf.names)
    assert explorer.sliders.rows[0].name.value == explorer.directions.names[0]
    assert explorer.error is None


def test_three_hundred_directions_have_their_rows(tiny):
    D = Directions(torch.randn(300, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64), "w")
    with LatentExplorer(tiny, D, seed=3, executor="inline") as explorer:
        explorer.set_alpha(299, 1.0)
        assert explorer.sliders.rows[299].box.value == 1.0
        assert explorer.selected_index == 299
        explorer.undo()
        assert explorer.sliders.rows[299].box.value == 0.0

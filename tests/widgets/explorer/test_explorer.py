"""The explorer is a view of one frozen edit: whatever is done to it, picture, traits, sliders and edit agree."""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latent_widgets.edits.edit import Edit, Mask
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.methods import methods
from latent_widgets.widgets.explorer import state
from latent_widgets.widgets.kit.encode import to_uint8
from tests.widgets.conftest import PATIENCE, random_acts

# ---- picture and edit


def test_explorer_starts_at_its_seed(tiny, explorer, agrees):
    agrees(explorer)
    assert repr(explorer) == "<LatentExplorer of tiny: seed 3, 0 moves>"
    assert torch.equal(explorer.code.tensor, tiny.code(3))
    assert not explorer.history.can_undo


def test_random_acts_leave_picture_and_edit_in_step(tiny, explorer, agrees):
    rng = np.random.default_rng(0)
    acts = random_acts(explorer, rng)
    for _ in range(50):
        acts[rng.integers(len(acts))]()
        agrees(explorer)
    explorer.reset()
    agrees(explorer)
    assert explorer.edit.moves == ()


def test_edit_replays_bit_for_bit_on_a_fresh_generator(make_network, explorer):
    explorer.set_alpha(0, 1.5)
    explorer.layers = (2, 4)
    explorer.set_alpha(2, -1 / 3)
    explorer.controls.truncation.value = 0.7
    explorer.pages["mix"].seed.value = 11
    explorer.pages["mix"].weight.value = 0.25
    explorer.mask = Mask(torch.rand(8, 8))
    fresh = StyleGenerator(make_network(), "tiny")
    replayed = Edit.from_json(explorer.edit.to_json()).apply(fresh)
    assert (np.array(explorer.controls.picture.to_pil()) == to_uint8(replayed)).all()
    assert torch.equal(replayed, explorer.edit.apply(explorer.generator))


def test_views_show_before_after_and_difference(tiny, explorer):
    explorer.set_alpha(1, 3.0)
    after = np.array(explorer.controls.picture.to_pil())
    explorer.controls.view.value = "before"
    before = np.array(explorer.controls.picture.to_pil())
    assert (before == to_uint8(tiny.synthesize(tiny.code(3)[None]))).all()
    assert (after != before).any()
    explorer.controls.view.value = "difference"
    changed = np.array(explorer.controls.picture.to_pil())
    explorer.set_alpha(1, 0.0)
    plain = np.array(explorer.controls.picture.to_pil())
    assert (plain == plain[0, 0]).all()  # nothing changed: one colour
    assert (changed != plain).any()


def test_words_under_the_picture_say_what_it_is(explorer):
    words = explorer.controls.picture
    assert words.caption == "seed 3"
    explorer.controls.view.value = "difference"
    assert words.caption == "seed 3 · no move yet, so nothing differs"
    explorer.set_alpha(0, 2.0)
    assert words.caption.endswith(" rms · orange is darker, purple brighter")
    explorer.controls.view.value = "after"
    rms = float((explorer.edit.apply(explorer.generator) - Edit(explorer.edit.base).apply(explorer.generator)).norm())
    assert words.caption == f"seed 3 · 1 move · change {rms / math.sqrt(3 * 16 * 16):.3f} rms"
    explorer.controls.truncation.value = 0.5
    assert "truncation 0.5" in words.caption
    explorer.mask = Mask(np.arange(16 * 16).reshape(16, 16) < 32)
    assert "moves show in 12.50% of the picture" in words.caption
    explorer.mask = Mask(np.zeros((16, 16)))
    assert "moves show nowhere: the region is empty" in words.caption
    assert "change 0.000 rms" in words.caption


# ---- history


def test_undo_and_redo_are_inverse(explorer, agrees):
    edits = [explorer.edit]
    for step in (
        lambda: explorer.set_alpha(0, 1.0),
        lambda: explorer.change_base(seed=8),
        lambda: explorer.set_alpha(3, -2.0),
        lambda: setattr(explorer, "layers", (1, 2)),
        lambda: explorer.reset(),
    ):
        step()
        edits.append(explorer.edit)
    for edit in edits[-2::-1]:
        explorer.controls.undo.click()
        assert explorer.edit is edit
        agrees(explorer)
    assert explorer.controls.undo.disabled
    for edit in edits[1:]:
        explorer.controls.redo.click()
        assert explorer.edit is edit
        agrees(explorer)
    assert explorer.controls.redo.disabled


@pytest.fixture
def clock(monkeypatch):
    """The time of hands, which passes when it is told to: a list of one number."""
    now = [0.0]
    monkeypatch.setattr(state, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.mark.parametrize("control", ["slider", "truncation", "mixing"])
def test_a_drag_is_one_entry_of_the_history_also_where_the_page_is_slow(threaded, control, clock):
    """Between its moves pictures come to rest."""
    put = {
        "slider": threaded.sliders.rows[0].slider.put,
        "truncation": partial(setattr, threaded.controls.truncation, "value"),
        "mixing": partial(setattr, threaded.pages["mix"].weight, "value"),
    }[control]
    first, drags = threaded.edit, []
    for drag in ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)):
        for value in drag:
            put(value)
            assert threaded.wait(PATIENCE)
            clock[0] += 0.9
        drags.append(threaded.edit)
        clock[0] += 1.1
    threaded.undo()
    assert threaded.edit is drags[0]
    threaded.undo()
    assert threaded.edit is first
    assert not threaded.history.can_undo


def test_what_takes_the_kernel_long_is_no_pause_of_the_hand(explorer, clock, monkeypatch):
    show = explorer.controls.picture.show

    def slow(*arguments, **keywords):
        clock[0] += 5
        show(*arguments, **keywords)

    monkeypatch.setattr(explorer.controls.picture, "show", slow)
    first = explorer.edit
    for value in (0.1, 0.2, 0.3):
        explorer.sliders.rows[0].slider.put(value)
    explorer.undo()
    assert explorer.edit is first


def test_button_and_box_beside_a_slider_make_entries_of_their_own(explorer, clock):
    row = explorer.sliders.rows[0]
    row.slider.put(1.0)
    row.slider.put(2.0)
    row.zero.click()
    row.box.value = 0.7
    row.box.value = 0.8
    row.slider.put(3.0)
    for alpha in (0.8, 0.7, 0.0, 2.0):
        explorer.undo()
        assert row.box.value == alpha
    explorer.undo()
    assert not explorer.history.can_undo


def test_two_sliders_are_two_entries(threaded):
    threaded.sliders.rows[0].slider.put(1.0)
    threaded.sliders.rows[1].slider.put(1.0)
    threaded.undo()
    assert [move.alpha for move in threaded.edit.moves] == [1.0]


def test_what_changes_nothing_is_no_entry(explorer):
    explorer.set_alpha(0, 0.0)
    explorer.change_base(seed=3, truncation=1.0)
    explorer.pages["mix"].seed.value = 5
    explorer.select(2)
    assert not explorer.history.can_undo
    assert explorer.controls.undo.disabled


def test_reset_can_be_clicked_only_when_something_changed(explorer):
    reset = explorer.controls.reset
    changes = [
        lambda: explorer.set_alpha(1, 1.0),
        lambda: setattr(explorer.pages["mix"].weight, "value", 0.5),
        lambda: setattr(explorer.pages["mix"].mixing, "value", True),
    ]
    assert reset.disabled
    explorer.reset()
    assert not explorer.history.can_undo
    for change in changes:
        change()
        assert not reset.disabled
        reset.click()
        assert reset.disabled
        assert (explorer.edit.moves, explorer.edit.base.second_seed, explorer.edit.base.mix_seed) == ((), None, None)
    explorer.seed = 9
    explorer.controls.truncation.value = 0.5
    assert reset.disabled
    explorer.set_alpha(0, 1.0)
    reset.click()
    assert (explorer.edit.base.seed, explorer.edit.base.truncation) == (9, 0.5)


# ---- seeds, mixing, walks


def test_seed_buttons_step_and_stop_at_zero(explorer):
    explorer.seed = 1
    for expected in (0, 0):
        explorer.step_seed(-1)
        assert explorer.seed == expected
    explorer.step_seed(1)
    assert (explorer.seed, explorer.controls.seed.value) == (1, 1)


def test_two_seeds_are_blended_and_their_styles_mixed(tiny, explorer, agrees):
    mix = explorer.pages["mix"]
    mix.seed.value = 8
    mix.weight.value = 0.25
    blended = torch.lerp(tiny.code(3), tiny.code(8), 0.25)
    assert torch.allclose(explorer.code.tensor, blended, atol=1e-12)
    mix.weight.value = 0.0
    mix.mixing.value = True
    mix.layers.value = (2, 3)
    expected = tiny.code(3).expand(tiny.num_layers, -1).clone()
    expected[2:4] = tiny.code(8)
    assert torch.allclose(explorer.code.tensor, expected, atol=1e-12)
    agrees(explorer)


def test_seeds_page_shows_and_picks_seeds(tiny, explorer, agrees):
    page = explorer.pages["seeds"]
    explorer.controls.page = "seeds"
    assert page.back.disabled  # there are no seeds before the first
    page.show_from(32)
    assert not page.back.disabled
    assert (np.array(page.pictures[5].to_pil()) == to_uint8(tiny.synthesize(tiny.code(37)[None]))).all()
    page.buttons[5].click()
    assert explorer.seed == 37
    agrees(explorer)


def test_seeds_page_draws_only_what_is_new(explorer, monkeypatch):
    explorer.controls.page = "seeds"
    page, drawn = explorer.pages["seeds"], []
    for i, picture in enumerate(page.pictures):
        monkeypatch.setattr(picture, "show", lambda *a, i=i, **k: drawn.append(i))
    explorer.set_alpha(0, 1.0)
    assert drawn == []
    explorer.controls.truncation.value = 0.5
    assert drawn == list(range(16))


def test_strip_shows_the_walk_along_the_active_direction(tiny, explorer):
    explorer.set_alpha(0, 1.0)
    explorer.set_alpha(2, 2.0)
    explorer.controls.page = "walk"
    explorer.pages["walk"].count.value = 5
    explorer.pages["walk"].reach.value = 2.0
    walk = explorer.walk()
    assert walk.at == (-2, -1, 0, 1, 2)
    assert torch.allclose(walk.codes[4], explorer.code.tensor, atol=1e-12)  # where the slider is
    strip = np.array(explorer.pages["walk"].strip.to_pil())
    assert strip.shape == (16, 5 * 16 + 4 * 2, 3)
    assert (strip[:, -16:] == to_uint8(explorer.edit.apply(tiny))).all()
    explorer.selected_index = 0
    assert explorer.walk(3).name == explorer.directions.names[0]
    assert len(explorer.walk(3)) == 3
    with pytest.raises(ValueError, match="count must be at least 2, got 1"):
        explorer.walk(1)


def test_strip_shows_moves_inside_the_mask_alone(tiny, explorer):
    explorer.controls.page = "walk"
    explorer.mask = Mask(torch.eye(16) > 0)
    explorer.set_alpha(1, 3.0)
    strip = np.array(explorer.pages["walk"].strip.to_pil())
    assert (strip[:, -16:] == to_uint8(explorer.edit.apply(tiny))).all()


def test_walk_with_layers_is_in_w_plus(explorer):
    explorer.layers = (1, 2)
    assert explorer.walk(4).codes.shape == (4, 6, 6)
    explorer.set_alpha(0, 3.0)
    assert explorer.walk(4).codes.shape == (4, 6, 6)


# ---- directions: names, bookmarks


def test_renamed_direction_keeps_its_moves(explorer, agrees):
    explorer.set_alpha(1, 1.5)
    explorer.sliders.rows[1].name.value = "smile"
    assert explorer.directions.names[1] == "smile"
    assert explorer.edit.moves[0].name == "smile"
    agrees(explorer)
    explorer.set_alpha(1, 2.0)
    assert [(move.name, move.alpha) for move in explorer.edit.moves] == [("smile", 2.0)]
    explorer.undo()
    assert [(move.name, move.alpha) for move in explorer.edit.moves] == [("smile", 1.5)]
    explorer.undo()
    assert [(move.name, move.alpha) for move in explorer.edit.moves] == [("random 2", 1.5)]  # a name is an act, too
    assert explorer.directions.names[1] == explorer.sliders.rows[1].name.value == "random 2"
    explorer.undo()
    assert explorer.edit.moves == ()
    agrees(explorer)


def test_layers_between_which_others_stay_are_kept_by_a_drag(tiny, explorer, agrees):
    row = explorer.sliders.rows[0]
    explorer.edit = Edit.of(tiny, seed=3).move(explorer.directions, 0, 1.0, layers=[0, 3, 5])
    row.slider.put(2.0)
    assert [(move.alpha, move.rows) for move in explorer.edit.moves] == [(2.0, (0, 3, 5))]
    explorer.sliders.layers.slider.value = (0, 3)
    assert explorer.edit.moves[0].rows == (0, 1, 2, 3)
    agrees(explorer)


@pytest.mark.parametrize("name", ["random 1", "", "  "])
def test_refused_name_is_taken_back(explorer, name):
    explorer.sliders.rows[1].name.value = name
    assert "names must" in str(explorer.error)
    assert explorer.sliders.rows[1].name.value == explorer.directions.names[1]


def test_finding_adds_a_set_and_undo_takes_it_away(explorer, agrees):
    first = explorer.directions
    explorer.sliders.rows[2].keep.value = True
    explorer.set_alpha(2, 0.5)
    method = next(m for m in methods() if m.name == "random_directions")
    for seed in (8, 9):
        explorer.find(method, {"k": 3, "seed": seed})
        assert explorer.error is None
        assert (explorer.directions.seed, len(explorer.sliders.rows), explorer.selected_index) == (seed, 3, 0)
    assert [one.title for one in explorer.state.shelf.open] == 3 * ["Random directions"]
    assert len(explorer.sliders.all_rows) == 10
    assert explorer.kept.names == ("random 3",)
    explorer.set_alpha(0, 1.0)
    agrees(explorer)
    for _ in range(3):
        explorer.undo()
    assert explorer.directions is first
    assert len(explorer.sliders.all_rows) == 4
    agrees(explorer)
    explorer.undo()
    explorer.undo()
    assert explorer.kept is None
    assert not explorer.sliders.rows[2].keep.value
    for _ in range(5):
        explorer.redo()
    assert (explorer.directions.seed, len(explorer.sliders.all_rows)) == (9, 10)
    agrees(explorer)

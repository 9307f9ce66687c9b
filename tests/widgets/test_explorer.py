"""The explorer is a view of one frozen edit: whatever is done to it, picture, traits, sliders and edit agree."""

import base64
import gc
import io
import math
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image

import latent_widgets as lw
from latent_widgets.edits import Code, Edit, Mask, Move
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.methods import methods, random_directions
from latent_widgets.widgets import _frames
from latent_widgets.widgets._encode import to_uint8
from latent_widgets.widgets.explorer import LatentExplorer
from tests.widgets.conftest import PATIENCE, random_acts


@pytest.fixture
def explorer(tiny):
    """An explorer whose work is done where it is asked for."""
    with LatentExplorer(tiny, seed=3, k=4, executor="inline") as made:
        walk = made.controls.walk
        walk.count.value, walk.density.value = 3, False  # each act draws the strip too
        yield made


@pytest.fixture
def threaded(tiny):
    """An explorer with a worker, at rest."""
    with LatentExplorer(tiny, seed=3, k=4, executor="thread") as made:
        assert made.wait(PATIENCE)
        yield made
        assert made.wait(PATIENCE)


@pytest.fixture
def agrees():
    """Fails unless picture, traits, sliders and edit of an explorer say the same."""

    def check(explorer):
        edit, G = explorer.edit, explorer.generator
        assert explorer.error is None
        assert edit is explorer.current
        shown = np.array(explorer.controls.picture.to_pil())
        assert explorer.controls.picture.format == "png"
        assert (shown == to_uint8(edit.apply(G))).all()
        assert torch.equal(explorer.code.tensor, edit.code(G).tensor)
        assert explorer.mask is edit.mask
        if edit.base.code is None:
            assert explorer.seed == edit.base.seed == explorer.controls.seed.value
        mine = [row.box.value for row in explorer.sliders.rows]
        others = len(explorer.controls.others.children)
        assert sum(alpha != 0 for alpha in mine) + others == len(edit.moves)
        for alpha, row in zip(mine, explorer.sliders.rows, strict=True):
            assert row.slider.number == pytest.approx(alpha, abs=0.0501)

    return check


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
    explorer.controls.mix.seed.value = 11
    explorer.controls.mix.weight.value = 0.25
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
    explorer.set_alpha(0, 2.0)
    rms = float((explorer.edit.apply(explorer.generator) - Edit(explorer.edit.base).apply(explorer.generator)).norm())
    assert words.caption == f"seed 3 · 1 move · change {rms / math.sqrt(3 * 16 * 16):.3f} rms"
    explorer.controls.truncation.value = 0.5
    assert "truncation 0.5" in words.caption


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


def test_a_drag_is_one_entry_of_the_history(threaded):
    slider = threaded.sliders.rows[0].slider
    for value in np.arange(0.1, 3.0, 0.1).round(1):
        slider.put(value)
    assert threaded.wait(PATIENCE)
    for value in np.arange(2.9, 1.0, -0.1).round(1):
        slider.put(value)
    assert threaded.wait(PATIENCE)
    assert threaded.edit.moves[0].alpha == 1.1
    threaded.undo()
    assert threaded.edit.moves[0].alpha == 2.9
    threaded.undo()
    assert threaded.edit.moves == ()
    assert not threaded.history.can_undo


def test_two_sliders_are_two_entries(threaded):
    threaded.sliders.rows[0].slider.put(1.0)
    threaded.sliders.rows[1].slider.put(1.0)
    threaded.undo()
    assert [move.alpha for move in threaded.edit.moves] == [1.0]


def test_what_changes_nothing_is_no_entry(explorer):
    explorer.set_alpha(0, 0.0)
    explorer.change_base(seed=3, truncation=1.0)
    explorer.controls.mix.seed.value = 5
    explorer.select(2)
    explorer.sliders.rows[0].name.value = "smile"
    assert not explorer.history.can_undo
    assert explorer.controls.undo.disabled


def test_reset_can_be_clicked_only_when_something_changed(explorer):
    reset = explorer.controls.reset
    changes = [
        lambda: explorer.set_alpha(1, 1.0),
        lambda: setattr(explorer.controls.mix.weight, "value", 0.5),
        lambda: setattr(explorer.controls.mix.mixing, "value", True),
    ]
    assert reset.disabled
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
    mix = explorer.controls.mix
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
    page = explorer.controls.seeds
    explorer.controls.page = "seeds"
    page.show_from(32)
    assert (np.array(page.pictures[5].to_pil()) == to_uint8(tiny.synthesize(tiny.code(37)[None]))).all()
    page.buttons[5].click()
    assert explorer.seed == 37
    agrees(explorer)


def test_seeds_page_draws_only_what_is_new(explorer, monkeypatch):
    explorer.controls.page = "seeds"
    page, drawn = explorer.controls.seeds, []
    for i, picture in enumerate(page.pictures):
        monkeypatch.setattr(picture, "show", lambda *a, i=i, **k: drawn.append(i))
    explorer.set_alpha(0, 1.0)
    assert drawn == []
    explorer.controls.truncation.value = 0.5
    assert drawn == list(range(16))


def test_strip_shows_the_walk_along_the_active_direction(tiny, explorer):
    explorer.set_alpha(0, 1.0)
    explorer.set_alpha(2, 2.0)
    explorer.controls.walk.count.value = 5
    explorer.controls.walk.reach.value = 2.0
    walk = explorer.walk()
    assert walk.at == (-2, -1, 0, 1, 2)
    assert torch.allclose(walk.codes[4], explorer.code.tensor, atol=1e-12)  # where the slider is
    strip = np.array(explorer.controls.walk.strip.to_pil())
    assert strip.shape == (16, 5 * 16 + 4 * 2, 3)
    assert (strip[:, -16:] == to_uint8(explorer.edit.apply(tiny))).all()
    explorer.selected_index = 0
    assert explorer.walk(3).name == explorer.directions.names[0]
    assert len(explorer.walk(3)) == 3
    with pytest.raises(ValueError, match="count must be at least 2, got 1"):
        explorer.walk(1)


def test_strip_shows_moves_inside_the_mask_alone(tiny, explorer):
    explorer.mask = Mask(torch.eye(16) > 0)
    explorer.set_alpha(1, 3.0)
    strip = np.array(explorer.controls.walk.strip.to_pil())
    assert (strip[:, -16:] == to_uint8(explorer.edit.apply(tiny))).all()


def test_walk_with_layers_is_in_w_plus(explorer):
    explorer.layers = (1, 2)
    assert explorer.walk(4).codes.shape == (4, 6, 6)
    explorer.set_alpha(0, 3.0)
    assert explorer.walk(4).codes.shape == (4, 6, 6)


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
    assert explorer.sliders.rows[1].layers.value == (2, 5)
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
        while not (threaded.job.wait(PATIENCE) and other.job.wait(PATIENCE) and not threaded.job.busy):
            pass
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


# ---- trouble


@pytest.mark.parametrize("trouble", ["raises", "nan"])
def test_generator_that_fails_in_the_middle_of_a_drag(tiny, explorer, agrees, monkeypatch, trouble):
    explorer.set_alpha(0, 1.0)
    good, synthesize = explorer.controls.picture.data, tiny.synthesize

    def fail(*arguments):
        if trouble == "raises":
            raise RuntimeError("out of memory")
        return synthesize(*arguments) * math.nan

    monkeypatch.setattr(tiny, "synthesize", fail)
    explorer.sliders.rows[0].slider.put(2.0)
    expected = (
        (RuntimeError, "out of memory") if trouble == "raises" else (ValueError, "picture must be finite, got 768")
    )
    assert isinstance(explorer.error, expected[0])
    assert expected[1] in str(explorer.error)
    assert explorer.controls.picture.data == good
    monkeypatch.setattr(tiny, "synthesize", synthesize)
    explorer.sliders.rows[0].slider.put(2.5)
    agrees(explorer)
    assert explorer.edit.moves[0].alpha == 2.5


def test_error_of_a_method_shows_and_the_sliders_stay(explorer, agrees):
    method = next(m for m in methods() if m.name == "random_directions")
    before = explorer.directions
    explorer.find(method, {"k": 100})
    assert "k must be at most 6" in str(explorer.error)
    assert explorer.directions is before
    explorer.find(method, {"k": 2, "seed": 4})
    assert len(explorer.directions) == 2
    agrees(explorer)


@pytest.mark.parametrize("name", sorted(m.name for m in methods()))
def test_every_method_of_the_picker_gives_sliders(explorer, agrees, name):
    explorer.mask, before = Mask(torch.arange(256).reshape(16, 16) < 60), explorer.directions
    picker = explorer.controls.picker
    picker.method.value = next(m.title for m in methods() if m.name == name)
    for control in picker._parameters.children:
        if control.description in ("k", "steps"):
            control.value = 3
    picker.find.click()
    assert explorer.error is None
    assert 1 <= len(explorer.directions) <= 3
    assert explorer.directions is not before
    explorer.set_alpha(0, 1.0)
    agrees(explorer)


def test_two_explorers_on_one_generator(tiny, threaded, agrees):
    with LatentExplorer(tiny, seed=8, k=2, executor="thread") as other:
        for i in range(20):
            threaded.set_alpha(0, 0.1 * i)
            other.set_alpha(1, -0.1 * i)
        assert threaded.wait(PATIENCE)
        assert other.job.wait(PATIENCE)
        agrees(threaded)
        agrees(other)
        assert (threaded.seed, other.seed) == (3, 8)


def test_hands_on_several_threads_lose_nothing(threaded, agrees):
    def drag(i):
        for step in range(25):
            threaded.sliders.rows[i].slider.put(round(0.1 * (step + 1), 1))

    hands = [threading.Thread(target=drag, args=(i,)) for i in range(4)]
    for hand in hands:
        hand.start()
    for step in range(25):
        threaded.seed = step
    for hand in hands:
        hand.join()
    assert threaded.wait(PATIENCE)
    assert {move.alpha for move in threaded.edit.moves} == {2.5}
    assert len(threaded.edit.moves) == 4
    assert threaded.seed == 24
    agrees(threaded)


def test_slow_generator_previews_while_a_slider_moves(threaded, monkeypatch, agrees):
    monkeypatch.setattr(_frames, "SLOW_MS", -1.0)
    seen, show = [], threaded.controls.picture.show

    def note(image, lossless=True, **keywords):
        seen.append((tuple(image.shape), lossless))
        show(image, lossless=lossless, **keywords)

    monkeypatch.setattr(threaded.controls.picture, "show", note)
    threaded.sliders.rows[0].slider.put(1.0)
    assert threaded.wait(PATIENCE)
    assert seen == [((1, 3, 4, 4), False), ((1, 3, 16, 16), True)]
    agrees(threaded)


def test_page_gives_way_to_a_picture(tiny, threaded, monkeypatch, gate):
    held, synthesize, drawn = gate(), tiny.synthesize, []

    def slow(code, *arguments):
        if len(code) > 1:  # of the strip
            drawn.append(len(code))
            held.begun.set()
            assert held.opened.wait(PATIENCE)
        return synthesize(code, *arguments)

    monkeypatch.setattr(tiny, "synthesize", slow)
    threaded.show_page()
    held.await_begin()
    threaded.set_alpha(0, 1.0)
    monkeypatch.setattr(tiny, "synthesize", synthesize)
    held.open()
    assert threaded.wait(PATIENCE)
    assert drawn == [3]  # the strip ended after its first three pictures


def test_slow_method_can_be_cancelled(threaded, gate, agrees):
    method = next(m for m in methods() if m.name == "random_directions")
    held, before = gate(), threaded.directions

    def endless(G, on_step=None, **parameters):
        held(lambda: True)
        while on_step(lw.Step(1, None)):
            pass
        return random_directions(G, 1)

    threaded.find(replace(method, function=endless), {})
    held.await_begin()
    assert threaded.busy
    threaded.cancel()
    held.open()
    assert threaded.wait(PATIENCE)
    assert threaded.status == "cancelled"
    assert threaded.directions is before
    threaded.set_alpha(0, 1.0)
    assert threaded.wait(PATIENCE)
    agrees(threaded)


def test_sliders_go_on_while_a_method_runs(threaded, gate, agrees):
    """The method never lets go of its thread, nor of the lock but at its steps: only a second worker can draw."""
    method, begun, moved = next(m for m in methods() if m.name == "random_directions"), gate(), threading.Event()
    begun.open()

    def patient(G, on_step=None, **parameters):
        begun(on_step)
        while not moved.is_set():
            assert on_step(lw.Step(1, 4))
        return random_directions(G, 2, seed=1)

    threaded.find(replace(method, function=patient), {})
    begun.await_begin()
    threaded.set_alpha(0, 1.0)
    assert threaded.job.wait(PATIENCE)
    assert threaded.code is not None
    assert threaded.code.seed is None  # the picture of the move is there
    assert threaded.status == "busy: Random directions, 25 %"
    moved.set()
    assert threaded.wait(PATIENCE)
    assert len(threaded.directions) == 2
    agrees(threaded)


# ---- other generators


@pytest.mark.parametrize("name", ["digits32", "faces-exact", "faces64"])
def test_built_in_generators_can_be_explored(name, agrees):
    G = lw.load(name, resolution=32) if name == "faces-exact" else lw.load(name)
    with LatentExplorer(G, seed=1, executor="inline") as explorer:
        explorer.controls.walk.count.value = 3
        explorer.set_alpha(0, 1.0)
        explorer.set_alpha(1, -2.0)
        explorer.controls.truncation.value = 0.6
        explorer.controls.mix.weight.value = 0.3
        for page in range(5):
            explorer.controls.pages.selected_index = page
        agrees(explorer)
        loaded = Edit.from_json(explorer.edit.to_json())
        assert torch.equal(loaded.apply(G), explorer.edit.apply(G))


def test_z_only_generator_has_no_layers(plain, agrees):
    with LatentExplorer(plain, seed=1, executor="inline") as explorer:
        assert explorer.layers is None
        assert len(explorer.directions) == 5
        assert explorer.controls.mix.mixing is None
        assert list(explorer.controls.walk.kind.options) == ["linear", "density"]
        explorer.controls.walk.kind.value = "density"
        explorer.set_alpha(0, 2.0)
        assert explorer.edit.moves[0].kind == "density"
        norm = explorer.code.tensor.norm()
        assert float(norm) == pytest.approx(float(plain.code(1).norm()))
        agrees(explorer)
        with pytest.raises(ValueError, match="layers must be None for a direction outside w and w"):
            explorer.layers = (0, 1)
        assert explorer.layers is None


def test_directions_in_z_move_before_the_mapping(tiny, agrees):
    D = random_directions(tiny, 3, space="z")
    with LatentExplorer(tiny, D, executor="inline") as explorer:
        explorer.set_alpha(1, 2.0)
        assert explorer.layers is None
        agrees(explorer)


# ---- directions: names, bookmarks


def test_renamed_direction_keeps_its_moves(explorer, agrees):
    explorer.set_alpha(1, 1.5)
    explorer.sliders.rows[1].name.value = "smile"
    assert explorer.directions.names[1] == "smile"
    assert explorer.edit.moves[0].name == "smile"
    agrees(explorer)
    explorer.set_alpha(1, 2.0)
    assert [(move.name, move.alpha) for move in explorer.edit.moves] == [("smile", 2.0)]


def test_refused_name_is_taken_back(explorer):
    explorer.sliders.rows[1].name.value = explorer.directions.names[0]
    assert "names must" in str(explorer.error)
    assert explorer.sliders.rows[1].name.value == explorer.directions.names[1]


def test_kept_directions_outlive_the_next_method(explorer, agrees):
    explorer.sliders.rows[2].keep.value = True
    explorer.sliders.rows[2].name.value = "smile"
    kept = explorer.directions["smile"]
    method = next(m for m in methods() if m.name == "random_directions")
    explorer.find(method, {"k": 3, "seed": 8})
    assert explorer.error is None
    assert explorer.directions.names[0] == "smile"
    assert len(explorer.directions) == 4
    assert torch.equal(explorer.directions.vectors[0], kept.vectors[0])
    assert explorer.sliders.rows[0].keep.value
    assert explorer.kept.names == ("smile",)
    explorer.set_alpha(0, 1.0)
    agrees(explorer)


# ---- without a kernel, and the end


def test_explorer_shows_a_picture_where_there_are_no_widgets(tiny):
    with LatentExplorer(tiny, seed=3, executor="thread") as explorer:
        bundle = explorer._repr_mimebundle_()  # at once, as a cell does
        picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
        assert (np.array(picture.convert("RGB")) == to_uint8(explorer.edit.apply(tiny))).all()
        assert len(repr(explorer)) < 80
        assert "application/vnd.jupyter.widget-view+json" in bundle


def test_closing_frees_every_widget(instances, tiny):
    explorer = LatentExplorer(tiny, k=3, executor="inline")
    method = next(m for m in methods() if m.name == "random_directions")
    for seed in range(3):
        explorer.set_alpha(0, 1.0)
        explorer.find(method, {"k": 3 + seed, "seed": seed})
    for title in [m.title for m in methods()]:
        explorer.controls.picker.method.value = title
    assert instances() > 100
    explorer.close()
    assert instances() == 0


def test_closing_frees_every_widget_of_a_z_only_explorer(instances, plain):
    LatentExplorer(plain, executor="inline").close()
    assert instances() == 0


def test_refused_start_leaves_no_widget(instances, tiny):
    with pytest.raises(TypeError):
        LatentExplorer(tiny, trunction=0.5)
    with pytest.raises(ValueError, match="must be at most"):
        LatentExplorer(tiny, k=70)
    gc.collect()
    assert instances() == 0


def test_closed_explorer_says_so(tiny):
    explorer = LatentExplorer(tiny, executor="inline")
    explorer.close()
    with pytest.raises(RuntimeError, match="open job, got a closed one"):
        explorer.set_alpha(0, 1.0)


def test_work_outstanding_at_the_end_is_dropped(tiny, gate, monkeypatch):
    explorer = LatentExplorer(tiny, executor="thread")
    assert explorer.job.wait(PATIENCE)
    held, synthesize = gate(), tiny.synthesize
    monkeypatch.setattr(tiny, "synthesize", lambda *a: held(lambda: True) or synthesize(*a))
    shown = explorer.controls.picture.data
    explorer.set_alpha(0, 1.0)
    held.await_begin()
    explorer.close()
    held.open()
    assert explorer.job.wait(PATIENCE)
    assert explorer.controls.picture.data == shown
    assert explorer.error is None


def test_move_of_an_edit_that_is_off_is_listed(explorer, agrees):
    D = explorer.directions
    off = replace(Move.of(D, 0, 1.0), enabled=False)
    explorer.edit = replace(explorer.edit, moves=(off, Move.of(D, 1, 2.0)))
    assert len(explorer.controls.others.children) == 1
    explorer.set_alpha(0, 3.0)
    assert [(m.alpha, m.enabled) for m in explorer.edit.moves] == [(1.0, False), (2.0, True), (3.0, True)]
    agrees(explorer)

"""Exact pictures are exact however little is drawn again; approximations are as good as they claim."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import interpolate

from latent_widgets.core.steps import Cancelled
from latent_widgets.edits.edit import Edit, Mask
from latent_widgets.methods import random_directions
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.screen import frames as _frames
from latent_widgets.widgets.explorer.screen.frames import Frames


@pytest.fixture
def D(tiny):
    """Directions in w."""
    return random_directions(tiny, 5, seed=7)


@pytest.fixture
def calls(tiny, monkeypatch):
    """Counts what the generator is asked for."""
    counts = {"synthesize": 0, "resynthesize": [], "activations": 0, "preview": 0}
    whole, rest, kept, small = tiny.synthesize, tiny.resynthesize, tiny.activations, tiny.preview

    def synthesize(*arguments):
        counts["synthesize"] += 1
        return whole(*arguments)

    def resynthesize(code, cache, layer, *arguments):
        counts["resynthesize"].append(layer)
        return rest(code, cache, layer, *arguments)

    def activations(*arguments):
        counts["activations"] += 1
        return kept(*arguments)

    def preview(*arguments):
        counts["preview"] += 1
        return small(*arguments)

    for function in (synthesize, resynthesize, activations, preview):
        monkeypatch.setattr(tiny, function.__name__, function)
    return counts


def test_random_edits_give_the_picture_of_a_full_synthesis(tiny, D):
    frames, rng = Frames(tiny), torch.Generator().manual_seed(0)
    for _ in range(60):
        edit = Edit.of(tiny, seed=int(torch.randint(3, (), generator=rng)))
        for i in range(int(torch.randint(4, (), generator=rng))):
            low = int(torch.randint(tiny.num_layers, (), generator=rng))
            layers = [None, list(range(low, tiny.num_layers)), [low]][i % 3]
            edit = edit.move(D, i, float(torch.randn((), generator=rng)), layers=layers)
        assert torch.equal(frames.exact(edit), edit.apply(tiny))


def test_only_changed_layers_are_drawn_again(tiny, D, calls):
    frames, last = Frames(tiny), tiny.num_layers - 1
    edit = Edit.of(tiny, seed=1).move(D, 0, 1.0, layers=list(range(tiny.num_layers)))
    frames.exact(edit)
    assert calls["activations"] == 1
    calls["resynthesize"].clear()
    for low in range(1, tiny.num_layers):
        frames.exact(edit.move(D, 1, 0.5, layers=list(range(low, tiny.num_layers))))
    assert calls["resynthesize"] == list(range(1, last + 1))
    assert (calls["activations"], calls["synthesize"]) == (1, 0)


def test_mask_shows_moves_inside_alone(tiny, D):
    mask = Mask(torch.rand(5, 7, generator=torch.Generator().manual_seed(0)))
    edit = replace(Edit.of(tiny, seed=4).move(D, 1, 2.0), mask=mask)
    frames = Frames(tiny)
    assert torch.equal(frames.exact(edit), edit.apply(tiny))
    assert torch.equal(frames.before(edit), Edit.of(tiny, seed=4).apply(tiny))


@pytest.mark.parametrize("layers", [None, [2, 3]])
def test_first_order_picture_converges_quadratically(tiny, D, layers, monkeypatch):
    monkeypatch.setattr(_frames, "SLOW_MS", -1.0)
    monkeypatch.setattr(type(tiny), "preview_resolutions", ())
    frames = Frames(tiny)
    # The exact picture has the move already, since its code must be in the same space.
    start = Edit.of(tiny, seed=2).move(D, 0, 0.5, layers=layers)
    frames.exact(start)
    errors = []
    for step in (3e-2, 3e-3, 3e-4):  # short of the kinks of the activations, where no second order exists
        edit = Edit.of(tiny, seed=2).move(D, 0, 0.5 + step, layers=layers)
        errors.append(float((frames.moving(edit) - edit.apply(tiny)).norm()))
    assert errors[0] > 0
    assert errors[1] < errors[0] / 50
    assert errors[2] < errors[1] / 90


def test_one_jacobian_product_serves_a_drag(tiny, D, monkeypatch):
    monkeypatch.setattr(_frames, "SLOW_MS", -1.0)
    monkeypatch.setattr(type(tiny), "preview_resolutions", ())
    products, jvp = [], torch.func.jvp
    monkeypatch.setattr(torch.func, "jvp", lambda *a: products.append(1) or jvp(*a))
    frames, start = Frames(tiny), Edit.of(tiny, seed=2)
    frames.exact(start)
    for step in (0.5, 1.0, -2.0, 3.0):
        frames.moving(start.move(D, 0, step))
    assert len(products) == 1
    frames.moving(start.move(D, 1, 1.0))
    assert len(products) == 2


def test_slow_generator_previews_with_its_own_small_picture(tiny, D, calls, monkeypatch):
    monkeypatch.setattr(type(tiny), "preview_resolutions", (4,))
    frames = Frames(tiny)
    edit = Edit.of(tiny, seed=2)
    assert torch.equal(frames.moving(edit), edit.apply(tiny))  # nothing is known yet: exact
    monkeypatch.setattr(_frames, "SLOW_MS", -1.0)
    moved = edit.move(D, 0, 1.0)
    small = [tiny.preview(one.code(tiny).tensor[None], 4, "w") for one in (edit, moved)]
    calls["preview"] = 0
    change = interpolate(small[1] - small[0], (16, 16), mode="bilinear")
    torch.testing.assert_close(frames.moving(moved), edit.apply(tiny) + change)
    assert (frames.words, calls["preview"]) == ("preview, change at 4 px", 2)
    frames.moving(edit.move(D, 0, 2.0))
    assert calls["preview"] == 3  # where the hand began it is known
    other = Edit.of(tiny, seed=3)
    assert torch.equal(frames.moving(other), tiny.preview(other.code(tiny).tensor[None], 4, "w"))
    assert frames.words == "preview, 4 px"


def test_places_between_known_ones_take_no_picture_of_the_generator(tiny, D, calls, monkeypatch):
    monkeypatch.setattr(type(tiny), "preview_resolutions", (4,))
    frames, edit = Frames(tiny), Edit.of(tiny, seed=2)
    frames.exact(edit)
    assert frames.between(edit.move(D, 0, 1.0)) is None
    monkeypatch.setattr(_frames, "SLOW_MS", -1.0)
    assert frames.between(edit.move(D, 0, 1.0)) is None  # nothing is known of the line yet
    first = frames.moving(edit.move(D, 0, 1.0))
    before = {name: str(count) for name, count in calls.items()}
    between = {alpha: frames.between(edit.move(D, 0, alpha)) for alpha in (0.25, 0.5, 1.0)}
    assert {name: str(count) for name, count in calls.items()} == before
    exact = edit.apply(tiny)
    for alpha, (picture, words) in between.items():
        torch.testing.assert_close(picture, exact + alpha * (first - exact))
        assert words == "preview, change at 4 px"
    assert not frames.curious
    frames.between(edit.move(D, 0, 0.5))
    assert frames.curious
    masked = replace(edit.move(D, 0, 0.5), mask=Mask(torch.ones(4, 4)))
    elsewhere = (edit.move(D, 1, 0.5), Edit.of(tiny, seed=3).move(D, 0, 0.5), masked)
    assert [frames.between(one) for one in elsewhere] == [None, None, None]
    monkeypatch.setattr(tiny, "check_code", lambda *_: 1 / 0)
    assert frames.between(edit.move(D, 0, 0.5)) is None


def test_exact_pictures_of_a_slow_generator_teach_the_line(tiny, D, calls, monkeypatch):
    monkeypatch.setattr(_frames, "SLOW_MS", -1.0)
    monkeypatch.setattr(type(tiny), "preview_resolutions", (4,))
    frames, edit = Frames(tiny), Edit.of(tiny, seed=2)
    frames.exact(edit)
    for alpha in (0.0, 1.0, -1.0):
        moved = edit.move(D, 0, alpha) if alpha else edit
        assert torch.equal(frames.exact(moved), moved.apply(tiny))
    assert calls["preview"] == 0
    before = edit.move(D, 0, -1.0)
    small = {a: tiny.preview(edit.move(D, 0, a).code(tiny).tensor[None], 4, "w") for a in (-1.0, 1.0)}
    start = tiny.preview(edit.code(tiny).tensor[None], 4, "w")
    change = interpolate((start + small[1.0]) / 2 - small[-1.0], (16, 16), mode="bilinear")
    torch.testing.assert_close(frames.between(edit.move(D, 0, 0.5))[0], before.apply(tiny) + change)
    other = Edit.of(tiny, seed=3)
    assert torch.equal(frames.exact(other), other.apply(tiny))
    assert frames.between(edit.move(D, 0, 0.5)) is None


def test_exact_picture_comes_where_the_small_one_fails(tiny, D, monkeypatch):
    monkeypatch.setattr(_frames, "SLOW_MS", -1.0)
    monkeypatch.setattr(type(tiny), "preview_resolutions", (2,))  # which it cannot draw
    frames, edit = Frames(tiny), Edit.of(tiny, seed=2)
    for one in (edit, edit.move(D, 0, 1.0)):
        assert torch.equal(frames.exact(one), one.apply(tiny))


def test_exact_picture_is_not_left_before_it_has_taught_the_line(tiny, D, monkeypatch):
    monkeypatch.setattr(_frames, "SLOW_MS", -1.0)
    monkeypatch.setattr(type(tiny), "preview_resolutions", (4,))
    frames, edit = Frames(tiny), Edit.of(tiny, seed=2)
    frames.exact(edit)
    frames.exact(edit)  # slow, as far as is known
    moved, grow, asked = edit.move(D, 0, 1.0), tiny.growing, []
    monkeypatch.setattr(tiny, "growing", lambda *arguments: asked.append(None) or grow(*arguments))
    steps, run = [], tiny.module.synthesis.step
    monkeypatch.setattr(tiny.module.synthesis, "step", lambda i, *rest: steps.append(i) or run(i, *rest))
    with pytest.raises(Cancelled), frames.interruptible(lambda: not asked):
        frames.exact(moved)
    assert frames.between(edit.move(D, 0, 0.5)) is not None
    small = tiny.layer_names.index("b4.torgb")
    assert steps == [*range(small + 1), small + 1]
    asked.clear()
    steps.clear()
    with pytest.raises(Cancelled), frames.interruptible(lambda: not asked):
        frames.exact(moved)  # which tells nothing new
    assert len(steps) <= 1
    assert torch.equal(frames.exact(moved), moved.apply(tiny))


def test_fast_generator_needs_no_approximation(tiny, D, calls):
    frames = Frames(tiny)
    frames.exact_ms = 1.0
    edit = Edit.of(tiny, seed=2).move(D, 0, 1.0)
    assert torch.equal(frames.moving(edit), edit.apply(tiny))
    assert calls["preview"] == 0


def test_speed_is_that_of_the_fastest_pictures(tiny, monkeypatch):
    clock = iter([0, 0.5, 1, 1.01, 2, 2.11])
    monkeypatch.setattr(_frames, "time", SimpleNamespace(perf_counter=lambda: next(clock)))  # not that of other threads
    frames, speeds = Frames(tiny), []
    for seed in range(3):
        frames.exact(Edit.of(tiny, seed=seed))
        speeds.append(frames.exact_ms)
    assert speeds == pytest.approx([500, 10, 40])


@pytest.mark.parametrize("moves", [0, 1])
def test_picture_that_is_not_finite_is_refused_and_forgotten(tiny, D, moves):
    frames, good = Frames(tiny), Edit.of(tiny, seed=0).move(D, 0, 1.0, layers=[0, 1])
    torgb = next(p for name, p in tiny.module.synthesis.named_parameters() if name.endswith("bias"))
    frames.exact(good)
    bad = good.move(D, 1, 1.0, layers=[moves]) if moves else good
    kept = torgb.clone()
    torgb.fill_(float("nan"))
    frames._cache = None
    with pytest.raises(ValueError, match=r"the generator's picture must be finite, got \d+ NaN or infinite of 768"):
        frames.exact(bad)
    torgb.copy_(kept)
    assert torch.equal(frames.exact(bad), bad.apply(tiny))


@pytest.mark.parametrize("small", [(), (4,)])
def test_generator_that_is_moved_is_drawn_as_it_is_then(tiny, D, small, monkeypatch):
    monkeypatch.setattr(type(tiny), "preview_resolutions", small)
    mask = Mask(torch.rand(5, 7, generator=torch.Generator().manual_seed(0)))
    frames, start = Frames(tiny), Edit.of(tiny, seed=1)
    for dtype in (torch.float32, torch.float64):
        monkeypatch.setattr(_frames, "SLOW_MS", -1.0)
        edit = start.move(D, 0, 1.0)
        frames.exact(edit)
        frames.moving(edit.move(D, 1, 0.5))
        frames.before(edit)
        tiny.to(dtype=dtype)
        assert torch.equal(frames.moving(edit), edit.apply(tiny))  # nothing is known of it yet: exact
        assert frames.moving(edit.move(D, 1, 0.5)).dtype == dtype
        masked = replace(edit, mask=mask)
        assert torch.equal(frames.exact(masked), masked.apply(tiny))
        assert torch.equal(frames.before(edit), start.apply(tiny))


def test_picture_before_the_moves_is_not_drawn_twice(tiny, D, calls):
    frames, edit = Frames(tiny), Edit.of(tiny, seed=1)
    frames.exact(edit)
    drawn = calls["synthesize"]
    assert torch.equal(frames.before(edit.move(D, 0, 1.0)), edit.apply(tiny))
    assert calls["synthesize"] == drawn + 1  # that of the edit here
    other = Edit.of(tiny, seed=2)
    frames.exact(other.move(D, 0, 1.0))
    assert torch.equal(frames.before(other.move(D, 0, 1.0)), other.apply(tiny))


def test_generator_without_weights_says_so(tiny, D):
    frames, edit = Frames(tiny), Edit.of(tiny, seed=1).move(D, 0, 1.0)
    frames.exact(edit)
    tiny.to("meta")
    with pytest.raises(ValueError, match="the generator must have its weights to draw, got it on the meta device"):
        frames.exact(edit)


def test_only_first_order_pictures_need_rules_for_derivatives(tiny, D, monkeypatch):
    monkeypatch.setattr(type(tiny), "preview_resolutions", (4,))
    frames, edit = Frames(tiny), Edit.of(tiny, seed=1).move(D, 0, 1.0)
    frames.exact_ms = 1.0
    assert frames.preparation(edit) is None
    frames.exact_ms = 1e3
    assert frames.preparation(edit) is None
    loaded = []
    monkeypatch.setattr(_frames, "load_rules", lambda: loaded.append(1) or 1 / 0)  # which may fail
    frames.preparation(replace(edit, mask=Mask(torch.ones(4, 4))))()
    monkeypatch.setattr(type(tiny), "preview_resolutions", ())
    frames.preparation(edit)()
    assert loaded == [1, 1]


def test_z_only_generator_is_drawn_whole(plain):
    D = random_directions(plain, 3)
    frames = Frames(plain)
    edit = Edit.of(plain, seed=5, truncation=0.7).move(D, 2, 1.5)
    assert torch.equal(frames.exact(edit), edit.apply(plain))
    assert torch.equal(frames.exact(edit.move(D, 0, 30.0)), edit.move(D, 0, 30.0).apply(plain))


def test_code_of_the_last_exact_picture_is_known(tiny):
    frames = Frames(tiny)
    edit = Edit.of(tiny, seed=5).move(Directions(torch.eye(6).double(), "w"), 2, 1.5)
    frames.exact(edit)
    assert torch.equal(frames.code.tensor, edit.code(tiny).tensor)


def test_small_pictures_are_as_large_as_is_quick_enough(tiny, D, monkeypatch):
    monkeypatch.setattr(type(tiny), "preview_resolutions", (4, 8, 16, 32, 64))
    monkeypatch.setattr(tiny, "resolution", 256)
    clock, took = [0.0], {16: 0.009, 32: 0.03, 64: 0.2}
    monkeypatch.setattr(_frames, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def preview(code, side, space):
        clock[0] += took[side]
        return torch.zeros(1, 3, side, side, dtype=torch.float64)

    monkeypatch.setattr(tiny, "preview", preview)
    frames, edit = Frames(tiny), Edit.of(tiny, seed=2).move(D, 0, 1.0)
    frames.exact(edit)
    assert not frames.words
    frames.exact_ms = 1e3
    others = (Edit.of(tiny, seed=seed) for seed in range(3, 99))

    def sides(count):
        return [frames.moving(next(others)).shape[-1] for _ in range(count)]

    assert sides(3) == [16, 32, 32]  # 64 is guessed from 32, and too slow
    assert frames.words == "preview, 32 px"
    took[32] = 0.008
    assert sides(3) == [32, 64, 32]  # tried once
    took[32] = 0.5
    assert sides(2) == [32, 16]


def test_slow_picture_of_our_own_network_is_left_between_layers(tiny, D, monkeypatch):
    monkeypatch.setattr(_frames, "SLOW_MS", -1.0)
    frames, edit = Frames(tiny), Edit.of(tiny, seed=1).move(D, 0, 1.0, layers=[1, 2])
    answers = iter([True] * 12 + [False])
    frames.exact(edit)
    with pytest.raises(Cancelled), frames.interruptible(lambda: next(answers)):
        frames.exact(edit.move(D, 1, 1.0))
    assert next(answers, None) is None
    assert torch.equal(frames.exact(edit.move(D, 1, 1.0)), edit.move(D, 1, 1.0).apply(tiny))
    monkeypatch.setattr(tiny, "own_network", False)
    with frames.interruptible(lambda: False):
        assert torch.equal(frames.exact(edit), edit.apply(tiny))
    assert not any(part._forward_pre_hooks for part in tiny.module.modules())

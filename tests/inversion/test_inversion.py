"""Inversion finds known codes, keeps its promises about layers, and ends when it is told to."""

import numpy as np
import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.inversion.invert import InversionStep, invert
from latent_widgets.inversion.search import Search, stages_of, whitening_of
from tests.budgeted import Counting
from tests.linear import linear_generator

QUICK = {"steps": 60, "starts": 2, "samples": 16}


@pytest.fixture(scope="module")
def tiny():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return StyleGenerator(StyleGAN2(z_dim=4, w_dim=6, resolution=8, channels={4: 8, 8: 6}), "tiny")


@pytest.fixture(scope="module")
def layered(tiny):
    """A picture that no single ``w`` draws."""
    w = tiny.map(tiny.sample_z(2, seed=9))
    rows = (torch.arange(tiny.num_layers) < 2)[:, None]
    return tiny.synthesize(torch.where(rows, w[:1], w[1:])[None])


@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_known_code_is_recovered(tiny, space):
    target = tiny.synthesize(tiny.code(seed=5))
    found = invert(tiny, target, space, steps=150, starts=3, samples=32)
    assert found.relative_error < 0.02
    assert torch.allclose(tiny.synthesize(found.code), found.image, atol=1e-4)
    assert torch.equal(found.residual, found.target - found.image)
    assert found.error == pytest.approx(float(found.residual.square().mean()))
    assert found.code.space == space
    assert found.stopped == "finished"
    assert len(found.losses) == 150
    assert list(found.losses) == sorted(found.losses, reverse=True)


def test_pull_trades_fidelity_for_equal_layers(tiny, layered):
    free, held = (invert(tiny, layered, "w+", pull=pull, steps=160, starts=2, samples=16) for pull in (0.0, 10.0))
    assert free.error < 0.5 * held.error
    assert held.offset < 0.1 * free.offset
    rows = free.code.tensor
    assert free.code.space == "w+"
    assert not torch.allclose(rows[0], rows[-1], atol=1e-2)


def test_error_is_measured_against_the_spread_of_samples():
    G = linear_generator(z_dim=5, w_dim=5, dtype=torch.float32)
    found = invert(G, torch.zeros(3, 4, 4), "w", steps=1, starts=1, samples=64)
    samples = G.synthesize(G.map(G.sample_z(64, 0)))
    assert found.relative_error == pytest.approx(found.error / float(samples.var(0).mean()), rel=1e-4)


def test_latents_that_do_not_fill_the_space_have_no_percentile():
    G = linear_generator(z_dim=3, w_dim=5, dtype=torch.float32)
    found = invert(G, G.synthesize(G.code(seed=2)), "w", steps=100, samples=16)
    assert found.percentile is None
    assert found.relative_error < 0.02


def test_result_keeps_the_picture_whatever_becomes_of_it(tiny):
    picture = tiny.synthesize(tiny.code(seed=5))
    before = picture.clone()
    found = invert(tiny, picture, "w", steps=1, starts=1, samples=4)
    picture += 1
    assert torch.equal(found.target, before)


def test_start_goes_on_from_a_code(tiny, layered):
    first = invert(tiny, layered, "w", **QUICK)
    again = invert(tiny, layered, "w+", start=first, steps=40, samples=8)
    assert again.losses[0] == pytest.approx(first.losses[-1], rel=1e-3)
    assert again.error < first.error
    third = invert(tiny, layered, "w+", start=again.code, steps=5, samples=8)
    assert third.losses[0] == pytest.approx(again.losses[-1], rel=1e-2)


def test_cancelling_returns_the_best_so_far(tiny, layered):
    seen = []

    def stop(step):
        assert isinstance(step.value, InversionStep)
        assert step.total == 60
        if step.index:
            seen.append(step.value)
        return step.index < 7

    found = invert(tiny, layered, on_step=stop, **QUICK)
    assert found.stopped == "cancelled"
    assert len(found.losses) == len(seen) == 7
    assert torch.equal(found.code.tensor, seen[-1].code.tensor)
    assert torch.equal(found.image, seen[-1].image)


def test_same_seed_gives_the_same_code_and_gradients_need_not_be_on(tiny, layered):
    first = invert(tiny, layered, **QUICK)
    with torch.no_grad():
        second = invert(tiny, layered, **QUICK)
    assert torch.equal(first.code.tensor, second.code.tensor)


def test_perceptual_distance_is_added(tiny, layered):
    asked = []

    def distance(pictures, target):
        asked.append(target.shape)
        return (pictures.mean((1, 2, 3)) - target.mean((1, 2, 3))).abs()

    invert(tiny, layered, lap=0, l2=0, perceptual=distance, steps=3, starts=2, samples=8)
    assert set(asked) == {(1, 3, 8, 8)}


def test_photo_is_loaded_and_percentile_told(tiny, tmp_path):
    found = invert(tiny, np.zeros((20, 30, 3), np.uint8), **QUICK)
    assert found.target.eq(-1).all()
    assert 0 <= found.percentile <= 100
    assert found.plot()._repr_png_()[:4] == b"\x89PNG"


def test_code_goes_into_an_edit(tiny, layered):
    found = invert(tiny, layered, **QUICK)
    assert torch.allclose(lw.Edit.of(tiny, code=found.code).apply(tiny), found.image, atol=1e-4)


def test_bad_input(tiny):
    picture = torch.zeros(1, 3, 8, 8)
    for arguments, message in [
        ({"image": torch.zeros(3, 9, 8)}, r"image must have shape .*, got \(3, 9, 8\)\."),
        ({"image": picture / 0}, r"image must be finite, got 192 NaN or infinite"),
        ({"space": "s"}, r"space must be one of 'z', 'w', 'w\+', got 's'\."),
        ({"steps": 0}, r"steps must be at least 1, got 0\."),
        ({"pull": -1}, r"pull must be at least 0, got -1\."),
        ({"starts": 9, "samples": 8}, r"starts must be between 1 and 8, got 9\."),
        ({"lap": 0, "l2": 0}, r"lap or l2 must be above 0, got neither\."),
        ({"start": torch.zeros(2, 6)}, r"start must be one code, got 2\."),
        ({"start": torch.zeros(1, 5, 6)[:, : 0 + tiny.num_layers].expand(1, tiny.num_layers, 6), "space": "w"},
         r"start must be a code in w, got one in w\+\. Use space='w\+'\."),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            invert(tiny, **{"image": picture, "samples": 8, "starts": 2, "steps": 1} | arguments)


def test_pictures_that_are_not_finite_end_the_search(tiny):
    with pytest.raises(ValueError, match=r"G must draw finite pictures, got none at step 1\."):
        invert(tiny, torch.zeros(3, 8, 8), samples=4, starts=1, perceptual=lambda x, y: x.sum((1, 2, 3)) * torch.nan)


@pytest.fixture(scope="module")
def large():
    """A network of pictures that are large enough to be searched for small first."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        channels = {4: 8, 8: 8, 16: 8, 32: 6, 64: 4, 128: 3, 256: 2}
        return StyleGenerator(StyleGAN2(z_dim=4, w_dim=6, resolution=256, channels=channels), "large")


def test_large_pictures_are_searched_for_small_first(large):
    counting = Counting(large)
    target = large.synthesize(large.code(5))
    before, seen = counting.drawn["_synthesize"], []
    found = invert(large, target, steps=40, starts=3, samples=16, on_step=seen.append)
    drawn = counting.drawn["_synthesize"] - before
    assert counting.drawn["_preview"] == 15 * 3 + 16  # steps, and the samples that are compared with whole ones
    assert 25 <= drawn <= 2 * 2 + 23 + 3 + 16 + 4  # steps, what is chosen from, samples, and a few for the pace
    assert len(found.losses) == 40
    assert found.relative_error < 0.2
    assert {tuple(step.value.image.shape) for step in seen} == {(1, 3, 256, 256)}
    torch.testing.assert_close(large.synthesize(found.code), found.image, atol=1e-4, rtol=1e-4)


def test_search_that_is_ended_at_small_pictures_hands_in_a_whole_one(large):
    target = large.synthesize(large.code(5))
    found = invert(large, target, steps=40, starts=2, samples=8, on_step=lambda step: step.index < 5)
    assert (found.stopped, len(found.losses)) == ("cancelled", 5)
    torch.testing.assert_close(large.synthesize(found.code), found.image, atol=1e-4, rtol=1e-4)


def test_search_that_is_ended_before_its_first_step_hands_in_the_nearest_sample(tiny, layered):
    for count in (1, 4, 6):  # while the pace is found, and while samples are drawn
        seen = []
        found = invert(tiny, layered, on_step=lambda step, s=seen, n=count: s.append(step) or len(s) < n, **QUICK)
        assert (found.stopped, len(seen)) == ("cancelled", count)
        torch.testing.assert_close(found.code.tensor, seen[-1].value.code.tensor, atol=1e-5, rtol=1e-4)
        assert found.losses == (pytest.approx(seen[-1].value.loss),)
        torch.testing.assert_close(tiny.synthesize(found.code), found.image, atol=1e-3, rtol=1e-3)


def test_a_code_that_is_given_is_searched_from_at_full_size(large):
    first = large.code(6)
    small = invert(large, large.synthesize(large.code(5)), start=first, steps=8, samples=4)
    distance = small.losses[0]
    assert all(loss <= distance for loss in small.losses)
    assert {stage.side for stage in stages_of(large, 8, 1, 6, small=False)} == {None}


@pytest.mark.parametrize(
    ("steps", "codes", "rows", "options", "expected"),
    [
        (80, 4, 6, {}, [(0, 30, 4, 32, False), (30, 35, 2, None, True), (35, 80, 1, None, True)]),
        (80, 4, 0, {}, [(0, 30, 4, 32, False), (30, 35, 2, None, False), (35, 80, 1, None, False)]),
        (80, 4, 6, {"small": False}, [(0, 20, 4, None, False), (20, 40, 1, None, False), (40, 80, 1, None, True)]),
        (80, 4, 0, {"small": False}, [(0, 20, 4, None, False), (20, 80, 1, None, False)]),
        (80, 1, 6, {"small": False, "layered": True}, [(0, 80, 1, None, True)]),
        (3, 4, 0, {"small": False}, [(0, 3, 4, None, False)]),
        (1, 1, 6, {}, [(0, 1, 1, None, True)]),
        (8, 1, 6, {"small": False}, [(0, 4, 1, None, False), (4, 8, 1, None, True)]),
    ],
)
def test_stages_of_a_search(large, steps, codes, rows, options, expected):
    found = stages_of(large, steps, codes, rows, **options)
    assert [(s.first, s.last, s.codes, s.side, s.layered) for s in found] == expected


def test_what_is_missing_in_small_pictures_is_taken_off(large):
    frame = whitening_of(large, "w", 16, seed=1)
    plan = Search(frame, large.synthesize(large.code(5)), None, None, 0.0, 0)
    aims = torch.cat([Search(frame, picture[None], None, None, 0.0, 0).aim(32) for picture in frame.pictures])
    small = large.preview(frame.codes, 32)
    torch.testing.assert_close(aims.mean(0), small.mean(0), atol=1e-4, rtol=1e-4)
    assert plan.aim(None) is plan.target


def test_coordinates_are_those_of_a_solver(tiny):
    frame = whitening_of(tiny, "w", 8, seed=0)
    codes = tiny.map(tiny.sample_z(5, seed=4))
    solved = torch.linalg.lstsq(frame.root.double(), (codes - frame.mean).double().T).solution.T
    torch.testing.assert_close(frame.encode(codes).shared.double(), solved, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(frame.decode(frame.encode(codes)), codes, atol=1e-5, rtol=1e-4)

"""The training of LELSD, step by step, beside its objective written out edit by edit."""

import math
from dataclasses import replace

import pytest
import torch

from latent_widgets.core.work import Work
from latent_widgets.geometry.effects.feature_layers import layers_of
from latent_widgets.geometry.effects.localisation import Scene
from latent_widgets.geometry.effects.part_masks import PartMasks
from latent_widgets.geometry.effects.part_samples import part_samples
from latent_widgets.methods.lelsd.course import Judging, course_of
from latent_widgets.methods.lelsd.frame import frame_of, penalty_of
from latent_widgets.methods.lelsd.training import LelsdState, Recipe, preset_rate, published_rate, train
from tests.linear import linear_generator


@pytest.fixture
def G():
    return linear_generator(z_dim=5, w_dim=7)


@pytest.fixture
def mask():
    mask = torch.zeros(4, 4, dtype=torch.float64)
    mask[1:, :2] = 1
    return mask


@pytest.fixture
def trained(G, mask):
    """A training, with what every step had and made."""

    def trained(mode="inside", patience=None, penalty="squared", space="w", **options):
        plain = {"k": 2, "steps": 3, "batch": 4, "low": 0.5, "high": 2.0, "unit": "sd", "schedule": "published"}
        plain |= {"penalty": penalty, "penalty_weight": 3.0, "merge": "average", "mode": mode, "patience": patience}
        recipe = Recipe(**plain | {"seed": 11} | options)
        frame, layers, masks = frame_of(G, space, None), layers_of(G, ["all"]), PartMasks.of(G, mask)
        samples = part_samples(layers, masks, frame.run, n=6, seed=1)
        scene = Scene(layers, masks, frame.rows, recipe.merge, mode)
        free = frame.start(recipe.k, 5)
        course = replace(course_of(recipe.steps, recipe.batch, recipe.k, None, 1), judging=Judging(16, 32, 16, 10))
        seen = [(free, None, None)]
        state, _, stopped = train(
            recipe, frame, scene, scene, samples, samples, LelsdState(free, free),
            lambda state, value, due: seen.append((state.free, value, due)), course, Work(lambda step: True, 3),
        )  # fmt: skip
        return recipe, samples.codes, seen, state, stopped

    return trained


@pytest.mark.parametrize(("mode", "penalty", "unit"), [("inside", "squared", "sd"), ("outside", "published", "latent")])
def test_loss_of_every_step_is_that_of_its_equation(G, mask, trained, mode, penalty, unit):
    _, codes, seen, state, _ = trained(mode, penalty=penalty, unit=unit)
    A = G.module.synthesis
    latents = G.map(G.sample_z(2000, seed=0))
    covariance = latents.T.cov()

    def features(w):
        return ((A @ w).reshape(3, 4, 4)) ** 3

    where = mask if mode == "inside" else 1 - mask
    assert len(state.losses) == 3
    for step in range(3):
        units = torch.stack([row / row.norm() for row in seen[step][0][:, 0]])
        rng = torch.Generator().manual_seed(11 * 1_000_003 + step + 1)
        index = torch.randperm(6, generator=rng)[:4]
        lengths = 0.5 + 1.5 * torch.rand(4, generator=rng, dtype=torch.float64)
        signs = 1 - 2 * torch.randint(2, (4,), generator=rng)
        shares = []
        for b in range(4):
            j = (b + 4 * step) % 2
            size = (units[j] @ covariance @ units[j]).sqrt() if unit == "sd" else units[j].norm()
            alpha = lengths[b] * signs[b] * size
            moved = codes[index[b]] + alpha * seen[step][0][j, 0]  # published: of its own length
            change = (features(moved) - features(codes[index[b]])).square()
            shares.append((change * where).sum() / change.sum())
        cosine = units[0] @ units[1]
        pressed = cosine**2 if penalty == "squared" else (2 * cosine**2).sqrt() / 2
        expected = 3.0 * pressed - 2 * sum(shares) / 4
        assert state.losses[step] == pytest.approx(float(expected), rel=1e-6)


def test_first_step_of_adam_is_as_long_as_the_published_rate(trained):
    _, _, seen, _, _ = trained(steps=8)
    moved = (seen[1][0] - seen[0][0]).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 1e-3), rtol=1e-3, atol=0)
    assert [due for _, _, due in seen[1:]] == [False] * 7 + [True]  # the last step is checked


def test_preset_keeps_vectors_at_length_one(trained):
    _, _, seen, _, _ = trained(schedule="preset")
    for free, _, _ in seen[1:]:
        torch.testing.assert_close(free.norm(dim=-1), torch.ones(2, 1).double())


def test_checks_score_held_out_pictures_and_keep_the_best(G, mask, trained):
    _, codes, seen, state, stopped = trained(schedule="preset", steps=25)
    assert stopped == "finished"
    assert [step for step, _ in state.checks] == [0, 10, 20, 25]
    A = G.module.synthesis
    covariance = G.map(G.sample_z(2000, seed=0)).T.cov()
    values = []
    for step, scores in state.checks:
        units = seen[step][0][:, 0] / seen[step][0][:, 0].norm(dim=1, keepdim=True)
        for j in range(2):
            found = []
            for i in range(6):
                alpha = (0.5 + 1.5 * (i + 0.5) / 6) * (1 - 2 * (i % 2)) * (units[j] @ covariance @ units[j]).sqrt()
                before, after = ((A @ w).reshape(3, 4, 4) ** 3 for w in (codes[i], codes[i] + alpha * units[j]))
                change = (after - before).square()
                found.append(float((change * mask).sum() / change.sum()))
            assert float(scores[j]) == pytest.approx(sum(found) / 6, rel=1e-6)
        values.append(float(scores.mean()) - 3.0 / 2 * float((units[0] @ units[1]) ** 2))
    assert state.best_value == pytest.approx(max(values))
    assert torch.equal(state.best, seen[state.checks[values.index(max(values))][0]][0])


def test_training_ends_when_checks_gain_too_little(trained):
    _, _, _, state, stopped = trained(schedule="preset", steps=200, patience=20)
    assert stopped == "plateau"
    values = [float(scores.mean()) for _, scores in state.checks]
    assert state.step - state.progress[0] == 20
    reached = [step for step, _ in state.checks].index(state.progress[0])
    assert max(values[reached + 1 :]) < values[reached] + 0.05  # nothing much came after it


def test_a_check_counts_as_progress_where_it_gains_a_thousandth(trained):
    _, _, _, state, _ = trained(k=1, schedule="preset", steps=60)
    counted, value = 0, float("-inf")
    for step, scores in state.checks:  # one direction has no penalty
        if float(scores.mean()) > value + 1e-3:
            counted, value = step, float(scores.mean())
    assert state.progress == (counted, pytest.approx(value))
    assert 0 < counted < state.step


def test_rates_are_those_of_their_formulas():
    assert [published_rate(step, 8) for step in (0, 1, 2, 5, 7)] == [1e-3, 5e-4, 5e-4, 1.25e-4, 6.25e-5]
    assert published_rate(2, 3) == 0.125e-3
    for step in (0, 3, 10):
        assert preset_rate(step, 10, 16) == pytest.approx(0.025 * (1 + math.cos(math.pi * step / 10)) / 2)


def test_penalty_of_three_directions_is_the_mean_square_cosine_of_pairs():
    units = torch.randn(3, 2, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    units = units / units.norm(dim=-1, keepdim=True)
    squares, norms = [], []
    for row in range(2):
        each = [float(units[i, row] @ units[j, row]) ** 2 for i in range(3) for j in range(3) if i != j]
        squares.append(sum(each) / 6)
        norms.append(sum(each) ** 0.5 / 2)
    assert float(penalty_of(units, "squared")) == pytest.approx(sum(squares) / 2)
    assert float(penalty_of(units, "published")) == pytest.approx(sum(norms) / 2)
    assert float(penalty_of(units[:1], "squared")) == 0

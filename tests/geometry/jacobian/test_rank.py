"""Rank rules on matrices of known rank."""

import math

import pytest
import torch

from latent_widgets.geometry.jacobian.rank import (
    RANK_METHODS,
    energy_rank,
    estimate_rank,
    gap_rank,
    kritchman_nadler_rank,
)


@pytest.fixture
def spectrum():
    """Singular values of a 90 x 60 matrix of white noise plus `rank` signals of equal strength."""

    def make(seed, rank, strength=4.0):
        rng = torch.Generator().manual_seed(seed)
        left = torch.linalg.qr(torch.randn(90, rank + 1, generator=rng, dtype=torch.float64)).Q[:, :rank]
        right = torch.linalg.qr(torch.randn(60, rank + 1, generator=rng, dtype=torch.float64)).Q[:, :rank]
        noise = torch.randn(90, 60, generator=rng, dtype=torch.float64)
        return torch.linalg.svdvals(noise + strength * 90**0.5 * left @ right.T)

    return make


@pytest.fixture
def thresholds():
    """For each k the eigenvalue and what it must exceed (Kritchman and Nadler 2008, equations 6, 9 and 11 to 13)."""

    def thresholds(S, n, tracy_widom):
        eigenvalues = [float(s) ** 2 / n for s in S]
        p = len(eigenvalues)
        for k in range(1, p):
            variance = sum(eigenvalues[k:]) / ((p - k) * max(1 - k / n, 1 / n))
            for _ in range(30):
                terms = [(e + variance * (1 - (p - k) / n), e * variance) for e in eigenvalues[:k]]
                if any(b**2 < 4 * c for b, c in terms):
                    break
                true = [(b + math.sqrt(b**2 - 4 * c)) / 2 for b, c in terms]
                if any(t > e for t, e in zip(true, eigenvalues, strict=False)):
                    break
                before, variance = variance, (sum(eigenvalues) - sum(true)) / (p - k)
                if abs(variance - before) <= 1e-5 * before:
                    break
            a, b = math.sqrt(n - 0.5), math.sqrt(p - k - 0.5)
            law = (a + b) ** 2 + tracy_widom * (a + b) * (1 / a + 1 / b) ** (1 / 3)
            yield eigenvalues[k - 1], variance * law / n

    return thresholds


@pytest.mark.parametrize("rank", [1, 4, 9])
def test_signals_in_white_noise_are_counted(spectrum, rank):
    for seed in range(5):
        S = spectrum(seed, rank)
        assert kritchman_nadler_rank(S, 90) == rank
        assert gap_rank(S) == rank
        assert estimate_rank(S, (90, 60), "kritchman-nadler") == rank
        assert estimate_rank(S, (60, 90), "kritchman-nadler") == rank


def test_false_alarms_come_as_often_as_is_said(spectrum):
    alarms = sum(kritchman_nadler_rank(spectrum(seed, 0), 90, level=0.05) > 0 for seed in range(400))
    assert alarms / 400 == pytest.approx(0.11, abs=0.06)  # binomial, four standard deviations


@pytest.mark.parametrize(("n", "p"), [(12, 7), (40, 5), (9, 9)])
@pytest.mark.parametrize(("level", "tracy_widom"), [(0.05, 0.9793), (0.01, 2.0234), (0.005, 2.4224), (0.001, 3.2724)])
def test_signal_counts_if_it_exceeds_the_threshold_of_the_paper(thresholds, n, p, level, tracy_widom):
    rng = torch.Generator().manual_seed(n)
    found = []
    for _ in range(60):  # near the threshold, where it matters what that is
        spread = 1.5 * torch.rand(1, generator=rng, dtype=torch.float64)
        S = (spread * torch.randn(p, generator=rng, dtype=torch.float64)).exp().sort(descending=True).values
        each = list(thresholds(S, n, tracy_widom))
        rank = next((k for k, (value, least) in enumerate(each) if value <= least), p - 1)
        if all(abs(value / least - 1) > 1e-4 for value, least in each[: rank + 1]):  # not by rounding
            found.append(rank)
            assert kritchman_nadler_rank(S, n, level) == rank
    assert len(found) > 50
    assert len(set(found)) > 2


def test_energy_counts_squares():
    S = torch.tensor([3.0, 2.0, 1.0, 0.0])
    assert [energy_rank(S, share) for share in (0.5, 0.64, 0.65, 0.93, 1.0)] == [1, 1, 2, 3, 3]


def test_rounding_noise_is_no_rank():
    S = torch.tensor([5.0, 4.9, 4.8, 1e-9])  # float32: the last is noise, and the gap before it means nothing
    assert estimate_rank(S, (9, 4), "gap") == 1 + int((S[:2] / S[1:3]).argmax())
    assert estimate_rank(S, (9, 4), "energy") == 3
    for method in RANK_METHODS:
        assert estimate_rank(torch.zeros(3), (3, 5), method) == 0
        assert estimate_rank(torch.tensor([2.0]), (1, 5), method) <= 1


def test_bad_input():
    with pytest.raises(ValueError, match="method must be one of 'energy', 'kritchman-nadler', 'gap', got 'elbow'"):
        estimate_rank(torch.ones(2), (2, 2), "elbow")
    with pytest.raises(ValueError, match=r"S must have shape \(3,\), got \(2,\)"):
        estimate_rank(torch.ones(2), (3, 4))
    with pytest.raises(ValueError, match=r"level must be one of 0.05, 0.01, 0.005, 0.001, got 0.5"):
        kritchman_nadler_rank(torch.ones(2), 5, level=0.5)
    with pytest.raises(ValueError, match="share must be between 0 and 1, got 2"):
        energy_rank(torch.ones(2), 2)

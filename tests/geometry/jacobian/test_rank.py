"""Rank rules on matrices of known rank."""

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

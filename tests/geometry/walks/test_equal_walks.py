"""Walks of different kinds at positions where the picture has changed equally."""

import pytest
import torch

from latent_widgets import Cancelled
from latent_widgets.geometry.walks.equal_walks import between, equal_walks
from latent_widgets.geometry.walks.walk import Walk, great_circle
from tests.linear import linear_generator

AT = (-2.0, -1.0, 0.0, 1.0, 2.0)


@pytest.fixture
def G():
    return linear_generator(z_dim=5, w_dim=7)


@pytest.fixture
def walks(G):
    """A straight one, and one that is three times as fast."""
    w, step = G.map(G.sample_z(1, 3))[0], torch.ones(7, dtype=torch.float64) / 7
    codes = torch.stack([w + a * step for a in AT]), torch.stack([w + 3 * a * step for a in AT])
    return [Walk(c, AT, "w", "sd", kind) for c, kind in zip(codes, ("linear", "curve"), strict=True)]


def test_between_follows_the_polygon():
    angles = torch.linspace(-1, 1, 5, dtype=torch.float64)
    codes = great_circle(torch.eye(3).double()[0], torch.eye(3).double()[1], angles)
    walk = Walk(codes, tuple(angles.tolist()), "z", "sd", "density", log_density=angles)
    found = between(walk, [-1.0, -0.25, 0.5, 1.0])
    torch.testing.assert_close(found.codes, torch.stack([codes[0], (codes[1] + codes[2]) / 2, codes[3], codes[4]]))
    assert (found.at, found.log_density) == ((-1.0, -0.25, 0.5, 1.0), None)


def test_a_walk_three_times_as_fast_goes_a_third_as_far(G, walks):
    found = equal_walks(G, walks, 5, distance="rms", tolerance=1e-4)
    assert [W.at[2] for W in found.walks] == [0, 0]
    slow, fast = (torch.tensor(W.at) for W in found.walks)
    torch.testing.assert_close(slow, 3 * fast, rtol=1e-3, atol=1e-9)
    torch.testing.assert_close(slow, torch.tensor([-2.0, -1, 0, 1, 2]), rtol=1e-3, atol=1e-9)
    torch.testing.assert_close(found.changes[0], found.changes[1], rtol=1e-3, atol=1e-9)
    torch.testing.assert_close(found.changes[0], torch.tensor(found.at).double().abs(), rtol=1e-3, atol=1e-9)
    measured = (G.synthesize(found.walks[1].codes, "w") - G.synthesize(walks[0].codes[2:3], "w")).square()
    torch.testing.assert_close(measured.mean((1, 2, 3)).sqrt(), found.changes[1])


def test_pictures_are_compared_in_exact_arithmetic(G, walks):
    def rms(pictures, start):
        fast.add(torch.backends.mha.get_fastpath_enabled())
        return (pictures - start).square().mean((1, 2, 3)).sqrt()

    fast = set()
    equal_walks(G, walks, 3, distance=rms)
    assert fast == {False}


def test_each_walk_goes_to_its_own_ends(G):
    """In other units, and farther to one side: a turn in degrees is not cut off where the steps of the other end."""
    w, step = G.map(G.sample_z(1, 3))[0], torch.ones(7, dtype=torch.float64) / 7
    far = [Walk(torch.stack([w + scale * a * step for a in at]), at, "w", unit, "linear") for scale, unit, at in
           ((1.0, "sd", (-2.0, 0.0, 3.0)), (0.1, "degrees", (-40.0, 0.0, 40.0)))]  # fmt: skip
    found = equal_walks(G, far, 3, distance="rms", tolerance=1e-4)
    torch.testing.assert_close(torch.tensor(found.walks[0].at), torch.tensor([-2.0, 0, 2]), rtol=1e-3, atol=1e-9)
    torch.testing.assert_close(torch.tensor(found.walks[1].at), torch.tensor([-20.0, 0, 20]), rtol=1e-3, atol=1e-9)
    torch.testing.assert_close(found.changes[0], found.changes[1], rtol=1e-3, atol=1e-9)


def test_what_cannot_be_compared_is_refused(G, walks):
    with pytest.raises(ValueError, match="count must be odd, so that the start is in the middle, got 4"):
        equal_walks(G, walks, 4)
    one_sided = Walk(walks[0].codes[2:], AT[2:], "w", "sd", "linear")
    with pytest.raises(ValueError, match=r"walks must go to both sides of 0, got one at \[0.0, 1.0, 2.0\]"):
        equal_walks(G, [one_sided], 3)
    still = Walk(walks[0].codes[:1].expand(5, -1), AT, "w", "sd", "curve")
    with pytest.raises(ValueError, match="walks must change the picture, got no change at an end of the curve walk"):
        equal_walks(G, [walks[0], still], 3, distance="rms")
    with pytest.raises(ValueError, match="walks must hold at least one, got none"):
        equal_walks(G, [])
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        equal_walks(G, walks, 3, batch=0)
    with pytest.raises(Cancelled):
        equal_walks(G, walks, 3, distance="rms", on_step=lambda step: False)

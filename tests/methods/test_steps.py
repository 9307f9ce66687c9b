"""``alpha`` units along a direction are ``alpha * scale`` along its unit vector, wherever a step is taken."""

import pytest
import torch

from latent_widgets.edits.edit import Edit
from latent_widgets.geometry.effects.equal_change import equal_change
from latent_widgets.geometry.effects.feature_layers import steps_of
from latent_widgets.geometry.walks.walk import walk
from latent_widgets.methods import local_basis, transfer
from latent_widgets.values.directions import Directions
from tests.linear import linear_generator


@pytest.fixture
def G():
    return linear_generator(z_dim=5, w_dim=7)


@pytest.fixture
def basis(G):
    """Its first directions, and the deviation of 2000 latents along each, computed one by one."""
    found = local_basis(G, G.sample_z(1, seed=3), k=3).directions
    w = G.map(G.sample_z(2000, seed=0))
    means = [sum(float(x) for x in w @ row) / 2000 for row in found.vectors]
    squares = [
        sum((float(x) - mean) ** 2 for x in w @ row) / 1999 for row, mean in zip(found.vectors, means, strict=True)
    ]
    return found, torch.tensor(squares, dtype=torch.float64).sqrt()


@pytest.fixture
def stretched(basis):
    """The same directions given by vectors that are not of length one."""
    found, sd = basis
    return Directions(found.vectors * torch.tensor([[3.0], [0.2], [7.0]]).double(), "w", unit="sd", scales=sd)


def test_scales_of_a_local_basis_are_the_deviations_of_latents_along_it(basis):
    found, sd = basis
    torch.testing.assert_close(found.scales, sd)
    assert (sd - 1).abs().min() > 0.05  # or a product could not be told from a quotient


def test_step_is_alpha_times_the_scale_along_the_unit_vector(G, basis, stretched):
    found, sd = basis
    start, units = G.map(G.sample_z(1, seed=7))[0], found.vectors
    for D in (found, stretched):
        torch.testing.assert_close(steps_of(D), sd[:, None] * units)
        for i, alpha in ((0, 1.5), (1, -2.0), (2, 0.25)):
            expected = start + alpha * sd[i] * units[i]
            torch.testing.assert_close(Edit.of(G, seed=7).move(D, i, alpha).code(G).tensor, expected)
            torch.testing.assert_close(walk(G, start, D, at=[alpha], index=i).codes[0], expected)


def test_curve_of_a_linear_mapping_is_the_straight_walk(G, basis, stretched):
    _, sd = basis
    code = Edit.of(G, seed=7).code(G)
    for index in range(3):
        curve = walk(G, code, stretched, at=[-0.4, 0.0, 1.1], index=index, kind="curve")
        straight = walk(G, code, stretched, at=[-0.4, 0.0, 1.1], index=index)
        torch.testing.assert_close(curve.codes, straight.codes)
        assert (curve.unit, curve.at, curve.name) == ("sd", (-0.4, 0.0, 1.1), straight.name)
        torch.testing.assert_close(curve.arc_length, sd[index] * torch.tensor([-0.4, 0.0, 1.1]).double())


def test_change_that_transfers_is_that_of_the_step(G, basis, stretched):
    _, sd = basis
    code, alpha = G.map(G.sample_z(2, seed=5)), 0.7
    mask = torch.zeros(4, 4, dtype=torch.float64)
    mask[1:3, :] = 1
    measured = transfer(G, stretched, code, [mask] * 2, alpha=alpha)
    for i in range(3):
        change = (G.module.synthesis @ (alpha * sd[i] * stretched.unit_vectors[i])).reshape(3, 4, 4)
        inside = change[:, 1:3].square().mean().sqrt()
        torch.testing.assert_close(measured.inside[:, i], inside.expand(2))
        share = change[:, 1:3].square().sum() / change.square().sum()
        torch.testing.assert_close(measured.locality[:, i], share.expand(2))
    # a linear picture has no size: the share of a random step does not depend on its length
    torch.testing.assert_close(measured.chance, transfer(G, stretched, code, [mask] * 2, alpha=0.1).chance)


def test_steps_of_equal_change_are_counted_in_the_units_of_the_directions(G, stretched):
    found = equal_change(G, stretched, G.map(G.sample_z(1, seed=5)), at=[0.3], distance="rms")
    before = G.synthesize(G.map(G.sample_z(1, seed=5)), "w")
    for i, alpha in enumerate(found.alphas.flatten().tolist()):
        step = alpha * stretched.scales[i] * stretched.unit_vectors[i]
        change = G.synthesize(G.map(G.sample_z(1, seed=5)) + step, "w") - before
        assert float(change.square().mean().sqrt()) == pytest.approx(0.3, rel=1e-3)

"""What a long computation tells of its progress: it only grows, and ends at its total."""

import pytest

import latent_widgets as lw
from latent_widgets.geometry.density.cdf import fit_cdf
from tests.linear import linear_generator
from tests.public_calls import corner


@pytest.fixture
def G():
    return linear_generator(z_dim=5, w_dim=7)


CALLS = {
    "random_directions": (lambda G, on: lw.random_directions(G, 2, on_step=on), [(1, 1)]),
    "sefa": (lambda G, on: lw.sefa(lw.load("digits32"), 2, on_step=on), [(1, 1)]),
    "ganspace": (lambda G, on: lw.ganspace(G, 2, samples=30, on_step=on), [(30, 30)]),
    "ganspace of a layer": (
        lambda G, on: lw.ganspace(G, 2, layer="all", samples=300, on_step=on), [(128, 300), (256, 300), (300, 300)],
    ),
    "local bases": (lambda G, on: lw.local_bases(G, G.sample_z(3), on_step=on), [(3, 3)]),
    "local bases of the picture": (
        lambda G, on: lw.local_bases(G, G.sample_z(3), "image", on_step=on), [(1, 3), (2, 3), (3, 3)],
    ),
    "curve_traversal": (
        lambda G, on: lw.curve_traversal(G, G.sample_z(1), steps=2, on_step=on), [(1, 4), (2, 4), (3, 4), (4, 4)],
    ),
    "one side": (
        lambda G, on: lw.curve_traversal(G, G.sample_z(1), steps=2, sides="positive", on_step=on), [(1, 2), (2, 2)],
    ),
    "guided_traversal": (
        lambda G, on: lw.guided_traversal(G, G.sample_z(1), G.code(0), steps=3, on_step=on), [(1, 3), (2, 3), (3, 3)],
    ),
    "warpage": (lambda G, on: lw.warpage(G, 20, 2, on_step=on), [(16, 20), (20, 20)]),
    "dp_lase": (
        lambda G, on: lw.dp_lase(G, layer="image", k=1, steps=3, batch=2, walk="norm", on_step=on),
        [(1, 3), (2, 3), (3, 3)],
    ),
    "feature_directions": (
        lambda G, on: lw.feature_directions(G, "image", 1, codes=3, on_step=on), [(1, 3), (2, 3), (3, 3)],
    ),
    "several regions": (
        lambda G, on: lw.RegionSpectra(G, list(G.map(G.sample_z(2))), on_step=on), [(7, 14), (14, 14)],
    ),
    "lelsd": (
        lambda G, on: lw.lelsd(G, corner(G), steps=3, batch=2, samples=4, on_step=on), None,
    ),
    "equal_change": (lambda G, on: lw.equal_change(G, lw.random_directions(G, 1), G.code(0), on_step=on), None),
    "fit_cdf": (lambda G, on: fit_cdf(G.sample_z(20).flatten(), steps=4, on_step=on), None),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_progress_is_told_as_it_is(G, call):
    compute, expected = CALLS[call]
    steps = []
    compute(G, lambda step: steps.append((step.index, step.total)))
    if expected is not None:
        assert [step for step in steps if step[0]] == expected  # before the first, runs say what they will take
    assert len({total for _, total in steps}) == 1
    indices, total = [index for index, _ in steps], steps[0][1]
    assert indices == sorted(indices)
    assert 0 <= indices[0] <= indices[-1] <= total
    if call == "lelsd":
        assert set(indices) == {0, 1, 2, 3}  # the random directions of the band come before the first step

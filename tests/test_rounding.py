"""What rounding alone decides nowhere: the same question is answered alike by processors that round otherwise."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets import _rounding
from latent_widgets.directions import Directions
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.curves import curve_through
from latent_widgets.geometry.equal_change import equal_change
from latent_widgets.geometry.equal_walks import equal_walks
from latent_widgets.geometry.guided import guided_traversal
from latent_widgets.geometry.walks import Walk
from tests.linear import LinearGenerator
from tests.processors import other_processor

AT = (-2.0, -1.0, 0.0, 1.0, 2.0)
NOISE = 1e-7  # one rounding of a float32


@pytest.fixture
def still():
    """A float32 generator that does not see the last coordinate of `w`, on a processor that rounds otherwise."""
    rng = torch.Generator().manual_seed(0)
    synthesis = torch.randn(48, 7, generator=rng)
    synthesis[:, 6] = 0
    return other_processor(LinearGenerator(torch.randn(7, 7, generator=rng), synthesis))


@pytest.fixture
def make_region():
    """A float32 linear generator of 4 x 4 pixels; its upper half, and the rows of the synthesis that draw it."""

    def make(change):
        rng = torch.Generator().manual_seed(0)
        synthesis = torch.randn(3, 4, 4, 6, generator=rng)
        change(synthesis)
        upper = torch.zeros(4, 4, dtype=torch.bool)
        upper[:2] = True
        return LinearGenerator(torch.eye(6), synthesis.reshape(48, 6)), upper

    return make


# ---- the number of errors


def test_the_shipped_generators_err_by_less_than_is_allowed():
    for name in ("faces64", "digits32", "faces-exact"):
        G = lw.load(name)
        codes = G.sample_z(5, seed=1)
        codes = G.map(codes) if "w" in G.spaces else codes
        many, single = G.synthesize(codes), torch.cat([G.synthesize(code[None]) for code in codes])
        gap = (many - single).square().mean().sqrt()
        assert bool(_rounding.negligible(4 * gap, many.square().mean().sqrt(), many.dtype))


def test_equals_keep_their_order_and_the_first_largest_is_found():
    assert _rounding.ranked(torch.tensor([1.0, 1.0 + NOISE, 3.0, 3.0 - 2 * NOISE, 2.0])).tolist() == [2, 3, 4, 0, 1]
    assert _rounding.ranked(torch.tensor([])).tolist() == []
    values = torch.tensor([[0.5, 0.5 + NOISE], [0.9, 0.2]])
    assert _rounding.first_largest(values, 1).tolist() == [0, 0]
    assert _rounding.first_largest(values, 0).tolist() == [1, 0]


def test_same_numbers_of_another_type_or_device_are_the_same():
    a = torch.randn(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert _rounding.same(a, a.float())
    assert _rounding.same(a.bfloat16(), a)
    assert not _rounding.same(a, a + 1e-9)
    assert not _rounding.same(a.bfloat16(), a + 0.02)
    assert not _rounding.same(a, a[:1])
    assert not _rounding.same(a, a * torch.nan)


# ---- walks and steps


@pytest.mark.parametrize("distance", ["rms", "lap1", lambda a, b: (a - b).square().mean((1, 2, 3))])
def test_a_walk_that_does_not_move_is_refused(still, distance):
    codes = torch.zeros(5, 7) + torch.arange(1.0, 8.0)
    codes[:, 6] += torch.tensor(AT)
    walk = Walk(codes, AT, "w", "latent", "linear")
    with pytest.raises(ValueError, match="walks must change the picture, got none at an end of the linear one"):
        equal_walks(still, [walk], 3, distance=distance)
    codes[:, 0] += 1e-2 * torch.tensor(AT)  # faint, but there
    found = equal_walks(still, [Walk(codes, AT, "w", "latent", "linear")], 3, distance=distance, tolerance=0.1)
    assert bool((found.changes[0, [0, 2]] > 0).all())


def test_a_direction_that_does_nothing_reaches_no_change(still):
    D = Directions(torch.eye(7)[[6, 0]], "w")
    found = equal_change(still, D, torch.arange(1.0, 8.0), at=[1e-6, 0.1], distance="rms")
    assert found.reached[:, 0].tolist() == [[False, False], [True, True]]
    assert found.changes[0].tolist() == [[0, 0]]


def test_positions_on_a_knot_have_the_match_and_the_index_of_that_knot():
    G = ExactFaces(resolution=16, dtype=torch.float64)
    z, direction = G.sample_z(1, seed=3)[0], torch.eye(G.w_dim, dtype=torch.float64)[0]
    steps, reach = 7, 1.1
    lengths = [sign * reach / steps * i for sign in (1, -1) for i in range(steps + 1)]
    exact = curve_through(G, z, direction, lengths, steps=steps)
    for factor in (1 - 1e-15, 1 + 1e-15):
        near = [length * (factor if abs(length) < reach * 0.99 else 1) for length in lengths]
        found = curve_through(G, z, direction, near, steps=steps)
        torch.testing.assert_close(found.cosines, exact.cosines)
        assert found.indices.tolist() == exact.indices.tolist()


def test_rows_of_rounding_guide_nothing(tiny):
    z, guide = tiny.sample_z(1), torch.zeros(6, 6, dtype=torch.float64)
    guide[1] = torch.eye(6, dtype=torch.float64)[2]
    noisy = guide.clone()
    noisy[4, 3] = 1e-16
    whole, other = (guided_traversal(tiny, z, one, steps=3) for one in (guide, noisy))
    torch.testing.assert_close(other.codes, whole.codes)


def test_rows_that_cancel_leave_no_line_to_deviate_from(tiny):
    guide = torch.zeros(6, 6, dtype=torch.float64)
    guide[1] = torch.arange(1.0, 7.0, dtype=torch.float64)
    guide[4] = -guide[1]
    guide[4, 5] *= 1 + 4e-16
    walk = guided_traversal(tiny, tiny.sample_z(1), guide, steps=3, spread=0.2)  # so that they do not stand still
    torch.testing.assert_close(walk.deviation, (walk.codes - walk.codes[0]).norm(dim=1))


def test_a_great_circle_of_any_type_knows_what_is_parallel():
    z = torch.randn(512, generator=torch.Generator().manual_seed(0))
    for dtype in (torch.bfloat16, torch.float32, torch.float64):
        code = z.to(dtype)
        with pytest.raises(ValueError, match="direction must not be parallel to the code on a great circle"):
            lw.geometry.walks.great_circle(code, 3 * code, torch.ones(1, dtype=dtype))

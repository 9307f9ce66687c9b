"""Where walks leave a generator's own pictures: laws of generators whose own pictures are known, and plain loops."""

import numpy as np
import pytest
import torch

import latent_widgets as lw
from latent_widgets import Cancelled
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.geometry.walks.own_pictures import KEPT, OwnPictures, own_pictures_of, own_reach, wilson
from latent_widgets.values.directions import Directions
from tests.linear import linear_generator
from tests.ramps import EDGE, RampGenerator

AT = (0.0, 0.2, 0.4, 0.47, 0.56, 0.8)


@pytest.fixture
def G():
    return RampGenerator()


@pytest.fixture
def brighter():
    return Directions(torch.eye(2, dtype=torch.float64)[:1], "w", names=["brighter"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_walk_leaves_an_interval_of_pictures_at_its_end(brighter, dtype):
    found = own_reach(RampGenerator(dtype=dtype), brighter, AT, truncation=0.0, neighbours=8)
    assert (found.shares, found.reach, found.left) == ((1, 1, 1, 1, 0, 0), 0.47, True)
    assert found.reach < EDGE < 0.56
    assert found.ceiling > 0.8


def test_scaling_the_unit_scales_the_reach(G, brighter):
    double = Directions(brighter.vectors, "w", scales=[2.0])
    one, two = own_reach(G, brighter), own_reach(G, double)
    assert one.shares == two.shares
    assert one.left
    assert one.reach == pytest.approx(2 * two.reach)
    deviations = own_reach(G, brighter.in_unit("sd", G))
    assert deviations.reach * float(brighter.in_unit("sd", G).scales[0]) == pytest.approx(one.reach)


def test_a_direction_that_does_nothing_never_leaves(G):
    still = Directions(torch.eye(2, dtype=torch.float64)[1:], "w", unit="latent")
    found = own_reach(G, still, [0, 1, 100])
    assert len(set(found.shares)) == 1
    assert (found.reach, found.left) == (100, False)


def test_each_direction_is_walked(G):
    both = Directions(torch.eye(2, dtype=torch.float64).flip(0), "w")
    found = own_reach(G, both, [0, 5], starts=1, truncation=0.0, neighbours=8)
    assert (found.count, found.shares[1]) == (4, 0.5)


def test_what_comes_back_after_the_end_does_not_count():
    """A picture that goes round: bright as the sine of the code, of which own codes see a small part."""

    class Round(RampGenerator):
        def _synthesize(self, code, space):
            return super()._synthesize(torch.sin(code), space)

    D = Directions(torch.eye(2, dtype=torch.float64)[:1], "w")
    found = own_reach(Round(), D, [0, 0.4, 1.5, 3.0], truncation=0.0, neighbours=8)
    assert (found.shares, found.reach, found.left) == ((1, 1, 0, 1), 0.4, True)


def test_balls_are_those_of_plain_loops():
    G = ExactFaces(resolution=32)
    found = own_pictures_of(G, own=9, neighbours=2, seed=4)
    x = G(G.sample_z(9 + 4, 4)).clamp(-1, 1).double().numpy()
    small = x.reshape(13, 3, 16, 2, 16, 2).mean((3, 5)).reshape(13, -1)
    own, fresh = small[:9], small[9:]
    radii = [sorted(np.sqrt(((a - b) ** 2).sum()) for b in own)[2] for a in own]
    radii = np.minimum(radii, np.quantile(radii, 0.75))  # none is wider than three quarters of them
    np.testing.assert_allclose(found.features, own, atol=1e-6)
    np.testing.assert_allclose(found.radii, radii, rtol=1e-6)
    near = [any(np.sqrt(((a - b) ** 2).sum()) <= r for b, r in zip(own, radii, strict=True)) for a in fresh]
    assert found.ceiling == pytest.approx(np.mean(near))
    assert found.inside(torch.from_numpy(x[9:])).tolist() == near


def test_shares_are_those_of_pictures_drawn_by_hand():
    G = linear_generator()
    D = lw.random_directions(G, k=3).in_unit("sd", G)
    found = own_reach(G, D, [0, 1, 3, 9], truncation=0.0, starts=6, own=40)
    own = own_pictures_of(G, own=40)
    by_hand = [[G.w_avg + sign * a * s * v for s, v in zip(D.scales, D.unit_vectors, strict=True) for sign in (1, -1)]
               for a in found.at]  # fmt: skip
    assert found.shares == tuple(float(own.inside(G.synthesize(torch.stack(w))).double().mean()) for w in by_hand)
    assert found.pictures == 40 + 20 + 6 + 3 * 12


def test_fewer_neighbours_make_smaller_balls(G):
    radii = [own_pictures_of(G, neighbours=k).radii for k in (1, 3, 8)]
    assert bool((radii[0] <= radii[1]).all() and (radii[1] <= radii[2]).all())


def test_steps_are_measured_until_walks_have_left(G, brighter):
    found = own_reach(G, brighter)
    assert found.left
    assert found.intervals[-1, 1] < KEPT * found.ceiling
    assert bool((found.intervals[:-1, 1] >= KEPT * found.ceiling).all())
    assert found.share >= KEPT * found.ceiling
    assert found.words == (
        f"reach {found.reach:.3g} latent: {100 * found.share:.0f} % of such pictures are still the generator's own, "
        f"of fresh ones {100 * found.ceiling:.0f} %"
    )
    assert "reach at least" in own_reach(G, brighter, [0, 1e-6]).words


def test_the_same_seed_gives_the_same(G, brighter):
    one, two, other = (own_reach(G, brighter, seed=seed, batch=batch) for seed, batch in ((3, 32), (3, 7), (4, 32)))
    assert (one.shares, one.ceiling) == (two.shares, two.ceiling)
    assert (one.shares, one.ceiling) != (other.shares, other.ceiling)


def test_own_pictures_serve_several_measurements(G, brighter):
    own = own_pictures_of(G)
    one, two = own_reach(G, brighter), own_reach(G, brighter, own_pictures=own)
    assert one.shares == two.shares
    assert one.pictures == two.pictures + len(own.features) + own.fresh


@pytest.mark.parametrize("side", [1, (1, 5), (40, 24)])
def test_pictures_of_any_size(brighter, side):
    found = own_reach(RampGenerator(side=side), brighter, AT, truncation=0.0, neighbours=8)
    assert found.reach == 0.47


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_generator_of_one_picture_never_leaves_it(dtype):
    G = RampGenerator(collapsed=True, dtype=dtype)
    found = own_reach(G, Directions(torch.eye(2), "w"), [0, 1, 50])
    assert (found.ceiling, found.shares, found.left) == (1, (1, 1, 1), False)


def test_a_picture_that_is_none_is_not_own(brighter):
    found = own_reach(RampGenerator(broken=0.55), brighter, AT, truncation=0.0, neighbours=8)
    assert found.shares == (1, 1, 1, 1, 0, 0)
    with pytest.raises(ValueError, match="the generator must draw finite pictures to be measured, got 0 of 8"):
        own_reach(RampGenerator(broken=-1.0), brighter, AT, own=8)


def test_what_is_white_cannot_be_whiter(brighter):
    white = torch.full((1, 3, 4, 4), 3.0, dtype=torch.float64)
    own = OwnPictures(torch.ones(1, 48, dtype=torch.float64), torch.zeros(1, dtype=torch.float64))
    assert own.inside(white).tolist() == [True]
    assert own.inside(white / 4).tolist() == [False]


def test_without_a_mapping_and_with_classes():
    plain = RampGenerator(mapped=False)
    plain.module.gain *= 0.1  # nothing of it is white
    found = own_reach(plain, Directions(torch.eye(2, dtype=torch.float64)[:1], "z"), [0, 9], truncation=0.5)
    assert (found.reach, found.left) == (0, True)
    network = StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}, c_dim=2)
    classes = [own_reach(StyleGenerator(network, condition=c), Directions(torch.eye(5), "w"), [0, 1]) for c in (0, 1)]
    assert classes[0].shares != classes[1].shares or classes[0].ceiling != classes[1].ceiling


@pytest.mark.parametrize("space", ["z", "w", "w+", "s"])
def test_directions_of_every_space(space):
    G = StyleGenerator(StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}))
    shape = (2, G.num_layers, 5) if space == "w+" else (2, G.dim(space))
    D = Directions(torch.randn(shape, generator=torch.Generator().manual_seed(0)), space)
    found = own_reach(G, D, [0, 1], truncation=0.7, starts=4, own=10)
    assert all(0 <= share <= 1 for share in found.shares)
    one = own_reach(G, D[0], [0, 1], truncation=0.7, starts=4, own=10)
    assert one.shares[0] == found.shares[0]  # no step is the same step in every direction


def test_rows_of_some_layers():
    """Directions on all rows of w+ are those of w; on one row they do less."""
    G = linear_generator()
    every, some = (Directions(torch.eye(7, dtype=torch.float64), "w", layers=rows) for rows in (None, (0,)))
    all_rows, first_row = (own_reach(G, D, [0, 1, 3, 9], own=60) for D in (every, some))
    third = own_reach(G, every, [0, 1 / 3, 1, 3], own=60)
    assert first_row.shares == third.shares != all_rows.shares


def test_a_run_can_be_watched_and_ended(G, brighter):
    seen = []
    found = own_reach(G, brighter, AT, on_step=lambda step: seen.append((step.index, step.total, step.value)))
    assert seen == [(i + 1, len(AT), share) for i, share in enumerate(found.shares)]
    with pytest.raises(Cancelled):
        own_reach(G, brighter, AT, on_step=lambda step: step.index < 2)


def test_intervals_are_wilsons():
    found = own_reach(RampGenerator(), Directions(torch.eye(2, dtype=torch.float64)[:1], "w"), [0, 0.3], starts=5)
    for count, share, (low, high) in zip((5, 10), found.shares, found.intervals.tolist(), strict=True):
        assert 0 <= low <= share <= high <= 1
        for end in (low, high):  # each end is the share from which the one seen is 1.96 standard errors away
            assert (share - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / count, rel=1e-6, abs=1e-9)
    assert wilson(0, 1) == pytest.approx((0, 3.8414588 / 4.8414588), abs=1e-6)


def test_what_cannot_be_measured_is_refused(G, brighter):
    for at in ([0.0], [1.0, 2.0], [0.0, 2.0, 2.0], [0.0, -1.0]):
        with pytest.raises(ValueError, match=r"at must hold steps that rise from 0, got \[.*\]. Use \[0, 1, 2, 4\]"):
            own_reach(G, brighter, at)
    with pytest.raises(ValueError, match="own must be at least 4, got 3"):
        own_reach(G, brighter, own=3)
    with pytest.raises(ValueError, match="own must be at least 9, got 8"):
        own_reach(G, brighter, own=8, neighbours=8)
    with pytest.raises(ValueError, match="neighbours must be at least 1, got 0"):
        own_reach(G, brighter, neighbours=0)
    with pytest.raises(ValueError, match="starts must be at least 1, got 0"):
        own_reach(G, brighter, starts=0)
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        own_reach(G, brighter, batch=0)
    with pytest.raises(ValueError, match="truncation must be finite, got nan"):
        own_reach(G, brighter, truncation=float("nan"))
    with pytest.raises(ValueError, match=r"the generator must compute in float32 or float64 .*, got torch.bfloat16"):
        own_reach(RampGenerator(dtype=torch.bfloat16), brighter)
    away = RampGenerator()
    away.module.to("meta")
    with pytest.raises(ValueError, match="the generator must have its weights to draw, got it on the meta device"):
        own_reach(away, brighter)

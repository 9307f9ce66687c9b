"""A search for one mask, against the dense solution in float64."""

import math

import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.geometry.regions.search import COARSE
from tests.linear import linear_generator
from tests.region_twin import best_locality, dense, energies

D = 24


@pytest.fixture(scope="module")
def G():
    """32 px, with a small picture of 16."""
    torch.manual_seed(3)
    module = StyleGAN2(z_dim=D, w_dim=D, resolution=32, channels={4: 24, 8: 24, 16: 16, 32: 8}, mapping_layers=2)
    return StyleGenerator(module.double(), "small")


@pytest.fixture(scope="module")
def mask():
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[7:13, 11:23] = True
    return inside


@pytest.mark.parametrize("seed", [1, 4])
def test_a_settled_search_finds_the_dense_solution(G, mask, seed):
    found = lw.RegionSpectra.for_mask(G, G.code(seed), mask, 3, angle=0.05)
    assert found.seen.stopped == "settled"
    J = dense(G, G.code(seed))
    own = found.directions(mask, 3).unit_vectors
    within, beside = energies(J, mask, own)
    torch.testing.assert_close(within / (within + beside), best_locality(J, mask), rtol=0.02, atol=0)


def test_without_a_small_picture_too():
    G = linear_generator(z_dim=9, w_dim=9, side=12)
    region = torch.zeros(12, 12, dtype=torch.bool)
    region[2:7, 3:11] = True
    found = lw.RegionSpectra.for_mask(G, G.code(0), region, 3, angle=0.01)
    within, beside = energies(G.module.synthesis, region, found.directions(region, 3).unit_vectors)
    torch.testing.assert_close(within / (within + beside), best_locality(G.module.synthesis, region), rtol=0.02, atol=0)


def test_it_works_in_rows_of_w_plus(G, mask):
    code, rows = G.broadcast(G.code(2)[None])[0], [1, 3, 4]
    found = lw.RegionSpectra.for_mask(G, lw.Code(code, "w+"), mask, 2, rows=rows, angle=0.05)
    assert found.directions(mask, 2).layers == tuple(rows)
    J = dense(G, code, rows=rows, space="w+")
    own = found.directions(mask, 2).unit_vectors[:, rows].flatten(1)
    within, beside = energies(J, mask, own / own.norm(dim=1, keepdim=True))
    torch.testing.assert_close(within / (within + beside), best_locality(J, mask, 2), rtol=0.02, atol=0)


def test_what_was_looked_at_is_the_jacobian_along_its_basis(G, mask):
    found = lw.RegionSpectra.for_mask(G, G.code(1), mask, 3, pictures=30)
    r = found.basis.shape[1]
    torch.testing.assert_close(found.basis.T @ found.basis, torch.eye(r, dtype=torch.float64))
    half = dense(G, G.code(1)) @ found.basis
    torch.testing.assert_close(found.total, half.T @ half)
    assert found.pooled_size == G.picture_size
    assert found.seen.side == 32
    assert found.seen.directions == r < D


def test_the_first_directions_come_early_and_get_better(G, mask):
    J, shares = dense(G, G.code(1)), []

    def look(step):
        within, beside = energies(J, mask, step.value.directions(mask, 1).unit_vectors)
        shares.append((step.index, float(within / (within + beside))))

    lw.RegionSpectra.for_mask(G, G.code(1), mask, 2, pictures=60, on_step=look)
    best = float(best_locality(J, mask, 1))
    assert [index for index, _ in shares] == sorted(index for index, _ in shares)
    assert shares[0][0] == round(COARSE)  # the small picture alone
    assert shares[-1][1] > 0.97 * best
    assert max(share for index, share in shares if index <= 12) > 0.6 * best
    assert min(share for index, share in shares if index > 30) > 0.9 * best


def test_a_budget_is_kept_recorded_and_replays(G, mask):
    first, again = (lw.RegionSpectra.for_mask(G, G.code(1), mask, 3, pictures=21) for _ in range(2))
    assert 18 < first.seen.pictures <= 21
    assert first.seen.stopped == "budget"
    assert torch.equal(first.basis, again.basis)
    assert torch.equal(first.total, again.total)


@pytest.mark.parametrize("pictures", [10, 12, 35, 51, 53, 55, 58])
def test_no_budget_is_exceeded(G, mask, pictures):
    found = lw.RegionSpectra.for_mask(G, G.code(1), mask, 3, angle=0.0, pictures=pictures)
    assert pictures - 5 < found.seen.pictures <= pictures or found.seen.directions == D
    assert found.seen.stopped


def test_seconds_end_a_search_and_say_what_they_came_to(G, mask, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr("latent_widgets.geometry.regions.partial.time.monotonic", lambda: next(clock) / 2)
    timed = lw.RegionSpectra.for_mask(G, G.code(1), mask, 3, seconds=15)
    assert timed.seen.stopped == "budget"
    monkeypatch.undo()
    same = lw.RegionSpectra.for_mask(G, G.code(1), mask, 3, pictures=math.ceil(timed.seen.pictures))
    assert torch.equal(timed.basis, same.basis)


def test_a_cancelled_search_keeps_what_there_is(G, mask):
    found = lw.RegionSpectra.for_mask(G, G.code(1), mask, 2, on_step=lambda step: step.index < 12)
    assert found.seen.stopped == "cancelled"
    assert 12 <= round(found.seen.pictures) < 16
    assert len(found.directions(mask, 2)) == 2


def test_what_was_seen_is_not_looked_at_again(G, mask):
    first = lw.RegionSpectra.for_mask(G, G.code(1), mask, 2, pictures=40)
    moved = mask.roll(5, 0)
    fresh = lw.RegionSpectra.for_mask(G, G.code(1), moved, 2, angle=0.5)
    again = lw.RegionSpectra.for_mask(G, G.code(1), moved, 2, angle=0.5, start=first)
    assert again.seen.reused == first.basis.shape[1]
    assert fresh.seen.reused == 0
    torch.testing.assert_close(again.basis[:, : again.seen.reused], first.basis)
    assert again.seen.pictures < fresh.seen.pictures


def test_a_search_nearby_begins_with_the_directions_of_before(G, mask):
    first = lw.RegionSpectra.for_mask(G, G.code(1), mask, 2)
    near = G.code(1) + 0.02 * G.code(8)
    pictures = 10
    J = dense(G, near)
    shares = []
    for start in (first, None):
        found = lw.RegionSpectra.for_mask(G, near, mask, 2, pictures=pictures, start=start)
        within, beside = energies(J, mask, found.directions(mask, 1).unit_vectors)
        shares.append(float(within / (within + beside)))
    assert shares[0] > shares[1]
    assert shares[0] > 0.95 * float(best_locality(J, mask, 1))


def test_all_of_it_seen_gives_the_numbers_of_a_whole_pass():
    G = linear_generator(z_dim=4, w_dim=4, side=12)
    region = torch.zeros(12, 12, dtype=torch.bool)
    region[2:9, 4:7] = True
    found = lw.RegionSpectra.for_mask(G, G.code(0), region, 4, angle=0.0)
    whole = lw.RegionSpectra(G, G.code(0), size=12)
    assert found.seen.directions == 4
    assert found.seen.energy == pytest.approx(1)
    for mine, other in zip(*([R.spectrum(m) for m in (region, region.T)] for R in (found, whole)), strict=True):
        assert mine.chance == pytest.approx(other.chance)
        torch.testing.assert_close(mine.singular_values, other.singular_values)
    mine, other = (R.directions(region, 2).scores for R in (found, whole))
    for name in ("locality", "chance", "outside per inside"):
        torch.testing.assert_close(mine[name], other[name])


def test_estimates_of_chance_are_near(G, mask):
    estimated = lw.RegionSpectra.for_mask(G, G.code(1), mask, 3, pictures=40).directions(mask, 1).scores["chance"]
    true = lw.RegionSpectra(G, G.code(1)).directions(mask, 1).scores["chance"]
    assert 0.5 < float(estimated / true) < 2


def test_a_small_part_of_a_large_picture_is_looked_at_in_full_size():
    torch.manual_seed(0)
    channels = {4: 16, 8: 16, 16: 16, 32: 16, 64: 12, 128: 8, 256: 8}
    G = StyleGenerator(StyleGAN2(z_dim=10, w_dim=10, resolution=256, channels=channels, mapping_layers=2), "large")
    part = torch.zeros(256, 256, dtype=torch.bool)
    part[101:107, 57:63] = True
    J = dense(G, G.code(2)).double()
    found = lw.RegionSpectra.for_mask(G, G.code(2), part, 1)
    within, beside = energies(J, part, found.directions(part, 1).unit_vectors)
    assert float(within / (within + beside)) > 0.9 * float(best_locality(J, part, 1))


def test_memory_ends_a_search(G, mask):
    bytes_of_one = 3 * 32 * 32 * 8
    found = lw.RegionSpectra.for_mask(G, G.code(1), mask, 3, angle=0.0, budget_bytes=2 * 6 * bytes_of_one)
    assert found.seen.stopped == "memory"
    assert found.basis.shape[1] <= 7


def test_it_says_what_was_seen(G, mask):
    found = lw.RegionSpectra.for_mask(G, G.code(1), mask, 2, pictures=30)
    assert "of the change seen along" in repr(found)
    assert "32 px" in str(found.seen)
    assert "not yet settled" in str(lw.RegionSpectra.for_mask(G, G.code(1), mask, 2, pictures=10).seen)
    assert ", settled;" in str(lw.RegionSpectra.for_mask(G, G.code(1), mask, 1).seen)
    assert 0 < found.seen.energy <= 1
    assert 0 < found.seen.variance <= 1
    assert lw.RegionSpectra(G, G.code(1)).seen is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pictures": 30, "seconds": 2}, "pictures or seconds must be given, not both"),
        ({"pictures": 3}, "pictures must be at least 10"),
        ({"seconds": -1}, "seconds must be"),
        ({"angle": 91}, "angle must be"),
        ({"k": 0}, "k must be"),
        ({"budget_bytes": 0}, "budget_bytes must be"),
        ({"channels": "cmyk"}, "channels must be"),
        ({"tolerance": -1}, "tolerance must be"),
    ],
)
def test_wrong_arguments_are_refused(G, mask, options, message):
    with pytest.raises(ValueError, match=message):
        lw.RegionSpectra.for_mask(G, G.code(1), mask, **options)


def test_a_mask_of_everything_or_nothing_is_refused(G, mask):
    with pytest.raises(ValueError, match="mask must leave a part of the picture out"):
        lw.RegionSpectra.for_mask(G, G.code(1), torch.ones(32, 32))
    with pytest.raises(ValueError, match="mask must select at least one pixel"):
        lw.RegionSpectra.for_mask(G, G.code(1), torch.zeros(32, 32))


def test_a_region_that_never_answers_is_refused():
    G = linear_generator(z_dim=4, w_dim=4, side=12)
    silent = torch.zeros(12, 12, dtype=torch.bool)
    silent[:4] = True
    G.module.synthesis.reshape(3, 12, 12, 4)[:, silent] = 0
    with pytest.raises(ValueError, match="mask must cover pixels that answer to the latent"):
        lw.RegionSpectra.for_mask(G, G.code(0), silent, 1)


def test_a_start_of_other_rows_is_refused(G, mask):
    first = lw.RegionSpectra.for_mask(G, G.code(1), mask, 1, rows=[1, 2], pictures=12)
    with pytest.raises(ValueError, match="start must be in the space and the rows of the code"):
        lw.RegionSpectra.for_mask(G, G.code(1), mask, 1, start=first)

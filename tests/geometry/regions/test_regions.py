"""Grams of regions: additivity, a dense twin, disjoint supports, and the true factors of rendered parts."""

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn

from latent_widgets import Code, Mask
from latent_widgets.faces.renderer import PARTS, factors_of_part, render
from latent_widgets.generators.base import Generator
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.generators.zoo import load
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.regions.solvers import check_count
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.geometry.subspaces.grassmann import principal_angles
from latent_widgets.readers.regressor import load_regressor
from tests.linear import LinearGenerator
from tests.reference import best_directions, disc, localities

SIZE = 16


class Halves(Generator):
    """A picture whose left half follows the first coordinates only and whose right half the others only."""

    def __init__(self, d=10, split=4):
        generator = torch.Generator().manual_seed(3)
        matrix = torch.randn(3, SIZE, SIZE, d, generator=generator, dtype=torch.float64)
        matrix[:, :, : SIZE // 2, split:] = 0
        matrix[:, :, SIZE // 2 :, :split] = 0
        module = nn.ParameterList([nn.Parameter(matrix)])
        super().__init__(module, name="halves", spaces=("z",), z_dim=d, resolution=SIZE)

    def _synthesize(self, code, space):
        return torch.einsum("chwd,nd->nchw", self.module[0], code)


@pytest.fixture(scope="module")
def halves():
    return Halves()


@pytest.fixture
def spectra(tiny):
    return RegionSpectra(tiny, tiny.code(seed=2), tiles=5)


@pytest.fixture
def dense(tiny):
    f = image_function(tiny, tiny.code(seed=2))
    return JacobianOperator(f, f.x0).dense().reshape(3, SIZE, SIZE, -1)


@pytest.fixture(scope="module")
def random_mask():
    """Makes masks of scattered pixels, bool or soft."""

    def make(seed, soft=False):
        values = torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return values if soft else values > 0.6

    return make


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_gram_of_any_mask_is_that_of_the_dense_jacobian(spectra, dense, random_mask, seed, soft):
    mask = random_mask(seed, soft)
    weighted = (dense * mask.double().sqrt()[:, :, None]).reshape(-1, dense.shape[-1])
    grams = spectra.grams(mask)
    torch.testing.assert_close(grams.inside, weighted.T @ weighted, rtol=1e-9, atol=1e-12)
    assert grams.area == pytest.approx(float(mask.double().sum()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(3))
def test_grams_of_disjoint_masks_add(tiny, seed, dtype):
    G = tiny.to(dtype=dtype)
    R = RegionSpectra(G, G.code(seed=seed), tiles=5)
    owner = torch.randint(0, 4, (SIZE, SIZE), generator=torch.Generator().manual_seed(seed))
    apart = [R.grams(owner == i).inside for i in range(4)]
    bound = 1e-5 * float(R.total.norm())
    assert float((sum(apart[:3]) - R.grams(owner < 3).inside).norm()) < bound
    assert float((sum(apart) - R.total).norm()) < bound
    assert float((R.grams(owner == 0).outside - sum(apart[1:])).norm()) < bound


def test_whole_tiles_and_cut_tiles_agree(tiny):
    few, many = (RegionSpectra(tiny, tiny.code(seed=2), tiles=tiles) for tiles in (2, 16))
    mask = disc(SIZE, 5)
    torch.testing.assert_close(few.grams(mask).inside, many.grams(mask).inside, rtol=1e-9, atol=1e-12)


def test_several_latents_are_averaged(tiny):
    codes = torch.stack([tiny.code(seed) for seed in (1, 2, 3)])
    mask = disc(SIZE, 4)
    apart = [RegionSpectra(tiny, code).grams(mask).inside for code in codes]
    torch.testing.assert_close(RegionSpectra(tiny, codes).grams(mask).inside, sum(apart) / 3, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_rank_of_a_region_does_not_depend_on_its_scale(scale):
    energies = scale * torch.tensor([1.0, 1e-3, 1e-15, 0.0], dtype=torch.float64)
    assert check_count(2, energies) == 2
    with pytest.raises(ValueError, match="k must be at most 2, the rank of the region, got 3"):
        check_count(3, energies)


def test_codes_of_w_plus_are_averaged_too(tiny):
    codes = (
        tiny.broadcast(torch.stack([tiny.code(seed) for seed in (1, 2)])) + torch.randn(2, tiny.num_layers, 6).double()
    )
    mask = disc(SIZE, 4)
    apart = [RegionSpectra(tiny, Code(code, "w+")).grams(mask).inside for code in codes]
    torch.testing.assert_close(RegionSpectra(tiny, codes).grams(mask).inside, sum(apart) / 2, rtol=1e-9, atol=1e-12)


def test_selected_rows_are_the_jacobian_of_these_rows(tiny):
    code = tiny.broadcast(tiny.code(seed=2)[None])
    f = image_function(tiny, code, [1, 3])
    J = JacobianOperator(f, f.x0).dense()
    R = RegionSpectra(tiny, code, rows=[1, 3])
    torch.testing.assert_close(R.total, J.T @ J, rtol=1e-9, atol=1e-12)
    D = R.directions(disc(SIZE, 4), k=2)
    assert D.space == "w+"
    assert D.layers == (1, 3)
    outside = [row for row in range(tiny.num_layers) if row not in (1, 3)]
    assert bool((D.vectors[:, outside] == 0).all())


def test_reduced_basis_states_what_it_loses(tiny):
    whole, reduced = (RegionSpectra(tiny, tiny.code(seed=2), rank=rank) for rank in (None, 3))
    assert whole.discarded == 0.0
    assert 0 < reduced.discarded < 1
    lost = 1 - reduced.total.trace() / whole.total.trace()
    assert lost < reduced.discarded + 1e-9
    projected = reduced.basis.T @ whole.total @ reduced.basis
    torch.testing.assert_close(reduced.total, projected.double(), rtol=1e-8, atol=1e-10)
    energies = reduced.total.diagonal()
    assert bool((energies.diff() < 0).all())  # the loudest first
    torch.testing.assert_close(energies, torch.linalg.eigvalsh(whole.total).flip(0)[:3])


def test_luminance_and_chroma_part_the_change(tiny):
    code, mask = tiny.code(seed=2), disc(SIZE, 4)
    grey = RegionSpectra(tiny, code, channels="luminance")
    f = image_function(tiny, code)
    J = JacobianOperator(
        lambda x: torch.tensordot(f(x).new_tensor([0.2126, 0.7152, 0.0722]), f(x), 1)[None], f.x0, mask
    )
    torch.testing.assert_close(grey.grams(mask).inside, J.gram(), rtol=1e-9, atol=1e-12)
    assert grey.grams(mask).channels == 1
    assert RegionSpectra(tiny, code, channels="chroma").grams(mask).channels == 3


def test_mean_of_the_channels_is_one_number_a_pixel(tiny):
    code, mask = tiny.code(seed=2), disc(SIZE, 4)
    f = image_function(tiny, code)
    J = JacobianOperator(lambda x: f(x).mean(0, keepdim=True), f.x0, mask)
    found = RegionSpectra(tiny, code, channels="mean").grams(mask)
    torch.testing.assert_close(found.inside, J.gram(), rtol=1e-9, atol=1e-12)
    assert found.channels == 1


@pytest.mark.parametrize("solver", ["generalized", "projection"])
def test_disjoint_supports_give_exact_directions(halves, solver):
    R = RegionSpectra(halves, halves.sample_z(1)[0])
    left = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    left[:, : SIZE // 2] = True
    D = R.directions(left, k=4, tolerance=1e-9, solver=solver, cut=6 if solver == "projection" else None)
    assert float(D.vectors[:, 4:].abs().max()) < 1e-9
    torch.testing.assert_close(D.scores["locality"], torch.ones(4, dtype=torch.float64), rtol=0, atol=1e-12)
    if solver == "projection":
        torch.testing.assert_close(D.scores["kept norm"], torch.ones(4, dtype=torch.float64), rtol=0, atol=1e-9)


def test_one_unit_changes_the_inside_by_one_rms(halves):
    z = halves.sample_z(1)[0]
    mask = disc(SIZE, 5)
    D = RegionSpectra(halves, z).directions(mask, k=3)
    for single in D:
        change = halves.synthesize(z + 0.1 * single.scales[0] * single.unit_vectors[0]) - halves.synthesize(z)
        assert float(change[0][:, mask].square().mean().sqrt()) == pytest.approx(0.1, rel=1e-9)


def test_generalized_moves_more_inside_at_equal_locality(tiny):
    R, mask = RegionSpectra(tiny, tiny.code(seed=2)), disc(SIZE, 4)
    g = R.grams(mask)
    projected = R.directions(mask, k=1, solver="projection", cut=2)
    best = R.directions(mask, k=1, tolerance=0.0)
    assert float(best.scores["locality"][0]) >= float(projected.scores["locality"][0]) - 1e-9
    ratio = torch.linalg.eigvals(torch.linalg.solve(g.outside, g.inside)).real.max()
    found = best.scores["locality"][0]
    torch.testing.assert_close(found / (1 - found), ratio, rtol=1e-6, atol=0)


def test_spectrum_is_that_of_the_masked_jacobian(tiny, spectra, dense):
    mask = disc(SIZE, 5)
    values = torch.linalg.svdvals(dense[:, mask].reshape(-1, dense.shape[-1])) / (3 * int(mask.sum())) ** 0.5
    found = spectra.spectrum(mask)
    torch.testing.assert_close(found.singular_values, values, rtol=1e-6, atol=1e-9)
    assert found.chance == pytest.approx(float(values.square().mean().sqrt()), rel=1e-6)


@pytest.fixture(scope="module")
def faces_regions():
    """faces64 at three latents, with the parts that its pictures show, read by the regressor and drawn again."""
    G, read, found = load("faces64"), load_regressor(), []
    for seed in range(3):
        w = G.code(seed)
        with torch.no_grad():
            drawn = render(read(G.synthesize(w[None])), G.resolution).parts[0]
        masks = {part: drawn[PARTS.index(part)] > 0.5 for part in ("eyes", "mouth", "hair")}
        found.append((RegionSpectra(G, w), masks))
    return found


def test_one_unit_of_rows_changes_the_inside_by_one_rms(tiny):
    code, mask = tiny.broadcast(tiny.code(seed=2)[None]), disc(SIZE, 4)
    for shared in (False, True):
        (D,) = RegionSpectra(tiny, code, rows=[1, 3], shared=shared).directions(mask, k=1)
        step = torch.zeros_like(code[0])
        step[[1, 3]] = (D.unit_vectors[0, [1, 3]] if D.space == "w+" else D.unit_vectors[0]) * D.scales[0]
        change = (tiny.synthesize(code + 1e-5 * step, "w+") - tiny.synthesize(code, "w+"))[0] / 1e-5
        assert float(change[:, mask].square().mean().sqrt()) == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("part", ["eyes", "mouth", "hair"])
def test_generalized_moves_no_less_inside_than_projection_at_equal_locality(faces_regions, part):
    """At each of several cuts the tolerance is searched at which the locality is the projection's."""
    gains = []
    for R, masks in faces_regions:
        for cut in (3, 10, 20):
            projected = R.directions(masks[part], k=1, solver="projection", cut=cut)
            low, high = 1e-12, 1e3  # the locality falls as the tolerance grows
            for _ in range(50):
                middle = (low * high) ** 0.5
                found = R.directions(masks[part], k=1, tolerance=middle)
                if found.scores["locality"][0] >= projected.scores["locality"][0]:
                    low, best = middle, found
                else:
                    high = middle
            gains.append(float(projected.scales[0] / best.scales[0]))  # 1 / scale is the change inside a unit makes
    assert min(gains) > 1 - 1e-4
    assert sum(gain > 1.05 for gain in gains) >= 5  # of nine


@pytest.mark.parametrize("seed", [1, 4])
def test_directions_of_an_eye_are_as_local_as_those_of_the_dense_jacobian(seed):
    """In single precision, beside generalised eigenvectors of the dense Jacobian in double."""
    G = ExactFaces(resolution=32)
    code = G.code(seed)
    eyes = G.part_maps(code)[0, PARTS.index("eyes")] > 0.5
    f = image_function(G, code)
    J = JacobianOperator(f, f.x0).dense().reshape(3, 32, 32, -1).double().numpy()
    weights = eyes.double().numpy()
    best = localities(J, weights, best_directions(J, weights, 4, 1e-3))
    found = localities(J, weights, RegionSpectra(G, code).directions(eyes, k=4).unit_vectors.double().numpy())
    np.testing.assert_allclose(found, best, rtol=0.01)


@pytest.mark.parametrize(("d", "share"), [(16, 1e-3), (64, 1e-3), (512, 1e-3), (16, 0.0)])
def test_tolerance_is_a_share_of_the_trace_in_any_dimension(d, share):
    """ReSeFa as it is described: means over pixels, an inverse, and with its option a share of the trace."""
    torch.manual_seed(d)
    side = 8 if d < 100 else 15
    quiet = (1 + torch.arange(d, dtype=torch.float64)) ** -0.5
    J = torch.randn(3 * side**2, d, dtype=torch.float64) * quiet
    mask = disc(side, 3)
    code = torch.zeros(d, dtype=torch.float64)
    R = RegionSpectra(LinearGenerator(torch.eye(d, dtype=torch.float64), J), code, rank=d, tiles=2)
    chosen = mask.expand(3, side, side).flatten().numpy()
    A, B = (J.numpy()[rows].T @ J.numpy()[rows] / rows.sum() for rows in (chosen, ~chosen))
    B = B + (share or 1e-12 / d) * np.trace(B) * np.eye(d)  # without it there may be no inverse
    D = R.directions(mask, k=3, tolerance=share)
    values = np.sort(scipy.linalg.eigvals(A, B).real)[::-1][:3] if d < 100 else scipy.linalg.eigvalsh(A, B)[::-1][:3]
    found = D.unit_vectors.double().numpy()
    quotients = np.einsum("ki,ij,kj->k", found, A, found) / np.einsum("ki,ij,kj->k", found, B, found)
    np.testing.assert_allclose(quotients, values, rtol=1e-6 if share else 0.05)
    if share:
        eightfold = R.directions(mask, k=1, tolerance=8 * share)
        assert float(eightfold.scores["locality"][0]) < float(D.scores["locality"][0]) - 1e-3


def test_a_reduced_basis_keeps_what_the_default_tolerance_can_use():
    """Beyond 128 coordinates some are left out: few enough for 1 % of locality, where fewer would be too few."""
    rng = torch.Generator().manual_seed(0)
    d = 200
    loud = (1 + torch.arange(d).double() / 6) ** -3.0
    J = torch.randn(3 * 16 * 16, d, generator=rng, dtype=torch.float64) * loud.sqrt()
    J = J @ torch.linalg.qr(torch.randn(d, d, generator=rng, dtype=torch.float64)).Q
    G = LinearGenerator(torch.eye(d, dtype=torch.float64), J)
    mask = disc(16, 3)
    R = RegionSpectra(G, torch.zeros(d, dtype=torch.float64))
    assert 128 <= R.basis.shape[1] < d
    dense, weights = J.reshape(3, 16, 16, d).numpy(), mask.double().numpy()
    best = localities(dense, weights, best_directions(dense, weights, 4, 1e-3))
    found = localities(dense, weights, R.directions(mask, k=4).unit_vectors.numpy())
    np.testing.assert_allclose(found, best, rtol=0.01)
    fewer = RegionSpectra(G, torch.zeros(d, dtype=torch.float64), rank=40).directions(mask, k=4)
    assert localities(dense, weights, fewer.unit_vectors.numpy())[0] < 0.97 * best[0]


def test_products_are_done_once(tiny):
    """A reduced basis takes no second pass over the latent where the Jacobian fits into memory."""
    steps = []
    RegionSpectra(tiny, tiny.code(seed=2), rank=3, on_step=lambda step: steps.append((step.index, step.total)))
    assert steps[-1] == (6, 6)


def test_a_jacobian_that_does_not_fit_gives_the_same(tiny, monkeypatch):
    code, mask = tiny.code(seed=2), disc(SIZE, 4)
    fits = RegionSpectra(tiny, code, rank=4)
    monkeypatch.setattr("latent_widgets.geometry.jacobian.operator.KEEP", 0)
    other = RegionSpectra(tiny, code, rank=4)
    whole = [R.basis @ R.grams(mask).inside @ R.basis.T for R in (fits, other)]
    torch.testing.assert_close(*whole, rtol=1e-9, atol=1e-12)
    assert other.discarded == pytest.approx(fits.discarded, rel=1e-6)


@pytest.fixture(scope="module")
def exact_regions():
    """faces-exact at several latents, with the exact map of every part."""
    G = ExactFaces(resolution=32)
    codes = [G.code(seed) for seed in range(1, 7)]
    return G.true_directions(), [(RegionSpectra(G, code), G.part_maps(code)[0] > 0.5) for code in codes]


@pytest.mark.parametrize("part", ["mouth", "eyes", "hair"])
def test_painted_parts_recover_the_subspace_of_their_true_factors(exact_regions, part):
    """Wherever the part is visible, the largest of four principal angles is below the mean that chance gives them.

    With a larger tolerance than the default, which finds mixtures that are more local.
    """
    true, regions = exact_regions
    mine = true.vectors[[name in factors_of_part(part) for name in true.names]].T
    rng = torch.Generator().manual_seed(0)
    random = [torch.linalg.qr(torch.randn(len(mine), 4, generator=rng)).Q for _ in range(20)]
    chance = torch.stack([principal_angles(mine, basis) for basis in random])  # (20, 4), ascending
    visible = [(R, parts[PARTS.index(part)]) for R, parts in regions if int(parts[PARTS.index(part)].sum()) >= 9]
    assert len(visible) >= 4
    for R, mask in visible:
        found = R.directions(mask, k=4, tolerance=1.5e-2).unit_vectors
        angles = principal_angles(mine, torch.linalg.qr(found.T).Q)
        assert float(angles.max()) < 0.45  # radians
        assert float(angles.max()) < float(chance.mean(1).min())
        assert float(angles[0]) < 0.3 * float(chance[:, 0].min())


def test_masks_of_every_kind_are_accepted(spectra):
    mask = disc(SIZE, 5)
    expected = spectra.grams(mask).inside
    for same in (mask.numpy(), Mask(mask), mask.float(), np.kron(mask.numpy(), np.ones((2, 2), dtype=bool))):
        torch.testing.assert_close(spectra.grams(same).inside, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("mask", "error", "words"),
    [
        (torch.zeros(SIZE, SIZE, dtype=torch.bool), ValueError, "mask must select at least one pixel"),
        (torch.full((SIZE, SIZE), float("nan")), ValueError, "mask must be finite"),
        (torch.ones(3, SIZE, SIZE), ValueError, r"mask must have shape \(H, W\)"),
        (
            torch.arange(SIZE).expand(SIZE, SIZE),
            ValueError,
            "mask must be one region, got 16 shades that look like lab",
        ),
        (torch.full((SIZE, SIZE), 2.0), ValueError, "mask must be between 0 and 1"),
        (torch.ones(SIZE, SIZE + 1), ValueError, "mask must have the aspect of the picture, 16 x 16, got 16 x 17"),
    ],
)
def test_bad_masks_are_refused(spectra, mask, error, words):
    with pytest.raises(error, match=words):
        spectra.directions(mask)


def test_one_pixel_has_as_many_directions_as_channels(spectra):
    mask = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    mask[7, 9] = True
    assert spectra.grams(mask).area == 1
    assert int((spectra.spectrum(mask).singular_values > 1e-6).sum()) == 3
    assert len(spectra.directions(mask, k=3)) == 3
    with pytest.raises(ValueError, match=r"k must be at most 3, the rank of the region, got 4\. Paint more"):
        spectra.directions(mask, k=4)


def test_a_region_that_never_changes_is_refused():
    J = torch.randn(3, 4, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    J[:, :2] = 0
    G = LinearGenerator(torch.eye(5, dtype=torch.float64), J.reshape(48, 5))
    R = RegionSpectra(G, torch.zeros(5, dtype=torch.float64))
    dead = torch.zeros(4, 4, dtype=torch.bool)
    dead[:2] = True
    assert R.spectrum(dead).rank == 0
    with pytest.raises(ValueError, match="mask must cover pixels that answer to the latent"):
        R.directions(dead, k=1)


@pytest.mark.parametrize("tolerance", [0.0, 1e-3])
def test_an_outside_of_deficient_rank_leaves_exact_directions(halves, tolerance):
    R = RegionSpectra(halves, halves.sample_z(1)[0])
    left = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    left[:, : SIZE // 2] = True
    assert int(torch.linalg.matrix_rank(R.grams(left).outside, rtol=1e-9)) == 6  # of ten
    found = R.directions(left, k=4, tolerance=tolerance)
    torch.testing.assert_close(found.scores["locality"], torch.ones(4, dtype=torch.float64), rtol=0, atol=1e-9)
    assert bool(found.scales.isfinite().all())


def test_a_mask_of_a_large_picture_is_pooled(spectra):
    large = torch.zeros(2000, 2000, dtype=torch.bool)
    large[250:1000, 500:1500] = True
    small = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    small[2:8, 4:12] = True
    torch.testing.assert_close(spectra.grams(large).inside, spectra.grams(small).inside, rtol=1e-9, atol=1e-12)


def test_bad_arguments_are_refused(tiny, spectra):
    mask = disc(SIZE, 4)
    with pytest.raises(ValueError, match="mask must leave a part of the picture out"):
        spectra.directions(torch.ones(SIZE, SIZE, dtype=torch.bool), k=2)
    with pytest.raises(ValueError, match="k must be between 1 and 6, got 7"):
        spectra.directions(mask, k=7)
    with pytest.raises(ValueError, match="solver must be one of 'generalized', 'projection', got 'projecton'"):
        spectra.directions(mask, k=2, solver="projecton")
    with pytest.raises(ValueError, match="tolerance must be at least 0"):
        spectra.directions(mask, k=2, tolerance=-1.0)
    with pytest.raises(ValueError, match="tiles must be between 1 and 16, got 17"):
        RegionSpectra(tiny, tiny.code(0), tiles=17)


def test_cancelling_raises(tiny):
    from latent_widgets import Cancelled

    with pytest.raises(Cancelled, match="Cancelled after"):
        RegionSpectra(tiny, tiny.code(0), on_step=lambda step: False)

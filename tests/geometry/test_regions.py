"""Grams of regions: additivity, a dense twin, disjoint supports, and the true factors of rendered parts."""

import numpy as np
import pytest
import torch
from torch import nn

from latent_widgets import Mask
from latent_widgets.faces import PARTS, factors_of_part
from latent_widgets.generators.base import Generator
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.functions import image_function
from latent_widgets.geometry.jacobian import JacobianOperator
from latent_widgets.geometry.regions import RegionSpectra
from tests.reference import disc

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


def test_grams_of_disjoint_masks_add(spectra, random_mask):
    a, b = random_mask(1), random_mask(2)
    b = b & ~a
    together = spectra.grams(a | b).inside
    torch.testing.assert_close(spectra.grams(a).inside + spectra.grams(b).inside, together, rtol=1e-9, atol=1e-12)


def test_whole_tiles_and_cut_tiles_agree(tiny):
    few, many = (RegionSpectra(tiny, tiny.code(seed=2), tiles=tiles) for tiles in (2, 16))
    mask = disc(SIZE, 5)
    torch.testing.assert_close(few.grams(mask).inside, many.grams(mask).inside, rtol=1e-9, atol=1e-12)


def test_several_latents_are_averaged(tiny):
    codes = torch.stack([tiny.code(seed) for seed in (1, 2, 3)])
    mask = disc(SIZE, 4)
    apart = [RegionSpectra(tiny, code).grams(mask).inside for code in codes]
    torch.testing.assert_close(RegionSpectra(tiny, codes).grams(mask).inside, sum(apart) / 3, rtol=1e-9, atol=1e-12)


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


@pytest.mark.parametrize(("part", "seeds"), [("mouth", (4, 8, 9)), ("background", (1, 2, 3))])
def test_painted_parts_recover_their_true_factors(part, seeds):
    G = ExactFaces(resolution=32, entanglement=0.5)
    mine = [i for i, name in enumerate(G.true_directions().names) if name in factors_of_part(part)]
    for seed in seeds:
        code = G.code(seed)
        mask = G.part_maps(code)[0, PARTS.index(part)] > 0.5
        D = RegionSpectra(G, code).directions(mask, k=2)
        shares = (D.unit_vectors @ G.true_directions().vectors.T).square()  # (2, factors); rows sum to 1
        chance = len(mine) / shares.shape[1]
        assert float(shares[:, mine].sum(1).min()) > 0.9 > 2 * chance


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
        (torch.ones(SIZE, SIZE, dtype=torch.int64), TypeError, "mask must be bool or floating"),
        (torch.full((SIZE, SIZE), 2.0), ValueError, "mask must be between 0 and 1"),
    ],
)
def test_bad_masks_are_refused(spectra, mask, error, words):
    with pytest.raises(error, match=words):
        spectra.directions(mask)


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

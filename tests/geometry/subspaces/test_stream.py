"""Components of rows that come in blocks, beside the decomposition of all rows at once."""

import numpy as np
import pytest
import torch

from latent_widgets.geometry.subspaces.stream import merged


@pytest.fixture
def data():
    """Makes rows far from zero with a falling spectrum, and numbers beside them that partly follow."""

    def make(n, p, rank, falls=1.0):
        rng = np.random.default_rng(0)
        scales = (1 + np.arange(rank)) ** -falls
        inner = rng.normal(size=(n, rank))
        rows = inner * scales @ np.linalg.qr(rng.normal(size=(p, rank)))[0].T + 7 * rng.normal(size=p)
        return torch.from_numpy(rows), torch.from_numpy(3 + inner[:, :2] + rng.normal(size=(n, 2)))

    return make


@pytest.fixture
def streamed():
    """Merges rows that are cut at given places."""

    def merge(rows, beside, cuts, keep):
        found = None
        for part, others in zip(rows.tensor_split(cuts), beside.tensor_split(cuts), strict=True):
            found = merged(found, part, others, keep)
        return found

    return merge


@pytest.mark.parametrize("cuts", [(), (40,), (1, 30, 33, 70)])
def test_blocks_give_the_same_as_all_rows_at_once(data, streamed, cuts):
    rows, beside = data(90, 31, 12)
    found = streamed(rows, beside, cuts, 12)
    centred = (rows - rows.mean(0)).numpy()
    U, S, Vh = np.linalg.svd(centred, full_matrices=False)
    assert found.count == 90
    np.testing.assert_allclose(found.mean, rows.mean(0), rtol=1e-10)
    np.testing.assert_allclose(found.beside_mean, beside.mean(0), rtol=1e-10)
    assert found.scatter == pytest.approx(np.square(centred).sum(), rel=1e-10)
    signs = np.sign(np.einsum("rp,rp->r", found.rows, Vh[:12]))[:, None]
    np.testing.assert_allclose(found.rows, signs * S[:12, None] * Vh[:12], atol=1e-9)
    np.testing.assert_allclose(found.beside, signs * (U.T @ (beside - beside.mean(0)).numpy())[:12], atol=1e-8)


def test_what_is_not_kept_costs_the_first_components_little(data, streamed):
    rows, beside = data(900, 150, 120)
    found = streamed(rows, beside, tuple(range(50, 900, 50)), 40)
    centred = (rows - rows.mean(0)).numpy()
    _, S, Vh = np.linalg.svd(centred, full_matrices=False)
    assert len(found.rows) == 40
    assert found.scatter == pytest.approx(np.square(centred).sum(), rel=1e-10)
    np.testing.assert_allclose(found.rows.norm(dim=1)[:10], S[:10], rtol=1e-3)
    cosines = np.einsum("rp,rp->r", found.rows / found.rows.norm(dim=1, keepdim=True), Vh[:40])[:5]
    assert np.abs(cosines).min() > 0.999
    assert float(found.rows.norm(dim=1)[-1]) < S[39]  # the last are what suffers

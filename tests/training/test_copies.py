"""What a generator should draw: the factors that another one's pictures show, spread as the renderer's."""

import pytest
import torch

from latent_widgets import faces
from latent_widgets.faces.renderer import quantile
from latent_widgets.generators._networks import build_network
from latent_widgets.generators._shipped import read_shipped
from latent_widgets.readers.regressor import load_regressor
from latent_widgets.training import copies
from latent_widgets.training import pool as pool_module
from latent_widgets.training.adversarial import draw
from latent_widgets.training.copies import Copies, Evened
from latent_widgets.training.heads import Alike, Reader
from tests.training.starts import readings


@pytest.fixture(scope="module")
def starter():
    weights = read_shipped("faces64")
    network = build_network("stylegan2", weights.about["config"]).requires_grad_(False)
    network.load_state_dict(weights.tensors)
    return network


def test_evened_factors_are_spread_and_independent_as_the_renderers():
    even = Evened(readings(20_000, 0, 0.3), floor=0.3)
    found = even(readings(20_000, 1, 0.3))
    renders = faces.sample_factors(20_000, 2)
    shares = torch.linspace(0.05, 0.95, 7)
    apart = found.quantile(shares, 0) - renders.quantile(shares, 0)
    width = torch.tensor([factor.high - factor.low for factor in faces.FACTORS])
    assert (apart.abs() / width).max() < 0.05
    before = torch.corrcoef(readings(20_000, 1, 0.3).T).fill_diagonal_(0).abs().max()
    assert before > 0.2
    assert torch.corrcoef(found.T).fill_diagonal_(0).abs().max() < 0.05


def test_independent_readings_keep_their_order_and_get_the_factors_of_their_ranks():
    x = readings(5001, 3)
    found, rank = Evened(x)(x), x.argsort(0).argsort(0)
    assert (found.gather(0, x.argsort(0)).diff(dim=0) < -0.1).float().mean() < 0.01
    middle = (rank > 500) & (rank < 4500)
    width = torch.tensor([factor.high - factor.low for factor in faces.FACTORS])
    apart = (found - quantile(rank / 5000.0).float()).abs() / width
    assert apart[middle].median() < 0.03


def test_what_hardly_varies_is_not_drawn_out():
    x = readings(5000, 4)
    x[:, 1] = x[:, 0] + 1e-3 * x[:, 1]  # two factors that are one
    even = Evened(x, floor=0.3)
    scores = torch.special.ndtri(even(x)[:, :1].clamp(1e-3, 1 - 1e-3))
    assert scores.isfinite().all()
    assert torch.linalg.matrix_norm(even.root, 2) < 2 / 0.3**0.5


@pytest.fixture
def pairs(tmp_path, monkeypatch, starter):
    monkeypatch.setattr(pool_module, "CHUNK", 10)
    monkeypatch.setattr(copies, "FIRST", 200)

    def make():
        return Copies(tmp_path / "copies.u8", starter, Reader(load_regressor()), size=32, start=20, every=1)

    return make


def test_a_copy_is_the_render_of_what_is_read_in_the_starters_picture(pairs, starter):
    pool = pairs()
    given = pool(12, 15, torch.Generator().manual_seed(0))  # 30 faces
    read = load_regressor()(draw(starter, given.codes.z, None, given.codes.cut))
    drawn = faces.render(pool._evened(read), 32).image.clamp(-1, 1)
    torch.testing.assert_close(given.images, drawn, atol=0.01, rtol=0)
    assert (given.codes.cut < 10).float().mean() == pytest.approx(0.25, abs=0.25)
    assert given.factors.shape == (12, len(faces.FACTORS))


def test_a_second_sitting_has_the_same_pairs(pairs):
    first, second = (pairs()(12, 15, torch.Generator().manual_seed(0)) for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.factors, second.factors)
    assert all(map(torch.equal, first.codes, second.codes))


def test_alike_measures_pixels_and_features_in_their_own_spread():
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(4000, 5, generator=rng) * torch.tensor([1.0, 2, 4, 8, 0])
    alike = Alike(features, floor=0.5)
    x, y = torch.randn(2, 3, 3, 8, 8, generator=rng)
    pixels, read = alike(x, y, features[:3], features[:3] + torch.tensor([1.0, 2, 4, 8, 0.5]))
    assert pixels == pytest.approx((x - y).abs().mean().item())
    assert read.item() == pytest.approx(1.0, rel=0.05)
    assert [part.item() for part in alike(x, x, features, features)] == [0, 0]

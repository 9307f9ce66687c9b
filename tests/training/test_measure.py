import json

import numpy as np
import pytest
import scipy.linalg
import torch

from latent_widgets import faces
from latent_widgets.faces.renderer import FACTOR_NAMES
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.readers.regressor import load_regressor
from latent_widgets.training import measure as module
from latent_widgets.training._files import save_checkpoint
from latent_widgets.training.judge import Judge
from latent_widgets.training.likeness import beyond, precision_recall, residuals, to_side
from latent_widgets.training.measure import Measurement, fit_gaussian, frechet, measure, spread_ratios, table


@pytest.fixture
def gaussians():
    rng = np.random.default_rng(0)
    roots = rng.standard_normal((2, 6, 6))
    return [(rng.standard_normal(6), root @ root.T) for root in roots]


def test_frechet_of_commuting_covariances_is_the_closed_form():
    turn = scipy.linalg.expm(np.array([[0, 0.7, 0.1], [-0.7, 0, 0.4], [-0.1, -0.4, 0]]))
    a, b = np.array([1.0, 4.0, 0.25]), np.array([9.0, 0.0, 1.0])  # one direction of the second has no spread
    m1, m2 = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 4.0])
    expected = 5.0 + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    found = frechet((m1, turn * a @ turn.T), (m2, turn * b @ turn.T))
    assert found == pytest.approx(expected, rel=1e-7)


def test_frechet_is_that_of_the_matrix_root(gaussians):
    (m1, c1), (m2, c2) = gaussians
    expected = ((m1 - m2) ** 2).sum() + np.trace(c1 + c2 - 2 * np.real(scipy.linalg.sqrtm(c1 @ c2)))
    assert frechet(*gaussians) == pytest.approx(expected, rel=1e-9)
    assert frechet(*gaussians[::-1]) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_equals_is_zero_even_without_full_rank(gaussians):
    assert frechet(gaussians[0], gaussians[0]) == pytest.approx(0, abs=1e-9)
    flat = (np.zeros(4), np.diag([1.0, 0, 0, 0]))
    assert frechet(flat, flat) == pytest.approx(0, abs=1e-12)


def test_frechet_of_an_affine_image_of_many_samples():
    x = torch.randn(50_000, 3, generator=torch.Generator().manual_seed(0))
    found = frechet(fit_gaussian(x), fit_gaussian(3 * x + torch.tensor([0.0, 1.0, 2.0])))
    assert found == pytest.approx(5 + 3 * 2**2, rel=0.02)


def test_fit_gaussian():
    x = torch.tensor([[0.0, 0], [2, 0], [0, 4], [2, 4]])
    mean, covariance = fit_gaussian(x)
    np.testing.assert_allclose(mean, [1, 2])
    np.testing.assert_allclose(covariance, [[4 / 3, 0], [0, 16 / 3]])


def test_spread_ratios():
    x = torch.randn(100, 2, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(spread_ratios(x * torch.tensor([0.5, 3.0]) + 7, x), torch.tensor([0.5, 3.0]).double())


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The folder of a run of a tiny generator, untrained."""
    config = module.CONFIGS["faces64"] | {"channels": {4: 4, 8: 4, 16: 4, 32: 4, 64: 4}}
    monkeypatch.setitem(module.CONFIGS, "faces64", config)
    for seed, name in ((0, "ema-40000.pt"), (1, "checkpoint.pt")):
        torch.manual_seed(seed)
        state = StyleGAN2(**config).state_dict()
        save_checkpoint(tmp_path / name, state if seed == 0 else {"average": state, "seen": 123})
    return tmp_path


def test_measure_a_run(run):
    found = measure(run, pictures=80)
    assert (found.pictures, found.images_seen) == (80, 123)
    assert 0 < found.frechet_floor < found.frechet / 2  # noise is farther from faces than faces are
    assert found.frechet_early is not None
    assert found.ratio == pytest.approx(found.frechet / found.frechet_early)
    assert tuple(found.r2) == FACTOR_NAMES
    assert set(found.spread) == {name for name, r2 in found.r2.items() if r2 > 0.5}
    written = json.loads((run / "measure.json").read_text())
    assert written["ratio"] == found.ratio
    assert written["right_spread"] == len(found.right_spread) < len(found.spread)
    assert measure(run, pictures=80).frechet == found.frechet  # seeded, and the renders are kept
    (run / "ema-40000.pt").unlink()
    assert measure(run, pictures=80).ratio is None


def test_measure_with_a_judge_at_128_pixels_and_the_shipped_weights(run, tmp_path, monkeypatch):
    config = module.CONFIGS["faces128"] | {"channels": {4: 4, 8: 4, 16: 4, 32: 4, 64: 4, 128: 4}}
    monkeypatch.setitem(module.CONFIGS, "faces128", config)
    (run / "ema-40000.pt").unlink()
    torch.manual_seed(2)
    save_checkpoint(tmp_path / "checkpoint.pt", {"average": StyleGAN2(**config).state_dict(), "seen": 5})
    found = measure(run, pictures=40, name="faces128", judge=Judge().eval())
    assert {path.name for path in tmp_path.glob("renders*")} == {"renders-128-11.pt", "renders-128-12.pt"}
    assert found.beyond == {"1.0": 1.0, "0.7": 1.0}  # noise is no face
    assert min(found.residual.values()) > 2
    assert found.judged_floor < found.judged
    assert max(found.precision, found.recall) < 0.5
    assert "100.0 % beyond 99.5 % of renders" in table(found)
    assert "the judge: " in table(found)
    beside_small = measure(run, pictures=20, name="faces128", size=64)
    assert {path.name for path in tmp_path.glob("renders-1?.pt")} == {"renders-11.pt", "renders-12.pt"}
    assert beside_small.residual != found.residual
    with pytest.raises(ValueError, match="size must be 64 or 128, got 32"):
        measure(run, pictures=20, name="faces128", size=32)
    monkeypatch.setitem(module.CONFIGS, "faces64", module.gan.CONFIG)
    shipped = measure(run, pictures=40, judge=Judge().eval(), shipped=True)
    assert shipped.images_seen == 300_000
    assert shipped.residual["0.7"] < shipped.residual["1.0"] < 4
    assert shipped.frechet_early is None


def test_residuals_of_renders_are_small_and_of_damaged_faces_are_not():
    regressor = load_regressor()
    images = ((faces.render(faces.sample_factors(40, 6), 128).image + 1) * 127.5).clamp(0, 255).to(torch.uint8)
    small = to_side(images)
    assert small.shape == (40, 3, 64, 64)
    assert to_side(small) is small
    whole = residuals(regressor, small, 128)
    torch.testing.assert_close(residuals(regressor, small[3:5], 128), whole[3:5], rtol=1e-3, atol=1e-4)
    broken = small.clone()
    broken[:, :, 20:30] = small[:, :, 30:40]  # another part of the face where the eyes were
    assert residuals(regressor, broken, 128).median() > 1.5 * whole.median()
    assert beyond(residuals(regressor, broken, 128), whole) > 0.3
    assert beyond(whole, whole) == pytest.approx(1 / 40)


def test_precision_and_recall_tell_few_good_from_many_bad():
    rng = torch.Generator().manual_seed(0)
    real, same = torch.randn(2, 400, 5, generator=rng)
    one_mode = real[:1] + 0.1 * torch.randn(20, 5, generator=rng)
    wide = 8 * torch.randn(400, 5, generator=rng)
    assert min(precision_recall(real, same)) > 0.7
    assert precision_recall(real, one_mode)[0] > 0.9 > 0.1 > precision_recall(real, one_mode)[1]
    assert precision_recall(real, wide)[0] < 0.2
    x = torch.randn(7, 2, generator=rng)
    y = torch.randn(5, 2, generator=rng)
    slow = [any((a - b).norm() <= sorted((b - c).norm() for c in x)[3] for b in x) for a in y]
    assert precision_recall(x, y)[0] == pytest.approx(sum(slow) / 5)


def test_the_table_says_what_is_right_and_what_is_off():
    result = Measurement(
        frechet=0.5,
        frechet_floor=0.01,
        frechet_early=4.0,
        pictures=10,
        images_seen=99,
        r2={"yaw": 0.9, "smile": 0.7, "gaze": 0.1},
        spread={"yaw": 1.29, "smile": 0.69},
    )
    assert result.right_spread == ["yaw"]
    lines = table(result).splitlines()
    assert "ratio 0.125" in lines[3]
    assert lines[5].split() == ["yaw", "0.900", "1.29"]
    assert lines[6].endswith("0.69   off by more than 30 %")
    assert lines[7].endswith("not readable")
    assert lines[-1] == "spread within 30 %: 1 of 2 readable factors"

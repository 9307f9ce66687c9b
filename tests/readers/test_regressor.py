import pytest
import torch
import torch.nn.functional as F

from latent_widgets import faces
from latent_widgets.readers.regressor import FEATURES, FactorRegressor, load_regressor


@pytest.fixture(scope="module")
def network():
    return load_regressor()


@pytest.fixture(scope="module")
def held_out():
    factors = faces.sample_factors(160, seed=77)
    return factors, faces.render(factors, 64).image


def test_it_reads_what_is_plain_to_see(network, held_out):
    factors, images = held_out
    error = (network(images) - factors).square().mean(0)
    r2 = 1 - error / factors.var(0)
    named = dict(zip(faces.FACTOR_NAMES, r2.tolist(), strict=True))
    for name in (
        "yaw",
        "roll",
        "skin_tone",
        "hair_tone",
        "background_tone",
        "clothes_tone",
        "beard",
        "glasses",
        "light",
    ):
        assert named[name] > 0.6, (name, named[name])


def test_a_reading_does_not_depend_on_the_batch(network, held_out):
    _, images = held_out
    torch.testing.assert_close(network(images[:5])[2:3], network(images[2:3]), rtol=1e-4, atol=1e-4)


def test_readings_are_affine_in_the_stated_layer(network, held_out):
    _, images = held_out
    features = network.features(images)
    assert features.shape == (160, FEATURES)
    design = torch.cat([features, torch.ones(160, 1)], 1).double()
    readings = network(images).double()
    fit = design @ torch.linalg.lstsq(design, readings, driver="gelsd").solution
    torch.testing.assert_close(fit, readings, rtol=1e-3, atol=1e-3)


def test_other_sizes_are_brought_to_64(network):
    factors = faces.sample_factors(12, seed=78)
    small, large = network(faces.render(factors, 64).image), network(faces.render(factors, 128).image)
    yaw = faces.FACTOR_NAMES.index("yaw")
    assert (small - large)[:, yaw].abs().mean() < 0.2
    wide = F.interpolate(faces.render(factors, 64).image, (64, 96), mode="bilinear")
    assert network(wide).shape == (12, 39)


def test_type_follows_the_argument():
    network = load_regressor(dtype=torch.float64)
    assert network(torch.zeros(1, 3, 64, 64, dtype=torch.float64)).dtype == torch.float64


def test_wrong_pictures_are_refused():
    with pytest.raises(ValueError, match=r"images must have shape \(n, 3, H, W\), got \(1, 64, 64\)"):
        FactorRegressor()(torch.zeros(1, 64, 64))

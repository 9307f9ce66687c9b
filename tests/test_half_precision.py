"""A generator in half precision draws and edits; what would measure its rounding says in words what to do."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.classifier import load_classifier
from latent_widgets.geometry.density import Gaussian
from latent_widgets.geometry.effects.equal_change import image_distance
from latent_widgets.geometry.walks.walk import shift
from latent_widgets.regressor import load_regressor
from tests.public_calls import CALLS, faces, numbers, small_style

HALVES = [torch.bfloat16, torch.float16]
REFUSAL = r"must compute in float32 or float64 to be measured, got torch\.b?float16\. Use "
# What draws: everything else must refuse, or be as good as float32.
DRAWN = {
    "sample_z", "picture", "edit", "masked edit", "random_directions", "sefa", "walk", "subspace_grid", "haar",
    "distances",
}  # fmt: skip


@pytest.fixture(scope="module", params=HALVES, ids=str)
def dtype(request):
    return request.param


@pytest.fixture(scope="module")
def half(dtype):
    return small_style(dtype)


@pytest.fixture(scope="module")
def rounded(half):
    """The same weights, computed with in float32."""
    G = small_style()
    G.module.load_state_dict({name: value.float() for name, value in half.module.state_dict().items()})
    return G


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_what_half_precision_draws_is_what_float32_draws_but_for_rounding(name, half, rounded, dtype):
    for a, b in zip(numbers(name, half), numbers(name, rounded), strict=True):
        gap = (a.double() - b.double()).norm() / b.double().norm()
        assert gap < 8 * torch.finfo(dtype).eps


@pytest.mark.parametrize("name", sorted(set(CALLS) - DRAWN))
def test_what_would_measure_rounding_refuses_in_words(name, half):
    with pytest.raises(ValueError, match=REFUSAL):
        numbers(name, half)


def test_after_the_advice_all_is_as_in_float32(dtype):
    G = small_style(dtype).to(dtype=torch.float32)
    assert lw.localisation(G, lw.random_directions(G, 2), torch.eye(16), n=4).scores.dtype == torch.float32


def test_function_in_half_precision_has_no_jacobian_here(dtype):
    with pytest.raises(ValueError, match=f"fn {REFUSAL}"):
        lw.JacobianOperator(torch.sin, torch.ones(3, dtype=dtype))


def test_networks_that_read_pictures_read_halves(dtype):
    images = faces().image
    rounded = images.to(dtype)
    for read in (load_regressor(), load_classifier(), lw.load_segmenter().logits):
        torch.testing.assert_close(read(rounded), read(rounded.float()), rtol=0, atol=0)


def test_distances_of_halves_are_those_of_their_numbers(dtype):
    a, b = (x.to(dtype) for x in faces().image[:2, None])
    for name in ("rms", "lap1"):
        found = image_distance(name)(a, b)
        assert found.dtype == torch.float32
        assert torch.equal(found, image_distance(name)(a.float(), b.float()))


def test_log_density_of_halves_is_that_of_their_numbers(dtype):
    p = Gaussian.standard(5)
    x = (3 * torch.randn(4, 5, generator=torch.Generator().manual_seed(0))).to(dtype)
    wanted = torch.distributions.MultivariateNormal(torch.zeros(5), torch.eye(5)).log_prob(x.float())
    torch.testing.assert_close(p.log_prob(x), wanted)
    assert p.percentile(x).dtype == torch.float32


def test_circle_from_a_half_keeps_the_norm_to_its_rounding(dtype):
    z = torch.tensor([3.0, -1.0, 0.5, 2.0], dtype=dtype)
    D = lw.Directions(torch.eye(4)[:1], "z").to(dtype=dtype)
    codes = shift(z, D, [-3.0, -0.5, 0.5, 3.0], kind="density")
    assert codes.dtype == dtype
    torch.testing.assert_close(
        codes.double().norm(dim=1), z.double().norm().expand(4), rtol=2 * torch.finfo(dtype).eps, atol=0
    )


def test_photo_for_a_half_generator(half):
    with pytest.raises(ValueError, match=f"the generator {REFUSAL}"):
        lw.invert(half, torch.zeros(3, 16, 16))


def test_explorer_draws_halves_and_says_on_its_pages_what_it_cannot(half):
    explorer = lw.LatentExplorer(half, lw.random_directions(half, k=2), seed=3, steer=True, executor="inline")
    explorer.set_alpha(0, 2.0)
    before = explorer.edit.apply(half)
    explorer.controls.page = "region"
    explorer.mask = lw.Mask(torch.eye(16))
    assert "Use G.to(dtype=torch.float32)" in str(explorer.error)
    assert torch.equal(explorer.edit.apply(half), before)
    explorer.close()


@pytest.mark.parametrize(
    "panel",
    [
        lambda G: lw.JacobianSpectrum(G, G.sample_z(1)[0], executor="inline"),
        lambda G: lw.WarpageHeatmap(G, n=3, k=2, executor="inline"),
    ],
)
def test_panel_that_measures_says_what_to_do(half, panel):
    shown = panel(half)
    assert "Use G.to(dtype=torch.float32)" in str(shown.error)
    shown.close()

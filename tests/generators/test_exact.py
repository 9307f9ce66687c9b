"""The renderer as a generator: its maps, and its known answers."""

import pickle
import re

import pytest
import scipy.stats
import torch

from latent_widgets import faces
from latent_widgets.generators.exact import ExactFaces
from tests.reference import relative

D = len(faces.FACTORS)
LAYERS = 4


@pytest.fixture
def exact():
    """Small pictures in float64."""
    return ExactFaces(resolution=24, dtype=torch.float64)


# ---- the maps


@pytest.mark.parametrize("layer", range(LAYERS))
def test_coupling_rotates_undoes_and_differentiates(exact, layer):
    maps, x = exact.module, exact.sample_z(5)
    none = x[..., None][..., :0]
    moved, _ = maps.couple(x, none, layer, 1)
    assert not torch.allclose(moved, x)
    torch.testing.assert_close(moved.norm(dim=1), x.norm(dim=1))  # with a volume of one, this keeps N(0, I)
    torch.testing.assert_close(maps.couple(moved, none, layer, -1)[0], x)
    wanted = torch.stack(
        [torch.func.jacfwd(lambda v: maps.couple(v[None], v[None, :, None][..., :0], layer, 1)[0][0])(row) for row in x]
    )
    _, jacobian = maps.couple(x, torch.eye(D).double().expand(5, -1, -1), layer, 1)
    torch.testing.assert_close(jacobian, wanted)
    torch.testing.assert_close(jacobian.det().abs(), torch.ones(5).double())


def test_every_coordinate_is_moved_and_sets_angles(exact):
    maps = exact.module
    jacobian = maps.jacobian(exact.sample_z(1), 1)[0]
    off_diagonal = jacobian - torch.diag(jacobian.diagonal())
    assert off_diagonal.abs().amax(0).min() > 1e-3
    assert off_diagonal.abs().amax(1).min() > 1e-3


def test_hidden_coordinates_are_independent_normals(exact):
    h = exact.module.hidden(exact.sample_z(3000, seed=1))
    least = min(scipy.stats.kstest(h[:, i].numpy(), "norm").pvalue for i in range(D))
    assert least > 0.01 / D
    torch.testing.assert_close(h.T.cov(), torch.eye(D).double(), atol=0.1, rtol=0)
    squares = (h**2).T.corrcoef() - torch.eye(D)  # independence beyond correlation
    assert squares.abs().max() < 0.1


def test_normality_test_can_fail(exact):
    h = 1.1 * exact.module.hidden(exact.sample_z(3000, seed=1))
    assert min(scipy.stats.kstest(h[:, i].numpy(), "norm").pvalue for i in range(D)) < 0.01 / D


def test_mapping_is_linear_without_entanglement():
    G = ExactFaces(24, entanglement=0, dtype=torch.float64)
    z = G.sample_z(3)
    assert torch.equal(G.module.hidden(z), z)
    torch.testing.assert_close(G.map(z), z @ G.mapping_jacobian(z[0]).T)
    values = torch.linalg.svdvals(G.mapping_jacobian(z[0]))
    torch.testing.assert_close(values, G.module.scales.sort(descending=True).values)
    assert (values[:-1] / values[1:]).min() > 1.03  # no two tie


def test_entanglement_bends_the_mapping():
    bends = []
    for entanglement in (0.0, 0.5, 1.0):
        G = ExactFaces(24, entanglement=entanglement, dtype=torch.float64)
        assert G.entanglement == entanglement
        a, b = G.mapping_jacobian(G.sample_z(2))
        bends.append(relative(a, b))
    assert bends[0] < 1e-12 < 0.1 < bends[1] < bends[2]


def test_fixed_maps_are_orthogonal_and_drawn_from_the_seed(exact):
    basis = exact.module.basis
    torch.testing.assert_close(basis @ basis.T, torch.eye(D).double(), atol=1e-13, rtol=0)
    assert torch.equal(basis, ExactFaces(16, dtype=torch.float64).module.basis)
    assert not torch.equal(basis, ExactFaces(16, seed=1, dtype=torch.float64).module.basis)


def test_jacobian_of_the_mapping_is_the_derivative(exact):
    z = exact.sample_z(3)
    wanted = torch.stack([torch.func.jacfwd(exact.map)(row) for row in z])
    torch.testing.assert_close(exact.mapping_jacobian(z), wanted)
    torch.testing.assert_close(exact.mapping_jacobian(z[1]), wanted[1])


def test_inverse_undoes_the_mapping(exact):
    z = exact.sample_z(4)
    torch.testing.assert_close(exact.inverse(exact.map(z)), z)
    torch.testing.assert_close(exact.inverse(exact.map(z[0])), z[0])


# ---- the known answers


def test_factors_follow_their_laws(exact):
    factors = exact.factors(exact.sample_z(3000, seed=2), "z")
    u = faces.cumulative(factors)
    assert min(scipy.stats.kstest(u[:, i].numpy(), "uniform").pvalue for i in range(D)) > 0.01 / D


def test_factors_are_the_same_in_every_space(exact):
    z = exact.sample_z(3)
    w = exact.map(z)
    s = exact.factors(z, "z")
    torch.testing.assert_close(exact.factors(w), s)
    assert torch.equal(exact.factors(s, "s"), s)
    torch.testing.assert_close(exact.factors(w[1]), s[1])
    for code, space in [(z, "z"), (w, "w"), (w, None), (s, "s")]:
        assert relative(exact.synthesize(code, space), faces.render(s, 24).image) < 1e-12
    assert relative(exact(z), exact.synthesize(w)) < 1e-12


def test_codes_are_found_from_factors(exact):
    w = exact.map(exact.sample_z(4))
    torch.testing.assert_close(exact.code_of(exact.factors(w)), w)
    torch.testing.assert_close(exact.code_of(exact.factors(w[2])), w[2])
    assert exact.code_of(faces.sample_factors(3, seed=1).double()).shape == (3, D)


def test_directions_in_w_change_one_factor_each(exact):
    w = exact.map(exact.sample_z(1))[0]
    true = exact.true_directions(w)
    assert true.vectors.shape == (D, D)
    assert (true.names, true.space, true.unit) == (faces.FACTOR_NAMES, "w", "latent")
    torch.testing.assert_close(true.vectors.norm(dim=1), torch.ones(D).double())
    change = exact.factors(w + 0.8 * true.vectors) - exact.factors(w)  # row i: a long step along direction i
    assert (change.diagonal() > 0).all()
    torch.testing.assert_close(change, torch.diag(change.diagonal()), atol=1e-12, rtol=0)
    step = 1e-6
    change = (exact.factors(w + step * true.vectors) - exact.factors(w - step * true.vectors)) / (2 * step)
    torch.testing.assert_close(change, torch.diag(true.rates), atol=1e-8, rtol=1e-6)


def test_directions_in_z_change_one_factor_each_to_first_order(exact):
    z = exact.sample_z(2)
    true = exact.true_directions(z, space="z")
    assert (true.vectors.shape, true.rates.shape) == ((2, D, D), (2, D))
    jacobian = torch.func.vmap(torch.func.jacfwd(lambda v: exact.factors(v, "z")))(z)  # (n, factors, D)
    torch.testing.assert_close(jacobian @ true.vectors.mT, torch.diag_embed(true.rates))
    torch.testing.assert_close(true.vectors.norm(dim=2), torch.ones(2, D).double())
    far = exact.factors(z[0] + 2 * true.vectors[0], "z") - exact.factors(z[0], "z")
    assert (far - torch.diag(far.diagonal())).abs().max() > 1e-2  # but not for long steps: the mapping bends


def test_directions_without_a_code_are_those_of_the_average(exact):
    for space in ("w", "z"):
        here, there = exact.true_directions(space=space), exact.true_directions(torch.zeros(D).double(), space=space)
        assert torch.equal(here.vectors, there.vectors)
        assert torch.equal(here.rates, there.rates)
        assert here.vectors.shape == (D, D)


def test_rates_are_per_the_stated_unit(exact):
    w = exact.map(exact.sample_z(2000, seed=3))
    latent, sd = exact.true_directions(w[:2]), exact.true_directions(w[:2], unit="sd")
    spread = (w @ latent.vectors[0].T).std(0)  # of the latent along each direction
    torch.testing.assert_close(sd.rates / latent.rates, spread.expand(2, -1), rtol=0.06, atol=0)
    z = exact.sample_z(1)
    latent, sd = (exact.true_directions(z, space="z", unit=unit) for unit in ("latent", "sd"))
    assert torch.equal(latent.rates, sd.rates)


def test_directions_are_frozen(exact):
    true = exact.true_directions()
    with pytest.raises(AttributeError):
        true.unit = "sd"
    assert true != exact.true_directions()


# ---- the generator


def test_generator_describes_itself(exact):
    assert repr(exact) == "<ExactFaces 'faces-exact': z, w, s; 24 px; 1 layers; cpu>"
    assert (exact.z_dim, exact.w_dim, exact.s_dim, exact.num_layers) == (D, D, D, 1)
    assert not exact.can_resume
    assert ExactFaces().resolution == 64
    assert not exact.w_avg.any()


def test_truncation_scales_w(exact):
    z = exact.sample_z(2)
    torch.testing.assert_close(exact.map(z, truncation=0.4), 0.4 * exact.map(z))
    middle = faces.quantile(torch.full((1, D), 0.5).double())
    torch.testing.assert_close(exact.factors(exact.map(z[:1], truncation=0)), middle)


def test_previews_are_the_small_pictures():
    G = ExactFaces(96)
    w = G.map(G.sample_z(2))
    assert G.preview_resolutions == (16, 32, 64)
    for side in G.preview_resolutions:
        assert torch.equal(G.preview(w, side), faces.render(G.factors(w), side).image)
        small, whole = G.growing(w, side)
        assert torch.equal(small, G.preview(w, side))
        assert torch.equal(whole, G.synthesize(w))
    assert [ExactFaces(side).preview_resolutions for side in (8, 16, 17, 32)] == [(), (), (16,), (16,)]


def test_features_are_what_the_renderer_knows(exact):
    w = exact.map(exact.sample_z(2))
    drawn = faces.render(exact.factors(w), 24)
    features = exact.features(w, ["shading", "coverage"])
    assert list(features) == ["shading", "coverage"]
    assert torch.equal(features["shading"], drawn.shading)
    assert torch.equal(features["coverage"], drawn.coverage)
    assert torch.equal(exact.part_maps(w), drawn.parts)
    assert exact.part_maps(w[0]).shape == (1, len(faces.PARTS), 24, 24)
    assert torch.equal(exact.part_maps(exact.factors(w), "s"), drawn.parts)


def test_pictures_can_be_differentiated(exact):
    w = exact.map(exact.sample_z(1))
    v, u = torch.randn_like(w), torch.randn(1, 3, 24, 24).double()
    _, jv = torch.func.jvp(exact.synthesize, (w,), (v,))
    (ju,) = torch.func.vjp(exact.synthesize, w)[1](u)
    assert float((u * jv).sum()) == pytest.approx(float((ju * v).sum()), rel=1e-9)
    mapped = torch.func.vmap(lambda x: exact.synthesize(x)[0])(w.repeat(2, 1))
    torch.testing.assert_close(mapped, exact.synthesize(w).expand(2, -1, -1, -1))


def test_moving_to_a_wider_type_brings_all_digits():
    G = ExactFaces(16)
    assert G.dtype == G(G.sample_z(1)).dtype == torch.float32
    G.to(dtype=torch.float64)
    assert torch.equal(G.module.basis, ExactFaces(16, dtype=torch.float64).module.basis)
    assert G(G.sample_z(1)).dtype == torch.float64


def test_meta_device_gives_shapes():
    G = ExactFaces(16, device="meta")
    z = G.sample_z(2)
    assert G(z).shape == (2, 3, 16, 16)
    assert G.true_directions(z, space="z").vectors.shape == (2, D, D)
    assert G.code_of(G.factors(G.map(z))).shape == (2, D)
    assert G(z).is_meta


def test_identity_is_that_of_the_directions():
    wanted = ExactFaces(16).weights_hash
    assert wanted == ExactFaces(64, dtype=torch.float64).weights_hash
    assert wanted == ExactFaces(16).to(dtype=torch.bfloat16).weights_hash
    assert len({wanted, ExactFaces(16, seed=1).weights_hash, ExactFaces(16, entanglement=0.5).weights_hash}) == 3


def test_pickled_twin_draws_the_same(exact):
    twin = pickle.loads(pickle.dumps(exact))  # noqa: S301 - our own bytes, as a process pool sends them
    w = exact.code(3)
    assert torch.equal(twin.synthesize(w), exact.synthesize(w))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda G: ExactFaces(0), ValueError, "resolution must be at least 1, got 0."),
        (lambda G: ExactFaces(64.0), TypeError, "resolution must be an integer, got 64.0."),
        (lambda G: ExactFaces(entanglement=-1), ValueError, "entanglement must be at least 0.0, got -1."),
        (lambda G: ExactFaces(seed=-1), ValueError, "seed must be between 0 and 9223372036854775807, got -1."),
        (
            lambda G: G.true_directions(space="s"),
            ValueError,
            "space must be one of 'w', 'z', got 's'. The factors themselves are the axes of s.",
        ),
        (lambda G: G.true_directions(unit="rms"), ValueError, "unit must be one of 'latent', 'sd', got 'rms'."),
        (
            lambda G: G.code_of(torch.zeros(2, 3, dtype=torch.float64)),
            ValueError,
            "factors must have shape (n, 39) or (39,), got (2, 3).",
        ),
        (
            lambda G: G.code_of(faces.quantile(torch.ones(1, D, dtype=torch.float64))),
            ValueError,
            "factors must lie strictly inside their ranges, got yaw = 1, whose range is -1 to 1.",
        ),
        (
            lambda G: G.code_of(faces.sample_factors(2).double() + torch.eye(D)[25] * 9),
            ValueError,
            "factors must lie strictly inside their ranges, got smile = ",
        ),
        (
            lambda G: G.features(G.code(0), ["part"]),
            ValueError,
            "layer must be one of 'coverage', 'shading', 'parts', got 'part'. Did you mean 'parts'?",
        ),
        (
            lambda G: G.synthesize(torch.zeros(2, 5, dtype=torch.float64)),
            ValueError,
            "code must have one of the shapes w (n, 39), s (n, 39), got (2, 5).",
        ),
        (
            lambda G: G.broadcast(G.code(0)),
            ValueError,
            "space must be one of 'z', 'w', 's', got 'w+'. Did you mean 'w'? Generator 'faces-exact' has",
        ),
        (lambda G: G.preview(G.code(0), 32), ValueError, "resolution must be one of 16, got 32."),
    ],
)
def test_wrong_arguments_are_told(exact, call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        call(exact)

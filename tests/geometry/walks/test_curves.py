"""Curves, guided curves and grids: straight where the generator is linear, true where it bends."""

import pytest
import torch

from latent_widgets import Code, random_directions
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.jacobian.differential import differential, mapping_jacobians
from latent_widgets.geometry.walks.curves import curve_traversal
from latent_widgets.geometry.walks.grids import subspace_grid
from latent_widgets.geometry.walks.guided import guided_traversal
from latent_widgets.geometry.walks.walk import walk
from latent_widgets.values.directions import Directions
from tests.linear import LinearGenerator, linear_generator


@pytest.fixture
def bent():
    return ExactFaces(resolution=8, entanglement=1.0, dtype=torch.float64)


@pytest.mark.parametrize("variant", ["matched", "smooth"])
def test_curve_of_a_linear_generator_is_a_straight_line(variant):
    G = linear_generator()
    z = G.sample_z(1, seed=1)
    u = differential(G, z).directions[0, :, 2]
    W = curve_traversal(G, z, index=2, length=3.0, steps=6, variant=variant)
    assert W.indices.tolist() == [2] * 13
    torch.testing.assert_close(W.codes, G.map(z) + torch.tensor(W.at, dtype=torch.float64)[:, None] * u)
    torch.testing.assert_close(W.codes, G.map(W.z))
    torch.testing.assert_close(W.arc_length, torch.tensor(W.at, dtype=torch.float64))
    torch.testing.assert_close(W.cosines, torch.ones(13, dtype=torch.float64))
    assert W.deviation.max() < 1e-10


@pytest.mark.parametrize("variant", ["matched", "smooth"])
def test_curve_stays_on_the_image_and_keeps_its_speed(bent, variant):
    W = curve_traversal(bent, bent.sample_z(1, seed=3), length=1.0, steps=50, variant=variant)
    torch.testing.assert_close(W.codes, bent.map(W.z))
    torch.testing.assert_close(W.arc_length.diff(), torch.full((100,), 0.02).double(), rtol=0.02, atol=0)
    tangents = W.codes.diff(dim=0) / W.codes.diff(dim=0).norm(dim=1, keepdim=True)
    assert (tangents[:-1] * tangents[1:]).sum(1).min() > 0.99  # it never turns back
    assert W.deviation[50] == 0
    assert W.deviation.max() > 0.01


def test_published_step_divides_by_the_singular_value(bent):
    z = bent.sample_z(1, seed=3)
    U, S, Vh = torch.linalg.svd(bent.mapping_jacobian(z[0]))
    W = curve_traversal(bent, z, index=1, length=0.5, steps=1)
    steps = torch.stack([W.z[2] - z[0], W.z[0] - z[0]])
    torch.testing.assert_close(steps.abs(), (0.5 * Vh[1] / S[1]).abs().expand(2, -1))
    torch.testing.assert_close(steps[0], -steps[1])  # of the first step; later each side goes its own way
    assert (W.codes[2] - W.codes[1]) @ U[:, 1] * (U[:, 1] @ differential(bent, z).directions[0, :, 1]) > 0


def test_matching_takes_the_most_similar_direction_and_turns_both_vectors(bent):
    W = curve_traversal(bent, bent.sample_z(1, seed=5), index=4, length=1.0, steps=10, sides="positive")
    here = differential(bent, W.z)
    sign = 1.0
    for i in range(10):
        j, k = int(W.indices[i]), int(W.indices[i + 1])
        cosines = here.directions[i, :, j] @ here.directions[i + 1]
        assert k == int(cosines.abs().argmax())
        torch.testing.assert_close(W.cosines[i + 1], cosines[k].abs())
        torch.testing.assert_close(W.z[i + 1] - W.z[i], 0.1 * sign * here.step_vectors[i, :, j])
        sign *= float((here.inputs[i, :, j] @ here.inputs[i + 1, :, k]).sign())


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("variant", ["matched", "fixed"])
def test_every_option_of_the_official_program_is_what_its_description_says(bent, variant, scaled):
    """The loop written out: index matched in w or kept, sign decided in z, step over the singular value or not."""
    z = bent.sample_z(1, seed=5)
    for side, sign in (("positive", 1.0), ("negative", -1.0)):
        W = curve_traversal(bent, z, index=3, length=2.0, steps=8, variant=variant, scaled=scaled, sides=side)
        own = differential(bent, z)
        latents, k = [z[0]], 3
        U, S, V = torch.linalg.svd(bent.mapping_jacobian(z[0]), full_matrices=False)
        V = V.T * (own.inputs[0, :, 3] @ V[3]).sign()  # the side that is called positive is a choice
        for _ in range(8):
            latents.append(latents[-1] + sign * 2 / 8 * V[:, k] / (S[k] if scaled else 1))
            ahead, S, turned = torch.linalg.svd(bent.mapping_jacobian(latents[-1]), full_matrices=False)
            j = int((U[:, k] @ ahead).abs().argmax()) if variant == "matched" else k
            V, U, k = turned.T * (V[:, k] @ turned[j]).sign(), ahead, j
        torch.testing.assert_close(W.z if sign > 0 else W.z.flip(0), torch.stack(latents))
        torch.testing.assert_close(W.codes, bent.map(W.z))


def test_unscaled_step_is_a_length_in_z(bent):
    W = curve_traversal(bent, bent.sample_z(1, seed=3), index=1, length=0.6, steps=3, scaled=False)
    torch.testing.assert_close(W.z.diff(dim=0).norm(dim=1), torch.full((6,), 0.2).double())
    for options in ({"variant": "smooth"}, {"target": "image"}):
        with pytest.raises(ValueError, match=r"scaled must be True for variant .*, got False\. Use variant='matched'"):
            curve_traversal(bent, bent.sample_z(1), scaled=False, **options)


def test_weak_match_is_warned_about(tiny):
    with pytest.warns(UserWarning, match=r"hardly the same from step .* match cosine is 0\.\d\d, below 0.7"):
        W = curve_traversal(tiny, tiny.sample_z(1, seed=3), index=1, length=20.0, steps=2)
    assert W.cosines.min() < 0.7


def test_given_direction_is_followed(bent):
    z = bent.sample_z(1)
    wanted = torch.randn(bent.w_dim, generator=torch.Generator().manual_seed(0)).double()
    W = curve_traversal(bent, z, length=0.01, steps=1, variant="smooth", direction=wanted, candidates=99)
    moved = W.codes[2] - W.codes[1]
    torch.testing.assert_close(moved / moved.norm(), wanted / wanted.norm(), rtol=0, atol=0.02)


def test_image_target_walks_through_the_code_without_a_mapping(plain):
    W = curve_traversal(plain, plain.sample_z(1), length=0.4, steps=2, target="image", variant="smooth")
    assert W.space == "z"
    torch.testing.assert_close(W.arc_length.diff(), torch.full((4,), 0.2).double())
    assert W.images(plain).shape == (5, 3, 16, 16)


@pytest.mark.parametrize("variant", ["matched", "smooth"])
def test_image_target_of_a_mapped_generator_walks_through_the_code(tiny, variant):
    """Each step is one of `w` along a right singular vector of the synthesis, computed here by hand."""
    z = tiny.sample_z(1, seed=3)
    W = curve_traversal(tiny, z, index=1, length=0.02, steps=2, target="image", variant=variant)
    assert W.space == "w"
    torch.testing.assert_close(W.codes[2], tiny.map(z)[0])
    torch.testing.assert_close(W.codes.diff(dim=0).norm(dim=1), torch.full((4,), 0.01).double())
    for step, code, sign in ((W.codes[3] - W.codes[2], W.codes[2], 1), (W.codes[0] - W.codes[1], W.codes[1], -1)):
        J = torch.func.jacfwd(lambda w: tiny.synthesize(w[None]).flatten())(code)
        v = torch.linalg.svd(J, full_matrices=False).Vh[1]
        assert float((step @ v).abs() / step.norm()) > (1 - 1e-9 if sign > 0 else 0.999)
    torch.testing.assert_close(W.z[2], z[0])
    assert W.z[[0, 1, 3, 4]].isnan().all()  # no latent is known for these
    assert W.images(tiny).shape == (5, 3, 16, 16)


def test_layers_keep_the_other_rows(tiny):
    z = tiny.sample_z(1)
    free = curve_traversal(tiny, z, length=0.1, steps=2)
    W = curve_traversal(tiny, z, length=0.1, steps=2, layers=[1, 3])
    assert W.space == "w+"
    torch.testing.assert_close(W.codes[:, 1], free.codes)
    torch.testing.assert_close(W.codes[:, 2], tiny.map(z).expand(5, -1))
    W = guided_traversal(tiny, z, torch.ones(6).double(), steps=2, layers=[0])
    assert (W.codes.shape, W.space) == ((3, 6, 6), "w+")
    torch.testing.assert_close(W.codes[:, 1:], tiny.map(z)[:, None].expand(3, 5, -1))


def test_cancelled_curve_has_what_was_walked(bent):
    for steps, at in [(2, 3), (8, 9)]:
        W = curve_traversal(bent, bent.sample_z(1), length=0.6, steps=6, on_step=lambda s, n=steps: s.index < n)
        assert (len(W), W.stopped) == (at, "cancelled")
        assert W.at[int((W.arc_length == 0).nonzero())] == 0
    W = guided_traversal(bent, bent.sample_z(1), torch.eye(bent.w_dim)[0], on_step=lambda s: s.index < 3)
    assert (len(W), W.stopped) == (4, "cancelled")


def test_guided_step_is_the_sum_over_rows(tiny):
    z = tiny.sample_z(1, seed=2)
    guide = torch.randn(tiny.num_layers, tiny.w_dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    U, _, Vh = torch.linalg.svd(mapping_jacobians(tiny, z)[0], full_matrices=False)
    expected = torch.zeros_like(z[0])
    for row in guide:
        cosines = U[:, :4].T @ row
        j = int(cosines.abs().argmax())
        expected += 0.05 * cosines[j].sign() * Vh[j]
    W = guided_traversal(tiny, z, guide, steps=1, candidates=4)
    torch.testing.assert_close(W.z[1] - W.z[0], expected)
    assert (W.kind, W.name, W.unit, W.space, W.stopped) == ("guided", "guided traversal", "latent", "w", "finished")
    assert W.at == (0.0, 0.05)
    assert W.indices[1].tolist() == [-1] * tiny.num_layers  # no step was made from the end


def test_guided_traversal_on_a_linear_generator_follows_the_singular_direction():
    G = linear_generator()
    z = G.sample_z(1)
    found = differential(G, z)
    D = Directions(found.directions[0, :, 1][None] * 3, "w", generator="linear", weights_hash=G.weights_hash)
    W = guided_traversal(G, z, D, steps=10, rate=0.1, follow="previous")
    assert (W.indices[:-1] == 1).all()
    assert W.deviation.max() < 1e-10
    torch.testing.assert_close(W.arc_length[-1], found.singular_values[0, 1])
    drawn = [guided_traversal(G, z, D, steps=3, spread=0.2, seed=s).arc_length for s in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2])


def test_quiet_directions_are_not_followed():
    values = torch.diag(torch.tensor([1.0, 0.5, 0.1, 1e-4, 1e-5]).double())
    G = LinearGenerator(values, torch.randn(48, 5, generator=torch.Generator().manual_seed(0)).double())
    assert len(curve_traversal(G, G.sample_z(1), index=2, length=0.1, steps=1)) == 3
    with pytest.raises(ValueError, match="index must be between 0 and 2, got 3"):
        curve_traversal(G, G.sample_z(1), index=3, length=0.1, steps=1)


def test_warning_of_a_weak_match_speaks_of_the_line_that_asked(bent):
    z = bent.sample_z(1)
    with pytest.warns(UserWarning, match="The direction is hardly the same from step") as told:
        curve_traversal(bent, z, length=40.0, steps=1)
    assert [warning.filename for warning in told] == [__file__]
    axis = Directions(torch.eye(bent.w_dim)[:1].double(), "w")
    with pytest.warns(UserWarning, match="The direction is hardly the same from step") as told:
        walk(bent, Code(z[0], "z"), axis, at=[-400.0, 400.0], kind="curve")
    assert [warning.filename for warning in told] == [__file__]


def test_guided_rows_that_cancel_have_no_line_to_leave(tiny):
    u = torch.eye(tiny.w_dim, dtype=torch.float64)[0]
    guide = torch.stack([u, -u] + [0 * u] * (tiny.num_layers - 2))
    W = guided_traversal(tiny, tiny.sample_z(1), guide, steps=2)
    torch.testing.assert_close(W.deviation, (W.codes - W.codes[0]).norm(dim=1))


@pytest.mark.parametrize("space", ["z", "s", "w+"])
def test_grid_in_every_space(tiny, space):
    """The generator has `z` and `s` of lengths that a bare code could not be told by."""
    z = tiny.sample_z(1)
    codes = {"z": z, "s": tiny.styles(tiny.map(z)), "w+": tiny.broadcast(tiny.map(z))}
    D, code = random_directions(tiny, k=2, space=space), Code(codes[space][0], space)
    grid = subspace_grid(tiny, code, D, at=[0, 1], unit="latent")
    torch.testing.assert_close(grid.codes[1, 1], code.tensor + D.unit_vectors.sum(0))


def test_grid_is_the_plane(tiny):
    D = Directions(torch.eye(6, dtype=torch.float64)[:3] * 2, "w", names=["a", "b", "c"])
    code = tiny.map(tiny.sample_z(1))
    grid = subspace_grid(tiny, code, D, at=[-1, 0, 2], unit="latent", which=("a", 2))
    torch.testing.assert_close(grid.codes[2, 0], code[0] + 2 * D.unit_vectors[0] - D.unit_vectors[2])
    assert grid.names == ("a", "c")
    torch.testing.assert_close(grid.images(tiny)[1, 1], tiny.synthesize(code)[0])
    assert grid.plot(tiny).axes
    part = grid.images(tiny, batch=3, on_step=lambda step: False)
    assert part[0].isfinite().all()
    assert part[1:].isnan().all()
    assert subspace_grid(tiny, code, D, at=[0, 1], layers=[2]).codes.shape == (2, 2, 6, 6)


def test_bad_input(tiny, plain):
    z = tiny.sample_z(1)
    for arguments, message in [
        ({"z": tiny.sample_z(2)}, "z must be one latent, got 2"),
        ({"z": z / 0}, "z must be finite"),
        ({"index": 6}, "index must be between 0 and"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"length": -1.0}, "length must be at least 0, got -1"),
        ({"variant": "wavy"}, "variant must be one of 'matched', 'fixed', 'smooth', got 'wavy'"),
        ({"sides": "left"}, "sides must be one of 'both', 'positive', 'negative', got 'left'"),
        ({"target": "b4"}, "target must be one of 'w', 'image'"),
        ({"layers": [9]}, "layers must be between 0 and 5, got 9"),
        ({"direction": z[0, :6]}, "direction must be None for the variant 'matched'"),
        ({"direction": z[0], "variant": "smooth"}, r"direction must have shape \(6,\), got \(7,\)"),
        ({"direction": 0 * z[0, :6], "variant": "smooth"}, "direction must have a part in the span"),
        ({"candidates": 0}, "candidates must be at least 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            curve_traversal(tiny, **{"z": z} | arguments)
    with pytest.raises(ValueError, match="Use target='image'"):
        curve_traversal(plain, plain.sample_z(1))
    with pytest.raises(ValueError, match="direction must not be zero"):
        guided_traversal(tiny, z, torch.zeros(6).double())
    with pytest.raises(ValueError, match="which must name two directions, got 3"):
        subspace_grid(tiny, tiny.code(0), Directions(torch.eye(6).double(), "w"), which=3)

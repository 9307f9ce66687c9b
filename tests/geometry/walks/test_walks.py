import math
from types import SimpleNamespace

import pytest
import torch

from latent_widgets.generators.exact import ExactFaces
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.geometry.jacobian.differential import differential
from latent_widgets.geometry.walks.curves import curve_traversal
from latent_widgets.geometry.walks.walk import great_circle, interpolate, kinds_of, shift, walk
from latent_widgets.values.codes import Code
from latent_widgets.values.directions import Directions
from latent_widgets.values.units import latent_sd
from tests.linear import linear_generator


@pytest.fixture
def G(make_network):
    return StyleGenerator(make_network(w_dim=5), "tiny")


@pytest.fixture
def D(G):
    vectors = torch.randn(3, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return Directions(vectors, "w", unit="sd", scales=[0.5, 1.0, 2.0], names=["a", "b", "c"]).for_generator(G)


@pytest.fixture
def random():
    def draw(*shape, seed=0):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    return draw


def test_linear_walk_adds_multiples(G, D):
    w = G.code(seed=3)
    W = walk(G, w, D, at=[-2, 0, 0.5], index="c")
    u = D.vectors[2] / D.vectors[2].norm()
    torch.testing.assert_close(W.codes, torch.stack([w - 4 * u, w, w + u]))
    assert (W.at, W.space, W.unit, W.kind, W.name) == ((-2.0, 0.0, 0.5), "w", "sd", "linear", "c")


def test_linear_walks_compose(G, D):
    w = G.code(seed=3)
    there = walk(G, w, D, at=[1.5]).codes[0]
    torch.testing.assert_close(walk(G, there, D, at=[-0.5]).codes, walk(G, w, D, at=[1.0]).codes)


def test_units_agree_on_the_same_step(G, D):
    w = G.code(seed=0)
    sd = float(latent_sd(G, D.vectors[:1], "w"))
    in_sd = walk(G, w, torch.as_tensor(D.vectors[0]), at=[2.0]).codes  # a bare vector is measured in deviations
    torch.testing.assert_close(walk(G, w, D, at=[2.0 * sd], unit="latent").codes, in_sd)
    own = Directions(D.vectors, "w", unit="rms", scales=[sd, 1, 1])
    torch.testing.assert_close(walk(G, w, own, at=[2.0]).codes, in_sd)


def test_layers_limit_which_rows_move(G, D):
    w = G.code(seed=0)
    W = walk(G, w, D, at=[1, 2], layers=[1, 4])
    assert (W.space, tuple(W.codes.shape)) == ("w+", (2, 6, 5))
    moved = walk(G, w, D, at=[1, 2]).codes
    for row in range(6):
        expected = moved if row in (1, 4) else w.expand(2, 5)
        assert torch.equal(W.codes[:, row], expected)
    own = Directions(D.vectors, "w", layers=[2])
    assert torch.equal(walk(G, w, own, at=[1]).codes[0, 3], w)


def test_directions_of_w_plus_move_each_row_by_its_own(G, random):
    vectors = random(1, 6, 5)
    W = walk(G, G.code(seed=0), Directions(vectors, "w+"), at=[3.0])
    rms = vectors[0].norm(dim=1).square().mean().sqrt()
    torch.testing.assert_close(W.codes[0], G.broadcast(G.code(seed=0))[0] + 3 * vectors[0] / rms)
    rows = G.broadcast(G.code(seed=0)) + random(1, 6, 5, seed=9)
    W = walk(G, rows, torch.eye(5)[1], at=[0.0, 1.0], unit="latent")
    torch.testing.assert_close(W.codes[1] - rows[0], torch.eye(5, dtype=torch.float64)[1].expand(6, 5))


def test_density_walk_keeps_the_norm_and_turns_by_its_angle(G, plain, random):
    for generator in (G, plain):
        z = generator.sample_z(1, seed=5)[0]
        code = Code(z, "z")
        at = torch.arange(-180.0, 181.0, 30.0)
        W = walk(generator, code, Code(random(generator.z_dim), "z"), at=at, unit="degrees", kind="density")
        torch.testing.assert_close(W.codes.norm(dim=1), z.norm().expand(len(at)))
        angles = torch.rad2deg(torch.acos((W.codes @ z / z.square().sum()).clamp(-1, 1)))
        torch.testing.assert_close(angles, at.abs().double(), atol=1e-5, rtol=0)
        torch.testing.assert_close(W.codes[0], W.codes[-1])  # the circle closes
        assert W.images(generator).shape == (13, 3, 16, 16)


def test_density_walk_stays_in_the_plane_and_starts_along_the_direction(plain, random):
    z, u = plain.sample_z(1)[0], random(5, seed=3)
    codes = walk(plain, z, u, at=[1e-4, 40.0], kind="density", unit="latent").codes
    assert torch.linalg.matrix_rank(torch.stack([z, u, *codes])) == 2
    sideways = u - z * (u @ z / z.square().sum())
    torch.testing.assert_close((codes[0] - z) / 1e-4, sideways / sideways.norm(), atol=1e-3, rtol=0)


def test_arc_length_is_what_a_density_walk_measures(plain, random):
    z, u = plain.sample_z(1)[0], random(5, seed=3)
    angle = math.degrees(2.0 / float(z.norm()))
    arc = walk(plain, z, u, at=[2.0], kind="density", unit="latent").codes
    torch.testing.assert_close(arc, walk(plain, z, u, at=[angle], kind="density", unit="degrees").codes)
    straight = walk(plain, z, u, at=[angle], kind="linear", unit="degrees").codes[0]
    assert float((straight - z).norm()) == pytest.approx(2.0)


def test_great_circle_of_nearly_parallel_direction_keeps_the_norm(random):
    z = random(64)
    codes = great_circle(z, z + 1e-5 * random(64, seed=1), torch.linspace(-3, 3, 7, dtype=torch.float64))
    torch.testing.assert_close(codes.norm(dim=1), z.norm().expand(7))


def test_great_circle_without_a_plane_is_refused(random):
    z = random(4)
    for u in (2 * z, torch.zeros_like(z)):
        with pytest.raises(ValueError, match="direction must not be parallel to the code on a great circle"):
            great_circle(z, u, torch.zeros(1))
    with pytest.raises(ValueError, match="direction must not be parallel to the code on a great circle"):
        great_circle(0 * z, z, torch.zeros(1))


@pytest.fixture
def bent():
    return ExactFaces(resolution=8, entanglement=1.0, dtype=torch.float64)


@pytest.fixture
def leading(bent):
    """The second local direction at seed 3, in steps of a quarter unit."""
    z = bent.sample_z(1, seed=3)
    return Directions(differential(bent, z).directions[0, :, 1][None], "w", scales=[0.25], names=["second"])


def test_curve_of_a_linear_generator_is_its_straight_walk():
    G = linear_generator()
    z = G.sample_z(1, seed=1)[0]
    D = Directions(differential(G, z).directions[0, :, :2].mT.contiguous() * 3, "w", unit="latent")
    at = [2.0, -1.5, 0.0, 0.3]
    straight = walk(G, G.map(z), D, at, index=1)
    curve = walk(G, Code(z, "z"), D, at, index=1, kind="curve")
    torch.testing.assert_close(curve.codes, straight.codes)
    assert (curve.at, curve.unit, curve.name, curve.kind) == (straight.at, "latent", straight.name, "curve")


def test_curve_passes_through_the_points_of_the_traversal(bent, leading):
    traversal = curve_traversal(bent, bent.sample_z(1, seed=3), 1, length=1.5, variant="smooth")
    same = 1 if traversal.codes[13] @ leading.vectors[0] > traversal.codes[12] @ leading.vectors[0] else -1
    W = walk(
        bent, Code(bent.sample_z(1, seed=3)[0], "z"), leading, [same * a for a in (-6, -3.5, 0, 1, 6)], kind="curve"
    )
    torch.testing.assert_close(W.codes, traversal.codes[[0, 5, 12, 14, 24]])
    torch.testing.assert_close(W.arc_length.abs(), traversal.arc_length[[0, 5, 12, 14, 24]].abs())
    torch.testing.assert_close(W.deviation, traversal.deviation[[0, 5, 12, 14, 24]])
    torch.testing.assert_close(W.codes, bent.map(W.z))  # between the traversal's points too, see below
    assert W.deviation.max() > 0.01


def test_curve_lies_on_the_image_at_every_position_and_obeys_the_truncation(bent, leading):
    at = [-5.3, -0.1, 0.0, 2.7]
    W = walk(bent, Code(bent.code(3, 0.6), "w", seed=3, truncation=0.6), leading, at, kind="curve")
    torch.testing.assert_close(W.codes, bent.map(W.z, 0.6))
    torch.testing.assert_close(W.codes[2], bent.code(3, 0.6))
    torch.testing.assert_close(W.arc_length, 0.25 * torch.tensor(at).double(), rtol=0.02, atol=1e-9)
    one_side = walk(bent, Code(bent.code(3), "w", seed=3), leading, [1.0, 3.0], kind="curve")
    torch.testing.assert_close(
        one_side.codes[0], walk(bent, Code(bent.code(3), "w", seed=3), leading, [-3, 1, 3], kind="curve").codes[1]
    )
    assert torch.equal(walk(bent, Code(bent.code(3), "w", 3), leading, [0.0], kind="curve").codes[0], bent.code(3))


def test_curve_moves_chosen_layers_and_ends_when_cancelled(tiny):
    z = tiny.sample_z(1, seed=2)
    u = differential(tiny, z).directions[0, :, 0]
    free = walk(tiny, Code(z[0], "z"), u, [-0.2, 0.2], unit="latent", kind="curve")
    W = walk(tiny, Code(z[0], "z"), u, [-0.2, 0.2], unit="latent", kind="curve", layers=[1, 3])
    assert W.space == "w+"
    torch.testing.assert_close(W.codes[:, 3], free.codes)
    torch.testing.assert_close(W.codes[:, 2], tiny.map(z).expand(2, -1))
    steps = []
    cut = walk(
        tiny,
        Code(z[0], "z"),
        u,
        [-0.2, 0.1, 0.2],
        "latent",
        "curve",
        on_step=lambda step: steps.append(step) or len(steps) < 12,
    )
    assert (cut.at, cut.stopped, steps[-1].total) == ((0.1, 0.2), "cancelled", 24)
    torch.testing.assert_close(cut.codes[1], free.codes[1])
    none = walk(tiny, Code(z[0], "z"), u, [0.2], "latent", "curve", on_step=lambda step: False)
    assert (len(none), none.at, none.stopped) == (0, (), "cancelled")


def test_curve_says_where_there_is_none(tiny, plain):
    u = torch.ones(6, dtype=torch.float64)
    for code, direction, message in [
        (tiny.code(0), u, r"code must have a known z for kind='curve', got one in w without\. Give Code\(z, 'z'\)"),
        (Code(tiny.code(0), "w"), u, "code must have a known z for kind='curve', got one in w without"),
        (Code(tiny.code(0), "w", 0, 0.0), u, "truncation must not be 0 for a curve, got 0"),
        (Code(tiny.code(0), "w", 0), Code(torch.ones(7), "z"), "direction must live in w for a curve, got one in z"),
        (
            Code(tiny.code(0), "w", 0),
            Code(torch.ones(6, 6), "w+"),
            r"in w for a curve, got one in w\+. Use kind='linear', or guided_traversal",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            walk(tiny, code, direction, kind="curve")
    assert kinds_of(tiny) == ("linear", "density", "curve")
    assert kinds_of(plain) == ("linear", "density")


def test_curve_along_a_direction_off_the_image_warns(tiny):
    z = tiny.sample_z(1, seed=2)
    quiet = differential(tiny, z).directions[0]
    off = 0.1 * quiet[:, 0] + quiet[:, -1]
    with pytest.warns(UserWarning, match="hardly the same from step 0 on: a match cosine is 0.1"):
        walk(tiny, Code(z[0], "z"), off, [-0.01, 0.01], unit="latent", kind="curve")


def test_density_outside_z_is_kept_by_what_is_given(G, D):
    centre = G.w_avg

    def circle(code, direction, lengths):
        return centre + great_circle(code - centre, direction, lengths / (code - centre).norm())

    w = G.code(seed=3)
    W = walk(G, w, D, at=[-2, 0, 3], kind="density", density=circle)
    torch.testing.assert_close((W.codes - centre).norm(dim=1), (w - centre).norm().expand(3))
    rows = walk(G, w, D, at=[-2, 0, 3], kind="density", density=circle, layers=[1, 4])
    torch.testing.assert_close(rows.codes[:, 4], W.codes)
    assert torch.equal(rows.codes[:, 3], w.expand(3, 5))


def test_images_are_those_of_the_codes_in_any_batch(G, D):
    W = walk(G, G.code(seed=0), D, layers=[0, 1])
    torch.testing.assert_close(W.images(G, batch=3), G.synthesize(W.codes, "w+"))
    assert not W.images(G).requires_grad
    assert len(W) == 7


def test_images_report_and_stop(G, D):
    W, steps = walk(G, G.code(seed=0), D), []
    W.images(G, batch=3, on_step=steps.append)
    assert [(s.index, s.total, len(s.value)) for s in steps] == [(1, 3, 3), (2, 3, 3), (3, 3, 1)]
    assert len(W.images(G, batch=3, on_step=lambda step: step.index < 2)) == 6


def test_plot_is_a_strip_with_its_positions(G, D):
    figure = walk(G, G.code(seed=0), D, at=[-1, 0.5]).plot(G)
    assert [axes.get_xlabel() for axes in figure.axes] == ["-1", "0.5"]
    assert figure.get_supxlabel() == "a [sd] linear"
    assert figure.axes[0].images[0].get_array().shape == (16, 16, 3)


@pytest.mark.parametrize("shape", [(4,), (2, 4), (6, 5)])
def test_linear_interpolation(shape, random):
    a, b = random(*shape), random(*shape, seed=1)
    t = torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64)
    between = interpolate(a, b, t)
    assert between.shape == (3, *shape)
    assert torch.equal(between[0], a)
    assert torch.equal(between[2], b)
    torch.testing.assert_close(between[1], 0.75 * a + 0.25 * b)
    assert torch.equal(interpolate(a, b, 0.25), between[1])


def test_great_circle_interpolation_turns_evenly(random):
    a, b = random(3, 7), random(3, 7, seed=1)
    b = b / b.norm(dim=1, keepdim=True) * a.norm(dim=1, keepdim=True)
    steps = interpolate(a, b, torch.linspace(0, 1, 6, dtype=torch.float64), "great-circle")
    torch.testing.assert_close(steps[0], a)
    torch.testing.assert_close(steps[-1], b)
    torch.testing.assert_close(steps.norm(dim=2), a.norm(dim=1).expand(6, 3))
    cosines = (steps[1:] * steps[:-1]).sum(2) / a.norm(dim=1).square()
    torch.testing.assert_close(cosines, cosines[:1].expand_as(cosines))


def test_great_circle_changes_the_norm_evenly():
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 6.0])
    steps = interpolate(a, b, torch.tensor([0.0, 0.5, 1.0]), "great-circle")
    torch.testing.assert_close(steps.norm(dim=1), torch.tensor([2.0, 4.0, 6.0]))


def test_great_circle_between_equal_codes_stays(random):
    a = random(2, 5)
    assert torch.equal(interpolate(a, a, 0.3, "great-circle"), a)


def test_interpolation_refuses_what_is_not_defined(random):
    a = random(4)
    with pytest.raises(ValueError, match="a and b must not be opposite for a great circle"):
        interpolate(a, -2 * a, 0.5, "great-circle")
    with pytest.raises(ValueError, match=r"b must have the shape of a, \(4,\), got \(3,\)"):
        interpolate(a, random(3), 0.5)
    with pytest.raises(ValueError, match="kind must be one of 'linear', 'great-circle', got 'slerp'"):
        interpolate(a, a, 0.5, "slerp")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"kind": "density"},
            ValueError,
            r"kind must be one of 'linear', got 'density'\. In z there are linear and density",
        ),
        ({"kind": "spiral"}, ValueError, "kind must be one of 'linear', got 'spiral'"),
        ({"unit": "degrees"}, ValueError, "unit must be .* in w, got 'degrees'"),
        ({"unit": "rms"}, ValueError, "unit must be .* here, got 'rms'"),
        ({"at": []}, ValueError, "at must hold at least one position, got none"),
        ({"at": [math.nan]}, ValueError, "at must be finite, got nan"),
        ({"layers": [6]}, ValueError, "layers must be between 0 and 5, got 6"),
        ({"index": 3}, IndexError, "index must be below 3, the number of directions, got 3"),
        ({"code": torch.zeros(2, 5, dtype=torch.float64)}, ValueError, "code must be one code, got 2"),
        ({"direction": torch.eye(4)[0]}, ValueError, r"direction must have shape \(5,\), got \(4,\)"),
        ({"direction": Code(torch.ones(7), "z")}, ValueError, "live in the space of the code, w, got one in z"),
    ],
)
def test_walks_that_do_not_exist_are_refused(G, D, options, error, message):
    arguments = {"code": G.code(seed=0), "direction": D, "at": [1.0]} | options
    with pytest.raises(error, match=message):
        walk(G, **arguments)


def test_walk_without_layers_or_on_another_generator_is_refused(G, D, plain, make_network):
    z = plain.sample_z(1)
    with pytest.raises(ValueError, match=r"layers must be None in z, got \[0\]\. Only w and w\+ go into the layers"):
        walk(plain, z, torch.eye(5)[0], layers=[0])
    with pytest.raises(
        ValueError, match=r"'linear', 'density', got 'curve'\. A curve follows the mapping from z to w, and"
    ):
        walk(plain, z, torch.eye(5)[0], kind="curve")
    other = StyleGenerator(make_network(seed=1, w_dim=5), "other")
    with pytest.raises(ValueError, match=r"weights hash .* Use directions\.adopt\(G\)"):
        walk(other, other.code(seed=0), SimpleNamespace(directions=D))


def test_shift_is_differentiable_in_the_code(D, random):
    code = random(5).requires_grad_()
    shift(code, D[0], [1.0, 2.0]).sum().backward()
    assert code.grad.tolist() == [2] * 5

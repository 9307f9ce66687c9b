"""The renderer: smooth in every factor, exact parts, one face at a time."""

import re

import pytest
import torch

from latent_widgets import faces
from latent_widgets.faces import layers
from latent_widgets.faces.renderer import FACTOR_NAMES, FACTORS, PARTS
from tests.reference import looks_of_parts, relative, sweeps

D = len(FACTORS)
RANGES = torch.tensor([f.high - f.low for f in FACTORS], dtype=torch.float64)
BUSY = {"beard": 0.9, "glasses": 0.9, "mouth_open": 0.4, "hair_length": 0.8, "eye_open": 0.8, "light": 0.4, "yaw": 0.2}


@pytest.fixture(scope="module")
def crowd():
    """Random faces, random corners of the cube of factors, and its centre, two opposite corners."""
    rng = torch.Generator().manual_seed(4)
    u = torch.rand(8, D, generator=rng, dtype=torch.float64)
    corners = (torch.rand(6, D, generator=rng, dtype=torch.float64) < 0.5).double()
    ends = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)[:, None].expand(-1, D)
    return faces.quantile(torch.cat([u, corners, ends]))


@pytest.fixture(scope="module")
def sensitivity(busy):
    """The squared change of the parts' looks over a sweep of each factor, (factors, faces, parts), and their areas.

    The last four faces wear glasses under hair of several lengths; those before them are random.
    """
    short = busy.float().repeat(4, 1)
    short[:, FACTOR_NAMES.index("hair_length")] = torch.tensor([0.0, 0.08, 0.16, 0.24])
    x = torch.cat([faces.sample_factors(20, seed=8), short])
    change = sweeps(lambda v: looks_of_parts(v, 28), x).square().sum((3, 4, 5))
    return change, faces.render(x, 28).parts.sum((2, 3))


@pytest.fixture(scope="module")
def busy():
    """A face on which every part is visible, as a row."""
    x = faces.quantile(torch.full((1, D), 0.5, dtype=torch.float64))
    for name, value in BUSY.items():
        x[0, FACTOR_NAMES.index(name)] = value
    return x


# ---- derivatives


@pytest.mark.parametrize("size", [24, 25])  # 25: pixels lie on the axes, where both halves of the face meet
def test_forward_mode_is_finite_and_equal_to_reverse_mode(crowd, size):
    u = torch.randn(len(crowd), 3 + len(PARTS), size, size, dtype=torch.float64)

    def drawn(x):
        result = faces.render(x, size)
        return torch.cat([result.image, result.parts], 1)

    (backward,) = torch.func.vjp(drawn, crowd)[1](u)
    forward = sweeps(drawn, crowd)
    assert forward.isfinite().all()
    assert backward.isfinite().all()
    torch.testing.assert_close((u * forward).sum((2, 3, 4)), RANGES[:, None] * backward.T, rtol=1e-8, atol=1e-8)


def test_derivative_is_the_limit_of_differences(crowd):
    step, sweep = 1e-6, torch.diag(RANGES)
    for face in crowd[:2]:
        x = face.expand(D, -1).clone()  # row i is moved along factor i
        exact = torch.func.jvp(lambda v: faces.render(v, 24).image, (x,), (sweep,))[1]
        ahead, behind = (faces.render(x + sign * step * sweep, 24).image for sign in (1, -1))
        error, size = (v.flatten(1).norm(dim=1) for v in (exact - (ahead - behind) / (2 * step), exact))
        assert [name for i, name in enumerate(FACTOR_NAMES) if error[i] > 1e-6 * (1 + size[i])] == []


def test_every_factor_changes_the_picture_all_along_its_range(busy):
    places = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0], dtype=torch.float64)
    low = torch.tensor([f.low for f in FACTORS], dtype=torch.float64)
    x, tangent = busy.repeat(D, len(places), 1), torch.zeros(D, len(places), D, dtype=torch.float64)
    for i in range(D):
        x[i, :, i] = low[i] + RANGES[i] * places
        tangent[i, :, i] = RANGES[i]
    change = torch.func.jvp(lambda v: faces.render(v, 32).image, (x.flatten(0, 1),), (tangent.flatten(0, 1),))[1]
    rms = change.square().mean((1, 2, 3)).sqrt().view(D, -1)
    assert {name: row.tolist() for name, row in zip(FACTOR_NAMES, rms, strict=True) if row.min() < 2e-3} == {}


# ---- parts


def test_parts_sum_to_one_and_are_shares(crowd):
    parts = faces.render(crowd, 40).parts
    torch.testing.assert_close(parts.sum(1), torch.ones_like(parts[:, 0]), rtol=0, atol=1e-12)
    assert parts.min() >= 0


def test_parts_and_layers_are_named(busy):
    drawn = faces.render(busy, 40)
    assert drawn.coverage.shape == (1, len(layers.LAYER_NAMES), 40, 40)
    assert drawn.shading.shape == (1, 2, 40, 40)
    assert drawn.coverage.min() >= 0
    assert drawn.coverage.max() <= 1
    assert (drawn.parts.amax((0, 2, 3)) > 0.5).all()  # every part is somewhere in front


def test_looks_of_parts_add_up_to_the_picture(crowd):
    drawn, looks = faces.render(crowd, 32), looks_of_parts(crowd, 32)
    torch.testing.assert_close(looks[:, :, :3].sum(1) * 2 - 1, drawn.image)
    torch.testing.assert_close(looks[:, :, 3], drawn.parts)


def test_part_keeps_its_look_under_factors_not_listed(sensitivity):
    change, area = sensitivity[0][:, :-4], sensitivity[1][:-4]
    per_pixel = (change.sum(1) / area.sum(0)).sqrt()  # root mean square over the visible pixels of the random faces
    wrong = {
        (name, part): round(float(per_pixel[i, k]), 3)
        for i, name in enumerate(FACTOR_NAMES)
        for k, part in enumerate(PARTS)
        if name not in faces.factors_of_part(part) and per_pixel[i, k] > 0.1
    }
    assert wrong == {}


def test_part_changes_under_every_factor_listed(sensitivity):
    change, area = sensitivity
    per_pixel = (change / area.clamp(min=0.5)).sqrt().amax(1)  # on the face where it is seen best
    wrong = {
        (name, part): round(float(per_pixel[FACTOR_NAMES.index(name), k]), 3)
        for k, part in enumerate(PARTS)
        for name in faces.factors_of_part(part)
        if per_pixel[FACTOR_NAMES.index(name), k] < 0.01
    }
    assert wrong == {}


def test_every_factor_touches_a_part_and_every_part_has_factors():
    assert all(f.parts and set(f.parts) <= set(PARTS) and len(set(f.parts)) == len(f.parts) for f in FACTORS)
    assert all(faces.factors_of_part(part) for part in PARTS)


# ---- one face at a time, at every size, in every type


def test_face_alone_is_the_face_in_a_batch(crowd):
    together = faces.render(crowd, 32)
    alone = [faces.render(row[None], 32) for row in crowd]
    for field in ("image", "parts", "coverage", "shading"):
        single = torch.cat([getattr(one, field) for one in alone])
        torch.testing.assert_close(single, getattr(together, field), rtol=0, atol=1e-13)


def test_order_of_faces_is_the_order_of_pictures(crowd):
    order = torch.randperm(len(crowd), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        faces.render(crowd[order], 32).image, faces.render(crowd, 32).image[order], rtol=0, atol=1e-13
    )


def test_picture_is_the_same_at_every_resolution():
    x = faces.sample_factors(6, seed=3)
    fine = faces.render(x, 256)
    for size, mean, bar in [(128, 0.012, 0.08), (64, 0.03, 0.15)]:
        coarse = faces.render(x, size)
        for small, large in [(coarse.image, fine.image), (coarse.parts, fine.parts)]:
            shrunk = torch.nn.functional.avg_pool2d(large, 256 // size)
            assert (small - shrunk).abs().mean() < mean
            assert relative(small, shrunk) < bar


def test_resolutions_compared_with_a_shifted_picture_differ():
    x = faces.sample_factors(6, seed=3)
    shrunk = torch.nn.functional.avg_pool2d(faces.render(x, 256).image, 4).roll(1, 3)
    assert relative(faces.render(x, 64).image, shrunk) > 0.2


def test_type_and_device_follow_the_factors(busy):
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        drawn = faces.render(busy.to(dtype), 16)
        assert {drawn.image.dtype, drawn.parts.dtype, drawn.coverage.dtype, drawn.shading.dtype} == {dtype}
    assert relative(faces.render(busy.float(), 16).image, faces.render(busy, 16).image) < 1e-4
    drawn = faces.render(busy.to("meta"), 16)
    assert drawn.image.is_meta
    assert drawn.image.shape == (1, 3, 16, 16)


def test_faces_can_be_mapped_over(crowd):
    mapped = torch.vmap(lambda row: faces.render(row[None], 16).image[0])(crowd)
    torch.testing.assert_close(mapped, faces.render(crowd, 16).image)


def test_no_face_gives_no_picture():
    assert faces.render(torch.zeros(0, D), 16).parts.shape == (0, len(PARTS), 16, 16)


# ---- the laws of the factors


def test_laws_rise_from_end_to_end_without_atoms():
    u = torch.linspace(0, 1, 2001, dtype=torch.float64)[:, None].repeat(1, D)
    values, slopes = torch.func.jvp(faces.quantile, (u,), (torch.ones_like(u),))
    torch.testing.assert_close(values[0], torch.tensor([f.low for f in FACTORS]).double())
    torch.testing.assert_close(values[-1], torch.tensor([f.high for f in FACTORS]).double())
    assert (values.diff(dim=0) > 0).all()
    assert (slopes / RANGES).min() > 1e-7  # glasses: nearly always there or not, and yet in one piece
    assert slopes.isfinite().all()


def test_cumulative_is_the_inverse():
    u = torch.linspace(0, 1, 501, dtype=torch.float64)[:, None].expand(-1, D)
    torch.testing.assert_close(faces.cumulative(faces.quantile(u)), u, rtol=0, atol=1e-10)
    u = u[25:-25].float()
    torch.testing.assert_close(faces.cumulative(faces.quantile(u)), u, rtol=0, atol=1e-3)


def test_samples_are_reproducible_and_in_range():
    x = faces.sample_factors(50, seed=1)
    assert (x.shape, x.dtype) == ((50, D), torch.float32)
    assert torch.equal(x, faces.sample_factors(50, seed=1))
    assert not torch.equal(x, faces.sample_factors(50, seed=2))
    assert ((x >= torch.tensor([f.low for f in FACTORS])) & (x <= torch.tensor([f.high for f in FACTORS]))).all()


def test_sampling_leaves_the_global_generator_alone():
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    faces.sample_factors(4, seed=9)
    assert torch.equal(torch.rand(3), wanted)


# ---- errors


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: faces.render(torch.zeros(2, 3)), ValueError, "factors must have shape (n, 39), got (2, 3)."),
        (lambda: faces.render(torch.zeros(D)), ValueError, "factors must have shape (n, 39), got (39,)."),
        (lambda: faces.render([0.0] * D), TypeError, "factors must be a torch tensor, got list."),
        (lambda: faces.render(torch.zeros(1, D), 0), ValueError, "size must be at least 1, got 0."),
        (lambda: faces.render(torch.zeros(1, D), 32.0), TypeError, "size must be an integer, got 32.0."),
        (lambda: faces.sample_factors(0), ValueError, "n must be at least 1, got 0."),
        (lambda: faces.sample_factors(2, seed=0.5), TypeError, "seed must be an integer, got 0.5."),
        (
            lambda: faces.factors_of_part("nostril"),
            ValueError,
            "part must be one of 'background', 'clothes', 'skin', 'hair', 'brows', 'eyes', 'nose', 'mouth', 'beard', "
            "'glasses', got 'nostril'.",
        ),
    ],
)
def test_wrong_arguments_are_told(call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        call()

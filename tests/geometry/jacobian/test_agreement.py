"""Derivatives that a network cuts off are found by its values: refused, or made in the mode that goes through."""

import math
import warnings

import pytest
import torch
from torch import nn

import latent_widgets as lw
from latent_widgets.core.rounding import rounding
from latent_widgets.geometry.jacobian.agreement import quotient
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from tests import cut
from tests.geometry.conftest import A, X

DTYPES = [torch.float32, torch.float64]


CUT = "fn must (have the derivative of its values|be differentiable)"


class Doubled(torch.autograd.Function):
    """The sine, whose rule for forward mode is off by a factor."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0].cos()

    @staticmethod
    def jvp(ctx, tangent):
        return 2 * tangent * ctx.saved_tensors[0].cos()


def test_forward_mode_that_is_wrong_gives_way_to_double_reverse_mode():
    J = JacobianOperator(lambda x: Doubled.apply(A @ x), X)
    torch.testing.assert_close(J @ torch.eye(6).double(), (A @ X).cos()[:, None] * A)


@pytest.mark.parametrize("dtype", DTYPES)
def test_quotient_of_a_straight_function_is_off_by_rounding_over_the_step(dtype):
    x = X.to(dtype)
    found = quotient(lambda v: A.to(dtype) @ v, x)
    length = float(x.double().square().mean().sqrt())
    assert float(found.tangent.double().abs().sub(length).abs().max()) < 1e-6  # a sign for each coordinate
    change = A @ found.tangent.double()
    assert float((found.change - change).norm()) <= found.error
    ahead, behind = (A @ (X + sign / 16 * found.tangent.double()) for sign in (1, -1))
    expected = rounding(dtype) * float(ahead.norm() + behind.norm()) * 8  # half of the first step is 1/16
    assert expected * 0.9 < found.error < 2.5 * expected
    assert float(found.kink.max()) < found.error


def test_doubt_does_not_depend_on_the_unit_of_the_values():
    once, thousandfold = (quotient(lambda v, unit=unit: unit * (A @ v).exp(), X) for unit in (1, 1024))
    assert 0 < once.doubt == pytest.approx(thousandfold.doubt)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "fn",
    [
        cut.detached,
        cut.data,
        cut.one_branch_detached,
        cut.inference,
        cut.through_numpy,
        cut.through_a_list,
        cut.eight_bits,
        cut.Slow.apply,
    ],
    ids=lambda fn: fn.__qualname__,
)
def test_what_is_cut_in_both_modes_is_refused(fn, dtype):
    m = len(fn(X.to(dtype)))
    for product in (lambda J: J @ J.x0, lambda J: J.T @ torch.ones(m, dtype=dtype), lambda J: J.svd(2, "randomized")):
        J = JacobianOperator(fn, X.to(dtype))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that forward mode is missing
            with pytest.raises(ValueError, match=CUT):
                product(J)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fn", [cut.without_gradients, cut.one_branch_without_gradients])
def test_what_is_cut_in_reverse_mode_is_made_in_forward_mode(fn, dtype):
    """The twin is the same function without the block, in float64."""
    x = X.to(dtype)
    scale = 0.05 if fn is cut.one_branch_without_gradients else 0.0

    def whole(v):
        return cut.straight(v) + scale * torch.sin(A @ v)

    twin = torch.autograd.functional.jacobian(whole, X).to(dtype)
    J = JacobianOperator(fn, x)
    with pytest.warns(UserWarning, match="Reverse mode does not give the derivative of fn"):
        pulled = J.T @ torch.eye(len(A), dtype=dtype)
    torch.testing.assert_close(pulled, twin.T)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.testing.assert_close(J.svd(3, "randomized").S, torch.linalg.svdvals(twin)[:3])
        torch.testing.assert_close(JacobianOperator(fn, x).gram(keep=False), twin.T @ twin)
        torch.testing.assert_close(J.svd(2, "lanczos").S, torch.linalg.svdvals(twin)[:2])
    torch.testing.assert_close(JacobianOperator(fn, x).dense(), twin)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 1e4])
def test_nothing_is_said_of_functions_that_are_whole(scale, dtype):
    """Smooth, with kinks (some of them at the point itself), constant, steep, and of any size."""
    x, wide = scale * X.to(dtype), 1 / (scale or 1.0)
    functions = [
        lambda v: cut.straight(wide * v),
        lambda v: torch.relu(A.to(v) @ v),
        lambda v: nn.functional.leaky_relu(A.to(v) @ (wide * v - wide * x)),
        lambda v: v * 0 + 1,
        lambda v: (wide * v).abs() + 3,
        lambda v: torch.sin(30 * (A.to(v) @ (wide * v))),
        lambda v: 1e-6 * (wide * v) + 1,
        lambda v: torch.exp(5 * wide * v),
    ]
    for f in functions:
        J = JacobianOperator(f, x)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            forward, backward = J.dense(), (JacobianOperator(f, x).T @ torch.eye(J.shape[0], dtype=dtype)).T
        torch.testing.assert_close(forward, backward)


def test_quotient_is_the_slope_in_the_middle_of_a_kink():
    found = quotient(lambda x: torch.relu(x), torch.zeros(3))
    torch.testing.assert_close(found.change, 0.5 * found.tangent.double())
    torch.testing.assert_close(found.kink, torch.full((3,), 0.5, dtype=torch.float64))
    assert quotient(lambda x: x.sqrt(), torch.zeros(3)) is None  # there is nothing on the other side


class Net(nn.Module):
    """Latents to pictures of 6 x 4 pixels."""

    def __init__(self, mode):
        super().__init__()
        self.dense, self.mode = nn.Linear(5, 72, bias=False), mode
        with torch.no_grad():
            self.dense.weight.copy_(torch.randn(72, 5, generator=torch.Generator().manual_seed(1)) / math.sqrt(5))

    def forward(self, z):
        with self.mode():
            return self.dense(z).tanh().view(-1, 3, 6, 4)


class Detached(Net):
    def forward(self, z):
        return super().forward(z).detach()


@pytest.mark.parametrize("network", [Net(torch.no_grad), Detached(torch.enable_grad), Net(torch.inference_mode)])
def test_what_optimises_names_what_is_wrong_with_the_network(network):
    G = lw.load(network, z_dim=5)
    mask = torch.zeros(6, 4, dtype=torch.bool)
    mask[:2] = True
    message = "the network must have gradients in reverse mode|" + CUT
    for run in (
        lambda: lw.invert(G, G(G.sample_z(1)), steps=2),
        lambda: lw.lelsd(G, mask, steps=2),
        lambda: lw.dp_lase(G, k=2, steps=2, layer="image"),
    ):
        with pytest.raises(ValueError, match=message):
            run()


def test_a_network_without_gradients_has_its_spectrum_and_is_tried_once(monkeypatch):
    G, twin = lw.load(Net(torch.no_grad), z_dim=5), lw.load(Net(torch.enable_grad), z_dim=5)
    z = G.sample_z(1, seed=4)[0]
    torch.testing.assert_close(
        lw.local_basis(G, z, target="image").singular_values, lw.local_basis(twin, z, target="image").singular_values
    )
    calls = []
    monkeypatch.setattr(
        "latent_widgets.geometry.jacobian.products.quotient", lambda f, x: calls.append(0) or quotient(f, x)
    )
    lw.local_basis(G, G.sample_z(1, seed=5)[0], target="image")
    assert not calls
    J = JacobianOperator(lambda x: G(x[None])[0], z)  # of a bare function nothing is known
    J @ z, J @ z
    assert len(calls) == 1


def test_a_mapping_without_gradients():
    """Its reverse mode, taken of many latents at once, is zero."""

    class Styled(nn.Module):
        z_dim, w_dim, num_ws = 5, 4, 3

        def __init__(self, mode):
            super().__init__()
            self.fc, self.rgb, self.mode = nn.Linear(5, 4), nn.Linear(4, 72), mode
            with torch.no_grad():
                self.fc.weight.copy_(torch.randn(4, 5, generator=torch.Generator().manual_seed(2)))

        def mapping(self, z, c):
            with self.mode():
                return self.fc(z).tanh()

        def synthesis(self, ws):
            return self.rgb(ws.mean(1)).tanh().view(-1, 3, 6, 4)

        def forward(self, z, c=None):
            return self.synthesis(self.mapping(z, c)[:, None].expand(-1, 3, -1))

    torch.manual_seed(3)
    cut = Styled(torch.no_grad)
    whole = Styled(torch.enable_grad)
    whole.load_state_dict(cut.state_dict())
    z = torch.randn(2, 5, generator=torch.Generator().manual_seed(6))
    found, wanted = (lw.local_bases(lw.load(network), z) for network in (cut, whole))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one.singular_values, other.singular_values)
        assert float(other.singular_values[2]) > 0.1

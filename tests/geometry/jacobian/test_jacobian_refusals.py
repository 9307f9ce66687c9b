"""What is no function, no point, no mask or no code for a Jacobian is refused in words."""

import numpy as np
import pytest
import torch

from latent_widgets.geometry.jacobian.functions import image_function, mapping_function, target_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from tests.geometry.conftest import X

COUNTER = torch.zeros(())


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (lambda x: x / 0, "fn must return finite numbers, got 6 NaN or infinite of 6 at x0"),
        (lambda x: x * COUNTER.add_(1), "fn must not write into tensors that outlive the call, got aten::add_"),
        (lambda x: x.add_(1), "fn must not write into tensors that outlive the call"),
        (torch.nn.BatchNorm1d(6, dtype=torch.float64), "fn must"),
        (lambda x: torch.dropout(x, 0.5, True), "fn must be deterministic, got one that draws random numbers"),
        (lambda x: x + torch.rand_like(x), "fn must be deterministic"),
    ],
)
def test_bad_functions_are_refused(fn, message):
    x = X[None] if isinstance(fn, torch.nn.Module) else X
    with pytest.raises(ValueError, match=message):
        JacobianOperator(lambda v: fn(x + 0 * v) if x.ndim == 2 else fn(v), X)


def test_function_without_a_derivative_at_the_point():
    J = JacobianOperator(lambda x: (x * 0).sqrt(), X)
    with pytest.raises(ValueError, match="J @ V must be finite, got NaN or infinity"):
        J.dense()


def test_function_cut_off_from_its_input():
    with pytest.raises(ValueError, match="fn must be differentiable, got an output that is cut off"):
        JacobianOperator(lambda x: torch.as_tensor(np.sin(x.detach().numpy())), X) @ X


PICTURE = torch.ones(1, 4, 5, dtype=torch.float64)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fn": 3}, TypeError, "fn must be a function of a vector, got int"),
        ({"x0": X[None]}, ValueError, r"x0 must have shape \(d,\), got \(1, 6\)"),
        ({"x0": torch.arange(3)}, TypeError, "x0 must be floating, got torch.int64"),
        ({"x0": X / 0}, ValueError, "x0 must be finite"),
        ({"fn": lambda x: None}, TypeError, "fn must return a tensor, got NoneType"),
        ({"fn": lambda x: x.float()}, TypeError, "fn must return the dtype of x0, torch.float64, got torch.float32"),
        ({"fn": lambda x: x, "pool": 2}, ValueError, r"fn must return \(C, H, W\) for a mask or pooling"),
        ({"mask": torch.zeros(4, 5)}, ValueError, "mask must select at least one pixel, got none"),
        ({"mask": torch.full((4, 5), 2.0)}, ValueError, "mask must be between 0 and 1, got 2 to 2"),
        ({"mask": torch.ones(5, 4)}, ValueError, r"mask must have the shape of the picture, \(4, 5\), got \(5, 4\)"),
        ({"mask": torch.ones(5)}, ValueError, r"mask must have shape \(H, W\), got \(5,\)"),
        ({"pool": 5}, ValueError, "pool must be between 1 and 4, got 5"),
        ({"pool": (1, 2, 3)}, ValueError, "pool must be a number of pixels"),
        ({"memory": 0}, ValueError, "memory must be at least 1, got 0"),
    ],
)
def test_bad_arguments(arguments, error, message):
    defaults = {"fn": lambda x: x.sum() * PICTURE, "x0": X}
    with pytest.raises(error, match=message):
        JacobianOperator(**defaults | arguments)


def test_bad_products(curved):
    with pytest.raises(ValueError, match=r"V must have shape \(6,\) or \(6, k\), got \(9,\)"):
        curved @ torch.ones(9).double()
    with pytest.raises(ValueError, match=r"U must have shape \(9,\) or \(9, k\), got \(6,\)"):
        curved.T @ X
    with pytest.raises(TypeError, match=r"V must have dtype torch.float64, got torch.float32"):
        curved @ X.float()
    with pytest.raises(ValueError, match="V must be on the device of x0, cpu, got meta"):
        curved @ X.to("meta")


def test_bad_codes(tiny, plain):
    with pytest.raises(ValueError, match="target must be 'image' or a layer for 'plain', which has no mapping network"):
        mapping_function(plain, plain.sample_z(1))
    with pytest.raises(ValueError, match=r"^code must be one code, got 2"):
        image_function(tiny, tiny.map(tiny.sample_z(2)))
    with pytest.raises(ValueError, match="space must be one of 'z', got 'w\\+'"):
        image_function(plain, plain.sample_z(1), rows=[0])
    with pytest.raises(ValueError, match="rows must be None in s"):
        image_function(tiny, tiny.styles(tiny.code(0)[None]), rows=[0], space="s")
    with pytest.raises(ValueError, match="rows must be between 0 and"):
        image_function(tiny, tiny.code(0), rows=[99])
    with pytest.raises(ValueError, match=r"target must be one of 'w', 'image', 'b4.conv1'"):
        target_function(tiny, tiny.code(0), "b4.conv9")

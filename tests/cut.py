"""Functions whose derivative is cut off somewhere, and the whole one."""

import numpy as np
import torch

from tests.geometry.conftest import A


def straight(x):
    return torch.tanh(A.to(x) @ x)


def without_gradients(x):
    with torch.no_grad():
        return straight(x)


def one_branch_without_gradients(x):
    with torch.no_grad():
        rest = 0.05 * torch.sin(A.to(x) @ x)
    return straight(x) + rest


def detached(x):
    return straight(x.detach()) + 0 * x.sum()


def data(x):
    return straight(x.data) + 0 * x.sum()


def one_branch_detached(x):
    return straight(x) + 0.1 * torch.sin(A.to(x) @ x).detach()


def inference(x):
    with torch.inference_mode():
        return straight(x)


def through_numpy(x):
    return torch.as_tensor(np.tanh(A.to(x).numpy() @ x.detach().numpy()))


def through_a_list(x):
    return torch.tensor(straight(x).tolist(), dtype=x.dtype)


def eight_bits(x):
    return (127.5 * straight(x)).round() / 127.5


class Slow(torch.autograd.Function):
    """A sine whose backward pass is half of what it should be."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, back):
        (x,) = ctx.saved_tensors
        return 0.5 * back * x.cos()

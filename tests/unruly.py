"""Networks that work, but not as a panel would like them: without a forward mode, failing at times, half precise."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import latent_widgets as lw
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.kit.encode import to_uint8

SIDE = 8


class Network(nn.Module):
    """A plain network from five numbers to a small picture; those below bend its `draw`.

    `trouble` is what it does instead of drawing: None for nothing.
    """

    def __init__(self):
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        self.lift = nn.Linear(5, 3 * SIDE * SIDE)
        with torch.no_grad():
            self.lift.weight.copy_(0.4 * torch.randn(self.lift.weight.shape, generator=rng))
            self.lift.bias.zero_()
        self.trouble, self.calls = None, 0

    def forward(self, z):
        self.calls += 1
        if self.trouble is not None:
            self.trouble(self.calls)
        return self.draw(self.lift(z).reshape(-1, 3, SIDE, SIDE))

    def draw(self, x):
        return x.tanh()


class ThroughNumpy(Network):
    def draw(self, x):
        return torch.as_tensor(np.tanh(x.detach().cpu().numpy()))


class Inference(Network):
    def draw(self, x):
        with torch.inference_mode():
            y = x.tanh()
        return y.clone()


class Detached(Network):
    """Its derivative is there, and nothing."""

    def draw(self, x):
        return x.detach().tanh()


class Warped(Network):
    """Sampled on a grid, which has no forward mode."""

    def draw(self, x):
        grid = x.permute(0, 2, 3, 1)[..., :2].tanh()
        return nn.functional.grid_sample(x.tanh(), grid, align_corners=False)


class Checkpointed(Network):
    def draw(self, x):
        return checkpoint(torch.tanh, x, use_reentrant=True)


class _Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.tanh()

    @staticmethod
    def backward(ctx, gradient):
        raise NotImplementedError


class OwnFunction(Network):
    def draw(self, x):
        return _Tanh.apply(x)


class NanBeyond(Network):
    """Draws NaN where the picture would be bright."""

    def draw(self, x):
        y = x.tanh()
        return torch.where(y.mean((1, 2, 3), keepdim=True) > 0.04, torch.nan, y)


class NanDerivative(Network):
    """The root of zero: a number, whose derivative is none."""

    def draw(self, x):
        return x.tanh() + (0 * x).sqrt()


NETWORKS = {
    "plain": Network,
    "NumPy": ThroughNumpy,
    "inference mode": Inference,
    "detached": Detached,
    "grid_sample": Warped,
    "checkpoint": Checkpointed,
    "own function": OwnFunction,
    "NaN derivative": NanDerivative,
    "NaN pictures": NanBeyond,
    "half": Network,
}
NO_PREVIEW = ["NumPy", "inference mode", "detached", "grid_sample", "checkpoint", "own function", "NaN derivative"]


def failing(calls):
    """A network's trouble, at each call."""
    raise RuntimeError("out of memory")


def failing_at_times(calls):
    """A network's trouble, at every third call."""
    if calls % 3 == 0:
        failing(calls)


def unruly(kind):
    """One of those networks, its generator, and three directions for it."""
    network = NETWORKS[kind]()
    G = lw.load(network, name=kind, z_dim=5, value_range=(-1, 1))
    if kind == "half":
        G.to(dtype=torch.bfloat16)
    return network, G, Directions(torch.eye(5)[:3], "z")


def lawful(explorer, network=None):
    """The law of every explorer: where it says idle and no error, the picture shown is that of its edit.

    Returns whether it said so. The network is spared its trouble meanwhile.
    """
    if explorer.busy or explorer.error is not None or not explorer.status.startswith("idle"):
        return False
    edit, G = explorer.edit, explorer.generator
    assert edit is explorer.current
    view = explorer.controls.view.value
    if view != "difference":
        shown = np.array(explorer.controls.picture.to_pil())
        expected = drawn(G, edit if view == "after" else replace(edit, moves=(), mask=None), network)
        assert (shown == to_uint8(expected)).all(), (explorer.status, edit)
    return True


def drawn(G, edit, network=None):
    """The picture of an edit, without the network's trouble."""
    with G.lock:
        trouble = getattr(network, "trouble", None)
        if trouble is not None:
            network.trouble = None
        try:
            return edit.apply(G)
        finally:
            if trouble is not None:
                network.trouble = trouble


def alike(some, others):
    """Whether masks by name are the same, those of the same type."""
    return some.keys() == others.keys() and all(
        mask.dtype == others[name].dtype and np.array_equal(mask, others[name]) for name, mask in some.items()
    )

"""Layers of every kind that say their derivative in one step, as functions of one vector."""

import torch

from latent_widgets.core.taping import taping
from latent_widgets.generators.stylegan2 import ModulatedConv, ToRGB
from tests.tapes import RNG, normal

LAYERS = {
    "plain": {},
    "doubled": {"up": True},
    "clamped": {"clamp": 0.8, "gain": 0.7},
    "doubled and clamped": {"up": True, "clamp": 0.5},
    "without noise": {"noise": False},
    "six taps": {"up": True, "taps": (1.0, 2.0, 5.0, 5.0, 2.0, 1.0)},
}
FEATURES, STYLES = (2, 3, 3, 3), (2, 3)


COLOURS = {"colours": {}, "grey, clamped": {"clamp": 1.5}}


def random_layer(name):
    RNG.manual_seed(7)  # how much is clamped is a matter of chance
    if name in COLOURS:
        layer = ToRGB(3, 1 if "grey" in name else 3, 5, **COLOURS[name]).double()
        layer.up = False
    else:
        layer = ModulatedConv(3, 4, 5, 6, **LAYERS[name]).double()
    with torch.no_grad():
        for value in layer.parameters():
            value.copy_(normal(*value.shape))
    return layer


def run(layer, x, style):
    if not layer.up:
        x = x.repeat(1, 1, 2, 2)
    return layer(x, style).reshape(-1)


def products(fn, given, u, v):
    """The value, and both products, read off one graph that is kept."""
    given = given.clone().requires_grad_()
    with taping():
        y = fn(given)
    empty = torch.zeros_like(y, requires_grad=True)
    (back,) = torch.autograd.grad(y, given, empty, create_graph=True)
    (pulled,) = torch.autograd.grad(y, given, u, retain_graph=True)
    (pushed,) = torch.autograd.grad(back, empty, v, retain_graph=True)
    return y.detach(), pushed, pulled

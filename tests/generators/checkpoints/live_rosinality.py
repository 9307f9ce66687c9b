"""A generator of rosinality's layout, by the formulas of the paper on its own names, one picture at a time."""

from itertools import pairwise

import torch
import torch.nn.functional as F


def fresh_state(rate, noise, drift=0.1, z_dim=6, channels=(5, 4, 3), layers=3, seed=0):
    """A state dict as its program begins one, a little trained: the mapping's weights spread by one over the rate."""
    rng = torch.Generator().manual_seed(seed)

    def drawn(*shape, spread=1.0):
        return torch.randn(shape, generator=rng) * spread

    state = {"input.input": drawn(1, channels[0], 4, 4)}
    for i in range(1, layers + 1):
        state |= {
            f"style.{i}.weight": drawn(z_dim, z_dim, spread=1 / rate),
            f"style.{i}.bias": drawn(z_dim, spread=drift),
        }

    def modulated(name, inputs, outputs, kernel):
        state[f"{name}.conv.weight"] = drawn(1, outputs, inputs, kernel, kernel)
        state[f"{name}.conv.modulation.weight"] = drawn(inputs, z_dim)
        state[f"{name}.conv.modulation.bias"] = 1 + drawn(inputs, spread=drift)

    def layer(name, inputs, outputs):
        modulated(name, inputs, outputs, 3)
        state[f"{name}.activate.bias"], state[f"{name}.noise.weight"] = drawn(outputs, spread=drift), drawn(1)

    def picture(name, inputs):
        modulated(name, inputs, 3, 1)
        state[f"{name}.bias"] = drawn(1, 3, 1, 1)

    layer("conv1", channels[0], channels[0])
    picture("to_rgb1", channels[0])
    for i, (inputs, outputs) in enumerate(pairwise(channels)):
        layer(f"convs.{2 * i}", inputs, outputs)
        layer(f"convs.{2 * i + 1}", outputs, outputs)
        picture(f"to_rgbs.{i}", outputs)
    sides = [4 * 2 ** ((i + 1) // 2) for i in range(2 * len(channels) - 1)]
    return state | ({f"noises.noise_{i}": drawn(1, 1, side, side) for i, side in enumerate(sides)} if noise else {})


def mapped(state, z, rate):
    """Map ``z`` (n, d) to ``w``."""
    x = z.double() / (z.double() ** 2).mean(1, keepdim=True).add(1e-8).sqrt()
    for i in range(1, sum(name.endswith("weight") and name.startswith("style.") for name in state) + 1):
        weight, bias = state[f"style.{i}.weight"].double(), state[f"style.{i}.bias"].double()
        x = F.leaky_relu(x @ weight.T * (rate / weight.shape[1] ** 0.5) + bias * rate, 0.2) * 2**0.5
    return x


def drawn_by(state, w, noises):
    """Draw the picture of one ``w`` (d,), with these noise pictures in the order of the layers."""
    state = {name: value.double() for name, value in state.items()}
    noises = iter(noises)
    x = layer(state, "conv1", state["input.input"], w, next(noises))
    rgb = to_rgb(state, "to_rgb1", x, w)
    for i in range(sum(name.startswith("to_rgbs.") and name.endswith(".conv.weight") for name in state)):
        x = layer(state, f"convs.{2 * i}", x, w, next(noises), up=True)
        x = layer(state, f"convs.{2 * i + 1}", x, w, next(noises))
        rgb = smooth(spread(rgb), 2, 1) + to_rgb(state, f"to_rgbs.{i}", x, w)
    return rgb


def kernel(state, name, w):
    weight, affine = state[f"{name}.conv.weight"][0], state[f"{name}.conv.modulation.weight"]
    style = affine @ w / affine.shape[1] ** 0.5 + state[f"{name}.conv.modulation.bias"]
    return weight / weight[0].numel() ** 0.5 * style[:, None, None]


def layer(state, name, x, w, noise, up=False):
    weight = kernel(state, name, w)
    weight = weight / (weight.pow(2).sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
    if up:  # a pixel spreads by the kernel: the same as to convolve the zero-filled picture with the turned kernel
        x = smooth(F.conv2d(spread(x)[:, :, :-1, :-1], weight.flip((2, 3)), padding=2), 1, 1)
    else:
        x = F.conv2d(x, weight, padding=1)
    x = x + state[f"{name}.noise.weight"] * noise + state[f"{name}.activate.bias"].reshape(1, -1, 1, 1)
    return F.leaky_relu(x, 0.2) * 2**0.5


def to_rgb(state, name, x, w):
    return F.conv2d(x, kernel(state, name, w)) + state[f"{name}.bias"]


def spread(x):
    y = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    y[:, :, ::2, ::2] = x
    return y


def smooth(x, before, after):
    line = torch.tensor([1.0, 3, 3, 1], dtype=x.dtype) / 4
    filters = torch.outer(line, line).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (before, after, before, after)), filters, groups=x.shape[1])

"""GenForce's StyleGAN and ProgressiveGAN: random state dicts, and the papers' formulas on their names."""

import math

import torch
import torch.nn.functional as F

CHANNELS = [5, 4, 3]
SIDE = 4 * 2 ** (len(CHANNELS) - 1)


def randoms(shapes, seed=0):
    drawn = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=drawn) for name, shape in shapes.items()}


def convolution(name, outputs, inputs, kernel):
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}


def pggan(z_dim=7, colours=3):
    shapes = {"lod": ()}
    for block, outputs in enumerate(CHANNELS):
        inputs = CHANNELS[block - 1] if block else z_dim
        shapes |= convolution(f"layer{2 * block}", outputs, inputs, 3 if block else 4)
        shapes |= convolution(f"layer{2 * block + 1}", outputs, outputs, 3)
        shapes |= convolution(f"output{block}", colours, outputs, 1)
    return randoms(shapes) | {"lod": torch.tensor(0.0)}


def stylegan(z_dim=7, w_dim=6, classes=0, colours=3):
    shapes = {"truncation.w_avg": (w_dim,), "synthesis.layer0.const": (1, CHANNELS[0], 4, 4)}
    for i, inputs in enumerate((2 * z_dim if classes else z_dim, w_dim)):
        shapes |= {f"mapping.dense{i}.weight": (w_dim, inputs), f"mapping.dense{i}.bias": (w_dim,)}
    if classes:
        shapes["mapping.label_weight"] = (classes, z_dim)
    for index in range(2 * len(CHANNELS)):
        block, name = index // 2, f"synthesis.layer{index}"
        outputs, inputs = CHANNELS[block], CHANNELS[block - 1] if index % 2 == 0 and block else CHANNELS[block]
        shapes |= convolution(name, outputs, inputs, 3)
        shapes |= {f"{name}.style.weight": (2 * outputs, w_dim), f"{name}.style.bias": (2 * outputs,)}
        shapes |= {
            f"{name}.apply_noise.weight": (outputs,),
            f"{name}.apply_noise.noise": (1, 1, 4 * 2**block, 4 * 2**block),
        }
        shapes |= convolution(f"synthesis.output{block}", colours, outputs, 1)
    state = randoms(shapes) | {"synthesis.lod": torch.tensor(0.0)}
    del state["synthesis.layer0.weight"]
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    blur = torch.outer(line, line)
    for block in range(1, len(CHANNELS)):
        state[f"synthesis.layer{2 * block}.blur.kernel"] = blur.expand(CHANNELS[block], 1, 3, 3).clone()
    for name in state:
        if name.startswith("mapping.dense") and name.endswith("weight"):
            state[name] = state[name] * 100
    return state


def root_mean_square(x):
    return x / (x.pow(2).mean(1, keepdim=True) + 1e-8).sqrt()


def conv(state, name, x, gain=2**0.5, padding=1):
    weight = state[f"{name}.weight"]
    return F.conv2d(x, weight * (gain / math.prod(weight.shape[1:]) ** 0.5), padding=padding)


def biased(state, name, x):
    return x + state[f"{name}.bias"].reshape(1, -1, 1, 1)


def draw_pggan(state, z):
    state, x = {name: value.double() for name, value in state.items()}, root_mean_square(z.double()) * z.shape[1] ** 0.5
    x = x.reshape(*x.shape, 1, 1)
    for index in range(2 * len(CHANNELS)):
        x = root_mean_square(x)
        if index and index % 2 == 0:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = F.leaky_relu(
            biased(state, f"layer{index}", conv(state, f"layer{index}", x, padding=1 if index else 3)), 0.2
        )
    name = f"output{len(CHANNELS) - 1}"
    return biased(state, name, conv(state, name, root_mean_square(x), gain=1.0, padding=0))


def map_stylegan(state, z, label=None):
    x = z.double() if label is None else torch.cat([z, label @ state["mapping.label_weight"]], 1).double()
    x = root_mean_square(x)
    for i in range(2):
        weight, bias = (state[f"mapping.dense{i}.{leaf}"].double() * 0.01 for leaf in ("weight", "bias"))
        x = F.leaky_relu(x @ weight.T * (2 / weight.shape[1]) ** 0.5 + bias, 0.2)
    return x


def draw_stylegan(state, w, fused_from=128):
    state = {name.removeprefix("synthesis."): value.double() for name, value in state.items()}
    x = state["layer0.const"].repeat(len(w), 1, 1, 1)
    for index in range(2 * len(CHANNELS)):
        name, side = f"layer{index}", 4 * 2 ** (index // 2)
        if index and index % 2 == 0:
            x = fused(state, name, x) if side >= fused_from else conv(state, name, F.interpolate(x, scale_factor=2))
            x = F.conv2d(x, state[f"{name}.blur.kernel"], padding=1, groups=x.shape[1])
        elif index:
            x = conv(state, name, x)
        x = x + state[f"{name}.apply_noise.noise"] * state[f"{name}.apply_noise.weight"].reshape(1, -1, 1, 1)
        x = F.leaky_relu(biased(state, name, x), 0.2)
        x = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), correction=0, keepdim=True) + 1e-8).sqrt()
        style = w @ state[f"{name}.style.weight"].T / w.shape[1] ** 0.5 + state[f"{name}.style.bias"]
        scale, shift = style.reshape(len(w), 2, -1, 1, 1).unbind(1)
        x = x * (scale + 1) + shift
    name = f"output{len(CHANNELS) - 1}"
    return biased(state, name, conv(state, name, x, gain=1.0, padding=0))


def fused(state, name, x):
    """Each pixel spreads by a kernel of 4 px: the sum of that of 3 px at four places."""
    weight = state[f"{name}.weight"] * (2 / math.prod(state[f"{name}.weight"].shape[1:])) ** 0.5
    wide = sum(F.pad(weight, (i, 1 - i, j, 1 - j)) for i in (0, 1) for j in (0, 1))
    n, _, h, w = x.shape
    canvas = x.new_zeros(n, len(weight), 2 * h + 2, 2 * w + 2)
    for row in range(h):
        for column in range(w):
            spread = torch.einsum("ni,oiab->noab", x[:, :, row, column], wide)
            canvas[:, :, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += spread
    return canvas[:, :, 1:-1, 1:-1]


def without(part, state):
    return {name: value for name, value in state.items() if part not in name}


def joint_mapping(state, z, c, rate=0.01):
    """The mapping of GenForce's conditional networks: latent and class are normalised as one."""
    x = torch.cat([z, c @ state["mapping.label_weight"]], 1).double()
    x = x / (x**2).mean(1, keepdim=True).add(1e-8).sqrt()
    for i in range(2):
        weight, bias = (state[f"mapping.dense{i}.{name}"].double() * rate for name in ("weight", "bias"))
        x = F.leaky_relu(x @ weight.T / x.shape[1] ** 0.5 + bias, 0.2) * 2**0.5
    return x

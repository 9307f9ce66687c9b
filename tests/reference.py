"""Slow twins at the level of definitions, in float64, sharing no code with what they are compared with."""

import numpy as np
import torch

from latent_widgets import faces
from latent_widgets.faces import layers as _face_layers

TAPS = (1.0, 3.0, 3.0, 1.0)


class ReferenceStyleGAN2:
    """StyleGAN2 in NumPy, with the weights of a state dict.

    The equations are those of Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", section 2.2:
    the style scales the weights of each sample's own convolution, and demodulation divides them by their norm.
    Resampling inserts the zeros and sums over the taps of the filter one by one. `taps` are those of the low-pass
    filter, an even number, `clamp` bounds activations, `lr` is the mapping's learning-rate multiplier.
    """

    def __init__(self, state, *, clamp=None, lr=0.01, taps=TAPS):
        self.weights = {name: value.detach().double().cpu().numpy() for name, value in state.items()}
        self.clamp, self.lr = clamp, lr
        self.taps, self.half = np.outer(taps, taps) / np.sum(taps) ** 2, len(taps) // 2

    # ---- mapping

    def map(self, z, c=None):
        """`z` (n, z_dim) and `c` (n, c_dim) to `w` (n, w_dim)."""
        return np.stack([self._map_one(z[i], None if c is None else c[i]) for i in range(len(z))])

    def _map_one(self, z, c):
        x = z / np.sqrt(np.mean(z**2) + 1e-8)
        if c is not None:
            y = self._dense("mapping.embed", c, lr=1.0)
            x = np.concatenate([x, y / np.sqrt(np.mean(y**2) + 1e-8)])
        for i in range(sum(name.startswith("mapping.fc") and name.endswith("weight") for name in self.weights)):
            x = leaky(self._dense(f"mapping.fc{i}", x, self.lr))
        return x

    def _dense(self, name, x, lr=1.0):
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return weight @ x * lr / np.sqrt(len(x)) + bias * lr

    # ---- synthesis

    def synthesize(self, ws):
        """`ws` (n, layers, w_dim) to the pictures (n, 3, H, W)."""
        return np.stack([self.run(rows)["image"] for rows in ws])

    def run(self, rows):
        """All that one synthesis passes through: the picture so far of each resolution, every layer's features."""
        seen, rgb, row, side = {}, None, 0, 4
        x = self.weights["synthesis.b4.const"]
        while f"synthesis.b{side}.conv1.weight" in self.weights:
            block, before, gain = f"synthesis.b{side}", x, 1.0
            if side > 4:
                x = seen[f"b{side}.conv0"] = self._conv(f"{block}.conv0", x, rows[row], up=True)
                row += 1
            if f"{block}.skip.weight" in self.weights:
                gain = np.sqrt(0.5)
            x = self._conv(f"{block}.conv1", x, rows[row], gain=gain)
            if gain != 1.0:
                weight = self.weights[f"{block}.skip.weight"] / np.sqrt(before.shape[0])
                x = x + gain * correlate(self._double(before), weight)
            seen[f"b{side}.conv1"] = x
            row += 1
            if f"{block}.torgb.weight" in self.weights:
                y = self._rgb(f"{block}.torgb", x, rows[row])
                rgb = y if rgb is None else self._double(rgb) + y
                seen[f"b{side}.torgb"] = rgb
            side *= 2
        return seen | {"image": rgb}

    def _conv(self, name, x, w, up=False, gain=1.0):
        weight = self.weights[f"{name}.weight"] / np.sqrt(x.shape[0] * 9)
        weight = weight * self._dense(f"{name}.affine", w)[None, :, None, None]  # equation 1
        for o in range(len(weight)):
            weight[o] = weight[o] / np.sqrt(np.sum(weight[o] ** 2) + 1e-8)  # equation 3
        if up:
            # the convolution of the picture with zeros in between, in the mathematical sense: the kernel is turned
            spread = np.zeros((x.shape[0], 2 * x.shape[1] - 1, 2 * x.shape[2] - 1))
            spread[:, ::2, ::2] = x
            y = correlate(pad(spread, 2, 2), weight[:, :, ::-1, ::-1])
            y = self._filter(pad(y, self.half - 1, self.half - 1))
        else:
            y = correlate(pad(x, 1, 1), weight)
        if f"{name}.noise_const" in self.weights:
            y = y + self.weights[f"{name}.noise_strength"] * self.weights[f"{name}.noise_const"][None]
        y = gain * leaky(y + self.weights[f"{name}.bias"][:, None, None])
        return y if self.clamp is None else np.clip(y, -self.clamp * gain, self.clamp * gain)

    def _rgb(self, name, x, w):
        style = self._dense(f"{name}.affine", w) / np.sqrt(x.shape[0])
        y = correlate(x, self.weights[f"{name}.weight"] * style[None, :, None, None])
        y = y + self.weights[f"{name}.bias"][:, None, None]
        return y if self.clamp is None else np.clip(y, -self.clamp, self.clamp)

    def _double(self, x):
        spread = np.zeros((x.shape[0], 2 * x.shape[1], 2 * x.shape[2]))
        spread[:, ::2, ::2] = x
        return self._filter(pad(spread, self.half, self.half - 1))

    def _filter(self, x):
        """The low-pass filter, times four for the zeros that doubling inserts."""
        last = len(self.taps) - 1
        height, width = x.shape[1] - last, x.shape[2] - last
        y = np.zeros((x.shape[0], height, width))
        for i in range(last + 1):
            for j in range(last + 1):
                y += 4 * self.taps[last - i, last - j] * x[:, i : i + height, j : j + width]
        return y


def leaky(x):
    return np.where(x >= 0, x, 0.2 * x) * np.sqrt(2)


def pad(x, before, after):
    return np.pad(x, ((0, 0), (before, after), (before, after)))


def correlate(x, weight):
    """`x` (C, H, W) with `weight` (O, C, k, k): what deep learning calls a convolution, without padding."""
    k = weight.shape[-1]
    height, width = x.shape[1] - k + 1, x.shape[2] - k + 1
    y = np.zeros((len(weight), height, width))
    for o in range(len(weight)):
        for channel in range(x.shape[0]):
            for i in range(k):
                for j in range(k):
                    y[o] += weight[o, channel, i, j] * x[channel, i : i + height, j : j + width]
    return y


def relative(a, b):
    """The relative L2 distance of `a` from the reference `b`."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def looks_of_parts(factors, size, zoom=1.22):
    """What each part contributes to the picture, and how much of it is visible: (n, parts, 3 + 1, size, size).

    The contributions of the parts sum to the picture in [0, 1]. A layer without a part, the tint of lenses, is shared
    out among the parts that it lies on.
    """
    named = {name: factors[:, i, None, None] for i, name in enumerate(faces.FACTOR_NAMES)}
    scene = _face_layers.build(named, size, zoom)
    own = torch.eye(len(faces.PARTS), dtype=factors.dtype)
    start = own[faces.PARTS.index("background")]
    visible = start[:, None, None].expand(len(factors), -1, size, size)
    painted = start[:, None, None, None] * scene.ground[:, None]
    for layer in scene.layers:
        cover = layer.coverage[:, None]
        target = visible if layer.part is None else own[faces.PARTS.index(layer.part)][:, None, None]
        painted = painted * (1 - cover[:, :, None]) + (target * cover)[:, :, None] * layer.colour[:, None]
        if layer.part is not None:
            visible = visible * (1 - cover) + target * cover
    return torch.cat([painted, visible[:, :, None]], 2)


def sweeps(function, x):
    """The change of `function`, to first order, over the whole range of each factor of faces: (factors, *output)."""
    ranges = torch.tensor([f.high - f.low for f in faces.FACTORS], dtype=x.dtype)
    tangents = torch.diag(ranges)[:, None].repeat(1, len(x), 1)
    return torch.func.vmap(lambda t: torch.func.jvp(function, (x,), (t,))[1], chunk_size=13)(tangents)


def disc(size, radius):
    """A round mask ``(size, size)``, a little off the middle so that no symmetry hides a mistake."""
    ticks = torch.arange(size, dtype=torch.float64)
    y, x = torch.meshgrid(ticks - 0.45 * size, ticks - 0.6 * size, indexing="ij")
    return x.square() + y.square() <= radius**2


def best_directions(J, weights, k, tolerance):
    """Generalised eigenvectors from the dense Jacobian ``(3, H, W, d)``, unit rows ``(k, d)``."""
    inside = np.einsum("cyxi,yx,cyxj->ij", J, weights, J, optimize=True)
    outside = np.einsum("cyxi,yx,cyxj->ij", J, 1 - weights, J, optimize=True)
    values, vectors = np.linalg.eig(
        np.linalg.solve(outside + tolerance * np.trace(outside) * np.eye(J.shape[-1]), inside)
    )
    best = vectors.real[:, np.argsort(-values.real)[:k]].T
    return best / np.linalg.norm(best, axis=1, keepdims=True)


def localities(J, weights, vectors):
    """The share of the squared change inside, from the dense Jacobian."""
    energy = np.square(np.einsum("cyxi,ki->kcyx", J, vectors, optimize=True)).sum(1)
    return (energy * weights).sum((1, 2)) / energy.sum((1, 2))

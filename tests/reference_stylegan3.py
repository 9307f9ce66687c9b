"""A slow twin of StyleGAN3 at the level of definitions, in NumPy and float64, one picture at a time.

The equations are those of Karras et al. 2021, "Alias-Free Generative Adversarial Networks": Fourier features under a
rotation and a translation, weights scaled by style and demodulated for each sample, and between two convolutions a
nonlinearity at a higher sampling rate. Resampling writes the zeros down and sums over the taps one by one.
"""

import numpy as np

from tests.reference import ReferenceStyleGAN2, correlate


class ReferenceStyleGAN3:
    """StyleGAN3 with the weights of a state dict and the layout `input` and `layers` of the network."""

    def __init__(self, state, input, layers, output_scale=0.25, lr=0.01):
        self.dense = ReferenceStyleGAN2(state, lr=lr)._dense
        self.map = ReferenceStyleGAN2(state, lr=lr).map
        self.weights = {name: value.detach().double().cpu().numpy() for name, value in state.items()}
        self.input, self.layers, self.output_scale = input, layers, output_scale

    @classmethod
    def of(cls, network):
        """The twin of a network."""
        synthesis = network.synthesis
        layers = [getattr(synthesis, name).spec for name in synthesis.layer_names[1:]]
        return cls(network.state_dict(), synthesis.input.spec, layers, synthesis.output_scale)

    def synthesize(self, ws):
        """`ws` (n, layers, w_dim) to the pictures (n, 3, H, W)."""
        return np.stack([self.run(rows)["image"] for rows in ws])

    def run(self, rows):
        """The features after every layer, and the picture."""
        seen = {"input": self._fourier(rows[0])}
        x = seen["input"]
        for spec, w in zip(self.layers, rows[1:], strict=True):
            x = seen[spec.name] = self._layer(spec, x, w)
        return seen | {"image": x * self.output_scale}

    def _fourier(self, w):
        spec = self.input
        t = self.dense("synthesis.input.affine", w)
        t = t / np.hypot(t[0], t[1])
        turn = np.array([[t[0], -t[1], 0], [t[1], t[0], 0], [0, 0, 1]])
        move = np.array([[1, 0, -t[2]], [0, 1, -t[3]], [0, 0, 1]])
        placed = turn @ move @ self.weights["synthesis.input.transform"]
        waves = np.zeros((spec.channels, spec.size, spec.size))
        for c in range(spec.channels):
            freq, phase = self.weights["synthesis.input.freqs"][c], self.weights["synthesis.input.phases"][c]
            phase = phase + freq @ placed[:2, 2]
            freq = freq @ placed[:2, :2]
            fade = 1 - (np.linalg.norm(freq) - spec.bandwidth) / (spec.sampling_rate / 2 - spec.bandwidth)
            for i in range(spec.size):
                for j in range(spec.size):  # sample positions, the picture being the square from -1/2 to 1/2
                    x = (j + 0.5) / spec.sampling_rate - spec.size / 2 / spec.sampling_rate
                    y = (i + 0.5) / spec.sampling_rate - spec.size / 2 / spec.sampling_rate
                    angle = 2 * np.pi * (freq[0] * x + freq[1] * y + phase)
                    waves[c, i, j] = np.sin(angle) * min(max(fade, 0), 1)
        weight = self.weights["synthesis.input.weight"] / np.sqrt(spec.channels)
        return np.tensordot(weight, waves, axes=1)

    def _layer(self, spec, x, w):
        name = f"synthesis.{spec.name}"
        style, weight = self.dense(f"{name}.affine", w), self.weights[f"{name}.weight"].copy()
        if spec.torgb:
            weight = weight * style[None, :, None, None] / np.sqrt(weight[0].size)
        else:
            style = style / np.sqrt(np.mean(style**2))
            for o in range(len(weight)):
                weight[o] = weight[o] / np.sqrt(np.mean(weight[o] ** 2)) * style[:, None, None]
                weight[o] = weight[o] / np.sqrt(np.sum(weight[o] ** 2) + 1e-8)
        weight = weight / np.sqrt(self.weights[f"{name}.magnitude_ema"])
        edge = spec.kernel - 1
        y = correlate(np.pad(x, ((0, 0), (edge, edge), (edge, edge))), weight)
        y = y + self.weights[f"{name}.bias"][:, None, None]
        y = spread(y, spec.up)
        left, right, top, bottom = spec.padding
        y = np.pad(y, ((0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))))
        y = y[:, max(-top, 0) : y.shape[1] - max(-bottom, 0), max(-left, 0) : y.shape[2] - max(-right, 0)]
        y = convolve(y, self.weights.get(f"{name}.up_filter")) * spec.up**2
        if not spec.torgb:
            y = np.where(y >= 0, y, 0.2 * y) * np.sqrt(2)
        if spec.clamp is not None:
            y = np.clip(y, -spec.clamp, spec.clamp)
        return convolve(y, self.weights.get(f"{name}.down_filter"))[:, :: spec.down, :: spec.down]


def spread(x, up):
    """Every sample followed by `up` - 1 zeros."""
    y = np.zeros((len(x), up * x.shape[1], up * x.shape[2]))
    y[:, ::up, ::up] = x
    return y


def convolve(x, taps):
    """The convolution with a filter, turned by half a circle as the mathematical sense has it; without padding."""
    if taps is None:
        return x
    taps = np.outer(taps, taps) if taps.ndim == 1 else taps
    k = len(taps)
    y = np.zeros((len(x), x.shape[1] - k + 1, x.shape[2] - k + 1))
    for i in range(k):
        for j in range(k):
            y += taps[k - 1 - i, k - 1 - j] * x[:, i : i + y.shape[1], j : j + y.shape[2]]
    return y

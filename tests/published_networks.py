"""The synthesis networks in PyTorch's ordinary operations, as their papers have them: what speed is measured by.

Each sample has a convolution of its own, whose weights its style scales and demodulation divides (Karras et al. 2020,
section 2.2); resampling writes the zeros down and convolves with the filter, each channel for itself, before it keeps
every so manyth sample. They share no code with the package; `tests/reference.py` has the sums written down.
"""

import math

import torch
import torch.nn.functional as F

TAPS = (1.0, 3.0, 3.0, 1.0)


def dense(layer, x):
    """A fully connected layer."""
    return F.linear(x, layer.weight * (layer.lr / math.sqrt(x.shape[1])), layer.bias * layer.lr)


def of_each(x, weight, **options):
    """Convolve sample i of `x` (n, C, h, w) with `weight[i]` of (n, O, C, k, k)."""
    n, outputs, inputs = weight.shape[:3]
    y = F.conv2d(x.reshape(1, n * inputs, *x.shape[2:]), weight.flatten(0, 1), groups=n, **options)
    return y.reshape(n, outputs, *y.shape[2:])


def resample(x, taps, up=1, down=1, padding=(0, 0, 0, 0), gain=1.0):
    """Zeros in between, padding, the filter (one for each axis, or one of the plane), every `down`-th sample."""
    n, channels, h, w = x.shape
    y = x.new_zeros(n, channels, h, up, w, up)
    y[:, :, :, 0, :, 0] = x
    y = F.pad(y.reshape(n, channels, h * up, w * up), padding)
    taps = taps.flip(tuple(range(taps.ndim))) * gain ** (taps.ndim / 2)
    for kernel in (taps[None], taps[:, None]) if taps.ndim == 1 else (taps,):
        y = F.conv2d(y, kernel.expand(channels, 1, -1, -1), groups=channels)
    return y[:, :, ::down, ::down]


def stylegan2(network, ws):
    """The pictures of `ws` (n, num_ws, w_dim) by a StyleGAN2 with skip connections, four taps and no clamp."""
    synthesis, rgb, row = network.synthesis, None, 0
    taps = torch.tensor(TAPS, dtype=ws.dtype)
    plane = torch.outer(taps, taps) / taps.sum() ** 2
    x = synthesis.b4.const.expand(len(ws), -1, -1, -1)
    for side in synthesis.resolutions:
        block = getattr(synthesis, f"b{side}")
        for layer in [block.conv1] if side == 4 else [block.conv0, block.conv1]:
            style = dense(layer.affine, ws[:, row])
            row += 1
            weight = layer.weight / math.sqrt(9 * style.shape[1]) * style[:, None, :, None, None]
            weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
            if layer.up:
                n, outputs, inputs = weight.shape[:3]
                turned = weight.transpose(1, 2).reshape(n * inputs, outputs, 3, 3)
                x = F.conv_transpose2d(x.reshape(1, n * inputs, *x.shape[2:]), turned, stride=2, groups=n)
                x = resample(x.reshape(n, outputs, *x.shape[2:]), plane, padding=(1, 1, 1, 1), gain=4.0)
            else:
                x = of_each(x, weight, padding=1)
            x = x + layer.noise_const * layer.noise_strength + layer.bias[:, None, None]
            x = F.leaky_relu(x, 0.2) * math.sqrt(2)
        style = dense(block.torgb.affine, ws[:, row]) / math.sqrt(x.shape[1])
        y = of_each(x, block.torgb.weight * style[:, None, :, None, None]) + block.torgb.bias[:, None, None]
        rgb = y if rgb is None else y + resample(rgb, plane, up=2, padding=(2, 1, 2, 1), gain=4.0)
    return rgb


def stylegan3(network, ws):
    """The pictures of `ws` (n, num_ws, w_dim) by a StyleGAN3; its Fourier features are the package's own."""
    synthesis = network.synthesis
    x = synthesis.input(dense(synthesis.input.affine, ws[:, 0]))
    one = torch.ones(1, dtype=ws.dtype)
    for i, name in enumerate(synthesis.layer_names[1:], 1):
        layer, spec = getattr(synthesis, name), getattr(synthesis, name).spec
        style, weight = dense(layer.affine, ws[:, i]), layer.weight[None]
        if spec.torgb:
            weight = weight * style[:, None, :, None, None] / math.sqrt(weight[0, 0].numel())
        else:
            weight = weight * weight.square().mean((2, 3, 4), keepdim=True).rsqrt()
            style = style * style.square().mean(1, keepdim=True).rsqrt()
            weight = weight * style[:, None, :, None, None]
            weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        x = of_each(x, weight * layer.magnitude_ema.rsqrt(), padding=spec.kernel - 1) + layer.bias[:, None, None]
        up, down = (one if taps is None else taps for taps in (layer.up_filter, layer.down_filter))
        x = resample(x, up, up=spec.up, padding=spec.padding, gain=spec.up**2)
        if not spec.torgb:
            x = F.leaky_relu(x, 0.2) * math.sqrt(2)
        x = resample(x.clamp(-spec.clamp, spec.clamp) if spec.clamp else x, down, down=spec.down)
    return x * synthesis.output_scale

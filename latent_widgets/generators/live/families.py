"""The families of networks that are recognised when they are passed live, each by the attributes that it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.generators._conditions import class_vector
from latent_widgets.generators.live.conditions import calls_with_class, calls_without_class, classes_of
from latent_widgets.generators.live.pairs import FAMILIES_OF_PAIRS, pair
from latent_widgets.generators.live.parts import Candidates, LiveParts

__all__ = ["DRAW_AROUND_ZERO", "FAMILIES", "Function"]

_SIZES = (
    "z_dim", "latent_dim", "dim_z", "nz", "z_size", "latent_size", "z_space_dim", "dimLatentVector", "latentVectorDim",
    "style_dim",
)  # fmt: skip


class Function(nn.Module):
    """A function as a module; a picture of its own gives it an identity, a device and a type."""

    fingerprint: Tensor

    def __init__(self, function: Any, z_dim: int | None) -> None:
        super().__init__()
        self.function = function
        if z_dim is not None:
            self.z_dim = z_dim
        self.register_buffer("fingerprint", torch.zeros(0, dtype=torch.float32, device="cpu"))

    def forward(self, z: Tensor, *rest: Any) -> Any:
        """Call the function."""
        return self.function(z, *rest)


def rosinality(module: Any, condition: Any, **given: Any) -> Candidates | None:
    """The generator of rosinality's program and of those built on it."""
    style, rows = getattr(module, "style", None), getattr(module, "n_latent", None)
    if not (callable(style) and isinstance(rows, int) and hasattr(module, "convs") and hasattr(module, "to_rgbs")):
        return None
    class_vector(0, condition)
    z_dim = _first_dense(style if isinstance(style, nn.Module) else module)
    w_dim = int(getattr(module, "style_dim", z_dim))

    def draw(ws: Tensor, c: Tensor | None) -> Any:
        return module([ws], input_is_latent=True, randomize_noise=False)

    average = getattr(module, "latent_avg", None)  # where programs built on it keep it
    average = average if isinstance(average, Tensor) and average.shape == (w_dim,) else None
    notes = (f"Latent sizes were read off: z {z_dim}, w {w_dim}, {rows} layers.", "Noise is that of its buffers.")
    parts = LiveParts(
        "rosinality-like", module, (z_dim,), lambda z, c: draw(style(z)[:, None].repeat(1, rows, 1), c),
        lambda z, c: style(z), draw, w_dim, rows, average, notes,
    )  # fmt: skip
    return (parts,)


def biggan(module: Any, condition: Any, truncation: float = 1.0, **given: Any) -> Candidates | None:
    """BigGAN with its class embedding: ``w`` is the latent with the embedding, and every block has a row of ``w+``."""
    inner: Any = getattr(module, "generator", None)
    embeddings = getattr(module, "embeddings", None)
    if not (hasattr(inner, "gen_z") and hasattr(inner, "layers") and isinstance(embeddings, nn.Linear)):
        return None
    truncation = checks.number("truncation", truncation, 0.02, 1.0)
    c = class_vector(embeddings.in_features, condition)
    z_dim = inner.gen_z.in_features - embeddings.out_features
    w_dim = z_dim + embeddings.out_features
    blocks = sum(_takes_condition(layer) for layer in inner.layers)

    def to_w(z: Tensor, c: Tensor | None) -> Tensor:
        if c is None:
            raise RuntimeError("a BigGAN always has classes.")
        return torch.cat([z, embeddings(c.to(z.device, z.dtype)).expand(len(z), -1)], 1)

    def draw(ws: Tensor, c: Tensor | None) -> Tensor:
        """The forward pass of BigGAN (Brock et al. 2019), with a conditioning vector for each block."""
        channels = inner.gen_z.out_features // 16
        x = inner.gen_z(ws[:, 0]).view(-1, 4, 4, channels).permute(0, 3, 1, 2).contiguous()
        row = 1
        for layer in inner.layers:
            if _takes_condition(layer):
                x, row = layer(x, ws[:, row], truncation), row + 1
            else:
                x = layer(x)
        x = inner.conv_to_rgb(inner.relu(inner.bn(x, truncation)))
        return x[:, :3].tanh()

    notes = (
        f"Latent sizes were read off: z {z_dim}; w is z with the class embedding, {w_dim}; {blocks + 1} layers.",
        f"Truncation {truncation:g} picks the statistics of its batch normalisation; pass truncation= for another.",
    )
    parts = LiveParts(
        "BigGAN", module, (z_dim,), lambda z, c: draw(to_w(z, c)[:, None].repeat(1, blocks + 1, 1), c), to_w, draw,
        w_dim, blocks + 1, None, notes, c,
    )  # fmt: skip
    return (parts,)


def decoder(module: Any, condition: Any, z_shape: tuple[int, ...] | None = None, **given: Any) -> Candidates | None:
    """The decoder of an autoencoder with a configuration, as in diffusers."""
    decode, config = getattr(module, "decode", None), getattr(module, "config", None)
    channels = getattr(config, "latent_channels", None)
    if not (callable(decode) and isinstance(channels, int)):
        return None
    class_vector(0, condition)
    widths: Any = getattr(config, "block_out_channels", None) or getattr(config, "decoder_block_out_channels", ())
    halvings = len(widths) - 1
    side = getattr(config, "sample_size", None)
    if z_shape is None and isinstance(side, int) and halvings > 0:
        z_shape = (channels, side >> halvings, side >> halvings)
    if z_shape is None:
        raise ValueError(f"z_shape must be given for this decoder, such as ({channels}, 32, 32), got None.")
    scale = float(getattr(config, "scaling_factor", 1.0) or 1.0)
    notes = (
        f"A latent is {z_shape}, flattened, times {scale:g}.",
        "An autoencoder has no prior: random latents are noise. Begin with the code of a picture.",
    )
    return (LiveParts("decoder", module, tuple(z_shape), lambda z, c: decode(z / scale), notes=notes),)


def plain(
    module: Any,
    condition: Any,
    z_dim: int | None = None,
    z_shape: tuple[int, ...] | None = None,
    class_names: Any = None,
    **given: Any,
) -> Candidates | None:
    """Any function from a latent, and perhaps a class, to a picture; how it wants them is tried."""
    c = classes_of(module.function if isinstance(module, Function) else module, condition, class_names)
    calls = calls_without_class(module) if c is None else calls_with_class(module)
    if z_shape is not None:
        shapes = {tuple(z_shape): ""}
    else:
        first, convolves = _size_of(module)
        found = first if z_dim is None else z_dim
        if found is None:
            raise ValueError(
                "z_dim must be given for a network that does not say how long its latent is, got None. "
                "Use lw.load(network, z_dim=...)."
            )
        z_dim = checks.integer("z_dim", found, low=1)
        said = f"The latent has {z_dim} numbers."
        shapes = {(z_dim,): said, (z_dim, 1, 1): f"{said} It is taken as (n, z_dim, 1, 1)."}
        if convolves:  # the likelier first
            shapes = dict(reversed(shapes.items()))
    return tuple(
        LiveParts("function", module, shape, call, notes=tuple(filter(None, (said, how))), condition=c)
        for shape, said in shapes.items()
        for how, call in calls
    )


DRAW_AROUND_ZERO = (*FAMILIES_OF_PAIRS, "rosinality-like", "BigGAN")
"""Those whose pictures are in [-1, 1] by design."""

FAMILIES: tuple[Callable[..., Candidates | None], ...] = (pair, rosinality, biggan, decoder, plain)
"""The adapters, the most particular first; each returns None for a network that is not of its kind."""


def _size_of(module: nn.Module) -> tuple[int | None, bool]:
    """Length of a latent where the network tells it, and whether its first layer is a convolution."""
    named = (getattr(holder, n, None) for holder in (module, getattr(module, "config", None)) for n in _SIZES)
    size = next((size for size in named if isinstance(size, int) and not isinstance(size, bool)), None)
    layers = (x for x in module.modules() if isinstance(x, nn.Linear | nn.ConvTranspose2d | nn.Conv2d))
    layer = next(layers, None)
    if layer is None:
        return size, False
    read = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
    return read if size is None else size, not isinstance(layer, nn.Linear)


def _first_dense(module: nn.Module) -> int:
    weight = next((p for p in module.parameters() if p.ndim == 2), None)
    return 0 if weight is None else int(weight.shape[1])


def _takes_condition(layer: nn.Module) -> bool:
    return hasattr(layer, "bn_0")

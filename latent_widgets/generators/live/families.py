"""The families of networks that are recognised when they are passed live, each by the attributes that it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.generators._conditions import class_vector
from latent_widgets.generators.live.generator import LiveParts

__all__ = ["DRAW_AROUND_ZERO", "FAMILIES", "Candidates", "unwrap"]

Candidates = tuple[LiveParts, ...]
"""Ways in which a network may want to be called, the likelier first."""

_SIZES = ("z_dim", "latent_dim", "dim_z", "nz", "z_size", "latent_size", "style_dim")


def unwrap(source: Any) -> tuple[Any, tuple[str, ...]]:
    """Take the generator out of wrappers: a training object, ``DataParallel``.

    Args:
        source: What the user passed.

    Returns:
        What is inside, and what was inferred.
    """
    notes: list[str] = []
    for name in ("avgG", "netG", "g_ema", "G_ema", "generator_ema"):
        inner = getattr(source, name, None)
        if isinstance(inner, nn.Module):
            source, notes = inner, [*notes, f"The generator is the attribute {name!r} of what was passed."]
            break
    if isinstance(source, nn.DataParallel | nn.parallel.DistributedDataParallel):
        source = source.module
    return source, tuple(notes)


def nvidia(module: Any, condition: int | Tensor | None, **given: Any) -> Candidates | None:
    """A mapping and a synthesis side by side, as in NVIDIA's programs and their forks."""
    mapping, synthesis = getattr(module, "mapping", None), getattr(module, "synthesis", None)
    sizes = [getattr(module, name, None) for name in ("z_dim", "w_dim", "num_ws")]
    if not (callable(mapping) and callable(synthesis) and all(isinstance(size, int) for size in sizes)):
        return None
    z_dim, w_dim, num_ws = (int(size) for size in sizes if size is not None)
    c = class_vector(getattr(module, "c_dim", 0), condition)

    def to_w(z: Tensor, c: Tensor | None) -> Tensor:
        classes = None if c is None else c.to(z.device, z.dtype).expand(len(z), -1)
        ws: Tensor = mapping(z, classes)
        return ws[:, 0] if ws.ndim == 3 else ws

    average = getattr(mapping, "w_avg", None)
    average = average if isinstance(average, Tensor) and average.shape == (w_dim,) else None  # some have one a class

    def called_with(fixed: dict[str, Any]) -> LiveParts:
        notes = (f"Latent sizes were read off: z {z_dim}, w {w_dim}, {num_ws} layers.", _said(fixed))
        return LiveParts(
            "NVIDIA-like", module, (z_dim,), lambda z: synthesis(to_w(z, c)[:, None].repeat(1, num_ws, 1), **fixed),
            to_w, lambda ws: synthesis(ws, **fixed), w_dim, num_ws, average, notes, c,
        )  # fmt: skip

    ways: tuple[dict[str, Any], ...] = ({"noise_mode": "const", "force_fp32": True}, {"noise_mode": "const"}, {})
    return tuple(map(called_with, ways))


def rosinality(module: Any, condition: int | Tensor | None, **given: Any) -> Candidates | None:
    """The generator of rosinality's program and of those built on it."""
    style, rows = getattr(module, "style", None), getattr(module, "n_latent", None)
    if not (callable(style) and isinstance(rows, int) and hasattr(module, "convs") and hasattr(module, "to_rgbs")):
        return None
    class_vector(0, condition)
    z_dim = _first_dense(style if isinstance(style, nn.Module) else module)
    w_dim = int(getattr(module, "style_dim", z_dim))

    def draw(ws: Tensor) -> Any:
        return module([ws], input_is_latent=True, randomize_noise=False)

    notes = (f"Latent sizes were read off: z {z_dim}, w {w_dim}, {rows} layers.", "Noise is that of its buffers.")
    parts = LiveParts(
        "rosinality-like", module, (z_dim,), lambda z: draw(style(z)[:, None].repeat(1, rows, 1)),
        lambda z, c: style(z), draw, w_dim, rows, None, notes,
    )  # fmt: skip
    return (parts,)


def biggan(module: Any, condition: int | Tensor | None, truncation: float = 1.0, **given: Any) -> Candidates | None:
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

    def draw(ws: Tensor) -> Tensor:
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
        "BigGAN", module, (z_dim,), lambda z: draw(to_w(z, c)[:, None].repeat(1, blocks + 1, 1)), to_w, draw, w_dim,
        blocks + 1, None, notes, c,
    )  # fmt: skip
    return (parts,)


def decoder(
    module: Any, condition: int | Tensor | None, z_shape: tuple[int, ...] | None = None, **given: Any
) -> Candidates | None:
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
    return (LiveParts("decoder", module, tuple(z_shape), lambda z: decode(z / scale), notes=notes),)


def plain(
    module: Any,
    condition: int | Tensor | None,
    z_dim: int | None = None,
    z_shape: tuple[int, ...] | None = None,
    **given: Any,
) -> Candidates | None:
    """Any function from a latent to a picture; the shape of the latent is tried."""
    class_vector(0, condition)
    if z_shape is not None:
        return (LiveParts("function", module, tuple(z_shape), module),)
    found = z_dim if z_dim is not None else _size_of(module)
    if found is None:
        raise ValueError(
            "z_dim must be given for a network that does not say how long its latent is, got None. "
            "Use lw.load(network, z_dim=...)."
        )
    z_dim = checks.integer("z_dim", found, low=1)
    said = f"The latent has {z_dim} numbers."
    vector = LiveParts("function", module, (z_dim,), module, notes=(said,))
    return vector, replace(vector, z_shape=(z_dim, 1, 1), notes=(f"{said} It is taken as (n, z_dim, 1, 1).",))


DRAW_AROUND_ZERO = ("NVIDIA-like", "rosinality-like", "BigGAN")
"""Those whose pictures are in [-1, 1] by design."""

FAMILIES: tuple[Callable[..., Candidates | None], ...] = (nvidia, rosinality, biggan, decoder, plain)
"""The adapters, the most particular first; each returns None for a network that is not of its kind."""


def _size_of(module: Any) -> int | None:
    for holder in (module, getattr(module, "config", None)):
        for name in _SIZES:
            if isinstance(size := getattr(holder, name, None), int):
                return size
    for child in module.modules() if isinstance(module, nn.Module) else ():
        if isinstance(child, nn.Linear):
            return child.in_features
        if isinstance(child, nn.ConvTranspose2d | nn.Conv2d):
            return child.in_channels
    return None


def _first_dense(module: nn.Module) -> int:
    weight = next((p for p in module.parameters() if p.ndim == 2), None)
    return 0 if weight is None else int(weight.shape[1])


def _takes_condition(layer: nn.Module) -> bool:
    return hasattr(layer, "bn_0")


def _said(fixed: dict[str, Any]) -> str:
    return f"The synthesis is called with {', '.join(f'{k}={v!r}' for k, v in fixed.items()) or 'no options'}."

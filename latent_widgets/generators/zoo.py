"""The built-in generators: :func:`load` one by name, :func:`list_models` shows them all."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch

from latent_widgets import _checks
from latent_widgets.generators._shipped import read_registry, read_shipped
from latent_widgets.generators.base import Generator
from latent_widgets.generators.dcgan import DCGAN, PlainGenerator
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2

__all__ = ["ModelInfo", "ModelList", "list_models", "load"]


@dataclass(frozen=True)
class ModelInfo:
    """What there is to know about a built-in generator before it is loaded.

    Attributes:
        name: What :func:`load` takes.
        spaces: Its latent spaces.
        resolution: Side of its pictures in pixels; of ``faces-exact``, the default one.
        bytes: Size of its weights file, 0 without one.
        licence: Licence of the weights.
        trained_on: The training data.
        recipe: The command that makes it again.
        sha256: Hash of the weights file; empty without one.
    """

    name: str
    spaces: tuple[str, ...]
    resolution: int
    bytes: int
    licence: str
    trained_on: str
    recipe: str
    sha256: str


class ModelList(list[ModelInfo]):
    """Models, shown as a table."""

    def _rows(self) -> list[list[str]]:
        def row(m: ModelInfo) -> list[str]:
            size = f"{m.bytes / 1e6:.2f} MB" if m.bytes else "none"
            return [m.name, " ".join(m.spaces), f"{m.resolution} px", size, m.licence, m.trained_on, m.recipe, m.sha256]

        return [row(m) for m in self]

    def __repr__(self) -> str:
        rows = [[f.name for f in fields(ModelInfo)], *self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{f.name}</th>" for f in fields(ModelInfo))
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self._rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def list_models() -> ModelList:
    """List the built-in generators.

    Returns:
        One :class:`ModelInfo` a generator; a notebook shows them as a table.

    Example:
        >>> [m.name for m in list_models()]
        ['faces64', 'digits32', 'faces-exact']
    """
    return ModelList(
        ModelInfo(
            name=name,
            spaces=tuple(entry["spaces"]),
            resolution=entry["resolution"],
            bytes=entry.get("bytes", 0),
            licence=entry["licence"],
            trained_on=entry["trained_on"],
            recipe=entry["recipe"],
            sha256=entry.get("sha256", ""),
        )
        for name, entry in read_registry().items()
        if entry["architecture"] in _BUILDERS
    )


def load(
    source: str = "faces64",
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    **options: Any,
) -> Generator:
    """Load a generator: by default the one of faces that comes with the package, offline.

    Args:
        source: The name of a built-in generator, see :func:`list_models`.
        device: Where to put it; the CPU by default.
        dtype: Its floating type; float32 by default.
        **options: What the generator itself takes. ``faces-exact`` takes ``resolution``, ``entanglement`` and
            ``seed``; the others take nothing.

    Returns:
        The generator, without gradients of its weights.

    Raises:
        TypeError: If ``source`` is no name, ``dtype`` no floating type, or an option is unknown.
        ValueError: If there is no such generator, or its weights file is not, byte for byte, the one that was shipped.

    Example:
        >>> G = load("digits32")
        >>> G(G.sample_z(4, seed=0)).shape
        torch.Size([4, 3, 32, 32])
    """
    entries = {info.name: info for info in list_models()}
    known = f"Built-in generators: {', '.join(map(repr, entries))}."
    if not isinstance(source, str):
        is_path = isinstance(source, os.PathLike)
        got = repr(os.fspath(source)) if is_path else f"an object of type {type(source).__name__}"
        raise TypeError(f"source must be the name of a built-in generator, got {got}. {known}")
    if source not in entries:
        close = _checks.nearest(source, entries)
        raise ValueError(f"source must be the name of a built-in generator, got {source!r}.{close} {known}")
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise TypeError(f"dtype must be a floating torch type, got {dtype!r}. Use torch.float32.")
    build, accepted = _BUILDERS[read_registry()[source]["architecture"]]
    _checks.known_keywords(f"load({source!r})", options, {*accepted, "device", "dtype"})
    G = build(source, options).to(device, dtype)
    G.origin = f"lw.load({', '.join([repr(source), *(f'{name}={value!r}' for name, value in options.items())])})"
    return G


def _stylegan2(name: str, options: dict[str, Any]) -> Generator:
    weights = read_shipped(name)
    config = weights.about["config"]
    network = StyleGAN2(**config | {"channels": _by_side(config["channels"])})
    network.load_state_dict(weights.tensors)
    return StyleGenerator(network, name)


def _dcgan(name: str, options: dict[str, Any]) -> Generator:
    weights = read_shipped(name)
    config = weights.about["config"]
    network = DCGAN(**config | {"channels": _by_side(config["channels"])})
    network.load_state_dict(weights.tensors)
    return PlainGenerator(network, name)


def _exact(name: str, options: dict[str, Any]) -> Generator:
    from latent_widgets.generators.exact import ExactFaces  # draws with the renderer, which nothing else here needs

    return ExactFaces(**options)


def _by_side(channels: dict[str, int]) -> dict[int, int]:
    return {int(side): count for side, count in channels.items()}  # JSON has no integer keys


# How each architecture is built, and the options that its builder takes.
_BUILDERS: dict[str, tuple[Callable[[str, dict[str, Any]], Generator], tuple[str, ...]]] = {
    "stylegan2": (_stylegan2, ()),
    "dcgan": (_dcgan, ()),
    "exact": (_exact, ("resolution", "entanglement", "seed")),
}

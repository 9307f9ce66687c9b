"""Where generators come from: :func:`load` opens any of them, :func:`list_models` shows the built-in ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.fresh import filled
from latent_widgets.core.paths import as_path
from latent_widgets.core.words import page_text
from latent_widgets.generators._networks import build_network, wrap
from latent_widgets.generators._shipped import read_registry, read_shipped
from latent_widgets.generators.base import Generator
from latent_widgets.generators.checkpoints.links import is_link, shown

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
        head = "".join(f"<th>{page_text(f.name)}</th>" for f in fields(ModelInfo))
        body = "".join("<tr>" + "".join(map(_cell, row[:-1])) + _hash_cell(row[-1]) + "</tr>" for row in self._rows())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    return f"<td>{page_text(text)}</td>"


def _hash_cell(sha256: str) -> str:
    """The first digits; all 64 would push the table off the page, so they appear under the mouse."""
    return f'<td title="{page_text(sha256)}">{page_text(sha256[:8])}</td>'


def list_models() -> ModelList:
    """List the built-in generators.

    Returns:
        One :class:`ModelInfo` for each generator; a notebook shows them as a table.

    Example:
        >>> [m.name for m in list_models()]
        ['faces64', 'digits32', 'faces-exact', 'fashion32', 'faces128']
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
        if entry["architecture"] in _OPTIONS
    )


def load(
    source: Any = "faces64",
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    **options: Any,
) -> Generator:
    """Load a generator: by default the one of faces that comes with the package, offline.

    A file is recognised by its bytes and keys, and nothing in it is ever executed. ``G.notes`` says what was inferred.

    Args:
        source: The name of a built-in generator, see :func:`list_models`; the path of a checkpoint of a StyleGAN
            (NVIDIA's, rosinality's or GenForce's), of a ProgressiveGAN, of a DCGAN, or of this package;
            ``"https://..."``, a link to such a file, which is downloaded once; ``"hf:owner/name@revision"``, a
            repository of the Hugging Face hub; ``"pip:package"``, weights in an installed package; or a live network,
            see :func:`latent_widgets.generators.live.adapt`.
        device: Where to put it; the CPU by default, and for a live network where it is.
        dtype: Its floating type; float32 by default, and for a live network its own.
        **options: What the generator itself takes. ``faces-exact`` takes ``resolution``, ``entanglement`` and
            ``seed``; ``fashion32`` takes ``condition`` (the class that it draws; 0 if not given). A file takes
            ``name``, ``condition`` (the class that a conditional network draws), ``class_names`` and ``on_step``
            (progress and cancel), ``sha256`` (the hash that it must have), ``filename`` (in a repository); and
            where a file holds several networks or does not say it, ``prefix`` (of the generator's tensors),
            ``mapping_lr`` (learning-rate multiplier of the mapping) and ``final_tanh`` (whether pictures end in one). A
            live network takes the keywords of ``adapt``.

    Returns:
        The generator, without gradients of its weights.

    Raises:
        TypeError: If ``source`` is none of these, ``dtype`` no floating type, or an option is unknown.
        ValueError: If there is no such generator, a link leads to no file, a file is damaged, hostile or of an unknown
            kind, or a weights file is not, byte for byte, the one that was shipped.

    Example:
        >>> G = load("digits32")
        >>> G(G.sample_z(4, seed=0)).shape
        torch.Size([4, 3, 32, 32])
    """
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise TypeError(f"dtype must be a floating torch type, got {dtype!r}. Use torch.float32.")
    with torch.inference_mode(False):  # the weights serve wherever they are used later
        G = _open(source, options)
        if device is not None or dtype is not None:
            G.to(device, dtype)
    return G


def _open(source: Any, options: dict[str, Any]) -> Generator:
    if isinstance(source, bytes | bytearray):
        as_path(source, "source")  # says how it is written as text
    if not isinstance(source, str | os.PathLike):
        from latent_widgets.generators.live.adapt import (
            adapt,  # pages of adapters, which a built-in generator does not need
        )

        return adapt(source, **options)
    if isinstance(source, str) and (source in read_registry() or not _is_path(source)):
        return _built_in(source, options)
    from latent_widgets.generators.checkpoints.sources import load_file

    checks.known_keywords(
        "load(file)", options, {"name", "condition", "class_names", "on_step", "device", "dtype", *_FILE}
    )
    G = load_file(source, **options)
    G.origin = _call(shown(os.fspath(source)), {name: value for name, value in options.items() if name != "on_step"})
    return G


def _call(source: str, options: Mapping[str, Any]) -> str:
    """Write a call of ``load`` as a program may hold it, in which NumPy and PyTorch have no words of their own."""

    def written(value: Any) -> str:
        if isinstance(value, Tensor):
            return f"torch.tensor({value.tolist()!r})"
        if isinstance(value, np.ndarray | np.generic):
            value = value.tolist()
        if isinstance(value, list | tuple):
            return f"[{', '.join(map(written, value))}]"
        return repr(str(value) if isinstance(value, str) else value)

    return f"lw.load({', '.join([written(source), *(f'{name}={written(value)}' for name, value in options.items())])})"


def _is_path(source: str) -> bool:
    """Tell a path, or another place of a file, from a name with a typo."""
    named = (
        is_link(source)
        or source.startswith(("hf:", "pip:"))
        or source.lower().endswith((".pkl", ".pt", ".pth", ".safetensors"))
    )
    return named or any(mark in source for mark in {"/", os.sep}) or os.path.exists(source)


def _built_in(source: str, options: dict[str, Any]) -> Generator:
    entries = {info.name: info for info in list_models()}
    if source not in entries:
        close, known = checks.nearest(source, entries), ", ".join(map(repr, entries))
        raise ValueError(
            f"source must be the name of a built-in generator, got {source!r}.{close} Built-in generators: {known}. "
            "A file is given by its path."
        )
    entry = read_registry()[source]
    classes = entry.get("classes", ())
    accepted = _OPTIONS.get(entry["architecture"], ()) + (("condition",) if classes else ())
    checks.known_keywords(f"load({source!r})", options, {*accepted, "device", "dtype"})
    if entry["architecture"] == "exact":
        from latent_widgets.generators.exact import ExactFaces  # draws with the renderer, which nothing else here needs

        G: Generator = ExactFaces(**options)
    else:
        weights = read_shipped(source)
        network = filled(lambda: build_network(entry["architecture"], weights.about["config"]), weights.tensors)
        G = wrap(network, source, options.get("condition", 0) if classes else None)
        if classes:
            G.name_classes(classes)
    G.origin = _call(source, options)
    return G


# The architectures of generators among the shipped weights, and the options that they take.
_OPTIONS: dict[str, tuple[str, ...]] = {
    "stylegan2": (),
    "stylegan3": (),
    "dcgan": (),
    "dcgan_batch": (),
    "exact": ("resolution", "entanglement", "seed"),
}
_FILE = ("filename", "sha256", "prefix", "mapping_lr", "final_tanh")

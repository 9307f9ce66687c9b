"""Edits as text: JSON that keeps every bit, and a program that draws the same picture."""

from __future__ import annotations

import base64
import json
import keyword
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Protocol

from torch import Tensor

from latent_widgets.core import files
from latent_widgets.core.words import one_line
from latent_widgets.edits.parts import Base, Move
from latent_widgets.values.codes import Code
from latent_widgets.values.directions import Directions
from latent_widgets.values.masks import Mask

__all__ = [
    "EditLike",
    "StackLike",
    "edit_from_plain",
    "edit_to_plain",
    "edit_to_python",
    "parse",
    "stack_from_plain",
    "stack_to_plain",
]

VERSION = 1


class EditLike(Protocol):
    """What is written of an edit."""

    @property
    def base(self) -> Base:
        """Where it starts."""

    @property
    def moves(self) -> Sequence[Move]:
        """Its moves, in order."""

    @property
    def mask(self) -> Mask | None:
        """The region that shows the moves."""

    @property
    def generator(self) -> str | None:
        """Name of the generator."""

    @property
    def weights_hash(self) -> str | None:
        """Hash of its weights."""

    @property
    def spaces(self) -> Sequence[str]:
        """Its latent spaces."""

    @property
    def origin(self) -> str | None:
        """The expression that loads it again."""


class EntryLike(Protocol):
    """What is written of an entry: its moves beside its other fields."""

    @property
    def moves(self) -> Sequence[Move]:
        """Its moves, in order."""


class StackLike(Protocol):
    """What is written of a stack."""

    @property
    def start(self) -> EditLike:
        """What comes before all entries."""

    @property
    def entries(self) -> Sequence[EntryLike]:
        """The steps, in order."""


def parse(text: str, what: str) -> dict[str, Any]:
    """Read JSON and see that it is ours.

    Args:
        text: The JSON.
        what: ``"edit"`` or ``"edit_stack"``.

    Returns:
        The values.

    Raises:
        ValueError: If it is something else, or of a newer format.
    """
    try:
        plain = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"text must be the JSON of an {what}, got something else: {error}.") from None
    if not isinstance(plain, dict) or plain.get("format") != f"latent_widgets.{what}":
        raise ValueError(f"text must be the JSON of an {what}, got {text[:60]!r}.")
    if plain.get("version") != VERSION:
        found = plain.get("version")
        raise ValueError(
            f"text must be of format {VERSION}, got {found!r}. Another version of latent_widgets wrote it."
        )
    return plain


def edit_to_plain(edit: EditLike) -> dict[str, Any]:
    """Return an edit as JSON values."""
    return {
        "format": "latent_widgets.edit",
        "version": VERSION,
        "generator": edit.generator,
        "weights_hash": edit.weights_hash,
        "spaces": list(edit.spaces),
        "base": _plain(edit.base),
        "moves": [_plain(move) for move in edit.moves],
        "mask": None if edit.mask is None else _plain(edit.mask),
        **({} if edit.origin is None else {"origin": edit.origin}),
    }


def edit_from_plain(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an edit.

    Args:
        plain: What :func:`edit_to_plain` made.

    Returns:
        They go into ``Edit(**...)``.

    Raises:
        ValueError: If one is missing or there is one too many.
    """
    try:
        base = dict(plain["base"])
        base["code"] = None if base["code"] is None else Code(**_tensors(base["code"]))
        return {
            "base": Base(**base),
            "moves": tuple(_move(move) for move in plain["moves"]),
            "mask": None if plain["mask"] is None else Mask(**_tensors(plain["mask"])),
            "generator": plain["generator"],
            "weights_hash": plain["weights_hash"],
            "spaces": tuple(plain["spaces"]),
            "origin": plain.get("origin"),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"text must hold all fields of an edit, got a wrong one: {error}.") from None


def stack_to_plain(stack: StackLike) -> dict[str, Any]:
    """Return a stack as JSON values."""
    entries = [_plain(entry) | {"moves": [_plain(move) for move in entry.moves]} for entry in stack.entries]
    return {
        "format": "latent_widgets.edit_stack",
        "version": VERSION,
        "start": edit_to_plain(stack.start),
        "entries": entries,
    }


def stack_from_plain(plain: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the fields of the edit that a stack starts from, and of its entries.

    Args:
        plain: What :func:`stack_to_plain` made.

    Returns:
        They go into ``Edit(**...)`` and ``Entry(**...)``.

    Raises:
        ValueError: If one is missing or has another form.
    """
    try:
        entries = [entry | {"moves": tuple(_move(move) for move in entry["moves"])} for entry in plain["entries"]]
        return edit_from_plain(plain["start"]), entries
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"text must hold all fields of an edit stack, got a wrong one: {error}.") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return files.tensor_to_json(value)
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _tensors(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: files.tensor_from_json(name, value) if isinstance(value, Mapping) and "base64" in value else value
        for name, value in plain.items()
    }


def _move(plain: Mapping[str, Any]) -> Move:
    direction = _tensors(plain["direction"])
    direction["scores"] = _tensors(direction["scores"])
    return Move(**{**plain, "direction": Directions(**direction)})


# ---- as a program


def edit_to_python(edit: EditLike, load: str | None = None) -> str:
    """Return a program that draws the picture of an edit.

    Args:
        edit: The edit.
        load: The expression that loads the generator.

    Returns:
        Python source.
    """
    written = {f.name: getattr(edit.base, f.name) for f in fields(edit.base)}
    start = {name: value for name, value in written.items() if value != getattr(_PLAIN_BASE, name)}
    if edit.base.code is None:
        start = {"seed": edit.base.seed} | start
    if edit.mask is not None:
        start["mask"] = edit.mask
    steps, sources = [f"edit = lw.Edit.of(G{_arguments(start)})"], list[str]()
    for move in (move for move in edit.moves if move.enabled):
        source, index = _source(move.direction, edit.base.condition is None)
        if source not in sources:
            sources.append(source)
        options = {"layers": move.layers, "kind": move.kind}
        extra = _arguments({n: v for n, v in options.items() if v not in (None, "linear")})
        step = f"edit = edit.move(D{sources.index(source) + 1}, {index}, alpha={move.alpha!r}{extra})"
        steps.append(f"{step}  # {one_line(move.name)}")  # what follows a line's end would be run
    loading = f"G = {load or edit.origin or f'lw.load({_literal(edit.generator)})'}"
    if edit.weights_hash:
        loading += f"  # weights {edit.weights_hash[:8]}"
    body = [loading, *(f"D{i + 1} = {source}" for i, source in enumerate(sources)), *steps, "image = edit.apply(G)"]
    needs_torch, needs_zlib = (any(module in line for line in body) for module in ("torch.", "zlib."))
    head = ["import base64", *["import zlib"] * needs_zlib, "", "import torch", ""] if needs_torch else []
    return "\n".join([*head, "import latent_widgets as lw", "", *body]) + "\n"


_PLAIN_BASE = Base()


def _is_name(word: str) -> bool:
    return word.isidentifier() and not keyword.iskeyword(word)


def _source(direction: Directions, computed: bool) -> tuple[str, int]:
    """The expression for a direction, and which row of it; with classes, latents depend on more than the call says."""
    arguments = dict(direction.parameters) | ({} if direction.seed is None else {"seed": direction.seed})
    named = all(map(_is_name, (direction.method, *arguments)))  # a file may say anything
    if computed and named and direction.rows is not None:
        call = f"lw.{direction.method}(G{_arguments(arguments)})"
        return f"{call}.in_unit({direction.unit!r}, G)", direction.rows[0]
    scales = direction.scales.double().tolist()
    fixed = {"unit": direction.unit, "scales": scales, "layers": direction.layers, "names": list(direction.names)}
    return f"lw.Directions({_literal(direction.vectors)}, {direction.space!r}{_arguments(fixed)})", 0


def _arguments(values: Mapping[str, Any]) -> str:
    return "".join(f", {name}={_literal(value)}" for name, value in values.items())


def _literal(value: Any) -> str:
    if isinstance(value, Tensor):
        plain = files.tensor_to_json(value)
        text, decoded = plain["base64"], 'base64.b64decode("{}")'
        packed = base64.b64encode(zlib.compress(base64.b64decode(text), 9)).decode("ascii")
        if 2 * len(packed) < len(text):  # a mask, which is all but constant: one line instead of a page
            text, decoded = packed, f"zlib.decompress({decoded})"
        data = f"bytearray({decoded.format(text)})"
        return f"torch.frombuffer({data}, dtype={value.dtype}).reshape({plain['shape']})"
    if isinstance(value, Code):
        return f"lw.Code({_literal(value.tensor)}, {value.space!r})"
    if isinstance(value, Mask):
        return f"lw.Mask({_literal(value.tensor)})"
    return repr(str(value) if isinstance(value, str) else value)  # a str of NumPy is written otherwise

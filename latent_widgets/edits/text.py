"""Edits as text: JSON that keeps every bit, and a program that draws the same picture."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Protocol

from torch import Tensor

from latent_widgets.core import files
from latent_widgets.core.json_text import read_json
from latent_widgets.core.words import one_line, python_text, shown
from latent_widgets.edits.origin import checked
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
    "said",
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
        TypeError: If it is no text.
        ValueError: If it is something else, or of a newer format.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be the JSON of an {what}, got {type(text).__name__}.")
    plain = read_json(text, f"the text of an {what}")
    if not isinstance(plain, dict) or plain.get("format") != f"latent_widgets.{what}":
        raise ValueError(f"text must be the JSON of an {what}, got {shown(text, 60)}.")
    found = plain.get("version")
    if type(found) is not int or found != VERSION:  # True would be equal to 1
        raise ValueError(
            f"text must be of format {VERSION}, got {shown(found)}. Another version of latent_widgets wrote it."
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
        base = {**_dict("base", plain["base"])}
        base["code"] = None if base["code"] is None else Code(**_tensors("code", base["code"]))
        return {
            "base": Base(**base),
            "moves": tuple(_move(move) for move in _list("moves", plain["moves"])),
            "mask": None if plain["mask"] is None else Mask(**_tensors("mask", plain["mask"])),
            "generator": plain["generator"],
            "weights_hash": plain["weights_hash"],
            "spaces": tuple(_list("spaces", plain["spaces"])),
            "origin": plain.get("origin"),
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f"text must hold all fields of an edit, got a wrong one: {said(error)}.") from None


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
        entries = [_dict("entry", entry) for entry in _list("entries", plain["entries"])]
        moves = [_list("moves", entry["moves"]) for entry in entries]
        entries = [{**entry, "moves": tuple(map(_move, some))} for entry, some in zip(entries, moves, strict=True)]
        return edit_from_plain(plain["start"]), entries
    except (KeyError, TypeError) as error:
        raise ValueError(f"text must hold all fields of an edit stack, got a wrong one: {said(error)}.") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return files.tensor_to_json(value)
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _tensors(name: str, plain: Any) -> dict[str, Any]:
    return {
        field: files.tensor_from_json(field, value) if isinstance(value, Mapping) and "base64" in value else value
        for field, value in _dict(name, plain).items()
    }


def _move(plain: Any) -> Move:
    direction = _tensors("direction", _dict("move", plain)["direction"])
    direction["scores"] = _tensors("scores", direction["scores"])
    _list("names", direction["names"])
    return Move(**{**plain, "direction": Directions(**direction)})


def _dict(name: str, plain: Any) -> dict[str, Any]:
    if not isinstance(plain, dict):
        raise TypeError(f"{name} must be a dict of fields, got {type(plain).__name__}")
    return plain


def _list(name: str, plain: Any) -> list[Any]:
    if not isinstance(plain, list):
        raise TypeError(f"{name} must be a list, got {type(plain).__name__}")
    return plain


def said(error: Exception) -> str:
    """Return what is wrong with a field in words of one line, as its name may be anything that a file holds."""
    words = one_line(str(error), 200)
    return f"{words} is missing" if isinstance(error, KeyError) else words.rstrip(".")


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
        step = f"edit = edit.move(D{sources.index(source) + 1}, {index}, alpha={python_text(move.alpha)}{extra})"
        steps.append(f"{step}  # {one_line(move.name)}")  # what follows a line's end would be run
    loading = f"G = {load or checked(edit.origin) or f'lw.load({_literal(edit.generator)})'}"
    if edit.weights_hash:
        loading += f"  # weights {one_line(edit.weights_hash[:8])}"
    body = [loading, *(f"D{i + 1} = {source}" for i, source in enumerate(sources)), *steps, "image = edit.apply(G)"]
    needs_torch, needs_zlib = (any(module in line for line in body) for module in ("torch.", "zlib."))
    head = ["import base64", *["import zlib"] * needs_zlib, "", "import torch", ""] if needs_torch else []
    return "\n".join([*head, "import latent_widgets as lw", "", *body]) + "\n"


_PLAIN_BASE = Base()
# What a program computes anew, with the arguments that it may give. A file may say anything of a method: what is none
# of these is written out in numbers.
_ANEW = {
    "sefa": {"k", "layers"},
    "ganspace": {"k", "layer", "samples", "seed", "space"},
    "random_directions": {"k", "space", "orthogonal", "layers", "seed"},
}


def _source(direction: Directions, computed: bool) -> tuple[str, int]:
    """The expression for a direction, and which row of it; with classes, latents depend on more than the call says."""
    arguments = dict(direction.parameters) | ({} if direction.seed is None else {"seed": direction.seed})
    method = next((name for name in _ANEW if name == direction.method and arguments.keys() <= _ANEW[name]), None)
    if computed and method and direction.rows is not None:
        call = f"lw.{method}(G{_arguments(arguments)})"
        return f"{call}.in_unit({python_text(direction.unit)}, G)", direction.rows[0]
    scales = direction.scales.double().tolist()
    fixed = {"unit": direction.unit, "scales": scales, "layers": direction.layers, "names": list(direction.names)}
    return f"lw.Directions({_literal(direction.vectors)}, {python_text(direction.space)}{_arguments(fixed)})", 0


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
        return f"lw.Code({_literal(value.tensor)}, {python_text(value.space)})"
    if isinstance(value, Mask):
        return f"lw.Mask({_literal(value.tensor)})"
    return python_text(value)

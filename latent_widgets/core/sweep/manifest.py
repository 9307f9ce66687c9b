"""What a store holds results of: whoever goes on with it must ask for the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core.fields import COUNT, DICT, TEXT, check_fields
from latent_widgets.core.json_text import read_json
from latent_widgets.core.version import VERSION
from latent_widgets.core.words import one_line, shown, whole

__all__ = ["Manifest", "hash_columns"]

FORMAT, NEWEST = "latent_widgets.sweep", 1
MOST = 2**48  # rows, and rows of a chunk, that a file may name


@dataclass(frozen=True, eq=False)
class Manifest:
    """What is swept.

    Attributes:
        kind: Which results.
        parameters: How they are found, as JSON knows them.
        generator: What the generator is called.
        weights_hash: Its identity.
        condition: The class that it draws, in words.
        count: How many rows there are.
        inputs: Hash of the rows.
        batch: How many of them are computed at once: another number gives the same but for rounding.
        chunk: How many make a chunk, which is kept whole; a multiple of ``batch``.
        about: What belongs to the results and changes nothing in them.
        version: Of the package.
    """

    kind: str
    parameters: Mapping[str, Any]
    generator: str
    weights_hash: str
    condition: str
    count: int
    inputs: str
    batch: int
    chunk: int
    about: Mapping[str, Any] = field(default_factory=dict)
    version: str = VERSION

    @cached_property
    def id(self) -> str:
        """What every chunk carries: a hash of all but what changes nothing."""
        fields = {name: value for name, value in asdict(self).items() if name not in ("about", "generator")}
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.count // self.chunk)

    def rows(self, index: int) -> range:
        """Return the rows of a chunk."""
        return range(index * self.chunk, min((index + 1) * self.chunk, self.count))

    def like(self, other: Manifest) -> Manifest:
        """Return this one with the chunks of another."""
        return replace(self, chunk=other.chunk)

    def to_json(self) -> str:
        """Return it as the text of a file."""
        return json.dumps({"format": FORMAT, "format_version": NEWEST, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: bytes, name: str) -> Manifest:
        """Read what :meth:`to_json` wrote.

        Args:
            text: The bytes of the file.
            name: What it is called in errors.

        Returns:
            It.

        Raises:
            ValueError: If it is anything else, or of a newer version.
        """
        try:
            values = read_json(text, name)
        except ValueError as error:
            raise ValueError(f"{error} Choose another folder, or delete it.") from None
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise ValueError(f"{name} must be the manifest of a sweep, got another file. Choose another folder.")
        newer = values.get("format_version")
        if type(newer) is not int or not 1 <= newer <= NEWEST:
            raise ValueError(
                f"{name} must be of a version that is known, {NEWEST}, got {shown(newer)}, by latent_widgets "
                f"{shown(values.get('version'))}. Use that version."
            )
        try:
            known = check_fields(values, {"format": TEXT, "format_version": COUNT, **_FIELDS})
        except ValueError as error:
            raise ValueError(f"{name} must be the manifest of a sweep, got a file whose {error}.") from None
        fields: dict[str, Any] = {key: known[key] for key in _FIELDS}
        fields |= {key: whole(value) for key, value in fields.items() if isinstance(value, str)}
        found = cls(**fields)
        if not (1 <= found.batch <= found.chunk < MOST and found.chunk % found.batch == 0 and 1 <= found.count < MOST):
            raise ValueError(
                f"{name} must name rows and chunks, whole batches each, got {shown(found.count, 30)} rows, "
                f"{shown(found.chunk, 30)} a chunk, {shown(found.batch, 30)} a batch."
            )
        return found

    def refuse(self, wanted: Manifest, name: str) -> None:
        """Refuse a store of something else.

        Args:
            wanted: What is asked for.
            name: What the store is called in errors.

        Raises:
            ValueError: If they differ; the message says in what.
        """
        way_out = f"Give another folder, or open this one with lw.Sweep.load({name!r})."
        for what, mine, asked in (
            ("results", self.kind, wanted.kind),
            ("package version", self.version, wanted.version),
            ("generator", _network(self), _network(wanted)),
            ("class", self.condition, wanted.condition),
            *_apart(self.parameters, wanted.parameters),
            ("number of codes", self.count, wanted.count),
            ("codes", self.inputs[:12], wanted.inputs[:12]),
            ("batch", self.batch, wanted.batch),
            ("chunk", self.chunk, wanted.chunk),
        ):
            if mine != asked:
                raise ValueError(
                    f"store must be of the same {what}, {shown(asked)}, got {name!r} of {shown(mine)}. {way_out}"
                )


_FIELDS = {
    "kind": TEXT, "parameters": DICT, "generator": TEXT, "weights_hash": TEXT, "condition": TEXT,
    "count": COUNT, "inputs": TEXT,
    "batch": COUNT, "chunk": COUNT, "about": DICT, "version": TEXT,
}  # fmt: skip


def _network(manifest: Manifest) -> str:
    return f"{manifest.generator} ({manifest.weights_hash[:12]})"


def _apart(mine: Mapping[str, Any], asked: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """The parameters of both, one by one, as JSON gives them back."""
    mine, asked = (json.loads(json.dumps(dict(values))) for values in (mine, asked))
    return [
        (f"parameter {one_line(name, 60)}", mine.get(name), asked.get(name)) for name in dict.fromkeys([*asked, *mine])
    ]


def hash_columns(columns: Mapping[str, Tensor], *about: Any) -> str:
    """Return a sha256 over the names, shapes, types and bytes of tensors.

    Args:
        columns: The tensors, on the CPU.
        *about: What else it is to depend on.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> a, b = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0])
        >>> hash_columns({"a": a}) == hash_columns({"a": a.clone()}), hash_columns({"a": a}) == hash_columns({"a": b})
        (True, False)
    """
    digest = hashlib.sha256(repr(about).encode())
    for name, value in sorted(columns.items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()

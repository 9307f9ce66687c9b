"""What a sweep has found so far, row by row: whole, or in blocks that never are in memory together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.sweep.store import Store

__all__ = ["Column", "Rows"]

_NOTHING = "the sweep must have finished rows, got none. Go on with it: nothing is lost."


@dataclass(frozen=True, eq=False)
class Rows:
    """The finished rows of a store.

    Attributes:
        store: The store.
    """

    store: Store

    @property
    def done(self) -> Tensor:
        """``(m,)`` int64, which rows are there."""
        manifest, missing = self.store.manifest, frozenset(self.store.missing())
        there = [row for index in range(manifest.chunks) if index not in missing for row in manifest.rows(index)]
        return torch.tensor(there, dtype=torch.int64, device="cpu")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns.

        Raises:
            ValueError: If nothing is there.
        """
        first = next(self._chunks(), None)
        if first is None:
            raise ValueError(_NOTHING)
        return tuple(first[1])

    def columns(self, *names: str) -> dict[str, Tensor]:
        """Return columns, ``(m, ...)`` each, in the order of the rows.

        Args:
            *names: Which; all that there are if none is given.

        Returns:
            The tensors, on the CPU; and of the rows that were swept those that are done.

        Raises:
            ValueError: If a chunk is damaged, nothing is there, or there is no such column.
        """
        parts: dict[str, list[Tensor]] = {}
        for _, chunk in self._chunks():
            if not parts:
                names = tuple(checks.choice("column", name, tuple(chunk)) for name in names) or tuple(chunk)
            for name in names:
                parts.setdefault(name, []).append(chunk[name])
        if not parts:
            raise ValueError(_NOTHING)
        return {name: torch.cat(blocks) for name, blocks in parts.items()}

    def blocks(self, name: str) -> Column:
        """Return a column in blocks, to be read as often as needed.

        Args:
            name: Which.

        Returns:
            What gives them, one in memory at a time.

        Raises:
            ValueError: If nothing is there, or there is no such column.
        """
        checks.choice("column", name, self.names)
        return Column(self, name)

    def _chunks(self) -> Iterator[tuple[range, Mapping[str, Tensor]]]:
        manifest, inputs = self.store.manifest, self.store.inputs
        first: dict[str, Any] | None = None
        for index in self.store.there():
            found, span = self.store.read(index), manifest.rows(index)
            if found is not None:
                given = {name: value[span.start : span.stop] for name, value in inputs.items() if "." not in name}
                chunk = {**given, **found}
                like = {name: (value.shape[1:], value.dtype) for name, value in chunk.items()}
                if like != (first := first or like):
                    raise ValueError(f"store must hold chunks that are alike, got {index} of other columns or shapes.")
                yield span, chunk


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a sweep, block by block; every pass over it reads the store anew.

    Attributes:
        rows: The rows.
        name: The column.
    """

    rows: Rows
    name: str

    def __iter__(self) -> Iterator[Tensor]:
        for _, chunk in self.rows._chunks():
            yield chunk[checks.choice("column", self.name, tuple(chunk))]

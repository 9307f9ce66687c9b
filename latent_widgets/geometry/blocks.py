"""Rows that come in blocks and may be read several times: what a sweep over more latents than fit in memory gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks

__all__ = ["Blocks"]

_SPLIT = 2**24  # bytes in float64 of a block of what came as one tensor


class Blocks:
    """Blocks of rows, each checked as it is read: all of one shape, type and device, and the same each time.

    Args:
        blocks: One tensor, which is split here; or anything that gives tensors each time it is iterated over.
        row: Names of the axes of a row, such as ``("n", "k")``.

    Raises:
        TypeError: If it gives nothing, or can be read only once.

    Example:
        >>> read = Blocks([torch.ones(2, 3), torch.zeros(0, 3), torch.ones(1, 3)], ("r",))
        >>> [(index, len(block)) for index, block in read], [(index, len(block)) for index, block in read.since(1)]
        ([(0, 2), (2, 1)], [(2, 1)])
    """

    def __init__(self, blocks: Iterable[Tensor] | Tensor, row: tuple[str, ...]) -> None:
        if isinstance(blocks, Tensor):
            size = max(1, 8 * checks.shape("blocks", blocks, ("b", *row))[:1].numel())
            blocks = blocks.split(max(1, _SPLIT // size))
        elif not isinstance(blocks, Iterable):
            raise TypeError(
                f"blocks must be a tensor or something that gives tensors, got {type(blocks).__name__}. "
                "Use a list of tensors."
            )
        elif isinstance(blocks, Iterator):
            raise TypeError(
                "blocks must be something that can be read several times, such as a list of tensors, "
                f"got a {type(blocks).__name__}. Use list(...)."
            )
        self._blocks, self._row = blocks, row
        self._first: Tensor | None = None  # without rows: what all must be like
        self._lengths: dict[int, int] = {}
        self._count: int | None = None  # of the blocks, once they were read to their end

    def __iter__(self) -> Iterator[tuple[int, Tensor]]:
        return self.since(0)

    def since(self, start: int) -> Iterator[tuple[int, Tensor]]:
        """Read the blocks from one on.

        Args:
            start: The number of the first; those before it are passed over.

        Yields:
            The number of each block that has rows, and the block.

        Raises:
            ValueError: If there are other blocks than before.
        """
        index = -1
        for index, block in enumerate(self._blocks):
            if index == self._count:
                raise ValueError(f"blocks must be the same each time they are read, got {index} and then more.")
            if index >= start:
                self._check(index, block)
                if len(block):
                    yield index, block
        self._count = index + 1 if self._count is None else self._count
        if index + 1 != self._count:
            raise ValueError(
                f"blocks must be the same each time they are read, got {self._count} and then {index + 1}."
            )

    def _check(self, index: int, block: Any) -> None:
        name = f"blocks[{index}]"
        if self._first is None:
            checks.shape(name, block, ("b", *self._row))
            if block.dtype not in (torch.float32, torch.float64):
                raise TypeError(f"{name} must be float32 or float64, got {block.dtype}. Use {name}.float().")
            self._first = torch.empty(0, *block.shape[1:], dtype=block.dtype, device=block.device)
        checks.shape(name, block, ("b", *self._first.shape[1:]))
        checks.placed(name, checks.floating(name, block, self._first.dtype), self._first.device)
        before = self._lengths.setdefault(index, len(block))
        if before != len(block):
            raise ValueError(f"{name} must be the same each time it is read, got {before} rows and then {len(block)}.")

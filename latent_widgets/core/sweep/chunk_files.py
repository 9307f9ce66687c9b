"""One chunk as bytes: safetensors whose header says which chunk it is, and the hash of its numbers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor

from latent_widgets.core.files import Stamp, read_safetensors
from latent_widgets.core.sweep.manifest import hash_columns

__all__ = ["pack", "unpack"]

STAMP = Stamp("latent_widgets.sweep.chunk", 1, "chunk")


def pack(columns: Mapping[str, Tensor], sweep: str, index: int, seconds: float = 0.0) -> bytes:
    """Return the bytes of a chunk.

    Args:
        columns: What was found, a row for each row of the chunk.
        sweep: Of which sweep, see :attr:`Manifest.id`.
        index: Which chunk.
        seconds: How long it took.

    Returns:
        The bytes.
    """
    apart = {name: _alone(value) for name, value in columns.items()}
    said = {"sweep": sweep, "index": index, "seconds": seconds, "sha256": hash_columns(apart, sweep, index)}
    return save_safetensors(apart, STAMP.metadata(said))


def _alone(value: Tensor) -> Tensor:
    """Numbers in memory of their own, as safetensors wants them; what is so already is not copied."""
    if value.is_contiguous() and value.untyped_storage().nbytes() == value.nbytes:
        return value
    return value.clone(memory_format=torch.contiguous_format)


def unpack(data: bytes, sweep: str, index: int, rows: int) -> tuple[dict[str, Tensor], float]:
    """Read what :func:`pack` made, bit for bit.

    Args:
        data: The bytes.
        sweep: Of which sweep it must be.
        index: Which chunk it must be.
        rows: How many rows it must have.

    Returns:
        The columns, and how many seconds they took.

    Raises:
        ValueError: If it is damaged or anything else; the message is to stand behind "got".

    Example:
        >>> columns, _ = unpack(pack({"x": torch.ones(2, 1)}, "of faces", 3), "of faces", 3, 2)
        >>> columns["x"].tolist()
        [[1.0], [1.0]]
        >>> unpack(pack({"x": torch.ones(2, 1)}, "of faces", 3), "of digits", 3, 2)
        Traceback (most recent call last):
        ...
        ValueError: a chunk of another sweep, or another one of it
    """
    columns, metadata = read_safetensors(data)
    if not STAMP.is_on(metadata) or STAMP.is_newer(metadata):
        raise ValueError("another file")
    said = STAMP.read(metadata)
    if (said.get("sweep"), said.get("index")) != (sweep, index):
        raise ValueError("a chunk of another sweep, or another one of it")
    if said.get("sha256") != hash_columns(columns, sweep, index):
        raise ValueError("numbers that are not those of its hash")
    if not columns or any(not value.ndim or len(value) != rows for value in columns.values()):
        raise ValueError(f"other than {rows} rows")
    seconds = said.get("seconds")
    return columns, float(seconds) if isinstance(seconds, int | float) else 0.0

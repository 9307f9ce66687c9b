"""Where the chunks of a sweep are kept: a folder, or memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import torch
from filelock import FileLock, Timeout
from safetensors.torch import save as save_safetensors
from torch import Tensor

from latent_widgets.core.files import Stamp, read_safetensors
from latent_widgets.core.paths import as_path, make_folder, to_read, write_whole
from latent_widgets.core.sweep.chunk_files import pack, unpack
from latent_widgets.core.sweep.manifest import Manifest, hash_columns

__all__ = ["Folder", "Memory", "Store", "folder_of"]

MANIFEST, INPUTS, LOCK = "manifest.json", "codes.safetensors", "lock"
STAMP = Stamp("latent_widgets.sweep.codes", 1, "codes")


class Store(Protocol):
    """Keeps chunks."""

    manifest: Manifest

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """The rows that are swept, and what else belongs to the results."""

    def held(self) -> contextlib.AbstractContextManager[Any]:
        """Keep others from writing, within a ``with`` block."""

    def missing(self) -> list[int]:
        """Return the chunks that are not there, or damaged."""

    def keep(self, index: int, chunk: bytes | Mapping[str, Tensor]) -> None:
        """Keep a chunk: its columns, or these as bytes."""

    def read(self, index: int) -> Mapping[str, Tensor] | None:
        """Return the columns of a chunk, None where it is not there."""


class Memory:
    """Chunks in memory.

    Args:
        manifest: What is swept.
        inputs: The rows.
    """

    def __init__(self, manifest: Manifest, inputs: Mapping[str, Tensor]) -> None:
        self.manifest, self.inputs = manifest, inputs
        self._chunks: dict[int, Mapping[str, Tensor]] = {}

    def held(self) -> contextlib.AbstractContextManager[Any]:
        """Nobody else knows of it."""
        return contextlib.nullcontext()

    def missing(self) -> list[int]:
        """Return the chunks that are not there."""
        return [index for index in range(self.manifest.chunks) if index not in self._chunks]

    def keep(self, index: int, chunk: bytes | Mapping[str, Tensor]) -> None:
        """Keep a chunk."""
        if isinstance(chunk, bytes):
            chunk, _ = unpack(chunk, self.manifest.id, index, len(self.manifest.rows(index)))
        self._chunks[index] = chunk

    def read(self, index: int) -> Mapping[str, Tensor] | None:
        """Return the columns of a chunk, None where it is not there."""
        return self._chunks.get(index)


class Folder:
    """Chunks in a folder: a manifest, the rows, and one file a chunk, each written whole or not at all.

    Args:
        path: The folder, which holds a manifest.

    Raises:
        ValueError: If it holds none, or one that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = path / MANIFEST
        if not path.is_dir() or not file.is_file():
            raise ValueError(f"store must be the folder of a sweep, got {str(path)!r}, which has no {MANIFEST}.")
        self.manifest = Manifest.from_json(to_read(file, "store").read_bytes(), str(file))

    @classmethod
    def begin(cls, path: Any, manifest: Manifest, inputs: Mapping[str, Tensor], *, chunk: int | None = None) -> Folder:
        """Make a folder for a sweep, or go on with the one that is there.

        Args:
            path: The folder; made where it is missing.
            manifest: What is swept.
            inputs: The rows, on the CPU.
            chunk: How many rows make a chunk, where that was asked for; else a folder that is there decides.

        Returns:
            It.

        Raises:
            ValueError: If there is a store of something else, or other files.
            NotWritten: If the system does not write.
        """
        folder = make_folder(path, "store")
        if not (folder / MANIFEST).exists():
            others = [entry.name for entry in folder.iterdir() if not _ours(entry.name)]
            if others:
                raise ValueError(
                    f"store must be an empty folder or that of a sweep, got {str(folder)!r}, which holds "
                    f"{min(others)!r}. Give a new folder."
                )
            said = STAMP.metadata({})
            apart = {name: value.clone(memory_format=torch.contiguous_format) for name, value in inputs.items()}
            write_whole(folder / INPUTS, save_safetensors(apart, said), "store")
            write_whole(folder / MANIFEST, manifest.to_json().encode(), "store")
        found = cls(folder)
        found.manifest.refuse(manifest if chunk is not None else manifest.like(found.manifest), str(folder))
        return found

    @cached_property
    def inputs(self) -> dict[str, Tensor]:
        """The rows, and what else belongs to the results.

        Raises:
            ValueError: If their file is damaged or missing.
        """
        path = self.path / INPUTS
        way_out = "Give the same codes again: a new folder is needed."
        if not path.is_file():
            raise ValueError(f"store must hold its codes, got {str(self.path)!r} without {INPUTS}. {way_out}")
        try:
            tensors, metadata = read_safetensors(to_read(path, "store").read_bytes())
            if not STAMP.is_on(metadata) or hash_columns(tensors) != self.manifest.inputs:
                raise ValueError("other numbers than those that were swept")
            lengths = {len(value) if value.ndim else 0 for name, value in tensors.items() if "." not in name}
            if lengths != {self.manifest.count}:
                raise ValueError(f"other than {self.manifest.count} rows")
        except ValueError as error:
            raise ValueError(f"store must hold its codes, got {str(path)!r}, damaged: {error}. {way_out}") from None
        return tensors

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other programs from writing, within a ``with`` block; the system frees the lock of one that died.

        Raises:
            ValueError: If another one writes.
        """
        lock = FileLock(self.path / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(
                f"store must be written by one sweep at a time, got {str(self.path)!r}, which another one is writing. "
                "Wait for it, or give another folder."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def missing(self) -> list[int]:
        """Return the chunks that are not there, or damaged: each is read, and its hash compared.

        Raises:
            ValueError: If the codes are damaged or missing.
        """
        _ = self.inputs  # there are as many as the manifest says
        return [index for index in range(self.manifest.chunks) if self._read(index)[0] is None]

    def keep(self, index: int, chunk: bytes | Mapping[str, Tensor]) -> None:
        """Write a chunk, whole or not at all.

        Raises:
            NotWritten: If the system refuses; what was there is as it was.
        """
        data = chunk if isinstance(chunk, bytes) else pack(chunk, self.manifest.id, index)
        write_whole(self._file(index), data, "store")

    def read(self, index: int) -> dict[str, Tensor] | None:
        """Return the columns of a chunk, None where it is not there.

        Raises:
            ValueError: If it is damaged.
        """
        columns, wrong = self._read(index)
        if columns is None and wrong:
            raise ValueError(
                f"store must hold whole chunks, got {str(self._file(index))!r}: {wrong}. "
                "Sweep once more into this folder: what is damaged is made again."
            )
        return columns

    def _file(self, index: int) -> Path:
        return self.path / f"chunk-{index:06}.safetensors"

    def _read(self, index: int) -> tuple[dict[str, Tensor] | None, str]:
        file = self._file(index)
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            return None, str(error.strerror)
        try:
            return unpack(data, self.manifest.id, index, len(self.manifest.rows(index)))[0], ""
        except ValueError as error:
            return None, str(error)


def _ours(name: str) -> bool:
    """Whether a file may be what a sweep left that was killed before its manifest was there."""
    return name in (INPUTS, LOCK) or name.endswith(".draft")


def folder_of(path: Any) -> Folder:
    """Open the store of a sweep to read it; see :class:`Folder`."""
    return Folder(as_path(path, "store"))

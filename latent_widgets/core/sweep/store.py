"""Where the chunks of a sweep are kept: a folder, or memory."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import torch
from filelock import FileLock, Timeout
from safetensors.torch import save as save_safetensors
from torch import Tensor

from latent_widgets.core.files import Stamp, read_safetensors
from latent_widgets.core.paths import MissingFile, as_path, make_folder, to_read, write_whole
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

    def there(self) -> list[int]:
        """Return the chunks that are there, whole or damaged, in their order."""

    def missing(self) -> list[int]:
        """Return the chunks that are not there, or damaged."""

    def keep(self, index: int, chunk: bytes | Mapping[str, Tensor], seconds: float = 0.0) -> None:
        """Keep a chunk: its columns, which took so long, or these as bytes."""

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

    def there(self) -> list[int]:
        """Return the chunks that are there, in their order."""
        return sorted(self._chunks)

    def missing(self) -> list[int]:
        """Return the chunks that are not there."""
        return [index for index in range(self.manifest.chunks) if index not in self._chunks]

    def keep(self, index: int, chunk: bytes | Mapping[str, Tensor], seconds: float = 0.0) -> None:
        """Keep a chunk."""
        if isinstance(chunk, bytes):
            chunk, _ = unpack(chunk, self.manifest.id, index, len(self.manifest.rows(index)))
        self._chunks[index] = chunk

    def read(self, index: int) -> Mapping[str, Tensor] | None:
        """Return the columns of a chunk, None where it is not there."""
        return self._chunks.get(index)


class Folder:
    """Chunks in a folder: a manifest, the rows, and one file a chunk, each written whole or not at all.

    Somebody else may have made the folder: nothing in it is believed, and no link in it is written through.

    Args:
        path: The folder, which holds a manifest.

    Raises:
        ValueError: If it holds none, or one that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = path / MANIFEST
        try:
            data = _bytes(file)
        except FileNotFoundError:
            raise ValueError(
                f"store must be the folder of a sweep, got {str(path)!r}, which has no {MANIFEST}."
            ) from None
        self.manifest = Manifest.from_json(data, str(file))

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
            _write(folder / INPUTS, save_safetensors(apart, said))
            _write(folder / MANIFEST, manifest.to_json().encode())
        found = cls(folder)
        found.manifest.refuse(manifest if chunk is not None else manifest.like(found.manifest), str(folder))
        found.manifest = replace(found.manifest, generator=manifest.generator, about=manifest.about)  # as asked now
        return found

    @cached_property
    def inputs(self) -> dict[str, Tensor]:
        """The rows, and what else belongs to the results.

        Raises:
            ValueError: If their file is damaged or missing.
        """
        path = self.path / INPUTS
        way_out = "Give the same codes again: a new folder is needed."
        try:
            data = _bytes(path)
        except FileNotFoundError:
            raise ValueError(f"store must hold its codes, got {str(self.path)!r} without {INPUTS}. {way_out}") from None
        try:
            tensors, metadata = read_safetensors(data)
            if not STAMP.is_on(metadata) or STAMP.is_newer(metadata):
                raise ValueError("another file")
            if hash_columns(tensors) != self.manifest.inputs:
                raise ValueError("other numbers than those that were swept")
            rows = [value for name, value in tensors.items() if "." not in name]
            if not rows or any(not value.numel() or len(value) != self.manifest.count for value in rows if value.ndim):
                raise ValueError(f"other than {self.manifest.count} rows")
            if not all(value.ndim for value in rows):
                raise ValueError("a number where there must be rows")
        except ValueError as error:
            said = str(error).rstrip(".")
            raise ValueError(f"store must hold its codes, got {str(path)!r}, damaged: {said}. {way_out}") from None
        return tensors

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other programs from writing, within a ``with`` block; the system frees the lock of one that died.

        Raises:
            ValueError: If another one writes, or nobody may.
        """
        if (self.path / LOCK).is_symlink():  # some versions of the library empty what it leads to
            raise ValueError(f"store must hold a lock of its own, got the link {str(self.path / LOCK)!r}. Delete it.")
        lock = FileLock(self.path / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(
                f"store must be written by one sweep at a time, got {str(self.path)!r}, which another one is writing. "
                "Wait for it, or give another folder."
            ) from None
        except OSError as error:
            raise ValueError(
                f"store must be a folder that can be locked, got {str(self.path)!r}: {error.strerror or error}. "
                "Choose another folder, or read it with lw.Sweep.load."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def there(self) -> list[int]:
        """Return the chunks that are there, whole or damaged, in their order: no other file is looked for.

        Raises:
            ValueError: If the folder is gone, or the codes are damaged or missing.
        """
        _ = self.inputs  # there are as many as the manifest says
        try:
            names = os.listdir(self.path)
        except OSError as error:
            raise ValueError(
                f"store must be a folder that can be read, got {str(self.path)!r}: {error.strerror}."
            ) from None
        numbers = (int(match[1]) for match in map(_CHUNK.fullmatch, names) if match)
        known = {index for index in numbers if index < self.manifest.chunks}
        found = set(names)
        return sorted(index for index in known if self._file(index).name in found)

    def missing(self) -> list[int]:
        """Return the chunks that are not there, or damaged: each is read, and its hash compared.

        Raises:
            ValueError: If the folder is gone, or the codes are damaged or missing.
        """
        whole = {index for index in self.there() if self._read(index)[0] is not None}
        return [index for index in range(self.manifest.chunks) if index not in whole]

    def keep(self, index: int, chunk: bytes | Mapping[str, Tensor], seconds: float = 0.0) -> None:
        """Write a chunk, whole or not at all.

        Raises:
            NotWritten: If the system refuses; what was there is as it was.
            ValueError: If there is a folder in its place.
        """
        file = self._file(index)
        if file.is_dir() and not file.is_symlink():
            raise ValueError(f"store must hold chunks as files, got the folder {str(file)!r}. Move it away.")
        _write(file, chunk if isinstance(chunk, bytes) else pack(chunk, self.manifest.id, index, seconds))

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
        try:
            data = _bytes(self._file(index))
            return unpack(data, self.manifest.id, index, len(self.manifest.rows(index)))[0], ""
        except IsADirectoryError:
            return None, "a folder, a device or a pipe"
        except FileNotFoundError:
            return None, ""
        except ValueError as error:
            return None, str(error).rstrip(".")


_CHUNK = re.compile(r"chunk-([0-9]{6,15})\.safetensors")


def _bytes(file: Path) -> bytes:
    """Read a file of a store, all of it: nothing that has no end, and what the system refuses in words.

    Args:
        file: The file.

    Returns:
        Its bytes.

    Raises:
        MissingFile: If there is none.
        ValueError: If it cannot be read.
    """
    path = to_read(file, "store")
    try:
        return path.read_bytes()
    except FileNotFoundError:  # it was there a moment ago
        raise MissingFile(f"store must hold its files, got {str(file)!r}, which is gone.") from None
    except OSError as error:
        raise ValueError(f"store must hold files that can be read, got {str(file)!r}: {error.strerror}.") from None


def _write(file: Path, data: bytes) -> None:
    """Write a file of a store, not what a link in its place leads to."""
    if file.is_symlink():
        file.unlink()
    write_whole(file, data, "store")


def _ours(name: str) -> bool:
    """Whether a file may be what a sweep left that was killed before its manifest was there."""
    return name in (INPUTS, LOCK) or name.endswith(".draft")


def folder_of(path: Any) -> Folder:
    """Open the store of a sweep to read it; see :class:`Folder`."""
    return Folder(as_path(path, "store"))

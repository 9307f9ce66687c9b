"""Reading files of ``torch.save`` since 1.6: a zip of one pickle and one stored entry for each storage."""

from __future__ import annotations

import codecs
import struct
import zipfile
from collections.abc import Mapping
from typing import IO, Any

from latent_widgets.core.budget import Budget
from latent_widgets.generators.checkpoints._machine import Machine
from latent_widgets.generators.checkpoints._storages import Storage, class_of, storage_of
from latent_widgets.generators.checkpoints._strangers import Strangers
from latent_widgets.generators.checkpoints._values import Allowed, CheckpointError, short

__all__ = ["read_archive"]

_LOCAL = 30  # bytes of the fixed part of a local header
codecs.lookup("cp437")  # of names in old archives: imported now, so that nothing is while a file is read


def read_archive(
    file: IO[bytes],
    data: memoryview,
    names: Mapping[tuple[str, str], Any],
    strangers: Strangers | None = None,
    budget: Budget | None = None,
) -> Any:
    """Read a zip of torch without its own loader.

    Args:
        file: The open file.
        data: Its bytes.
        names: What its pickle may name.
        strangers: Takes other names; None where these are refused.
        budget: The account of the file; one for the bytes if not given.

    Returns:
        Its value; tensors are read when asked for.

    Raises:
        CheckpointError: If it is damaged, compressed, or TorchScript.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {info.filename: info for info in archive.infolist()}
    except (zipfile.BadZipFile, ArithmeticError, EOFError, OSError, RuntimeError, ValueError, struct.error) as error:
        raise CheckpointError(
            f"the file must be a whole zip archive, got a damaged one ({short(str(error))}). Download it again."
        ) from None
    roots = [name.removesuffix("data.pkl") for name in entries if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise CheckpointError("the zip archive must be a torch checkpoint with one data.pkl, got another archive.")
    root = roots[0]
    code = f"{root}code/"
    if f"{root}constants.pkl" in entries or any(name.startswith(code) for name in entries):
        raise CheckpointError(
            "the file must hold tensors, got a TorchScript program. Load it with torch.jit.load and pass it: "
            "lw.load(module)."
        )
    order = entries.get(f"{root}byteorder")
    if order is not None and not (order.file_size == 6 and bytes(_stored(data, order)) == b"little"):
        raise CheckpointError("the numbers of a checkpoint must be little endian, got others.")
    storages: dict[str, Storage] = {}
    budget = budget or Budget(len(data), "the file", CheckpointError)

    def persistent(key: Any) -> Storage | Allowed:
        if (named := class_of(key)) is not None:
            return named
        storage, name = storage_of(key)
        budget.spend(4 * (len(root) + len(name)))
        entry = entries.get(f"{root}data/{name}")
        if entry is None:
            raise CheckpointError(f"storage {short(name)} must be in the archive, got none.")
        storage.view, storage.budget = _stored(data, entry), budget
        return storages.setdefault(f"{name} {storage.dtype} {storage.numel}", storage)

    pickled = _stored(data, entries[f"{root}data.pkl"])
    return Machine(pickled, names, persistent, strangers=strangers, budget=budget).run()


def _stored(data: memoryview, entry: zipfile.ZipInfo) -> memoryview:
    """The bytes of an entry, in place."""
    start = entry.header_offset
    head = bytes(data[start : start + _LOCAL])
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise CheckpointError(f"entry {short(entry.filename)} must be stored as it is, got a compressed one.")
    if len(head) != _LOCAL or head[:4] != b"PK\x03\x04":
        raise CheckpointError(f"entry {short(entry.filename)} must lie in the file, got a damaged archive.")
    start += _LOCAL + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    if entry.file_size > len(data) - start:
        raise CheckpointError(f"entry {short(entry.filename)} must lie in the file, got a damaged archive.")
    return data[start : start + entry.file_size]

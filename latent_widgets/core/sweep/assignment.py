"""What a sweep is to do, and how it is begun: into a folder or into memory, in chunks of a length that pays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.imports import import_whole
from latent_widgets.core.paths import as_path
from latent_widgets.core.sweep.manifest import Manifest, hash_columns
from latent_widgets.core.sweep.room import check_room
from latent_widgets.core.sweep.store import Folder, Memory, Store
from latent_widgets.core.sweep.tasks import Task

__all__ = ["Assignment", "begun"]

# Seconds that a chunk takes: what a kill costs at most, and so long that giving it away and writing it (some
# milliseconds) count for nothing.
WORTHWHILE = 2.0
EACH = 4  # chunks that each worker has at least, so that all end at about the same time


@dataclass(frozen=True, eq=False)
class Assignment:
    """What is to be found, and of what.

    Attributes:
        kind: Which results.
        task: What is done to a few rows.
        inputs: The rows on the CPU, by their names; under names with a dot, what else belongs to the results.
        parameters: What decides the results, as JSON knows it.
        generator: What the generator is called.
        weights_hash: Its identity.
        condition: The class that it draws, in words.
        batch: How many rows are computed at once.
        bytes_each: What is kept of a row.
        seconds_each: How long a row takes, about.
        about: What belongs to the results and changes nothing in them.
    """

    kind: str
    task: Task
    inputs: Mapping[str, Tensor]
    parameters: Mapping[str, Any]
    generator: str
    weights_hash: str
    condition: str
    batch: int
    bytes_each: int
    seconds_each: float
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(next(value for name, value in self.inputs.items() if "." not in name))


def workers() -> int:
    """Return how many workers joblib's configuration names; 1 if none was made."""
    import_whole("joblib")
    import joblib

    return int(joblib.effective_n_jobs(None))


def begun(given: Assignment, store: Any = None, chunk: int | None = None) -> Store:
    """Make the store of a sweep, or open the one that is there.

    Args:
        given: What is to be done.
        store: A folder; memory if not given.
        chunk: Rows in a chunk. If not given, so many that one takes about two seconds, and fewer where there would be
            less than four for each worker.

    Returns:
        The store.

    Raises:
        TypeError: If something has the wrong type.
        ValueError: If the store is of something else, or there is no room for what will come.
    """
    length = _length(given, store is not None) if chunk is None else checks.integer("chunk", chunk, 1)
    length = given.batch * math.ceil(length / given.batch)
    manifest = Manifest(
        kind=given.kind,
        parameters=dict(given.parameters),
        generator=given.generator,
        weights_hash=given.weights_hash,
        condition=given.condition,
        count=given.count,
        inputs=hash_columns(given.inputs),
        batch=given.batch,
        chunk=length,
        about=dict(given.about),
    )
    if store is None:
        check_room(given.bytes_each * given.count, None)
        return Memory(manifest, given.inputs)
    path = as_path(store, "store")
    if not path.exists():  # what has no room is not begun
        above = next(folder for folder in path.absolute().parents if folder.exists())
        check_room(given.bytes_each * given.count, above)
    found = Folder.begin(path, manifest, given.inputs, chunk=chunk)
    left = found.manifest.count - sum(len(found.manifest.rows(index)) for index in found.there())
    check_room(given.bytes_each * left, found.path)
    return found


def _length(given: Assignment, kept: bool) -> int:
    count = workers()
    if count == 1 and not kept:
        return given.batch  # nothing is given away or written
    by_time = WORTHWHILE / max(given.seconds_each, 1e-9)
    return max(1, int(min(by_time, given.count / (EACH * count), given.count)))

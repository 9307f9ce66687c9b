"""What happens to a chunk where it is computed: in this process, in a thread, or in one on another machine."""

from __future__ import annotations

import math
import os
import platform
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core.files import as_array
from latent_widgets.core.steps import Cancelled
from latent_widgets.core.sweep.chunk_files import pack
from latent_widgets.core.sweep.tasks import Parcel, Task
from latent_widgets.core.words import one_line

__all__ = ["Order", "Reply", "Terms", "compute", "here", "order_of", "work_on"]

GLANCE = 0.1  # seconds between two looks whether the sweep was cancelled
SHOWN = 400  # of the letters of what went wrong


@dataclass(frozen=True)
class Terms:
    """What holds for all chunks of a run.

    Attributes:
        sweep: Of which sweep they are.
        batch: How many rows are computed at once.
        threads: Of PyTorch, in a process of its own.
        flag: A file that appears when the sweep is cancelled.
        home: Where the sweep was begun.
    """

    sweep: str
    batch: int
    threads: int
    flag: str
    home: tuple[str, int]


@dataclass(frozen=True, eq=False)
class Order:
    """One chunk to compute: its rows, as arrays by their names."""

    index: int
    rows: Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, eq=False)
class Reply:
    """What became of a chunk.

    Attributes:
        index: Which.
        columns: What was found, where that need not travel.
        data: The same as bytes, where it must.
        seconds: How long it took.
        wrong: What went wrong, in words; empty where nothing did.
        refused: Why this process cannot compute at all; empty where it can.
        cancelled: Whether it was cancelled.
        error: What was raised, where that need not travel.
    """

    index: int
    columns: Mapping[str, Tensor] | None = None
    data: bytes | None = None
    seconds: float = 0.0
    wrong: str = ""
    refused: str = ""
    cancelled: bool = False
    error: Exception | None = None


def here() -> tuple[str, int]:
    """Return what tells this process from others: the machine and the number."""
    return platform.node(), os.getpid()


def order_of(index: int, rows: Mapping[str, Tensor], span: range) -> Order:
    """Take the rows of a chunk."""
    return Order(index, {name: as_array(value[span.start : span.stop]) for name, value in rows.items()})


def work_on(parcel: Parcel, terms: Terms, order: Order, inside: Callable[[], object] | None = None) -> Reply:
    """Compute a chunk; what goes wrong comes back in words, for joblib would end all others for it.

    Args:
        parcel: What to do.
        terms: On which terms.
        order: With what.
        inside: Called now and then, in the process that sweeps; raises to end it.

    Returns:
        What became of it.

    Raises:
        Exception: What ``inside`` raised, whatever it is.
    """
    if parcel.task is None:
        return Reply(order.index, refused=parcel.wrong)
    apart = here() != terms.home
    if apart and torch.get_num_threads() != terms.threads:
        torch.set_num_threads(terms.threads)  # of a process that is there for nothing else
    rows = {name: torch.from_numpy(np.array(value)) for name, value in order.rows.items()}
    begun = time.perf_counter()
    look, told = inside or _watch(terms.flag), list[Exception]()

    def look_noting() -> None:
        try:
            look()
        except Exception as error:
            told.append(error)
            raise

    try:
        if inside is None:
            look_noting()
        columns = compute(parcel.task, rows, terms.batch, look_noting)
    except (Exception, SystemExit) as error:
        if told and inside is not None:  # no fault of the chunk: whoever is told of it raised
            raise told[0] from told[0].__cause__
        if isinstance(error, Cancelled):
            return Reply(order.index, cancelled=True)
        kept = error if isinstance(error, Exception) and not apart else None
        return Reply(order.index, wrong=_words(error), error=kept)
    seconds = time.perf_counter() - begun
    if not apart:
        return Reply(order.index, columns, seconds=seconds)
    return Reply(order.index, data=pack(columns, terms.sweep, order.index, seconds), seconds=seconds)


def compute(task: Task, rows: Mapping[str, Tensor], batch: int, inside: Callable[[], object]) -> dict[str, Tensor]:
    """Compute rows a few at a time; where memory runs out, fewer still.

    Args:
        task: What to do.
        rows: The rows, on the CPU.
        batch: How many at once.
        inside: Called between them.

    Returns:
        The columns, on the CPU.
    """
    count = len(next(iter(rows.values())))
    parts: list[dict[str, Tensor]] = []
    for start in range(0, count, batch):
        if start:
            inside()
        parts += _careful(task, {name: value[start : start + batch] for name, value in rows.items()}, inside)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _careful(task: Task, rows: Mapping[str, Tensor], inside: Callable[[], object]) -> list[dict[str, Tensor]]:
    count = len(next(iter(rows.values())))
    try:
        return [_home(task({name: _onto(value, task.device) for name, value in rows.items()}, inside))]
    except torch.OutOfMemoryError:
        if count < 2:
            raise
    half = count // 2
    first, second = ({name: value[part] for name, value in rows.items()} for part in (slice(half), slice(half, None)))
    return [*_careful(task, first, inside), *_careful(task, second, inside)]


def _onto(value: Tensor, device: torch.device) -> Tensor:
    """Bring rows to a device; from pinned memory a GPU fetches them while it computes."""
    if device.type != "cuda":
        return value.to(device)
    return value.pin_memory().to(device, non_blocking=True)


def _home(columns: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Bring what was found to the CPU: of a GPU all at once, into pinned memory."""
    found: dict[str, Tensor] = {}
    waits = None
    for name, value in columns.items():
        if value.device.type == "cuda":
            place = torch.empty(value.shape, dtype=value.dtype, device="cpu", pin_memory=True)
            found[name], waits = place.copy_(value.detach(), non_blocking=True), value.device
        else:
            found[name] = value.detach().cpu()
    if waits is not None:
        torch.cuda.current_stream(waits).synchronize()
    return found


def _watch(flag: str) -> Callable[[], object]:
    """Return what raises once a file is there."""
    last = -math.inf

    def look() -> None:
        nonlocal last
        if time.monotonic() - last >= GLANCE:
            last = time.monotonic()
            if Path(flag).exists():
                raise Cancelled("The sweep was cancelled.")

    return look


def _words(error: BaseException) -> str:
    place = traceback.extract_tb(error.__traceback__)
    where = f" (in {place[-1].name})" if place else ""
    return one_line(f"{type(error).__name__}: {error}{where}", SHOWN)

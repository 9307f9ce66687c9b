"""How every benchmark times and prints: many short runs in turn, the least disturbed of each, in one table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """How long runs took, in milliseconds: on the clock, and of the processor, to which other programs add little."""

    median: float
    p95: float
    cpu: float


def percentile(values: Sequence[float], q: float) -> float:
    """Return the ``q``-th percentile, interpolated between neighbours."""
    ordered, place = sorted(values), (len(values) - 1) * q / 100
    low = int(place)
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(values) - 1)] - ordered[low])


class Amid:
    """Times work in pictures that are drawn amid it, since memory that is freed makes those after it a tenth faster.

    Args:
        picture: Draws one.
        every: How many steps of the work, which is given this as ``on_step``, from one picture to the next.
    """

    def __init__(self, picture: Callable[[], object], every: int = 8) -> None:
        self._picture, self._every, self._told = picture, every, 0
        self.pictures: list[float] = []
        self._start = time.process_time()

    def __call__(self, step: object = None) -> None:
        """Note a step."""
        self._told += 1
        if self._told % self._every == 1:
            begin = time.process_time()
            self._picture()
            self.pictures.append(time.process_time() - begin)

    @property
    def seconds(self) -> float:
        """Processor seconds so far, without those of the pictures."""
        return time.process_time() - self._start - sum(self.pictures)

    @property
    def picture(self) -> float:
        """Processor seconds of a picture."""
        return statistics.median(self.pictures)


def spread_in_turn(runs: Mapping[str, Callable[[], object]], repeats: int = 30) -> dict[str, Spread]:
    """Time functions in turn and keep what a user would notice: the median and the 95th percentile.

    Args:
        runs: What to time, by name.
        repeats: How many rounds; one more goes before, unmeasured.

    Returns:
        One spread each.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            start, cpu = time.perf_counter(), time.process_time()
            run()
            if turn:
                taken[name].append((1000 * (time.perf_counter() - start), 1000 * (time.process_time() - cpu)))
    spreads = {}
    for name, pairs in taken.items():
        clock, cpus = zip(*pairs, strict=True)
        spreads[name] = Spread(statistics.median(clock), percentile(clock, 95), statistics.median(cpus))
    return spreads


def in_turn(
    runs: Mapping[str, Callable[[], object]], repeats: int = 15, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Time functions in turn, so that a busy moment of the machine falls on all of them.

    Args:
        runs: What to time, by name.
        repeats: How many rounds; one more goes before, unmeasured.
        clock: Gives seconds; ``time.process_time`` for work on one core of a machine that is busy otherwise.

    Returns:
        Milliseconds of the quickest run of each: what else the machine does can only add to it.
    """
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            start = clock()
            run()
            if turn:
                taken[name].append(1000 * (clock() - start))
    return {name: min(times) for name, times in taken.items()}


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table with aligned columns; floats get three digits."""
    text = [list(head)] + [[f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*text, strict=True)]
    print(f"\n{title}")
    for row in text:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join([first.strip().ljust(widths[0]), *others]))

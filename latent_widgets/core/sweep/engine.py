"""A sweep: what is missing is computed, kept, and tried again where it failed, until all is there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from latent_widgets.core.steps import Cancelled
from latent_widgets.core.sweep.crew import Crew, Died
from latent_widgets.core.sweep.store import Store
from latent_widgets.core.sweep.tasks import Task
from latent_widgets.core.sweep.worker import Order, Reply, order_of
from latent_widgets.core.work import Work

__all__ = ["Failure", "Run", "run"]

TRIES = 2  # of a chunk
DEATHS = 4  # of workers one after the other, nothing finished between them: then it is not the chunks


@dataclass(frozen=True)
class Failure:
    """Rows for which nothing could be found, twice.

    Attributes:
        first: The first of them.
        last: The last of them.
        reason: Why, in words.
    """

    first: int
    last: int
    reason: str


@dataclass(frozen=True)
class Run:
    """How a sweep ended.

    Attributes:
        stopped: ``"finished"``, ``"cancelled"``, or ``"failed"`` where rows failed and the others are there.
        failures: What failed.
    """

    stopped: str
    failures: tuple[Failure, ...] = ()


def run(
    task: Task,
    store: Store,
    work: Work,
    *,
    expect: Callable[[int, int], object] | None = None,
    cost: float = 1.0,
    seconds_each: float = 0.0,
    threads: int = 1,
    patient: bool = True,
) -> Run:
    """Compute what a store lacks.

    Args:
        task: What is done to rows.
        store: Where the rows are, and what was found for them.
        work: Who is told.
        expect: Called before the first chunk, with the rows that are missing and the number of workers.
        cost: What a row counts there.
        seconds_each: How long a row takes, about.
        threads: Of PyTorch in each process of its own.
        patient: Whether chunks that fail twice are left out, rather than end the sweep.

    Returns:
        How it ended.

    Raises:
        ValueError: If another one writes to the store, no worker can compute, workers die one after the other, or
            every chunk failed.
        Unsendable: A ``ValueError``, if there are other processes, and the task cannot be sent to them.
    """
    manifest, failures = store.manifest, list[Failure]()
    with store.held():
        missing = store.missing()
        inputs = {name: value for name, value in store.inputs.items() if "." not in name}
        done = manifest.count - sum(len(manifest.rows(index)) for index in missing)
        if not missing:
            work.tell(done)
            return Run("finished")
        seconds = seconds_each * manifest.chunk
        with Crew(task, manifest.id, manifest.batch, threads, work.inside, seconds) as crew:
            try:
                if done:
                    work.tell(done)
                if expect is not None:
                    expect(manifest.count - done, crew.workers)
                for reply in _replies(crew, missing, partial(_order, store, inputs), TRIES if patient else 1):
                    span = manifest.rows(reply.index)
                    if reply.wrong:
                        if not patient:
                            raise reply.error or ValueError(reply.wrong)
                        failures.append(Failure(span.start, span.stop - 1, reply.wrong))
                        continue
                    found = reply.data if reply.columns is None else reply.columns
                    store.keep(reply.index, found, reply.seconds)  # type: ignore[arg-type]
                    done += len(span)
                    work.draw(cost * len(span))
                    if not work.tell(done) and done < manifest.count:
                        return Run("cancelled", tuple(failures))
            except Cancelled:
                return Run("cancelled", tuple(failures))
    if failures and not done:
        raise ValueError(f"the sweep must succeed somewhere, got the same failure everywhere: {failures[0].reason}")
    return Run("failed" if failures else "finished", tuple(sorted(failures, key=lambda failure: failure.first)))


def _order(store: Store, inputs: Mapping[str, Tensor], index: int) -> Order:
    return order_of(index, inputs, store.manifest.rows(index))


def _replies(crew: Crew, missing: list[int], order: Callable[[int], Order], most: int) -> Iterator[Reply]:
    """Yield what became of each chunk in the end: found, or failed as often as it may.

    When workers die, nobody knows for which of the chunks that were under way: these are tried one by one, so that the
    next death tells.

    Raises:
        ValueError: If no worker can compute, or workers die one after the other.
    """
    tries, deaths, heard = Counter[int](), 0, time.monotonic()
    together, single = list(missing), list[int]()
    while together or single:
        chunks, together = (together, []) if together else ([single.pop(0)], [])
        open_ = dict.fromkeys(chunks)
        try:
            for reply in crew.work_off(map(order, chunks)):
                heard = time.monotonic()
                open_.pop(reply.index, None)
                if reply.refused:
                    raise ValueError(f"every worker must have the same latent_widgets, got {reply.refused}.")
                if reply.cancelled:
                    continue
                if not reply.wrong:
                    deaths = 0
                    yield reply
                elif _is_last(tries, reply.index, most):
                    yield reply
                else:
                    together.append(reply.index)
        except Died as died:
            suspects = [index for index in died.under_way if index in open_]
            if not suspects and not crew.wait(time.monotonic() - heard):
                raise ValueError(f"workers must be there to compute, got none: {died.reason}") from died
            together += [index for index in open_ if index not in suspects]
            deaths += len(chunks) == 1 and bool(suspects)
            if deaths >= DEATHS:
                raise ValueError(
                    f"workers must live until a chunk is finished, got {deaths} that died one after the other: "
                    f"{died.reason}. Take a smaller chunk=, fewer workers, or more memory."
                ) from died
            for index in suspects:
                if _is_last(tries, index, TRIES):
                    yield Reply(index, wrong=f"the worker died: {died.reason}")
                else:
                    single.append(index)


def _is_last(tries: Counter[int], index: int, most: int) -> bool:
    tries[index] += 1
    return tries[index] >= most

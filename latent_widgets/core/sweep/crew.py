"""Who computes the chunks: this process, or whatever joblib's ``parallel_config`` says.

joblib gives chunks away and brings back what came of them, from a thread of its own, so that whoever sweeps hears of
the time that passes, can be told, and can end the sweep between two chunks.
"""

from __future__ import annotations

import contextlib
import pkgutil
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from latent_widgets.core.imports import import_whole
from latent_widgets.core.paths import write_whole
from latent_widgets.core.steps import duration
from latent_widgets.core.sweep.tasks import Parcel, Task
from latent_widgets.core.sweep.worker import Order, Reply, Terms, here, work_on

__all__ = ["Crew", "Died"]

BEAT = 0.2  # seconds between two calls of whoever sweeps while nothing is finished
# Nothing has come back for so long: then a cluster has lost what it was given, and does not say so. Seconds, and times
# the longest chunk; before the first comes back, workers may still have to start.
SILENCE, STARTING, LONGER = 30.0, 120.0, 20.0
RETRY = 2.0  # seconds between two tries to find workers
PATIENCE = 5.0  # seconds for which a sweep that ends waits for chunks that are under way on this machine
VERSIONED = "latent_widgets.core.version:VERSION"
LOCAL = "joblib._parallel_backends"  # where joblib's own engines are, which with one worker would only add work


class Died(Exception):
    """Workers ended, with the chunks that they had.

    Attributes:
        under_way: Those chunks.
        reason: In words.
    """

    def __init__(self, under_way: Sequence[int], reason: str) -> None:
        super().__init__(reason)
        self.under_way, self.reason = tuple(under_way), reason


class Crew:
    """Those who compute the chunks of one run; to be used in a ``with`` block.

    Args:
        task: What is done to rows.
        sweep: Of which sweep.
        batch: How many rows are computed at once.
        threads: Of PyTorch in each process.
        beat: Called now and then; raises to end the run.
        seconds: How long a chunk takes, about.

    Attributes:
        workers: How many there are.

    Raises:
        Unsendable: If there are other processes, and the task cannot be sent to them.
        ValueError: If joblib is told to compute in a way that gives all results at the end.
    """

    def __init__(
        self, task: Task, sweep: str, batch: int, threads: int, beat: Callable[[], object], seconds: float = 0.0
    ) -> None:
        import_whole("joblib", "joblib.parallel")
        import joblib
        from joblib.parallel import get_active_backend

        backend, _ = get_active_backend()
        self.workers = joblib.effective_n_jobs(None)
        if not backend.supports_return_generator:
            raise ValueError(
                f"joblib's backend must hand over results as they come, got {type(backend).__name__}. "
                "Use 'loky', 'threading' or 'dask'."
            )
        self._looked = type(backend).__module__ == LOCAL  # the workers of this machine have what it has
        self._alone = self.workers == 1 and type(backend).__module__ == LOCAL
        self._parcel, self._beat = Parcel(task), beat
        self._longest, self._started = seconds, False
        if not self._alone and not getattr(backend, "uses_threads", False):
            self._parcel.packed()  # now, where what goes wrong can be said
        self._open = contextlib.ExitStack()
        folder = "" if self._alone else self._open.enter_context(tempfile.TemporaryDirectory(prefix="latent_widgets-"))
        self._flag = Path(folder) / "cancelled"
        self._terms = Terms(sweep, batch, threads, str(self._flag), here())
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Have those who still compute stop, and wait a little for them."""
        if any(thread.is_alive() for thread in self._threads):
            write_whole(self._flag, b"")
            for thread in self._threads:
                thread.join(PATIENCE)
        with contextlib.suppress(OSError):
            self._open.close()

    def wait(self, since: float) -> bool:
        """Wait a little for workers, as those that died may be started again.

        Args:
            since: Seconds since one was heard of.

        Returns:
            Whether it is worth trying again.
        """
        until = time.monotonic() + RETRY
        while time.monotonic() < until:
            time.sleep(BEAT)
            self._beat()
        return since < STARTING

    def work_off(self, orders: Iterator[Order]) -> Iterator[Reply]:
        """Compute chunks, in whatever order they are finished.

        Args:
            orders: The chunks.

        Yields:
            What became of each.

        Raises:
            Died: If workers ended.
        """
        if self._alone:
            for order in orders:
                yield work_on(self._parcel, self._terms, order, self._beat)
            return
        yield from self._with_others(orders)

    def _with_others(self, orders: Iterator[Order]) -> Iterator[Reply]:
        import_whole("joblib")
        from joblib import Parallel, delayed

        stop, under_way = threading.Event(), set[int]()
        replies: queue.SimpleQueue[Reply | BaseException | None] = queue.SimpleQueue()
        # made here: joblib's configuration is that of this thread
        parallel = Parallel(batch_size=1, return_as="generator_unordered", pre_dispatch="2*n_jobs")

        def calls() -> Iterator[Any]:
            for order in orders:
                if stop.is_set():
                    return
                under_way.add(order.index)
                yield delayed(work_on)(self._parcel, self._terms, order)

        def run() -> None:
            try:
                self._look_for_package()
                for reply in parallel(calls()):
                    replies.put(reply)
                replies.put(None)
            except BaseException as error:
                replies.put(error)

        thread = threading.Thread(target=run, name="sweep", daemon=True)
        self._threads.append(thread)
        thread.start()
        try:
            while (reply := self._next(replies, under_way)) is not None:
                if isinstance(reply, BaseException):
                    raise _as_death(reply, under_way) from (None if isinstance(reply, Died) else reply)
                under_way.discard(reply.index)
                self._longest, self._started = max(self._longest, reply.seconds), True
                yield reply
        finally:
            stop.set()

    def _look_for_package(self) -> None:
        """Ask workers elsewhere for the package: Dask does not always say that a task could not be read there.

        Raises:
            ModuleNotFoundError: If one has none.
        """
        if self._looked:
            return
        import_whole("joblib")
        from joblib import Parallel, delayed

        self._looked = True
        Parallel(batch_size=1)(delayed(pkgutil.resolve_name)(VERSIONED) for _ in range(2 * self.workers))

    def _next(
        self, replies: queue.SimpleQueue[Reply | BaseException | None], under_way: set[int]
    ) -> Reply | BaseException | None:
        heard = time.monotonic()
        while True:
            try:
                return replies.get(timeout=BEAT)
            except queue.Empty:
                self._beat()
            silent, limit = time.monotonic() - heard, SILENCE if self._started else STARTING
            if silent > limit + LONGER * self._longest:
                return Died(sorted(under_way), f"nothing came back from the workers for {duration(silent)}")


def _as_death(error: BaseException, under_way: set[int]) -> BaseException:
    """Tell workers that died from what is wrong with all of them."""
    if isinstance(error, Died) or not isinstance(error, Exception):  # or an interrupt, which the workers heard too
        return error
    missing = next((one for one in _causes(error) if isinstance(one, ModuleNotFoundError)), None)
    if missing is not None:
        return ValueError(
            f"every worker must have the package, got one where {str(missing)!r}. Install latent_widgets there too."
        )
    return Died(sorted(under_way), f"{type(error).__name__}: {error}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

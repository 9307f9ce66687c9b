"""Work off the kernel's threads: one run at a time on a worker, the newest request wins, cancel always works.

Runs and their callbacks happen on one thread, one after the other: a callback that has begun ends before the next run
begins, so what is newest is also last on the screen. Of a run that was superseded, cancelled or closed no callback
begins any more. Two jobs of one panel work at the same time, but their callbacks too go one after the other.

A failure takes nothing with it: what waits is done all the same, and only work of the same kind puts right what failed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch

from latent_widgets.core import checks
from latent_widgets.core.lock import PriorityLock
from latent_widgets.core.steps import Cancelled, Step
from latent_widgets.widgets.jobs.executors import Worker, is_inline
from latent_widgets.widgets.jobs.relay import Relay
from latent_widgets.widgets.jobs.run import Run, Work
from latent_widgets.widgets.jobs.trouble import Trouble

__all__ = ["Job", "Report", "Work"]

OFTEN = 1.0  # seconds between two words about how long a run takes, where nothing else has changed
QUICK_MS = 150.0  # what takes less is over before its announcement is read


class Report(NamedTuple):
    """What there is to say of a job.

    Attributes:
        state: ``"busy"`` while something runs or waits, ``"error"`` while a failure is not put right, or how the last
            run ended: ``"idle"`` or ``"cancelled"``.
        label: What the current run does; empty when there is none.
        progress: The share done in [0, 1]; None where that is not known.
        streaming: Whether the pictures of a moving control come quickly, one after another.
        outlook: In words what the run will take, or what is left of it; empty where that is not known.
    """

    state: str
    label: str
    progress: float | None
    streaming: bool
    outlook: str = ""

    @property
    def words(self) -> str:
        """What the current run does, how far it is, and how long it takes."""
        percent = "" if self.progress is None else f"{100 * self.progress:.0f} %"
        return ", ".join(part for part in (self.label, percent, self.outlook) if part)


class Job:
    """Runs of one panel: one at a time, latest wins.

    Args:
        executor: ``"thread"`` or ``"inline"``, which runs where it is submitted (tests, Pyodide); by default a thread,
            or what :func:`~latent_widgets.widgets.jobs.executors.inline_jobs` says.
        on_change: Called, on whichever thread, after the state or the progress changed; never twice at once.
        lock: Held while work runs. A :class:`~latent_widgets.core.lock.PriorityLock` honours ``priority`` and
            lets more urgent work of other jobs in at each step.
        beside: Another job of the same panel: a callback of one waits until that of the other has ended, and both call
            the other's ``on_change``.
        linger: Seconds without work after which the thread ends; the next request starts another.

    Attributes:
        progress: The share done of the current run in [0, 1], None where unknown.
        elapsed_ms: How long the last work that ended took.
        stamp: That of the newest request, 0 before the first.

    Example:
        >>> with Job(executor="inline") as job:
        ...     stamp = job.submit(lambda on_step: 6 * 7, done=print)
        42
    """

    def __init__(
        self,
        *,
        executor: str | None = None,
        on_change: Callable[[], object] | None = None,
        lock: AbstractContextManager[Any] | None = None,
        beside: Job | None = None,
        linger: float = 10.0,
    ) -> None:
        self._inline = is_inline(executor)
        self._relay: Relay = beside._relay if beside else Relay(on_change, self._fail)
        self._lock = lock
        self._callbacks: AbstractContextManager[Any] = beside._callbacks if beside else threading.RLock()
        self._linger = checks.number("linger", linger, low=0)
        self._trouble = Trouble()
        self.progress: float | None = None
        self._outlook, self._foretold = "", 0.0  # and when that was said
        self.elapsed_ms: float | None = None
        self._wake = threading.Condition()  # guards all below
        self._waiting: list[Run] = []
        self._running: Run | None = None
        self._ending = False  # between the end of a run and the word of it
        self._worker: int | None = None  # the thread that works off requests, inline or not
        self._thread: threading.Thread | None = None
        self._alive = False  # whether that thread still takes requests
        self.stamp = 0
        self._took: dict[str, float] = {}  # milliseconds of the last work of each kind
        self._started = time.perf_counter()
        self._ended = "idle"
        self._closed = False

    # ---- what a panel calls

    def submit(
        self,
        work: Work,
        *,
        done: Callable[[Any], object] | None = None,
        failed: Callable[[Exception], object] | None = None,
        progress: Callable[[Step], object] | None = None,
        label: str = "",
        kind: str = "main",
        priority: int = 0,
        frame: bool = False,
        delay: float = 0.0,
        prepare: Callable[[], object] | None = None,
        queue: bool = False,
    ) -> int:
        """Ask for a run; an older request of the same kind is superseded.

        Args:
            work: Called as ``work(on_step)``, without gradients unless it enables them. ``on_step(Step(...))`` reports
                progress; it returns False once the run is cancelled or superseded.
            done: Called with the result.
            failed: Called with the exception of ``work`` or of ``done``.
            progress: Called with each :class:`~latent_widgets.core.steps.Step`, while the lock is held.
            label: What the run does, for the status line.
            kind: Requests of different kinds do not supersede each other.
            priority: Of what waits, the highest goes first.
            frame: One picture of a stream: a frame that runs is finished and shown although a newer frame waits, since
                a slow generator would otherwise show nothing while a slider moves.
            delay: Seconds of rest, without another request of the kind, before it runs; inline, none.
            prepare: Called on the worker before the lock is taken, to load PyTorch's rules; inline not at all.
            queue: Whether it is done after those of its kind, rather than in their place.

        Returns:
            The stamp of the request, which grows by one with each.

        Raises:
            RuntimeError: If the job is closed.
        """
        due = time.monotonic() + checks.number("delay", delay, low=0)
        run = Run(work, done, failed, progress, label, kind, priority, frame, delay, due, prepare, queue)
        with self._wake:
            if self._closed:
                raise RuntimeError("submit must be called on an open job, got a closed one. Make a new panel.")
            self.stamp += 1
            run.stamp = self.stamp
            if not queue:
                self._supersede(run)
            self._waiting.append(run)
            work_here = self._inline and self._worker is None
            if work_here:
                self._worker = threading.get_ident()
            elif not self._inline and not self._alive:
                self._start()
            self._wake.notify_all()
        self.tell()
        if work_here:
            self._work_off()
        return run.stamp

    def awaits(self, stamp: int) -> bool:
        """Whether a request waits or runs, and its result will count."""
        with self._wake:
            runs = [*self._waiting, *([self._running] if self._running else [])]
            return any(run.stamp == stamp and not run.dropped for run in runs)

    def settle(self, kind: str | None = None) -> None:
        """Take failures as dealt with: somebody has read of them, or what failed is not wanted any more.

        Args:
            kind: Only those of this kind.
        """
        before = self.errors
        self._trouble.settle(kind)
        if before:
            self.tell()

    def cancel(self, kind: str | None = None) -> None:
        """Drop what waits and what runs; work that reports its steps also ends at the next one.

        Args:
            kind: Only requests of this kind, with what went wrong of it: nobody wants any.
        """
        if kind is not None:
            self._trouble.settle(kind)
        with self._wake:
            dropped = self._drop_waiting(kind)
            current = self._running
            if current and not current.dropped and kind in (None, current.kind):
                current.dropped = dropped = True
            if dropped:
                self._ended, self.progress = "cancelled", None
            self._wake.notify_all()
        self.tell()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs, nothing waits and ``on_change`` has been told so.

        Args:
            timeout: At most this many seconds.

        Returns:
            Whether that came to pass.

        Raises:
            RuntimeError: If called by work or a callback of this job, which would wait for themselves.
        """
        with self._wake:
            if self._worker == threading.get_ident():
                raise RuntimeError("wait must be called outside the job's own work and callbacks. Use done= instead.")
            finished = self._wake.wait_for(lambda: not (self._waiting or self._running or self._ending), timeout)
            thread = self._thread if self._closed else None
        if thread:
            thread.join(timeout)
        return finished and self._relay.wait(timeout)

    def catch_up(self, timeout: float) -> None:
        """Wait a moment for what is to be done at once; the worker itself does not, nor work that is done inline.

        Args:
            timeout: At most this many seconds.
        """
        with self._wake:
            if not self._inline and self._worker != threading.get_ident():
                self._wake.wait_for(lambda: self._closed or self._current() is None, timeout)

    def took(self, kind: str, ms: float) -> None:
        """Say how long work took: the job itself does, and who hands over what it made earlier."""
        self._took[kind] = self.elapsed_ms = ms

    def tell(self) -> None:
        """Call ``on_change``, as after a change of the job's own."""
        self._relay.tell()

    def close(self) -> None:
        """Drop everything; the thread ends once running work returns, for which :meth:`wait` waits. Twice is fine."""
        with self._wake:
            self._closed = True
            self._drop_waiting(None)
            if self._running:
                self._running.dropped = True
            self.progress = None
            self._wake.notify_all()
        self._relay.stop()

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ---- facts

    def report(self) -> Report:
        """Return what there is to say of the job, all of one moment."""
        with self._wake:
            run = self._running if self._running and not self._running.dropped else None
            if run is None and self._waiting:
                run = next((run for run in self._waiting if not run.delay), self._waiting[0])
            if run is None:
                return Report("error" if self.errors else self._ended, "", None, False)
            taken = 1000 * (time.perf_counter() - self._started) if run is self._running else 0
            before = self._took.get(run.kind, QUICK_MS)  # other kinds of work say nothing about this one
            quick = (run.frame or run.delay > 0) and max(taken, before) < QUICK_MS
            outlook = self._outlook if run is self._running else ""
            return Report("busy", run.preparing or run.label, self.progress, quick, outlook)

    @property
    def error(self) -> Exception | None:
        """The newest exception that no later success of its kind has settled."""
        return next(reversed(self.errors), None)

    @property
    def errors(self) -> tuple[Exception, ...]:
        """Those of all kinds, the newest last."""
        return self._trouble.errors

    @property
    def busy(self) -> bool:
        """Whether something runs or waits whose result will count, be it after a rest."""
        return self.report().state == "busy"

    @property
    def state(self) -> str:
        """That of :meth:`report`."""
        return self.report().state

    @property
    def label(self) -> str:
        """What the current run does, or first waits for; empty when there is none."""
        return self.report().label

    @property
    def streaming(self) -> bool:
        """Whether the pictures of a moving control come quickly, one after another: nothing worth a message each."""
        return self.report().streaming

    @property
    def executor(self) -> str:
        """Where work runs: ``"thread"`` or ``"inline"``."""
        return "inline" if self._inline else "thread"

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    def _current(self) -> Run | None:
        with self._wake:
            if self._running and not self._running.dropped:
                return self._running
            for run in self._waiting:
                if not run.delay:
                    return run
            return None

    # ---- the worker

    def _start(self) -> None:
        self._alive = True
        self._thread = Worker(self._work_off, self.close)
        self._thread.start()

    def _supersede(self, run: Run) -> None:
        """Drop what a new request takes the place of."""
        self._drop_waiting(run.kind, delayed_only=run.delay > 0)
        current = self._running
        if current and current.kind == run.kind and not run.delay and not (current.frame and run.frame):
            current.dropped = True
            self.progress = None

    def _drop_waiting(self, kind: str | None, delayed_only: bool = False) -> bool:
        if not self._waiting:
            return False
        drop = [run for run in self._waiting if kind in (None, run.kind) and (run.delay or not delayed_only)]
        self._waiting = [run for run in self._waiting if run not in drop]
        return bool(drop)

    def _work_off(self) -> None:
        if not self._inline:
            self._worker = threading.get_ident()
        try:
            while run := self._take():
                self._execute(run)
        except BaseException:  # no error of the work's: an interrupt from the keyboard
            with self._wake:
                self._running = self._worker = self.progress = None
                self._ending = self._alive = False
                self._ended = "cancelled"
                if self._inline:
                    self._waiting = []  # who interrupts wants none of it
                elif self._waiting and not self._closed:
                    self._start()
                self._wake.notify_all()
            self.tell()
            raise

    def _take(self) -> Run | None:
        """Wait for the next run and take it; None when there is none to come."""
        end = time.monotonic() + self._linger
        with self._wake:
            while True:
                now = time.monotonic()
                due = [run for run in self._waiting if self._inline or run.due <= now]
                if due:
                    run = min(due, key=lambda run: (-run.priority, run.delay > 0, run.stamp))
                    self._waiting.remove(run)
                    self._running, self._started, self._outlook = run, time.perf_counter(), ""
                    return run
                next_due = min((run.due for run in self._waiting), default=end)
                if self._inline or self._closed or (not self._waiting and now >= end):
                    self._worker, self._alive = None, False
                    self._wake.notify_all()
                    return None
                self._wake.wait(next_due - now)

    def _execute(self, run: Run) -> None:
        result, error = None, None
        try:
            if not self._inline:
                run.get_ready(self.tell)
            with self._turn(run.priority), torch.no_grad():
                if self._overtaken(run):
                    run.dropped = True
                else:
                    self._started = time.perf_counter()
                    try:
                        result = run.work(partial(self._step, run))
                    finally:
                        self.took(run.kind, 1000 * (time.perf_counter() - self._started))
        except Cancelled:
            self._end(run, "cancelled")
            return
        except Exception as exception:
            error = exception
        with nullcontext() if self._inline else self._callbacks:  # inline, the caller may hold locks that others want
            self._deliver(run, result, error)
        self._end(run, "idle")

    def _turn(self, priority: int) -> AbstractContextManager[Any]:
        if isinstance(self._lock, PriorityLock):
            return self._lock.turn(priority)
        return self._lock or nullcontext()

    def _overtaken(self, run: Run) -> bool:
        """Whether something newer came while the run waited for the lock."""
        with self._wake:
            return run.dropped or self._newer(run)

    def _newer(self, run: Run) -> bool:
        return any(other.kind == run.kind and not (other.delay or other.queue) for other in self._waiting)

    def _fail(self, error: Exception) -> None:
        self._trouble.note("", error)

    def _step(self, run: Run, step: Step | None = None) -> bool:
        if run.dropped:
            return False
        if step is not None:
            share, shown = step.fraction, self.progress
            moved = share is not None and (shown is None or abs(share - shown) >= 0.01)
            now, outlook = time.monotonic(), step.outlook
            said = outlook != self._outlook and (not self._outlook or now - self._foretold >= OFTEN)
            if moved or said:  # at most a hundred messages a run, and one a second
                self.progress = None if share is None else min(max(share, 0.0), 1.0)
                self._outlook, self._foretold = outlook, now
                self.tell()
            if run.progress:
                run.progress(step)
        if isinstance(self._lock, PriorityLock):
            self._lock.give_way()
        return not run.dropped

    def _deliver(self, run: Run, result: Any, error: Exception | None) -> None:
        if run.dropped:
            return
        if error is None:
            try:
                if run.done:
                    run.done(result)
            except Exception as exception:
                error = exception
        if error is None:
            self._trouble.settle(run.kind)
            self._trouble.settle("")  # whoever is told of changes has answered since
            return
        self._trouble.note(run.kind, error)
        try:
            if run.failed:
                run.failed(error)
        except Exception as exception:
            self._trouble.note(run.kind, exception)

    def _end(self, run: Run, ended: str) -> None:
        with self._wake:
            self._running, self._ending = None, True
            self.progress = None
            if not run.dropped:
                self._ended = ended
        self.tell()
        with self._wake:
            self._ending = False
            self._wake.notify_all()

"""Tests of mutants of functions: all are collected once, and each mutant is put into what is loaded, in a fork."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.mutation.anew import OPTIONS
from tests.mutation.forks import Verdict, forked, freeze, judge
from tests.mutation.operators import Mutant
from tests.mutation.swap import Change, Loaded

__all__ = ["Session", "in_session"]


class Session:
    """Tests that are collected, and functions that are loaded."""

    def __init__(self, session: pytest.Session) -> None:
        self.items = {item.nodeid: item for item in session.items}
        self.loaded = Loaded(Path.cwd())
        self.failed: list[str] = []
        session.config.pluginmanager.register(self)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note which test failed."""
        if report.failed:
            self.failed.append(report.nodeid)

    def try_swapped(self, mutant: Mutant, change: Change, tests: Sequence[str], seconds: float, log: Path) -> Verdict:
        """Run tests on a mutant until one fails; arguments as for :func:`tests.mutation.anew.try_anew`."""
        items = [self.items[test] for test in tests if test in self.items]
        if not items:
            return Verdict(False, "no test runs it", 0.0)
        note, began = log.with_suffix(".failed"), time.monotonic()
        note.unlink(missing_ok=True)

        def run() -> int:
            self.loaded.swap(mutant.path, change)
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                if self.failed:
                    note.write_text(self.failed[0])
                    return 1
            return 0

        return judge(forked(run, log, 15 + 5 * seconds), note, time.monotonic() - began)


class _Loop:
    """A plugin of pytest that does other work where the tests would run."""

    def __init__(self, work: Callable[[Session], None]) -> None:
        self.work = work

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        prepared = Session(session)
        freeze()
        self.work(prepared)
        return True


def in_session(files: Sequence[str], work: Callable[[Session], None]) -> None:
    """Collect the tests of some files in a fork, and work with them there.

    Args:
        files: Files of tests.
        work: What to do.

    Raises:
        RuntimeError: If they cannot be collected.
    """
    child = os.fork()
    if not child:
        os._exit(int(pytest.main([*files, *OPTIONS, "-s"], plugins=[_Loop(work)])))
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 5):
        raise RuntimeError("The tests must be collected before they are judged, got errors: they are printed above.")

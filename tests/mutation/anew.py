"""Tests of a mutant that changes what runs at import: in a copy of the repository, with all of it imported anew."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.mutation.forks import Verdict, forked, judge
from tests.mutation.operators import Mutant

__all__ = ["OPTIONS", "control", "copy", "try_anew"]

OPTIONS = ["-q", "--tb=short", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
OPTIONS += [part for name in ("cacheprovider", "randomly", "xdist", "cov", "anyio") for part in ("-p", f"no:{name}")]
_FIRST = 25  # tests that most mutants do not survive: they are run before the others are collected


class _Chosen:
    """A plugin of pytest that runs the chosen tests alone, in their order, and notes those that failed, or passed."""

    def __init__(self, tests: Sequence[str], note: Path, passed: bool) -> None:
        self.order = {test: i for i, test in enumerate(tests)}
        self.note, self.passed = note, passed

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self.order), key=lambda i: self.order[i.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed if not self.passed else report.when == "call" and report.passed:
            with self.note.open("a") as file:
                file.write(report.nodeid + "\n")


def copy(folder: Path) -> None:
    """Copy what git knows of, and what it would add, to where it may be changed."""
    shutil.rmtree(folder, ignore_errors=True)
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        source = Path(name)
        if source.is_file():
            (folder / source).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / source)


def try_anew(mutant: Mutant, source: bytes, tests: Sequence[str], seconds: float, folder: Path) -> Verdict:
    """Run tests on a mutant until one fails.

    Args:
        mutant: The mutant.
        source: The file as it was.
        tests: Their names, in the order in which to run them.
        seconds: How long they take where nothing is changed.
        folder: The copy of the repository.
    """
    path = folder / mutant.path
    before, began = path.stat(), time.monotonic()
    note, verdict = folder.with_suffix(".failed"), Verdict(False, "" if tests else "no test runs it", 0.0)
    path.write_bytes(mutant.apply(source))
    # a time of its own: no bytecode of another mutant is taken for this one's
    os.utime(path, (before.st_atime, before.st_mtime + mutant.span[0] + 1))
    try:
        for some in filter(None, (tests[:_FIRST], tests[_FIRST:])):
            note.unlink(missing_ok=True)
            code = forked(lambda some=some: _run(some, folder, note), folder.with_suffix(".log"), 15 + 5 * seconds)
            verdict = judge(code, note, time.monotonic() - began)
            if verdict.killed:
                break
    finally:
        path.write_bytes(source)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return verdict


def control(tests: Sequence[str], folder: Path) -> set[str]:
    """Run tests on the sources as they are, in a copy of them; return those that do not pass."""
    if not tests:
        return set()
    note = folder.with_suffix(".passed")
    note.unlink(missing_ok=True)
    forked(lambda: _run(tests, folder, note, whole=True), folder.with_suffix(".log"))
    return set(tests) - set(note.read_text().splitlines() if note.exists() else ())


def _run(tests: Sequence[str], folder: Path, note: Path, whole: bool = False) -> int:
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] in ("tests", "latent_widgets")]:
        del sys.modules[name]  # the copy has its own
    files = list(dict.fromkeys(test.split("::")[0] for test in tests))
    return int(pytest.main([*files, *OPTIONS, *([] if whole else ["-x"])], plugins=[_Chosen(tests, note, whole)]))

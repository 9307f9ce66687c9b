"""Which tests run which line, and how long each takes."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

from tests.mutation.operators import Mutant

__all__ = ["Plan", "measure"]

_FAR = 0.05  # seconds by which a test of another room is tried later
ROOMS = ("geometry", "methods", "values", "edits")
_SIGNATURES = "tests/test_defaults.py"  # looks at what was made at import, and runs nothing
FOLDERS = ("geometry", "methods", "values", "edits", "core", "inversion", "readers", "segmentation")


class _Durations:
    """A plugin of pytest that notes how long each test that passed took, its fixtures included."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.unfit: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if not report.passed:
            self.unfit.add(report.nodeid)


@dataclass(frozen=True)
class Plan:
    """What is known of the tests."""

    seconds: dict[str, float]  # of each test
    lines: dict[str, dict[int, list[str]]]  # by file and line, the tests that run it

    def tests(self, mutant: Mutant, source: bytes, longest: float) -> list[str]:
        """Return the tests to run, the quickest first, up to so many seconds of them.

        A line that runs when a file is imported counts for every test of what surrounds it: defaults of arguments for
        those of the function, fields for those of the class or of the file; and for those that look at signatures.
        """
        known = self.lines.get(mutant.path, {})
        span = range(mutant.lines[0], mutant.lines[1] + 1)
        found = {test for line in span for test in known.get(line, ())}
        for first, last in _around(source, mutant.lines[0]) if not found else ():
            found = {test for line in range(first, last + 1) for test in known.get(line, ())}
            if found:
                found |= {test for test in self.seconds if test.startswith(_SIGNATURES)}
                break
        room = mutant.path.split("/")[1]
        near = (f"tests/{room}/", mutant.path + "::", _SIGNATURES)
        chosen, total = [], 0.0
        for test in sorted(found, key=lambda t: (self.seconds[t] + _FAR * (not t.startswith(near)), t)):
            total += self.seconds[test]
            if chosen and total > longest:
                break
            chosen.append(test)
        return chosen

    def with_new(self, other: Plan) -> Plan:
        """Return this plan with tests that were measured later."""
        lines = {path: {line: list(known) for line, known in by_line.items()} for path, by_line in self.lines.items()}
        for path, by_line in other.lines.items():
            for line, known in by_line.items():
                mine = lines.setdefault(path, {}).setdefault(line, [])
                mine += [test for test in known if test not in mine]
        return Plan(self.seconds | other.seconds, lines)

    def save(self, path: Path) -> None:
        """Write it, each test by its number."""
        tests = sorted(self.seconds)
        number = {test: i for i, test in enumerate(tests)}
        lines = {
            path: {line: sorted(number[t] for t in known) for line, known in by_line.items()}
            for path, by_line in self.lines.items()
        }
        path.write_text(json.dumps({"tests": [(t, round(self.seconds[t], 3)) for t in tests], "lines": lines}))

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read what :meth:`save` wrote."""
        content = json.loads(path.read_text())
        tests = [name for name, _ in content["tests"]]
        lines = {
            path: {int(line): [tests[i] for i in known] for line, known in by_line.items()}
            for path, by_line in content["lines"].items()
        }
        return cls(dict(content["tests"]), lines)


def measure(folder: Path, tests: Sequence[str] = ()) -> Plan:
    """Run the tests that may concern the measured rooms, once, under coverage; in the working directory.

    Args:
        folder: Where coverage keeps its data.
        tests: Only these files.

    Raises:
        RuntimeError: If a test fails: what fails already kills nothing.
    """
    config = folder / "coveragerc"
    data = folder / "coverage"
    source = ",".join(f"latent_widgets/{room}" for room in ROOMS)
    config.write_text(f"[run]\nsource = {source}\nbranch = false\ndata_file = {data}\n")
    durations = _Durations()
    if not tests:
        tests = [f"tests/{folder}" for folder in FOLDERS] + sorted(map(str, Path("tests").glob("test_*.py")))
        tests += [f"latent_widgets/{room}" for room in ROOMS]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist"]
    measured = ["--cov", f"--cov-config={config}", "--cov-context=test", "--cov-report="]
    pytest.main([*tests, *options, *measured], plugins=[durations])
    if durations.unfit:
        raise RuntimeError(f"The tests must pass before they are judged, got failures in {sorted(durations.unfit)}.")
    return Plan(dict(durations.seconds), _lines(data, durations.seconds))


def _lines(data: Path, seconds: dict[str, float]) -> dict[str, dict[int, list[str]]]:
    known = coverage.CoverageData(str(data))
    known.read()
    lines: dict[str, dict[int, list[str]]] = {}
    for file in known.measured_files():
        by_line = {}
        for line, contexts in known.contexts_by_lineno(file).items():
            tests = {context.rpartition("|")[0] for context in contexts if context} & seconds.keys()
            if tests:
                by_line[line] = sorted(tests)
        lines[str(Path(file).relative_to(Path.cwd()))] = by_line
    return lines


def _around(source: bytes, line: int) -> list[tuple[int, int]]:
    """The first and last lines of the functions and classes around a line, from within, and of the file."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    found = [
        (min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, kinds)
    ]
    around = [(first, last) for first, last in found if first <= line <= last]
    return [*sorted(around, key=lambda lines: lines[0] - lines[1], reverse=True), (1, len(source.splitlines()))]

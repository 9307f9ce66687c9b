"""Mutants are tried, several at a time, and each verdict is written down at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.architecture import Source
from tests.mutation.anew import control, copy, try_anew
from tests.mutation.forks import Verdict, warm
from tests.mutation.operators import Mutant
from tests.mutation.plan import Plan
from tests.mutation.session import Session, in_session
from tests.mutation.swap import changed_functions
from tests.test_architecture import FILE_RULES

__all__ = ["Trial", "verdicts"]


def verdicts(results: Path) -> dict[str, Verdict]:
    """Return the last verdict on each mutant, by its name."""
    lines = results.read_text().splitlines() if results.exists() else ()
    entries = map(json.loads, lines)
    return {entry.pop("mutant"): Verdict(entry["killed"], entry["by"], entry["seconds"]) for entry in entries}


@dataclass(frozen=True)
class Trial:
    """How mutants are tried.

    Attributes:
        sources: The files, by path.
        plan: Which tests run which lines.
        results: Where verdicts are added, a line of JSON each.
        folders: Where copies of the repository may lie, one for each process.
        longest: Seconds of tests for a mutant that survives.
        say: Told in a line what is tried, and each verdict.
    """

    sources: dict[str, bytes]
    plan: Plan
    results: Path
    folders: list[Path]
    longest: float
    say: Callable[[str], None]

    def run(self, todo: Sequence[Mutant]) -> set[str]:
        """Try mutants.

        Args:
            todo: The mutants.

        Returns:
            Tests that fail on the sources as they are; what they killed was tried once more without them.
        """
        warm()
        for folder in self.folders:
            copy(folder)
        sound: set[str] = set()
        unfit: set[str] = set()
        while todo:
            self._once(todo, unfit)
            by = {mutant: verdicts(self.results)[mutant.name].by for mutant in todo}
            killers = {test for test in by.values() if test in self.plan.seconds} - sound
            unfit |= control(sorted(killers), self.folders[0])
            sound |= killers - unfit
            todo = [mutant for mutant in todo if by[mutant] in unfit]
        return unfit

    def _once(self, todo: Sequence[Mutant], unfit: set[str]) -> None:
        every = {m: self.plan.tests(m, self.sources[m.path], self.longest) for m in todo}
        tests = {m: [test for test in some if test not in unfit] for m, some in every.items()}
        seconds = {m: sum(self.plan.seconds[test] for test in some) for m, some in tests.items()}
        changes = {m: changed_functions(m, self.sources[m.path]) for m in todo}
        swapped = [m for m in todo if changes[m]]
        self.say(f"{len(todo)} mutants, {len(swapped)} of them inside functions")

        def inside(session: Session, mutant: Mutant, folder: Path) -> Verdict | None:
            change = changes[mutant]
            if not change or not session.loaded.holds(mutant.path, change):
                return None
            return session.try_swapped(mutant, change, tests[mutant], seconds[mutant], folder.with_suffix(".log"))

        def outside(mutant: Mutant, folder: Path) -> Verdict:
            return try_anew(mutant, self.sources[mutant.path], tests[mutant], seconds[mutant], folder)

        before = self._count()
        files = sorted({test.split("::")[0] for m in swapped for test in tests[m]})
        if files:
            in_session(files, lambda session: self._share(swapped, lambda m, folder: inside(session, m, folder)))
        done = {json.loads(line)["mutant"] for line in self.results.read_text().splitlines()[before:]}
        self._share([m for m in todo if m.name not in done], outside)

    def _count(self) -> int:
        self.results.touch()
        return len(self.results.read_text().splitlines())

    def _share(self, mutants: Sequence[Mutant], attempt: Callable[[Mutant, Path], Verdict | None]) -> None:
        """Try mutants in as many processes as there are folders."""
        workers = []
        for i, folder in enumerate(self.folders):
            child = os.fork()
            if child:
                workers.append(child)
                continue
            for mutant in mutants[i :: len(self.folders)]:
                rule = _broken_rule(mutant.path, mutant.apply(self.sources[mutant.path]).decode())
                self._note(mutant, Verdict(True, rule, 0.0) if rule else attempt(mutant, folder))
            os._exit(0)
        for child in workers:
            os.waitpid(child, 0)

    def _note(self, mutant: Mutant, verdict: Verdict | None) -> None:
        if verdict is None:
            return
        with self.results.open("a") as file:
            file.write(json.dumps({"mutant": mutant.name} | asdict(verdict)) + "\n")
        fate = "killed  " if verdict.killed else "SURVIVED"
        self.say(f"{fate} {mutant.name} {verdict.by} {verdict.seconds:.1f} s")


def _broken_rule(path: str, text: str) -> str:
    """The name of the rule on sources that a changed file breaks: the test of it reads the file, and runs no line."""
    source = Source(path.removesuffix(".py").replace("/", "."), text, path.endswith("__init__.py"))
    return next((rule.__name__ for rule in FILE_RULES if rule(source)), "")

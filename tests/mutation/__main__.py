"""Draws mutants of the rooms that compute, runs the tests on each, and says which survive: `make mutants`."""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.mutation.draw import draw, score
from tests.mutation.explained import reason
from tests.mutation.forks import Verdict
from tests.mutation.operators import Mutant, mutants
from tests.mutation.plan import ROOMS, Plan, measure
from tests.mutation.trial import Trial, verdicts

BUILD = Path("build/mutants")
LEAST = 0.82  # of the score's lower limit


def main() -> int:
    """Run the command; see `--help`."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--count", type=int, default=600, help="how many mutants to draw")
    parser.add_argument("--jobs", type=int, default=1, help="how many to try at a time")
    parser.add_argument("--longest", type=float, default=60, help="seconds of tests for a mutant that survives")
    parser.add_argument("--keep", action="store_true", help="go on where the last run was broken off")
    parser.add_argument("--survivors", action="store_true", help="go on with those that survived")
    parser.add_argument("--measure", nargs="+", metavar="TEST", help="when going on: see which lines these tests run")
    options = parser.parse_args()
    keep = options.keep or options.survivors
    BUILD.mkdir(parents=True, exist_ok=True)
    results = BUILD.absolute() / f"results-{options.seed}-{options.count}.jsonl"
    if not keep:
        results.unlink(missing_ok=True)
    plan = _plan(keep, options.measure or ())
    sources = {str(p): p.read_bytes() for room in ROOMS for p in sorted(Path("latent_widgets", room).rglob("*.py"))}
    everything = {path: found for path, text in sources.items() if (found := mutants(path, text))}
    drawn = draw(everything, options.count, options.seed)
    known = verdicts(results)
    todo = [m for some in drawn.values() for m in some if m.name not in known or _again(known[m.name], options)]
    random.Random(options.seed).shuffle(todo)  # what is done when it is broken off is a fair draw as well
    folders = [BUILD.absolute() / f"work-{i}" for i in range(options.jobs)]
    unfit = (
        Trial(sources, plan, results, folders, options.longest, partial(print, flush=True)).run(todo) if todo else set()
    )
    if unfit:
        print(f"left out, since they fail by themselves: {', '.join(sorted(unfit))}")
    return _report(drawn, everything, verdicts(results))


def _plan(keep: bool, more: Sequence[str]) -> Plan:
    path = BUILD / "plan.json"
    if not (keep and path.exists()):
        measure(BUILD).save(path)
    elif more:
        Plan.load(path).with_new(measure(BUILD, more)).save(path)
    return Plan.load(path)


def _again(verdict: Verdict, options: argparse.Namespace) -> bool:
    return options.survivors and not verdict.killed


def _report(drawn: dict[str, list[Mutant]], everything: dict[str, list[Mutant]], known: dict[str, Verdict]) -> int:
    killed = {path: [known[m.name].killed for m in some] for path, some in drawn.items()}
    share, limit = score(killed, {path: len(some) for path, some in everything.items()})
    tried = [m for some in drawn.values() for m in some]
    alive = [m for m in tried if not known[m.name].killed]
    unexplained = [m for m in alive if reason(m) is None]
    print(
        f"\n{len(tried)} of {sum(map(len, everything.values()))} mutants, {len(tried) - len(alive)} killed: "
        f"{share:.1%} of all, at least {limit:.1%}"
    )
    for name, group in (("room", lambda m: m.path.split("/")[1]), ("kind", lambda m: m.kind)):
        count, left = Counter(map(group, tried)), Counter(map(group, alive))
        print(f"  by {name}: " + ", ".join(f"{each} {n - left[each]}/{n}" for each, n in count.most_common()))
    for mutant in alive:
        print(f"{'SURVIVOR ' if mutant in unexplained else 'explained'} {mutant.name} [{mutant.statement}]")
    print(f"{len(alive)} survive, {len(alive) - len(unexplained)} of them explained")
    return int(limit < LEAST or bool(unexplained))


if __name__ == "__main__":
    raise SystemExit(main())

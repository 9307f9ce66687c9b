"""Reads hostile files with every reader, and says how: ``python -m tests.hostile [--reader R] [CLASS ...]``.

What is wrong comes first, alike ones once; then what took longest and most.
"""

import argparse
import collections
import re
import tempfile
from pathlib import Path

from tests.hostile.client import WarmReaders
from tests.hostile.corpus import CLASSES


def report(names, readers):
    """Print what came of it, and return how many times something was wrong."""
    warm = WarmReaders()
    wrong, spent, count = collections.defaultdict(list), [], 0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            ends = warm.read_class(CLASSES[name], Path(folder), readers)
        refused = sum(end["ended"] != "a value" for *_, end in ends)
        bad = sum(bool(end["wrong"]) for *_, end in ends)
        seconds = sum(end["seconds"] for *_, end in ends)
        print(f"{name}: {len(ends)} read, {refused} refused, {bad} wrong, {seconds:.1f} s", flush=True)
        count += bad
        for file, size, reader, end in ends:
            spent.append((end["seconds"], end["bytes"], size, reader, f"{name}: {file}"))
            for said in end["wrong"]:
                alike = re.sub(r"/\S+|'[^']*'|\d+", "#", said)[:80]
                wrong[reader, alike].append(f"{name}: {file} ({size} bytes): {said}")
    warm.close()
    for (reader, _), found in sorted(wrong.items()):
        print(f"\n{reader}, {len(found)} times\n    {found[0][:600]}")
        for one in found[1:4]:
            print(f"      {one[:160]}")
    print("\nslowest")
    for seconds, _, size, reader, file in sorted(spent, reverse=True)[:8]:
        print(f"    {seconds:.2f} s of processor time for {size} bytes: {reader}: {file}")
    print("largest")
    for _, peak, size, reader, file in sorted(spent, key=lambda one: -one[1])[:8]:
        print(f"    {peak / 2**20:.0f} MiB for {size} bytes: {reader}: {file}")
    return count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("classes", nargs="*", help="words in the names of classes; all classes if not given")
    parser.add_argument("--reader", action="append", default=[], help="only this one")
    given = parser.parse_args()
    chosen = [name for name in CLASSES if not given.classes or any(word in name for word in given.classes)]
    raise SystemExit(min(report(chosen, given.reader), 1))

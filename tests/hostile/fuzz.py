"""Fuzzes every reader, guided by what its code covers: ``python -m tests.hostile.fuzz --minutes 20`` (``make fuzz``).

Atheris changes the files that the package's own small files and the hostile ones begin with, and keeps those that reach
code which none before has reached. What runs, costs too much or is refused without words is written to a folder beside
the file that does it; reading goes on. ``--merge`` then keeps as few files as reach all of it, for the tests to replay.
"""

import argparse
import collections
import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import atheris

LONGEST = 4096  # bytes of a file
COVERED = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")
SHARED = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())

import torch  # noqa: E402 - before what is watched is imported: torch itself is not

with atheris.instrument_imports(include=["latent_widgets", "PIL", "zipfile", "numpy.lib.format",
"numpy.lib._format_impl"],
                                enable_loader_override=False):  # fmt: skip
    import latent_widgets  # noqa: F401
    from tests.hostile import limits, warm
    from tests.hostile.corpus import CLASSES
    from tests.hostile.readers import READERS
    from tests.hostile.replay import keep, place
    from tests.hostile.targets import TARGETS
    from tests.hostile.watch import Watch

    torch.set_num_threads(1)
    warm.warm_up()  # what a reader imports when it is first called is watched too


class Target:
    """Reads the bytes that the fuzzer makes, and writes down what is wrong."""

    def __init__(self, name, folder, seconds):
        self.reader, self.make = TARGETS[name]
        self.folder, self.seconds, self.runs = folder, seconds, 0
        self.findings = folder / "findings"
        self.findings.mkdir(parents=True, exist_ok=True)
        self.place = Path(tempfile.mkdtemp(dir=SHARED))
        tempfile.tempdir = str(self.place)
        self.watch = Watch(os.path.realpath(self.place)).install()
        self.path = self.place / f"x{READERS[self.reader].ending}"
        self.start = time.process_time()

    def __call__(self, data):
        """Read one file."""
        self.runs += 1
        self.path.write_bytes(made := self.make(data))
        self.watch.seen.clear()
        error = None
        with limits.Spent() as spent:
            self.watch.on = True
            try:
                READERS[self.reader].read(self.path)
            except Exception as raised:
                error = raised
            finally:
                self.watch.on = False
        for said in warm.wrongs(self.watch, spent, len(made), error):
            self.tell(said, made, error)
        if time.process_time() - self.start > self.seconds:
            self.leave()

    def tell(self, said, data, error):
        """Keep a file that does wrong, one for each kind of wrong."""
        where = traceback.extract_tb(error.__traceback__)[-1] if error is not None and error.__traceback__ else None
        kind = f"{re.sub(r'[0-9]+|0x[0-9a-f]+', '#', said)[:60]} {where and (where.filename, where.lineno)}"
        place = self.findings / hashlib.sha256(kind.encode("utf-8", "replace")).hexdigest()[:16]
        if not place.exists() or len(data) < place.stat().st_size:
            place.write_bytes(data)
            trace = "".join(traceback.format_exception(error)[-6:]) if error is not None else ""
            place.with_suffix(".txt").write_text(f"{self.reader}: {said}\n{trace}", "utf-8", "backslashreplace")

    def leave(self):
        """End the process without more ado, its figures written."""
        self.count()
        shutil.rmtree(self.place, ignore_errors=True)
        sys.stderr.flush()
        os._exit(0)

    def count(self):
        """Add to the figures."""
        with (self.folder / "runs").open("a") as file:
            file.write(f"{self.runs} {time.process_time() - self.start}\n")


def seeds(name, folder):
    """The files that it begins with: the good one, and small hostile ones of its kind."""
    reader, make = TARGETS[name]
    folder.mkdir(parents=True, exist_ok=True)
    if make is bytes:
        (folder / "good").write_bytes(READERS[reader].good())
    for number, hostile in enumerate(CLASSES.values()):
        if reader in hostile.readers:
            small = (data for data in hostile.make().values() if len(data) <= LONGEST)
            for index, data in enumerate(sorted(small, key=len)[:12]):
                (folder / f"{number}-{index}").write_bytes(data)


def fuzz(name, folder, arguments, seconds):
    """What the process of one reader does: it never returns."""
    limits.refuse_beyond(2 * limits.memory_for(LONGEST))
    target = Target(name, folder, seconds)
    atheris.Setup(arguments, target)
    with contextlib.suppress(SystemExit):
        atheris.Fuzz()
    target.leave()


def run(name, folder, seconds):
    """Fuzz one reader for some seconds of processor time, and return the figures."""
    corpus, seed = folder / "corpus", folder / "seeds"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds(name, seed)
    log, crashes, start = folder / "log", 0, 0.0
    while (left := seconds - _spent(folder)[1] - start) > 1:
        flags = [f"-artifact_prefix={folder}/crash-", "-timeout=60", "-rss_limit_mb=0", "-print_final_stats=1",
                 f"-max_len={LONGEST}", "-len_control=0", "-seed=1"]  # fmt: skip
        child = os.fork()
        if not child:
            for place in (1, 2):
                os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), place)
            fuzz(name, folder, ["fuzz", str(corpus), str(seed), *flags], left)
        _, status, spent = os.wait4(child, 0)
        if status:  # what is wrong enough to end the process: the file lies in `crash-...`
            crashes += 1
            start += spent.ru_utime + spent.ru_stime
            how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            with log.open("a") as file:
                file.write(f"\nended by {how}\n")
            if crashes > 20:
                break
    covered = COVERED.findall(log.read_text(errors="replace")) or [(0, 0, 0)]
    runs, spent = _spent(folder)
    findings = len(list((folder / "findings").glob("*.txt")))
    return {"runs": runs, "seconds": spent + start, "edges": max(int(c) for c, _, _ in covered),
            "features": max(int(f) for _, f, _ in covered), "kept": len(list(corpus.iterdir())), "crashes": crashes,
            "findings": findings}  # fmt: skip


def _spent(folder):
    lines = (folder / "runs").read_text().splitlines() if (folder / "runs").exists() else []
    return sum(int(line.split()[0]) for line in lines), sum(float(line.split()[1]) for line in lines)


def merge(name, folder):
    """Keep as few files as reach all that the corpus reaches."""
    into = folder / "least"
    into.mkdir(exist_ok=True)
    command = folder / "again"
    words = [sys.executable, "-m", "tests.hostile.fuzz", "--inner", name, "--folder", str(folder)]
    command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} -- "$@"\n')
    command.chmod(0o755)
    child = os.fork()
    if not child:
        os.dup2(os.open(folder / "merge.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        flags = ["-merge=1", "-timeout=60", "-rss_limit_mb=0", f"-max_len={LONGEST}"]
        fuzz(
            name,
            folder / "merge",
            [str(command), *flags, str(into), str(folder / "corpus"), str(folder / "seeds")],
            1e9,
        )
    os.waitpid(child, 0)
    keep(name, into)


def share(names, given):
    """Fuzz some readers one after the other, in a process of their own."""
    child = os.fork()
    if not child:
        for name in names:
            folder = place(given.folder, name)
            figures = run(name, folder, 60 * given.minutes / len(given.names))
            (folder / "figures.json").write_text(json.dumps(figures))
        os._exit(0)
    return child


def main(given):
    """Fuzz all readers, or merge what was found, and print a line for each."""
    given.names = [name for name in TARGETS if not given.reader or name in given.reader]
    if given.merge:
        for name in given.names:
            merge(name, place(given.folder, name))
        return 0
    for child in [share(given.names[i :: given.jobs], given) for i in range(given.jobs)]:
        os.waitpid(child, 0)
    total = collections.Counter()
    for name in given.names:
        figures = json.loads((place(given.folder, name) / "figures.json").read_text())
        total.update(figures)
        print(f"{name:32}", *(f"{key} {value:,.0f}" for key, value in figures.items()), sep="  ")
    print("all", *(f"{key} {value:,.0f}" for key, value in total.items()), sep="  ")
    return int(bool(total["crashes"] or total["findings"]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="of processor time, all readers together")
    parser.add_argument("--reader", action="append", default=[], help="only this one")
    parser.add_argument("--jobs", type=int, default=2, help="processes that share the readers")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="where what is found goes")
    parser.add_argument("--merge", action="store_true", help="keep what was found as tests/hostile/corpus")
    parser.add_argument("--inner", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inner:
        fuzz(asked.inner, asked.folder / "merge", ["fuzz", *asked.rest], 1e9)
    raise SystemExit(main(asked))

"""A process that has everything imported, and forks for each file: what is read does no harm to others.

Each line that it gets on its standard input is a list of (path, reader) as JSON; for each it prints a line with how
reading ended. They share a process, which is taken down where it spends far too much: a new one goes on with the next.
"""

import contextlib
import gc
import json
import os
import re
import signal
import sys
import tempfile
import warnings
from pathlib import Path

from tests.hostile import limits
from tests.hostile.misdeeds import MISDEEDS
from tests.hostile.readers import READERS, Reader
from tests.hostile.watch import Watch

KNOWN = READERS | {name: Reader(do, None) for name, (do, _) in MISDEEDS.items()}
LONGEST = 2_000  # letters of a refusal
WORDS = re.compile(r"[A-Za-z]{2,}")


def outcome(watch, reader, path):
    """Read a file, and say what came of it: a value, a refusal in words, or what is wrong."""
    size = os.path.getsize(path)
    if reader in MISDEEDS:
        limits.LEAST_SECONDS = 0.2  # what takes too long need not take long
    limits.stop_at(size)
    ending = KNOWN[reader].ending
    if ending:
        os.link(path, named := path.with_suffix(ending))
        path = named
    watch.seen.clear()
    error = None
    with limits.Spent() as spent:
        watch.on = True
        try:
            KNOWN[reader].read(path)
        except BaseException as raised:
            error = raised
        finally:
            watch.on = False
    if ending:
        path.unlink()
    wrong = wrongs(watch, spent, size, error)
    text = "" if error is None else f"{type(error).__name__}: {error}"[:300]
    return {"ended": text.encode("ascii", "backslashreplace").decode() or "a value", "wrong": wrong,
            "bytes": spent.bytes, "seconds": spent.seconds}  # fmt: skip


def wrongs(watch, spent, size, error):
    """What is wrong with how reading a file of so many bytes ended."""
    wrong = [f"did: {said}" for said in watch.seen[:3]]
    if spent.bytes > limits.memory_for(size):
        wrong.append(f"took {spent.bytes / limits.MIB:.0f} MiB for {size} bytes")
    if spent.seconds > limits.seconds_for(size):
        wrong.append(f"took {spent.seconds:.1f} s for {size} bytes")
    if error is not None and (said := _not_in_words(error)):
        wrong.append(said)
    return wrong


def _not_in_words(error):
    text, kind = str(error), type(error).__name__
    if not isinstance(error, ValueError | TypeError) or isinstance(error, UnicodeError):
        return f"raised {kind}: {text[:200]!r}"
    if len(WORDS.findall(text)) < 5 or not re.search(r"\b(must|needs?)\b", text):
        return f"refused without words: {kind}: {text[:200]!r}"
    if len(text) > LONGEST or not text.isprintable():
        return f"refused in words that cannot be shown ({len(text)} letters): {text[:200]!r}"
    return ""


def warm_up():
    """Have every reader import what it imports the first time."""
    with tempfile.TemporaryDirectory() as folder:
        for name, reader in READERS.items():
            path = Path(folder) / f"good{reader.ending}"
            path.write_bytes(reader.good())
            _unless_wrong(name, reader, path)
            path.write_bytes(b"nonsense")
            with contextlib.suppress(Exception):
                reader.read(path)


def serve():
    """Answer until there is nothing more on the standard input."""
    warnings.simplefilter("ignore")
    warm_up()
    watch = Watch().install()
    gc.collect()
    gc.freeze()
    print("warm", flush=True)
    for line in sys.stdin:
        _fork_for(watch, json.loads(line))
        print("done", flush=True)


def _unless_wrong(name, reader, path):
    try:
        reader.read(path)
    except Exception as error:
        raise RuntimeError(f"{name} must read its good file") from error


def _fork_for(watch, waiting):
    while waiting:
        answers, answer = os.pipe()
        child = os.fork()
        if not child:
            os.close(answers)
            _answer(watch, waiting, answer)
        os.close(answer)
        with os.fdopen(answers) as lines:
            for line in lines:
                print(line, end="", flush=True)
                waiting.pop(0)
        _, status = os.waitpid(child, 0)
        if waiting:
            how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status}"
            killed = {"ended": how, "wrong": [f"was ended by {how}"], "bytes": 0, "seconds": 0}
            print(json.dumps(killed), flush=True)
            waiting.pop(0)


def _answer(watch, pairs, answer):
    """What the process of some files does: it never returns."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        for path, reader in pairs:
            watch.folder = tempfile.tempdir = os.path.realpath(os.path.dirname(path))
            os.write(answer, f"{json.dumps(outcome(watch, reader, Path(path)))}\n".encode())
    finally:
        os._exit(0)


if __name__ == "__main__":
    serve()

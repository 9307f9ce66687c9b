"""A process for each mutant, forked from one that has imported what all of them need."""

from __future__ import annotations

import gc
import importlib
import math
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Verdict", "forked", "judge", "warm"]

_HEAVY = (
    "hypothesis", "matplotlib.pyplot", "numpy", "PIL.Image", "pytest", "scipy.interpolate", "scipy.linalg",
    "scipy.signal", "scipy.sparse.linalg", "scipy.stats", "sklearn.cluster", "sklearn.decomposition",
    "sklearn.mixture", "sklearn.svm", "tensorly", "torch", "torch._dynamo", "torch.func", "traitlets",
    "_hypothesis_pytestplugin", "pytest_timeout",
)  # fmt: skip
_WAIT = 20  # times its processor time a process may last: other programs have the processor too
_MEMORY = 12 * 2**30  # bytes: a mutant that asks for more is seen


@dataclass(frozen=True)
class Verdict:
    """How the tests took a mutant."""

    killed: bool
    by: str  # the test that failed first, a rule on sources, or "time", "collection", "exit ..."
    seconds: float


def warm() -> None:
    """Import what tests need, all but the package itself: forked processes have it at once."""
    for name in _HEAVY:
        importlib.import_module(name)
    importlib.import_module("torch").set_num_threads(1)  # no thread is lost in a fork
    freeze()


def freeze() -> None:
    """Have collections in a fork look at its own objects alone, and leave shared what is there now."""
    gc.collect()
    gc.freeze()


def forked(action: Callable[[], int], log: Path, limit: float = math.inf) -> int | None:
    """Run an action in a fork and return its exit code; None if it took too long.

    Args:
        action: Returns the exit code.
        log: Where what it prints goes.
        limit: Seconds of the processor it may take.
    """
    child = os.fork()
    if not child:
        code = 70
        try:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            if limit < math.inf:
                resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit) + 5))
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            code = action()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    until = time.monotonic() + _WAIT * limit
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return None if code == -signal.SIGXCPU else code
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def judge(code: int | None, note: Path, seconds: float) -> Verdict:
    """Say what an exit code of pytest means for a mutant.

    Args:
        code: The code.
        note: Where the first test that failed was noted.
        seconds: How long it took.
    """
    if code == 0:
        return Verdict(False, "", seconds)
    named = {None: "time", 2: "collection", 5: "collection"}.get(code, f"exit {code}")
    return Verdict(True, note.read_text().split("\n")[0] if note.exists() else named, seconds)

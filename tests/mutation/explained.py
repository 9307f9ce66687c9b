"""Why some mutants may live: what they compute is the same, or differs by nothing that a test should hold."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from tests.mutation.operators import Mutant

__all__ = ["entries", "fits", "reason"]

_FILE = Path(__file__).with_name("explained.toml")


@cache
def entries() -> list[dict[str, Any]]:
    """Return what `explained.toml` holds."""
    return list(tomllib.loads(_FILE.read_text())["mutant"])


def fits(entry: dict[str, Any], mutant: Mutant) -> bool:
    """Say whether an entry speaks of a mutant.

    It names a file (`*` may stand in it), the change as `"old -> new"` or as a regular expression between slashes, and,
    unless the change is meant wherever it occurs, the first line of the statement.
    """
    change, wanted = f"{mutant.old} -> {mutant.new}", entry["change"]
    alike = re.fullmatch(wanted[1:-1], change, re.DOTALL) if wanted.startswith("/") else wanted == change
    return bool(alike) and fnmatch(mutant.path, entry["path"]) and entry.get("statement") in (None, mutant.statement)


def reason(mutant: Mutant) -> str | None:
    """Return why a mutant is let live; None where nothing says it."""
    return next((str(entry["reason"]) for entry in entries() if fits(entry, mutant)), None)

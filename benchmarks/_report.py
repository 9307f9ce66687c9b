"""What every benchmark says beside its figures: on which machine, under which load, and whether the bars are met."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from latent_widgets.core.paths import write_whole

FOLDER = Path("build") / "bench"


def machine(*packages: str) -> dict[str, Any]:
    """Describe the machine, its load at this moment and the versions that ran."""
    names = ("torch", "pillow", "matplotlib", *packages)
    return {
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "torch threads": torch.get_num_threads(),
        "load average": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def bar(name: str, value: float, limit: str, met: bool, unit: str = "") -> dict[str, Any]:
    """State one bar: what was measured, what is asked for, and whether that is met."""
    return {"what": name, "value": value, "unit": unit, "bar": limit, "met": met}


def bar_rows(bars: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Turn bars into rows of a table."""
    return [
        [b["what"], f"{b['value']:.3g} {b['unit']}".strip(), b["bar"], "met" if b["met"] else "not met"] for b in bars
    ]


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Turn a table into lines of Markdown."""
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]


def into_page(page: Path, begin: str, end: str, text: str) -> None:
    """Put text between two lines of a page of the docs, in place of what is there."""
    whole = page.read_text(encoding="utf-8")
    head, rest = whole[: whole.index(begin)], whole[whole.index(end) :]
    write_whole(page, f"{head}{begin}{text}{rest}".encode())


def write(name: str, before: Mapping[str, Any], results: Mapping[str, Any]) -> None:
    """Write figures as ``build/bench/<name>.json`` and say on what they were measured.

    Args:
        name: Of the file.
        before: What :func:`machine` said when the benchmark began.
        results: The figures.
    """
    from latent_widgets.training._files import write_json

    after = [round(load, 2) for load in os.getloadavg()]
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    write_json(path, {"machine": dict(before), "load average after": after, **results})
    print(
        f"\n{before['processor']}, {before['cores']} cores, {before['torch threads']} threads of torch; "
        f"load average (1 min) {before['load average'][0]} before, {after[0]} after; figures in {path}"
    )

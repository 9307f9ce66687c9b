"""Resumable checkpoints, logs and picture sheets of the training scripts."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

from latent_widgets.core.json_text import read_json
from latent_widgets.core.paths import add_whole, drafted, to_read, write_whole
from latent_widgets.core.words import shown
from latent_widgets.generators.checkpoints.plain import read_torch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "append_log",
    "load_checkpoint",
    "read_log",
    "read_values",
    "save_checkpoint",
    "save_figure",
    "save_sheet",
    "write_json",
]


def save_checkpoint(path: Path, state: Any) -> None:
    """Write ``state`` so that an interruption leaves either the old file or the new one, never half of one."""
    with drafted(path) as draft:
        torch.save(state, draft)


def load_checkpoint(path: Path) -> Any:
    """Read what :func:`save_checkpoint` wrote; nothing in it is executed."""
    try:
        return read_torch(path)
    except OSError:
        raise
    except ValueError:
        raise ValueError(
            f"path must be a file that a training wrote, got {str(path)!r}, which is damaged or another's. "
            "Delete it to begin anew."
        ) from None


def append_log(path: Path, **values: float) -> None:
    """Add one line of JSON to a log; a line that a crash has cut short goes."""
    line = json.dumps(_known({k: round(float(v), 5) for k, v in values.items()})) + "\n"
    add_whole(path, line.encode(), kept=len(_whole_lines(path)))


def read_log(path: Path) -> list[dict[str, float | None]]:
    """Read the lines of a log; none where there is no log."""
    lines = [read_json(line, f"line {i + 1} of {path.name}") for i, line in enumerate(_whole_lines(path).splitlines())]
    for i, line in enumerate(lines):
        if not isinstance(line, dict) or not all(isinstance(value, int | float | None) for value in line.values()):
            raise ValueError(f"line {i + 1} of {path.name} must be numbers by name, got {shown(line, 60)}.")
    return lines


def read_values(path: Path) -> dict[str, Any]:
    """Read what :func:`write_json` wrote of values by name."""
    found = read_json(to_read(path).read_bytes(), path.name)
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} must be values by name, got {shown(found, 60)}.")
    return found


def _whole_lines(path: Path) -> bytes:
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(b"\n") + 1]


def save_sheet(path: Path, images: Tensor, columns: int = 8, scale: int = 2) -> None:
    """Write pictures ``(n, C, H, W)`` in [-1, 1] as one sheet."""
    images = images[: len(images) // columns * columns]
    n, _, h, w = images.shape
    x = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).expand(n, 3, h, w)
    x = x.reshape(n // columns, columns, 3, h, w).permute(0, 3, 1, 4, 2).reshape(n // columns * h, columns * w, 3)
    sheet = Image.fromarray(x.numpy())
    sheet = sheet.resize((columns * w * scale, n // columns * h * scale), Image.Resampling.BICUBIC)
    with drafted(path) as draft:
        sheet.save(draft, "PNG")


def save_figure(path: Path, figure: Figure) -> None:
    """Write a figure as PNG."""
    with drafted(path) as draft:
        figure.savefig(draft, format="png", dpi=96)


def write_json(path: Path, value: Any) -> None:
    """Write plain values as JSON, whole or not at all."""
    write_whole(path, (json.dumps(_known(value), indent=1) + "\n").encode())


def _known(value: Any) -> Any:
    """The same with ``null`` for each number that is not finite, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _known(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_known(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

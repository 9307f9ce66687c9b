"""Resumable checkpoints, logs and picture sheets of the training scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from latent_widgets.core.paths import drafted, write_whole

__all__ = ["append_log", "load_checkpoint", "save_checkpoint", "save_sheet", "write_json"]


def save_checkpoint(path: Path, state: Any) -> None:
    """Write ``state`` so that an interruption leaves either the old file or the new one, never half of one."""
    with drafted(path) as draft:
        torch.save(state, draft)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what :func:`save_checkpoint` wrote; only tensors and plain values are accepted."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def append_log(path: Path, **values: float) -> None:
    """Add one line of JSON to a log."""
    with path.open("a") as file:
        file.write(json.dumps({k: round(float(v), 5) for k, v in values.items()}) + "\n")


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


def write_json(path: Path, value: Any) -> None:
    """Write plain values as JSON, whole or not at all."""
    write_whole(path, (json.dumps(value, indent=1) + "\n").encode())

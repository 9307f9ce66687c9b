"""What the explorer's files hold: the edit, the kept directions, the strip and the animation of a walk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PIL import Image

from latent_widgets.core.steps import Cancelled, OnStep
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.explorer.state import ExplorerState
from latent_widgets.widgets.explorer.walk.way import Way
from latent_widgets.widgets.kit.encode import animation, strip
from latent_widgets.widgets.kit.saving import write_pixels

__all__ = ["write_file"]

FRAMES = 32  # pictures of an animation, one way


def write_file(
    state: ExplorerState,
    frames: Frames,
    way: Callable[[], Way],
    path: Path,
    on_step: OnStep | None = None,
    strip_only: bool = False,
) -> Path | None:
    """Write what the ending of ``path`` asks for.

    Args:
        state: What to write.
        frames: Draws.
        way: Says where the walk goes.
        path: Where to.
        on_step: Called as the pictures of an animation are drawn.
        strip_only: Whether a picture is to be the strip of the walk.

    Returns:
        The path; None where it asks for the explorer's picture.

    Raises:
        ValueError: If no direction is kept.
        Cancelled: If ``on_step`` returned False; nothing is written.
    """
    ending, kept = path.suffix.lower(), state.kept
    if ending == ".json":
        state.edit.save(path)
    elif ending == ".safetensors":
        if kept is None:
            raise ValueError("kept directions must be at least one, got none. Mark one with its bookmark.")
        kept.save(path)
    elif ending in (".gif", ".webp", ".mp4") or strip_only:
        along = way() if strip_only else replace(way(), count=FRAMES)
        with state.generator.lock:
            drawn = along.pictures(along.walk(state.generator, on_step), frames, on_step)
        if drawn is None:
            raise Cancelled(f"{path.name} must be drawn whole before it is written, got a cancel.")
        if strip_only:
            write_pixels(path, Image.fromarray(strip(drawn)))
        else:
            animation(drawn, path)
    else:
        return None
    return path

"""The page that saves: what to write, and where."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets

from latent_widgets.core.paths import as_path, to_write
from latent_widgets.core.steps import OnStep
from latent_widgets.core.texts import tr
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.kit.controls import button, row

__all__ = ["KINDS", "SavePage"]

# Everything that can be saved, with the ending of its file.
KINDS = {
    "picture": "png", "strip of the walk": "png", "animation, GIF": "gif", "animation, WebP": "webp",
    "animation, MP4": "mp4", "edit": "json", "kept directions": "safetensors",
}  # fmt: skip
WORDS = {
    "picture": tr("picture"), "strip of the walk": tr("strip of the walk"), "animation, GIF": tr("animation, GIF"),
    "animation, WebP": tr("animation, WebP"), "animation, MP4": tr("animation, MP4"), "edit": tr("edit"),
    "kept directions": tr("kept directions"),
}  # fmt: skip


class SavePage(ipywidgets.VBox):
    """What to write to a file, and where.

    Args:
        desk: What it works with.
        write: Called on the worker with a path, ``on_step``, and whether a picture is to be the strip of the walk.
    """

    def __init__(self, desk: Desk, write: Callable[[Path, OnStep, bool], Path]) -> None:
        self._desk, self._write, guard = desk, write, desk.guard
        self.kind = ipywidgets.Dropdown(
            options=[(WORDS[kind], kind) for kind in KINDS], description=tr("what to save"), tooltip=tr("What to save")
        )
        self.path = ipywidgets.Text(
            "",
            continuous_update=False,
            description=tr("file"),
            tooltip=tr("Where to, relative to the notebook's folder"),
        )
        self.press = button(
            tr("write the file"), tr("Save it in the notebook's folder"), guard(lambda _: self.save()), "save"
        )
        self.kind.observe(guard(self._suggest), "value")
        super().__init__([row(self.kind, self.path, self.press)])
        self._suggest(None)

    def save(self) -> None:
        """Save what the controls say, beside the pictures."""
        desk, kind, write = self._desk, str(self.kind.value), self._write
        file = self.file(kind, self.path.value)
        desk.run(
            lambda on_step: write(file, on_step, kind.startswith("strip")),
            lambda saved: desk.say(tr("saved {file}", file=saved)),
            beside=True,
            label=tr("saving {file}", file=file),
            kind="save",
            prepare=None,
        )

    def file(self, kind: str, path: str) -> Path:
        """Return where to write a kind of file; its ending is added where there is none.

        Args:
            kind: One of those offered.
            path: What was typed.

        Raises:
            ValueError: If there is none, its ending is that of another kind, or it cannot be written.
        """
        typed, ending = path.strip(), KINDS[kind]
        found = as_path(typed, "file")
        if found.is_dir() or typed.endswith(("/", os.sep)):
            to_write(typed, "file")  # says that it is a folder
        if not found.suffix:
            found = found.with_suffix(f".{ending}")
        others = {other for other in KINDS.values() if other != ending}
        if found.suffix[1:].lower() != ending and (ending != "png" or found.suffix[1:].lower() in others):
            raise ValueError(f"file must end in .{ending} for {kind}, got {path!r}. Choose what to save above.")
        return to_write(found, "file")

    def _suggest(self, change: Any) -> None:
        stem = self.path.value.rsplit(".", 1)[0] or "latent"
        self.path.value = f"{stem}.{KINDS[self.kind.value]}"

"""What the explorer's pages show and what its files hold: functions of the explorer's edit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from latent_widgets.core.steps import Cancelled, OnStep, report
from latent_widgets.widgets.explorer.traits import drawn_class
from latent_widgets.widgets.explorer.walk.way import Way
from latent_widgets.widgets.explorer.walk.work import Drawing, draw_walks
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.encode import animation, small, strip
from latent_widgets.widgets.kit.panel import Panel

if TYPE_CHECKING:
    from latent_widgets.widgets.explorer.explorer import LatentExplorer

__all__ = ["draw_page", "save_file", "save_from_page", "way_of"]

FRAMES = 32  # pictures of an animation, one way
THUMBNAIL = 160  # pixels that a picture of the contact sheet has at most


@one_at_a_time
def way_of(explorer: LatentExplorer) -> Way:
    """Return where an explorer's filmstrip goes."""
    page, i = explorer.controls.walk, explorer.sliders.active
    kind, densities = str(page.kind.value), explorer.controls.densities
    return Way(explorer.current, explorer.move(i, 1.0), page.reach.value, page.count.value, kind, densities)


def save_file(
    explorer: LatentExplorer, path: Path, on_step: OnStep | None = None, strip_only: bool = False
) -> Path | None:
    """Write what the ending of ``path`` asks for.

    Args:
        explorer: What to write.
        path: Where to.
        on_step: Called as the pictures of an animation are drawn.
        strip_only: Whether a picture is to be the strip of the walk.

    Returns:
        The path; None where it asks for the explorer's picture.

    Raises:
        ValueError: If no direction is kept.
        Cancelled: If ``on_step`` returned False; nothing is written.
    """
    ending, kept = path.suffix.lower(), explorer.kept
    if ending == ".json":
        explorer.current.save(path)
    elif ending == ".safetensors":
        if kept is None:
            raise ValueError("kept directions must be at least one, got none. Mark one with its bookmark.")
        kept.save(path)
    elif ending in (".gif", ".webp", ".mp4") or strip_only:
        way = way_of(explorer)
        way = way if strip_only else replace(way, count=FRAMES)
        with explorer.generator.lock:
            drawn = way.pictures(way.walk(explorer.generator, on_step), explorer.frames, on_step)
        if drawn is None:
            raise Cancelled(f"{path.name} must be drawn whole before it is written, got a cancel.")
        if strip_only:
            Image.fromarray(strip(drawn)).save(path)
        else:
            animation(drawn, path)
    else:
        return None
    return path


def save_from_page(explorer: LatentExplorer, kind: str, path: str) -> None:
    """Save what the page for saving says, beside the pictures."""
    file = explorer.controls.save.file(kind, path)

    def work(on_step: Any) -> Path:
        return save_file(explorer, file, on_step, kind.startswith("strip")) or Panel.save(explorer, file)

    said: dict[str, Any] = {"label": f"saving {file}", "kind": "save", "prepare": None}
    explorer.run(work, lambda saved: explorer.say(f"saved {saved}"), beside=True, **said)


def draw_page(explorer: LatentExplorer, page: str) -> None:
    """Bring one page up to date; pictures come from the worker, after that of the edit.

    Args:
        explorer: Whose page.
        page: Its name.
    """
    if page in DRAW:
        DRAW[page](explorer)


def _while_current(explorer: LatentExplorer, on_step: Any) -> OnStep:
    """Also end a page's work once the edit is another: the picture of a moving hand waits behind it."""
    edit = explorer.current
    return lambda step: on_step(step) and explorer.current is edit


def _draw_walk(explorer: LatentExplorer) -> None:
    page, way, frames = explorer.controls.walk, way_of(explorer), explorer.frames
    equal, kinds, density = page.equal, page.kinds, page.density.value

    def work(on_step: Any) -> Drawing | None:
        return draw_walks(way, frames, _while_current(explorer, on_step), kinds, equal, density)

    def done(drawing: Drawing | None) -> None:
        if drawing is not None:
            page.show(drawing.strips)
            page.show_density(drawing.traces, drawing.unit, drawing.words, drawing.places)

    explorer.run(work, done, kind="page", label="walk")


def _draw_seeds(explorer: LatentExplorer) -> None:
    page, G = explorer.controls.seeds, drawn_class(explorer)
    truncation, first = explorer.current.base.truncation, page.first
    wanted = [(i, (first + i, truncation, G.class_number)) for i in range(page.count)]
    if all(page.shown.get(i) == key for i, key in wanted):
        return

    def work(on_step: Any) -> None:
        on_step = _while_current(explorer, on_step)
        for i, key in wanted:
            if page.shown.get(i) != key:
                page.pictures[i].show(small(G.synthesize(G.code(*key[:2])[None]), THUMBNAIL))
                page.shown[i] = key
            if not report(on_step, i + 1, page.count):
                return

    explorer.run(work, kind="page", label="seeds")


def _draw_mix(explorer: LatentExplorer) -> None:
    page, G = explorer.controls.mix, drawn_class(explorer)
    seed, truncation = page.seed.value, explorer.current.base.truncation
    explorer.run(
        lambda on_step: G.synthesize(G.code(seed, truncation)[None]),
        lambda picture: page.picture.show(small(picture, THUMBNAIL), caption=f"seed {seed}"),
        kind="page",
        label="second seed",
    )


def _draw_part(explorer: LatentExplorer) -> None:
    explorer.part.draw()


def _draw_stack(explorer: LatentExplorer) -> None:
    explorer.controls.stack.draw()


def _draw_palette(explorer: LatentExplorer) -> None:
    explorer.controls.palette.draw()


def _draw_compare(explorer: LatentExplorer) -> None:
    explorer.controls.compare.draw()


def _draw_code(explorer: LatentExplorer) -> None:
    explorer.controls.code.show(explorer.current.to_python(explorer.generator.origin))


# What draws a page; one that has no drawing, or is drawn by others, is not among them.
DRAW: dict[str, Callable[[LatentExplorer], None]] = {
    "walk": _draw_walk,
    "part": _draw_part,
    "stack": _draw_stack,
    "palette": _draw_palette,
    "compare": _draw_compare,
    "seeds": _draw_seeds,
    "mix": _draw_mix,
    "code": _draw_code,
}

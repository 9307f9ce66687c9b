"""What the worker makes of the explorer's walk: strips, and how likely their codes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from latent_widgets.core.steps import Cancelled, OnStep
from latent_widgets.core.texts import tr
from latent_widgets.edits.changes import with_move
from latent_widgets.edits.edit import Code
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.effects.equal_change import Distance, image_distance
from latent_widgets.geometry.walks.equal_walks import equal_walks
from latent_widgets.geometry.walks.walk import KINDS, Walk
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.explorer.walk.densities import Densities, Trace, in_words, trace_of
from latent_widgets.widgets.explorer.walk.page import Strip
from latent_widgets.widgets.explorer.walk.way import Way, latent_of
from latent_widgets.widgets.kit.encode import small, strip
from latent_widgets.widgets.kit.filmstrip import KIND_NAMES, walk_words

__all__ = ["Drawing", "draw_walks", "way_along"]

STRIP = 256  # pixels that a picture of a strip has at most
FINE = 33  # codes of a path on which equal changes are sought


@dataclass(frozen=True, eq=False)
class Drawing:
    """What the page shows.

    Attributes:
        strips: One for each kind asked for.
        traces: How likely the codes of each walk are.
        unit: Of their positions.
        words: How likely the current code is, or why that is not known.
        places: Where the pictures stand on the axis, if not at their positions.
    """

    strips: tuple[Strip, ...]
    traces: tuple[Trace, ...]
    unit: str
    words: str
    places: tuple[float, ...] | None = None


def way_along(way: Way, kind: str) -> Way:
    """Return a way of another kind, about the same edit along the same direction."""
    moves = kind if kind in KINDS[way.move.space] else "linear"
    return replace(way, kind=kind, move=replace(way.move, kind=moves))


def draw_walks(
    way: Way,
    frames: Frames,
    on_step: OnStep | None,
    kinds: Sequence[str] = (),
    equal: bool = False,
    density: bool = True,
) -> Drawing | None:
    """Draw a walk, or several kinds of it.

    Args:
        way: Where the walk goes.
        frames: Draws.
        on_step: Called as curves and pictures are computed.
        kinds: The kinds to draw; that of the way if none are given.
        equal: Whether the pictures of all kinds are to have changed equally, rather than to be at equal steps.
        density: Whether to find how likely the codes are.

    Returns:
        What the page shows; None if it was cancelled.
    """
    G, unit, wanted = frames.generator, way.move.unit, tuple(kinds) or (way.kind,)
    count = way.count | 1 if equal else way.count  # the start must be among them
    walks: dict[str, Walk] = {}
    refused: dict[str, str] = {}
    for kind in wanted:
        one = replace(way_along(way, kind), count=max(FINE, count) if equal else count)
        try:
            walks[kind] = one.walk(G, on_step)
        except ValueError as error:  # there is no such walk: the page says why
            refused[kind] = str(error)
        else:
            if len(walks[kind]) < one.count:
                return None
    places = None
    if equal and walks:
        try:
            found = equal_walks(G, list(walks.values()), count, distance=_seen(way, frames), on_step=on_step)
        except Cancelled:
            return None
        except ValueError as error:
            return Drawing((Strip(way.kind, None, str(error)),), (), unit, "")
        places, walks = found.at, dict(zip(walks, found.walks, strict=True))
    strips = []
    for kind in wanted:
        drawn = way.pictures(walks[kind], frames, on_step) if kind in walks else None
        if kind in walks and drawn is None:
            return None
        words = refused[kind] if kind in refused else _positions(walks[kind]) if equal else walk_words(walks[kind])
        strips.append(Strip(kind, None if drawn is None else strip(small(drawn, STRIP)), words))
    if not density or way.densities is None:
        return Drawing(tuple(strips), (), unit, "")
    try:
        traces, said = _traces(way, way.densities, G, walks)
    except ValueError as error:
        return Drawing(tuple(strips), (), unit, tr("No density is shown: {why}", why=error))
    degrees = None if equal or len(traces) != 1 else traces[0].degrees
    if degrees is not None and len(strips) == 1:
        turned = tr("{low:.3g} to {high:.3g} degrees", low=degrees[0], high=degrees[-1])
        strips[0] = replace(strips[0], words=f"{strips[0].words} · {turned}")
    return Drawing(tuple(strips), traces, unit, said, places)


def _seen(way: Way, frames: Frames) -> Distance:
    """The distance of pictures as they are shown: only what the edit's mask lets through counts."""
    measure = image_distance("lap1")
    return lambda a, b: measure(frames.masked(way.edit, a), frames.masked(way.edit, b))


def _positions(walk: Walk) -> str:
    """Say where the pictures of a strip stand that are not in even steps."""
    places = [f"{position:.2g}" for position in walk.at]
    at = ", ".join(places) if len(places) <= 11 else tr("{low} to {high}", low=places[0], high=places[-1])
    kind = KIND_NAMES[walk.kind]
    return tr("{name}, {kind}: {places} {unit}", name=walk.name, kind=kind, places=at, unit=walk.unit)


def _traces(way: Way, densities: Densities, G: Generator, walks: dict[str, Walk]) -> tuple[tuple[Trace, ...], str]:
    """How likely the codes of walks are, and that of the edit: in ``z`` along directions of ``z``."""
    above = bool(walks) and way.move.space == "z" and G.main_space != "z"  # the walk's codes are mapped ones
    now = Code(latent_of(way.edit, G)[0], "z") if above else way.edit.code(G)
    space = "w" if now.space == "w+" else now.space
    traces = []
    for kind, walk in walks.items():
        one = way_along(way, kind)
        codes = torch.stack([_before_mapping(one, G, alpha) for alpha in walk.at]) if above else walk.codes
        traces.append(trace_of(densities.of("z" if above else walk.space), codes, walk.at, kind, space, one.turn(G)))
    return tuple(traces), in_words(densities.of(space), now.tensor[None], space)


def _before_mapping(way: Way, G: Generator, alpha: float) -> Tensor:
    """The latent in ``z`` at a position of a walk in ``z``."""
    return latent_of(with_move(way.edit, replace(way.move, alpha=alpha)), G)[0]

"""A strip of pictures along a direction, drawn on a panel's job."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from latent_widgets.core.steps import OnStep
from latent_widgets.core.texts import tr
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_weights
from latent_widgets.geometry.walks.curves import WEAK_MATCH, CurveWalk
from latent_widgets.geometry.walks.walk import Walk, curve_along, walk
from latent_widgets.widgets.kit.encode import Pixels, strip
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.reach import positions

__all__ = ["KIND_NAMES", "Filmstrip", "film", "walk_words"]

PICTURES = 7  # of a strip
KIND_NAMES = {"linear": tr("linear"), "curve": tr("curve"), "density": tr("density")}  # in words


class Filmstrip(Picture):
    """A strip that shrinks where it does not fit.

    Args:
        width: CSS pixels.
        caption: The words under it.
    """

    shape = (PICTURES, 1)

    def __init__(self, width: int, caption: str = "") -> None:
        super().__init__(width=width, caption=caption, alt=tr("A strip of pictures along a direction"))
        self.add_class("lw-film")


def film(
    G: Generator,
    code: Any,
    direction: Any,
    index: int = 0,
    *,
    reach: float = 3.0,
    count: int = PICTURES,
    unit: str | None = None,
    curve: tuple[Tensor, float, int] | None = None,
    on_step: OnStep | None = None,
) -> tuple[Pixels, str]:
    """Draw the walk from a code along a direction.

    Args:
        G: The generator.
        code: Where the middle is.
        direction: ``Directions``, or one vector.
        index: Which of them.
        reach: How far the strip goes to each side.
        count: How many pictures.
        unit: What the reach is measured in; that of the directions if not given.
        curve: For a curve along ``Directions`` rather than a straight line: ``z``, truncation and how many local
            directions to project on, see ``curve_through``.
        on_step: Called as the curve and the pictures are drawn.

    Returns:
        The strip, and what it shows in words.

    Raises:
        ValueError: If the generator is on the meta device.
    """
    with_weights(G)
    at = positions(reach, count)
    if curve is None:
        path = walk(G, code, direction, at, unit, index=index)
    else:
        z, truncation, candidates = curve
        path = curve_along(G, z, direction[index], at, truncation=truncation, candidates=candidates, on_step=on_step)
    images: Tensor = path.images(G, batch=4, on_step=on_step)
    return strip(images), walk_words(path)


def walk_words(walk: Walk) -> str:
    """Say what a strip shows: where it goes, and of a curve how well it follows the direction and how far it bends."""
    kind, first, last = KIND_NAMES.get(walk.kind, walk.kind), walk.at[0], walk.at[-1]
    words = [
        tr(
            "{name}, {kind}: {first:g} to {last:g} {unit}",
            name=walk.name,
            kind=kind,
            first=first,
            last=last,
            unit=walk.unit,
        )
    ]
    if isinstance(walk, CurveWalk):
        match, length = float(walk.cosines.min()), float(walk.arc_length.abs().max())
        bend = float(walk.deviation.max()) / length if length else 0.0
        words.append(tr("bends by {share:.2g} % of its length", share=100 * bend))
        if match < WEAK_MATCH:
            words.append(tr("match {match:.2f}, weak: hardly this direction", match=match))
        else:
            words.append(tr("match {match:.2f}", match=match))
    return " · ".join(words)

"""The regions of a painter as others see them: each a mask that nobody else writes to, in a colour of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latent_widgets.values.masks import Mask
from latent_widgets.widgets.painter.model import MaskModel

__all__ = ["INKS", "inks_for", "masks_of"]

# Okabe and Ito's colours; the orange-red that stands out most from faces and from digits comes first.
INKS = ("#d55e00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#0072b2", "#e69f00", "#000000")


def inks_for(names: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the colours given, and one for each region that has none.

    Args:
        names: Of the regions.
        given: Colours by name; those of removed regions stay, since these may come back.

    Returns:
        Colours by name.

    Example:
        >>> inks_for(["eyes", "mouth"], {"mouth": INKS[0]})
        {'mouth': '#d55e00', 'eyes': '#56b4e9'}
    """
    inks = dict(given)
    for name in names:
        inks.setdefault(name, next((ink for ink in INKS if ink not in inks.values()), INKS[0]))
    return inks


def masks_of(model: MaskModel, regions: Mapping[str, Mask | None], mask: Mask | None) -> dict[str, Mask | None]:
    """Return the regions of a model; those that others have already, where these say the same.

    Args:
        model: The masks.
        regions: What others have by name.
        mask: What they have of the selected region.

    Returns:
        Masks by name, None where nothing is painted.
    """
    return {name: _value(model.mask_of(name), regions.get(name), mask) for name in model.names}


def _value(mask: NDArray[Any], *known: Mask | None) -> Mask | None:
    if not mask.any():
        return None
    for old in known:
        array = None if old is None else np.asarray(old)
        if array is not None and array.dtype == mask.dtype and np.array_equal(array, mask):
            return old
    return Mask(mask.copy())  # type: ignore[arg-type]  # arrays are accepted

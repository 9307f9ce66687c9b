"""Named settings of LELSD: what the released program does, and what the paper writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latent_widgets.core import checks
from latent_widgets.geometry.effects.feature_layers import IMAGE

__all__ = ["PRESETS", "RELEASED_STEPS", "presets"]

PRESETS = ("released", "equations")
RELEASED_STEPS = 200  # a direction


def presets(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of :func:`latent_widgets.lelsd` that a preset sets.

    Args:
        name: ``"released"`` or ``"equations"``.
        given: The arguments of the call: ``"G"``, and ``"k"`` if it is not 1.

    Returns:
        Values by name.

    Raises:
        ValueError: If there is no such preset.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> presets("equations", {"G": ExactFaces(resolution=16)})
        {'merge': 'average', 'penalty': 'published', 'patience': None}
    """
    checks.choice("preset", name, PRESETS)
    if name == "equations":
        return {"merge": "average", "penalty": "published", "patience": None}
    return {
        "steps": RELEASED_STEPS * checks.integer("k", given.get("k", 1), low=1),
        "features": [layer for layer in given["G"].layer_names if layer != IMAGE and not layer.endswith("torgb")],
        "merge": "average",
        "alpha": 1.0,
        "min_alpha": 0.0,
        "unit": "latent",
        "batch": 4,
        "samples": None,
        "truncation": 0.7,
        "schedule": "published",
        "penalty": "absolute",
        "penalty_weight": 5.0,
        "patience": None,
    }

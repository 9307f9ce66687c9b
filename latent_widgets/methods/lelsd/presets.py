"""Named settings of LELSD: what the released program does, and what the paper writes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from latent_widgets.core import checks
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.effects.feature_layers import IMAGE

__all__ = ["PRESETS", "RELEASED_STEPS", "presets", "with_presets"]

P = ParamSpec("P")
R = TypeVar("R")

PRESETS = ("released", "equations")
RELEASED_STEPS = 200  # a direction


def presets(name: str, G: Generator, k: int) -> dict[str, Any]:
    """Return the arguments of :func:`latent_widgets.lelsd` that a preset sets.

    Args:
        name: ``"released"`` or ``"equations"``.
        G: The generator.
        k: How many directions.

    Returns:
        Values by name.

    Raises:
        ValueError: If there is no such preset.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> presets("equations", ExactFaces(resolution=16), 1)
        {'merge': 'average', 'penalty': 'published', 'patience': None}
    """
    checks.choice("preset", name, PRESETS)
    if name == "equations":
        return {"merge": "average", "penalty": "published", "patience": None}
    return {
        "steps": RELEASED_STEPS * k,
        "features": [layer for layer in G.layer_names if layer != IMAGE and not layer.endswith("torgb")],
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


def with_presets(method: Callable[P, R]) -> Callable[P, R]:
    """Let the keyword ``preset`` of a method set the arguments that a call does not give itself."""
    signature = inspect.signature(method)

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs.get("preset") is None:
            return method(*args, **kwargs)
        given = signature.bind(*args, **kwargs).arguments
        k = checks.integer("k", given.get("k", 1), low=1)
        return method(**{**presets(given["preset"], given["G"], k), **given})  # type: ignore[call-arg]

    return call

"""Settings of DP-LaSE by name: those of the released program, and those of the equations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from latent_widgets.core import checks

__all__ = ["PRESETS", "WEIGHTS", "Preset", "settings_of", "weights_of"]

Preset = Literal["released", "equations"]

WEIGHTS = {"mon": 1.0, "lik": 1.0, "den": 10.0, "var": 1.0, "pair": 0.1, "reg": 1.0}

# What each preset gives to the keywords of dp_lase; "layer" and "weights" are resolved there.
PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "released": MappingProxyType(
            {
                "k": 20,
                "steps": 500_000,
                "batch": 16,
                "stride": 10 / 512**0.5,
                "rate": 1e-4,
                "pair_form": "cosine",
                "orthogonal": "gram-schmidt",
                "walk": "norm",
                "pairs": "any",
                "scaled": False,
                "reduction": "mean",
                "begin": "random",
                "patience": None,
            }
        ),
        "equations": MappingProxyType(
            {
                "pair_form": "matrix",
                "orthogonal": "penalty",
                "cdf": "network",
                "correction": "unbounded",
                "walk": "learned",
                "pairs": "all",
                "scaled": False,
                "reduction": "sum",
                "den_teaches": "all",
                "begin": "random",
                "patience": None,
            }
        ),
    }
)


def weights_of(preset: Preset | None, k: int) -> dict[str, float]:
    """Return the weights of the terms before any are given.

    The released program adds the mean square changes of two directions, where ours is the mean of both, and takes the
    mean over the ``k * k`` entries of ``G G' - I``, where ours is the sum.
    """
    if preset == "released":
        return WEIGHTS | {"var": 2.0, "pair": 0.1, "reg": 1.0 / k**2}
    return WEIGHTS | ({"den": 1.0} if preset == "equations" else {})


def settings_of(name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a preset sets, whatever is given."""
    return PRESETS[checks.choice("preset", name, tuple(PRESETS))]

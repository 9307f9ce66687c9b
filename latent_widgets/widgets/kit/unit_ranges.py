"""How far a slider goes in each unit of directions, and how its numbers look."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["UNIT_RANGES", "UnitRange"]


@dataclass(frozen=True)
class UnitRange:
    """How a slider in some unit is drawn: it goes from ``-reach`` to ``reach``, the number box four times as far."""

    label: str
    reach: float
    step: float
    format: str


UNIT_RANGES = {
    "sd": UnitRange("sd", 5.0, 0.1, ".1f"),
    "latent": UnitRange("latent", 10.0, 0.1, ".1f"),
    "degrees": UnitRange("deg", 90.0, 1.0, ".0f"),
    "rms": UnitRange("rms", 0.5, 0.01, ".2f"),
}

"""Handles of sliders stand on a grid: pages round what a slider is told to show, and send that back as a move."""

from __future__ import annotations

import math
from typing import Any

import ipywidgets

__all__ = ["moved_to", "put"]


def put(slider: ipywidgets.FloatSlider, value: float) -> None:
    """Show a value with a slider: at the nearest step, in a range that is widened where it does not reach.

    Args:
        slider: The slider.
        value: What it stands for, exactly.
    """
    step = slider.step
    if value < slider.min:
        slider.min = round(step * math.floor(round(value / step, 6)), 9)
    if value > slider.max:
        slider.max = round(step * math.ceil(round(value / step, 6)), 9)
    nearest = round(slider.min + step * round((value - slider.min) / step), 9)
    if abs(slider.value - nearest) > 1e-3 * step:
        slider.value = min(nearest, slider.max)


def moved_to(change: Any) -> float | None:
    """Return where a handle was moved to.

    Args:
        change: Of the slider's value.

    Returns:
        The new value without the error of binary fractions; None if it differs from the old one by that alone, which
        is the page's answer and nobody's move.
    """
    moved = abs(change["new"] - change["old"]) > 1e-3 * change["owner"].step
    return round(float(change["new"]), 9) if moved else None

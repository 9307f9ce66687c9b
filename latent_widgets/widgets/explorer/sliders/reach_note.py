"""What stands below the sliders: where they end, and what is known of the pictures there."""

from __future__ import annotations

from latent_widgets.core.texts import tr
from latent_widgets.geometry.walks.own_defaults import Defaults

__all__ = ["reach_note"]


def reach_note(defaults: Defaults, unit: str, truncation: float) -> str:
    """Say how far sliders go and why, in one line of HTML whose tooltip says more.

    Args:
        defaults: What was measured.
        unit: Of the directions.
        truncation: Of the edit's start: from less truncated codes walks leave earlier than was measured.

    Returns:
        The line; empty for units in which walks are not measured.

    Example:
        >>> found = Defaults(reach={"sd": 3.0}, share=0.83, ceiling=0.91, left=True, measured=True)
        >>> "83 % own pictures at 3 sd" in reach_note(found, "sd", 1.0)
        True
    """
    if unit not in ("sd", "latent"):
        return ""
    if not defaults.measured:
        said = tr("usual ends of the sliders")
        why = tr("How far walks stay among this generator's own pictures was not measured: the page walk can")
        return f'<span title="{why}">{said}</span>'
    values = {"reach": f"{defaults.reach[unit]:.3g}", "unit": unit, "share": f"{100 * defaults.share:.0f}"}
    said = (
        tr("{share} % own pictures at {reach} {unit}", **values)
        if defaults.left
        else tr("{share} % own pictures even at {reach} {unit}", **values)
    )
    why = tr(
        "Of pictures on walks that end there, so many are still like this generator's own; of fresh ones {ceiling} %. "
        "Measured from codes of truncation {truncation}.",
        ceiling=f"{100 * defaults.ceiling:.0f}",
        truncation=f"{defaults.truncation:g}",
    )
    if truncation > defaults.truncation + 1e-9:
        said = tr("{said}, at truncation {truncation}", said=said, truncation=f"{defaults.truncation:g}")
    return f'<span title="{why}">{said}</span>'

"""What stands below the sliders: where they end, and what is known of the pictures there."""

from __future__ import annotations

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text
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
    if unit not in defaults.reach:
        said = tr("slider ends as usual, not measured")
        why = tr("How far walks stay among this generator's own pictures was not measured: the page walk can")
        return _with_tooltip(said, why)
    share, reach = 100 * defaults.share, defaults.reach[unit]
    if defaults.left:
        said = tr("{share:.0f} % own pictures at {reach:.3g} {unit}", share=share, reach=reach, unit=unit)
    else:
        said = tr("{share:.0f} % own pictures even at {reach:.3g} {unit}", share=share, reach=reach, unit=unit)
    why = tr(
        "Of pictures on walks that go so far, so many are still like this generator's own; of fresh ones "
        "{ceiling:.0f} %. Measured from codes of truncation {truncation:g}.",
        ceiling=100 * defaults.ceiling,
        truncation=defaults.truncation,
    )
    if truncation > defaults.truncation + 1e-9:
        said = tr("{said}, at truncation {truncation:g}", said=said, truncation=defaults.truncation)
    return _with_tooltip(said, why)


def _with_tooltip(said: str, why: str) -> str:
    return f'<span title="{page_text(why)}">{page_text(said)}</span>'

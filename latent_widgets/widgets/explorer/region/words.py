"""What a region gave, in words; knows no widget."""

from __future__ import annotations

from latent_widgets.core.texts import tr, trn
from latent_widgets.core.words import page_text
from latent_widgets.geometry.regions.partial import Seen
from latent_widgets.widgets.explorer.region.work import EffectMap, RegionFinding

__all__ = ["region_words", "seen_words"]

UNSETTLED = 45.0  # degrees: directions that turned by more when last looked at are not yet what they will be


def region_words(found: RegionFinding, active: int, true: EffectMap | None, seen: Seen | None) -> str:
    """Say what a region gave; HTML.

    Args:
        found: What it gave.
        active: Which of its directions is the active one; -1 for none.
        true: What that one really changes; None where it was not measured.
        seen: What the search for it has looked at; None where all was.
    """
    words = [
        tr("region of {share:.2%} of the picture", share=found.spectrum.area),
        tr("rank {rank}", rank=found.spectrum.rank),
    ]
    if found.directions is not None and 0 <= active < len(found.directions):
        one = {name: float(score[active]) for name, score in found.directions.scores.items()}
        name, share = page_text(found.directions.names[active]), one["locality"]
        if true is None:
            said = tr("{share:.1%} of the change of {name} falls inside (predicted)", share=share, name=name)
        else:
            said = tr(
                "{share:.1%} of the change of {name} falls inside (predicted, true {true:.1%})",
                share=share, name=name, true=true.locality,
            )  # fmt: skip
        words += [said, tr("chance {share:.1%}", share=one["chance"])]
        if "kept norm" in one:
            words.append(tr("{share:.2g} of its length left by the projection", share=one["kept norm"]))
    return " · ".join(words if seen is None else [*words, seen_words(seen)])


def seen_words(seen: Seen) -> str:
    """Say what a search has looked at, and whether its directions still turn."""
    count, side = seen.directions, seen.side
    if seen.energy is None:
        words = [trn("seen along {count} direction at {side} px", "seen along {count} directions at {side} px", count,
                     side=side)]  # fmt: skip
    else:
        words = [
            trn(
                "about {share:.0%} of the change seen along {count} direction at {side} px",
                "about {share:.0%} of the change seen along {count} directions at {side} px",
                count, share=seen.energy, side=side,
            )
        ]  # fmt: skip
    if seen.stopped == "settled":
        words.append(tr("settled"))
    elif seen.turned > UNSETTLED:
        words.append(tr("not yet settled"))
    else:
        words.append(tr("turned by {turned:.1f} degrees at last", turned=seen.turned))
    return ", ".join([*words, tr("for the time of {pictures:.0f} pictures", pictures=seen.pictures)])

"""What a spectrum panel shows, and what it says about it; knows no widget."""

from __future__ import annotations

from collections.abc import Sequence

from latent_widgets.core.words import page_text
from latent_widgets.widgets.kit.plot import LOOKS
from latent_widgets.widgets.spectrum.data import Band, Spectrum

__all__ = ["Shown", "spectrum_words"]

MOST_KEPT = len(LOOKS) - 1  # beside the current one


class Shown:
    """The spectra in the plot.

    Attributes:
        current: At the code that is followed; None until it is found.
        kept: For comparison, the newest first.
        band: What chance gives beside the current one; None if that is not there.
    """

    def __init__(self) -> None:
        self.current: Spectrum | None = None
        self.kept: tuple[Spectrum, ...] = ()
        self.band: Band | None = None

    @property
    def spectra(self) -> list[Spectrum]:
        """All of them, the current one first."""
        return ([] if self.current is None else [self.current]) + list(self.kept)

    def take(self, spectrum: Spectrum) -> None:
        """Make a spectrum the current one; what chance gave beside the last does not hold for it."""
        self.current, self.band = spectrum, None

    def keep(self) -> bool:
        """Keep the current spectrum; of too many the oldest goes."""
        if self.current is None or self.current in self.kept:
            return False
        self.keep_only([self.current, *self.kept])
        return True

    def keep_only(self, spectra: Sequence[Spectrum]) -> None:
        """Keep these, as many as there is room for, and no others."""
        self.kept = tuple(spectra[:MOST_KEPT])


def spectrum_words(spectrum: Spectrum, index: int, asked: str, pending: str | None = None) -> str:
    """Say what a plot shows, and what it does not.

    Args:
        spectrum: The current one.
        index: Of the direction that is selected.
        asked: The target that was asked for.
        pending: What is to come in its place, in words; empty where it is old, but nothing is on its way.

    Returns:
        HTML.
    """
    i = min(index, len(spectrum.values) - 1)
    words = [f"<b>{page_text(spectrum.label)}</b>", f"singular value {i + 1} is {float(spectrum.values[i]):.4g}"]
    if asked == "w" and spectrum.target != "w":
        words.append("this code was edited in w, so its z is unknown: of the picture instead of the mapping")
    elif spectrum.target == "w" and spectrum.code.truncation not in (None, 1.0):
        words.append("of the mapping before truncation")
    said = " · ".join(words)
    if pending is None:
        return said
    return f"<b>old</b>{pending and f', until {page_text(pending)} is there'}: {said}"

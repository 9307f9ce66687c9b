"""What a spectrum panel shows, and what it says about it; knows no widget."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from latent_widgets.core.texts import tr, trn
from latent_widgets.core.words import page_text
from latent_widgets.widgets.kit.plot import LOOKS
from latent_widgets.widgets.spectrum.data import Band, Spectrum

__all__ = ["Pace", "Shown", "products_words", "spectrum_words"]

COLD = 4  # products for each value that is wanted, both ways, where nothing is known before: 71 to 82 for 20
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


class Pace:
    """How quickly a spectrum is found, and what is left of it, from the products that were made.

    Args:
        clock: Gives seconds.
        between: Seconds from one stage that is shown to the next.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, between: float = 1.0) -> None:
        self._clock, self._between = clock, between
        self.restart()

    def restart(self) -> None:
        """Begin anew."""
        self._begun, self._told = self._clock(), -math.inf

    def due(self) -> bool:
        """Whether the next stage is to be shown."""
        now = self._clock()
        if now - self._told < self._between:
            return False
        self._told = now
        return True

    def words(self, products: int, k: int, warm: bool) -> str:
        """Say how far a spectrum is, how quickly it goes on, and what it is going to take.

        Args:
            products: How many were made, both ways.
            k: How many values are wanted.
            warm: Whether it began with another one's directions.

        Returns:
            Plain words.
        """
        each = max(self._clock() - self._begun, 1e-3) / products
        whole = 2 * k if warm else COLD * k
        rate = trn(
            "{count} product, {rate:.3g} a second", "{count} products, {rate:.3g} a second", products, rate=1 / each
        )
        if products <= 2:
            return tr("{rate}: about {time} for {count}", rate=rate, time=_seconds(each * whole), count=whole)
        left = whole - products
        if left > 0:
            return tr("{rate}, about {time} left", rate=rate, time=_seconds(each * left))
        return tr("{rate}, until the whiskers are short", rate=rate)


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def products_words(spectrum: Spectrum, warm: bool = False) -> str:
    """Say what the values of a spectrum stand on.

    Args:
        spectrum: The one.
        warm: Whether it began with another one's directions.

    Returns:
        Plain words; empty for other methods.
    """
    svd = spectrum.svd
    if svd is None or svd.products is None:
        return ""
    made = sum(svd.products)
    values = trn("{count} value", "{count} values", len(svd.S))
    words = trn("{values} from {count} product", "{values} from {count} products", made, values=values)
    saved = COLD * len(svd.S) - made
    if svd.stopped != "finished":
        return tr("{found}, not finished: whiskers show what is known", found=words)
    if warm and saved > 0:
        return tr("{found}, begun with the directions nearby, about {saved} fewer", found=words, saved=saved)
    return words


def spectrum_words(
    spectrum: Spectrum, index: int, asked: str, pending: str | None = None, stage: str | None = None
) -> str:
    """Say what a plot shows, and what it does not.

    Args:
        spectrum: The current one.
        index: Of the direction that is selected.
        asked: The target that was asked for.
        pending: What is to come in its place, in words; empty where it is old, but nothing is on its way.
        stage: What it stands on, in words, or how far it is.

    Returns:
        HTML.
    """
    i = min(index, len(spectrum.values) - 1)
    value = tr("singular value {index} is {value:.4g}", index=i + 1, value=float(spectrum.values[i]))
    words = [f"<b>{page_text(spectrum.label)}</b>", value]
    if asked == "w" and spectrum.target != "w":
        words.append(tr("this code was edited in w, so its z is unknown: of the picture instead of the mapping"))
    elif spectrum.target == "w" and spectrum.code.truncation not in (None, 1.0):
        words.append(tr("of the mapping before truncation"))
    if stage:
        words.append(page_text(stage))
    said = " · ".join(words)
    if pending is None:
        return said
    if not pending:
        return tr("<b>old</b>: {words}", words=said)
    return tr("<b>old</b>, until {what} is there: {words}", what=page_text(pending), words=said)

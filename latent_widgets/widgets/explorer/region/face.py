"""What a region shows, whether or not anybody has opened its page yet."""

from __future__ import annotations

from collections.abc import Callable

from latent_widgets.geometry.regions.spectra import Channels
from latent_widgets.widgets.explorer.region.page import USUAL, RegionPage
from latent_widgets.widgets.explorer.region.work import Settings
from latent_widgets.widgets.jobs.turns import one_at_a_time

__all__ = ["Face"]


class Face:
    """Stands between a region and its page: what is said before the page is built is said to it then.

    Args:
        make: Makes the page.
    """

    def __init__(self, make: Callable[[], RegionPage]) -> None:
        self._make = make
        self.built: RegionPage | None = None
        self._switches = (False, True)
        self._said: tuple[str, str, bool] = ("", "", False)
        self._ready = self._stale = False
        self._scale = ""

    @property
    @one_at_a_time
    def page(self) -> RegionPage:
        """The page; it is built when it is first asked for."""
        if self.built is None:
            self.built = made = self._make()
            made.show(*self._switches)
            made.tell(*self._said[:2], code=self._said[2])
            made.ready(self._ready)
            made.grey(self._stale)
            made.scale.value = self._scale
        return self.built

    # ---- what the controls say

    @property
    def settings(self) -> Settings:
        """What the controls say of the directions."""
        return USUAL if self.built is None else self.built.settings

    @property
    def rows(self) -> tuple[int, ...] | None:
        """The rows of w+ that are chosen; None for all."""
        return None if self.built is None else self.built.rows

    @property
    def counts(self) -> Channels:
        """What of the picture counts."""
        return "rgb" if self.built is None else self.built.counts

    @property
    def overlay(self) -> str:
        """Which heat lies over the picture."""
        return "none" if self.built is None else str(self.built.overlay.value)

    # ---- what it shows

    def show(self, steer: bool, confine: bool) -> None:
        """Bring the switches to a state without calling anything."""
        self._switches = (steer, confine)
        if self.built is not None:
            self.built.show(steer, confine)

    def tell(self, message: str, words: str, *, code: bool = False) -> None:
        """Say what is missing, and what is shown, see :meth:`RegionPage.tell`."""
        self._said = (message, words, code)
        if self.built is not None:
            self.built.tell(message, words, code=code)

    def ready(self, ready: bool) -> None:
        """Show the plots, or not while there is nothing in them."""
        self._ready = ready
        if self.built is not None:
            self.built.ready(ready)

    def grey(self, stale: bool) -> None:
        """Show the plots pale, as those of another latent, or not."""
        self._stale = stale
        if self.built is not None:
            self.built.grey(stale)

    def scale(self, html: str) -> None:
        """Show what the colours of the heat mean."""
        self._scale = html
        if self.built is not None:
            self.built.scale.value = html

"""What was asked for last: nobody asks twice for what is there or on its way, and all ask again for what was lost."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Wish"]


class Wish:
    """Remembers a request for something that takes time, and whether it is worth asking again.

    A request may never be answered: it failed, was cancelled, or gave way to another one.

    Attributes:
        coming: Says whether the answer is still to come; what
            :meth:`Panel.ask <latent_widgets.widgets.kit.panel.Panel.ask>` returns.

    Example:
        >>> wish = Wish()
        >>> wish.new("a map"), wish.new("a map"), wish.new("another map")
        (True, False, True)
        >>> wish.coming = lambda: False
        >>> wish.new("another map")
        True
        >>> wish.granted("another map")
        >>> wish.new("another map")
        False
    """

    def __init__(self) -> None:
        self._what: tuple[object, ...] | None = None
        self._there = False
        self.coming: Callable[[], bool] = _yes

    def new(self, *what: object) -> bool:
        """Wish for something; return whether it must be asked for."""
        if what == self._what and (self._there or self.coming()):
            return False
        self._what, self._there, self.coming = what, False, _yes
        return True

    def granted(self, *what: object) -> None:
        """Say what has come; an answer to an older wish grants no newer one."""
        self._there = self._there or what == self._what

    def forget(self) -> None:
        """Wish for nothing."""
        self._what = None


def _yes() -> bool:
    return True

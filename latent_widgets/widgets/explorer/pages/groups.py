"""The pages of an explorer in three groups, of which one page is open or none; a page is built when first opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ipywidgets

from latent_widgets.core import checks
from latent_widgets.core.texts import tr
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.controls import Guard, row
from latent_widgets.widgets.kit.silence import Silence, heard

__all__ = ["GROUPS", "Book", "Pages"]

GROUPS = {
    "explore": (
        ("walk", "palette", "seeds", "mix", "compare"), tr("Look around: along a direction, along two, at seeds"),
    ),
    "locate": (("region", "part", "photo"), tr("Directions that act in one place, and the latents of photos")),
    "keep": (("stack", "save", "code"), tr("What was done: its moves, its files and its program")),
}  # fmt: skip
TITLES = {  # of groups and pages, on their buttons
    "explore": tr("explore"), "walk": tr("walk"), "palette": tr("palette"), "seeds": tr("seeds"), "mix": tr("mix"),
    "compare": tr("compare"), "locate": tr("locate"), "region": tr("region"), "part": tr("part"),
    "photo": tr("photo"), "keep": tr("keep"), "stack": tr("moves"), "save": tr("save"), "code": tr("code"),
}  # fmt: skip


class Pages(Mapping[str, ipywidgets.Widget]):
    """Pages by name, each of which is built when it is first asked for.

    Args:
        makers: Make them.
        own: Called with each page that is made.

    Example:
        >>> pages = Pages({"walk": ipywidgets.VBox, "region": ipywidgets.VBox}, lambda page: None)
        >>> pages.built, pages["walk"] is pages["walk"], pages.built
        ((), True, ('walk',))
        >>> pages["walk"].close()
    """

    def __init__(
        self, makers: Mapping[str, Callable[[], ipywidgets.Widget]], own: Callable[[ipywidgets.Widget], object]
    ) -> None:
        self._own, self._makers = own, dict(makers)
        self._made: dict[str, ipywidgets.Widget] = {}

    @property
    def built(self) -> tuple[str, ...]:
        """The names of those that are built."""
        return tuple(self._made)

    @one_at_a_time
    def __getitem__(self, name: str) -> ipywidgets.Widget:
        if name not in self._made:
            self._made[name] = self._makers[name]()
            self._own(self._made[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


class Book(ipywidgets.VBox):
    """A button for each group, and below them the page that is open.

    Args:
        pages: The pages of all groups.
        turned: Called with the name of the page that was opened; empty where all are closed.
        guard: Wraps handlers.

    Attributes:
        groups: The buttons.
    """

    def __init__(self, pages: Pages, turned: Callable[[str], object], guard: Guard) -> None:
        self._pages, self._turned, self.silence = pages, guard(turned), Silence()
        self._page, self._last = "", {group: names[0] for group, (names, _) in GROUPS.items()}
        self.groups = {group: ipywidgets.ToggleButton(False, description=TITLES[group], tooltip=words)
                       for group, (_, words) in GROUPS.items()}  # fmt: skip
        self._tabs: dict[str, ipywidgets.ToggleButtons] = {}
        self._guard = guard
        self.place = ipywidgets.VBox()
        self.place.add_class("lw-page")
        self.place.layout.display = "none"
        for group, press in self.groups.items():
            press.observe(guard(lambda change, group=group: self._pressed(group, change["new"])), "value")
        self.head = row(*self.groups.values())
        self.head.add_class("lw-groups")
        super().__init__([self.head, self.place])
        self.add_class("lw-pages")

    @property
    def page(self) -> str:
        """The name of the page that is open; empty where none is."""
        return self._page

    @page.setter
    def page(self, name: str) -> None:
        checks.choice("page", name, ("", *self._pages))
        group = next((group for group, (names, _) in GROUPS.items() if name in names), "")
        if group:
            self._last[group] = name
        old, self._page = self._page, name
        with self.silence:
            for one, press in self.groups.items():
                press.value = one == group
            if group:
                self._tabs_of(group).value = name
        shown = [self._tabs_of(group), self._pages[name]] if group else []
        self.place.children = [*self.place.children, *(one for one in shown if one not in self.place.children)]
        for one in self.place.children:  # those that were open stay built
            one.layout.display = None if one in shown else "none"
        self.place.layout.display = None if group else "none"
        if name != old:
            self._turned(name)

    def _tabs_of(self, group: str) -> ipywidgets.ToggleButtons:
        if group not in self._tabs:
            names = GROUPS[group][0]
            tabs = ipywidgets.ToggleButtons(options=[(TITLES[name], name) for name in names])
            tabs.add_class("lw-toggles")
            tabs.observe(self._guard(self._chosen), "value")
            self._tabs[group] = tabs
        return self._tabs[group]

    @heard
    def _pressed(self, group: str, on: bool) -> None:
        self.page = self._last[group] if on else ""

    @heard
    def _chosen(self, change: Any) -> None:
        self.page = change["new"]

"""What ties a closed panel to widgets that live on: links, and observers that are methods of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import ipywidgets
import traitlets
from ipywidgets.widgets.widget_link import Link as PageLink

__all__ = ["cut"]

LINKS = (traitlets.link, traitlets.directional_link)


def cut(closed: Iterable[ipywidgets.Widget]) -> None:
    """Cut what ties some widgets to others, which would go on setting their traits.

    Args:
        closed: The widgets.
    """
    gone = set(map(id, closed))
    for widget in list(ipywidgets.widgets.widget._instances.values()):
        if id(widget) in gone:
            continue
        if isinstance(widget, PageLink) and gone.intersection(id(end[0]) for end in (widget.source, widget.target)):
            ipywidgets.Widget.close(widget)
            continue
        for name, kind, handler in list(_handlers(widget)):
            owner = getattr(handler, "__self__", None)
            if isinstance(owner, LINKS):
                if gone.intersection(id(end[0]) for end in (owner.source, owner.target)):
                    owner.unlink()
            elif id(owner) in gone:
                widget.unobserve(handler, name, kind)


def _handlers(widget: ipywidgets.Widget) -> Iterator[tuple[Any, Any, Any]]:
    """Each observer of a widget with the name of the trait and the kind of change that it hears of."""
    for name, kinds in widget._trait_notifiers.items():
        for kind, handlers in kinds.items():
            for handler in handlers:
                yield name, kind, handler

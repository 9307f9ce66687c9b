"""What the controls of a widget are called, as a panel shows them."""

from collections.abc import Iterator

import ipywidgets

SILENT = (ipywidgets.HTML, ipywidgets.Label, ipywidgets.Image, ipywidgets.FloatProgress)  # which say or show something


def controls(widget: ipywidgets.Widget, apart: str = "lw-direction") -> Iterator[ipywidgets.Widget]:
    """Return what can be used of a widget as it is shown: of tabs the open one.

    Args:
        widget: The widget.
        apart: A class of boxes that are left out, such as rows that each have the same controls.

    Yields:
        The controls, from top to bottom.
    """
    if "none" == widget.layout.display or apart in widget._dom_classes or isinstance(widget, SILENT):
        return
    below = getattr(widget, "children", None)
    if isinstance(widget, ipywidgets.Tab):
        below = [] if widget.selected_index is None else [widget.children[widget.selected_index]]
    if below is None and hasattr(widget, "description"):  # a canvas has none
        yield widget
    else:
        for child in below or ():
            yield from controls(child, apart)


def called(control: ipywidgets.Widget) -> tuple[str, ...]:
    """Return what a control is called: of several buttons in a row, what each is."""
    if isinstance(control, ipywidgets.ToggleButtons):
        return tuple(control._options_labels)
    return (str(control.description),)


def doubtful(widget: ipywidgets.Widget) -> list[str]:
    """Return the names that are empty, or that several controls of a widget share."""
    names = [name.strip().lower() for control in controls(widget) for name in called(control)]
    return [name for name in names if not name or names.count(name) > 1]


def titles(shelf):
    """The titles of an explorer's sets that are not put away."""
    return [one.title for one in shelf.open]


def slider_ends(explorer) -> list[float]:
    """Return where the sliders of an explorer's active set end, each place once."""
    return sorted({round(row.slider.max * row.slider.size, 9) for row in explorer.sliders.rows})

"""The control for the class that a conditional network draws."""

from __future__ import annotations

import ipywidgets

from latent_widgets.generators.base import Generator

__all__ = ["class_box"]


def class_box(G: Generator) -> ipywidgets.ValueWidget | None:
    """Make the control whose value is the number of a class.

    Args:
        G: The generator.

    Returns:
        A number box; a menu where the classes have names, or where the generator was loaded with a vector that is no
        single class (its value is None then). None for a generator without classes.
    """
    if not G.classes:
        return None
    words = {"description": "class", "tooltip": "The class that is drawn; the moves stay"}
    if not G.class_names and G.class_number is not None:
        box = ipywidgets.BoundedIntText(G.class_number, min=0, max=G.classes - 1, **words)
        box.add_class("lw-short")
        return box
    names = G.class_names or ("",) * G.classes
    options: list[tuple[str, int | None]] = [(f"{i} {name}".strip(), i) for i, name in enumerate(names)]
    if G.class_number is None:
        options.insert(0, ("as loaded", None))
    return ipywidgets.Dropdown(options=options, value=G.class_number, **words)

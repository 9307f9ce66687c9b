"""Where parts are painted by example: the examples, and what was learnt from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets

from latent_widgets.core.words import page_text
from latent_widgets.widgets.explorer.desk import LINK
from latent_widgets.widgets.explorer.part.examples_work import MOST, Example
from latent_widgets.widgets.kit.controls import Guard, button, row
from latent_widgets.widgets.kit.panel import close_tree
from latent_widgets.widgets.kit.picture import Picture

__all__ = ["ExamplesBox"]

HELP = (
    "Paint a part on a few faces, one to eight, and a segmenter learns it from the generator's own features. Link a "
    f"painter to this explorer, in a cell:{LINK}Paint all of the part, add the face, and go to another."
)


class ExamplesBox(ipywidgets.VBox):
    """Painted faces with a button to remove each, and buttons that help to paint the next.

    Args:
        add: Called with the name of the part.
        remove: Called with an example.
        paint: Called without arguments, to paint what was found.
        seek: Called without arguments, to find the face that is worth most.
        guard: Wraps handlers.
    """

    def __init__(
        self,
        add: Callable[[str], object],
        remove: Callable[[Example], object],
        paint: Callable[[], object],
        seek: Callable[[], object],
        guard: Guard,
    ) -> None:
        self._remove, self._guard = remove, guard
        self._listed: list[Example] = []
        self.name = ipywidgets.Text(
            "", placeholder="hair", description="its name", tooltip="What you paint", continuous_update=False
        )
        self.name.add_class("lw-short")
        self.add = button(
            "Add this face", "Take the painted region as an example of the part", guard(lambda _: add(self.name.value)),
            "plus",
        )  # fmt: skip
        self.paint = button(
            "Paint what it sees", "Make what was found the painted region, to be mended", guard(lambda _: paint()),
            "magic",
        )  # fmt: skip
        self.seek = button(
            "Where to paint next", "Of sixteen faces, show the one that is most in doubt", guard(lambda _: seek()),
            "search",
        )  # fmt: skip
        self.words, self.help = ipywidgets.HTML(), ipywidgets.HTML(HELP)
        self.words.add_class("lw-note")
        for css in ("lw-note", "lw-message"):
            self.help.add_class(css)
        self.cells = row()
        title = ipywidgets.Label("One you paint yourself")
        title.add_class("lw-title")
        super().__init__([title, row(self.name, self.add, self.paint, self.seek), self.help, self.words, self.cells])
        self.fill((), "")

    def fill(self, examples: Sequence[Example], words: str, *, find: bool = False) -> None:
        """Show examples, and what was learnt.

        Args:
            examples: Of the part that is painted.
            words: What was learnt.
            find: Whether there is a segmenter that finds it.
        """
        self.help.layout.display = "none" if examples else None
        count = f"{len(examples)} of at most {MOST} examples" if examples else ""
        self.words.value = page_text(" · ".join(filter(None, (count, words))))
        self.paint.disabled = self.seek.disabled = not find
        if [id(e) for e in examples] == [id(e) for e in self._listed]:
            return
        self._listed = [*examples]
        old, cells = self.cells.children, []
        for example in examples:
            picture = Picture(width=80, alt=f"Painted example: {example.words}")
            picture.show(example.picture)
            press = button(
                example.words, f"Remove {example.words}", self._guard(lambda _, e=example: self._remove(e)), "times",
                "lw-seed",
            )  # fmt: skip
            cell = ipywidgets.VBox([picture, press])
            cell.add_class("lw-cell")
            cells.append(cell)
        self.cells.children = cells
        close_tree(*old)

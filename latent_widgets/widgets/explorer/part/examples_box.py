"""Where parts are painted by example: the examples, and what was learnt from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text
from latent_widgets.widgets.explorer.desk import LINK
from latent_widgets.widgets.explorer.part.examples_work import MOST, Example
from latent_widgets.widgets.kit.controls import Guard, button, row
from latent_widgets.widgets.kit.panel import close_tree
from latent_widgets.widgets.kit.picture import Picture

__all__ = ["ExamplesBox"]

HELP = tr(
    "Paint a part on a few pictures, one to eight, and a segmenter learns it from the generator's own features: take "
    "the brush beside the picture, paint all of the part, add the picture, and go to another. A painter with more "
    "tools is linked in a cell:{link}",
    link=LINK,
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
            "", placeholder=tr("hair"), description=tr("name of the part"), tooltip=tr("What you paint"),
            continuous_update=False,
        )  # fmt: skip
        self.name.add_class("lw-short")
        self.add = button(
            tr("Add this picture"), tr("Take the painted region as an example of the part"),
            guard(lambda _: add(self.name.value)), "plus",
        )  # fmt: skip
        self.paint = button(
            tr("Paint what it sees"), tr("Make what was found the painted region, to be mended"),
            guard(lambda _: paint()), "magic",
        )  # fmt: skip
        self.seek = button(
            tr("Where to paint next"), tr("Of sixteen pictures, show the one that is most in doubt"),
            guard(lambda _: seek()), "search",
        )  # fmt: skip
        self.words, self.help = ipywidgets.HTML(), ipywidgets.HTML(HELP)
        self.words.add_class("lw-note")
        for css in ("lw-note", "lw-message"):
            self.help.add_class(css)
        self.cells = row()
        title = ipywidgets.Label(tr("A part that you paint yourself"))
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
        count = tr("{count} of at most {most} examples", count=len(examples), most=MOST) if examples else ""
        self.words.value = page_text(" · ".join(filter(None, (count, words))))
        self.paint.disabled = self.seek.disabled = not find
        if [id(e) for e in examples] == [id(e) for e in self._listed]:
            return
        self._listed = [*examples]
        old, cells = self.cells.children, []
        for example in examples:
            picture = Picture(width=80, alt=tr("Painted example: {name}", name=example.words))
            picture.show(example.picture)
            press = button(
                example.words, tr("Remove {name}", name=example.words),
                self._guard(lambda _, e=example: self._remove(e)), "times", "lw-seed",
            )  # fmt: skip
            cell = ipywidgets.VBox([picture, press])
            cell.add_class("lw-cell")
            cells.append(cell)
        self.cells.children = cells
        close_tree(*old)

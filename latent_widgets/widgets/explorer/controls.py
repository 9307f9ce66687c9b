"""Where everything stands in an explorer, and the controls of its start; what they do is the explorer's."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.core.words import apart, label_text
from latent_widgets.edits.edit import Move
from latent_widgets.generators.base import Generator
from latent_widgets.widgets.explorer.method_picker import MethodPicker
from latent_widgets.widgets.explorer.pages.groups import Book, Pages
from latent_widgets.widgets.explorer.screen.screen import Screen
from latent_widgets.widgets.explorer.screen.touch import Touch
from latent_widgets.widgets.explorer.sliders.bar import ShelfActs, ShelfBar
from latent_widgets.widgets.explorer.sliders.sliders import Sliders
from latent_widgets.widgets.explorer.state import ExplorerState
from latent_widgets.widgets.jobs.turns import built_once
from latent_widgets.widgets.kit.controls import Guard, button, row
from latent_widgets.widgets.kit.numbered import NumberSlider
from latent_widgets.widgets.kit.panel import close_tree
from latent_widgets.widgets.kit.silence import Silence, heard

__all__ = ["Acts", "ExplorerControls"]

SEEDS = 2**53 - 1  # the largest integer that a page can hold


class Acts(NamedTuple):
    """What the controls call."""

    rebase: Callable[..., object]
    step_seed: Callable[[int], object]
    find: Callable[..., object]
    undo: Callable[[], object]
    redo: Callable[[], object]
    reset: Callable[[], object]
    drop: Callable[[Move], object]
    turn: Callable[[str], object]
    shelf: ShelfActs


class ExplorerControls:
    """The controls of the start and of the history, and the place of all others.

    Args:
        generator: Whose start is chosen.
        acts: What the controls call.
        guard: Wraps handlers.
        screen: The picture.
        touch: What hands do on it.
        strip: The walk below it.
        sliders: The sliders.
        pages: What can be opened below.
        own: Called with what is built later: it is closed with the explorer.
    """

    def __init__(
        self,
        generator: Generator,
        acts: Acts,
        guard: Guard,
        screen: Screen,
        touch: Touch,
        strip: ipywidgets.Widget,
        sliders: Sliders,
        pages: Pages,
        own: Callable[..., object],
    ) -> None:
        self._acts, self._guard, self.silence = acts, guard, Silence()
        self._others: list[int] = []
        self.picture, self.view = screen.picture, screen.view
        self._generator, self._own = generator, own
        self.start = self._start(generator)
        self.shelf = ShelfBar(acts.shelf, lambda: self.picker, guard)
        self.others = ipywidgets.HBox()
        self.others.add_class("lw-row")
        self.others.layout.display = "none"
        self.book = Book(pages, acts.turn, guard)
        own(self.view)
        left = ipywidgets.VBox([touch.box])
        left.add_class("lw-left")
        right = ipywidgets.VBox([row(touch.tools, screen.compare), self.shelf, sliders, self.others])
        right.add_class("lw-right")
        both = ipywidgets.HBox([left, right])
        both.add_class("lw-columns")
        first = ipywidgets.VBox([both, strip, self.start])  # the header is seen first, and reached last
        first.add_class("lw-first")
        self.body = [first, self.book]

    def _start(self, generator: Generator) -> ipywidgets.HBox:
        """The header: where the edit starts, and its history."""
        acts, guard = self._acts, self._guard
        self.seed = ipywidgets.BoundedIntText(
            0, min=0, max=SEEDS, description=tr("seed"), tooltip=tr("The seed of the starting latent")
        )
        self.truncation = NumberSlider(
            1.0, 0, 1.2, 0.05, tr("truncation"), tr("1 leaves the latent as drawn, 0 is the average picture")
        )
        self.condition = class_box(generator)
        if self.condition is not None:
            self.condition.observe(guard(self._classed), "value")
        self.seed.add_class("lw-short")
        self.truncation.add_class("lw-wide")
        self.seed.observe(guard(self._seeded), "value")
        self.truncation.observe(guard(self._truncated), "value")
        self.undo = button(tr("undo"), tr("Undo the last change"), guard(lambda _: acts.undo()), "undo", "lw-icon")
        self.redo = button(
            tr("redo"), tr("Redo what was undone last"), guard(lambda _: acts.redo()), "repeat", "lw-icon"
        )
        self.reset = button(tr("reset"), tr("Drop all moves and mixing"), guard(lambda _: acts.reset()), "refresh")
        name = ipywidgets.Label(label_text(generator.name))
        name.add_class("lw-title")
        self.head = row(
            name,
            self.seed,
            button(
                tr("previous seed"), tr("Previous seed"), guard(lambda _: acts.step_seed(-1)), "chevron-left", "lw-icon"
            ),
            button(tr("next seed"), tr("Next seed"), guard(lambda _: acts.step_seed(1)), "chevron-right", "lw-icon"),
            button(tr("random seed"), tr("A random seed"), guard(self._rolled), "random", "lw-icon"),
            *([] if self.condition is None else [self.condition]),
            self.truncation,
            self.undo,
            self.redo,
            self.reset,
        )
        self.head.add_class("lw-head")
        return self.head

    @built_once
    def picker(self) -> MethodPicker:
        """What finds directions; it is built when it is first opened."""
        generator = self._generator
        targets = [*(["w"] if "w" in generator.spaces else []), "image", *generator.layer_names]
        options = {"target": targets, "space": generator.spaces}
        made = MethodPicker(self._acts.find, self._guard, close_tree, options)
        self._own(made)
        return made

    @property
    def page(self) -> str:
        """The page that is open; empty where none is."""
        return self.book.page

    @page.setter
    def page(self, name: str) -> None:
        self.book.page = name

    def show_shelf(self, state: ExplorerState) -> None:
        """Bring the chips to the shelf."""
        self.shelf.show(state)

    @heard
    def _seeded(self, change: Any) -> None:
        self._acts.rebase(seed=change["new"])

    @heard
    def _classed(self, change: Any) -> None:
        self._acts.rebase(condition=change["new"])

    @heard
    def _truncated(self, change: Any) -> None:
        self._acts.rebase(truncation=change["new"], gesture="truncation")

    def _rolled(self, _: Any) -> None:
        self._acts.rebase(seed=secrets.randbelow(100_000))

    def list_others(self, moves: Sequence[Move]) -> None:
        """List moves that no slider stands for, each with a button that drops it."""
        if [id(move) for move in moves] == self._others:
            return
        self._others = [id(move) for move in moves]
        old, guard, drop = self.others.children, self._guard, self._acts.drop
        words = [f"{apart(m.name)} {m.alpha:+.2g} {m.unit}" for m in moves]
        self.others.children = [  # what is long is cut on the button, and whole in its tooltip
            button(said, tr("Drop this earlier move: {move}", move=said), guard(lambda _, m=m: drop(m)), "times")
            for said, m in zip(words, moves, strict=True)
        ]
        self.others.layout.display = None if moves else "none"
        close_tree(*old)

    def show(self, state: ExplorerState) -> None:
        """Bring the controls to a state without calling anything."""
        base, history = state.edit.base, state.history
        with self.silence:
            if base.seed is not None:
                self.seed.value = base.seed
            self.truncation.value = base.truncation
            if self.condition is not None:
                self.condition.value = state.generator.class_number if base.condition is None else base.condition
        self.shelf.show(state)  # sets that were found elsewhere say so
        self.undo.disabled, self.redo.disabled = not history.can_undo, not history.can_redo
        self.reset.disabled = base.second_seed is None and base.mix_seed is None and not state.edit.moves


def class_box(G: Generator) -> ipywidgets.ValueWidget | None:
    """Make the control whose value is the number of the class that a conditional network draws.

    Args:
        G: The generator.

    Returns:
        A number box; a menu where the classes have names, or where the generator was loaded with a vector that is no
        single class (its value is None then). None for a generator without classes.
    """
    if not G.classes:
        return None
    words = {"description": tr("class"), "tooltip": tr("The class that is drawn; the moves stay")}
    if not G.class_names and G.class_number is not None:
        box = ipywidgets.BoundedIntText(G.class_number, min=0, max=G.classes - 1, **words)
        box.add_class("lw-short")
        return box
    names = G.class_names or ("",) * G.classes
    options: list[tuple[str, int | None]] = [(f"{i} {name}".strip(), i) for i, name in enumerate(names)]
    if G.class_number is None:
        options.insert(0, (tr("as loaded"), None))
    return ipywidgets.Dropdown(options=options, value=G.class_number, **words)

"""The explorer's controls and where they stand; what they do is the explorer's."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets

from latent_widgets.core import checks
from latent_widgets.edits.edit import Move
from latent_widgets.geometry.walks.walk import kinds_of
from latent_widgets.widgets.explorer.class_box import class_box
from latent_widgets.widgets.explorer.method_picker import MethodPicker
from latent_widgets.widgets.explorer.pages.compare import ComparePage
from latent_widgets.widgets.explorer.pages.palette import PalettePage
from latent_widgets.widgets.explorer.pages.small_pages import CodePage, MixPage, SavePage, SeedsPage
from latent_widgets.widgets.explorer.pages.stack import StackPage
from latent_widgets.widgets.explorer.saving import save_from_page
from latent_widgets.widgets.explorer.screen.drawing import VIEWS, Drawn
from latent_widgets.widgets.explorer.walk.densities import Densities
from latent_widgets.widgets.explorer.walk.page import WalkPage
from latent_widgets.widgets.kit.controls import button, row
from latent_widgets.widgets.kit.numbered import NumberSlider
from latent_widgets.widgets.kit.panel import close_tree
from latent_widgets.widgets.kit.picture import Picture

if TYPE_CHECKING:
    from latent_widgets.widgets.explorer.explorer import LatentExplorer

__all__ = ["SAVED", "Controls"]

SEEDS = 2**53 - 1  # the largest integer that a page can hold
SAVED = {
    "picture": "png", "strip of the walk": "png", "animation, GIF": "gif", "animation, WebP": "webp",
    "animation, MP4": "mp4", "edit": "json", "kept directions": "safetensors",
}  # fmt: skip


class Controls:
    """Every control of an explorer but the sliders of its directions.

    Args:
        explorer: What the controls call.
        width: Of the picture, in CSS pixels.
    """

    def __init__(self, explorer: LatentExplorer, width: int) -> None:
        guard, G = explorer.guard, explorer.generator
        self._explorer, self._quiet = explorer, False
        self._others: list[int] = []
        self.picture = Picture(width=width)
        self.view = ipywidgets.ToggleButtons(options=list(VIEWS), tooltips=list(VIEWS.values()))
        self.view.add_class("lw-toggles")
        self.view.observe(guard(lambda _: explorer.redraw()), "value")
        self.seed = ipywidgets.BoundedIntText(
            0, min=0, max=SEEDS, description="seed", tooltip="The seed of the starting latent"
        )
        self.truncation = NumberSlider(
            1.0, 0, 1.2, 0.05, "truncation", "1 leaves the latent as drawn, 0 is the average picture"
        )
        self.condition = class_box(G)
        if self.condition is not None:
            self.condition.observe(guard(self._classed), "value")
        self.seed.add_class("lw-short")
        self.truncation.add_class("lw-wide")
        self.seed.observe(guard(self._seeded), "value")
        self.truncation.observe(guard(self._truncated), "value")
        seeds = row(
            self.seed,
            button("", "Previous seed", guard(lambda _: explorer.step_seed(-1)), "chevron-left", "lw-icon"),
            button("", "Next seed", guard(lambda _: explorer.step_seed(1)), "chevron-right", "lw-icon"),
            button("random", "A random seed", guard(self._rolled), "random"),
            *([] if self.condition is None else [self.condition]),
            self.truncation,
        )
        targets = [*(["w"] if "w" in G.spaces else []), "image", *G.layer_names]
        options = {"target": targets, "space": G.spaces}
        self.picker = MethodPicker(explorer.find, guard, close_tree, options)
        self.others = ipywidgets.HBox()
        self.others.add_class("lw-row")
        self.undo = button("undo", "Undo the last change", guard(lambda _: explorer.undo()), "undo")
        self.redo = button("redo", "Do it again", guard(lambda _: explorer.redo()), "repeat")
        self.reset = button("reset", "Drop all moves and mixing", guard(lambda _: explorer.reset()), "refresh")
        self.densities = Densities(G)
        self.walk = WalkPage(kinds_of(G), explorer.show_page, guard)
        self.seeds = SeedsPage(lambda seed: explorer.change_base(seed=seed), explorer.show_page, guard)
        self.mix = MixPage(G.num_layers if "w+" in G.spaces else 1, explorer.mix, guard)
        self.save = SavePage(SAVED, lambda kind, path: save_from_page(explorer, kind, path), guard)
        self.code = CodePage()
        self.stack, self.palette, self.compare = StackPage(explorer), PalettePage(explorer), ComparePage(explorer)
        self._pages: dict[str, ipywidgets.Widget] = {
            "walk": self.walk,
            "region": explorer.region.page,
            "part": explorer.part.page,
            "stack": self.stack,
            "palette": self.palette,
            "compare": self.compare,
            "photo": explorer.photo.page,
            "seeds": self.seeds,
            "mix": self.mix,
            "save": self.save,
            "code": self.code,
        }
        self.pages = ipywidgets.Tab(list(self._pages.values()), titles=list(self._pages))
        self.pages.add_class("lw-pages")
        self.pages.observe(guard(lambda _: explorer.show_page()), "selected_index")
        left = ipywidgets.VBox([self.picture, row(self.view)])
        left.add_class("lw-left")
        right = ipywidgets.VBox(
            [seeds, self.picker, explorer.sliders, self.others, row(self.undo, self.redo, self.reset)]
        )
        right.add_class("lw-right")
        both = ipywidgets.HBox([left, right])
        both.add_class("lw-columns")
        self.body = [both, self.pages]

    @property
    def page(self) -> str:
        """The page that is open."""
        return list(self._pages)[self.pages.selected_index or 0]

    @page.setter
    def page(self, name: str) -> None:
        self.pages.selected_index = list(self._pages).index(checks.choice("page", name, tuple(self._pages)))

    def _seeded(self, change: Any) -> None:
        if not self._quiet:
            self._explorer.change_base(seed=change["new"])

    def _classed(self, change: Any) -> None:
        if not self._quiet:
            self._explorer.change_base(condition=change["new"])

    def _rolled(self, _: Any) -> None:
        self._explorer.change_base(seed=secrets.randbelow(100_000))

    def _truncated(self, change: Any) -> None:
        if not self._quiet:
            self._explorer.change_base(truncation=change["new"], gesture="truncation")

    def list_others(self, moves: Sequence[Move], drop: Callable[[Move], object]) -> None:
        """List moves that no slider stands for, each with a button that drops it.

        Args:
            moves: The moves.
            drop: Called with one of them.
        """
        if [id(move) for move in moves] == self._others:
            return
        self._others = [id(move) for move in moves]
        old = self.others.children
        guard = self._explorer.guard
        self.others.children = [
            button(
                f"{m.name} {m.alpha:+.2g} {m.unit}", "Drop this earlier move", guard(lambda _, m=m: drop(m)), "times"
            )
            for m in moves
        ]
        close_tree(*old)

    def paint(self, drawn: Drawn, lossless: bool = True) -> None:
        """Show what was drawn, with or without heat over it, and its words."""
        region = self._explorer.region
        self.picture.show(region.over(drawn.image), lossless=lossless)
        if lossless and drawn.words:  # at rest: while a hand moves, each message delays the next picture
            self.picture.caption = drawn.words + region.words

    def show(self, explorer: LatentExplorer) -> None:
        """Bring the controls to the explorer's edit without calling anything."""
        base, history = explorer.current.base, explorer.history
        self._quiet = True
        try:
            if base.seed is not None:
                self.seed.value = base.seed
            self.truncation.value = base.truncation
            if self.condition is not None:
                self.condition.value = explorer.generator.class_number if base.condition is None else base.condition
        finally:
            self._quiet = False
        layers = (min(base.mix_layers), max(base.mix_layers)) if base.mix_layers else None
        second = base.mix_seed if base.second_seed is None else base.second_seed
        self.mix.show(second, base.weight, layers)
        self.undo.disabled, self.redo.disabled = not history.can_undo, not history.can_redo
        plain = base.second_seed is None and base.mix_seed is None
        self.reset.disabled = plain and not explorer.current.moves

"""The page on which directions are trained for a part: its controls, its curve and its strips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text
from latent_widgets.geometry.effects.part_masks import MERGES
from latent_widgets.widgets.explorer.part.examples_box import ExamplesBox
from latent_widgets.widgets.explorer.part.work import TrainingPlan
from latent_widgets.widgets.kit.controls import Guard, button, layer_range, row
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.kit.plot import Plot
from latent_widgets.widgets.kit.silence import Silence, heard

__all__ = ["REGION", "PartChoice", "PartPage"]

PartChoice = tuple[str, str]  # who finds a part, and which
REGION: PartChoice = ("mask", "region")
MOST = 8  # directions
OUTLINES = {"average": tr("average"), "union": tr("union"), "intersection": tr("intersection")}
HELP = tr(
    "Nothing finds parts in the pictures of this generator yet. Paint one yourself, below; or set "
    "<code>explorer.segmenter = lw.as_segmenter(function, names)</code>."
)


class PartPage(ipywidgets.VBox):
    """Controls and plots of a training.

    Args:
        num_layers: Of the generator; rows of w+ can be chosen if there is more than one.
        train: Called with True to go on with what was stopped, False to begin.
        chosen: Called without arguments when another part or setting was chosen.
        examples: The lower half, where parts are painted.
        guard: Wraps handlers.
    """

    def __init__(
        self,
        num_layers: int,
        train: Callable[[bool], object],
        chosen: Callable[[], object],
        examples: ExamplesBox,
        guard: Guard,
    ) -> None:
        self.silence = Silence()
        self.examples = examples
        self.part = ipywidgets.Dropdown(
            description=tr("part to train"), tooltip=tr("Where the directions are to act, and only there")
        )
        self.scope = ipywidgets.Dropdown(
            options=[(tr("all pictures"), False), (tr("this picture"), True)],
            description=tr("trained on"),
            tooltip=tr("Random pictures, or the one that is shown: a painted region fits one picture only"),
        )
        self.count = ipywidgets.BoundedIntText(
            1, min=1, max=MOST, description=tr("directions"), tooltip=tr("How many sliders to train, unlike each other")
        )
        self.steps = ipywidgets.BoundedIntText(
            200, min=1, max=5000, step=50, description=tr("steps"), tooltip=tr("How long to train at most")
        )
        self.merge = ipywidgets.Dropdown(
            options=[(OUTLINES[merge], merge) for merge in MERGES],
            description=tr("outline"),
            tooltip=tr("The part before and after a move: union lets it move, intersection holds its outline"),
        )
        self.layers = layer_range(num_layers)
        if self.layers is not None:  # beside which those of the active direction are chosen
            self.layers.description = tr("layers to train")
        for control in (self.part, self.scope, self.count, self.steps, self.merge):
            control.add_class("lw-short")
        self.train = button(
            tr("Train"), tr("Look for directions that act in this part"), guard(lambda _: train(False)), "play"
        )
        self.more = button(
            tr("Go on"), tr("Go on with the training that was stopped"), guard(lambda _: train(True)), "forward"
        )
        self.words, self.message = ipywidgets.HTML(), ipywidgets.HTML()
        for text in (self.words, self.message):
            text.add_class("lw-note")
        self.message.add_class("lw-message")
        self.curve = Plot(380, 240, tr("The score of the directions while they are trained, beside chance"))
        self.strips = Picture(width=5 * 72, alt=tr("Strips of what the trained directions do"))
        self.strips.add_class("lw-film")
        self.seen = Picture(width=192, alt=tr("The picture with the part outlined"))
        self.shown = ipywidgets.HBox([self.seen, self.curve, self.strips])
        self.shown.add_class("lw-plots")
        self.part.observe(guard(self._picked), "value")
        for control in (self.scope, self.count, self.steps, self.merge, *([self.layers] if self.layers else [])):
            control.observe(guard(lambda _: chosen()), "value")
        self._chosen = chosen
        super().__init__(
            [
                row(self.part, self.scope, self.count, self.steps, self.merge, *([self.layers] if self.layers else [])),
                row(self.train, self.more, self.words),
                self.message,
                self.shown,
                examples,
            ]
        )
        self.tell("", "")
        self.busy(False, False)
        self.curve.layout.display = self.strips.layout.display = "none"

    @property
    def where(self) -> PartChoice:
        """Who finds the part, and which it is."""
        found: PartChoice = self.part.value
        return found

    @property
    def plan(self) -> TrainingPlan:
        """What the controls say of the training."""
        low, high = (0, 0) if self.layers is None else self.layers.value
        whole = self.layers is None or (low, high) == (self.layers.min, self.layers.max)
        rows = None if whole else tuple(range(low, high + 1))
        return TrainingPlan(
            self.where[1], self.count.value, self.steps.value, rows, self.merge.value, bool(self.scope.value)
        )

    def offer(self, names: Sequence[str], painted: Sequence[str], prefer: PartChoice | None = None) -> None:
        """Say which parts there are to choose from.

        Args:
            names: Those of the segmenter.
            painted: Those that a segmenter was fitted for.
            prefer: Which to choose; the one that is chosen, if not given.
        """
        options: dict[str, PartChoice] = {tr("{part}, as painted", part=name): ("painted", name) for name in painted}
        options |= {name: ("segmenter", name) for name in names} | {tr("the painted region"): REGION}
        wanted = prefer or self.part.value
        first = ("segmenter", names[0]) if names else REGION
        with self.silence:
            if dict(self.part.options) != options:
                self.part.options = options
            self.part.value = wanted if wanted in options.values() else first
        self._picked(None)

    def busy(self, busy: bool, more: bool) -> None:
        """Let a training begin, or go on, or neither."""
        self.train.disabled, self.more.disabled = busy, busy or not more

    def tell(self, message: str, words: str, *, code: bool = False) -> None:
        """Say what is missing, and how it goes.

        Args:
            message: What is to be done or noted; empty for nothing.
            words: How it goes; HTML.
            code: Whether the message is HTML.
        """
        self.message.value = message if code else page_text(message)
        self.message.layout.display = None if message else "none"
        self.words.value = words

    @heard
    def _picked(self, change: Any) -> None:
        if change is not None:
            self.scope.value = self.where == REGION
        self._chosen()

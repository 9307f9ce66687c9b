"""Parts that are painted by example in an explorer: each gets a segmenter, which is fitted beside the pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from latent_widgets.core.texts import tr
from latent_widgets.segmentation import FewShotSegmenter
from latent_widgets.segmentation.few_shot import contradictory
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.part.examples_box import ExamplesBox
from latent_widgets.widgets.explorer.part.examples_work import Example, Examples, example_of, fit_examples
from latent_widgets.widgets.explorer.part.work import Seen
from latent_widgets.widgets.jobs.turns import built_once, one_at_a_time
from latent_widgets.widgets.kit.page_work import PageWork

__all__ = ["PaintedParts"]

FACES = 16  # among which the one is sought that is most in doubt


class PaintedParts:
    """What the lower half of the page for parts does.

    Args:
        desk: What it works with.
        offer: Called with who finds which part, to choose it above; without, to offer what there is.
        seen: Says where the part is in the picture that is shown, if that is known.

    Attributes:
        examples: What was painted.
        segmenters: What was fitted, by part.
    """

    def __init__(self, desk: Desk, offer: Callable[..., None], seen: Callable[[], Seen | None]) -> None:
        self._desk, self._offer, self._seen = desk, offer, seen
        self.examples = Examples()
        self.segmenters: dict[str, FewShotSegmenter] = {}
        self.work: PageWork = desk.hire(PageWork)  # without the generator's lock: a fit mostly thinks

    @built_once
    def box(self) -> ExamplesBox:
        """What is seen of it; it is built with its page."""
        guard = self._desk.guard
        made = ExamplesBox(self.add, self.remove, self.paint, self.seek, guard)
        made.name.observe(guard(lambda _: self.show()), "value")
        return made

    @property
    def name(self) -> str:
        """The part that is painted."""
        return str(self.box.name.value).strip()

    @one_at_a_time
    def add(self, name: str) -> None:
        """Take the painted region as an example of a part, and learn from it.

        Args:
            name: Of the part.

        Raises:
            ValueError: If it has no name, nothing is painted, or there are enough.
        """
        state, name = self._desk.state, name.strip()
        if not name:
            raise ValueError("part must have a name, got none. Type what you painted beside the button.")
        still: Any = self._desk.picture()
        example = example_of(state.drawn(), state.edit, state.mask, still.pixels)
        self.examples = self.examples.add(name, example)
        self.box.name.value = name
        self._desk.set(mask=None)  # for the next face; a linked painter can take it back
        self._learn(name)

    @one_at_a_time
    def remove(self, example: Example) -> None:
        """Forget an example, and learn from the others."""
        name = next(name for name, found in self.examples.parts.items() if any(e is example for e in found))
        self.examples = self.examples.remove(name, example)
        if not self.examples.of(name):
            self.work.stop()
            self.segmenters.pop(name, None)
            self._offer()
            self.show()
        else:
            self._learn(name)

    def paint(self) -> None:
        """Paint what was found on the picture that is shown.

        Raises:
            ValueError: If nothing was found on it.
        """
        seen = self._seen()
        if seen is None or seen.edit is not self._desk.state.edit:
            raise ValueError("the part must be found on this picture first, got none. Wait until it is shown.")
        self._desk.set(mask=seen.mask)

    def seek(self) -> None:
        """Go to the face, of sixteen, on which the segmenter is least sure."""
        desk, state, segmenter = self._desk, self._desk.state, self.segmenters.get(self.name)
        if segmenter is None:
            raise ValueError("a part must be painted on one face at least, got none. Add one first.")
        G, truncation = state.drawn(), state.edit.base.truncation
        seeds = [seed for seed in range(FACES) if seed != state.edit.base.seed]

        def work(on_step: Any) -> int:
            return seeds[segmenter.least_sure(torch.stack([G.code(seed, truncation) for seed in seeds]), G.main_space)]

        desk.run(work, lambda seed: desk.rebase(seed=seed), beside=True, kind="seek", label=tr("where it is in doubt"))

    def show(self) -> None:
        """Show the examples of the part that is named, and what was learnt from them."""
        name = self.name
        segmenter, words = self.segmenters.get(name), []
        if segmenter is not None and segmenter.painted == len(self.examples.of(name)):
            found = segmenter.held_out
            if found and name in found.iou:
                words = [tr("held-out IoU of {part} {score:.2f}", part=name, score=found.iou[name])]
            elif segmenter.painted == 1:
                words = [tr("One picture is painted, so none can be held out. Paint a second.")]
            if contradictory(agreement := segmenter.training_agreement):
                few = tr("Only {share:.0%} of the painted pixels are found as painted.", share=agreement)
                words += [few, tr("Examples may contradict each other.")]
        self.box.fill(self.examples.of(name), " · ".join(words), find=segmenter is not None)

    def _learn(self, name: str) -> None:
        """Fit at once with few pixels, then with many and with a score."""
        self.show()
        examples, G = self.examples.of(name), self._desk.state.drawn()

        def fitted(segmenter: FewShotSegmenter) -> None:
            if self._landed(name, examples, segmenter):
                self.work.run(
                    lambda on_step: fit_examples(G, name, examples, False, on_step),
                    lambda better: self._landed(name, examples, better),
                    kind="fit",
                    label=tr("learning {part} from all that is painted", part=name),
                )

        self.work.run(
            lambda on_step: fit_examples(G, name, examples, True, on_step),
            fitted,
            kind="fit",
            label=tr("learning {part}", part=name),
        )

    @one_at_a_time
    def _landed(self, name: str, examples: tuple[Example, ...], segmenter: FewShotSegmenter) -> bool:
        if self.examples.of(name) is not examples:  # others meanwhile
            return False
        self.segmenters = self.segmenters | {name: segmenter}
        self._offer(("painted", name))
        self.show()
        return True

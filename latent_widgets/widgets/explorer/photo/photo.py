"""A photo in an explorer: it is cropped, its code is found beside the pictures, and the code becomes the edit."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

from PIL import Image
from torch import Tensor

from latent_widgets.core.forward import load_rules
from latent_widgets.core.steps import OnStep, Step, goes_on
from latent_widgets.core.texts import tr
from latent_widgets.edits.edit import Edit
from latent_widgets.inversion.invert import Inversion, invert
from latent_widgets.inversion.photos import read_photo
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.photo.page import PhotoActs, PhotoPage
from latent_widgets.widgets.explorer.photo.plot import inversion_words
from latent_widgets.widgets.jobs.turns import built_once, one_at_a_time
from latent_widgets.widgets.kit.page_work import PageWork

__all__ = ["Photo"]

KEPT = 2048  # pixels of a photo's longer side, at least: so much can be cropped of it
PAUSE = 0.3  # seconds between two views of a search, at least
SHARE = 0.1  # of its time that a search may spend on views


class Search(PageWork):
    """Work whose Stop ends it early, with the best so far, rather than dropping it."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        self.enough = threading.Event()
        super().__init__(*arguments, **keywords)

    def stop(self) -> None:
        """End the search with the best so far."""
        self.enough.set()

    def goes_on(self, on_step: OnStep) -> OnStep:
        """Also end when there is enough."""
        self.enough.clear()
        return lambda step: goes_on(on_step(step)) and not self.enough.is_set()


class Photo:
    """Finds the code of a photo.

    Args:
        desk: What it works with.

    Attributes:
        image: The photo, upright; None before the first.
        found: What the last search found; None before the first.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.reading: PageWork = desk.hire(PageWork)  # has no use for the generator, so pictures need not wait
        self.work: Search = desk.hire(Search, lock=desk.lock)
        self.image: Image.Image | None = None
        self.found: Inversion | None = None
        self._losses: list[float] = []
        self._next = 0.0  # when the search is to be seen again

    @built_once
    def page(self) -> PhotoPage:
        """What is seen of it; it is built when it is first opened."""
        acts = PhotoActs(self.open, self.crop, self.start, self.go_on, self.adopt, self._offer)
        made = PhotoPage(self._desk.state.generator.spaces, acts, self._desk.guard)
        self._desk.own(made)
        return made

    # ---- the photo

    def open(self, source: Any, name: str = "") -> None:
        """Take a photo; one that cannot be read is refused in words, and the last one stays.

        Args:
            source: What :func:`~latent_widgets.inversion.photos.load_photo` takes.
            name: What to call it.
        """
        side = max(KEPT, 4 * self._desk.state.generator.resolution)

        def work(on_step: Any) -> Image.Image | str:
            try:
                return read_photo(source, side)
            except (TypeError, ValueError) as error:  # the file's fault: something to say, no failure of the panel
                return f"{name}: {error}" if name else str(error)

        self.reading.run(work, self._opened, kind="photo", label=tr("reading the photo"))

    @one_at_a_time
    def _opened(self, photo: Image.Image | str) -> None:
        if isinstance(photo, str):
            self.page.tell(photo)
            return
        self.image = photo
        self.page.tell("")
        self.page.crop_whole()

    @one_at_a_time
    def crop(self) -> None:
        """Show what the controls take of the photo."""
        photo, size = self.image, self._desk.state.generator.picture_size
        crop = replace(self.page.crop, aspect=size[1] / size[0])
        if photo is not None:
            self.reading.run(
                lambda on_step: crop.cut(photo, size),
                lambda target: self.page.show_photo(photo, crop, target),
                kind="crop",
                frame=True,
            )

    # ---- the search

    def start(self) -> None:
        """Search for the code of what is taken of the photo."""
        self._search(None)

    def go_on(self) -> None:
        """Search on from the code found last, with the settings as they are now."""
        if self.found is not None and self._fits():
            self._search(self.found)

    @one_at_a_time
    def _search(self, start: Inversion | None) -> None:
        photo, page, G = self.image, self.page, self._desk.state.generator
        crop = replace(page.crop, aspect=G.picture_size[1] / G.picture_size[0])
        if photo is None:
            page.tell(tr("Drop a photo first, or choose one."))
            return
        space, pull, steps = str(page.space.value), page.pull.value, page.steps.value
        page.tell("")
        page.words.value = ""
        self._losses, self._next = [], 0.0

        def work(on_step: Any) -> Inversion:
            target = crop.cut(photo, G.picture_size)

            def watch(step: Step) -> bool | None:
                self._watch(step, target)
                return goes_on(step)

            goes_on = self.work.goes_on(on_step)
            return invert(G, target, space, steps, pull=pull, start=start, on_step=watch)

        self.work.run(work, self._landed, kind="search", prepare=load_rules, label=tr("looking for the code"))

    def _watch(self, step: Step, target: Tensor) -> None:
        if step.value is None:  # nothing to show yet
            return
        if step.index > len(self._losses):
            self._losses.append(step.value.loss)
        before = time.monotonic()
        if before >= self._next:
            self.page.show_search(target, step.value.image, self._losses or [step.value.loss], step.total or 1, False)
            now = time.monotonic()
            self._next = now + max(PAUSE, (now - before) * (1 / SHARE - 1))

    @one_at_a_time
    def _landed(self, found: Inversion) -> None:
        self.found = found
        self.page.show_search(found.target, found.image, found.losses, max(len(self._losses), 1), True)
        self.page.words.value = inversion_words(found)
        self._offer()
        self.adopt()

    @one_at_a_time
    def adopt(self) -> None:
        """Make the code found last the explorer's; undo goes back."""
        state = self._desk.state
        if self.found is not None:
            edit = Edit.of(state.drawn(), code=self.found.code, mask=state.edit.mask)
            self._desk.adopt(edit, now=True)

    def _fits(self) -> bool:
        """Whether a search in the chosen space can begin at the code found last."""
        space = self.page.space.value
        return self.found is not None and (self.found.code.space, space) in {(space, space), ("w", "w+")}

    def _offer(self) -> None:
        self.page.offer(self._fits(), self.found is not None)

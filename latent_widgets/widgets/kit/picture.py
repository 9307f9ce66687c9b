"""A picture on the screen, and the rule by which it follows a moving hand: fast while it moves, exact at rest."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import ipywidgets
from PIL import Image
from traitlets import Bool, Int, Unicode, observe

from latent_widgets.core import checks
from latent_widgets.widgets.jobs.job import Job, Work
from latent_widgets.widgets.kit.encode import Picturelike, encode

__all__ = ["Picture", "Settle"]

REST = 0.15  # seconds without a move that count as rest: a slow hand on a slider moves some ten times a second


class Picture(ipywidgets.VBox):
    """An image with a line of words under it, which stand in for the alternative text that ipywidgets' Image lacks.

    Pictures are sent at their own size and scaled by the page. What cannot be shown raises and leaves the last picture.

    Args:
        width: CSS pixels on the page; the height follows.
        caption: The words.
        pixelated: Whether each pixel shows as a square, rather than smoothed.

    Example:
        >>> import torch
        >>> picture = Picture(caption="grey")
        >>> picture.show(torch.zeros(3, 8, 8))
        >>> picture.format, picture.to_pil().size
        ('png', (8, 8))
        >>> picture.close()
    """

    width = Int(384, min=1)
    "CSS pixels on the page."
    caption = Unicode("")
    "The words under the picture."
    pixelated = Bool(False)
    "Whether each pixel shows as a square."

    shape = (1, 1)
    "Of the place that is kept free while nothing is shown: its width and its height."

    def __init__(self, *, width: int = 384, caption: str = "", pixelated: bool = False) -> None:
        # The child must exist before the traits that steer it are set.
        self._image = ipywidgets.Image(value=_nothing(self.shape), format="png")  # a tooltip makes its view fail
        self._words = ipywidgets.Label()
        self._words.add_class("lw-note")
        self._shown = False
        super().__init__([self._image, self._words])
        self.add_class("lw-picture")
        self.width, self.caption, self.pixelated = width, caption, pixelated
        self._lay_out()

    @observe("width", "caption", "pixelated")
    def _lay_out(self, change: Any = None) -> None:
        self._image.layout.width = f"{self.width}px"
        self._words.layout.max_width = f"{self.width}px"
        self._words.layout.display = None if self.caption else "none"
        self._words.value = self.caption
        (self._image.add_class if self.pixelated else self._image.remove_class)("lw-pixelated")

    def show(self, image: Picturelike, *, lossless: bool = True, caption: str | None = None) -> None:
        """Show a picture.

        Args:
            image: ``(3, H, W)`` or ``(1, 3, H, W)`` in [-1, 1], or ``(H, W, 3)`` uint8.
            lossless: PNG if true, for a picture at rest; JPEG, for one that moves.
            caption: New words to go with it.
        """
        data, format = encode(image, lossless=lossless)
        self.show_bytes(data, format)
        if caption is not None:
            self.caption = caption

    def show_bytes(self, data: bytes, format: str) -> None:
        """Show a picture that is encoded already.

        Args:
            data: The file's bytes.
            format: Such as ``"png"`` or ``"jpeg"``.
        """
        with self._image.hold_sync():  # one message: the page never reads the bytes of one format as another
            self._image.format = format
            self._image.value = data
        self._shown = True

    def clear(self) -> None:
        """Show nothing."""
        self.show_bytes(_nothing(self.shape), "png")
        self._shown = False

    @property
    def data(self) -> bytes:
        """The encoded picture that is shown; empty where there is none."""
        return bytes(self._image.value) if self._shown else b""

    @property
    def format(self) -> str:
        """``"png"`` or ``"jpeg"``."""
        return str(self._image.format)

    def to_pil(self) -> Image.Image | None:
        """Return the picture that is shown, or None."""
        return Image.open(io.BytesIO(self.data)).convert("RGB") if self._shown else None

    def __repr__(self) -> str:
        return f"<Picture {self.caption!r}: {self.format if self._shown else 'empty'}, {self.width} px wide>"


def _nothing(shape: tuple[int, int]) -> bytes:
    """Transparent pixels: an image without any shows the browser's broken-image sign."""
    file = io.BytesIO()
    Image.new("RGBA", shape).save(file, "PNG")
    return file.getvalue()


class Settle:
    """Follows a moving control: a fast picture at each move, the exact one after a rest.

    Moves supersede each other and the exact picture that was to come; an exact picture is never overwritten by a fast
    one that was on its way.

    Args:
        job: Where the work runs. Inline, every move gives the fast and then the exact picture.
        kind: The job's slot that the pictures share.
        delay: Seconds without a move that count as rest.
        priority: Of the pictures, among what waits for the job or for the generator.

    Example:
        >>> with Job(executor="inline") as job:
        ...     Settle(job).change(lambda on_step: "exact", print, preview=lambda on_step: "fast")
        fast False
        exact True
    """

    def __init__(self, job: Job, *, kind: str = "picture", delay: float = REST, priority: int = 10) -> None:
        self.job, self.kind, self.priority = job, kind, priority
        self.delay = checks.number("delay", delay, low=0)

    def change(
        self,
        exact: Work,
        show: Callable[[Any, bool], object],
        *,
        preview: Work | None = None,
        prepare: Callable[[], object] | None = None,
        failed: Callable[[Exception], object] | None = None,
        label: str = "",
    ) -> None:
        """Ask for the pictures of a move.

        Args:
            exact: Work that gives the exact picture; each move brings its own, with the state it is to show.
            show: Called as ``show(picture, at_rest)``.
            preview: Work that gives a fast picture; without it the exact one serves while moving too, and is not
                made again at rest.
            prepare: What precedes it, before the lock is taken.
            failed: Called with an exception.
            label: What the work does, for the status line.
        """
        made: list[Any] = []
        took: list[float] = []

        def moving(on_step: Callable[..., bool]) -> Any:
            if preview is not None:
                return preview(on_step)
            start = time.perf_counter()
            made.append(exact(on_step))
            took.append(1000 * (time.perf_counter() - start))
            return made[0]

        def resting(on_step: Callable[..., bool]) -> Any:
            return made[0] if made else exact(on_step)

        def rested(picture: Any) -> None:
            if took:
                self.job.took(self.kind, took[0])  # to make the picture, not to hand it over
            show(picture, True)

        common: dict[str, Any] = {"kind": self.kind, "priority": self.priority, "failed": failed, "label": label}
        self.job.submit(moving, done=lambda picture: show(picture, False), frame=True, prepare=prepare, **common)
        if not self.job.closed and self.job.state != "error":  # inline, the move is over by now
            self.job.submit(resting, done=rested, delay=self.delay, **common)

    def now(
        self,
        exact: Work,
        show: Callable[[Any, bool], object],
        *,
        failed: Callable[[Exception], object] | None = None,
        label: str = "",
    ) -> None:
        """Ask for the exact picture at once, as after a click; what moved before it is dropped.

        Args:
            exact: As in :meth:`change`.
            show: As in :meth:`change`.
            failed: As in :meth:`change`.
            label: As in :meth:`change`.
        """
        self.job.submit(
            exact,
            done=lambda picture: show(picture, True),
            kind=self.kind,
            priority=self.priority,
            failed=failed,
            label=label,
        )

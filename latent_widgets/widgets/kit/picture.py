"""A picture on the screen."""

from __future__ import annotations

import io
from typing import Any

import ipywidgets
from PIL import Image
from traitlets import Unicode, observe

from latent_widgets.core.images import open_picture
from latent_widgets.core.words import label_text
from latent_widgets.widgets.kit.described import DescribedImage
from latent_widgets.widgets.kit.encode import Picturelike, encode, to_uint8
from latent_widgets.widgets.kit.values import Flag, Whole
from latent_widgets.widgets.kit.whole import whole

__all__ = ["Picture"]


class Picture(ipywidgets.VBox):
    """An image with a line of words under it, and with alternative text if any is given.

    Pictures are sent at their own size and scaled by the page. What cannot be shown raises and leaves the last picture.
    ipywidgets' Image, which takes the least time and so is best for one that moves, has no place for alternative text:
    the caption stands in for it there.

    Args:
        width: CSS pixels on the page; the height follows.
        caption: The words.
        pixelated: Whether each pixel shows as a square, rather than smoothed.
        alt: What it shows, for those who do not see it; that of a single picture can be said when it is shown. Empty
            for a picture that moves.

    Example:
        >>> import torch
        >>> picture = Picture(caption="grey")
        >>> picture.show(torch.zeros(3, 8, 8))
        >>> picture.format, picture.to_pil().size
        ('png', (8, 8))
        >>> picture.close()
    """

    width = Whole(384, min=1)
    "CSS pixels on the page."
    caption = Unicode("")
    "The words under the picture."
    pixelated = Flag(False)
    "Whether each pixel shows as a square."

    shape = (1, 1)
    "Of the place that is kept free while nothing is shown: its width and its height."

    @whole
    def __init__(self, *, width: int = 384, caption: str = "", pixelated: bool = False, alt: str = "") -> None:
        # The child must exist before the traits that steer it are set. A tooltip makes the view of an Image fail.
        self._alt, self._encoded = alt, (b"", "png")
        self._image = DescribedImage() if alt else ipywidgets.Image(value=_nothing(self.shape), format="png")
        self._words = ipywidgets.Label()
        self._words.add_class("lw-note")
        self.clear()
        super().__init__([self._image, self._words])
        self.add_class("lw-picture")
        self.width, self.caption, self.pixelated = width, caption, pixelated
        self._lay_out()

    @observe("width", "caption", "pixelated")
    def _lay_out(self, change: Any = None) -> None:
        self._image.layout.width = f"{self.width}px"
        self._words.layout.max_width = f"{self.width}px"
        self._words.layout.display = None if self.caption else "none"
        self._words.value = label_text(self.caption)
        (self._image.add_class if self.pixelated else self._image.remove_class)("lw-pixelated")

    def show(
        self, image: Picturelike, *, lossless: bool = True, caption: str | None = None, alt: str | None = None
    ) -> None:
        """Show a picture.

        Args:
            image: ``(3, H, W)`` or ``(1, 3, H, W)`` in [-1, 1], or ``(H, W, 3)`` uint8.
            lossless: PNG if true, for a picture at rest; JPEG, for one that moves.
            caption: New words to go with it.
            alt: New alternative text, of a picture that has such.
        """
        pixels = to_uint8(image)
        data, format = encode(pixels, lossless=lossless)
        self._alt = self._alt if alt is None else alt
        self._put(data, format, pixels.shape[:2], self._alt)
        self._shown = True
        if caption is not None:
            self.caption = caption

    def show_bytes(self, data: bytes, format: str) -> None:
        """Show a picture that is encoded already.

        Args:
            data: The file's bytes.
            format: Such as ``"png"`` or ``"jpeg"``.
        """
        self._put(data, format, open_picture("picture", data).size[::-1], self._alt)
        self._shown = True

    def _put(self, data: bytes, format: str, sides: tuple[int, ...], words: str) -> None:
        self._encoded = data, format
        if isinstance(self._image, DescribedImage):
            self._image.put(data, format, (sides[0], sides[1]), words)
            return
        with self._image.hold_sync():  # one message: the page never reads the bytes of one format as another
            self._image.format = format
            self._image.value = data

    def clear(self) -> None:
        """Show nothing."""
        self._put(_nothing(self.shape), "png", self.shape[::-1], "")
        self._shown = False

    @property
    def data(self) -> bytes:
        """The encoded picture that is shown; empty where there is none."""
        return self._encoded[0] if self._shown else b""

    @property
    def format(self) -> str:
        """``"png"`` or ``"jpeg"``."""
        return self._encoded[1]

    def to_pil(self) -> Image.Image | None:
        """Return the picture that is shown, or None."""
        return open_picture("picture", self.data).convert("RGB") if self._shown else None

    def __repr__(self) -> str:
        return f"<Picture {self.caption!r}: {self.format if self._shown else 'empty'}, {self.width} px wide>"


def _nothing(shape: tuple[int, int]) -> bytes:
    """Transparent pixels: an image without any shows the browser's broken-image sign."""
    file = io.BytesIO()
    Image.new("RGBA", shape).save(file, "PNG")
    return file.getvalue()

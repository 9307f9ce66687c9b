"""A picture with alternative text, for those who do not see it."""

from __future__ import annotations

import base64

import ipywidgets

from latent_widgets.core.words import page_text

__all__ = ["DescribedImage"]


class DescribedImage(ipywidgets.HTML):
    """An encoded picture and what it shows in words, in one tag: ipywidgets' Image has no place for words.

    Its bytes go to the page as text, a third more of them, and the tag is made anew for each. That suits pictures which
    rest; one that follows a hand is better off in an Image.

    Example:
        >>> image = DescribedImage()
        >>> image.put(b"...", "png", (3, 4), "a face")
        >>> image.value
        '<img alt="a face" width="4" height="3" decoding="sync" src="data:image/png;base64,Li4u">'
        >>> image.close()
    """

    def __init__(self) -> None:
        super().__init__()
        self.add_class("lw-described")

    def put(self, data: bytes, format: str, sides: tuple[int, int], words: str) -> None:
        """Show a picture.

        Args:
            data: The file's bytes.
            format: ``"png"`` or ``"jpeg"``.
            sides: Its height and width in pixels, so that the page keeps its place before it is decoded.
            words: What it shows; empty for nothing.
        """
        height, width = sides
        self.value = (
            f'<img alt="{page_text(words)}" width="{width}" height="{height}" decoding="sync" '
            f'src="data:image/{format};base64,{base64.b64encode(data).decode()}">'
        )

"""A place on the page for a picture file: one is dropped there, or chosen; its bytes come to the kernel.

ipywidgets' own upload button takes no drops, and a file of more than 10 MB in one message makes Jupyter's server cut
the kernel's connection. Here the page's own file input lies open, which browsers let files be dropped on, and what is
large is shrunk in the browser first.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import ipywidgets
from traitlets import Unicode

from latent_widgets.core.texts import tr
from latent_widgets.core.words import page_text

__all__ = ["PhotoDrop"]

LIMIT = 6_000_000  # bytes that are sent as they are: 8 MB as text, below the 10 MB that a message may have
SIDE = 3000  # pixels that a larger picture is shrunk to; the camera's orientation is applied then

# The text area beside it, which is not shown, is what reaches the kernel: the file's name, a line break, a data URL.
_TAKE = (
    "const file=this.files[0];if(!file)return;this.value='';"
    "const area=this.closest('.lw-drop').querySelector('textarea');"
    "const post=url=>{area.value=file.name+'\\n'+url;area.dispatchEvent(new Event('input',{bubbles:true}))};"
    f"if(file.size<{LIMIT}){{const reader=new FileReader();reader.onload=()=>post(reader.result);"
    "reader.onerror=()=>post('');reader.readAsDataURL(file);return}"
    "createImageBitmap(file).then(image=>{"
    f"const share=Math.min(1,{SIDE}/Math.max(image.width,image.height)),canvas=document.createElement('canvas');"
    "canvas.width=Math.round(share*image.width);canvas.height=Math.round(share*image.height);"
    "canvas.getContext('2d').drawImage(image,0,0,canvas.width,canvas.height);"
    "const url=canvas.toDataURL('image/webp',.95);"
    f"post(url.length<{LIMIT}?url:canvas.toDataURL('image/jpeg',.9))}}).catch(()=>post(''))"
)
_CHOOSE = page_text(tr("Choose or drop a photo"))
_PLACE = (
    '<label class="lw-place"><i class="fa fa-image"></i> '
    + tr("<b>drop a photo here</b>, or click to choose one")
    + f'<input type="file" accept="image/*" aria-label="{_CHOOSE}" onchange="{_TAKE}">'
    "</label>"
)


class _Post(ipywidgets.Textarea):
    value = Unicode("").tag(sync=True, echo_update=False)  # nothing that the page must hear again


class PhotoDrop(ipywidgets.Box):
    r"""Takes a picture file from the page.

    Args:
        taken: Called with the bytes of a file and its name; with no bytes if the browser could not read it.

    Example:
        >>> drop = PhotoDrop(lambda data, name: print(name, data))
        >>> drop.post.value = "hello.txt\ndata:text/plain;base64,aGVsbG8="
        hello.txt b'hello'
        >>> drop.post.value
        ''
        >>> drop.close()
    """

    def __init__(self, taken: Callable[[bytes, str], object]) -> None:
        self.post = _Post()
        self.post.layout.display = "none"
        self._taken = taken
        self.post.observe(self._arrived, "value")
        super().__init__([ipywidgets.HTML(_PLACE), self.post])
        self.add_class("lw-drop")

    def _arrived(self, change: Any) -> None:
        if change["new"]:
            self.post.value = ""
            name, _, url = change["new"].partition("\n")
            self._taken(_decoded(url), name)


def _decoded(url: str) -> bytes:
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except ValueError:  # no base64, or letters that it never has
        return b""

"""What hands touch on a picture, drawn by the page itself: a stage that lies over it, and a strip to walk along.

Both are one module of the page, ``page/stage.js``. The stage lies in a box of the class ``lw-stage``, beside the
picture that it covers; where a front end cannot load the module, that picture is there all the same. The page draws ink
at once and sends a stroke when the hand is lifted, so what a kernel does meanwhile is not felt.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

import anywidget
import ipywidgets
from traitlets import Bytes, Dict, List, TraitError, Tuple, Unicode, validate

from latent_widgets.core import checks
from latent_widgets.core.texts import tr
from latent_widgets.core.words import shown
from latent_widgets.page.modules import STAGE
from latent_widgets.widgets.kit.page_messages import Call, stage_call, strip_call
from latent_widgets.widgets.kit.values import Flag, Real, Whole
from latent_widgets.widgets.kit.whole import whole

__all__ = ["FORMATS", "FULL", "TOOLS", "WORDS", "Stage", "WalkStrip"]

TOOLS = ("", "brush", "eraser", "take")
FORMATS = ("png", "jpeg", "webp")
MOST_FRAMES = 999
MOST_SIDE = 65_536  # pixels
GREY, RGBA = 0, 6  # as the header of a PNG has it
FULL = "lw-full"  # the class of a button that shows the panel around the stage over the whole screen
WORDS = {  # what the module says by itself
    "Arrow keys move the cursor, with Shift by 8 pixels.": tr("Arrow keys move the cursor, with Shift by 8 pixels."),
    "Space or Enter acts there, held Space draws on.": tr("Space or Enter acts there, held Space draws on."),
    "The brackets change the size of the brush.": tr("The brackets change the size of the brush."),
    "B, held, shows the picture before the moves.": tr("B, held, shows the picture before the moves."),
    "Escape leaves the tool.": tr("Escape leaves the tool."),
    "Full screen": tr("Full screen"),
    "Leave full screen": tr("Leave full screen"),
    "before": tr("before"),
    "hold to see the picture before the moves": tr("hold to see the picture before the moves"),
    "no answer yet": tr("no answer yet"),
    "picture": tr("picture"),
    "walk": tr("walk"),
}


class _PagePart(anywidget.AnyWidget):
    """A widget that the module draws, with handlers of what the page says."""

    _esm = Unicode(STAGE.read_text(encoding="utf-8")).tag(sync=True)
    _part = Unicode("").tag(sync=True)  # which of its two sides the module shows
    _words = Dict({text: said for text, said in WORDS.items() if said != text}).tag(sync=True)  # in another language
    kinds: tuple[str, ...] = ("trouble",)

    def __init__(self, **traits: Any) -> None:
        self._handlers = {kind: ipywidgets.CallbackDispatcher() for kind in self.kinds}
        names = [n for n in self.class_own_traits() if not n.startswith("_")]
        checks.known_keywords(type(self).__name__, traits, [*names, "layout"])
        super().__init__(**traits)
        self.on_msg(self._heard)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take traits that a page has set; what cannot be is not taken, and says so to nobody."""
        before = {name: getattr(self, name) for name in sync_data if name in self.keys}
        try:
            super().set_state(sync_data)
        except (TraitError, TypeError, ValueError):
            for name, value in before.items():
                self.set_trait(name, value)
            self.send_state()  # so that the page forgets it

    def on_trouble(self, handler: Callable[[str], object], remove: bool = False) -> None:
        """Call ``handler(message)`` for what went wrong in the page, each thing once for each view."""
        self._register("trouble", handler, remove)

    def _register(self, kind: str, handler: Callable[..., object], remove: bool) -> None:
        self._handlers[kind].register_callback(handler, remove)

    def _heard(self, widget: Any, content: Any, buffers: Any) -> None:
        if (call := self._read(content)) is not None:
            self._tell(call)

    def _read(self, content: Any) -> Call | None:
        raise NotImplementedError

    def _tell(self, call: Call) -> None:
        kind, arguments = call
        self._handlers[kind](*arguments)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Stage(_PagePart):
    """The side of a picture that hands touch: brush, eraser, the taking of parts, outlines, and the picture before.

    A button of the class :data:`FULL` in the panel around it shows that panel over the whole screen, and appears where
    the page allows that.

    Handlers run where messages of the page are handled; what they raise is shown by the notebook and ends nothing. The
    page keeps the ink of a stroke until ``mask`` is assigned, also where that is the same again.

    Args:
        size: Height and width of the picture, in pixels.
        **traits: The other traits.

    Example:
        >>> stage = Stage((48, 64), tool="brush", brush=6.0)
        >>> stage.on_stroke(lambda points, size, erase: None)
        >>> stage.tool, stage.size
        ('brush', (48, 64))
        >>> stage.close()
    """

    _part = Unicode("stage").tag(sync=True)
    kinds = ("shown", "stroke", "take", "before", "brush", "tool", "trouble")
    shown = False
    "Whether a page has shown it, so that what it is given is seen."

    size = Tuple(Whole(), Whole(), default_value=(1, 1)).tag(sync=True)
    "Height and width of the picture, in its pixels."
    width = Whole(384).tag(sync=True)
    "CSS pixels that the picture takes, where the page cannot see how wide it is."
    alt = Unicode("").tag(sync=True)
    "What the picture shows, for those who do not see it."
    tool = Unicode("").tag(sync=True)
    "What a hand does: nothing, ``brush``, ``eraser`` or ``take``."
    brush = Real(8.0).tag(sync=True)
    "Diameter of the brush, in pixels of the picture."
    mask = Bytes(b"").tag(sync=True)
    "What is painted: a grey PNG of 8 bits, of any size, or nothing. From 128 on a pixel is inside."
    contour = Flag(True).tag(sync=True)
    "Whether the outline of the mask is shown; its tint is in any case."
    heat = Bytes(b"").tag(sync=True)
    "An RGBA PNG to lay over the picture, or nothing. Under it the picture turns grey and the mask has no tint."
    before = Bytes(b"").tag(sync=True)
    "The picture before the moves, or nothing: then the page asks for it when somebody wants to see it."
    before_format = Unicode("png").tag(sync=True)
    "Of ``before``: ``png``, ``jpeg`` or ``webp``."

    @whole
    def __init__(self, size: tuple[int, int] = (1, 1), **traits: Any) -> None:
        super().__init__(size=size, **traits)

    @validate("size")
    def _sized(self, proposal: Any) -> Any:
        height, width = proposal["value"]
        return (
            checks.integer("size", height, low=1, high=MOST_SIDE),
            checks.integer("size", width, low=1, high=MOST_SIDE),
        )

    @validate("width", "brush")
    def _measured(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "width":
            return checks.integer(name, value, low=1)
        return checks.number(name, value, low=0.5, high=2 * MOST_SIDE)

    @validate("tool", "before_format", "alt")
    def _worded(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "alt":
            return checks.string(name, value)
        return checks.choice(name, value, TOOLS if name == "tool" else FORMATS)

    @validate("mask", "heat")
    def _drawn(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        check_png(name, value, GREY if name == "mask" else RGBA)
        if name == "mask" and value == self.mask:  # of which no page hears, and which answers all the same
            self.settle()
        return value

    def show_before(self, data: bytes, format: str = "png") -> None:
        """Hand the page the picture before the moves; with no bytes it forgets the one it has.

        Args:
            data: The file's bytes.
            format: ``"png"``, ``"jpeg"`` or ``"webp"``.
        """
        with self.hold_sync():
            self.before_format, self.before = format, data

    def settle(self) -> None:
        """Let the page forget the ink of the strokes that it has sent: they are dealt with, and the mask stays."""
        self.send({"kind": "settled"})

    def on_shown(self, handler: Callable[[], object], remove: bool = False) -> None:
        """Call ``handler()`` when a page has shown it; :attr:`shown` is true already."""
        self._register("shown", handler, remove)

    def on_stroke(
        self, handler: Callable[[tuple[tuple[float, float], ...], float, bool], object], remove: bool = False
    ) -> None:
        """Call ``handler(points, size, erase)`` for a stroke: its ``(x, y)`` and its width in pixels of the picture."""
        self._register("stroke", handler, remove)

    def on_take(self, handler: Callable[[float, float, bool], object], remove: bool = False) -> None:
        """Call ``handler(x, y, erase)`` for a click that takes the part under it, or gives it up."""
        self._register("take", handler, remove)

    def on_before(self, handler: Callable[[], object], remove: bool = False) -> None:
        """Call ``handler()`` when somebody wants to see the picture before the moves and the page has none."""
        self._register("before", handler, remove)

    def on_brush(self, handler: Callable[[float], object], remove: bool = False) -> None:
        """Call ``handler(size)`` when a key has changed the brush; the trait has changed already."""
        self._register("brush", handler, remove)

    def on_tool(self, handler: Callable[[str], object], remove: bool = False) -> None:
        """Call ``handler(tool)`` when a key has left the tool; the trait has changed already."""
        self._register("tool", handler, remove)

    def _read(self, content: Any) -> Call | None:
        return stage_call(content, self.size, TOOLS)

    def _tell(self, call: Call) -> None:
        if call[0] in ("brush", "tool"):
            self.set_trait(call[0], call[1][0])
        self.shown = True  # whatever is said, a page says it
        super()._tell(call)


class WalkStrip(_PagePart):
    """Frames along a walk, side by side: a click goes to one, a drag goes along.

    While a hand drags, the page asks for the next place only once the handlers of the last one are through: the newest
    place is asked for then, and where the hand was lifted always.

    Example:
        >>> strip = WalkStrip(alt="smile")
        >>> strip.show(b"", places=[-2.0, 0.0, 2.0], labels=["-2 sd", "0", "2 sd"], chosen=1)
        >>> strip.count, strip.chosen
        (3, 1)
        >>> strip.close()
    """

    _part = Unicode("strip").tag(sync=True)
    kinds = ("go", "scrub", "trouble")

    sheet = Bytes(b"").tag(sync=True)
    "One picture with all frames side by side, or nothing."
    format = Unicode("png").tag(sync=True)
    "Of the sheet: ``png``, ``jpeg`` or ``webp``."
    count = Whole(0).tag(sync=True)
    "How many frames."
    places = List(Real()).tag(sync=True)
    "Where each lies on the walk."
    labels = List(Unicode()).tag(sync=True)
    "What is written under each."
    chosen = Whole(-1).tag(sync=True)
    "Which one is framed; -1 for none."
    alt = Unicode("").tag(sync=True)
    "What the walk is, for those who do not see it."

    @whole
    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)

    @validate("count", "chosen")
    def _counted(self, proposal: Any) -> Any:
        name = proposal["trait"].name
        return checks.integer(name, proposal["value"], low=0 if name == "count" else -1, high=MOST_FRAMES)

    @validate("format", "alt")
    def _worded(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        return checks.string(name, value) if name == "alt" else checks.choice(name, value, FORMATS)

    @validate("places", "labels")
    def _along(self, proposal: Any) -> Any:
        check = checks.number if proposal["trait"].name == "places" else checks.string
        return [check(proposal["trait"].name, value) for value in proposal["value"]]

    def show(
        self,
        sheet: bytes,
        format: str = "png",
        *,
        places: Iterable[float],
        labels: Iterable[str] = (),
        chosen: int = -1,
    ) -> None:
        """Show another walk, as one message.

        Args:
            sheet: The picture of all frames.
            format: ``"png"``, ``"jpeg"`` or ``"webp"``.
            places: Of the frames.
            labels: Of the frames; their places if not given.
            chosen: Which one is framed.

        Raises:
            ValueError: If there is not one label for each place.
        """
        at, words = list(places), list(labels)
        if words and len(words) != len(at):
            raise ValueError(f"labels must be one for each of the {len(at)} places, got {len(words)}.")
        with self.hold_sync():
            self.format, self.sheet = format, sheet
            self.places, self.labels, self.chosen, self.count = at, words, chosen, len(at)

    def on_go(self, handler: Callable[[float], object], remove: bool = False) -> None:
        """Call ``handler(place)`` for a click on a frame."""
        self._register("go", handler, remove)

    def on_scrub(self, handler: Callable[[float, bool], object], remove: bool = False) -> None:
        """Call ``handler(place, done)`` as a hand drags, the newest place first; ``done`` where it was lifted."""
        self._register("scrub", handler, remove)

    def _read(self, content: Any) -> Call | None:
        return strip_call(content, self.places)

    def _heard(self, widget: Any, content: Any, buffers: Any) -> None:
        try:
            super()._heard(widget, content, buffers)
        finally:
            number = content.get("id") if isinstance(content, dict) and content.get("kind") == "scrub" else None
            if isinstance(number, int) and abs(number) < 2**53:  # as far as a page counts
                self.send({"kind": "answered", "id": number})


def check_png(name: str, data: bytes, colour: int) -> None:
    """Refuse what is no PNG of 8 bits of one kind; its header says so, nothing is read.

    Args:
        name: What the argument is called.
        data: The file's bytes, or none.
        colour: The kind, as the header has it.

    Raises:
        ValueError: If it is another thing.
    """
    head = data[:26]
    fits = len(head) == 26 and head[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack("BB", head[24:26]) == (8, colour)
    if data and not fits:
        kind, mode = ("a grey", "L") if colour == GREY else ("an RGBA", "RGBA")
        fix = f"Save a picture of Pillow's mode {mode!r}."
        raise ValueError(f"{name} must be {kind} PNG of 8 bits or b'', got {shown(data, 12)}. {fix}")

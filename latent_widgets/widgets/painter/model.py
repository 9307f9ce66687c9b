"""The painter without a screen: named regions of one picture, what tools do to them, undo and redo."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latent_widgets.core import checks
from latent_widgets.core.rounding import HALF_COVERED
from latent_widgets.core.words import shown, whole
from latent_widgets.values.masks import Mask
from latent_widgets.widgets.kit.encode import Pixels
from latent_widgets.widgets.kit.history import History
from latent_widgets.widgets.painter import tools as tools
from latent_widgets.widgets.painter.tools import Stroke

__all__ = ["MaskModel", "MaskState", "Packed", "mask_array", "region_name"]

MEMORY = 64 * 2**20  # bytes of history, about
STEPS = (10, 200)  # that can be undone: at least, at most


@dataclass(frozen=True, eq=False)
class Packed:
    """A mask in little memory: a bit for each pixel if it is hard.

    Attributes:
        data: The bytes.
        soft: Whether these are compressed float32 weights.
        strokes: The strokes that made it, if it began empty and nothing else was done.
    """

    data: bytes
    soft: bool
    strokes: tuple[Stroke, ...] | None

    @classmethod
    def of(cls, mask: NDArray[Any], strokes: tuple[Stroke, ...] | None) -> Packed:
        """Pack a mask."""
        soft = mask.dtype != bool
        return cls(zlib.compress(mask.tobytes(), 1) if soft else np.packbits(mask).tobytes(), soft, strokes)

    def unpack(self, height: int, width: int) -> NDArray[Any]:
        """Return the mask; raise ValueError if it is damaged or of another size."""
        if self.soft:
            return np.frombuffer(_inflated(self.data, 4 * height * width), np.float32).reshape(height, width).copy()
        if len(self.data) != -(-height * width // 8):
            raise ValueError(f"mask must have a bit for each of {height} x {width} pixels, got {len(self.data)} bytes.")
        bits = np.unpackbits(np.frombuffer(self.data, np.uint8), count=height * width)
        return bits.astype(bool).reshape(height, width)


def _inflated(data: bytes, size: int) -> bytes:
    """Unpack so many bytes, and no more: a file of some kilobytes may hold gigabytes of zeros."""
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(data, size + 1)
    except zlib.error as error:
        raise ValueError(f"mask must be compressed weights, got something else: {error}.") from None
    if len(plain) != size or not inflater.eof:
        raise ValueError(f"mask must have a weight of four bytes for each of {size // 4} pixels, got another number.")
    return plain


@dataclass(frozen=True, eq=False)
class MaskState:
    """All regions at one time; those that a change left alone are shared with the state before.

    Attributes:
        regions: The masks by name.
        region: The one that the last change was made to.
    """

    regions: Mapping[str, Packed]
    region: str


class MaskModel:
    """Named masks of one picture, of which one is selected and changed; every change can be undone.

    Args:
        image: ``(H, W, 3)``.
        regions: Names of the regions to begin with.

    Raises:
        ValueError: If the picture is empty or there is no name.

    Example:
        >>> model = MaskModel(np.zeros((6, 8, 3), np.uint8))
        >>> model.stroke(Stroke("rectangle", [(0, 0), (4, 3)]))
        >>> int(model.mask.sum()), model.undo(), int(model.mask.sum())
        (12, True, 0)
    """

    def __init__(self, image: Pixels, regions: tuple[str, ...] = ("region",)) -> None:
        self.image = image
        height, width = self.size
        if not height * width:
            raise ValueError(f"image must have at least one pixel, got {height} x {width}.")
        names = [region_name(name) for name in regions]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"regions must be different names, at least one, got {list(regions)}.")
        empty = Packed.of(np.zeros(self.size, bool), ())
        self._begin(MaskState(dict.fromkeys(names, empty), names[0]))
        self._areas: NDArray[np.int32] | None = None

    def _begin(self, state: MaskState) -> None:
        steps = MEMORY // max(1, self.size[0] * self.size[1] // 8)
        self._history: History[MaskState] = History(state, min(max(steps, STEPS[0]), STEPS[1]) + 1)
        self._show(state.region)

    def _push(self, state: MaskState) -> None:
        self._history.push(state)
        self._show(state.region)

    def _show(self, region: str) -> None:
        """Select a region of the state."""
        self._region = region
        self._mask = self.state.regions[self.region].unpack(*self.size)
        self._mask.flags.writeable = False

    # ---- what there is

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def state(self) -> MaskState:
        """All regions, packed."""
        return self._history.value

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the regions."""
        return tuple(self.state.regions)

    @property
    def region(self) -> str:
        """The name of the selected region."""
        return self._region

    @property
    def mask(self) -> NDArray[Any]:
        """The selected region, ``(H, W)``, bool or float32; not to be written to."""
        return self._mask

    @property
    def strokes(self) -> tuple[Stroke, ...] | None:
        """The strokes that make the selected region from nothing; None if it was changed in another way."""
        return self.state.regions[self.region].strokes

    def mask_of(self, name: str) -> NDArray[Any]:
        """Return a region by name."""
        if name == self.region:
            return self._mask
        checks.choice("region", name, self.names)
        return self.state.regions[name].unpack(*self.size)

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return self._history.can_redo

    # ---- changing the selected region

    def assign(self, mask: Any, strokes: tuple[Stroke, ...] | None = None) -> None:
        """Replace the selected region.

        Args:
            mask: What :class:`~latent_widgets.Mask` takes; None empties it.
            strokes: What made it, if strokes alone did.
        """
        if mask is None:
            array, strokes = np.zeros(self.size, bool), ()
        else:
            array = mask_array(mask, self.size)
        if array.dtype == self._mask.dtype and np.array_equal(array, self._mask):
            return
        packed = Packed.of(array, strokes)
        self._push(MaskState({**self.state.regions, self.region: packed}, self.region))

    def stroke(self, stroke: Stroke) -> None:
        """Paint or erase along a stroke."""
        past = self.strokes
        covered = tools.cover(stroke, *self.size)
        self.assign(tools.over(self._mask, covered, stroke.erase), None if past is None else (*past, stroke))

    def put(self, covered: NDArray[np.bool_], erase: bool = False) -> None:
        """Add pixels, or take them away."""
        self.assign(tools.over(self._mask, covered, erase))

    def fill(self, x: float, y: float, tolerance: float = 20.0, erase: bool = False) -> None:
        """Add the area of similar colour around a point, as far as what is painted already; or take one away.

        Args:
            x: Column.
            y: Row.
            tolerance: See :func:`~latent_widgets.widgets.painter.tools.flood`.
            erase: Whether to take away what is painted.
        """
        self.assign(tools.filled(self.image, self._mask, x, y, tolerance, erase))

    def areas(self) -> NDArray[np.int32]:
        """Return the superpixels, found once for each picture."""
        image = self.image
        if self._areas is None:
            found = tools.superpixels(image)
            if image is not self.image:
                return self.areas()  # the picture was exchanged meanwhile
            self._areas = found
        return self._areas

    def pick(self, x: float, y: float, erase: bool = False) -> None:
        """Add the superpixel under a point, or take it away."""
        self.put(tools.pick(self.areas(), x, y), erase)

    def threshold(self, low: float, high: float) -> None:
        """Replace the region by the pixels of a luminance between two numbers, 0 to 255."""
        self.assign(tools.threshold(self.image, low, high))

    def invert(self) -> None:
        """Exchange inside and outside."""
        self.assign(~self._mask if self._mask.dtype == bool else 1 - self._mask)

    def grow(self, pixels: float = 1.0) -> None:
        """Move the edge outwards."""
        self.assign(tools.grow(self._mask, pixels))

    def shrink(self, pixels: float = 1.0) -> None:
        """Move the edge inwards."""
        self.assign(tools.shrink(self._mask, pixels))

    def feather(self, radius: float = 2.0) -> None:
        """Make the edge soft."""
        self.assign(tools.feather(self._mask, radius))

    def clear(self) -> None:
        """Empty the region."""
        self.assign(None)

    # ---- regions

    def select(self, name: str) -> None:
        """Select a region, which is no change that could be undone."""
        self._show(checks.choice("region", name, self.names))

    def add(self, name: str, mask: Any = None) -> None:
        """Add a region and select it.

        Args:
            name: Its name, which must be new.
            mask: Its mask; empty if not given.

        Raises:
            ValueError: If there is one of this name.
        """
        name = region_name(name)
        if name in self.names:
            raise ValueError(f"region must be a new name, got {name!r}. Use select({name!r}).")
        array = np.zeros(self.size, bool) if mask is None else mask_array(mask, self.size)
        packed = Packed.of(array, () if mask is None else None)
        self._push(MaskState({**self.state.regions, name: packed}, name))

    def remove(self, name: str) -> None:
        """Remove a region; the last one stays.

        Args:
            name: Which.

        Raises:
            ValueError: If there is no such region, or no other.
        """
        checks.choice("region", name, self.names)
        rest = {other: packed for other, packed in self.state.regions.items() if other != name}
        if not rest:
            raise ValueError(f"region must not be the only one, got {name!r}. Use clear().")
        self._push(MaskState(rest, self.region if self.region in rest else next(iter(rest))))

    def replace(self, regions: Mapping[str, Any], region: str | None = None) -> None:
        """Replace all regions at once.

        Args:
            regions: Masks by name; None stands for an empty one.
            region: The one to select; the present one, or the first, if not given.

        Raises:
            ValueError: If there is none, or a mask does not fit.
        """
        if not regions:
            raise ValueError("regions must be at least one, got none.")
        packed = {}
        for name, mask in regions.items():
            array = np.zeros(self.size, bool) if mask is None else mask_array(mask, self.size)
            packed[region_name(name)] = Packed.of(array, () if mask is None else None)
        chosen = region if region is not None else self.region if self.region in packed else next(iter(packed))
        self._push(MaskState(packed, checks.choice("region", chosen, tuple(packed))))

    def restore(self, state: MaskState) -> None:
        """Go to a state, as read from a file; what was before can be had back with :meth:`undo`."""
        self._push(state)

    # ---- going back, and another picture

    def undo(self) -> bool:
        """Take the last change back; returns whether there was one."""
        done, changed = self.can_undo, self.state.region
        state = self._history.undo()
        self._show((changed if changed in state.regions else state.region) if done else self.region)
        return done

    def redo(self) -> bool:
        """Make the change again that was taken back last; returns whether there was one."""
        done = self.can_redo
        state = self._history.redo()
        self._show(state.region if done else self.region)
        return done

    def change_image(self, image: Pixels) -> None:
        """Exchange the picture; masks of another size are scaled to it, and then nothing can be undone.

        Args:
            image: ``(H, W, 3)``.
        """
        old = {name: self.mask_of(name) for name in self.names}
        same = image.shape == self.image.shape
        self.image, self._areas = image, None
        if not same:
            scaled = {name: Packed.of(_resized(mask, *self.size), None) for name, mask in old.items()}
            self._begin(MaskState(scaled, self.region))


def mask_array(mask: Any, size: tuple[int, int]) -> NDArray[Any]:
    """Check a mask and return it as an array of its own.

    Args:
        mask: A ``Mask``, or what that takes.
        size: What height and width must be.

    Returns:
        ``(H, W)``, bool or float32.

    Raises:
        ValueError: If it has another size, other axes, NaN, or weights outside [0, 1].
    """
    value = mask if isinstance(mask, Mask) else Mask(mask)
    if tuple(value.tensor.shape) != size:
        got, want = (" x ".join(map(str, pair)) for pair in (value.tensor.shape, size))
        raise ValueError(f"mask must have the picture's height and width, {want}, got {got}. Use mask.resize{size}.")
    tensor = value.tensor.cpu()
    return tensor.numpy().copy() if tensor.dtype == torch.bool else tensor.float().numpy().copy()


def _resized(mask: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    weights = Mask(mask.copy()).weights(height, width).numpy()  # type: ignore[arg-type]  # arrays are accepted
    return weights >= HALF_COVERED if mask.dtype == bool else weights


def region_name(name: Any) -> str:
    """Return a name for a region, else raise ValueError."""
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"region must be a name, got {shown(name)}.")
    return whole(name)

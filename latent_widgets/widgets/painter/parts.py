"""Ready regions: masks by name, a map of labels, or a segmenter that is asked once for each picture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latent_widgets.core import checks
from latent_widgets.core.rounding import HALF_COVERED
from latent_widgets.values.masks import Mask
from latent_widgets.widgets.kit.encode import Pixels
from latent_widgets.widgets.painter.model import mask_array, region_name
from latent_widgets.widgets.painter.tools import Bits

__all__ = ["Parts"]


class Parts:
    """What can be added to a region as a whole.

    Args:
        given: Masks by name; or ``(labels, names)``, an integer map ``(H, W)`` and the name of each label.
        segmenter: Called with pictures ``(1, 3, H, W)`` in [-1, 1]; gives integer labels ``(1, H, W)``, of which its
            ``names`` are the names.
        size: Height and width of the picture.

    Attributes:
        names: What there may be to add; those given come first.

    Raises:
        TypeError: If the labels are no integers, or the segmenter cannot be called.
        ValueError: If a mask or the map of labels does not fit the picture.

    Example:
        >>> parts = Parts((np.array([[0, 0, 1]]), ["wall", "door"]), None, (1, 3))
        >>> parts.names, parts.find("door", np.zeros((1, 3, 3), np.uint8)).tolist()
        (('wall', 'door'), [[False, False, True]])
    """

    def __init__(
        self,
        given: Mapping[str, Any] | tuple[Any, Any] | None,
        segmenter: Callable[..., Any] | None,
        size: tuple[int, int],
    ) -> None:
        self._masks: dict[str, NDArray[Any]] = {}
        if isinstance(given, Mapping):
            self._masks = {region_name(name): mask_array(mask, size) for name, mask in given.items()}
        elif given is not None:
            if not isinstance(given, tuple) or len(given) != 2:
                raise TypeError(f"parts must be masks by name or (labels, names), got {type(given).__name__}.")
            names = tuple(map(region_name, given[1]))
            labels = _checked(given[0], size, len(names), "parts")
            self._masks = {name: labels == i for i, name in enumerate(names)}
        found = getattr(segmenter, "names", None)
        if segmenter is not None and (not callable(segmenter) or found is None):
            raise TypeError(
                f"segmenter must be callable and have names, got {type(segmenter).__name__}. "
                "Use as_segmenter(function, names)."
            )
        self._segmenter, self._looks = segmenter, tuple(map(region_name, found or ()))
        self.names = (*self._masks, *(name for name in self._looks if name not in self._masks))
        self._lock = threading.Lock()
        self._seen: tuple[Pixels, NDArray[Any]] | None = None

    def find(self, name: str, image: Pixels) -> Bits:
        """Return where a part is; nowhere, if the picture has none. The segmenter looks once at each picture.

        Args:
            name: Of the part.
            image: ``(H, W, 3)``.

        Returns:
            ``(H, W)``.
        """
        checks.choice("part", name, self.names)
        if name in self._masks:
            return np.asarray(self._masks[name] >= HALF_COVERED)
        with self._lock:
            if self._seen is None or self._seen[0] is not image:
                picture = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
                with torch.no_grad():
                    labels = self._segmenter(picture)  # type: ignore[misc]  # it gave the name
                self._seen = image, _checked(labels, image.shape[:2], len(self._looks), "segmenter")
            return np.asarray(self._seen[1] == self._looks.index(name))

    def fit(self, height: int, width: int) -> None:
        """Scale the ready masks to a picture of another size."""
        self._masks = {
            name: np.asarray(Mask(mask.copy()).resize(height, width))  # type: ignore[arg-type]  # arrays are accepted
            for name, mask in self._masks.items()
        }


def _checked(labels: Any, size: tuple[int, ...], count: int, name: str) -> NDArray[Any]:
    array = np.asarray(labels.detach().cpu() if isinstance(labels, torch.Tensor) else labels)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must give integer labels, got {array.dtype}.")
    array = array[0] if array.ndim == 3 and len(array) == 1 else array
    if array.shape != tuple(size):
        raise ValueError(
            f"{name} must give labels of the picture's height and width, {tuple(size)}, got {array.shape}."
        )
    if array.min() < 0 or array.max() >= count:
        raise ValueError(f"{name} must give labels from 0 to {count - 1}, got {array.min()} to {array.max()}.")
    return array

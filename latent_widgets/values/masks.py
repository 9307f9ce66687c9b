"""The frozen value of a region: weights of the pixels of a picture.

Two are equal only if they are the same object, never pixel by pixel, so that they can be linked as traits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.files import as_array
from latent_widgets.values.mask_reading import read_mask

__all__ = ["Mask"]


@dataclass(frozen=True, eq=False)
class Mask:
    """A region of a picture.

    Attributes:
        tensor: ``(H, W)``, bool, or float with the weight in [0, 1] of every pixel. Arrays, pictures of masks and
            integers of two shades are accepted, see :func:`~latent_widgets.values.mask_reading.read_mask`.

    Raises:
        TypeError: If it holds no numbers.
        ValueError: If it does not have two axes, a weight is outside [0, 1], or several regions are in it.

    Example:
        >>> M = Mask(np.array([[True, False, False, False]]))
        >>> M, M.area
        (<Mask 1 x 4, area 25 %>, 0.25)
    """

    tensor: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensor", read_mask(self.tensor).detach().clone())

    @property
    def area(self) -> float:
        """The share of the picture that it covers, from 0 to 1; soft pixels count by their weight."""
        return float(self.tensor.double().mean())

    def weights(self, height: int, width: int | None = None) -> Tensor:
        """Return the weights at another size.

        Shrinking averages, which keeps the area where the sizes divide; growing interpolates.

        Args:
            height: Rows.
            width: Columns; as many as rows if not given.

        Returns:
            ``(height, width)``, floating.

        Raises:
            TypeError: If a size is no integer.
            ValueError: If a size is below 1.
        """
        width = height if width is None else width
        size = (checks.integer("height", height, low=1), checks.integer("width", width, low=1))
        value = self.tensor.clone() if self.tensor.is_floating_point() else self.tensor.float()
        smaller = (min(size[0], value.shape[0]), min(size[1], value.shape[1]))  # along one axis, perhaps
        if smaller != tuple(value.shape):
            value = F.interpolate(value[None, None], size=smaller, mode="area")[0, 0]
        if smaller != size:
            value = F.interpolate(value[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
        return value.clamp(0, 1)

    def resize(self, height: int, width: int | None = None) -> Mask:
        """Return the mask at another size, see :meth:`weights`; itself if it has that size."""
        size = (height, height if width is None else width)
        return self if size == tuple(self.tensor.shape) else Mask(self.weights(*size))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return as_array(self.tensor, dtype)

    def __repr__(self) -> str:
        height, width = self.tensor.shape
        return f"<Mask {height} x {width}, area {100 * self.area:.3g} %>"

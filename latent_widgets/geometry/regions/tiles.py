"""One Gram a tile: the Gram of any set of weighted pixels, without summing over most of them."""

from __future__ import annotations

import torch
from torch import Tensor

from latent_widgets.core.grams import gram_of_rows

__all__ = ["TileGrams"]


class TileGrams:
    """The Grams of the tiles of a pooled Jacobian, of which only the upper triangles are kept.

    Args:
        pooled: ``(n, channels, h, w, r)``, the Jacobian at each of ``n`` latents; their Grams are averaged.
        tiles: Tiles along each side.

    Attributes:
        total: ``(r, r)`` float64, the Gram of all pixels.

    Example:
        >>> pooled = torch.randn(1, 3, 8, 8, 4)
        >>> weights = torch.rand(8, 8, dtype=torch.float64)
        >>> dense = torch.einsum("ncyxr,yx,ncyxs->rs", pooled.double(), weights, pooled.double())
        >>> torch.allclose(TileGrams(pooled, 2).within(weights), dense)
        True
    """

    def __init__(self, pooled: Tensor, tiles: int) -> None:
        self.pooled = pooled
        r = pooled.shape[-1]
        (rows, down), (columns, across) = (_cut(size, tiles) for size in pooled.shape[2:4])
        self._home = (down[:, None] * tiles + across).flatten()  # the tile of each pixel
        self._upper = torch.triu_indices(r, r, dtype=torch.int64, device="cpu")
        self._packed = torch.empty(tiles * tiles, self._upper.shape[1], dtype=torch.float64, device="cpu")
        for i in range(tiles):
            for j in range(tiles):
                block = pooled[:, :, rows[i] : rows[i + 1], columns[j] : columns[j + 1]].reshape(-1, r).double()
                gram = (block.T @ block) / len(pooled)
                self._packed[i * tiles + j] = gram[self._upper[0], self._upper[1]]
        self._each = self._packed.unbind()
        self.total = self._unpack(self._packed.sum(0))

    @property
    def nbytes(self) -> int:
        """What is held, in bytes."""
        return sum(t.numel() * t.element_size() for t in (self.pooled, self._packed, self.total))

    def _unpack(self, packed: Tensor) -> Tensor:
        r = self.pooled.shape[-1]
        gram = torch.empty(r, r, dtype=torch.float64, device="cpu")
        gram[self._upper[0], self._upper[1]] = packed
        gram[self._upper[1], self._upper[0]] = packed
        return gram

    def within(self, weights: Tensor) -> Tensor:
        """Return the Gram of weighted pixels, ``(r, r)`` float64, from ``weights`` ``(h, w)`` in [0, 1].

        Each tile starts from nothing or from its whole Gram, whichever leaves fewer pixels to add or to take away.
        """
        flat = weights.flatten()
        count = torch.bincount(self._home, flat > 0, len(self._packed))
        missing = torch.bincount(self._home, flat < 1, len(self._packed))
        whole = missing < count
        change = torch.where(whole[self._home], flat - 1, flat)
        few = 2 * int(whole.sum()) <= len(whole)
        start = torch.zeros_like(self._packed[0])
        for tile in (whole if few else ~whole).nonzero()[:, 0].tolist():  # one by one: no copy of them all is made
            start += self._each[tile]
        gram = self._unpack(start) if few else self.total - self._unpack(start)
        for sign in (1, -1):
            chosen = (sign * change > 0).nonzero()[:, 0]
            if len(chosen):
                gram += sign * self._sum(chosen, (sign * change[chosen] / len(self.pooled)).sqrt())
        return gram

    def _sum(self, pixels: Tensor, factors: Tensor) -> Tensor:
        """The Gram of pixels whose rows are multiplied by factors."""
        gram = self.total.new_zeros(self.total.shape)
        for plane in self.pooled.flatten(0, 1).flatten(1, 2):  # (h * w, r), one latent and channel
            gram += gram_of_rows(plane[pixels].double() * factors[:, None])
        return gram


def _cut(size: int, tiles: int) -> tuple[list[int], Tensor]:
    """Where tiles begin along a side, the end of the last too; and the tile of each of its pixels."""
    edges = [i * size // tiles for i in range(tiles + 1)]
    pixels, ends = (torch.tensor(list(x), dtype=torch.int64, device="cpu") for x in (range(size), edges[1:]))
    return edges, torch.bucketize(pixels, ends, right=True)

"""A subspace of the latent of which the picture's derivatives are known, grown one product at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from latent_widgets.core.grams import leading
from latent_widgets.core.rounding import rounding
from latent_widgets.geometry.jacobian.operator import JacobianOperator

__all__ = ["SeenSubspace"]


class SeenSubspace:
    """An orthonormal basis, the picture's derivatives along it, and their Grams inside and outside a region.

    All energies are means over the numbers of the picture, so that those of pictures of different sizes compare.

    Args:
        J: The Jacobian of the picture.
        weights: ``(h, w)``, the region, in [0, 1].
        seed: Of the random sums of pixels.

    Attributes:
        basis: ``(d, r)``, orthonormal.
        columns: ``r`` derivatives ``(C, h, w)``, on the CPU.
        inside: ``(r, r)`` float64 Gram.
        outside: The other.
        forward: Products with the Jacobian so far.
        transposed: Products with its transpose.
    """

    def __init__(self, J: JacobianOperator, weights: Tensor, seed: int = 0) -> None:
        self.J, (self._channels, height, width) = J, J.output_shape
        self.numbers = self._channels * height * width
        self._weights = weights.double().cpu().expand(self._channels, -1, -1).reshape(-1)
        self._rng = torch.Generator("cpu").manual_seed(seed)
        self.basis = torch.empty(J.shape[1], 0, dtype=torch.float64, device="cpu")
        self.columns: list[Tensor] = []
        self.inside = self.outside = torch.empty(0, 0, dtype=torch.float64, device="cpu")
        self.forward = self.transposed = 0

    def __len__(self) -> int:
        return len(self.columns)

    def add(self, vectors: Tensor) -> int:
        """Look at vectors ``(d, k)`` too, as far as they lie outside the subspace.

        Returns:
            How many had a part outside.
        """
        fresh = self._beyond(vectors.double().cpu())
        if not fresh.shape[1]:
            return 0
        products = self.J @ fresh.to(self.J.device, self.J.dtype)
        self.forward += fresh.shape[1]
        self._hold(fresh, [p.reshape(self.J.output_shape) for p in products.T.cpu()])
        return fresh.shape[1]

    def take(self, basis: Tensor, columns: list[Tensor]) -> None:
        """Take over a subspace of the same Jacobian, with its derivatives: no product is made."""
        self._hold(basis.double(), columns)

    def _hold(self, basis: Tensor, columns: list[Tensor]) -> None:
        self.basis, old = torch.cat([self.basis, basis], 1), len(self.columns)
        self.columns += columns
        size = len(self.columns)
        grams = [torch.zeros(size, size, dtype=torch.float64, device="cpu") for _ in range(2)]
        for gram, before in zip(grams, (self.inside, self.outside), strict=True):
            gram[:old, :old] = before
        for j in range(old, size):
            column = self.columns[j].reshape(-1).double()
            inner = column * (self._weights / self.numbers), column * ((1 - self._weights) / self.numbers)
            for i in range(j + 1):
                other = self.columns[i].reshape(-1).double()
                for gram, weighted in zip(grams, inner, strict=True):
                    gram[i, j] = gram[j, i] = other @ weighted
        self.inside, self.outside = grams

    def _beyond(self, vectors: Tensor) -> Tensor:
        """An orthonormal basis of what of the vectors lies outside the subspace, but for rounding."""
        lengths = vectors.norm(dim=0)
        left = vectors[:, lengths > 0] / lengths[lengths > 0]
        for _ in range(2):  # once more for what rounding left
            left = left - self.basis @ (self.basis.T @ left)
        left = left[:, left.norm(dim=0) > rounding(self.J.dtype)]
        q, r = torch.linalg.qr(left)
        return q[:, r.diagonal().abs() > rounding(self.J.dtype)][:, : len(vectors) - len(self)]

    def best(self, k: int, floor: float) -> tuple[Tensor, Tensor]:
        """Return the best directions of the subspace: quotients ``(k,)`` and unit vectors ``(d, k)``.

        Args:
            k: How many; as many as there are, if fewer.
            floor: What is added to the outside's Gram.
        """
        eye = torch.eye(len(self), dtype=torch.float64, device="cpu")
        quotients, vectors = leading(self.inside, min(k, len(self)), self.outside + floor * eye)
        vectors = self.basis @ vectors
        return quotients, vectors / vectors.norm(dim=0)

    def residual(self, vectors: Tensor, quotients: Tensor, floor: float) -> Tensor:
        """Return what the equation of the directions lacks, ``A v - q (B + floor) v``: ``(d, k)``."""
        coordinates = self.basis.T @ vectors
        derivatives = torch.zeros(self.numbers, vectors.shape[1], dtype=torch.float64, device="cpu")
        for column, along in zip(self.columns, coordinates, strict=True):  # without a copy of them all
            derivatives += column.reshape(-1, 1).double() * along
        shares = self._weights[:, None] - (1 - self._weights)[:, None] * quotients
        return self.pulled(derivatives * shares / self.numbers) - floor * vectors * quotients

    def pulled(self, pictures: Tensor) -> Tensor:
        """Multiply pictures ``(m, k)`` with the transpose: ``(d, k)`` float64."""
        self.transposed += pictures.shape[1]
        return (self.J.T @ pictures.to(self.J.device, self.J.dtype)).double().cpu()

    def probes(self, inside: bool, n: int) -> Tensor:
        """Return products with random sums of pixels, whose mean square length is the energy: ``(d, n)``.

        Args:
            inside: Of the region's pixels, or of all.
            n: How many.
        """
        shape = (self.numbers, n)
        signs = torch.randint(2, shape, generator=self._rng, dtype=torch.int64, device="cpu").double() * 2 - 1
        weights = self._weights.sqrt()[:, None] if inside else 1.0
        return self.pulled(signs * weights / self.numbers**0.5)

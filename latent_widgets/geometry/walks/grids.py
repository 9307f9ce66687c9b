"""Grids: pictures over the plane that two directions span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.imports import import_whole
from latent_widgets.core.steps import OnStep
from latent_widgets.core.words import plot_text
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.walks.walk import Walk, walk
from latent_widgets.values.codes import Code
from latent_widgets.values.directions import as_directions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Grid", "subspace_grid"]


@dataclass(frozen=True, eq=False)
class Grid:
    """Codes over a plane.

    Attributes:
        codes: ``(a, b, d)``, or ``(a, b, num_layers, d)`` in ``w+``.
        at: The ``a`` positions along the first direction and the ``b`` along the second.
        space: Where the codes live.
        unit: What the positions are measured in.
        names: Labels of the two axes.
    """

    codes: Tensor
    at: tuple[tuple[float, ...], tuple[float, ...]]
    space: str
    unit: str
    names: tuple[str, str]

    def images(self, G: Generator, batch: int = 8, on_step: OnStep | None = None) -> Tensor:
        """Draw the pictures, without derivatives.

        Args:
            G: The generator.
            batch: How many are drawn at once.
            on_step: Called after each batch with its pictures.

        Returns:
            ``(a, b, 3, H, W)``; the missing ones are NaN if ``on_step`` returned ``False``.
        """
        a, b = self.codes.shape[:2]
        flat = Walk(self.codes.flatten(0, 1), tuple(range(a * b)), self.space, self.unit, "grid")
        drawn = flat.images(G, batch, on_step)
        missing = drawn.new_full((a * b - len(drawn), *drawn.shape[1:]), float("nan"))
        return torch.cat([drawn, missing]).unflatten(0, (a, b))

    def plot(self, G: Generator) -> Figure:
        """Draw the pictures as a table, the first direction downwards, the second to the right.

        Args:
            G: The generator.

        Returns:
            A matplotlib figure.
        """
        import_whole("matplotlib.figure")
        from matplotlib.figure import Figure  # not pyplot: no window, no global list of figures

        images = self.images(G).clamp(-1, 1).add(1).div(2).permute(0, 1, 3, 4, 2).float().cpu().numpy()
        a, b = images.shape[:2]
        figure = Figure(figsize=(1.4 * b, 1.4 * a), layout="constrained")
        axes = figure.subplots(a, b, squeeze=False)
        for i in range(a):
            for j in range(b):
                axes[i, j].imshow(images[i, j])
                axes[i, j].set(xticks=[], yticks=[])
            axes[i, 0].set_ylabel(f"{self.at[0][i]:g}")
        for j in range(b):
            axes[a - 1, j].set_xlabel(f"{self.at[1][j]:g}")
        up, along = (plot_text(name, max(16, 14 * n)) for name, n in zip(self.names, (a, b), strict=True))
        figure.supylabel(f"{up} [{self.unit}]", fontsize="medium")
        figure.supxlabel(f"{along} [{self.unit}]", fontsize="medium")
        return figure


@exact()
def subspace_grid(
    G: Generator,
    code: Any,
    directions: Any,
    at: Sequence[float] | Tensor = (-3.0, -1.5, 0.0, 1.5, 3.0),
    unit: str | None = None,
    layers: Sequence[int] | None = None,
    which: tuple[int | str, int | str] = (0, 1),
) -> Grid:
    """Walk along two directions at once: the flat plane ``code + a e_1 + b e_2``.

    Choi et al. (ICLR 2022) look at such grids to see how stable the span of two directions is.

    Args:
        G: The generator.
        code: The middle: ``(d,)``, ``(1, d)``, ``(1, num_layers, d)`` or a ``Code``.
        directions: ``Directions``, or a result that carries them.
        at: Positions along both; five as in the official program.
        unit: What they are measured in; that of the directions if not given.
        layers: Rows of ``w+`` to move; those of the directions, else all.
        which: The two directions, by number or name.

    Returns:
        The grid.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit the generator, or ``which`` does not name two directions.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> from latent_widgets.methods.local_basis import local_basis
        >>> G = ExactFaces(resolution=16)
        >>> B = local_basis(G, G.sample_z(1))
        >>> subspace_grid(G, B.code, B, at=[-1, 0, 1]).codes.shape[:2]
        torch.Size([3, 3])
    """
    if not isinstance(which, tuple | list) or len(which) != 2:
        raise ValueError(f"which must name two directions, got {which!r}.")
    carried = as_directions(directions)
    first, second = carried[which[0]], carried[which[1]]
    down = walk(G, code, first, at, unit, "linear", layers)
    rows = [walk(G, Code(point, down.space), second, at, unit, "linear", layers) for point in down.codes]
    codes = torch.stack([row.codes for row in rows])
    positions = tuple(checks.number("at", value) for value in at)
    return Grid(codes, (positions, positions), rows[0].space, down.unit, (first.names[0], second.names[0]))

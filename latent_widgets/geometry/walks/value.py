"""The value that every walk is: codes along a path, with their positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.figures import new_figure
from latent_widgets.core.steps import OnStep, report
from latent_widgets.core.words import plot_text
from latent_widgets.generators.base import Generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Walk"]


@dataclass(frozen=True, eq=False)
class Walk:
    """Codes along a path.

    Attributes:
        codes: ``(m, d)``, or ``(m, num_layers, d)`` in ``w+``.
        at: The ``m`` positions.
        space: Where the codes live.
        unit: What the positions are measured in.
        kind: How the path runs, such as ``"linear"``.
        name: Label of the axis.
        log_density: ``(m,)``, the log density of the codes, where one is known: the prior in ``z``, or the density that
            the walk was given.
        kept: ``(m,)``, how far each code went along the direction, as a share of the step asked for: 1 on a straight
            walk and at position 0; None where that is not known.
    """

    codes: Tensor
    at: tuple[float, ...]
    space: str
    unit: str
    kind: str
    name: str = ""
    log_density: Tensor | None = None
    kept: Tensor | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        along = f" along {self.name}" if self.name else ""
        way = f"{self.kind}, {self.at[0]:g} to {self.at[-1]:g} {self.unit}{along}"
        return f"<{type(self).__name__} of {len(self)} codes in {self.space}: {way}>"

    def images(self, G: Generator, batch: int = 8, on_step: OnStep | None = None) -> Tensor:
        """Draw the pictures along the walk, without derivatives.

        Args:
            G: The generator.
            batch: How many are drawn at once.
            on_step: Called after each batch with its pictures.

        Returns:
            ``(m, 3, H, W)``; fewer if ``on_step`` returned ``False``.

        Raises:
            TypeError: If ``batch`` is no integer.
            ValueError: If ``batch`` is below 1 or the codes are not the generator's.
        """
        checks.integer("batch", batch, low=1)
        parts: list[Tensor] = []
        chunks = self.codes.to(G.device, G.dtype).split(batch)
        for i, codes in enumerate(chunks):
            with torch.no_grad():
                parts.append(G.synthesize(codes, self.space))
            if not report(on_step, i + 1, len(chunks), parts[-1]):
                break
        return torch.cat(parts)

    def plot(self, G: Generator) -> Figure:
        """Draw the walk as a strip of pictures with their positions.

        Args:
            G: The generator.

        Returns:
            A matplotlib figure.
        """
        images = self.images(G).clamp(-1, 1).add(1).div(2).permute(0, 2, 3, 1).float().cpu().numpy()
        figure = new_figure(1.4 * len(self), 1.9)
        for axes, image, at in zip(figure.subplots(1, len(self), squeeze=False)[0], images, self.at, strict=True):
            axes.imshow(image)
            axes.set(xticks=[], yticks=[], xlabel=f"{at:g}")
        name = plot_text(self.name, max(16, 14 * len(self)))  # as much as fits below the pictures
        figure.supxlabel(" ".join(word for word in (name, f"[{self.unit}]", self.kind) if word), fontsize="medium")
        return figure

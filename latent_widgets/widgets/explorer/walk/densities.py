"""How likely the codes of a panel are: the densities of one generator, and where along a walk they go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from latent_widgets.core.texts import tr
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import place_of, with_weights
from latent_widgets.geometry.density.fitted import Density, fit_density
from latent_widgets.geometry.walks.density_path import KeptDensity

__all__ = ["Densities", "Trace", "in_words", "level_of", "percentile_of", "trace_of"]


class Densities:
    """The densities of a generator's latents: the prior of ``z``, and a Gaussian fitted to ``w`` when first asked for.

    Args:
        G: The generator.
    """

    def __init__(self, G: Generator) -> None:
        self._generator = G
        self._found: dict[tuple[Any, ...], Density | ValueError] = {}  # by space and place

    def of(self, space: str) -> Density:
        """Return the density of a space, the same until the generator is moved; rows of ``w+`` are codes of ``w``.

        Args:
            space: Which.

        Raises:
            ValueError: If there is none: in ``s``, for a prior that is not Gaussian, where codes do not fill ``w``, or
                on the meta device.
        """
        space = "w" if space == "w+" else space
        key = (space, *place_of(with_weights(self._generator)))
        if key not in self._found:
            try:
                self._found[key] = self._fit(space)
            except ValueError as error:  # it would fail again, after as long a time
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, ValueError):
            raise ValueError(str(found))
        return found

    def path(self, space: str = "w") -> KeptDensity:
        """Return the path on which the density of a space keeps its value."""
        return KeptDensity(self.of(space))

    def _fit(self, space: str) -> Density:
        if space == "s":
            raise ValueError("space must be z or w for a density, got s. Style vectors have none that is fitted here.")
        if type(self._generator).sample_z is not Generator.sample_z:
            name = self._generator.name
            raise ValueError(f"The prior of z must be Gaussian for a density, got one of {name!r}'s own.")
        return fit_density(self._generator, space)


@dataclass(frozen=True, eq=False)
class Trace:
    """How likely the codes of a walk are.

    Attributes:
        kind: Of the walk.
        space: Whose density it is.
        at: ``(m,)`` positions.
        levels: ``(m,)`` log densities.
        percentiles: ``(m,)``: of the generator's own codes, so many percent are less likely.
        degrees: ``(m,)`` positions as angles from the middle, where that is what a walk turns by; else None.
    """

    kind: str
    space: str
    at: tuple[float, ...]
    levels: Tensor
    percentiles: Tensor
    degrees: tuple[float, ...] | None = None


def level_of(density: Density, codes: Tensor) -> Tensor:
    """Return log densities ``(n,)`` of codes ``(n, d)``; of ``w+`` the mean over the rows."""
    levels = density.log_prob(codes.reshape(-1, codes.shape[-1]))
    return levels.reshape(codes.shape[:-1]).flatten(1).mean(1) if codes.ndim == 3 else levels


def percentile_of(density: Density, codes: Tensor) -> Tensor:
    """Return how many percent of the generator's codes are less likely, ``(n,)``; of ``w+`` the mean over the rows."""
    found = density.percentile(codes.reshape(-1, codes.shape[-1]))
    return found.reshape(codes.shape[:-1]).flatten(1).mean(1) if codes.ndim == 3 else found


def trace_of(
    density: Density, codes: Tensor, at: tuple[float, ...], kind: str, space: str, turn: float | None = None
) -> Trace:
    """Find how likely the codes of a walk are.

    Args:
        density: Of their space.
        codes: ``(m, d)`` or ``(m, num_layers, d)``.
        at: Their positions.
        kind: Of the walk.
        space: Of the codes.
        turn: By how many degrees a step of one unit turns; None for a walk that is no great circle.
    """
    levels, percentiles = level_of(density, codes), percentile_of(density, codes)
    degrees = None if turn is None else tuple(position * turn for position in at)
    return Trace(kind, space, at, levels.double().cpu(), percentiles.double().cpu(), degrees)


def in_words(density: Density, codes: Tensor, space: str) -> str:
    """Say how likely a code is.

    Args:
        density: Of its space.
        codes: The code, as ``(1, d)`` or ``(1, num_layers, d)``.
        space: Where it lives.

    Returns:
        Its log density, and how many percent of the generator's codes are less likely.
    """
    level, percent = float(level_of(density, codes)), float(percentile_of(density, codes))
    words = [
        tr(
            "This code: log density {level:.1f} in {space}; {percent:.0f} % of the generator's own are less likely.",
            level=level, space=tr("w, the mean of all layers") if codes.ndim == 3 else space, percent=percent,
        )
    ]  # fmt: skip
    words += [tr("An outlier.")] if percent < 0.5 else []
    words += [tr("Nearer to the mode than almost any: just as unusual.")] if percent > 99.5 else []
    return " ".join(words)

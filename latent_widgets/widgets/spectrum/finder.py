"""How spectra are found, and those that chance gives; knows no widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from latent_widgets.core.steps import OnStep
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import place_of
from latent_widgets.geometry.jacobian.decomposition import SVD
from latent_widgets.methods.local_basis import local_bases
from latent_widgets.values.codes import Code
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.spectrum.data import (
    Band,
    Spectrum,
    code_words,
    far,
    gaussian_band,
    latents_band,
    spectrum_at,
    taken_over,
)
from latent_widgets.widgets.spectrum.latents import Latents, Start

__all__ = ["Finder", "Plan"]

NEAR = 1.0  # standard deviations; random latents are apart by many
DRAWN, SEED = 16, 2**31  # random latents, and a seed that nobody types


class Plan(NamedTuple):
    """What is to be found: of which target at which code, and the latent behind that if it is known."""

    code: Code
    z: Tensor | None
    target: str

    @property
    def words(self) -> str:
        """Latent and target in a few words."""
        return f"{code_words(self.code)}, {self.target}"


class Finder:
    """Finds spectra of a generator; remembers the last, where others begin, and those of random latents.

    Args:
        G: The generator.
        latents: Knows the ``z`` behind codes.
        k: How many directions to offer; all if None.
        method: How to find singular values, see :func:`~latent_widgets.widgets.spectrum.data.spectrum_at`.

    Attributes:
        k: How many are wanted; None for all, or as many as are found of a large matrix.
    """

    def __init__(self, G: Generator, latents: Latents, k: int | None, method: str) -> None:
        self._generator, self._latents, self.k, self._method = G, latents, k, method
        self._last: dict[str, Spectrum] = {}  # by target
        self._random: dict[tuple[Any, ...], list[Tensor]] = {}  # by target and place

    def plan(self, code: Code, target: str) -> Plan:
        """Choose what the differential at a code can be taken of: without ``z`` the picture stands for ``"w"``."""
        z = self._latents.z_of(code)
        return Plan(code, z, "image" if target == "w" and z is None else target)

    def find(self, plan: Plan, on_step: OnStep | None = None) -> Spectrum:
        """Find a spectrum, from that at a code nearby if there is one."""
        found = spectrum_at(self._generator, *plan, self.k, self._method, on_step, self.start(plan))
        if found.svd is not None and found.svd.products is not None:
            self._last[plan.target] = found
        return found

    def remember(self, spectrum: Spectrum) -> None:
        """Let others begin with a spectrum that was left unfinished."""
        self._last[spectrum.target] = spectrum

    def start(self, plan: Plan) -> SVD | None:
        """Return what a spectrum may begin with: that of the same target at a code nearby, of the same weights."""
        last = self._last.get(plan.target)
        if last is None or self.outdated(last) or far(self._generator, last.code, plan.code) > NEAR:
            return None
        return last.svd

    def find_all(self, wanted: Sequence[tuple[Start, str]], on_step: OnStep | None = None) -> list[Spectrum]:
        """Find the spectra of several starts, each with the target that is asked for; what is known is taken over."""
        found = []
        for start, target in wanted:
            plan = self.plan(start.code, target)
            if start.basis is not None and start.basis.target == plan.target:
                found.append(taken_over(start.basis, start.code))
            else:
                found.append(self.find(plan, on_step))
        return found

    def offered(self, spectrum: Spectrum) -> Directions:
        """Return those of a spectrum's directions that are offered."""
        return spectrum.directions if self.k is None else spectrum.directions[: self.k]

    def outdated(self, spectrum: Spectrum | None) -> bool:
        """Whether the generator was moved since a spectrum was found."""
        return spectrum is not None and place_of(spectrum.directions.vectors) != place_of(self._generator)

    def chance(self, kind: str, spectrum: Spectrum, on_step: Any) -> Band:
        """Find what chance gives beside a spectrum.

        Args:
            kind: ``"matrix"`` for Gaussian matrices, ``"latents"`` for random latents.
            spectrum: To compare with.
            on_step: Called as the spectra of latents are found; what is cancelled is not remembered.

        Returns:
            The band.
        """
        if kind == "matrix":
            return gaussian_band(spectrum)
        G, target = self._generator, spectrum.target
        key = (target, *place_of(G))
        if key not in self._random:
            z = G.sample_z(DRAWN, SEED)
            # as many and by the same way as those that they stand beside
            method = "exact" if spectrum.svd is None else spectrum.svd.method
            k = self.k if method == "exact" else len(spectrum.values)
            bases = local_bases(G, z, target, k, method=method, on_step=on_step)  # type: ignore[arg-type]
            values = [basis.singular_values for basis in bases]
            if not on_step():
                return latents_band(values)
            self._random[key] = values
        return latents_band(self._random[key])

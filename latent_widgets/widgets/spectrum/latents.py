"""Where spectra are taken: what a caller may give, and the ``z`` behind a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from latent_widgets.edits.changes import same_code
from latent_widgets.generators.base import Generator
from latent_widgets.methods.local_basis import LocalBasis
from latent_widgets.values.codes import Code

__all__ = ["Latents", "Start", "same_latent"]


@dataclass(frozen=True, eq=False)
class Start:
    """A code that was given, with its result if that was.

    Attributes:
        code: Where.
        basis: What ``local_basis`` found there; None if it is to be found.
    """

    code: Code
    basis: LocalBasis | None = None


class Latents:
    """Turns what a caller gives into codes, and remembers the ``z`` behind them.

    Args:
        G: The generator.
        most: How many fit into one plot.
    """

    def __init__(self, G: Generator, most: int) -> None:
        self.generator, self._most = G, most
        self._known: list[tuple[Code, Tensor]] = []  # codes that were given as z, and their z

    def starts(self, given: Any, seed: int) -> list[Start]:
        """Read what a caller gave.

        Args:
            given: ``z``, a code, a result, a list of codes and results, or None for a seed.
            seed: For None.

        Returns:
            One start at least.

        Raises:
            TypeError: If it is none of these.
            ValueError: If it does not fit the generator.
        """
        G = self.generator
        if given is None:
            return [Start(Code(G.code(seed), G.main_space, seed, 1.0))]
        if isinstance(given, Tensor):
            batch, _ = G.check_code(given, "z", name="latents")
            if len(batch) > self._most:
                raise ValueError(
                    f"latents must be at most {self._most} in one plot, got {len(batch)}. Take some of them."
                )
            codes = [Code(code, G.main_space) for code in (G.map(batch) if "w" in G.spaces else batch)]
            self._known += zip(codes, batch, strict=True)
            return [Start(code) for code in codes]
        if isinstance(given, (list, tuple)):
            if not given:
                raise ValueError("latents must hold at least one latent, got none.")
            return [start for latent in given for start in self.starts(latent, seed)]
        if isinstance(given, LocalBasis):
            given.directions.check(G)
            code = Code(given.code, G.main_space)
            self._known.append((code, given.z))
            return [Start(code, given)]
        if isinstance(given, Code):
            G.check_code(given, name="latents")
            return [Start(given)]
        raise TypeError(
            f"latents must be z, a Code, a result of local_basis or a list of these, got {type(given).__name__}."
        )

    def z_of(self, code: Code) -> Tensor | None:
        """Return the ``(z_dim,)`` latent behind a code; None where it is not known."""
        G = self.generator
        for known, z in self._known:
            if known is code:
                return z.to(G.device, G.dtype)
        if code.space == "z":
            return code.tensor.to(G.device, G.dtype)
        return None if code.seed is None else G.sample_z(1, code.seed)[0]


def same_latent(a: Any, b: Code) -> bool:
    """Whether two codes are the same point with the same past."""
    return (
        isinstance(a, Code) and (a.space, a.seed, a.truncation) == (b.space, b.seed, b.truncation) and same_code(a, b)
    )

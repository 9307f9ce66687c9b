"""Whether products are those of one matrix, and the same as elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import rounding
from latent_widgets.doctor.finding import Finding
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator

__all__ = ["Numbers", "compared", "numbers_findings", "numbers_of"]


@dataclass(frozen=True, eq=False)
class Numbers:
    """A picture, and a product each way, as they come from one device; all on the CPU in float64.

    Attributes:
        drawn: ``(m,)``, the picture as users see it, with the settings that stand.
        picture: ``(m,)``, the picture as it is measured.
        forward: ``(m,)``, the Jacobian times a seeded vector.
        transposed: ``(d,)``, its transpose times ``along``.
        along: ``(m,)``.
        adjoint: By what share ``u'(Jv)`` and ``(J'u)'v`` differ, where u is ``along``.
    """

    drawn: Tensor
    picture: Tensor
    forward: Tensor
    transposed: Tensor
    along: Tensor
    adjoint: float


def numbers_of(G: Generator, code: Tensor, along: Tensor | None = None) -> Numbers:
    """Draw a picture and multiply once each way.

    Args:
        G: The generator.
        code: ``(d,)``, in its main space.
        along: ``(m,)``, what the transpose is multiplied with; the product with the Jacobian, of length one, if not
            given.

    Returns:
        What came out.

    Raises:
        ValueError: If there is no derivative.
    """
    with torch.no_grad():
        with exact():
            picture = _wide(G.synthesize(code[None]))
        drawn = picture if G.device.type == "cpu" else _wide(G.synthesize(code[None]))
    f = image_function(G, code)
    J = JacobianOperator(f, f.x0)
    rng = torch.Generator("cpu").manual_seed(0)
    v = torch.randn(J.shape[1], generator=rng, dtype=torch.float64, device="cpu").to(f.x0)
    forward = J @ v
    u = forward / forward.norm().clamp(min=torch.finfo(v.dtype).tiny) if along is None else along.to(forward)
    transposed = J.T @ u
    there, here = float(_wide(u) @ _wide(forward)), float(_wide(transposed) @ _wide(v))
    gap = abs(there - here) / max(abs(there), torch.finfo(torch.float64).tiny)
    return Numbers(drawn, picture, _wide(forward), _wide(transposed), _wide(u), gap)


@contextmanager
def _on_cpu(G: Generator, dtype: torch.dtype) -> Iterator[None]:
    """Move a generator, in place, and back: to a type at least as wide, which loses nothing."""
    tensors = itertools.chain(G.module.parameters(), G.module.buffers())
    if {t.dtype for t in tensors if t.is_floating_point()} - {G.dtype}:
        raise ValueError("its weights are of several types")
    device, own = G.device, G.dtype
    try:
        G.to("cpu", dtype)
        yield
    finally:
        G.to(device, own)


def _wide(values: Tensor) -> Tensor:
    return values.detach().to("cpu").double().flatten()


def compared(a: Tensor, b: Tensor) -> float:
    """Return by what share one vector differs from another.

    Args:
        a: The one.
        b: The other, whose length counts as one.

    Returns:
        The share.

    Example:
        >>> round(compared(torch.tensor([3.0, 4.1]), torch.tensor([3.0, 4.0])), 3)
        0.02
    """
    return float((a - b).norm() / b.norm().clamp(min=torch.finfo(b.dtype).tiny))


def numbers_findings(G: Generator, code: Tensor) -> Iterator[Finding]:
    """Compare products with one another, and all with the CPU: in float32, or in float64 where that is the device.

    Args:
        G: The generator, in float32.
        code: ``(d,)``.

    Yields:
        Adjoint error, agreement, and what the settings do to pictures.
    """
    limit = rounding(G.dtype)
    mine = numbers_of(G, code)
    wrong = "" if mine.adjoint <= limit else "the products with the matrix and with its transpose are of two matrices."
    yield Finding("adjoint error", f"{mine.adjoint:.1e} (at most {limit:.1e})", wrong)
    twin_type = torch.float64 if G.device.type == "cpu" else G.dtype
    name = f"the CPU in {str(twin_type).removeprefix('torch.')}"
    try:
        with _on_cpu(G, twin_type):
            other = numbers_of(G, code.to("cpu", twin_type), mine.along)
    except (RuntimeError, TypeError, ValueError) as error:
        yield Finding("agreement", f"not compared with {name}: {' '.join(str(error).split())[:200]}")
        return
    # Where rounding decides on which side of its kink an activation lies, its slope is another: of the activations that
    # is a share of the size of the rounding, and so the root of that is what a product may differ.
    shares = {
        "picture": (compared(mine.picture, other.picture), limit),
        "Jv": (compared(mine.forward, other.forward), limit**0.5),
        "J'u": (compared(mine.transposed, other.transposed), limit**0.5),
    }
    said = ", ".join(f"{what} {share:.1e} (at most {most:.1e})" for what, (share, most) in shares.items())
    bad = [what for what, (share, most) in shares.items() if not share <= most]
    yield Finding(f"from {name}", said, f"{', '.join(bad)} differ by more than rounding." if bad else "")
    shortened = compared(mine.drawn, mine.picture)
    if shortened > limit:
        yield Finding("pictures as drawn", f"differ by {shortened:.1e} from those that are measured, as TF32 does")

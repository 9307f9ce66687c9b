"""Whether the derivatives of a function are those of its values: in some networks they are cut, in silence.

Under ``torch.no_grad`` reverse mode gives zeros and forward mode does not; after ``detach``, ``.data``, rounding or
``tolist`` both give zeros for what passed through. So both are compared with a difference quotient, once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core.rounding import rounding

__all__ = ["Known", "Quotient", "adjoint_agrees", "agrees", "quotient"]

# Steps as shares of the point's root mean square; each with its half. Where the first is too long for a function, its
# two quotients differ, and a shorter pair is tried; beyond the last, rounding is all that a float32 shows. The first
# goes beyond the steps of a picture that was rounded to eight bits.
STEPS = (2**-3, 2**-6, 2**-9, 2**-12)
CLEAR = 0.02  # a pair that can be off by less than this share is good enough
# By how many times the difference of its two quotients the better one may be off: a third where the function is
# smooth, once where it has many kinks.
SPREAD = 3.0


@dataclass
class Known:
    """Which modes are known to give the derivatives of a function; what is None is tried at the first product.

    Attributes:
        forward: Forward mode, or double reverse mode where that is missing.
        reverse: Reverse mode.
        twice: Reverse mode twice over, from a graph that is kept.
    """

    forward: bool | None = None
    reverse: bool | None = None
    twice: bool | None = None


@dataclass(frozen=True, eq=False)
class Quotient:
    """How the values of a function change along one tangent, by central differences.

    Attributes:
        tangent: ``(d,)``, of the length of the point.
        change: ``(m,)``, per unit of the tangent.
        kink: ``(m,)``, by how much the slopes on either side differ from ``change``.
        error: Length of what ``change`` may be off.
    """

    tangent: Tensor
    change: Tensor
    kink: Tensor
    error: float

    @property
    def size(self) -> float:
        """Length of the change."""
        return float(self.change.norm())

    @property
    def doubt(self) -> float:
        """What a derivative may differ from the change, as a share of it; infinite where nothing changes."""
        return (SPREAD * self.error + float(self.kink.norm())) / self.size if self.size else float("inf")


@torch.no_grad()
def quotient(f: Callable[[Tensor], Tensor], x: Tensor) -> Quotient | None:
    """Compare values on both sides of a point, along a seeded tangent.

    Args:
        f: From ``(d,)`` to ``(m,)``.
        x: The point, ``(d,)``.

    Returns:
        The best of at most four pairs of steps; None where the values are not finite on both sides.

    Example:
        >>> found = quotient(lambda x: x * x, torch.tensor([1.0, 2.0]))
        >>> torch.allclose(found.change.float(), torch.tensor([2.0, 4.0]) * found.tangent, rtol=1e-3)
        True
    """
    seeded = torch.Generator("cpu").manual_seed(0)
    signs = 2 * torch.randint(2, x.shape, generator=seeded, dtype=torch.int64, device="cpu") - 1
    length = float(x.double().square().mean().sqrt())
    tangent = signs.to(x) * (length or 1.0)
    here, best = f(x).double(), None
    for step in STEPS:
        found = _pair(f, x, tangent, here, step, rounding(x.dtype))
        if found is not None and (best is None or found.doubt < best.doubt):
            best = found
        if best is not None and best.doubt <= CLEAR:
            break
    return best


def _pair(
    f: Callable[[Tensor], Tensor], x: Tensor, tangent: Tensor, here: Tensor, step: float, noise: float
) -> Quotient | None:
    sides = [(f(x + h * tangent).double(), f(x - h * tangent).double(), h) for h in (step, step / 2)]
    long, short = ((ahead - behind) / (2 * h) for ahead, behind, h in sides)
    ahead, behind, h = sides[1]
    error = float((long - short).norm()) + noise * float(ahead.norm() + behind.norm()) / (2 * h)
    kink = (ahead + behind - 2 * here).abs() / (2 * h)
    return Quotient(tangent, short, kink, error) if error == error and error < float("inf") else None


def agrees(product: Tensor, found: Quotient, dtype: torch.dtype) -> bool:
    """Return whether a product with the Jacobian is what the values do.

    Args:
        product: ``(m,)``, of the tangent.
        found: What the values do.
        dtype: In which they were computed.
    """
    product = product.double()
    if not bool(product.isfinite().all()):
        return True  # no other number, but none at all: whoever asked for it is told so
    beyond = ((product - found.change).abs() - found.kink).clamp(min=0)  # at a kink any slope between the two is one
    limit = SPREAD * found.error + rounding(dtype) * (found.size + float(product.norm()))
    return float(beyond.norm()) <= limit


def adjoint_agrees(pulled: Tensor, along: Tensor, found: Quotient, product: Tensor | None, dtype: torch.dtype) -> bool:
    """Return whether a product with the transpose belongs to the matrix: ``(J'u) v = u (J v)``.

    Args:
        pulled: ``J'u``, ``(d,)``.
        along: ``u``, ``(m,)``.
        found: ``v``, and what the values do along it.
        product: ``J v``, ``(m,)``; None where no mode gives it, and the values have to tell.
        dtype: In which they were computed.
    """
    pulled, along, tangent = pulled.double(), along.double(), found.tangent.double()
    wanted = found.change if product is None else product.double()
    if not bool(pulled.isfinite().all()):
        return True
    limit = rounding(dtype) * float(pulled.norm() * tangent.norm() + along.norm() * wanted.norm())
    if product is None:
        limit += SPREAD * found.error * float(along.norm()) + float(along.abs() @ found.kink)
    return float((pulled @ tangent - along @ wanted).abs()) <= limit

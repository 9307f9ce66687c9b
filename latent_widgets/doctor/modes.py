"""Which derivatives the operators of a network have, and whether these are the derivatives of its values."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core.exact import exact
from latent_widgets.core.forward import FORWARD, load_rules
from latent_widgets.doctor.finding import Finding
from latent_widgets.geometry.jacobian.agreement import adjoint_agrees, agrees, quotient

__all__ = ["Modes", "modes_finding", "modes_of"]

Function = Callable[[Tensor], Tensor]
CUT = "part of it is cut off. Take out detach, .data, no_grad, inference_mode, rounding and NumPy."


@dataclass(frozen=True)
class Modes:
    """Why a mode of differentiation is missing, each: empty where it is there.

    Attributes:
        forward: Forward mode, of several vectors at once: products with the Jacobian.
        reverse: Reverse mode: products with its transpose, and all training.
        twice: Reverse mode twice over, which can stand for forward mode.
        slow: Operators that several vectors pass one by one.
    """

    forward: str = ""
    reverse: str = ""
    twice: str = ""
    slow: tuple[str, ...] = ()


def modes_of(function: Function, x: Tensor, compare: bool = True) -> Modes:
    """Try each mode of differentiation.

    Args:
        function: From ``(d,)`` to anything.
        x: Where.
        compare: Whether to compare with how the values change, which takes a dozen of them.

    Returns:
        What is missing.

    Example:
        >>> modes_of(lambda x: x.detach() * x, torch.ones(3)).forward.split(",")[0]
        'it gives another derivative than that of the values: part of it is cut off. Take out detach'
    """

    def f(x: Tensor) -> Tensor:
        return function(x).flatten()

    load_rules()
    with torch.inference_mode(False), exact(), warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = quotient(f, x) if compare else None
        tangent = torch.ones_like(x) if found is None else found.tangent
        pushed, forward = _tried(lambda: _forward(f, x, tangent))
        along = torch.ones_like(f(x)) if pushed is None or not bool(pushed.any()) else pushed
        pulled, reverse = _tried(lambda: _reverse(f, x, along))
        again, twice = _tried(lambda: _twice(f, x, tangent))
        if found is not None:
            other = f"it gives another derivative than that of the values: {CUT}"
            forward = forward or ("" if pushed is None or agrees(pushed, found, x.dtype) else other)
            twice = twice or ("" if again is None or agrees(again, found, x.dtype) else other)
            right = pushed if pushed is not None and not forward else again if again is not None and not twice else None
            if pulled is not None and not reverse:
                belongs = adjoint_agrees(pulled, along, found, right, x.dtype)
                reverse = "" if belongs else other
    said = [str(one.message) for one in heard]
    slow = {name for words in said if "batching rule" in words for name in re.findall(r"aten::(\w+)", words)}
    return Modes(forward, reverse, twice, tuple(sorted(slow)))


def _tried(work: Callable[[], Tensor]) -> tuple[Tensor | None, str]:
    try:
        return work(), ""
    except (RuntimeError, ValueError, NotImplementedError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        return None, " ".join(str(error).split())[:200] or type(error).__name__


def _forward(f: Function, x: Tensor, v: Tensor) -> Tensor:
    def product(v: Tensor) -> Tensor:
        with FORWARD:
            tangent: Tensor = torch.func.jvp(f, (x,), (v,))[1]
        return tangent

    with torch.no_grad():
        found: Tensor = torch.func.vmap(product)(v[None])
    return found[0].detach()


def _graph(f: Function, x: Tensor) -> tuple[Tensor, Tensor]:
    point = x.detach().clone().requires_grad_()
    y = f(point)
    if not y.requires_grad:
        raise ValueError(f"the value does not follow its argument there: {CUT}")
    return point, y


def _reverse(f: Function, x: Tensor, u: Tensor) -> Tensor:
    with torch.enable_grad():
        point, y = _graph(f, x)
        return torch.autograd.grad(y, point, u)[0].detach()


def _twice(f: Function, x: Tensor, v: Tensor) -> Tensor:
    with torch.enable_grad():
        point, y = _graph(f, x)
        u = torch.zeros_like(y, requires_grad=True)
        (back,) = torch.autograd.grad(y, point, u, create_graph=True)
        return torch.autograd.grad(back, u, v)[0].detach()


def modes_finding(modes: Modes) -> Finding:
    """Say in words what is missing, and what that means.

    Args:
        modes: What is missing.

    Returns:
        What was found; wrong where there is no spectrum or no training.
    """
    said, wrong = [], []
    if modes.forward and not modes.twice:
        said.append(f"forward mode is missing ({modes.forward}): products are made by reverse mode twice, slower")
    if modes.forward and modes.twice:
        wrong.append(
            f"products with the Jacobian cannot be made: forward mode: {modes.forward}; "
            f"reverse mode twice: {modes.twice}"
        )
    if modes.twice and not modes.forward:
        said.append(f"reverse mode twice is missing ({modes.twice}): large pictures take forward mode, slower")
    if modes.reverse:
        wrong.append(
            f"reverse mode is missing: {modes.reverse} Inversion and LELSD cannot run, and products with the transpose "
            "take as many products with the Jacobian as the code has numbers"
        )
    if modes.slow:
        said.append(f"several vectors at once pass {', '.join(modes.slow)} one by one, slower")
    return Finding("operators", "; ".join(said + wrong) or "none is missing", ". ".join(wrong))

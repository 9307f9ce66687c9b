"""The one place where argument errors are worded: ``<name> must ..., got <value>.`` and the fix, if there is one."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core.words import shown, whole

__all__ = [
    "choice",
    "finite",
    "flag",
    "floating",
    "integer",
    "known_keywords",
    "nearest",
    "number",
    "placed",
    "readable",
    "shape",
    "string",
]


def integer(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """Return ``value`` as an int between ``low`` and ``high``, both included.

    Args:
        name: What the argument is called.
        value: What was given; integers of NumPy and PyTorch count, booleans and floats do not.
        low: Smallest value allowed.
        high: Largest value allowed.

    Returns:
        The integer.

    Raises:
        TypeError: If it is not an integer.
        ValueError: If it is out of bounds.
    """
    try:
        result = operator.index(value)
    except TypeError:
        result = None
    if result is None or _truth(value) is not None:
        raise TypeError(f"{name} must be an integer, got {shown(value)}.")
    if (low is not None and result < low) or (high is not None and result > high):
        raise ValueError(f"{name} must be {_bounds(low, high)}, got {shown(result)}.")
    return result


def number(name: str, value: Any, low: float | None = None, high: float | None = None) -> float:
    """Return ``value`` as a finite float between ``low`` and ``high``, both included.

    Args:
        name: What the argument is called.
        value: What was given.
        low: Smallest value allowed.
        high: Largest value allowed.

    Returns:
        The number.

    Raises:
        TypeError: If it is not a number.
        ValueError: If it is not finite or out of bounds.
    """
    if isinstance(value, str | bytes | bytearray) or _truth(value) is not None or _is_complex(value):
        raise TypeError(f"{name} must be a number, got {shown(value)}.")
    try:
        result = float(value)
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: a tensor of several numbers
        raise TypeError(f"{name} must be a number, got {shown(value)}.") from None
    if not math.isfinite(result):
        raise ValueError(f"{name} must be finite, got {result}.")
    if (low is not None and result < low) or (high is not None and result > high):
        raise ValueError(f"{name} must be {_bounds(low, high)}, got {result:g}.")
    return result


def flag(name: str, value: Any) -> bool:
    """Return ``value`` as a bool; of what else Python calls true, such as ``"no"``, it is said that it is none.

    Args:
        name: What the argument is called.
        value: What was given; booleans of NumPy and PyTorch count.

    Returns:
        The truth value.

    Raises:
        TypeError: If it is no boolean.

    Example:
        >>> flag("enabled", np.float32(1) < 2)
        True
    """
    result = _truth(value)
    if result is None:
        raise TypeError(f"{name} must be True or False, got {shown(value)}.")
    return result


def string(name: str, value: Any) -> str:
    """Return ``value`` if it is text, without halves of letters, which can be neither sent nor saved.

    Args:
        name: What the argument is called.
        value: What was given.

    Returns:
        The text, with a mark for each half of a letter.

    Raises:
        TypeError: If it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, got {shown(value)}.")
    return whole(value)


def _truth(value: Any) -> bool | None:
    """The bool that a value is, whoever made it; None for what is none."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    boolean = isinstance(value, Tensor) and value.dtype == torch.bool
    boolean = boolean or (isinstance(value, np.ndarray) and value.dtype == np.bool_)
    return bool(value) if boolean and math.prod(value.shape) == 1 else None


def _is_complex(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.is_complex()
    return isinstance(value, complex | np.complexfloating) or (
        isinstance(value, np.ndarray) and value.dtype.kind == "c"
    )


def _bounds(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"between {low} and {high}"


def nearest(value: str, options: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the closest options, or nothing where none is close."""
    close = difflib.get_close_matches(str(value)[:100], list(options), n=2, cutoff=0.55)
    return f" Did you mean {' or '.join(repr(name) for name in close)}?" if close else ""


def choice(name: str, value: Any, options: Sequence[str], hint: str = "") -> str:
    """Return ``value`` if it is one of ``options``.

    Args:
        name: What the argument is called.
        value: What was given.
        options: What is allowed.
        hint: A sentence to add to the error: the fix.

    Returns:
        The value.

    Raises:
        ValueError: If it is none of them; the message lists all and offers the nearest.
    """
    if isinstance(value, str) and value in options:
        return value
    known = shown(tuple(options), 1000)[1:-1].rstrip(",")
    message = f"{name} must be one of {known}, got {shown(value)}.{nearest(str(value), options)}"
    raise ValueError(f"{message} {hint}".rstrip())


def known_keywords(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse unknown keyword arguments, naming the nearest known one.

    Args:
        owner: Who was called.
        given: The keywords given.
        known: The keywords accepted.

    Raises:
        TypeError: If one is unknown.
    """
    known = sorted(known)
    for name in given:
        if name not in known:
            raise TypeError(
                f"{owner} must be given known keywords, got {shown(name)}.{nearest(name, known)} "
                f"Known: {', '.join(known)}."
            )


def shape(name: str, value: Tensor, *allowed: tuple[int | str, ...]) -> Tensor:
    """Return ``value`` if its shape is one of ``allowed``, in which a string stands for any length.

    Args:
        name: What the argument is called.
        value: What was given.
        *allowed: Shapes such as ``("n", 64)``.

    Returns:
        The tensor.

    Raises:
        TypeError: If it is not a tensor.
        ValueError: If its shape is not allowed.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch tensor, got {type(value).__name__}. Use torch.as_tensor(...).")
    for pattern in allowed:
        if len(pattern) != value.ndim:
            continue
        for length, there in zip(pattern, value.shape, strict=True):
            if length != there and not isinstance(length, str):
                break
        else:
            return value
    wanted = " or ".join("(" + ", ".join(map(str, p)) + ("," if len(p) == 1 else "") + ")" for p in allowed)
    raise ValueError(f"{name} must have shape {wanted}, got {shown(tuple(value.shape))}.")


def floating(name: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    """Return ``value`` if it has the floating ``dtype`` asked for.

    Args:
        name: What the argument is called.
        value: What was given.
        dtype: The type it must have.

    Returns:
        The tensor.

    Raises:
        TypeError: If the type differs.
    """
    if value.dtype != dtype:
        raise TypeError(f"{name} must have dtype {dtype}, got {value.dtype}. Use {name}.to({dtype}).")
    return value


def digits(name: str, dtype: torch.dtype, fix: str) -> None:
    """Refuse a type narrower than float32, in which small differences and derivatives are mostly rounding.

    Args:
        name: What the argument is called.
        dtype: The type in which it computes.
        fix: A sentence to add to the error.

    Raises:
        ValueError: If the type is that narrow.
    """
    if torch.finfo(dtype).eps > torch.finfo(torch.float32).eps:
        raise ValueError(f"{name} must compute in float32 or float64 to be measured, got {dtype}. {fix}")


def placed(name: str, value: Tensor, device: torch.device) -> Tensor:
    """Return ``value`` if it is on the device asked for.

    Args:
        name: What the argument is called.
        value: What was given.
        device: Where it must be.

    Returns:
        The tensor.

    Raises:
        ValueError: If it is elsewhere.
    """
    if value.device != device:
        raise ValueError(f"{name} must be on device {device}, got {value.device}. Use {name}.to({str(device)!r}).")
    return value


def readable(value: Tensor) -> bool:
    """Return whether a tensor's numbers can be looked at: not inside torch.func transforms nor on the meta device.

    Args:
        value: The tensor.

    Returns:
        Whether they can.
    """
    return not (value.is_meta or torch._C._functorch.is_functorch_wrapped_tensor(value))


def finite(name: str, value: Tensor) -> Tensor:
    """Return ``value`` if all of it is finite.

    Inside torch.func transforms and on the meta device there is nothing to look at.

    Args:
        name: What the argument is called.
        value: What was given.

    Returns:
        The tensor.

    Raises:
        ValueError: If it holds NaN or infinity; the message counts them.
    """
    if not readable(value):
        return value
    total = value.detach().sum().item()  # finite if all of it is, but for sums that overflow: the cheaper question
    if total - total != 0 and not bool(value.isfinite().all()):
        bad = int((~value.isfinite()).sum())
        raise ValueError(f"{name} must be finite, got {bad} NaN or infinite of {value.numel()} numbers.")
    return value

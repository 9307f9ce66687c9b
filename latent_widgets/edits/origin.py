"""How a program may load the generator of an edit again: one call of ``lw.load`` that holds nothing but values."""

from __future__ import annotations

import ast

from latent_widgets.generators.checkpoints.links import is_link

__all__ = ["checked", "shared"]


def shared(origin: str | None) -> str | None:
    """Return where a generator came from, if that is the same place for everybody.

    Args:
        origin: The expression that loads it, such as ``"lw.load('https://host/network.pkl')"``.

    Returns:
        The same for a link, a repository or a package; None for a path, which is nobody else's business, and for a
        name, which an edit has anyway.

    Example:
        >>> shared("lw.load('hf:me/faces')"), shared("lw.load('/home/me/faces.pkl')")
        ("lw.load('hf:me/faces')", None)
    """
    source = None if origin is None else _source(origin)
    return origin if source is not None and (is_link(source) or source.startswith(("hf:", "pip:"))) else None


def checked(origin: str | None) -> str | None:
    """Return an expression that may stand in a program: a file that somebody gave may say anything.

    Args:
        origin: The expression.

    Returns:
        The same.

    Raises:
        ValueError: If it is anything but a call of ``lw.load`` with values written out.
    """
    if origin is not None and _source(origin) is None:
        raise ValueError(f"origin must be a call of lw.load with values written out, got {str(origin)[:60]!r}.")
    return origin


def _source(origin: str) -> str | None:
    """What ``lw.load`` is called with first; None where this is no plain call of it, on one line."""
    try:
        call = ast.parse(origin, mode="eval").body if origin.isprintable() else None
    except (SyntaxError, ValueError, TypeError, AttributeError, RecursionError, MemoryError):
        return None
    if not isinstance(call, ast.Call) or ast.dump(call.func) != _LOAD or len(call.args) != 1:
        return None
    if not all(word.arg is not None and _is_plain(word.value) for word in call.keywords):
        return None
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _is_plain(value: ast.expr) -> bool:
    """Whether this is a number, text or list written out, or ``torch.tensor`` of one."""
    if isinstance(value, ast.Call):
        return (
            ast.dump(value.func) == _TENSOR and len(value.args) == 1 and not value.keywords and _is_plain(value.args[0])
        )
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


_LOAD, _TENSOR = (ast.dump(ast.parse(name, mode="eval").body) for name in ("lw.load", "torch.tensor"))

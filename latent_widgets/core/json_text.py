"""JSON that came from a file: plain values of finite numbers, in words where it is anything else."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NoReturn

__all__ = ["read_json"]

DEEPEST = 64  # lists and dicts within each other; whoever walks through them may call itself for each
LONGEST = 300  # digits of an integer: any such can be made a float


def read_json(text: str | bytes | memoryview, name: str = "text", *, finite: bool = True) -> Any:
    """Read JSON that somebody else may have written.

    Python's own reader takes what JSON lacks (NaN, infinity), lets the last of two equal keys win, and says in five
    kinds of errors what it does not take.

    Args:
        text: The JSON; bytes are UTF-8.
        name: What it is called in errors.
        finite: Whether numbers must be finite; without it, NaN and infinity are read where Python wrote them.

    Returns:
        The values: none, booleans, numbers, text, lists and dicts. Nothing is said about which they are.

    Raises:
        ValueError: If it is no JSON, lists or dicts lie more than 64 deep, a number is not finite or has more than
            300 digits, or a key comes twice in a dict.

    Example:
        >>> read_json('{"seed": 3}')
        {'seed': 3}
        >>> read_json('{"seed": NaN}', "the header")
        Traceback (most recent call last):
        ...
        ValueError: the header must be JSON, got something else: NaN is no number.
    """
    try:
        plain = text if isinstance(text, str) else str(text, "utf-8")
        constant = _no_number if finite else float
        value = json.loads(plain, object_pairs_hook=_once, parse_int=_integer, parse_constant=constant)
        _check(value, finite)
    except RecursionError:
        raise ValueError(f"{name} must be JSON, got something else: {_TOO_DEEP}.") from None
    except ValueError as error:  # of which JSONDecodeError and UnicodeDecodeError are kinds
        said = str(error).rstrip(".")
        raise ValueError(f"{name} must be JSON, got something else: {said}.") from None
    return value


_TOO_DEEP = f"lists and dicts lie more than {DEEPEST} deep"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice!a:.80} comes twice")
    return found


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > LONGEST:
        raise ValueError(f"an integer has more than {LONGEST} digits")
    return int(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _check(value: Any, finite: bool) -> None:
    """Look at all values, depth by depth: a walk that calls itself could be made to do so too often."""
    level, depth = [[value]], 0
    while level:
        if depth > DEEPEST:
            raise ValueError(_TOO_DEEP)
        below: list[list[Any]] = []
        for values in level:
            for one in values:
                kind = type(one)
                if kind is list and one:
                    below.append(one)
                elif kind is dict and one:
                    below.append(list(one.values()))
                elif kind is float and finite and not math.isfinite(one):
                    raise ValueError("a number is too large")
        level, depth = below, depth + 1

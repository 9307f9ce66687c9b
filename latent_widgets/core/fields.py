"""The fields of a file: which there must be, and of which kind each is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["COUNT", "DICT", "FLAG", "INTEGER", "NUMBER", "TEXT", "Kind", "check_fields", "list_of", "or_none"]


@dataclass(frozen=True)
class Kind:
    """What a field may be.

    Attributes:
        words: In words, to stand behind "must be".
        holds: Whether a value is of the kind.
    """

    words: str
    holds: Callable[[Any], bool]


TEXT = Kind("text", lambda value: isinstance(value, str))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
INTEGER = Kind("a whole number", lambda value: type(value) is int)
COUNT = Kind("a whole number from 0", lambda value: type(value) is int and value >= 0)
NUMBER = Kind("a number", lambda value: type(value) in (int, float))
DICT = Kind("a dict", lambda value: isinstance(value, dict))


def or_none(kind: Kind) -> Kind:
    """Return the kind of a field that may be empty."""
    return Kind(f"{kind.words} or none", lambda value: value is None or kind.holds(value))


def list_of(kind: Kind) -> Kind:
    """Return the kind of a list."""
    return Kind(f"a list, {kind.words} each", lambda value: isinstance(value, list) and all(map(kind.holds, value)))


def check_fields(values: Any, kinds: Mapping[str, Kind], optional: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Refuse values of a file that are not what its format says.

    Args:
        values: What the file has.
        kinds: The fields of the format.
        optional: Those that may be left out.

    Returns:
        The values.

    Raises:
        ValueError: If they are no dict, one is of another kind, is missing or is unknown; the message is to stand
            behind "got a file whose".

    Example:
        >>> check_fields({"seed": 3}, {"seed": COUNT, "names": list_of(TEXT)}, frozenset(["names"]))
        {'seed': 3}
        >>> check_fields({"seed": "3"}, {"seed": COUNT})
        Traceback (most recent call last):
        ...
        ValueError: field 'seed' must be a whole number from 0, got '3'
    """
    if not isinstance(values, dict):
        raise ValueError(f"fields must be a dict, got {_short(values)}")
    for name in values:
        if name not in kinds:
            raise ValueError(f"fields must be {', '.join(kinds)}, got {_short(name)}")
    for name, kind in kinds.items():
        if name not in values and name not in optional:
            raise ValueError(f"field {name!r} must be {kind.words}, got none")
        if name in values and not kind.holds(values[name]):
            raise ValueError(f"field {name!r} must be {kind.words}, got {_short(values[name])}")
    return values


def _short(value: Any) -> str:
    if isinstance(value, str | int | float | None):
        text = ascii(value[:60] if isinstance(value, str) else value)
        return text if len(text) <= 60 else f"{text[:57]}..."
    return f"a {type(value).__name__}"

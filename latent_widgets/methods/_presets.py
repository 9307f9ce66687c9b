"""Settings by name: what an authors' program does, or what a paper writes, for what a call does not give itself."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

__all__ = ["with_presets"]

P = ParamSpec("P")
R = TypeVar("R")


def with_presets(
    settings: Callable[[str, Mapping[str, Any]], Mapping[str, Any]],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let the keyword ``preset`` of a method set its other arguments; what is given counts, also if it is usual.

    Args:
        settings: Gives the arguments of a preset by name, from its own name and the arguments that are given.

    Returns:
        The decorator.

    Example:
        >>> @with_presets(lambda name, given: {"k": 20 * given["n"]})
        ... def method(n, k=8, preset=None):
        ...     return k
        >>> method(1), method(2, preset="released"), method(2, k=8, preset="released")
        (8, 40, 8)
    """

    def decorate(method: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(method)

        @functools.wraps(method)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            preset: Any = kwargs.get("preset")
            if preset is not None:
                given = signature.bind(*args, **kwargs).arguments
                kwargs.update({name: value for name, value in settings(preset, given).items() if name not in given})
            return method(*args, **kwargs)

        return call

    return decorate

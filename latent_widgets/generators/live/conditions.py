"""How a foreign network wants its class: how many there are, and as a number, a vector or an embedding."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from latent_widgets.generators._conditions import class_vector
from latent_widgets.generators.live.parts import Call

__all__ = ["calls_with_class", "calls_without_class", "classes_of", "for_each", "names_class", "takes_class"]

_COUNTS = ("c_dim", "n_classes", "num_classes", "label_dim", "label_size", "classes", "nclass")
_CLASS = ("c", "y", "label", "labels", "class_label", "class_labels", "cls", "cond", "condition", "target", "targets")


def classes_of(module: Any, condition: Any, class_names: Sequence[str] | None = None) -> Tensor | None:
    """Return the class vector to draw.

    Args:
        module: The network.
        condition: The number of a class or a class vector; None without.
        class_names: What its classes are called, where the user says it.

    Returns:
        ``(classes,)``; None for a network without classes.

    Raises:
        ValueError: If a class is missing, or given where there is none, or nobody says how many there are.
    """
    count = _count(module)
    if count is None and class_names is not None:
        count = len(class_names)
    if count is None and isinstance(condition, Tensor) and condition.ndim == 1:
        count = len(condition)
    taken = takes_class(module)
    if count is None and taken is not None:
        raise ValueError(
            f"condition must be given as a class vector, or with class_names=, for a network that takes {taken!r} and "
            f"does not say how many classes there are, got {condition!r}."
        )
    return class_vector(count or 0, condition)


def _count(module: Any) -> int | None:
    """How many classes there are, 0 without; None where the network does not say."""
    for holder in (module, getattr(module, "mapping", None), getattr(module, "config", None)):
        for name in _COUNTS:
            found = getattr(holder, name, None)
            if isinstance(found, int) and not isinstance(found, bool):
                return found
    if takes_class(module) is None or not isinstance(module, nn.Module):
        return None
    return next((part.num_embeddings for part in module.modules() if isinstance(part, nn.Embedding)), None)


def takes_class(function: Any) -> str | None:
    """Return what a function calls the class that it needs beside its first argument; None where it needs none."""
    second = _second(function)
    return second.name if second is not None and second.default is inspect.Parameter.empty else None


def names_class(function: Any) -> bool:
    """Whether the second argument of a function is called like a class, needed or not."""
    second = _second(function)
    return second is not None and second.name.lower() in _CLASS


def _second(function: Any) -> inspect.Parameter | None:
    try:
        given = inspect.signature(function.forward if isinstance(function, nn.Module) else function).parameters.values()
    except (TypeError, ValueError):
        return None
    plain = [p for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return plain[1] if len(plain) > 1 else None


def for_each(z: Tensor, c: Tensor | None) -> Tensor | None:
    """Return a class vector for each latent of a batch, of their type; None without classes."""
    return None if c is None else c.to(z.device, z.dtype).expand(len(z), -1)


def calls_without_class(module: Any) -> tuple[tuple[str, Call], ...]:
    """Return ways to call a network that has no classes, some of which ask for one all the same.

    Args:
        module: The network.
    """
    if takes_class(module) is None:
        return (("", lambda z, c: module(z)),)
    return (
        ("", lambda z, c: module(z)),
        ("It has no classes, and is given None for one.", lambda z, c: module(z, None)),
        ("It has no classes, and is given an empty vector for one.", lambda z, c: module(z, z.new_zeros(len(z), 0))),
    )


def calls_with_class(module: Any) -> tuple[tuple[str, Call], ...]:
    """Return ways to call a network with a latent and a class, the likelier first, each with a sentence.

    Args:
        module: The network.
    """

    def numbers(z: Tensor, c: Tensor | None) -> Tensor:
        if c is None:
            raise RuntimeError("a class is missing.")
        return c.argmax().to(z.device).expand(len(z))

    ways: list[tuple[str, Call]] = [
        ("Its class is given as a number.", lambda z, c: module(z, numbers(z, c))),
        ("Its class is given as a vector.", lambda z, c: module(z, for_each(z, c))),
    ]
    embeds = isinstance(module, nn.Module) and any(isinstance(part, nn.Embedding) for part in module.modules())
    shared: Any = getattr(module, "shared", None)
    if callable(shared):  # BigGAN's authors embed outside of the network
        return (
            ("Its class goes through its embedding.", lambda z, c: module(z, shared(numbers(z, c)))),
            *ways,
        )
    return tuple(ways if embeds else reversed(ways))

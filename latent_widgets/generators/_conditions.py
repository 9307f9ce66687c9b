"""What makes networks of many kinds alike: a class is a vector, a picture has three colours."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor

from latent_widgets.core import checks

__all__ = ["Conditional", "class_vector", "in_three_colours"]


class Conditional:
    """What a generator knows of its classes; one without classes has none.

    Attributes:
        condition: The class vector that is drawn; None without classes.
        class_names: What the classes are called, if that is known.
    """

    condition: Tensor | None = None
    class_names: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        """How many classes there are; 0 for a network without."""
        return 0 if self.condition is None else len(self.condition)

    @property
    def class_number(self) -> int | None:
        """The number of the class that is drawn; None without classes, and for a vector that is no single class."""
        if self.condition is None:
            return None
        place = int(self.condition.argmax())
        single = torch.zeros_like(self.condition)
        single[place] = 1.0
        return place if torch.equal(self.condition, single) else None

    def of_class(self, condition: int | None) -> Self:
        """Return the generator that draws another class, with the same network, lock and weights hash.

        Args:
            condition: The number of the class; None for that of this generator.

        Returns:
            It; this one where the class is the same.

        Raises:
            TypeError: If ``condition`` is no integer.
            ValueError: If there is no such class.
        """
        if condition is None:
            return self
        vector = class_vector(self.classes, condition)
        if condition == self.class_number:
            return self
        me: Any = self
        known: dict[int | None, Any] = me.__dict__.setdefault("_of_class", {me.class_number: me})  # of all of them
        if condition not in known:
            _ = me.weights_hash  # of the weights as they were loaded, whatever becomes of them
            other = known[condition] = copy.copy(me)
            other.condition, other.lock, other._of_class, other.kept = vector, me.lock, known, {}
        found: Self = known[condition]
        return found

    def name_classes(self, names: Sequence[str]) -> None:
        """Say what the classes are called.

        Args:
            names: One for each class.

        Raises:
            ValueError: If there are more or fewer.
        """
        if len(names) != self.classes or isinstance(names, str):
            raise ValueError(f"class_names must name all {self.classes} classes, got {len(names)}.")
        self.class_names = tuple(map(str, names))


def class_vector(c_dim: int, condition: int | Tensor | None) -> Tensor | None:
    """Return the class vector of a class.

    Args:
        c_dim: Length of the network's class vector; 0 for a network without classes.
        condition: The number of a class, or a class vector ``(c_dim,)``.

    Returns:
        ``(c_dim,)``; None for a network without classes.

    Raises:
        TypeError: If it is neither.
        ValueError: If a conditional network is given none, or an unconditional one is given any.

    Example:
        >>> class_vector(3, 1)
        tensor([0., 1., 0.])
    """
    if not c_dim:
        if condition is not None:
            raise ValueError(f"condition must be left out for a network without classes, got {condition!r}.")
        return None
    if condition is None:
        raise ValueError(
            f"condition must be given for this network, which draws {c_dim} classes, got None. "
            f"Use a number from 0 to {c_dim - 1}, or a vector of length {c_dim}."
        )
    if isinstance(condition, Tensor) and condition.ndim:
        return checks.finite("condition", checks.shape("condition", condition, (c_dim,)).detach().float().clone())
    index = checks.integer("condition", condition, 0, c_dim - 1)
    return torch.nn.functional.one_hot(torch.tensor(index, dtype=torch.int64, device="cpu"), c_dim).float()


def in_three_colours(picture: Tensor) -> Tensor:
    """Repeat a grey picture ``(n, 1, H, W)`` to three channels; leave others alone."""
    return picture.repeat(1, 3, 1, 1) if picture.shape[1] == 1 else picture

"""What an edit is made of: where it starts, and moves along directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.words import shown
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.walks.walk import KINDS, interpolate, shift
from latent_widgets.values.codes import Code
from latent_widgets.values.directions import Directions, as_directions
from latent_widgets.values.fitting import rows_of

__all__ = ["Base", "Move"]


@dataclass(frozen=True, eq=False)
class Base:
    """Where an edit starts: a seed or a code, perhaps blended with a second seed, perhaps with some layers of a third.

    Attributes:
        seed: The seed; 0 if there is no code either.
        truncation: How far everything is pulled towards the average, see ``Generator.map``.
        code: A code instead of a seed.
        second_seed: What to blend with.
        weight: How much of the second seed, 0 to 1.
        blend: Where the two are blended: ``"w"`` in a straight line, ``"z"`` on a great circle; ``"w"`` if not given,
            ``"z"`` without a mapping.
        mix_seed: A seed that gives some layers (style mixing, Karras et al. 2019, section 3.1).
        mix_layers: The rows of ``w+`` that it gives.
        condition: The number of the class that every seed draws; that of the generator if not given.

    Raises:
        TypeError: If a field has the wrong type.
        ValueError: If fields contradict each other.
    """

    seed: int | None = None
    truncation: float = 1.0
    code: Code | None = None
    second_seed: int | None = None
    weight: float = 0.0
    blend: str | None = None
    mix_seed: int | None = None
    mix_layers: Sequence[int] = ()
    condition: int | None = None

    def __post_init__(self) -> None:
        if self.code is not None and not isinstance(self.code, Code):
            raise TypeError(f"code must be a Code, got {type(self.code).__name__}. Use Code(tensor, space).")
        if self.code is not None and self.seed is not None:
            raise ValueError(f"seed must be None beside a code, got {shown(self.seed)}. Give the one or the other.")
        seeds = {"seed": 0 if self.seed is None and self.code is None else self.seed}
        seeds |= {"second_seed": self.second_seed, "mix_seed": self.mix_seed}
        for name, seed in seeds.items():
            if seed is not None:
                seed = checks.integer(name, seed, low=0, high=2**63 - 1)
            object.__setattr__(self, name, seed)
        object.__setattr__(self, "truncation", checks.number("truncation", self.truncation))
        object.__setattr__(self, "weight", checks.number("weight", self.weight, low=0, high=1))
        if self.condition is not None:
            object.__setattr__(self, "condition", checks.integer("condition", self.condition, low=0))
        if self.blend is not None:
            checks.choice("blend", self.blend, ("z", "w"))
        object.__setattr__(self, "mix_layers", rows_of(self.mix_layers or None, "w+", name="mix_layers") or ())
        if bool(self.mix_layers) != (self.mix_seed is not None):
            raise ValueError(
                f"mix_seed and mix_layers must come together, got {self.mix_seed} and {shown(self.mix_layers)}."
            )

    def place(self, G: Generator, z_moves: Sequence[Move] = ()) -> tuple[Tensor, str]:
        """Find the code on a generator.

        Args:
            G: The generator.
            z_moves: Moves in ``z``, made before the mapping.

        Returns:
            The code ``(d,)`` or ``(num_layers, d)``, and its space.

        Raises:
            ValueError: If the generator lacks something that is asked for.
        """
        G = G.of_class(self.condition)
        point, space = self._before_mapping(G)
        blend_z = self.second_seed is not None and self._blend(G) == "z"
        if z_moves and (space != "z" or (self.second_seed is not None and not blend_z)):
            fix = "Use a seed, and blend='z' for two."
            raise ValueError(f"base must start in z for a move in z, got one that starts later. {fix}")
        if self.second_seed is not None and blend_z:
            if space != "z":
                raise ValueError(f"blend must be 'w' for a code in {space}, got 'z'.")
            point = interpolate(point, G.sample_z(1, self.second_seed)[0], self.weight, "great-circle")
        if space != "z" or G.main_space == "z":
            point = self._truncate(G, point, space)
        for move in z_moves:
            point = move.apply(G, point)
        if space == "z" and G.main_space != "z":
            point, space = G.map(point, self.truncation), G.main_space
        if self.second_seed is not None and not blend_z:
            if space not in ("w", "w+"):
                raise ValueError(f"blend must be 'z' for a code in {space}, got 'w'. Only w and w+ blend in w.")
            point = interpolate(point, G.code(self.second_seed, self.truncation).expand_as(point), self.weight)
        return self._mix(G, point, space)

    def _before_mapping(self, G: Generator) -> tuple[Tensor, str]:
        if self.code is None:
            return G.sample_z(1, int(self.seed or 0))[0], "z"
        code: Any = self.code  # check_code takes its space from it
        batch, space = G.check_code(code)
        return batch[0], space

    def _blend(self, G: Generator) -> str:
        return self.blend or ("w" if "w" in G.spaces else "z")

    def _truncate(self, G: Generator, point: Tensor, space: str) -> Tensor:
        if self.truncation == 1.0:
            return point
        if space not in (G.main_space, "w+"):
            raise ValueError(f"truncation must be 1 for a code in {space}, got {self.truncation:g}.")
        return G.w_avg.expand_as(point).lerp(point, self.truncation)

    def _mix(self, G: Generator, point: Tensor, space: str) -> tuple[Tensor, str]:
        if self.mix_seed is None:
            return point, space
        if space not in ("w", "w+"):
            given = list(self.mix_layers)
            raise ValueError(f"mix_layers must be empty in {space}, got {given}. Only w goes in layer by layer.")
        rows = rows_of(self.mix_layers, "w+", G.num_layers, name="mix_layers") or ()
        point = G.broadcast(point)[0] if space == "w" else point.clone()
        point[list(rows)] = G.code(self.mix_seed, self.truncation)
        return point, "w+"


@dataclass(frozen=True, eq=False)
class Move:
    """One slider: so many units along one direction.

    Attributes:
        direction: A single direction.
        alpha: How far, in the direction's unit.
        layers: The rows of ``w+`` that move; those of the direction if None.
        kind: ``"linear"``; in ``z`` also ``"density"``.
        enabled: Whether it counts.

    Raises:
        TypeError: If a field has the wrong type.
        ValueError: If there is not exactly one direction, or kind or layers do not exist in its space.

    Example:
        >>> import torch
        >>> D = Directions(torch.eye(3), "w", names=["a", "b", "c"])
        >>> Move.of(D, "b", alpha=1.5, layers=[0, 1])
        <Move 1.5 latent along b, layers 0, 1>
    """

    direction: Directions
    alpha: float
    layers: Sequence[int] | None = None
    kind: str = "linear"
    enabled: bool = True

    def __post_init__(self) -> None:
        if len(as_directions(self.direction, "direction")) != 1:
            fix = "Use Move.of(directions, index)."
            raise ValueError(f"direction must be a single one, got {len(self.direction)}. {fix}")
        object.__setattr__(self, "alpha", checks.number("alpha", self.alpha))
        object.__setattr__(self, "enabled", checks.flag("enabled", self.enabled))
        checks.choice("kind", self.kind, KINDS[self.space], f"This is what there is in {self.space}.")
        num_layers = self.direction.vectors.shape[1] if self.space == "w+" else None
        object.__setattr__(self, "layers", rows_of(self.layers, self.space, num_layers))

    @classmethod
    def of(cls, directions: Any, index: int | str = 0, alpha: float = 1.0, **options: Any) -> Move:
        """Make a move along one of several directions.

        Args:
            directions: ``Directions`` or a result that carries them.
            index: Which, by number or name.
            alpha: How far.
            **options: Other fields.

        Returns:
            The move.
        """
        return cls(as_directions(directions)[index], alpha, **options)

    @property
    def name(self) -> str:
        """The label of the direction."""
        return self.direction.names[0]

    @property
    def space(self) -> str:
        """The space of the direction."""
        return self.direction.space

    @property
    def unit(self) -> str:
        """What ``alpha`` is measured in."""
        return self.direction.unit

    @property
    def rows(self) -> tuple[int, ...] | None:
        """The rows of ``w+`` that move; None for all."""
        return self.direction.layers if self.layers is None else tuple(self.layers)

    def apply(self, G: Generator, point: Tensor) -> Tensor:
        """Move a code; one of ``w+`` for a direction with rows.

        Args:
            G: The generator.
            point: ``(d,)`` or ``(num_layers, d)``.

        Returns:
            The moved code.
        """
        rows = rows_of(self.rows, self.space, G.num_layers)
        return shift(point, self.direction.to(point.device, point.dtype), [self.alpha], self.kind, rows)[0]

    def __repr__(self) -> str:
        layers = "" if self.rows is None else f", layers {', '.join(map(str, self.rows))}"
        return f"<Move {self.alpha:g} {self.unit} along {self.name}{layers}{'' if self.enabled else ', off'}>"

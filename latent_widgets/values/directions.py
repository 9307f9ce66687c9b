"""Directions: the one value that every method returns and every widget accepts.

It knows where it came from (method, parameters, seed, generator) and what one unit means, so a slider can be labelled,
a file can be read years later, and use on another generator is noticed.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core import checks, paths
from latent_widgets.core.files import as_array
from latent_widgets.core.rounding import map_rounding, same
from latent_widgets.generators.base import Generator
from latent_widgets.values import direction_fields as checked
from latent_widgets.values import direction_files
from latent_widgets.values.citing import Citation, citation_of
from latent_widgets.values.fitting import SPACES, generator_differences, rows_of
from latent_widgets.values.units import UNITS, direction_lengths, latent_sd

__all__ = ["Directions", "as_directions", "same_direction"]


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions in a latent space, one in each row.

    ``alpha`` units along direction ``i`` move a code by ``alpha * scales[i] * unit_vectors[i]``, on the rows ``layers``
    of ``w+``. Two values are equal only if they are the same object, so that they can be linked as traits;
    ``numpy.asarray`` gives the vectors.

    Attributes:
        vectors: ``(k, d)``, or ``(k, num_layers, d)`` in ``w+``; they need not have unit length.
        space: ``"z"``, ``"w"``, ``"w+"`` or ``"s"``.
        unit: What ``alpha = 1`` means: ``"sd"`` (a standard deviation of the latents along the direction), ``"latent"``
            (a step of length one), ``"degrees"`` (of the great circle through the code), ``"rms"`` (a root mean square
            change of the picture that the method states).
        scales: ``(k,)``, the latent length of one unit along each direction. For degrees, at the radius ``sqrt(d)`` of
            the prior; a walk takes the radius of its own code.
        layers: The rows of ``w+`` that the directions act on by default; None for all.
        names: ``k`` different labels.
        scores: For each name of a score ``(k,)`` numbers.
        method: The public function that made them, or the kind of file they came from.
        parameters: Its keyword arguments, as plain JSON values.
        seed: Its seed.
        rows: Which rows of ``method(G, **parameters, seed=seed)`` these are; None if that call would not give them.
        generator: Name of the generator they were made for; None if unknown.
        weights_hash: Hash of its weights; None if unknown.

    Raises:
        TypeError: If a field has the wrong type.
        ValueError: If a field does not fit the others.

    Example:
        >>> D = Directions(torch.eye(3)[:2], "z", names=["smile", "pose"])
        >>> D
        <Directions 2 x 3 in z: smile, pose; unit latent>
        >>> D["pose"].vectors
        tensor([[0., 1., 0.]])
    """

    vectors: Tensor
    space: str
    unit: str = "latent"
    scales: Tensor = None  # type: ignore[assignment]  # __post_init__ fills it in
    layers: tuple[int, ...] | None = None
    names: Sequence[str] = ()
    scores: Mapping[str, Tensor] = field(default_factory=dict)
    method: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    rows: tuple[int, ...] | None = None
    generator: str | None = None
    weights_hash: str | None = None

    def __post_init__(self) -> None:
        checks.choice("space", self.space, SPACES)
        checks.choice("unit", self.unit, UNITS)
        checks.shape("vectors", self.vectors, ("k", "num_layers", "d") if self.space == "w+" else ("k", "d"))
        if not self.vectors.is_floating_point():
            raise TypeError(f"vectors must be floating, got {self.vectors.dtype}. Use vectors.float().")
        vectors = checks.finite("vectors", self.vectors.detach()).clone()  # an optimiser may go on with its own
        k = len(vectors)
        if self.unit == "degrees" and self.space != "z":
            raise ValueError(
                f"unit must be 'sd', 'latent' or 'rms' in {self.space}, got 'degrees'. Great circles are in z."
            )
        layers = rows_of(self.layers, self.space, vectors.shape[1] if self.space == "w+" else None)
        zero = (direction_lengths(vectors, layers) == 0).nonzero()[:20, 0].tolist()
        if zero:
            raise ValueError(f"vectors must not be zero, got zero rows {zero}. Leave them out.")
        method = checks.string("method", self.method)
        given: Tensor | None = self.scales
        if given is None:
            given = checked.default_scales(self.unit, vectors)
        for name, value in {
            "vectors": vectors,
            "layers": layers,
            "scales": checked.positive("scales", given, vectors),
            "names": checked.labels(self.names, k, method),
            "scores": {
                checks.string("scores", n): checked.column(f"scores[{n!r}]", score, vectors)
                for n, score in self.scores.items()
            },
            "parameters": checked.plain(self.parameters),
            "method": method,
            "generator": None if self.generator is None else checks.string("generator", self.generator),
            "weights_hash": None if self.weights_hash is None else checks.string("weights_hash", self.weights_hash),
            "rows": None if self.rows is None else tuple(map(operator.index, self.rows)),
            "seed": None if self.seed is None else checks.integer("seed", self.seed),
        }.items():
            object.__setattr__(self, name, value)
        if self.rows is not None and len(self.rows) != k:
            raise ValueError(f"rows must name {k} rows, one for each direction, got {len(self.rows)}.")

    def _with(self, **changes: Any) -> Directions:
        """The same with other fields, which are checked already and of the form that the constructor gives them."""
        made = object.__new__(Directions)
        made.__dict__.update(self.__getstate__() | changes)
        return made

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: what was derived from them is found again."""
        return {name: getattr(self, name) for name in _FIELDS}

    # ---- as a sequence

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Directions]:
        return iter((self,) if len(self.names) == 1 else self._all)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return as_array(self.vectors, dtype)

    def __getitem__(self, which: Any) -> Directions:
        if type(which) is int and (made := self._singles.get(which)) is not None:  # as in most loops
            return made
        chosen = checked.indices(which, self.names)
        return self._single(chosen[0]) if len(chosen) == 1 else self._chosen(chosen)

    def _single(self, i: int) -> Directions:
        if len(self.names) == 1:
            return self
        made = self._singles.get(i)
        return self._singles.setdefault(i, self._chosen([i])) if made is None else made

    @cached_property
    def _sketch(self) -> _Sketch:
        return _Sketch.of(self.vectors)

    @cached_property
    def _singles(self) -> dict[int, Directions]:
        return {}

    @cached_property
    def _all(self) -> tuple[Directions, ...]:
        return tuple(map(self._single, range(len(self))))

    def _chosen(self, chosen: list[int]) -> Directions:
        with torch.inference_mode(False):  # a single one is kept, and may be differentiated later
            index = torch.tensor(chosen, dtype=torch.long, device=self.vectors.device)
            return self._with(
                vectors=self.vectors[index],
                scales=self.scales[index],
                names=checked.different(self.names[i] for i in chosen),
                scores={name: score[index] for name, score in self.scores.items()},
                rows=None if self.rows is None else tuple(self.rows[i] for i in chosen),
            )

    def select(self, *which: int | str) -> Directions:
        """Return some of the directions, by number or name, in the order given; the same as indexing with a list."""
        return self[list(which)]

    def rename(self, which: int | str, name: str) -> Directions:
        """Return the same directions with another label for one of them.

        Args:
            which: Its number or present name.
            name: The new label, different from all others.

        Returns:
            The renamed directions.
        """
        (index,) = checked.indices(which, self.names)
        names = (*self.names[:index], name, *self.names[index + 1 :])
        return self._with(names=checked.labels(names, len(self), self.method))

    @staticmethod
    def concatenate(parts: Sequence[Directions]) -> Directions:
        """Put directions of one space, unit and generator into one value.

        Args:
            parts: One or more. A label that is there already gets a number behind it; scores are kept where all
                parts have them.

        Returns:
            All rows, in order.

        Raises:
            TypeError: If a part is no ``Directions``.
            ValueError: If there is none, or they differ in what must be the same.

        Example:
            >>> D = Directions(torch.eye(3), "z", names=["a", "b", "c"])
            >>> Directions.concatenate([D[:2], D["a"]]).names
            ('a', 'b', 'a (2)')
        """
        parts = [as_directions(part) for part in parts]
        if not parts:
            raise ValueError("parts must hold at least one Directions, got none.")
        return replace(parts[0], **checked.joined(parts))

    # ---- lengths and units

    @property
    def dim(self) -> int:
        """The length of one code vector."""
        return self.vectors.shape[-1]

    @property
    def unit_vectors(self) -> Tensor:
        """The vectors at length one (for ``w+``, at root mean square one over the rows that they act on)."""
        lengths = direction_lengths(self.vectors, self.layers)
        return self.vectors / lengths.reshape(-1, *(1,) * (self.vectors.ndim - 1))

    def in_unit(self, unit: str, G: Generator | None = None) -> Directions:
        """Return the same directions with another meaning of ``alpha = 1``.

        Args:
            unit: ``"latent"``, ``"sd"`` or, in ``z``, ``"degrees"``; or the unit that they have.
            G: The generator, needed for ``"sd"``.

        Returns:
            The directions with new :attr:`scales`.

        Raises:
            ValueError: If the unit is unknown, or cannot be computed from what is given.
        """
        checks.choice("unit", unit, UNITS)
        if unit == self.unit:
            return self
        if unit == "rms":
            fix = "Only directions whose method measured it have it."
            raise ValueError(f"unit must be 'sd', 'latent' or {self.unit!r} here, got 'rms'. {fix}")
        if unit != "sd":
            return replace(self, unit=unit, scales=checked.default_scales(unit, self.vectors))
        if G is None:
            raise ValueError("G must be given to find standard deviations, got None.")
        found = latent_sd(G, self.vectors, self.space, layers=self.layers).to(self.vectors)
        return replace(self, unit="sd", scales=found, rows=None)  # a method may have measured other deviations

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Directions:
        """Return the directions on another device or in another floating type; themselves if nothing changes."""
        moved = self.vectors.to(device=device, dtype=dtype)
        if moved is self.vectors:
            return self
        return replace(
            self,
            vectors=moved,
            scales=self.scales.to(device=device, dtype=dtype),
            scores={name: score.to(device=device, dtype=dtype) for name, score in self.scores.items()},
        )

    # ---- which generator

    def check(self, G: Generator) -> Directions:
        """Return these directions if they are for ``G``, else raise ValueError saying what differs and what to do."""
        misfits = self.misfits(G)
        foreign = generator_differences(G, self.generator, self.weights_hash)
        if misfits or foreign:
            fix = "Use directions.adopt(G) to take them over all the same."
            if misfits:
                fix = direction_files.fitting_space(self, G) or "They do not fit this generator."
            differ = "; ".join(foreign + misfits)
            raise ValueError(
                f"directions must be used with the generator that they were made for, got another {differ}. {fix}"
            )
        return self

    def misfits(self, G: Generator) -> list[str]:
        """Say in words what keeps these directions from being used on ``G`` at all; nothing if they can be."""
        if self.space not in G.spaces:
            return [f"space ({self.space}, here {', '.join(G.spaces)})"]
        found = []
        if G.dim(self.space) != self.dim:
            found.append(f"dimension ({self.dim}, here {G.dim(self.space)})")
        if self.space == "w+" and self.vectors.shape[1] != G.num_layers:
            found.append(f"number of layers ({self.vectors.shape[1]}, here {G.num_layers})")
        elif self.layers is not None and max(self.layers, default=0) >= G.num_layers:
            found.append(f"number of layers (acts on {max(self.layers)}, here the last is {G.num_layers - 1})")
        return found

    def for_generator(self, G: Generator, space: str | None = None) -> Directions:
        """Return these directions ready for ``G``: checked, on its device, with what an imported file did not know.

        Args:
            G: The generator.
            space: Where they live, if the file did not say so.

        Returns:
            The directions, with the generator's name and hash; themselves if they have all that.

        Raises:
            ValueError: If they were made for other weights, or space or dimension do not fit.

        Warns:
            UserWarning: If an imported file has as many rows as ``G`` has layers and nobody said what they are.
        """
        here = direction_files.in_space(self, space, G)
        here = here.check(G).to(G.device, G.dtype)
        if (here.generator, here.weights_hash) == (G.name, G.weights_hash):
            return here
        return here._with(generator=G.name, weights_hash=G.weights_hash)

    def adopt(self, G: Generator) -> Directions:
        """Take the directions over to a generator with other weights; space and dimension must fit.

        Standard deviations are estimated anew, since they belong to the generator.

        Args:
            G: The new generator.

        Returns:
            The directions, from now on those of ``G``.

        Raises:
            ValueError: If space or dimension do not fit.
        """
        foreign = generator_differences(G, self.generator, self.weights_hash)
        here = self._with(generator=None, weights_hash=None, rows=None if foreign else self.rows).for_generator(G)
        return here.in_unit("latent").in_unit("sd", G) if self.unit == "sd" and foreign else here

    # ---- files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file; all but the tensors is JSON in its header. It is written whole or not at all.

        Args:
            path: Where to; ends in ``.safetensors``.

        Raises:
            ValueError: If the path ends otherwise.
        """
        path = paths.to_write(path, endings=(".safetensors",))
        paths.write_whole(path, direction_files.pack(*direction_files.apart(self)))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, space: str | None = None, key: str | None = None) -> Directions:
        """Read directions from a file; nothing in it is ever executed.

        What the file is, is seen from its bytes: our own safetensors; a ``.npy`` array of one or more rows, as
        InterFaceGAN and LowRankGAN write; a ``.npz`` of GANSpace components (in its own standard deviations); a ``.pt``
        file with a tensor or a dictionary, such as a closed-form factorisation with its directions in the columns of
        ``eigvec``. A dictionary with a direction under each name gives them these names, and ``names`` beside an array
        those of its rows.

        Args:
            path: The file.
            space: Where the directions live, for files that do not say; ``"w"`` if not given. With ``"w+"``, two axes
                are one direction with a row for each layer.
            key: Which array to take from a file that holds several.

        Returns:
            The directions. Imported ones know no generator yet: :meth:`for_generator` binds them.

        Raises:
            ValueError: If the file is damaged, of no known kind, or would have to be executed.
        """
        content = direction_files.read(path, key)
        if content.plain is not None:
            try:
                made = cls(**content.fields)
            except (TypeError, ValueError) as error:
                raise ValueError(f"path must be an undamaged file of directions, got {str(path)!r}: {error}") from None
            if space is not None and space != made.space:
                raise ValueError(f"space must be {made.space!r}, as {str(path)!r} says, got {space!r}.")
            return made
        vectors, space = direction_files.arrange(content, space)
        scales = content.tensors.get("scales")
        unit = "latent" if scales is None else "sd"
        return cls(
            vectors,
            space,
            unit=unit,
            scales=checked.default_scales(unit, vectors) if scales is None else scales,
            scores=content.scores,
            names=checked.different(content.names) if len(content.names) == len(vectors) else (),
            method=content.kind,
            parameters={"file": paths.as_path(path).name},
        )

    def cite(self, G: Generator | None = None) -> Citation:
        """Return what a paper says of these directions: sentences with every number and hash, and BibTeX.

        Args:
            G: The generator, whose network is cited then as well.

        Raises:
            ValueError: If ``G`` is not the generator that they were made for.

        Example:
            >>> D = Directions(torch.eye(3)[:2], "z", method="sefa", parameters={"k": 2}, generator="mine")
            >>> D.cite().methods.split(". ")[0]
            'The 2 directions in z were found with SeFa (Shen and Zhou 2021) (k = 2)'
        """
        return citation_of(self, G)

    def __repr__(self) -> str:
        shown = ", ".join(self.names[:3]) + (", ..." if len(self) > 3 else "")
        size = " x ".join(map(str, self.vectors.shape))
        made_for = f"; for {self.generator}" if self.generator else ""
        return f"<Directions {size} in {self.space}: {shown}; unit {self.unit}{made_for}>"


_FIELDS = tuple(f.name for f in fields(Directions))


def as_directions(value: Any, name: str = "directions") -> Directions:
    """Return the directions that a value is, or carries as ``.directions`` like every method's result.

    Args:
        value: A ``Directions`` or a result.
        name: What the argument is called in errors.

    Returns:
        The directions.

    Raises:
        TypeError: If there are none.
    """
    found = value if isinstance(value, Directions) else getattr(value, "directions", None)
    if not isinstance(found, Directions):
        raise TypeError(f"{name} must be Directions or a result that carries them, got {type(value).__name__}.")
    return found


class _Sketch(NamedTuple):
    """Of vectors: enough to tell most that differ without a look at their numbers."""

    total: float  # of the entries, each with a weight of its own between -1 and 1
    most: float  # the entries' number times the largest
    rounding: float  # of their type

    @classmethod
    def of(cls, vectors: Tensor) -> _Sketch:
        flat = vectors.flatten().double()
        weights = torch.arange(1, len(flat) + 1, device=flat.device, dtype=flat.dtype).cos()
        most = len(flat) * float(flat.abs().amax())
        return cls(float(flat @ weights), most, map_rounding(vectors.dtype))

    def differs(self, other: _Sketch) -> bool:
        """Whether entries differ by more than rounding for certain: where none does, the totals are this near."""
        near = max(self.rounding, other.rounding) * max(self.most, other.most)
        return abs(self.total - other.total) > near


def same_direction(a: Directions, b: Directions) -> bool:
    """Whether two single directions are the same but for rounding, as where one came from a file or was found anew.

    Args:
        a: One direction.
        b: Another.

    Returns:
        Whether one slider stands for both; names do not matter.
    """
    if a is b:
        return True
    if (a.space, a.unit, a.vectors.shape) != (b.space, b.unit, b.vectors.shape) or a._sketch.differs(b._sketch):
        return False
    return same(a.vectors, b.vectors) and all(same(x, y) for x, y in zip(a.scales, b.scales, strict=True))

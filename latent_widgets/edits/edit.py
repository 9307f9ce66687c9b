"""An edit: what was done by hand, as a value that replays with no widget, in a script, on another machine."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields, replace
from typing import Any

from torch import Tensor

from latent_widgets.core import checks, paths
from latent_widgets.core.words import shown
from latent_widgets.edits import origin as _edit_origin
from latent_widgets.edits import text as _edit_text
from latent_widgets.edits.parts import Base, Move
from latent_widgets.generators.base import Generator
from latent_widgets.values.codes import Code
from latent_widgets.values.fitting import generator_differences
from latent_widgets.values.masks import Mask

__all__ = ["Base", "Code", "Edit", "Mask", "Move"]


@dataclass(frozen=True, eq=False)
class Edit:
    """A start, moves from there, and the generator they were made on.

    Attributes:
        base: Where it starts.
        moves: Moves, made in order; those in ``z`` come before the mapping, those in ``s`` after all of ``w``.
        mask: If given, only this region of the picture shows the moves; outside stands the picture of the base.
        generator: Name of the generator; None if unknown.
        weights_hash: Hash of its weights; None if unknown.
        spaces: Its latent spaces.
        origin: The expression that loads it from a link, a repository or a package; None if it came from elsewhere.

    Example:
        >>> import torch
        >>> from latent_widgets.values.directions import Directions
        >>> from latent_widgets.generators.style import StyleGenerator
        >>> from latent_widgets.generators.stylegan2 import StyleGAN2
        >>> G = StyleGenerator(StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}), "tiny")
        >>> D = Directions(torch.eye(5), "w")
        >>> edit = Edit.of(G, seed=7, truncation=0.8).move(D, 2, alpha=1.5, layers=[0, 1])
        >>> edit
        <Edit of seed 7 on tiny: direction 3 1.5 latent>
        >>> bool((Edit.from_json(edit.to_json()).apply(G) == edit.apply(G)).all())
        True
    """

    base: Base = field(default_factory=Base)
    moves: tuple[Move, ...] = ()
    mask: Mask | None = None
    generator: str | None = None
    weights_hash: str | None = None
    spaces: tuple[str, ...] = ()
    origin: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "moves", tuple(self.moves))
        object.__setattr__(self, "spaces", tuple(checks.string("spaces", space) for space in self.spaces))
        for name in ("generator", "weights_hash"):
            given = getattr(self, name)
            object.__setattr__(self, name, None if given is None else checks.string(name, given))
        if not isinstance(self.base, Base):
            raise TypeError(f"base must be a Base, got {type(self.base).__name__}. Use Edit.of(G, seed=...).")
        _edit_origin.checked(self.origin)
        if any(not isinstance(move, Move) for move in self.moves):
            raise TypeError(
                f"moves must be Move values, got {shown(self.moves)}. Use edit.move(directions, index, alpha)."
            )
        if self.mask is not None and not isinstance(self.mask, Mask):
            raise TypeError(f"mask must be a Mask, got {type(self.mask).__name__}. Use Mask(array).")

    @classmethod
    def of(cls, G: Generator, *, mask: Mask | None = None, **base: Any) -> Edit:
        """Begin an edit on a generator.

        Args:
            G: The generator.
            mask: The region that shows the moves.
            **base: Fields of :class:`Base`: ``seed``, ``truncation``, ``code``...

        Returns:
            An edit without moves.

        Raises:
            TypeError: If a keyword is unknown.
        """
        checks.known_keywords("Edit.of", base, [f.name for f in fields(Base)])
        base = {"condition": G.class_number} | base  # of the same network, loaded for another class, it draws this one
        return cls(Base(**base), (), mask, G.name, G.weights_hash, G.spaces, _edit_origin.shared(G.origin))

    def move(self, directions: Any, index: int | str = 0, alpha: float = 1.0, **options: Any) -> Edit:
        """Return the edit with one more move.

        Args:
            directions: ``Directions`` or a result that carries them.
            index: Which of them, by number or name.
            alpha: How far, in their unit.
            **options: ``layers``, ``kind`` or ``enabled``, see :class:`Move`.

        Returns:
            The new edit.

        Raises:
            TypeError: If a keyword is unknown.
            ValueError: If the directions were made for other weights.
        """
        checks.known_keywords("move", options, ["layers", "kind", "enabled"])
        move = Move.of(directions, index, alpha, **options)
        made_for = (self.weights_hash, move.direction.weights_hash)
        if None not in made_for and len(set(made_for)) > 1:
            raise ValueError(
                f"directions must belong to the generator of the edit, {self.generator!r}, got some for "
                f"{move.direction.generator!r}. Use directions.adopt(G) to take them over."
            )
        return replace(self, moves=(*self.moves, move))

    # ---- on a generator

    def code(self, G: Generator, *, adopt: bool = False) -> Code:
        """Find the edited code.

        Args:
            G: The generator.
            adopt: Whether to replay on other weights than those that the edit was made on.

        Returns:
            The code: in ``w+`` if rows differ, else in the space of the moves (``w``, or ``z`` without a mapping).

        Raises:
            ValueError: If the generator has other weights, or lacks a space, layer or dimension.
        """
        self._check(G, adopt)
        moves = [move for move in self.moves if move.enabled]
        point, space = self.base.place(G, [move for move in moves if move.space == "z"])
        for move in (move for move in moves if move.space in ("w", "w+")):
            if space not in ("w", "w+"):
                raise ValueError(f"base must be in w or w+ for a move in {move.space}, got one in {space}.")
            if space == "w" and (move.rows is not None or move.space == "w+"):
                point, space = G.broadcast(point)[0], "w+"
            point = move.apply(G, point)
        for move in (move for move in moves if move.space == "s"):
            if space != "s":
                point, space = _styles(G, point, space), "s"
            point = move.apply(G, point)
        other_class = self.base.condition not in (None, G.class_number)  # a seed alone would give that of G
        untouched = not (moves or other_class) and self.base.second_seed is None and self.base.mix_seed is None
        return Code(point, space, self.base.seed if untouched else None, self.base.truncation if untouched else None)

    def apply(self, G: Generator, *, adopt: bool = False) -> Tensor:
        """Draw the edited picture.

        Args:
            G: The generator.
            adopt: As for :meth:`code`.

        Returns:
            ``(1, 3, H, W)``.

        Raises:
            ValueError: As for :meth:`code`.
        """
        edited = self.code(G, adopt=adopt)
        image = G.synthesize(edited.tensor[None], edited.space)
        if self.mask is None:
            return image
        before = replace(self, moves=(), mask=None).apply(G, adopt=adopt)
        weights = self.mask.weights(*image.shape[-2:]).to(image)
        return before + weights * (image - before)

    def _check(self, G: Generator, adopt: bool) -> None:
        different = [] if checks.flag("adopt", adopt) else generator_differences(G, self.generator, self.weights_hash)
        if different:
            different += [f"spaces ({', '.join(self.spaces)}, here {', '.join(G.spaces)})"] * (self.spaces != G.spaces)
            message = "edit must be replayed on the generator that it was made on, got another"
            raise ValueError(f"{message} {'; '.join(different)}. Use adopt=True to replay it all the same.")
        for move in self.moves:
            if move.enabled and (misfits := move.direction.misfits(G)):
                message = f"edit must fit the generator, got another {'; '.join(misfits)}"
                raise ValueError(f"{message} for the move along {move.name!r}.")

    # ---- as text

    def to_json(self) -> str:
        """Return the edit as JSON that keeps every bit of every number; :meth:`from_json` reads it."""
        return json.dumps(_edit_text.edit_to_plain(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Edit:
        """Read what :meth:`to_json` wrote.

        Args:
            text: The JSON.

        Returns:
            An edit that gives the same picture.

        Raises:
            TypeError: If it is no text.
            ValueError: If the text is no edit, or one of a newer format.
        """
        found = _edit_text.edit_from_plain(_edit_text.parse(text, "edit"))
        try:
            return cls(**found)
        except TypeError as error:
            raise ValueError(f"text must hold all fields of an edit, got a wrong one: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`to_json` to a file, whole or not at all."""
        paths.write_whole(paths.to_write(path), self.to_json().encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Edit:
        """Read what :meth:`save` wrote."""
        return cls.from_json(paths.to_read(path).read_text(encoding="utf-8", errors="replace"))

    def to_python(self, load: str | None = None) -> str:
        """Return a program that draws the same picture with no widget.

        Directions are computed anew where their method and seed determine them, and written out otherwise.

        Args:
            load: The expression that loads the generator; ``origin``, or else ``lw.load(name)``, if not given.

        Returns:
            Python source; it ends with the picture in ``image``.
        """
        return _edit_text.edit_to_python(self, load)

    def __repr__(self) -> str:
        start = f"seed {self.base.seed}" if self.base.code is None else f"a code in {self.base.code.space}"
        moves = ", ".join(f"{m.name} {m.alpha:g} {m.unit}" for m in self.moves if m.enabled) or "no moves"
        return f"<Edit of {start} on {self.generator or 'any generator'}: {moves}>"


def _styles(G: Generator, point: Tensor, space: str) -> Tensor:
    G.check_space("s")
    styles = getattr(G, "styles", None)
    if styles is None or space not in ("w", "w+"):
        raise ValueError(f"base must be in s for a move in s on {G.name!r}, got one in {space}.")
    result: Tensor = styles(point[None], space)[0]
    return result

"""Local Basis (Choi et al. 2022): the singular vectors of the mapping's differential at one latent."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, Self

from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.steps import OnStep
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.decomposition import SVD
from latent_widgets.geometry.jacobian.differential import Differential, differential
from latent_widgets.geometry.jacobian.rank import RANK_METHODS, RankMethod, estimate_rank
from latent_widgets.methods.local_basis_files import read_basis, write_basis
from latent_widgets.values.directions import Directions
from latent_widgets.values.units import latent_sd

__all__ = ["LocalBasis", "basis_at", "local_bases", "local_basis"]


@dataclass(frozen=True, eq=False)
class LocalBasis:
    """The directions in which the generator moves most at one latent.

    Attributes:
        directions: ``k`` orthonormal directions in the generator's main space, largest singular value first; the entry
            of largest magnitude of each is positive.
        singular_values: All that were computed, descending: how far the target moves for a unit step of the input.
        input_directions: ``(k, d)``, the unit steps of the input that move the target most: for the target ``"w"`` the
            directions in ``z`` whose images are ``singular_values * directions``; else the directions themselves.
        rank: How many singular values count by ``rank_method``; None if not all are known.
        rank_method: The rule.
        shape: Rows and columns of the Jacobian.
        code: ``(d,)``, where in the main space.
        z: ``(z_dim,)``, the latent.
        target: ``"w"``, ``"image"`` or a layer.
        floor: Singular values below ``floor`` times the first are rounding noise, and no rank counts them.
        svd: For an image or a layer the decomposition, whose ``bounds`` say how far the values may be off.
    """

    directions: Directions
    singular_values: Tensor
    input_directions: Tensor
    rank: int | None
    rank_method: RankMethod
    shape: tuple[int, int]
    code: Tensor
    z: Tensor
    target: str
    floor: float | None = None
    svd: SVD | None = None

    def __repr__(self) -> str:
        rank = "" if self.rank is None else f", rank {self.rank} by {self.rank_method}"
        return f"<LocalBasis of {len(self.directions)} directions, target {self.target}{rank}>"

    @property
    def ranks(self) -> dict[str, int]:
        """The rank by every rule; empty if not all singular values are known."""
        if self.rank is None:
            return {}
        return {rule: estimate_rank(self.singular_values, self.shape, rule, self.floor) for rule in RANK_METHODS}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a safetensors file; all but the tensors is JSON in its header. It is written whole or not at all.

        Args:
            path: Where to; ends in ``.safetensors``.

        Returns:
            The path, ``~`` written out.

        Raises:
            TypeError: If a field has another type than it should.
            ValueError: If the path ends otherwise, or a field does not fit the others, so that :meth:`load` would
                refuse the file.

        Example:
            >>> from latent_widgets.generators.exact import ExactFaces
            >>> G = ExactFaces(resolution=16)
            >>> local_basis(G, G.sample_z(1), k=2).save("basis.txt")
            Traceback (most recent call last):
            ...
            ValueError: path must end in .safetensors, got 'basis.txt'.
        """
        return write_basis(path, {each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote, bit for bit; nothing in the file is ever executed.

        Args:
            path: The file.

        Returns:
            The basis, its tensors in the types that they had, on the CPU. It needs no generator;
            ``basis.directions.for_generator(G)`` checks that it is used on its own.

        Raises:
            ValueError: If the file is missing, a folder, damaged, of another kind, or written by a newer version.

        Example:
            >>> import tempfile
            >>> from latent_widgets.generators.exact import ExactFaces
            >>> G = ExactFaces(resolution=16, entanglement=0.0)
            >>> B = local_basis(G, G.sample_z(1, seed=3), k=4)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     LocalBasis.load(B.save(f"{folder}/basis.safetensors"))
            <LocalBasis of 4 directions, target w, rank 37 by energy>
        """
        return cls(**read_basis(path))


@exact()
def local_basis(
    G: Generator,
    z: Tensor,
    target: str = "w",
    k: int | None = None,
    rank_method: RankMethod = "energy",
    *,
    method: Literal["exact", "lanczos", "randomized", "progressive"] = "exact",
    start: LocalBasis | None = None,
    budget_bytes: int | None = None,
    on_step: OnStep | None = None,
) -> LocalBasis:
    r"""Find the Local Basis at a latent.

    Choi et al. (ICLR 2022, "Do Not Escape From the Manifold: Discovering the Local Coordinates on the Latent Space of
    GANs") take the differential of the mapping, :math:`dw/dz = U S V^\top`, and call the columns of :math:`U`, ordered
    by singular value, the Local Basis at :math:`w`; they span the best low-rank approximation of the tangent space.
    Their step is a distance in ``w``. The targets ``"image"`` and layers are an extension: right singular vectors of
    the differential of the synthesis.

    Args:
        G: The generator.
        z: The latent, ``(z_dim,)`` or ``(1, z_dim)``.
        target: ``"w"`` as published; ``"image"`` or one of ``G.layer_names`` for what these see of a step of the code.
        k: How many directions to keep; all if not given.
        rank_method: How to estimate the rank: ``"energy"``, ``"kritchman-nadler"`` or ``"gap"``, see
            ``latent_widgets.geometry.jacobian.rank``. The paper estimates none.
        method: For an image or a layer, how to find singular values, see ``JacobianOperator.svd``; all but ``"exact"``
            find ``k`` of them only.
        start: For ``method="progressive"``, the basis at a latent nearby, which saves products.
        budget_bytes: For an image or a layer, what products may take, see ``memory`` of ``JacobianOperator``. Where
            that does not hold the whole Jacobian, ``"exact"`` decomposes its Gram, with half the digits.
        on_step: Called once a latent is done; with ``method="progressive"`` also as products are made, with the
            decomposition so far, and ``False`` keeps that.

    Returns:
        The basis.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the generator has no mapping network and the target is ``"w"``, or something does not fit.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16, entanglement=0.0)
        >>> B = local_basis(G, G.sample_z(1, seed=3), k=4)
        >>> B
        <LocalBasis of 4 directions, target w, rank 37 by energy>
        >>> B.directions.vectors.shape[0], round(float(B.singular_values[0]), 4)
        (4, 2.0)
    """
    (basis,) = local_bases(
        G, _single(G, z), target, k, rank_method, method=method, start=start, budget_bytes=budget_bytes, on_step=on_step
    )
    return basis


@exact()
def local_bases(
    G: Generator,
    z: Tensor,
    target: str = "w",
    k: int | None = None,
    rank_method: RankMethod = "energy",
    *,
    method: Literal["exact", "lanczos", "randomized", "progressive"] = "exact",
    start: LocalBasis | None = None,
    budget_bytes: int | None = None,
    on_step: OnStep | None = None,
) -> tuple[LocalBasis, ...]:
    """Find the Local Basis at many latents; arguments as for :func:`local_basis`, for the mapping all at once.

    Args:
        G: The generator.
        z: ``(n, z_dim)``.
        target: As for :func:`local_basis`.
        k: As for :func:`local_basis`.
        rank_method: As for :func:`local_basis`.
        method: As for :func:`local_basis`.
        start: As for :func:`local_basis`; each further latent begins anew.
        budget_bytes: As for :func:`local_basis`.
        on_step: Called after each latent (for ``"w"``, each batch); ``False`` ends the run.

    Returns:
        One basis for each latent, fewer if the run was cancelled.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If something does not fit.
    """
    checks.choice("rank_method", rank_method, RANK_METHODS)
    checks.choice("method", method, ("exact", "lanczos", "randomized", "progressive"))
    if budget_bytes is not None:
        checks.integer("budget_bytes", budget_bytes, 1)
    if start is not None and (target == "w" or method != "progressive"):
        raise ValueError(
            "start must be left out unless method='progressive' finds the basis of a picture or a layer, got target "
            f"{target!r} and method {method!r}."
        )
    if start is not None and start.target != target:
        raise ValueError(f"start must be a basis of target {target!r}, got one of {start.target!r}.")
    found = differential(
        G,
        z,
        target,
        k,
        method,
        on_step,
        None if start is None else start.svd or start.input_directions.mT,
        budget_bytes=budget_bytes,
    )
    scales = [latent_sd(G, vectors.mT, found.space) for vectors in found.directions]
    return tuple(basis_at(found, i, one, rank_method, G.name, G.weights_hash) for i, one in enumerate(scales))


def _single(G: Generator, z: Tensor) -> Tensor:
    batch, _ = G.check_code(z, "z", name="z")
    if len(batch) != 1:
        raise ValueError(f"z must be one latent, got {len(batch)}. Use local_bases(G, z) for many.")
    return batch


def basis_at(
    found: Differential, i: int, scales: Tensor, rank_method: RankMethod, generator: str, weights_hash: str
) -> LocalBasis:
    """Put together the basis of one of several latents.

    Args:
        found: What was found at all of them.
        i: Which.
        scales: ``(k,)``, the unit of each direction.
        rank_method: The rule.
        generator: What the generator is called.
        weights_hash: Its identity.

    Returns:
        The basis.
    """
    vectors, S = found.directions[i].mT, found.singular_values[i]
    directions = Directions(
        vectors,
        found.space,
        unit="sd",
        scales=scales,
        names=tuple(f"local basis {j + 1}" for j in range(len(vectors))),
        scores={"singular value": S[: len(vectors)]},
        method="local_basis",
        parameters={"target": found.target, "k": len(vectors), "rank_method": rank_method},
        generator=generator,
        weights_hash=weights_hash,
    )
    rank = estimate_rank(S, found.shape, rank_method, found.floor) if found.complete else None
    return LocalBasis(
        directions,
        S,
        found.inputs[i].mT,
        rank,
        rank_method,
        found.shape,
        found.codes[i],
        found.z[i],
        found.target,
        found.floor,
        found.svds[i] if found.svds else None,
    )

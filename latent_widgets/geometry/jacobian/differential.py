"""Singular bases of a generator's differential at one or many latents: what Local Basis, curves and warpage share."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.forward import load_rules
from latent_widgets.core.steps import OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.decomposition import SVD, fix_signs
from latent_widgets.geometry.jacobian.functions import mapping_function, target_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.jacobian.targets import check_target

__all__ = ["Differential", "differential", "differential_at", "latents_at_once", "mapping_jacobians"]


@dataclass(frozen=True, eq=False)
class Differential:
    """Singular values and vectors of the differential at ``n`` latents.

    For the target ``"w"`` the differential is that of the mapping, ``J = U S V'``: ``directions`` are the columns of
    U, in ``w``, and ``inputs`` those of V, in ``z``. For an image or a layer it is that of the synthesis at the code,
    and ``directions`` and ``inputs`` are the same right singular vectors, in the space of the code. The largest entry
    of every direction is positive.

    Attributes:
        z: ``(n, z_dim)``.
        codes: ``(n, d)``, in ``space``.
        space: ``"w"``, or ``"z"`` without a mapping.
        target: ``"w"``, ``"image"`` or a layer.
        directions: ``(n, d, r)`` orthonormal columns.
        singular_values: ``(n, r)``, descending; for ``"w"`` all of them.
        inputs: ``(n, d_in, r)`` orthonormal columns.
        shape: Rows and columns of the Jacobian.
        complete: Whether these are all its singular values.
        floor: Singular values below ``floor`` times the first are rounding noise.
        total: How many latents were asked for; more than ``n`` if the run was cancelled.
        svds: For an image or a layer the decomposition at each latent.
    """

    z: Tensor
    codes: Tensor
    space: str
    target: str
    directions: Tensor
    singular_values: Tensor
    inputs: Tensor
    shape: tuple[int, int]
    complete: bool
    floor: float
    total: int
    svds: tuple[SVD, ...] = ()

    @property
    def step_vectors(self) -> Tensor:
        """``(n, d_in, r)``: the changes of the input that move the code by one unit along each direction."""
        if self.target != "w":
            return self.inputs
        kept = self.inputs.shape[2]  # of the singular values there may be more
        usable, values = self.usable[:, None, :kept], self.singular_values[:, None, :kept]
        return torch.where(usable, self.inputs / torch.where(usable, values, 1), 0)

    @property
    def usable(self) -> Tensor:
        """``(n, r)``: the directions with a singular value of at least 1/1000 of the largest."""
        return self.singular_values >= 1e-3 * self.singular_values[:, :1]


def mapping_jacobians(G: Generator, z: Tensor) -> Tensor:
    """Return dw/dz at many latents, in reverse mode under ``vmap`` over latents and outputs.

    Args:
        G: A generator with a mapping network.
        z: ``(n, z_dim)``.

    Returns:
        ``(n, w_dim, z_dim)``.

    Raises:
        ValueError: If the generator has no mapping network, or a derivative is not finite.
    """
    f = mapping_function(G, z[:1])
    J: Tensor | None = None
    load_rules()
    if f.known.reverse or JacobianOperator(f, f.x0).products.reverse_holds():
        with suppress(RuntimeError), torch.inference_mode(False), torch.no_grad(), exact():
            J = torch.func.vmap(torch.func.jacrev(f))(z.detach().clone())
    if J is None:  # something in the mapping cannot be transformed: one latent at a time, in whatever mode works
        J = torch.stack([JacobianOperator(f, point).dense() for point in z])
    if not bool(J.isfinite().all()):
        raise ValueError(
            "The derivative of w must be finite, got NaN or infinity. The mapping has none at some latent."
        )
    return J.detach()


@exact()
def differential(
    G: Generator,
    z: Tensor,
    target: str = "w",
    k: int | None = None,
    method: str = "exact",
    on_step: OnStep | None = None,
    start: SVD | Tensor | None = None,
    inside: OnStep | None = None,
    budget_bytes: int | None = None,
) -> Differential:
    """Compute singular bases at one or many latents.

    Args:
        G: The generator.
        z: ``(n, z_dim)`` or ``(z_dim,)``.
        target: ``"w"``, ``"image"`` or one of ``G.layer_names``.
        k: How many singular vectors to keep; all if not given.
        method: For an image or a layer, how to find them, see ``JacobianOperator.svd``.
        on_step: Called after each latent (for ``"w"``, after a batch of them); ``False`` ends the run. At a single
            latent ``"progressive"`` calls it as products are made, and ``False`` keeps what is there.
        start: For ``"progressive"``, where the first latent begins, see ``JacobianOperator.svd``.
        inside: Called after products for one latent, for an image or a layer.
        budget_bytes: For an image or a layer, what products may take, see ``memory`` of ``JacobianOperator``.

    Returns:
        The bases of the latents that were finished: one at least.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the target does not exist, ``z`` does not fit, or ``k`` is too large.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> D = differential(G, G.sample_z(3))
        >>> torch.allclose(D.inputs.mT @ D.inputs, torch.eye(G.z_dim).expand(3, -1, -1), atol=1e-5)
        True
    """
    check_target(G, target)
    z = G.check_code(z, "z", name="z")[0].detach().clone()
    codes = G.map(z).detach() if "w" in G.spaces else z
    if target == "w":
        return _of_mapping(G, z, codes, target, k, on_step)
    return _of_synthesis(G, z, codes, target, k, method, on_step, start, inside, budget_bytes)


@exact()
def differential_at(G: Generator, codes: Tensor, target: str) -> Differential:
    """Compute singular bases of the synthesis at codes whose latents are not known.

    Args:
        G: The generator.
        codes: ``(n, d)``, in its main space.
        target: ``"image"`` or one of ``G.layer_names``.

    Returns:
        The bases; ``z`` is NaN.
    """
    return _of_synthesis(G, codes.new_full((len(codes), G.z_dim), torch.nan), codes, target, None, "exact", None)


def _of_mapping(
    G: Generator, z: Tensor, codes: Tensor, target: str, k: int | None, on_step: OnStep | None
) -> Differential:
    m, d = codes.shape[1], z.shape[1]
    k = min(m, d) if k is None else checks.integer("k", k, 1, min(m, d))
    parts: list[tuple[Tensor, ...]] = []
    done = 0
    for chunk in z.split(latents_at_once(m, d, z.device.type)):
        U, S, Vh = torch.linalg.svd(mapping_jacobians(G, chunk), full_matrices=False)
        U, V = fix_signs(U[:, :, :k], Vh.mT[:, :, :k])
        parts.append((U, S, V))
        done += len(chunk)
        if not report(on_step, done, len(z)):
            break
    directions, values, inputs = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    floor = 8 * torch.finfo(z.dtype).eps
    return Differential(
        z[:done], codes[:done], "w", target, directions, values, inputs, (m, d), True, floor, len(z)
    )  # all values are kept: the rank needs them, and they are few


# Numbers in one layer of the batch that passes through the mapping, one row for each output of each latent: 16 MiB of
# float32, and on a GPU, which wants to be filled, 256 MiB.
_WIDTH = {"cpu": 2**22, "cuda": 2**26}


def latents_at_once(w_dim: int, z_dim: int, device: str) -> int:
    """Return for how many latents the mapping is differentiated at once.

    Args:
        w_dim: Length of ``w``.
        z_dim: Length of ``z``.
        device: The kind of the device.

    Returns:
        How many, from 1.

    Example:
        >>> latents_at_once(512, 512, "cpu"), latents_at_once(512, 512, "cuda"), latents_at_once(4096, 512, "cpu")
        (16, 256, 1)
    """
    return max(1, _WIDTH.get(device, _WIDTH["cpu"]) // (w_dim * max(w_dim, z_dim)))


def _of_synthesis(
    G: Generator,
    z: Tensor,
    codes: Tensor,
    target: str,
    k: int | None,
    method: str,
    on_step: OnStep | None,
    start: SVD | Tensor | None = None,
    inside: OnStep | None = None,
    budget_bytes: int | None = None,
) -> Differential:
    parts: list[SVD] = []
    inner = on_step if method == "progressive" and len(codes) == 1 else None
    for i, code in enumerate(codes):
        f = target_function(G, code, target)
        J = JacobianOperator(f, f.x0, memory=budget_bytes)
        checks.integer("k", min(J.shape) if k is None else k, 1, min(J.shape))
        parts.append(J.svd(None if method == "exact" else k, method, left=False, start=start, on_step=inner or inside))
        start = None
        if parts[-1].stopped == "cancelled" or not report(on_step, i + 1, len(codes)):
            break
    V = torch.stack([part.V[:, :k] for part in parts])
    S = torch.stack([part.S for part in parts])
    done, first = len(parts), parts[0]
    return Differential(
        z[:done],
        codes[:done],
        G.main_space,
        target,
        V,
        S,
        V,
        J.shape,
        first.complete,
        first.floor,
        len(z),
        tuple(parts),
    )

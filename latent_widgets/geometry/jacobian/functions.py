"""A generator seen as a function of one vector: what a Jacobian is taken of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import steady, with_digits
from latent_widgets.geometry.jacobian.agreement import Known
from latent_widgets.geometry.jacobian.targets import check_mapping, check_target
from latent_widgets.geometry.jacobian.watch import Look
from latent_widgets.values.fitting import rows_of

__all__ = [
    "VectorFunction",
    "feature_function",
    "image_function",
    "mapping_function",
    "preview_function",
    "target_function",
]


@dataclass(frozen=True, eq=False)
class OwnCall:
    """A function that calls a network of this package.

    Attributes:
        call: The function.
        looks: By the type of its numbers what a call was seen to make, shared by all calls that make the same.
    """

    call: Callable[[Tensor], Tensor]
    looks: dict[torch.dtype, Look]

    def __call__(self, x: Tensor) -> Tensor:
        """Evaluate the function."""
        return self.call(x)


@dataclass(frozen=True, eq=False)
class VectorFunction:
    """A differentiable function of a vector, and the point at which it is looked at.

    Attributes:
        call: The function, from ``(d,)``.
        x0: The point, ``(d,)``.
        space: The space in which small changes of ``x0`` live.
        rows: The rows of ``w+`` that the vector acts on; None for all, or where there are none.
        known: What is known of its derivatives; functions of the same generator, target and space share it.
    """

    call: Callable[[Tensor], Tensor]
    x0: Tensor
    space: str
    rows: tuple[int, ...] | None = None
    known: Known = field(default_factory=Known)

    def __call__(self, x: Tensor) -> Tensor:
        """Evaluate the function."""
        return self.call(x)


def mapping_function(G: Generator, z: Tensor) -> VectorFunction:
    """Return the mapping network as a function from ``z`` to ``w``.

    Args:
        G: A generator with a mapping network.
        z: ``(z_dim,)`` or ``(1, z_dim)``.

    Returns:
        The function, ``(z_dim,)`` to ``(w_dim,)``.

    Raises:
        TypeError: If ``z`` is no tensor of the generator's type.
        ValueError: If the generator has no mapping network, or ``z`` does not fit.

    Example:
        >>> from latent_widgets.generators.style import StyleGenerator
        >>> from latent_widgets.generators.stylegan2 import StyleGAN2
        >>> G = StyleGenerator(StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}))
        >>> f = mapping_function(G, G.sample_z()[0])
        >>> f(f.x0).shape
        torch.Size([5])
    """
    check_mapping(G)
    return VectorFunction(lambda z: G.map(z[None])[0], _one(G, z, "z", "z")[0], "z", known=known_of(G, "w", "z"))


def image_function(
    G: Generator, code: Any, rows: Sequence[int] | None = None, *, space: str | None = None, shared: bool = False
) -> VectorFunction:
    """Return the picture as a function of a code.

    With ``rows`` only these rows of ``w+`` follow the vector and all others stay. For a ``w`` the vector is the one
    ``w`` of all these rows; for a ``w+`` it is the rows themselves, one after the other, or with ``shared`` a step in
    ``w`` that all these rows make together.

    Args:
        G: The generator.
        code: One code: ``(d,)``, ``(1, d)``, or ``w+`` as ``(num_layers, w_dim)`` or with a first axis of one; or a
            ``Code``.
        rows: Rows of ``w+``; all if not given.
        space: The space of the code; found from its shape if not given.
        shared: Whether the rows of a ``w+`` make one step in ``w`` together.

    Returns:
        The function, to ``(3, H, W)``.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the code is not one code of the generator, or a row does not exist.

    Example:
        >>> from latent_widgets.generators.style import StyleGenerator
        >>> from latent_widgets.generators.stylegan2 import StyleGAN2
        >>> G = StyleGenerator(StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}))
        >>> f = image_function(G, G.broadcast(G.code(0)), rows=[1, 2])
        >>> f.x0.shape, f(f.x0).shape
        (torch.Size([10]), torch.Size([3, 8, 8]))
    """
    return _picture_function(G, code, rows, space, "image", lambda code, space: G.synthesize(code, space)[0], shared)


def preview_function(
    G: Generator,
    code: Any,
    resolution: int,
    rows: Sequence[int] | None = None,
    *,
    space: str | None = None,
    shared: bool = False,
) -> VectorFunction:
    """Return the network's own small picture as a function of a code; arguments as for :func:`image_function`.

    Args:
        G: The generator.
        code: One code.
        resolution: One of ``G.preview_resolutions``.
        rows: Rows of ``w+``; all if not given.
        space: The space of the code; found from its shape if not given.
        shared: Whether the rows of a ``w+`` make one step in ``w`` together.

    Returns:
        The function, to ``(3, resolution, resolution)``.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the code is not one code of the generator, or it has no such picture.
    """

    def draw(code: Tensor, space: str) -> Tensor:
        return G.preview(code, resolution, space)[0]

    return _picture_function(G, code, rows, space, "image", draw, shared, resolution)


def feature_function(
    G: Generator, code: Any, layer: str, rows: Sequence[int] | None = None, *, space: str | None = None
) -> VectorFunction:
    """Return the features at a layer as a function of a code; arguments as for :func:`image_function`.

    Args:
        G: The generator.
        code: One code.
        layer: One of ``G.layer_names``.
        rows: Rows of ``w+``; all if not given.
        space: The space of the code; found from its shape if not given.

    Returns:
        The function, to ``(C, h, w)``.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the code is not one code of the generator, or a layer or row does not exist.
    """
    (layer,) = G.check_layers([layer])
    return _picture_function(
        G, code, rows, space, layer, lambda code, space: G.features(code, [layer], space)[layer][0]
    )


def target_function(G: Generator, code: Any, target: str, rows: Sequence[int] | None = None) -> VectorFunction:
    """Return what a name asks for: ``"w"`` (of a ``z``), ``"image"``, or a layer (of a code in any space).

    Args:
        G: The generator.
        code: A ``z`` for ``"w"``, else one code.
        target: ``"w"``, ``"image"`` or one of ``G.layer_names``.
        rows: Rows of ``w+``, not for ``"w"``.

    Returns:
        The function.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the target does not exist, or something does not fit.
    """
    if check_target(G, target) == "w":
        return mapping_function(G, code)
    return image_function(G, code, rows) if target == "image" else feature_function(G, code, target, rows)


def known_of(G: Generator, target: str, space: str) -> Known:
    """Return what is known of a generator's derivatives, to be added to: all of a network of this package."""
    if G.own_network:
        return Known(True, True, True)
    found: Known = G.findings.setdefault((target, space), Known())
    return found


def _one(G: Generator, code: Any, space: str | None, name: str = "code") -> tuple[Tensor, str]:
    if isinstance(code, Tensor) and space is None and "w+" in G.spaces and code.shape == (G.num_layers, G.w_dim):
        space = "w+" if code.shape[0] > 1 else None  # else a batch of one w
    batch, space = with_digits(steady(G)).check_code(code, space, name)
    if len(batch) != 1:
        raise ValueError(f"{name} must be one code, got {len(batch)}. Take one: {name}[0].")
    return batch[0].detach().clone(), space  # the caller may go on with the tensor


def _picture_function(
    G: Generator,
    code: Any,
    rows: Sequence[int] | None,
    space: str | None,
    target: str,
    draw: Callable[[Tensor, str], Tensor],
    shared: bool = False,
    side: int | None = None,
) -> VectorFunction:
    def made(
        call: Callable[[Tensor], Tensor], x0: Tensor, space: str, rows: tuple[int, ...] | None, known: Known
    ) -> VectorFunction:
        if G.own_network:
            call = OwnCall(call, G.findings.setdefault(("looks", target, side, shared, space, rows, len(x0)), {}))
        return VectorFunction(call, x0, space, rows, known)

    point, space = _one(G, code, space)
    if rows is None and space != "w+":
        return made(lambda x: draw(x[None], space), point, space, None, known_of(G, target, space))
    known = known_of(G, target, "w+")
    G.check_space("w+")
    chosen = rows_of(rows, space, G.num_layers, "rows")
    moved = tuple(range(G.num_layers)) if chosen is None else chosen
    base = G.broadcast(point[None])[0] if space == "w" else point
    if shared and space == "w+":
        acts = base.new_zeros(G.num_layers, 1)
        acts[list(moved)] = 1
        here = base.new_zeros(base.shape[1])
        return made(lambda x: draw((base + acts * x)[None], "w+"), here, "w", chosen, known)

    def spread(x: Tensor) -> Tensor:
        parts = dict(zip(moved, x.expand(len(moved), -1) if space == "w" else x.reshape(len(moved), -1), strict=True))
        return torch.stack([parts.get(row, base[row]) for row in range(G.num_layers)])

    x0 = point if space == "w" else point[list(moved)].reshape(-1)
    return made(lambda x: draw(spread(x)[None], "w+"), x0, space, moved, known)

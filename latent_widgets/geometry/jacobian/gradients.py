"""Gradients through a generator, for what is optimised: whether there are any, and whether they are right."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from latent_widgets.core.exact import exact
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import steady, with_weights
from latent_widgets.geometry.jacobian.functions import VectorFunction, known_of
from latent_widgets.geometry.jacobian.operator import JacobianOperator

__all__ = ["check_gradients"]


@exact()
def check_gradients(G: Generator, space: str, layers: Iterable[str] = ("image",)) -> None:
    """Refuse a network that cannot be optimised through: tried once for each space and choice of layers.

    Args:
        G: The generator.
        space: Where the codes are moved.
        layers: What is looked at: ``"image"`` and names of ``G.layer_names``.

    Raises:
        ValueError: If reverse mode gives no derivative, or another one than forward mode and the values.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> check_gradients(ExactFaces(resolution=16), "w")
    """
    names = tuple(dict.fromkeys(layers))
    known = known_of(with_weights(steady(G)), " ".join(names), space)
    if known.reverse is None:
        code = G.sample_z(1) if space == "z" else G.code(seed=0)[None]
        code = G.broadcast(code) if space == "w+" else code

        def looked(x: Tensor) -> list[Tensor]:
            inner, batch = [name for name in names if name != "image"], x.reshape(code.shape)
            found = G.features(batch, inner, space) if inner else {}
            return [found[name] if name in found else G.synthesize(batch, space) for name in names]

        with torch.no_grad():  # every layer counts as much, whatever the size of its features
            sizes = [float(x.double().square().sum().sqrt()) or 1.0 for x in looked(code)]

        def call(x: Tensor) -> Tensor:
            return torch.cat([(f / size).flatten() for f, size in zip(looked(x), sizes, strict=True)])

        point = code.detach().flatten()
        JacobianOperator(VectorFunction(call, point, space, known=known), point).products.reverse_holds()
    if not known.reverse:
        raise ValueError(
            "the network must have gradients in reverse mode, got one that cuts them off. Take no_grad, "
            "inference_mode, detach and NumPy out of its forward."
        )

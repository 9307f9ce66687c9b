"""From a description to a network: the architectures that weights files name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from latent_widgets.generators._conditions import class_vector
from latent_widgets.generators.base import Generator
from latent_widgets.generators.dcgan import DCGAN, PlainGenerator
from latent_widgets.generators.dcgan_batch import BatchDCGAN
from latent_widgets.generators.pggan import PGGAN
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan1 import StyleGAN1
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.generators.stylegan3 import StyleGAN3
from latent_widgets.generators.stylegan3_layers import InputSpec, LayerSpec

__all__ = ["ARCHITECTURES", "CONDITIONAL", "OURS", "WITH_TANH", "build_network", "wrap"]

_STYLED = (StyleGAN1, StyleGAN2, StyleGAN3)
_PLAIN = (DCGAN, BatchDCGAN, PGGAN)
OURS = (*_STYLED, *_PLAIN)
"""The classes of networks that are wrapped as they are."""


def _by_side(config: Mapping[str, Any]) -> dict[str, Any]:
    return {**config, "channels": {int(side): n for side, n in config["channels"].items()}}  # JSON has no integer keys


def _stylegan3(config: Mapping[str, Any]) -> nn.Module:
    layers = tuple(LayerSpec(**{**layer, "padding": tuple(layer["padding"])}) for layer in config["layers"])
    return StyleGAN3(**{**config, "input": InputSpec(**config["input"]), "layers": layers})


ARCHITECTURES: dict[str, Callable[[Mapping[str, Any]], nn.Module]] = {
    "stylegan2": lambda config: StyleGAN2(**_by_side(config)),
    "stylegan3": _stylegan3,
    "stylegan1": lambda config: StyleGAN1(**_by_side(config)),
    "pggan": lambda config: PGGAN(**config),
    "dcgan": lambda config: DCGAN(**_by_side(config)),
    "dcgan_batch": lambda config: BatchDCGAN(**config),
}
CONDITIONAL = ("stylegan1", "stylegan2", "stylegan3")
WITH_TANH = ("pggan", "stylegan1", "stylegan2")


def build_network(architecture: str, config: Mapping[str, Any]) -> nn.Module:
    """Build a network with random weights.

    Args:
        architecture: One of :data:`ARCHITECTURES`.
        config: The arguments of its class, as JSON knows them.
    """
    return ARCHITECTURES[architecture](config)


def wrap(network: nn.Module, name: str, condition: int | Tensor | None = None) -> Generator:
    """Make a network of ours a generator.

    Args:
        network: What :func:`build_network` returned.
        name: What to call it.
        condition: The class that a conditional network draws.

    Raises:
        TypeError: If it is another kind of network.
        ValueError: If ``condition`` is given for a network without classes, or not for one with.
    """
    if isinstance(network, _STYLED):
        return StyleGenerator(network, name, condition)
    if isinstance(network, _PLAIN):
        class_vector(0, condition)
        return PlainGenerator(network, name)
    raise TypeError(f"network must be a StyleGAN, a ProgressiveGAN or a DCGAN, got {type(network).__name__}.")

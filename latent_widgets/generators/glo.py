"""A generator trained by GLO: a plain network on codes in the unit ball, sampled from a Gaussian fitted to them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latent_widgets.core.fields import COUNT, Kind, check_fields
from latent_widgets.core.fresh import filled, fresh
from latent_widgets.core.paths import to_read, to_write, write_whole
from latent_widgets.generators._shipped import pack, read_file
from latent_widgets.generators.base import Generator
from latent_widgets.generators.dcgan import DCGAN

__all__ = ["GLOGenerator", "GLONetwork", "read_glo", "write_glo"]

_COUNTS = Kind(
    "a dict of whole numbers", lambda value: isinstance(value, dict) and all(map(COUNT.holds, value.values()))
)
_CONFIG = {"z_dim": COUNT, "resolution": COUNT, "channels": _COUNTS, "colours": COUNT}


class GLONetwork(nn.Module):
    """A DCGAN behind an affine map from standard Gaussian latents to its codes.

    Args:
        **config: Arguments of :class:`DCGAN`.
    """

    mean: Tensor
    root: Tensor

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.config = config
        self.network = DCGAN(**config)
        d = int(config["z_dim"])
        self.register_buffer("mean", torch.zeros(d, **fresh()))
        self.register_buffer("root", torch.eye(d, **fresh()))

    @torch.no_grad()
    def fit(self, codes: Tensor) -> None:
        """Fit the Gaussian to codes ``(n, d)``, with the root of its covariance that is symmetric: it has no signs."""
        covariance = codes.double().T.cov().reshape(codes.shape[1], codes.shape[1])
        values, vectors = torch.linalg.eigh(covariance)
        self.mean.copy_(codes.mean(0))
        self.root.copy_((vectors * values.clamp(min=0).sqrt()) @ vectors.T)


class GLOGenerator(Generator):
    """What GLO trained, to explore.

    Its ``w`` are GLO's codes, its ``z`` standard Gaussian numbers that an affine map turns into them, so that samples
    follow the Gaussian fitted to the codes (Bojanowski et al. 2018 sample so).

    Args:
        module: The network.
        name: What to call it.
    """

    module: GLONetwork

    def __init__(self, module: GLONetwork, name: str = "glo") -> None:
        network = module.network
        super().__init__(
            module,
            name=name,
            spaces=("z", "w"),
            z_dim=network.z_dim,
            w_dim=network.z_dim,
            layer_names=[child for child, _ in network.named_children()],
            resolution=network.resolution,
        )

    @property
    def w_avg(self) -> Tensor:
        """The mean of the codes."""
        return self.module.mean

    def _map(self, z: Tensor) -> Tensor:
        return self.module.mean + z @ self.module.root.T

    def _inside(self, code: Tensor, space: str) -> Tensor:
        return self._map(code) if space == "z" else code

    def _synthesize(self, code: Tensor, space: str) -> Tensor:
        image: Tensor = self.module.network(self._inside(code, space))
        return image.repeat(1, 3, 1, 1) if image.shape[1] == 1 else image

    def _features(self, code: Tensor, space: str, layers: Sequence[str]) -> dict[str, Tensor]:
        outputs: dict[str, Tensor] = {}
        x = self._inside(code, space)
        for name, block in self.module.network.named_children():
            x = block(x)
            if name in layers:
                outputs[name] = x
            if len(outputs) == len(set(layers)):
                break
        return {name: outputs[name] for name in layers}


def write_glo(
    path: str | os.PathLike[str], module: GLONetwork, tensors: dict[str, Tensor], about: dict[str, Any]
) -> Path:
    """Write network and codes as one safetensors file, in full precision."""
    path = to_write(path)
    config = {**module.config, "channels": {str(k): v for k, v in module.config["channels"].items()}}
    state = {f"module.{name}": value for name, value in module.state_dict().items()}
    data = pack(state | tensors, about | {"architecture": "glo", "config": config}, half=False)
    return write_whole(path, data)


def read_glo(path: str | os.PathLike[str]) -> tuple[GLONetwork, dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write_glo` wrote.

    Args:
        path: The file.

    Returns:
        The network, the other tensors and the description.

    Raises:
        FileNotFoundError: If it is missing.
        ValueError: If it is no such file.
    """
    path = to_read(path)
    weights = read_file(path)
    kind = weights.about.get("architecture")
    if kind != "glo":
        shown = json.dumps(kind[:40]) if isinstance(kind, str) else type(kind).__name__
        raise ValueError(f"path must be a file that GLO.save wrote, got one of {shown}.")
    try:
        config = check_fields(weights.about.get("config"), _CONFIG, frozenset(["colours"]))
        config = {**config, "channels": {int(k): v for k, v in config["channels"].items()}}
        mine = {k.removeprefix("module."): v for k, v in weights.tensors.items() if k.startswith("module.")}
        module = filled(lambda: GLONetwork(**config), mine)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        said = ascii(str(error).partition("\n")[0][:160])[1:-1]
        raise ValueError(f"path must be a whole file that GLO.save wrote, got {path.name!r}: {said}.") from None
    rest = {k: v for k, v in weights.tensors.items() if not k.startswith("module.")}
    return module, rest, weights.about

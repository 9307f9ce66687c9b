"""Begin a training from shipped weights: a larger network draws at first what the smaller one draws.

The weights of the smaller network are the leading part of those of the larger. What leaves a new channel starts at
nothing, what enters it is drawn at random (Chen et al. 2016, "Net2Net", keep the function in the same way): the new
channels change nothing at first and learn from the first step on. Layers divide their weights by the square root of
their inputs; the weights that were there are multiplied by what that root has grown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.paths import write_whole
from latent_widgets.generators._shipped import DATA, Weights, read_file, read_registry, read_shipped
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.training._files import read_values, write_json

__all__ = ["Beginning", "begin", "begun", "start_from", "weights_of"]


@torch.no_grad()
def start_from(model: StyleGAN2, tensors: Mapping[str, Tensor]) -> None:
    """Make ``model`` draw what a smaller network draws, at the sides that both have.

    Args:
        model: As large or larger in channels and resolution, and in everything else like the other; changed in place.
            At a side that the other lacks it draws its smaller picture, enlarged.
        tensors: The parameters and buffers of the other, by name.

    Raises:
        ValueError: If a tensor of the other has no place in ``model``.

    Example:
        >>> shape = {"z_dim": 4, "w_dim": 4, "mapping_layers": 2, "noise": False}
        >>> small = StyleGAN2(resolution=8, channels={4: 4, 8: 3}, **shape)
        >>> large = StyleGAN2(resolution=16, channels={4: 6, 8: 5, 16: 2}, **shape)
        >>> start_from(large, small.state_dict())
    """
    places = model.state_dict()
    for name in places:
        if name.startswith("mapping.") and name not in tensors:
            raise ValueError(
                f"{name} must be in the network to start from, got none. Start from one with as many layers."
            )
    for name, tensor in tensors.items():
        shape = tuple(places[name].shape) if name in places else None
        fits = shape is not None and len(shape) == tensor.ndim and all(map(int.__ge__, shape, tensor.shape))
        if not fits or (name.startswith("mapping.") and shape != tensor.shape):
            raise ValueError(
                f"{name} must have a place in the network that starts from it, which has {shape}, got "
                f"{tuple(tensor.shape)}. Start from a network of the same mapping and kind, with no more channels."
            )
    for name, place in places.items():
        if name in tensors:
            tensor = tensors[name]
            if tensor.ndim == 4:  # outputs, inputs, height, width
                place[: tensor.shape[0], tensor.shape[1] :] = 0
                tensor = tensor * math.sqrt(place.shape[1] / tensor.shape[1])
            place[tuple(map(slice, tensor.shape))] = tensor
        elif name.endswith(".torgb.weight"):
            place.zero_()


@dataclass(frozen=True)
class Beginning:
    """How a run began.

    Attributes:
        start: The name of the weights; None for none.
        copies: Whether it learns from copies (:mod:`latent_widgets.training.copies`) instead of a critic.
        sha256: Of the weights.
    """

    start: str | None = None
    copies: bool = False
    sha256: str | None = None


def begun(folder: Path) -> Beginning:
    """Return how the run in ``folder`` began, as far as anything was written about it."""
    file = folder / "begun.json"
    if not file.exists():
        return Beginning()
    said = read_values(file)
    start, copies, sha256 = said.get("start"), said.get("copies", False), said.get("sha256")
    if not isinstance(start, str | None) or not isinstance(copies, bool) or not isinstance(sha256, str | None):
        raise ValueError(f"{file} must say how a run began, got {said}. Take another folder.")
    return Beginning(start, copies, sha256)


def weights_of(folder: Path) -> Weights | None:
    """Return the weights that the run in ``folder`` began from, whatever is shipped by now; None for none."""
    was = begun(folder)
    return None if was.start is None else read_file(folder / "start.safetensors", was.sha256)


def begin(folder: Path, start: str | None, copies: bool | None) -> Beginning:
    """Begin a run, or check that a later sitting goes on as the run began.

    Args:
        folder: The run's folder, in which the weights are kept.
        start: The name of shipped weights of a StyleGAN2; None for none, or for what the run began from.
        copies: Whether the run learns from copies; None for as it began.

    Returns:
        How it began.

    Raises:
        ValueError: If there are no such weights, copies have none, or the run began otherwise.
    """
    was = begun(folder)
    if (folder / "checkpoint.pt").exists():
        if start not in {None, was.start}:
            raise ValueError(
                f"start must be what the run in {folder} began from, {was.start!r}, got {start!r}. Leave it out, or "
                "take another folder."
            )
        if copies not in {None, was.copies}:
            raise ValueError(
                f"copies must be as the run in {folder} began, {was.copies}, got {copies}. Take another folder."
            )
        return was
    registry = read_registry()
    if start is not None:
        checks.choice("start", start, [k for k, v in registry.items() if v["architecture"] == "stylegan2"])
        read_shipped(start)  # which checks it
        write_whole(folder / "start.safetensors", (DATA / registry[start]["file"]).read_bytes())
    elif copies:
        raise ValueError("start must be given for a run that copies, got None. Name shipped weights.")
    now = Beginning(start, bool(copies), None if start is None else registry[start]["sha256"])
    if now != was:
        (folder / "copies.u8").unlink(missing_ok=True)  # of another start
    write_json(folder / "begun.json", asdict(now))
    return now

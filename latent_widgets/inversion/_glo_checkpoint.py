"""The file from which a training by GLO goes on: what is in it is looked at before any of it is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latent_widgets.core.fields import COUNT, DICT, NUMBER, Kind, check_fields, list_of
from latent_widgets.core.rounding import rounding
from latent_widgets.generators.checkpoints.plain import read_torch

__all__ = ["read_checkpoint", "restore"]

_FIELDS = {
    "pictures": COUNT, "done": COUNT, "losses": list_of(NUMBER), "sketch": Kind("a tensor", torch.is_tensor),
    "network": DICT, "codes": DICT, "optimiser": DICT, "code optimiser": DICT,
}  # fmt: skip
_MOMENTS = ("exp_avg", "exp_avg_sq")


def read_checkpoint(file: Path, pictures: int, sketch: Tensor) -> dict[str, Any]:
    """Read a checkpoint of a training.

    Args:
        file: Where it is.
        pictures: How many pictures the training has.
        sketch: What tells them from others.

    Returns:
        What the training had at that step.

    Raises:
        ValueError: If it is damaged, no checkpoint, or that of other pictures.
    """
    state = read_torch(file, "checkpoint")
    try:
        check_fields(state, _FIELDS, frozenset(["sketch"]))  # older checkpoints have none
        if state["done"] != len(state["losses"]):
            raise ValueError(f"field 'done' must be {len(state['losses'])}, as many as losses, got {state['done']}")
    except ValueError as error:
        raise ValueError(
            f"checkpoint must be one that fit_glo wrote, got a file whose {error}. Name another."
        ) from None
    if state["pictures"] != pictures:
        raise ValueError(
            f"checkpoint must come from {pictures} pictures, got one from {state['pictures']}. Name another file."
        )
    known = state.get("sketch")
    if known is not None and not _alike(known.to(sketch.device), sketch):
        raise ValueError("checkpoint must come from these pictures, got one from others. Name another file.")
    return dict(state)


def _alike(a: Tensor, b: Tensor) -> bool:
    """Whether means of pictures are the same but for the rounding with which the pictures were made."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool(((a - b).abs() <= rounding(b.dtype)).all())


def restore(part: nn.Module | torch.optim.Optimizer, state: dict[Any, Any], done: int) -> None:
    """Give a network, or an optimiser, the numbers of a checkpoint.

    Args:
        part: What to change; rates and the like of an optimiser stay its own.
        state: Its part of the checkpoint.
        done: The step of the checkpoint.

    Raises:
        ValueError: If it is that of another network.
    """
    why = _unfit_optimiser(part, state, done) if isinstance(part, torch.optim.Optimizer) else _unfit(part, state)
    if why:
        raise ValueError(f"checkpoint must fit the network, got one from another ({why}). Name another file.")
    if isinstance(part, torch.optim.Optimizer):
        state = {"state": state["state"], "param_groups": part.state_dict()["param_groups"]}
    part.load_state_dict(state)


def _unfit(part: nn.Module, state: dict[Any, Any]) -> str:
    own = part.state_dict()
    if own.keys() != state.keys():
        return "its tensors have other names"
    return next((f"{name} is another" for name, value in own.items() if not _like(state[name], value)), "")


def _unfit_optimiser(part: torch.optim.Optimizer, state: dict[Any, Any], done: int) -> str:
    own = [parameter for group in part.param_groups for parameter in group["params"]]
    moments = state.get("state")
    if not isinstance(moments, dict) or moments.keys() != set(range(len(own) if done else 0)):
        return "its optimiser has moments of other tensors"
    for index, parameter in enumerate(own[: len(moments)]):
        kept = moments[index]
        if not isinstance(kept, dict) or kept.keys() != {"step", *_MOMENTS}:
            return "its optimiser is another"
        if not all(_like(kept[name], parameter) for name in _MOMENTS) or not _is_step(kept["step"], done):
            return "its optimiser has other moments"
    return ""


def _like(value: Any, own: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == own.shape and value.dtype == own.dtype


def _is_step(value: Any, done: int) -> bool:
    """Whether an optimiser counted as many steps as the training."""
    if isinstance(value, Tensor):
        return value.shape == () and not value.is_complex() and value.item() == done
    return type(value) in (int, float) and value == done

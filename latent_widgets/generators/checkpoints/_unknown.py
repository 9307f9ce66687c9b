"""What a file is told in which no generator was found: what there is instead, down to names and shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from latent_widgets.core.budget import Budget
from latent_widgets.generators.checkpoints._arrays import FileArray
from latent_widgets.generators.checkpoints._tree import leaves
from latent_widgets.generators.checkpoints._values import WAY_OUT, Bag, CheckpointError, short

__all__ = ["unknown"]

_DISCRIMINATORS = frozenset(
    ("d", "discriminator", "netd", "d_state_dict", "discriminator_state_dict", "netd_state_dict")
)
_BESIDE = ("optim", "sched", "scaler", "step", "epoch", "iter", "args", "config", "opt", "seed", "ada")


def unknown(value: Any, complaints: Sequence[str], budget: Budget | None = None) -> CheckpointError:
    """Word the refusal of a value without a generator.

    Args:
        value: The value.
        complaints: What was left out of it, and why.
        budget: The account of the file; that of an empty one if not given.
    """
    tensors = leaves(value, budget=budget)
    left_out = f" {complaints[0]}" if complaints else ""
    if isinstance(value, Bag) and not isinstance(value, FileArray) and not tensors:
        return CheckpointError(
            f"a checkpoint must hold a state dict, got an instance of {short(value.name)}. {WAY_OUT}{left_out}"
        )
    if not isinstance(value, Mapping) and not tensors:
        return CheckpointError(f"the file must hold a generator, got a {type(value).__name__}.{left_out}")
    if isinstance(value, FileArray):
        return CheckpointError(f"the file must hold a generator, got an array.{left_out}")
    what = _keys(value) if isinstance(value, Mapping) else f"a {_kind(value)}"
    hint = " That is a discriminator, which draws nothing." if _only_discriminators(value) else ""
    shown = ", ".join(f"{short(name)} {tuple(leaf.value.shape)}" for name, leaf in list(tensors.items())[:4])
    rest = f" and {len(tensors) - 4} more" if len(tensors) > 4 else ""
    held = f" Its tensors: {shown}{rest}; `python -m latent_widgets inspect` lists all." if tensors else ""
    known = "a StyleGAN2, StyleGAN3 or DCGAN of a known layout"
    return CheckpointError(f"the file must hold {known}, got {what}.{hint}{held} {WAY_OUT}{left_out}")


def _keys(value: Mapping[Any, Any]) -> str:
    more = ", ..." if len(value) > 8 else ""
    return f"these keys: {', '.join(map(short, list(value)[:8])) or 'none'}{more}"


def _kind(value: Any) -> str:
    return f"whole network of class {short(value.name)}" if isinstance(value, Bag) else type(value).__name__


def _only_discriminators(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    keys = [str(key).lower() for key in value]
    drawn = [key for key in keys if not any(word in key for word in _BESIDE)] or keys
    return all(key in _DISCRIMINATORS for key in drawn) and bool(keys)

"""The loop that all training scripts share: resume, step, log, save."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from latent_widgets.training._files import append_log, load_checkpoint, save_checkpoint, save_sheet

__all__ = ["channels_last", "descend", "follow", "in_bfloat16", "rise_and_fall", "run"]


SAVE_EVERY = 240.0  # seconds, at most; a run that is killed loses no more


def run(
    folder: Path,
    parts: Mapping[str, Any],
    rng: torch.Generator,
    step: Callable[[int], dict[str, float]],
    *,
    images: int,
    batch: int,
    minutes: float | None = None,
    snapshots: Sequence[int] = (),
    latents: Tensor | tuple[Tensor, ...] | None = None,
) -> int:
    """Go on from ``checkpoint.pt``, where there is one, until ``images`` were seen or ``minutes`` have passed.

    With the same ``images``, a run in several sittings makes the same steps as one that was never interrupted. A
    process that is asked to end (SIGTERM) finishes the step, saves and returns.

    Args:
        folder: Where checkpoint, log, snapshots and sample sheet go.
        parts: Everything with a state: networks and optimizers by name. ``average`` is the network that the run is for.
        rng: The source of every random number that ``step`` draws.
        step: Makes one step, given how many images were seen before, and returns losses to log.
        images: Total of images, over all sittings.
        batch: Images a step.
        minutes: Stop after this time.
        snapshots: After how many images ``average`` is kept as ``ema-<images>.pt``.
        latents: What ``average`` is called with for the sample sheet; None for a network that draws nothing.

    Returns:
        How many images were seen in all.
    """
    file, seen = folder / "checkpoint.pt", 0
    if file.exists():
        state = load_checkpoint(file)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        rng.set_state(state["rng"])
        seen = int(state["seen"])

    def save() -> None:
        state = {name: part.state_dict() for name, part in parts.items()}
        save_checkpoint(file, state | {"rng": rng.get_state(), "seen": seen})
        if latents is not None:
            with torch.no_grad():
                inputs = latents if isinstance(latents, tuple) else (latents,)
                save_sheet(folder / "samples.png", parts["average"](*inputs).cpu())

    started = saved = time.monotonic()
    with _asked_to_end() as asked, tqdm(total=images, initial=seen, unit="img", mininterval=10) as bar:
        while seen < images and not asked() and (minutes is None or time.monotonic() - started < 60 * minutes):
            losses = step(seen)
            seen += batch
            bar.update(batch)
            if seen // batch % 100 == 0:
                append_log(folder / "log.jsonl", seen=seen, seconds=time.monotonic() - started, **losses)
            done = any(seen - batch < mark <= seen for mark in snapshots)
            if done:
                save_checkpoint(folder / f"ema-{seen}.pt", parts["average"].state_dict())
            if done or time.monotonic() - saved > SAVE_EVERY:
                save()
                saved = time.monotonic()
    save()
    return seen


@contextmanager
def _asked_to_end() -> Iterator[Callable[[], bool]]:
    """Within it, SIGTERM ends nothing: it is remembered, and what is yielded says so. Only the main thread can ask."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGTERM, before)


def rise_and_fall(rate: float, batch: int, seen: int, images: int) -> float:
    """Return the learning rate after ``seen`` images: a short rise to ``rate``, then half a cosine to 0 at ``images``.

    Args:
        rate: The largest.
        batch: Images a step.
        seen: Images seen before the step.
        images: Total of images.
    """
    rise = min(1.0, (seen + batch) / (0.05 * images))
    return rate * rise * 0.5 * (1 + math.cos(math.pi * min(1.0, seen / images)))


def descend(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float | None = None) -> None:
    """Make one step down a loss.

    Args:
        optimizer: Makes the step.
        loss: Scalar.
        rate: The learning rate from now on; the optimizer's own if not given.
    """
    if rate is not None:
        optimizer.param_groups[0]["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, half_life: float, batch: int) -> None:
    """Move the averaged weights towards the current ones.

    Args:
        average: Follows.
        model: Is followed.
        half_life: After how many images half of what was is forgotten.
        batch: Images since the last call.
    """
    weight = 1 - 0.5 ** (batch / half_life)
    for mean, current in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(current, weight)


def channels_last(*networks: nn.Module) -> None:
    """Lay the weights out with channels last: a quarter faster on a CPU."""
    for network in networks:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def in_bfloat16(device: torch.device | str = "cpu") -> torch.autocast:
    """Compute activations in bfloat16 and keep weights in float32, where the machine is the faster for it.

    A processor without instructions for bfloat16 takes twenty times as long.

    Args:
        device: Where the networks are.
    """
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=kind != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported())

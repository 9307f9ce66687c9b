"""The first pictures of a foreign network, three at most: what they tell about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from latent_widgets.core.exact import exact
from latent_widgets.core.randomness import random_state
from latent_widgets.core.rounding import rounding
from latent_widgets.generators._weights import first_floating
from latent_widgets.generators.live.frozen import FrozenNoise, held
from latent_widgets.generators.live.parts import LiveParts, picture_of, pictures_in
from latent_widgets.generators.live.watching import feature_layers, watching

__all__ = ["Trial", "try_network"]

_ATTENTION = ("scaled_dot_product_attention", "multi_head_attention_forward", "_transformer_encoder_layer_fwd")


@dataclass(frozen=True, eq=False)
class Trial:
    """What a network did.

    Attributes:
        parts: How it was called: the first way that worked.
        pictures: ``(2, 1 or 3, H, W)``, as they came, of the latents of seed 0.
        layers: Dotted names of submodules that give out features.
        attends: Whether it uses attention.
        dtype: The coarsest floating type that anything on the way had.
        count: How many pictures came at once for each latent.
        unsteady: Why a latent's picture is not always the same, and what helps; nothing where it is.
    """

    parts: LiveParts
    pictures: Tensor
    layers: tuple[str, ...]
    attends: bool
    dtype: torch.dtype
    count: int
    unsteady: str


class _Attention(TorchFunctionMode):
    """Notes whether attention was asked for."""

    seen = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen = self.seen or getattr(func, "__name__", "") in _ATTENTION
        return func(*args, **(kwargs or {}))


@torch.no_grad()
def try_network(candidates: Sequence[LiveParts], noise: FrozenNoise | None = None) -> Trial:
    """Draw two latents in the first way that works, and the first of them alone.

    Args:
        candidates: Ways to call it, the likelier first.
        noise: Takes the place of what it draws at random.

    Returns:
        What was seen. The random state of PyTorch is as before.

    Raises:
        TypeError: If it returns no pictures.
        ValueError: If no way works, or a picture is not finite.
    """
    failures = []
    with _random_state_kept(candidates[0]), exact():
        for parts in candidates:
            z = _latents(parts)
            before = random_state(z.device)
            names = [name for name, _ in parts.module.named_modules() if name]
            mode = _Attention()
            try:
                with ExitStack() as stack:
                    seen = stack.enter_context(watching(parts.module, names))
                    if not hasattr(parts.module, "_orig_mod"):  # a compiled network bears no modes
                        stack.enter_context(mode)
                    result = _drawn(parts, z, noise)
            except (TypeError, RuntimeError, ValueError, LookupError, AttributeError, AssertionError) as error:
                failures.append(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
                continue
            drew = not torch.equal(before, random_state(z.device))
            pictures = picture_of(result).detach()
            if not bool(pictures.isfinite().all()):
                bad = int((~pictures.isfinite()).sum())
                raise ValueError(f"the network must draw finite pictures, got {bad} numbers that are not.")
            given = [pictures, *(one for found in seen.values() for one in found)]
            types = [x.dtype for x in given if x.is_floating_point()]
            dtype = max(types, key=lambda t: torch.finfo(t).eps, default=torch.float32)
            unsteady = _unsteady(parts, z, pictures, dtype, drew, noise)
            count = len(pictures_in(result))
            return Trial(parts, pictures, feature_layers(seen), mode.seen, dtype, count, unsteady)
    raise ValueError(
        f"the network must draw from a latent, got {'; '.join(dict.fromkeys(failures))}. "
        "Pass a function from z (n, z_dim) to pictures: lw.load(function, z_dim=...)."
    )


def _latents(parts: LiveParts) -> Tensor:
    size = torch.Size(parts.z_shape).numel()
    like = first_floating(parts.module)
    seeded = torch.Generator(device="cpu").manual_seed(0)
    z = torch.randn(2, size, generator=seeded, dtype=torch.float32, device="cpu")
    return z.to(like.device, like.dtype).reshape(2, *parts.z_shape)


def _drawn(parts: LiveParts, z: Tensor, noise: FrozenNoise | None) -> Any:
    with held(noise, len(z)):
        return parts.draw(z, parts.condition)


def _unsteady(
    parts: LiveParts, z: Tensor, pictures: Tensor, dtype: torch.dtype, drew: bool, noise: FrozenNoise | None
) -> str:
    """Draw the first latent alone; where its picture differs, find out why."""
    alone = picture_of(_drawn(parts, z[:1], noise)).detach()
    share = _difference(alone, pictures[:1])
    if share <= rounding(dtype):
        return ""
    found = f"got pictures of the same latent that differ by {100 * share:.2g} %"
    if drew:
        return (
            f"It draws random numbers: {found}. Use freeze_noise=True, and turn off dropout that is on in evaluation."
        )
    again = picture_of(_drawn(parts, z[:1], noise)).detach()  # a fourth picture, but only here
    if _difference(again, alone) > rounding(dtype):
        return f"It is not a function of its latent: {found}. Take out what it remembers or draws by itself."
    return (
        f"It looks at the whole batch: {found}, alone and beside another. Batch normalisation needs running statistics."
    )


def _difference(a: Tensor, b: Tensor) -> float:
    """Root mean square, as a share of that of what varies in the picture."""
    a, b = a.double(), b.double()
    size = float(b.square().mean().sqrt())
    return float((a - b).square().mean().sqrt()) / size if size else float(a.abs().max())


@contextmanager
def _random_state_kept(parts: LiveParts) -> Iterator[None]:
    device = first_floating(parts.module).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield

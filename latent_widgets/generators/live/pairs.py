"""Networks of two parts, a mapping and a synthesis: NVIDIA's programs and their forks, GenForce's, projected GANs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core.rounding import same
from latent_widgets.generators._weights import first_floating
from latent_widgets.generators.live.conditions import classes_of, for_each, names_class
from latent_widgets.generators.live.parts import Call, Candidates, LiveParts

__all__ = ["FAMILIES_OF_PAIRS", "pair"]

FAMILIES_OF_PAIRS = ("NVIDIA-like", "GenForce-like", "two-part")
_Z = ("z_dim", "z_space_dim", "latent_dim", "latent_size", "z_size")
_ROWS = ("num_ws", "num_layers")
_OPTIONS: tuple[dict[str, Any], ...] = (
    {"noise_mode": "const", "force_fp32": True},
    {"noise_mode": "const"},
    {"randomize_noise": False},
    {},
)


def pair(module: Any, condition: Any, class_names: Any = None, **given: Any) -> Candidates | None:
    """A mapping and a synthesis side by side."""
    mapping, synthesis = getattr(module, "mapping", None), getattr(module, "synthesis", None)
    z_dim = given.get("z_dim") or _integer(module, _Z) or _integer(mapping, _Z)
    if not (callable(mapping) and callable(synthesis) and z_dim):
        return None
    c = classes_of(module, condition, class_names)

    takes = c is not None or names_class(mapping)

    def mapped(z: Tensor, c: Tensor | None) -> Tensor:
        return _latent(mapping(z, for_each(z, c)) if takes else mapping(z))

    def to_w(z: Tensor, c: Tensor | None) -> Tensor:
        w = mapped(z, c)
        return w[:, 0] if w.ndim == 3 else w

    w_dim, rows, changes = _shape(module, int(z_dim), c, mapped)
    average = _average(module, mapping, w_dim)
    family = "NVIDIA-like" if hasattr(module, "num_ws") else "two-part"
    family = "GenForce-like" if hasattr(module, "z_space_dim") or hasattr(module, "truncation") else family
    sizes = f"Latent sizes were read off: z {z_dim}, w {w_dim}, {rows} layers."
    with_class = names_class(synthesis)

    def called(fixed: dict[str, Any], flat: bool) -> LiveParts:
        def draw(ws: Tensor, c: Tensor | None) -> Any:
            given = ws[:, 0] if flat else ws
            if not with_class:
                return synthesis(given, **fixed)
            return synthesis(given, for_each(ws, c), **fixed)

        options = ", ".join(f"{k}={v!r}" for k, v in fixed.items()) or "no options"
        notes: tuple[str, ...] = (sizes, f"The synthesis is called with {options}.")
        if not changes:
            notes = (*notes, "Its mapping changes nothing, so z is the only space.")
            return LiveParts(family, module, (z_dim,), lambda z, c: draw(z[:, None], c), notes=notes, condition=c)
        return LiveParts(
            family, module, (z_dim,), lambda z, c: draw(to_w(z, c)[:, None].repeat(1, rows, 1), c), to_w, draw, w_dim,
            rows, average, notes, c,
        )  # fmt: skip

    return tuple(called(fixed, flat) for flat in ((False, True) if rows == 1 else (False,)) for fixed in _OPTIONS)


def _integer(holder: Any, names: tuple[str, ...]) -> int | None:
    values = (getattr(holder, name, None) for name in names)
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)


def _latent(result: Any) -> Tensor:
    """The ``w`` in what a mapping returned."""
    if isinstance(result, Mapping):
        result = next((result[name] for name in ("w", "wp", "ws") if name in result), None)
    if isinstance(result, tuple | list) and result:
        result = result[0]
    if not isinstance(result, Tensor):
        raise TypeError(f"the mapping must return w, got {type(result).__name__}. Wrap the network in a function of z.")
    return result


@torch.no_grad()
def _shape(module: Any, z_dim: int, c: Tensor | None, mapped: Call) -> tuple[int, int, bool]:
    """Length of ``w``, rows of ``w+``, and whether the mapping changes anything; no picture is drawn."""
    like = first_floating(module)
    seeded = torch.Generator(device="cpu").manual_seed(0)
    z = torch.randn(2, z_dim, generator=seeded, dtype=torch.float32, device="cpu").to(like.device, like.dtype)
    ws: Tensor = mapped(z, c)
    w, own = (ws[:, 0], ws.shape[1]) if ws.ndim == 3 else (ws, 1)
    rows = _integer(module, _ROWS) or _integer(getattr(module, "synthesis", None), _ROWS) or own
    return int(w.shape[-1]), rows, rows > 1 or not same(w, z)


def _average(module: Any, mapping: Any, w_dim: int) -> Tensor | None:
    """The mean of ``w`` as the network keeps it: ``(w_dim,)``, or one for each class."""
    for holder in (mapping, getattr(module, "truncation", None), module):
        for name in ("w_avg", "latent_avg"):
            found = getattr(holder, name, None)
            if isinstance(found, Tensor) and found.ndim in (1, 2) and found.shape[-1] == w_dim:
                return found
    return None

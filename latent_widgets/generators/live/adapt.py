"""Live networks: pass the module that you have, and it is recognised by what it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from latent_widgets.core import checks
from latent_widgets.generators._networks import OURS, wrap
from latent_widgets.generators._weights import first_floating
from latent_widgets.generators.base import Generator
from latent_widgets.generators.live.families import DRAW_AROUND_ZERO, FAMILIES, Function
from latent_widgets.generators.live.frozen import FrozenNoise
from latent_widgets.generators.live.generator import LiveGenerator
from latent_widgets.generators.live.parts import LiveParts
from latent_widgets.generators.live.ranges import range_of
from latent_widgets.generators.live.trial import Trial, try_network
from latent_widgets.generators.live.unwrap import unwrap

__all__ = ["adapt"]


def adapt(
    source: Any,
    *,
    name: str | None = None,
    z_dim: int | None = None,
    z_shape: Sequence[int] | None = None,
    condition: int | Tensor | None = None,
    class_names: Sequence[str] | None = None,
    truncation: float | None = None,
    value_range: tuple[float, float] | None = None,
    layers: Sequence[str] | None = None,
    w_avg: Any = None,
    freeze_noise: bool = False,
) -> Generator:
    """Make a live network a generator: recognised, tried on two latents, and told what was inferred in ``G.notes``.

    Recognised are our own networks; those of a mapping and a synthesis, as NVIDIA's, GenForce's and projected GANs;
    rosinality-like ones (``style``, ``convs``); BigGAN with its class embedding; what holds such a network (``avgG``,
    ``netG``, parallel or compiled networks, dictionaries); decoders with a ``config`` as in diffusers; and any callable
    from ``z``, or ``z`` and a class, to pictures. The network itself is used, in evaluation mode and without gradients
    of its weights.

    Args:
        source: The network.
        name: What to call it; the name of its class by default.
        z_dim: Length of its latent, where it does not say.
        z_shape: Shape of one latent, where it is not a vector.
        condition: The class that a conditional network draws: its number, or a class vector.
        class_names: What its classes are called.
        truncation: Of a BigGAN, in (0, 1], which picks the statistics of its batch normalisation.
        value_range: Of its pictures. If not given, (-1, 1) for families that draw so; else found from two pictures,
            which may lie in (-1, 1), (0, 1) or (0, 255).
        layers: Dotted names of submodules whose features may be asked for; found if not given.
        w_avg: The mean of ``w``, ``(w_dim,)`` or one row for each class, to which truncation pulls; that of the
            network, or the mean over 2000 seeded latents, if not given.
        freeze_noise: Whether noise that the network draws anew at every call is held still, so that a picture is a
            function of its latent.

    Returns:
        The generator.

    Raises:
        TypeError: If it is no network, or returns no pictures.
        ValueError: If something that cannot be inferred is missing, an option says nothing about such a network, or it
            cannot be called.

    Example:
        >>> net = nn.Sequential(nn.ConvTranspose2d(6, 3, 8), nn.Tanh())
        >>> G = adapt(net)
        >>> G.z_dim, G.resolution, G.layer_names
        (6, 8, ('0', '1'))
    """
    fixed = {"z_shape": z_shape, "truncation": truncation, "value_range": value_range, "layers": layers, "w_avg": w_avg}
    fixed |= {"freeze_noise": freeze_noise or None}
    if isinstance(source, Generator):
        _leave_out("a generator", fixed | {"name": name, "z_dim": z_dim, "class_names": class_names})
        return source.of_class(None if condition is None else checks.integer("condition", condition))
    inner, notes = unwrap(source)
    if not callable(inner):
        raise TypeError(
            "source must be the name of a built-in generator, a path, or a network that can be called, "
            f"got an object of type {type(source).__name__}."
        )
    called = name or str(getattr(inner, "__name__", type(inner).__name__))
    if isinstance(inner, OURS):
        _leave_out("a network of this package", fixed)
        G = wrap(inner, called, condition)
        if class_names is not None:
            G.name_classes(class_names)
        G.notes = notes
        return G
    module = inner if isinstance(inner, nn.Module) else Function(inner, z_dim)
    module.eval()
    options = {
        "z_dim": z_dim,
        "z_shape": None if z_shape is None else tuple(z_shape),
        "truncation": truncation,
        "class_names": class_names,
    }
    given = {key: value for key, value in options.items() if value is not None}
    ways = next(ways for family in FAMILIES if (ways := family(module, condition, **given)) is not None)
    if ways[0].family != "BigGAN":
        _leave_out("a network that is no BigGAN", {"truncation": truncation}, "Use G.map(z, truncation=...).")
    if w_avg is not None:
        mean = _mean(ways[0], w_avg)
        ways = tuple(replace(way, w_avg=mean) for way in ways)
    noise = FrozenNoise() if checks.flag("freeze_noise", freeze_noise) else None
    G = _finish(try_network(ways, noise), called, notes, value_range, layers, noise)
    if class_names is not None:
        G.name_classes(class_names)
    return G


def _coarse(pictures: Tensor) -> Tensor:
    """What a function is known by: its pictures, so coarse that another processor's rounding gives the same numbers."""
    small = torch.nn.functional.adaptive_avg_pool2d(pictures, 4).flatten()
    return (256 * small / pictures.abs().max().clamp(min=torch.finfo(small.dtype).tiny)).round()


def _leave_out(what: str, options: Mapping[str, Any], fix: str = "") -> None:
    for option, value in options.items():
        if value is not None:
            raise ValueError(f"{option} must be left out for {what}, got {value!r}. {fix}".rstrip())


def _mean(parts: LiveParts, given: Any) -> Tensor:
    """The mean of ``w`` that the user says."""
    if parts.w_dim is None:
        raise ValueError("w_avg must be left out for a network without a mapping, which has no w.")
    like = first_floating(parts.module)
    mean = (
        torch.as_tensor(given, dtype=torch.promote_types(like.dtype, torch.float32), device=like.device)
        .detach()
        .clone()
    )
    classes = 0 if parts.condition is None else len(parts.condition)
    wanted = [(parts.w_dim,)] + ([(classes, parts.w_dim)] if classes else [])
    return checks.finite("w_avg", checks.shape("w_avg", mean, *wanted))


def _finish(
    trial: Trial,
    name: str,
    notes: tuple[str, ...],
    value_range: Any,
    layers: Sequence[str] | None,
    noise: FrozenNoise | None,
) -> Generator:
    """Make the generator, with what its first pictures told."""
    parts, pictures = trial.parts, trial.pictures
    if isinstance(parts.module, Function):
        parts.module.fingerprint = _coarse(pictures.float())
    value_range, said = range_of(pictures, value_range, parts.family in DRAW_AROUND_ZERO)
    layers = trial.layers if layers is None else layers
    known = dict(parts.module.named_modules())
    for layer in layers:
        checks.choice("layer", layer, [key for key in known if key])
    G = LiveGenerator(parts, name, (pictures.shape[2], pictures.shape[3]), value_range, layers, noise)
    G.unsteady = trial.unsteady
    shape = f"{pictures.shape[3]} x {pictures.shape[2]} px"
    found = [
        f"Its pictures, two of which were drawn, are {shape} in {pictures.shape[1]} colours. {said}; see value_range=."
    ]
    if torch.finfo(trial.dtype).eps > torch.finfo(G.dtype).eps or pictures.dtype != G.dtype:
        coarse = str(trial.dtype).removeprefix("torch.")
        found.append(f"It computes in {coarse} on the way; its pictures are brought to {G.dtype}, with that rounding.")
    if trial.count > 1:
        found.append(f"It returns {trial.count} pictures at once; the largest is taken.")
    if noise is not None:
        found.append("Its noise is held still: each draw gives the same numbers in every picture.")
    if trial.attends:
        found.append("It uses attention: derivatives are taken through the plain form of it, without fused kernels.")
    if trial.unsteady:
        found.append(f"{trial.unsteady} It has pictures, but no spectra.")
    G.notes = (f"The network was taken for a {parts.family} one.", *notes, *parts.notes, *found)
    return G

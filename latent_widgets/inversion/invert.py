"""Inversion: from a picture to the code that draws it, by optimisation alone.

The start is the best of many samples; several are followed at once and the worse ones dropped. In ``w+`` every layer
then gets an offset of its own, as in e4e (Tov et al. 2021, doi 10.1145/3450626.3459838), whose length costs: with a
strong pull all layers stay equal and the code edits well, with none it draws the picture best. The loss is GLO's: the
Laplacian-pyramid distance Lap1 and the squared difference (Bojanowski et al. 2018, section 2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.figures import new_figure
from latent_widgets.core.pictures import BROUGHT, check_pictures
from latent_widgets.core.steps import OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_digits
from latent_widgets.geometry.density.fitted import fit_density
from latent_widgets.geometry.effects.pyramid import lap1_norm
from latent_widgets.geometry.jacobian.gradients import check_gradients
from latent_widgets.inversion.photos import load_photo
from latent_widgets.inversion.search import Best, Point, Whitening, search, whitening_of
from latent_widgets.values.codes import Code

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Inversion", "InversionStep", "invert"]

Distance = Callable[[Tensor, Tensor], Tensor]  # of pictures (n, 3, H, W) from one (1, 3, H, W)


@dataclass(frozen=True, eq=False)
class InversionStep:
    """What an inversion has to show while it runs.

    Attributes:
        loss: The lowest so far.
        image: ``(1, 3, H, W)``, the picture with that loss.
        code: Its code.
    """

    loss: float
    image: Tensor
    code: Code


@dataclass(frozen=True, eq=False)
class Inversion:
    """A code, and how well it draws the picture.

    Attributes:
        code: The code.
        target: ``(1, 3, H, W)``, the picture that was asked for.
        image: ``(1, 3, H, W)``, the picture that the code draws.
        losses: The lowest loss after each step.
        error: Mean squared difference of the two pictures.
        relative_error: The same as a share of the variance of the generator's samples, pixel by pixel; 1 is what a
            picture of their mean would have.
        percentile: Which percentage of latents is less likely than the code (in ``w+``, than the mean of its rows);
            None where no density can be fitted.
        offset: In ``w+``, root mean square difference of the rows from their mean, in standard deviations; else 0.
        stopped: ``"finished"`` or ``"cancelled"``.
    """

    code: Code
    target: Tensor = field(repr=False)
    image: Tensor = field(repr=False)
    losses: tuple[float, ...] = field(repr=False)
    error: float
    relative_error: float
    percentile: float | None
    offset: float
    stopped: str

    @property
    def residual(self) -> Tensor:
        """``(1, 3, H, W)``, what the picture has beyond the one that the code draws."""
        return self.target - self.image

    def plot(self) -> Figure:
        """Draw the picture, its inversion, the residual and the loss.

        Returns:
            A matplotlib figure.
        """
        figure = new_figure(9, 2.6)
        axes = figure.subplots(1, 4)
        shown = [(self.target + 1) / 2, (self.image + 1) / 2, (self.residual + 1) / 2]
        titles = ["photo", f"inversion, error {100 * self.relative_error:.2g} %", "residual"]
        for ax, picture, title in zip(axes, shown, titles, strict=False):
            ax.imshow(picture[0].clamp(0, 1).permute(1, 2, 0).float().cpu().numpy())
            ax.set(xticks=[], yticks=[], title=title)
        axes[3].semilogy(self.losses)
        axes[3].set(xlabel="step", ylabel="loss", title="progress")
        return figure


@exact()
def invert(
    G: Generator,
    image: Any,
    space: str | None = None,
    steps: int = 200,
    *,
    starts: int = 4,
    pull: float = 3e-3,
    lap: float = 1.0,
    l2: float = 1.0,
    perceptual: Distance | None = None,
    start: Any = None,
    samples: int | None = None,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Inversion:
    r"""Find a code that draws a picture.

    Minimises :math:`\mathrm{lap}\,\mathrm{Lap1} + \mathrm{l2}\,|x - x'|^2 / n` with Adam, in coordinates in which the
    latents have unit covariance. The first quarter of the steps follows all ``starts``, the rest the best of them; in
    ``w+`` the second half also moves the layers apart, at a cost of ``pull`` times the mean squared offset.

    Args:
        G: The generator.
        image: ``(1, 3, H, W)`` or ``(3, H, W)`` in [-1, 1] of the generator's size; or what
            :func:`~latent_widgets.inversion.photos.load_photo` takes, which is then cropped to its middle square.
        space: ``"z"``, ``"w"`` or ``"w+"``; the widest of these that there is, if not given.
        steps: How many in all; 200 is our default, by which codes of ``faces64`` are recovered.
        starts: How many codes are followed at first.
        pull: For ``"w+"``, towards equal layers: fidelity near 0, editability at 0.1. 3e-3 is our default.
        lap: Weight of the Laplacian-pyramid distance; GLO names no weights, ours are 1 and 1.
        l2: Weight of the mean squared difference.
        perceptual: Another distance to add, ``(n, 3, H, W), (1, 3, H, W) -> (n,)``, such as LPIPS.
        start: A code or an :class:`Inversion` to go on from, instead of samples.
        samples: From how many the starts are chosen; 256, or 64 above 64 px, if not given.
        seed: Of the samples.
        on_step: Called after each step with an :class:`InversionStep`; ``False`` ends the run with the best so far.

    Returns:
        The best code found.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the picture has another size, is not finite or plainly not in [-1, 1], or the generator lacks
            the space or its weights.

    Example:
        >>> from latent_widgets.generators.style import StyleGenerator
        >>> from latent_widgets.generators.stylegan2 import StyleGAN2
        >>> G = StyleGenerator(StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}))
        >>> found = invert(G, G.synthesize(G.code(seed=5)), space="w", steps=40, starts=2, samples=8)
        >>> found.code, found.losses[-1] < found.losses[0]
        (<Code 5 in w>, True)
    """
    widest = next(s for s in ("w+", "w", "z") if s in with_digits(G).spaces)
    space = checks.choice("space", widest if space is None else G.check_space(space), ("z", "w", "w+"))
    steps = checks.integer("steps", steps, low=1)
    samples = checks.integer("samples", (256 if G.resolution <= 64 else 64) if samples is None else samples, low=2)
    starts = checks.integer("starts", starts, 1, samples)
    weights = {"lap": lap, "l2": l2, "pull": pull}
    weights = {name: checks.number(name, value, low=0) for name, value in weights.items()}
    if not (weights["lap"] or weights["l2"] or perceptual):
        raise ValueError("lap or l2 must be above 0, got neither. Without a loss there is nothing to find.")
    target = _target(G, image)

    def distance(pictures: Tensor) -> Tensor:
        terms = [weights["l2"] * (pictures - target).square().mean((1, 2, 3))]
        terms += [weights["lap"] * lap1_norm(pictures - target)] if weights["lap"] else []
        terms += [perceptual(pictures, target)] if perceptual else []
        return torch.stack([term.reshape(-1) for term in terms]).sum(0)

    check_gradients(G, space)
    base = "z" if space == "z" else "w"
    with torch.inference_mode(False), torch.enable_grad():
        frame = whitening_of(G, base, samples, seed)
        first = _nearest(frame, distance, starts) if start is None else _given(G, frame, start, space)
        best, stopped = Best(frame, first), "finished"
        for best in search(frame, distance, first, steps, weights["pull"], G.num_layers if space == "w+" else 0):
            value = InversionStep(best.loss, best.picture, _code(frame, best))
            if not report(on_step, len(best.losses), steps, value):
                stopped = "cancelled"
                break
    return _result(frame, best, target, stopped)


def _target(G: Generator, image: Any) -> Tensor:
    if not isinstance(image, Tensor):
        image = load_photo(image, G.picture_size)
    checks.shape("image", image, (3, *G.picture_size), (1, 3, *G.picture_size))
    check_pictures("image", image, BROUGHT)
    return image.detach().reshape(1, 3, *G.picture_size).to(G.device, G.dtype, copy=True)


def _nearest(frame: Whitening, distance: Callable[[Tensor], Tensor], n: int) -> Point:
    with torch.no_grad():
        losses = torch.cat([distance(part) for part in frame.pictures.split(32)])
    return frame.encode(frame.codes[losses.argsort()[:n]])


def _given(G: Generator, frame: Whitening, start: Any, space: str) -> Point:
    code, found = G.check_code(start.code if isinstance(start, Inversion) else start, name="start")
    if len(code) != 1:
        raise ValueError(f"start must be one code, got {len(code)}.")
    if found != frame.base and (found, space) != ("w+", "w+"):
        raise ValueError(f"start must be a code in {space}, got one in {found}. Use space={found!r}.")
    return frame.encode(code)


def _code(frame: Whitening, best: Best) -> Code:
    code = frame.decode(best.point)[0]
    return Code(code, frame.base if code.ndim == 1 else "w+")


def _result(frame: Whitening, best: Best, target: Tensor, stopped: str) -> Inversion:
    code, error = _code(frame, best), float((best.picture - target).square().mean())
    offset = best.point.offset
    return Inversion(
        code=code,
        target=target,
        image=best.picture,
        losses=tuple(best.losses),
        error=error,
        relative_error=error / max(frame.variance(), 1e-12),
        percentile=_percentile(frame, code),
        offset=0.0 if offset is None else float(offset.square().mean().sqrt()),
        stopped=stopped,
    )


def _percentile(frame: Whitening, code: Code) -> float | None:
    try:
        density = fit_density(frame.generator, frame.base)
    except ValueError:  # a degenerate covariance
        return None
    mean = code.tensor if code.tensor.ndim == 1 else code.tensor.mean(0)
    return float(density.percentile(mean))

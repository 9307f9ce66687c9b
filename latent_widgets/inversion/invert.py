"""Inversion: from a picture to the code that draws it, by optimisation alone.

The start is the best of many samples; several are followed at once and the worse ones dropped. In ``w+`` every layer
then gets an offset of its own, as in e4e (Tov et al. 2021, doi 10.1145/3450626.3459838), whose length costs: with a
strong pull all layers stay equal and the code edits well, with none it draws the picture best. The loss is GLO's: the
Laplacian-pyramid distance Lap1 and the squared difference (Bojanowski et al. 2018, section 2). Of large pictures a
small one, the network's own, is searched for first.
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
from latent_widgets.core.steps import OnStep
from latent_widgets.core.work import Stopped, Work, pace_of
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_digits
from latent_widgets.geometry.density.fitted import fit_density
from latent_widgets.geometry.effects.pyramid import lap1_norm
from latent_widgets.geometry.jacobian.gradients import check_gradients
from latent_widgets.inversion.course import Courses
from latent_widgets.inversion.photos import load_photo
from latent_widgets.inversion.search import Best, Point, Search, Whitening, search, stages_of, whitening_of
from latent_widgets.values.codes import Code
from latent_widgets.values.units import latent_sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Inversion", "InversionStep", "invert"]

Distance = Callable[[Tensor, Tensor], Tensor]  # of pictures (n, 3, H, W) from one (1, 3, H, W)
BATCH = 16  # samples that are drawn at once, where they are small


@dataclass(frozen=True, eq=False)
class InversionStep:
    """What an inversion has to show while it runs.

    Attributes:
        loss: The lowest so far; while small pictures are searched for, among those.
        image: ``(1, 3, H, W)``, the picture with that loss; of a small one the enlargement.
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
        losses: The lowest loss after each step. Where small pictures are searched for first it begins anew with each
            size.
        error: Mean squared difference of the two pictures.
        relative_error: The same as a share of the variance of the generator's samples, pixel by pixel; 1 is what a
            picture of their mean would have.
        percentile: Which percentage of latents is less likely than the code (in ``w+``, than the mean of its rows);
            None where no density can be fitted.
        offset: In ``w+``, root mean square difference of the rows from their mean, in standard deviations; else 0.
        stopped: ``"finished"`` or ``"cancelled"``.
        pictures: How many pictures were asked for, or what the seconds came to: with it as ``pictures=`` the search is
            the same again. None where steps were given.
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
    pictures: int | None = None

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
    pictures: int | None = None,
    seconds: float | None = None,
    on_step: OnStep | None = None,
) -> Inversion:
    r"""Find a code that draws a picture.

    Minimises :math:`\mathrm{lap}\,\mathrm{Lap1} + \mathrm{l2}\,|x - x'|^2 / n` with Adam, in coordinates in which the
    latents have unit covariance. The first quarter of the steps follows all ``starts``, the rest the best of them; in
    ``w+`` the second half also moves the layers apart, at a cost of ``pull`` times the mean squared offset. From 256 px
    on, where the generator has small pictures of its own (``G.preview_resolutions``), the first quarter of the steps
    goes by an eighth of the side, the next sixteenth by the whole pictures of the two nearest codes, and the rest by
    that of the better one, with layers apart from the quarter on; ``perceptual`` sees whole pictures alone.

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
        pictures: How many pictures to draw in all, instead of ``steps``; a small one counts as the ratio of the sides.
            A quarter of them are samples at most.
        seconds: How long it may take, about: turned into pictures by the first that are drawn.
        on_step: Called after each step with an :class:`InversionStep`, before the first with the nearest sample so far,
            and inside of steps that take long; ``False`` ends the run with the best so far.

    Returns:
        The best code found.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the picture has another size, is not finite or plainly not in [-1, 1], the generator lacks the
            space or its weights, or pictures or seconds are too few or both given.

    Example:
        >>> from latent_widgets.generators.style import StyleGenerator
        >>> from latent_widgets.generators.stylegan2 import StyleGAN2
        >>> G = StyleGenerator(StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}))
        >>> found = invert(G, G.synthesize(G.code(seed=5)), space="w", steps=40, starts=2, samples=8)
        >>> found.code, found.losses[-1] <= found.losses[0]
        (<Code 5 in w>, True)
    """
    widest = next(s for s in ("w+", "w", "z") if s in with_digits(G).spaces)
    space = checks.choice("space", widest if space is None else G.check_space(space), ("z", "w", "w+"))
    steps = checks.integer("steps", steps, low=1)
    asked = None if samples is None else checks.integer("samples", samples, low=2)
    usual = (256 if G.resolution <= 64 else 64) if asked is None else asked
    starts = checks.integer("starts", starts, 1, usual)
    weights = {"lap": lap, "l2": l2, "pull": pull}
    weights = {name: checks.number(name, value, low=0) for name, value in weights.items()}
    if not (weights["lap"] or weights["l2"] or perceptual):
        raise ValueError("lap or l2 must be above 0, got neither. Without a loss there is nothing to find.")
    target = _target(G, image)

    def near(drawn: Tensor, wanted: Tensor) -> Tensor:
        terms = [weights["l2"] * (drawn - wanted).square().mean((1, 2, 3))]
        terms += [weights["lap"] * lap1_norm(drawn - wanted)] if weights["lap"] else []
        return torch.stack([term.reshape(-1) for term in terms]).sum(0)

    def distance(drawn: Tensor, wanted: Tensor) -> Tensor:
        terms = [near(drawn, wanted)]
        terms += [perceptual(drawn, wanted).reshape(-1)] if perceptual else []
        return torch.stack(terms).sum(0)

    def loss(drawn: Tensor) -> Tensor:
        return distance(drawn, target)

    check_gradients(G, space)
    base, rows = "z" if space == "z" else "w", G.num_layers if space == "w+" else 0
    given = None if start is None else _given(G, start, space, base)
    way = {
        "layered": given is not None and given.ndim == 3,
        "small": given is None and bool(weights["lap"] or weights["l2"]),
    }
    courses = Courses(
        lambda count: stages_of(G, count, starts if given is None else 1, rows, **way),
        usual,
        max(2, starts) if asked is None else asked,
        G.resolution,
    )
    budget = courses.check(pictures, seconds)
    work = Work(on_step, steps)
    with torch.inference_mode(False), torch.enable_grad():
        with torch.no_grad():
            first = latent_sample(G, base, 2, seed)[:1]
            seen = _Nearest((base, first, G.synthesize(first, base)), loss, work)
        try:
            pace = pace_of(lambda: G.synthesize(first, base), G.picture_size, work.inside)
            budget = budget if seconds is None else courses.affordable(float(seconds), pace)
            course = courses.of_steps(steps) if budget is None else courses.within(budget)
            work.expect(course.plan(pace), course.passes, course.steps)
        except Stopped:
            work.hush()
            frame = whitening_of(G, base, 2, seed)
            return _result(frame, seen.ended(frame), target, "cancelled", budget)
        frame = whitening_of(G, base, course.samples, seed, min(BATCH, pace.at_once), seen)
        if len(frame.codes) < course.samples:
            return _result(frame, seen.ended(frame), target, "cancelled", budget)
        begin = frame.encode(given) if given is not None else _nearest(frame, loss, course.stages[0].codes)
        plan = Search(frame, target, distance, near, weights["pull"], rows, pace.at_once, work.inside)
        best, stopped = Best(frame, begin), "finished"
        try:
            for stage in search(plan, best, begin, course.stages):
                work.draw(stage.passes(G.resolution) / (stage.last - stage.first))
                if not work.tell(len(best.losses), InversionStep(best.loss, best.picture, _code(frame, best))):
                    stopped = "cancelled"
                    break
        except Stopped:
            stopped = "cancelled"
        best.redraw(frame)
    return _result(frame, best, target, stopped, budget)


class _Nearest:
    """Shows the sample that is nearest to the picture, while they are drawn."""

    def __init__(self, frame: tuple[str, Tensor, Tensor], loss: Callable[[Tensor], Tensor], work: Work) -> None:
        self._base, code, picture = frame
        self._loss, self._work = loss, work
        self._work.value = self.shown = InversionStep(float(loss(picture)), picture, Code(code[0], self._base))

    def __call__(self, codes: Tensor, pictures: Tensor) -> None:
        losses = self._loss(pictures).detach().nan_to_num(nan=float("inf"))
        i = int(losses.argmin())
        if float(losses[i]) < self.shown.loss:
            code, picture = codes[i].detach().clone(), pictures[i : i + 1].detach().clone()
            self.shown = InversionStep(float(losses[i]), picture, Code(code, self._base))
        self._work.draw(len(codes))
        self._work.value = self.shown
        self._work.inside()

    def ended(self, frame: Whitening) -> Best:
        """Return the nearest sample as what a search found that was ended before its first step."""
        best = Best(frame, frame.encode(self.shown.code.tensor[None]))
        best.picture, best.loss, best.losses = self.shown.image, self.shown.loss, [self.shown.loss]
        return best


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


def _given(G: Generator, start: Any, space: str, base: str) -> Tensor:
    code, found = G.check_code(start.code if isinstance(start, Inversion) else start, name="start")
    if len(code) != 1:
        raise ValueError(f"start must be one code, got {len(code)}.")
    if found != base and (found, space) != ("w+", "w+"):
        raise ValueError(f"start must be a code in {space}, got one in {found}. Use space={found!r}.")
    return code


def _code(frame: Whitening, best: Best) -> Code:
    code = frame.decode(best.point)[0]
    return Code(code, frame.base if code.ndim == 1 else "w+")


def _result(frame: Whitening, best: Best, target: Tensor, stopped: str, pictures: int | None) -> Inversion:
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
        pictures=pictures,
    )


def _percentile(frame: Whitening, code: Code) -> float | None:
    try:
        density = fit_density(frame.generator, frame.base)
    except ValueError:  # a degenerate covariance
        return None
    mean = code.tensor if code.tensor.ndim == 1 else code.tensor.mean(0)
    return float(density.percentile(mean))

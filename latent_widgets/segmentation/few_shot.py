"""A segmenter from a few painted pictures: a linear reading of the generator's own features.

What a generator's layers give out knows its parts already: a multinomial logistic regression on all of them, brought
to one size, separates the parts from a handful of labelled pictures (Xu and Zheng, "Linear Semantics in Generative
Adversarial Networks", 2021). A linear map and a bilinear upsampling commute, so features are read at painted pixels
only, and labels are found at the size of each layer and enlarged afterwards.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.rounding import first_largest, rounding
from latent_widgets.core.steps import OnStep, Plan
from latent_widgets.core.work import Work, check_budget, pace_of
from latent_widgets.generators.base import Generator
from latent_widgets.generators.margins import behind_picture
from latent_widgets.generators.place import with_digits
from latent_widgets.segmentation._few_shot_files import read_fitted, write_fitted
from latent_widgets.segmentation._painting import Painting, Pixels, read_codes, read_painting
from latent_widgets.segmentation._regression import Linear, fit_linear, read_pixels
from latent_widgets.segmentation.base import Features, Segmenter
from latent_widgets.segmentation.scores import part_iou
from latent_widgets.values.fitting import generator_differences

__all__ = ["FewShotSegmenter", "HeldOut", "contradictory", "fit_segmenter"]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """How well painted samples are found by a fit to the others.

    Attributes:
        iou: Of each part, the intersection over the union, on painted pixels; only of parts painted in two samples.
        mean: Their mean; NaN without any.
        folds: How many samples were held out, one after the other.
    """

    iou: Mapping[str, float]
    mean: float
    folds: int


class FewShotSegmenter(Segmenter):
    """What :func:`fit_segmenter` returns: it labels what its own generator draws, from the codes.

    Attributes:
        generator: Whose features it reads.
        layers: The layers that it reads.
        painted: How many samples were painted.
        found: The names of the parts that it can find: those that were painted.
        training_agreement: The share of the painted pixels that it labels as painted; low where examples contradict.
        held_out: What leave-one-out found; None with one painted sample, or without evaluation.
        advice: In words, what would make it better.
        stopped: ``"cancelled"`` if the evaluation was, else ``"complete"``.
        pictures: How many pictures were asked for, or what the seconds came to; None where neither was given, and after
            loading.
    """

    needs_codes = True

    def __init__(
        self,
        G: Generator,
        linear: Linear,
        names: Sequence[str],
        *,
        painted: int,
        training_agreement: float,
        held_out: HeldOut | None,
        advice: Sequence[str],
        stopped: str,
        pictures: int | None = None,
    ) -> None:
        super().__init__(names, f"the segmenter fitted to {painted} painted sample{'s' * (painted != 1)} of {G.name!r}")
        self.generator, self._linear = G, linear
        self.layers = tuple(linear.weights)
        self.painted, self.training_agreement = painted, training_agreement
        self.found = tuple(self.names[i] for i in linear.labels.tolist())
        self.held_out, self.advice, self.stopped = held_out, tuple(advice), stopped
        self.pictures = pictures

    def from_codes(self, codes: Any, space: str | None = None) -> Tensor:
        """Label the pictures of codes ``(n, d)``: ``(n, H, W)`` int64."""
        return self.labels(None, codes, space=space)

    @torch.no_grad()
    def probabilities(self, codes: Any, space: str | None = None) -> Tensor:
        """Return how likely each part is at each pixel: ``(n, len(names), H, W)``, zero for parts never painted."""
        size = self.generator.picture_size
        shares = self._linear.logits(self._features(codes, space, None), size).softmax(1)
        result = shares.new_zeros(len(shares), len(self.names), *size)
        result[:, self._linear.labels.to(shares.device)] = shares
        return result

    def confidence(self, codes: Any, space: str | None = None) -> Tensor:
        """Return how sure each pixel's label is: ``(n, H, W)``, the probability of the label that was chosen.

        Where it is low the fit is in doubt: paint there, or paint the picture in which most is.

        Args:
            codes: ``(n, d)``.
            space: The space of the codes; found from the shape if not given.

        Returns:
            From one over the number of parts, to one.
        """
        return self.probabilities(codes, space).amax(1)

    def least_sure(self, codes: Any, space: str | None = None) -> int:
        """Return which of the codes ``(n, d)`` to paint next: the one whose mean confidence is lowest."""
        return int(first_largest(1 - self.confidence(codes, space).mean((1, 2)), 0, rounding(torch.float32)))

    def _labels(self, images: Tensor | None, codes: Any, space: str | None, features: Features | None) -> Tensor:
        if codes is None and not all(layer in (features or {}) for layer in self.layers):
            raise ValueError(
                f"codes must be given to {self.name}, got none. It reads the generator's features, so it cannot look "
                "at foreign pictures. Use from_codes(codes), or labels(images, codes)."
            )
        size = self.generator.picture_size if images is None else (images.shape[-2], images.shape[-1])
        return self._linear.best(self._features(codes, space, features), size)

    def _features(self, codes: Any, space: str | None, features: Features | None) -> dict[str, Tensor]:
        kept = {layer: features[layer] for layer in self.layers if features and layer in features}
        missing = [layer for layer in self.layers if layer not in kept]
        if missing:
            batch, space = read_codes(self.generator, codes, space)
            found = self.generator.features(batch, missing, space)
            kept |= {layer: behind_picture(self.generator, layer, f) for layer, f in found.items()}
        return kept

    def part_index(self, part: str | int) -> int:
        """Return the label of one part; one that was never painted is refused.

        Args:
            part: Its name, or its label.

        Returns:
            The label.

        Raises:
            ValueError: If there is no such part, or no example shows it.
        """
        label = super().part_index(part)
        if label not in self._linear.labels:
            raise ValueError(
                f"part must be painted in an example, got {self.names[label]!r}, which is in none. "
                f"Painted: {', '.join(map(repr, self.found))}."
            )
        return label

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, a few kB; the generator stays outside. It is written whole or not at all.

        Args:
            path: Where to; ends in ``.safetensors``.

        Raises:
            ValueError: If the path ends otherwise.
        """
        about = {
            "names": self.names,
            "painted": self.painted,
            "training_agreement": self.training_agreement,
            "held_out": None if self.held_out is None else asdict(self.held_out),
            "advice": self.advice,
            "stopped": self.stopped,
            "generator": self.generator.name,
            "weights_hash": self.generator.weights_hash,
        }
        write_fitted(path, self._linear, about)

    @classmethod
    def load(cls, path: str | os.PathLike[str], G: Generator) -> FewShotSegmenter:
        """Read what :meth:`save` wrote.

        Args:
            path: The file.
            G: The generator that it was fitted to.

        Returns:
            The segmenter; it finds what the saved one found.

        Raises:
            FileNotFoundError: If the file is missing.
            ValueError: If it is no such file, or was fitted to another generator.
        """
        linear, about = read_fitted(path)
        differ = generator_differences(G, about.pop("generator"), about.pop("weights_hash"))
        if differ:
            raise ValueError(
                f"G must be the generator that the segmenter was fitted to, got another {'; '.join(differ)}. "
                "Load that one, or fit a segmenter to this one."
            )
        held = about.pop("held_out")
        known = {name: about[name] for name in ("painted", "training_agreement", "advice", "stopped")}
        return cls(G, linear, about["names"], held_out=None if held is None else HeldOut(**held), **known)

    def __repr__(self) -> str:
        score = "" if self.held_out is None else f", held-out IoU {self.held_out.mean:.2f}"
        return f"<FewShotSegmenter of {self.generator.name!r}: {self.painted} painted, {', '.join(self.found)}{score}>"


@torch.no_grad()
def fit_segmenter(
    G: Generator,
    codes: Any,
    painted_labels: Any,
    names: Iterable[str] | None = None,
    *,
    layers: Sequence[str] | None = None,
    space: str | None = None,
    penalty: float = 1e-2,
    pixels: int = 12_000,
    evaluate: bool = True,
    seed: int = 0,
    pictures: int | None = None,
    seconds: float | None = None,
    on_step: OnStep | None = None,
) -> FewShotSegmenter:
    """Fit a segmenter to painted samples of a generator: one to eight of them, painted in part or whole.

    Args:
        G: The generator.
        codes: Of the painted samples: ``(n, d)`` or ``(n, num_layers, d)``, one code, or a list of codes.
        painted_labels: ``(n, H, W)`` integers, as large as the pictures; -1 where nothing is painted.
        names: One name for each label; ``background, part 1, part 2 ...`` if not given.
        layers: The layers whose features are read; all if not given.
        space: The space of the codes; found from the shape if not given.
        penalty: How strongly large weights are held down: this, divided by the number of painted samples, beside the
            mean cross entropy of their pixels.
        pixels: How many painted pixels are used at most, shared evenly by samples and parts as far as they reach.
        evaluate: Whether each sample is held out once and found by a fit to the others.
        seed: Of the choice of pixels.
        pictures: How many pictures to look at: each painted one, and those that are held out once more. Of a few more
            than painted ones not all are held out.
        seconds: How long it may take, about: the fit is made in any case, and as many samples are held out as there is
            time for.
        on_step: Called after the fit and after each sample held out, with the number of samples done, and as step 0
            before; ``False`` ends the evaluation.

    Returns:
        The segmenter. It labels what this generator draws, and needs the codes for it.

    Raises:
        TypeError: If the labels are no integers, or an argument has the wrong type.
        ValueError: If shapes do not fit, a label has no name, nothing or only one part is painted, or one code comes
            twice with different labels at the same pixel, or pictures or seconds are too few or both given.

    Example:
        >>> from latent_widgets.generators.zoo import load
        >>> G = load("faces64")
        >>> codes = G.map(G.sample_z(2, seed=1))
        >>> labels = torch.full((2, 64, 64), -1)
        >>> labels[:, 2:6] = 0  # above the head
        >>> labels[:, 30:36, 30:34] = 1  # the nose
        >>> S = fit_segmenter(G, codes, labels, ("background", "face"))
        >>> S.from_codes(codes)[0, 33, 32], S.held_out.mean
        (tensor(1), 1.0)
    """
    checks.number("penalty", penalty, low=1e-12)
    checks.integer("pixels", pixels, low=2)
    checks.integer("seed", seed, low=0)
    evaluate = checks.flag("evaluate", evaluate)
    layers = with_digits(G).layer_names if layers is None else G.check_layers(layers)
    if not layers:
        has = ", ".join(map(repr, G.layer_names)) or "none"
        raise ValueError(f"layers must name at least one layer with features, got none; {G.name!r} has {has}.")
    batch, space = read_codes(G, codes, space)
    fit = _Fit(G, batch, space, tuple(layers), read_painting(batch, painted_labels, names, G.picture_size), penalty)
    painting = fit.painting
    n = len(painting.samples)
    folds = painting.samples if evaluate and n > 1 else ()
    pictures = check_budget(pictures, seconds, n, f"the fit to {n} painted samples")
    folds = folds if pictures is None else folds[: pictures - n]
    work = Work(on_step, 1 + len(folds) if seconds is None else None, begins=True)
    pace = pace_of(lambda: fit.features(painting.samples[0]), G.picture_size, work.inside)
    if seconds is not None and seconds < n * pace.seconds:
        least = (
            f"{n * pace.seconds:.2g}, got {float(seconds):g}. So many are needed for the fit to {n} painted samples."
        )
        raise ValueError(f"seconds must be at least {least}")
    work.expect(Plan(n + len(folds), pace.seconds), n + len(folds), 1 + len(folds) if seconds is None else None)
    began = time.perf_counter()
    chosen, rows = fit.read(painting.choose(pixels, seed), work)
    linear = fit_linear(rows, chosen, fit.widths, penalty / n)
    if seconds is not None:  # another fit for each fold
        took = time.perf_counter() - began
        fold = pace.seconds + max(took - n * pace.seconds, 0.0)
        folds = folds[: max(int((seconds - took) / fold), 0)]
        pictures = n + len(folds)
        work.expect(Plan(len(folds), fold, "sample held out"), len(folds), 1 + len(folds))
    agreement = float((linear.best_of_rows(rows) == chosen.label).double() @ chosen.weight / chosen.weight.sum())
    go_on = work.tell(1)
    truth, found = [], []
    for done, sample in enumerate(folds):
        if not go_on:
            break
        held = fit.hold_out(sample, chosen, rows)
        if held is not None:
            truth.append(held[0])
            found.append(held[1])
        work.draw(1)
        go_on = work.tell(2 + done)
    return FewShotSegmenter(
        G,
        linear,
        painting.names,
        painted=len(painting.samples),
        training_agreement=agreement,
        held_out=_score(found, truth, painting.names),
        advice=_advice(painting, agreement, evaluate),
        stopped="complete" if go_on else "cancelled",
        pictures=pictures,
    )


@dataclass(frozen=True, eq=False)
class _Fit:
    """What every fit to one painting shares."""

    generator: Generator
    codes: Tensor
    space: str
    layers: tuple[str, ...]
    painting: Painting
    penalty: float
    widths: dict[str, int] = field(default_factory=dict)

    def features(self, sample: int) -> dict[str, Tensor]:
        found = self.generator.features(self.codes[sample : sample + 1], self.layers, self.space)
        self.widths.update({layer: found[layer].shape[1] for layer in self.layers})
        return {layer: behind_picture(self.generator, layer, found[layer]) for layer in self.layers}

    def read(self, chosen: Pixels, work: Work) -> tuple[Pixels, Tensor]:
        """Return the chosen pixels, sample by sample, and their features (m, columns)."""
        order, rows = [], []
        for sample in self.painting.samples:  # one at a time: only what is read stays in memory
            order.append((chosen.sample == sample).nonzero()[:, 0])
            rows.append(read_pixels(self.features(sample), chosen.only(order[-1]), self.generator.picture_size))
            work.draw(1)
            work.inside()
        return chosen.only(torch.cat(order)), torch.cat(rows)

    def hold_out(self, sample: int, chosen: Pixels, rows: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return what is painted on a sample, of parts that others show too, and what a fit to the others finds."""
        others = chosen.sample != sample
        known = chosen.label[others].unique()
        truth = self.painting.labels[sample]
        truth = truth.where(torch.isin(truth, known), -1)
        if len(known) < 2 or not bool((truth >= 0).any()):
            return None
        linear = fit_linear(
            rows[others], chosen.only(others), self.widths, self.penalty / (len(self.painting.samples) - 1)
        )
        return truth, linear.best(self.features(sample), (truth.shape[0], truth.shape[1]))[0].cpu()


def _score(found: list[Tensor], truth: list[Tensor], names: tuple[str, ...]) -> HeldOut | None:
    if not truth:
        return None
    scores = part_iou(torch.stack(found), torch.stack(truth), len(names))
    shown = {name: score for i, (name, score) in enumerate(zip(names, scores.tolist(), strict=True))
             if any(bool((one == i).any()) for one in truth)}  # fmt: skip
    return HeldOut(shown, sum(shown.values()) / len(shown), len(truth))


def contradictory(agreement: float) -> bool:
    """Whether so few of the painted pixels are found as painted that examples may contradict each other."""
    return agreement < 0.9 - rounding(torch.float64)


def _advice(painting: Painting, agreement: float, evaluate: bool) -> list[str]:
    """Say in words what more painting would mend."""
    found, several = [], len(painting.samples) > 1
    counts = {name: painting.samples_with(label) for label, name in enumerate(painting.names)}
    if not several:
        found.append("One sample is painted, so none can be held out. Paint a second.")
    found += [f"{name!r} is painted nowhere, so it is never found." for name, count in counts.items() if count == 0]
    if several and evaluate:
        found += [f"{name!r} is painted on one sample only, so it has no held-out score."
                  for name, count in counts.items() if count == 1]  # fmt: skip
    if contradictory(agreement):
        found.append(
            f"Only {100 * agreement:.0f} % of the painted pixels are found as painted: examples may contradict "
            "each other."
        )
    return found

r"""GANSpace (Härkönen et al. 2020): the principal components of mapped latents, or of a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import map_rounding, rounding
from latent_widgets.core.steps import OnStep, Plan
from latent_widgets.core.work import Work, affordable, check_budget, pace_of
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import steady, with_digits
from latent_widgets.geometry.effects.feature_layers import IMAGE, names_of
from latent_widgets.geometry.jacobian.svd import fix_signs
from latent_widgets.geometry.subspaces.stream import Stream, merged
from latent_widgets.values.directions import Directions
from latent_widgets.values.units import latent_sd

__all__ = ["ganspace"]

_BATCH = 4096
_TIMED = 256  # latents that are mapped to see how long that takes
_MOST = 10**7  # latents, in whatever time
_MEMORY = 2**29  # bytes that kept and new rows of a layer may take; some four times that are held while they merge
_KEPT, _BLOCK = 64, 128  # components that are kept between blocks at least, and rows of a block, where memory allows
_PIXELS = 2**24  # numbers in the pictures that are drawn at once


@exact()
def ganspace(
    G: Generator,
    k: int = 20,
    *,
    layer: str | None = None,
    space: Literal["z", "w"] | None = None,
    samples: int = 20_000,
    seed: int = 0,
    pictures: int | None = None,
    seconds: float | None = None,
    on_step: OnStep | None = None,
) -> Directions:
    r"""Find the principal components of ``w``, or of a layer.

    Härkönen et al. (NeurIPS 2020, "GANSpace: Discovering Interpretable GAN Controls") sample latents, map them, and
    take the principal components of the result; an edit adds multiples of a component's standard deviation. Their
    program uses a million samples and an incremental PCA; here the covariance is streamed in float64 and decomposed
    exactly.

    Where the latent is Gaussian, and for a layer, they take the components of the layer's flattened features, and
    regress the latent on the coordinates :math:`x` of the components, each in its standard deviation: the direction is
    the row of :math:`\arg\min_M \sum_j |M^\top x_j - z_j|^2`, scaled to length one. We take the same samples for both
    steps, so :math:`M` is the covariance of :math:`x` and :math:`z`, and a direction moves a linear layer along its
    component exactly; theirs draws others. Features are merged a block at a time, and at least 64 components (or 2 k)
    are kept between blocks, so many are exact; further ones are lost a little at a time.

    Args:
        G: A generator.
        k: How many components.
        layer: Of which layer: one of ``G.layer_names``, or ``"image"``. If not given ``w`` is decomposed itself, and
            without a mapping network the first layer; the authors take that of BigGAN in their example.
        space: Where the directions lie. If not given ``w``, as with the option ``--use_w`` of their program, or ``z``
            without a mapping network; their program takes ``z`` without that option.
        samples: How many latents; 20 000 is our default.
        seed: Of the sample.
        pictures: How many latents to look at, instead of ``samples``: for a layer each takes a picture, for ``w``
            itself a pass of the mapping.
        seconds: How long it may take, about: turned into pictures by the first that are drawn.
        on_step: Called after each batch, and as step 0 before the first; ``False`` ends the sampling, and the
            components are those of what was seen.

    Returns:
        ``k`` directions of length one, the entry of largest magnitude of each positive, the component of the largest
        variance first; orthogonal for ``w`` itself only. The score is the share of the variance; for a layer also
        ``"linear share"``, that of the component's variance which the latent explains linearly (of anything it
        explains about ``dim / samples`` by chance). One unit is a standard deviation of the latents along the
        direction: that of the component for ``w`` itself, and 1 in ``z``.

    Raises:
        TypeError: If a number is not an integer.
        ValueError: If a layer or space does not exist, the layer does not vary, ``k`` is above the length of the latent
            or the rank of the sample, there are too few samples, or pictures or seconds are too few or both given.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> D = ganspace(G, k=3, samples=2000)
        >>> bool((D.scales.diff() < 0).all())
        True
        >>> ganspace(G, k=2, layer="image", samples=500)
        <Directions 2 x 39 in w: ganspace 1, ganspace 2; unit sd; for faces-exact>
    """
    mapped = "w" in with_digits(G).spaces
    place = "w" if mapped else "z"
    if space is not None:
        place = checks.choice("space", space, [s for s in ("z", "w") if s in G.spaces])
    k = checks.integer("k", k, 1, G.dim(place))
    samples = checks.integer("samples", samples, 2)
    if layer is None and not mapped:
        layer = names_of(G)[0]
    if layer is not None:
        checks.choice("layer", layer, names_of(G))
    pictures = check_budget(pictures, seconds, k + 1, f"{k} components")
    work = Work(on_step, samples if pictures is None and seconds is None else pictures, begins=True)
    with torch.no_grad():
        latents = layer is None and place == "w"
        few = _TIMED if latents else 1
        z = G.sample_z(few, seed)
        codes = G.map(z) if mapped and not latents else z
        look = G.map if latents else _looking(steady(G), layer)
        pace = pace_of(lambda: look(codes), G.picture_size, work.inside)
        if seconds is not None:
            part = pace.seconds / few
            extra = affordable(lambda n: (k + n) * part, float(seconds), "seconds", f"{k} components")
            pictures = min(k + extra, _MOST)
        samples = samples if pictures is None else pictures
        work.expect(Plan(samples, pace.seconds / few, "latent" if latents else "picture"), samples, samples)
        if latents:
            vectors, scales, scores, done = _of_latents(G, k, samples, seed, work)
        else:
            vectors, scores, done = _of_layer(G, k, layer, place, samples, seed, pace.at_once, work)
            scales = latent_sd(G, vectors, place)
    told = {"k": k, "layer": layer, "space": space, "samples": samples, "pictures": pictures}
    return Directions(
        vectors,
        place,
        unit="sd",
        scales=scales,
        scores=scores,
        method="ganspace",
        parameters={name: value for name, value in told.items() if value is not None},
        seed=seed,
        rows=tuple(range(k)) if done == samples else None,
        generator=G.name,
        weights_hash=G.weights_hash,
    )


def _of_latents(
    G: Generator, k: int, samples: int, seed: int, work: Work
) -> tuple[Tensor, Tensor, dict[str, Tensor], int]:
    """The components of ``w``: unit vectors, deviations, scores, and how many samples were seen."""
    d = G.dim("w")
    z = G.sample_z(samples, seed)
    total, products, done = z.new_zeros(d, dtype=torch.float64), z.new_zeros(d, d, dtype=torch.float64), 0
    shift = G.map(z[:1])[0].double()  # near the mean, so that little is lost when its square is subtracted
    for chunk in z.split(_BATCH):
        w = G.map(chunk).double() - shift
        total, products, done = total + w.sum(0), products + w.T @ w, done + len(w)
        work.draw(len(w))
        if not work.tell(done):
            break
    mean = total / done
    variances, columns = torch.linalg.eigh(products / (done - 1) - mean.outer(mean) * (done / (done - 1)))
    variances = variances.flip(0).clamp(min=0)
    # each coordinate is good to so many units, and the covariance to about 1e-14 of the first variance
    error = map_rounding(G.dtype) ** 2 * float(variances.sum() + (shift + mean).square().sum()) / d
    _check_rank(k, variances, error)
    vectors = fix_signs(columns.flip(1)[:, :k])[0].T
    share = (variances[:k] / variances.sum()).to(G.dtype)
    return vectors.to(G.dtype), variances[:k].sqrt().to(G.dtype), {"share of variance": share}, done


def _of_layer(
    G: Generator, k: int, layer: str | None, space: str, samples: int, seed: int, at_once: int, work: Work
) -> tuple[Tensor, dict[str, Tensor], int]:
    """The components of a layer (of ``w`` without one), regressed: unit vectors, scores, and samples seen."""
    steady(G)
    z = G.sample_z(samples, seed)
    codes = torch.cat([G.map(chunk) for chunk in z.split(_BATCH)]) if "w" in G.spaces else z
    latents = z if space == "z" else codes
    found = _streamed(_looking(G, layer), codes, latents, k, G.picture_size[0] * G.picture_size[1], at_once, work)
    done, p = found.count, found.rows.shape[1]
    variances = found.rows.square().sum(1) / (done - 1)
    whole = found.scatter / (done - 1)
    error = rounding(G.dtype) ** 2 * (whole + float(found.mean.square().sum())) / p
    if float(variances[0]) <= error:
        name = "w" if layer is None else layer
        raise ValueError(
            f"layer must be one that changes with the latent, got {name!r}, which is the same for {done} samples. "
            "Use another of G.layer_names."
        )
    _check_rank(k, variances, error)
    rows = found.beside[:k] / (done - 1) ** 0.5  # the covariance with coordinates of variance one
    vectors = fix_signs((rows / rows.norm(dim=1, keepdim=True)).T)[0].T
    centred = latents[:done].double() - found.beside_mean
    least = max(map_rounding(G.dtype) ** 2, 1e-12)  # latents in w may lie in fewer dimensions
    inverse = torch.linalg.pinv(centred.T @ centred / (done - 1), rtol=least, hermitian=True)
    explained = ((rows @ inverse) * rows).sum(1)
    scores = {"share of variance": variances[:k] / whole, "linear share": explained}
    return vectors.to(G.dtype), {name: score.to(G.dtype) for name, score in scores.items()}, done


def _looking(G: Generator, layer: str | None) -> Callable[[Tensor], Tensor]:
    if layer is None:
        return lambda codes: codes
    if layer == IMAGE and IMAGE not in G.layer_names:
        return lambda codes: G.synthesize(codes, G.main_space).flatten(1)
    return lambda codes: G.features(codes, [layer], G.main_space)[layer].flatten(1)


def _streamed(
    look: Callable[[Tensor], Tensor], codes: Tensor, latents: Tensor, k: int, pixels: int, at_once: int, work: Work
) -> Stream:
    p, samples = look(codes[:1]).shape[1], len(codes)
    keep = max(_KEPT, 2 * k)
    block = max(2, min(_BLOCK, _MEMORY // (8 * p) - keep))
    if block < keep:  # a large layer: half of what fits each, and what is asked for in any case
        keep = max(k + 1, min(keep, _MEMORY // (16 * p)))
        block = keep
    at_once = max(1, min(block, at_once, _PIXELS // (3 * pixels)))
    found: Stream | None = None
    done = 0
    while True:
        begin, goes_on = done, True
        held: list[Tensor] = []
        while goes_on and done < min(begin + block, samples):
            part = codes[done : min(done + at_once, begin + block)]
            held.append(look(part))
            done += len(part)
            work.draw(len(part))
            goes_on = work.tell(done)
        found = merged(found, torch.cat(held), latents[begin:done], keep)
        if not goes_on or done == samples:
            return found


def _check_rank(k: int, variances: Tensor, error: float) -> None:
    rank = int((variances > max(1e-12 * float(variances[0]), error)).sum())
    if k > rank:
        raise ValueError(f"k must be at most {rank}, the rank of the sample, got {k}.")

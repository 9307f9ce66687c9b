"""GANSpace (Härkönen et al. 2020): the principal components of mapped latents."""

from __future__ import annotations

import torch

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.rounding import map_rounding
from latent_widgets.core.steps import OnStep, report
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_digits
from latent_widgets.geometry.jacobian.svd import fix_signs
from latent_widgets.values.directions import Directions

__all__ = ["ganspace"]

_BATCH = 4096


@exact()
def ganspace(
    G: Generator, k: int = 20, *, samples: int = 20_000, seed: int = 0, on_step: OnStep | None = None
) -> Directions:
    """Find the principal components of ``w``.

    Härkönen et al. (NeurIPS 2020, "GANSpace: Discovering Interpretable GAN Controls") sample latents, map them, and
    take the principal components of the result; an edit adds multiples of a component's standard deviation. Their
    program uses a million samples and an incremental PCA; here the covariance is streamed in float64 and decomposed
    exactly.

    Args:
        G: A generator with a mapping network.
        k: How many components.
        samples: How many latents; 20 000 is our default.
        seed: Of the sample.
        on_step: Called after each batch; ``False`` ends the sampling, and the components are those of what was seen.

    Returns:
        ``k`` orthonormal directions in ``w``, in standard deviations of the components, the entry of largest magnitude
        of each positive; the score is the share of the variance.

    Raises:
        TypeError: If a number is not an integer.
        ValueError: If the generator has no mapping network, ``k`` is above ``w_dim``, or there are too few samples.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> D = ganspace(G, k=3, samples=2000)
        >>> bool((D.scales.diff() < 0).all())
        True
    """
    if "w" not in G.spaces:
        raise ValueError(
            f"ganspace must be given a generator with a mapping network, got {G.name!r}, which has z only. "
            "Its z is Gaussian and has no principal components; use local_basis(G, z, target='image')."
        )
    d = with_digits(G).dim("w")
    k = checks.integer("k", k, 1, d)
    samples = checks.integer("samples", samples, 2)
    z = G.sample_z(samples, seed)
    total, products, done = z.new_zeros(d, dtype=torch.float64), z.new_zeros(d, d, dtype=torch.float64), 0
    with torch.no_grad():
        shift = G.map(z[:1])[0].double()  # near the mean, so that little is lost when its square is subtracted
        for chunk in z.split(_BATCH):
            w = G.map(chunk).double() - shift
            total, products, done = total + w.sum(0), products + w.T @ w, done + len(w)
            if not report(on_step, done, samples):
                break
    mean = total / done
    variances, columns = torch.linalg.eigh(products / (done - 1) - mean.outer(mean) * (done / (done - 1)))
    variances = variances.flip(0).clamp(min=0)
    # each coordinate is good to so many units, and the covariance to about 1e-14 of the first variance
    error = map_rounding(G.dtype) ** 2 * float(variances.sum() + (shift + mean).square().sum()) / d
    rank = int((variances > max(1e-12 * float(variances[0]), error)).sum())
    if k > rank:
        raise ValueError(f"k must be at most {rank}, the rank of the sample, got {k}.")
    vectors = fix_signs(columns.flip(1)[:, :k])[0].T
    return Directions(
        vectors.to(G.dtype),
        "w",
        unit="sd",
        scales=variances[:k].sqrt().to(G.dtype),
        scores={"share of variance": (variances[:k] / variances.sum()).to(G.dtype)},
        method="ganspace",
        parameters={"k": k, "samples": samples},
        seed=seed,
        rows=tuple(range(k)) if done == samples else None,
        generator=G.name,
        weights_hash=G.weights_hash,
    )

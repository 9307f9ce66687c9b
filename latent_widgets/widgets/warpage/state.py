"""What a warpage panel shows, and what it says about it; knows no widget."""

from __future__ import annotations

import numpy as np

from latent_widgets.core.rounding import first_largest
from latent_widgets.core.texts import tr, trn
from latent_widgets.methods.warpage import WarpageMap
from latent_widgets.widgets.warpage.order import Order

__all__ = ["Views", "farthest", "warpage_words"]


class Views:
    """A result at each dimension and metric that is asked for; each is computed once."""

    def __init__(self, result: WarpageMap) -> None:
        self._result = result
        self._known: dict[tuple[int, str], WarpageMap] = {}

    def at(self, k: int, metric: str) -> WarpageMap:
        """Return the result with ``k`` dimensions of each basis, in a metric."""
        if (k, metric) not in self._known:
            self._known[k, metric] = self._result.at(k, metric)
        return self._known[k, metric]


def farthest(view: WarpageMap) -> tuple[int, int] | None:
    """Return the pair of the largest distance, the lower number first; None of no latents."""
    if len(view) < 2:
        return (0, 0) if len(view) else None
    i, j = divmod(int(first_largest(view.distances.flatten(), 0)), len(view))
    return min(i, j), max(i, j)


def warpage_words(view: WarpageMap, order: Order) -> str:
    """Say how far apart random and close pairs are, and what there is to know about the result.

    Args:
        view: The distances.
        order: In which they are shown.

    Returns:
        HTML.
    """
    pairs, words = view.baselines, []
    if view.stopped != "finished":
        words.append(
            trn(
                "<b>{done} of {count} latent</b>: the run was cancelled",
                "<b>{done} of {count} latents</b>: the run was cancelled",
                view.total, done=len(view),
            )
        )  # fmt: skip
    if "random" in pairs:
        words.append(_pairs_words(view))
    words += [order.words] if order.words else []
    return " · ".join(words)


def _pairs_words(view: WarpageMap) -> str:
    ratio, baselines = view.distortion_interval, view.baselines
    known = {"random": baselines["random"].mean, "apart": view.epsilon, "close": baselines["close"].mean}
    if not np.isfinite(ratio.mean):
        return tr(
            "random pairs are at <b>{random:.2f}</b> of chance; pairs {apart:.3g} apart in z (at {close:.2f})", **known
        )
    if not np.isfinite(ratio.low):
        return tr(
            "random pairs are at <b>{random:.2f}</b> of chance, "
            "{times:.3g} times as far as pairs {apart:.3g} apart in z (at {close:.2f})",
            times=ratio.mean, **known,
        )  # fmt: skip
    return tr(
        "random pairs are at <b>{random:.2f}</b> of chance, "
        "{times:.3g} ({low:.3g} to {high:.3g}) times as far as pairs {apart:.3g} apart in z (at {close:.2f})",
        times=ratio.mean, low=ratio.low, high=ratio.high, **known,
    )  # fmt: skip

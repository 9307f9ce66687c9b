"""The calls that keep to a budget, each small, and what of their results has to be the same again."""

from collections import Counter

import torch

import latent_widgets as lw
from tests.public_calls import corner

__all__ = ["CALLS", "Counting", "code_of", "recorded"]


def _painted(G):
    codes = G.map(G.sample_z(4, seed=1))
    labels = torch.full((4, *G.picture_size), -1)
    labels[:, :6], labels[:, 9:] = 0, 1
    return codes, labels


CALLS = {
    "lelsd": lambda G, **o: lw.lelsd(G, corner(G), **{"batch": 2} | o),
    "dp_lase": lambda G, **o: lw.dp_lase(G, layer="image", k=2, batch=2, walk="norm", **o),
    "ganspace": lambda G, **o: lw.ganspace(G, 2, layer="image", **o),
    "warpage": lambda G, **o: lw.warpage(G, k=2, **o),
    "invert": lambda G, **o: lw.invert(G, G.synthesize(G.code(5)[None]), **o),
    "fit_segmenter": lambda G, **o: lw.fit_segmenter(G, *_painted(G), **o),
    "fit_glo": lambda G, **o: lw.fit_glo(
        G.synthesize(G.map(G.sample_z(6))).clamp(-1, 1).float(), z_dim=3, resolution=16, channels={4: 4, 8: 4, 16: 4},
        batch=4, **o,
    ),
}  # fmt: skip


def recorded(found):
    """The pictures that a result tells of."""
    return found.parameters["pictures"] if isinstance(found, lw.Directions) else found.pictures


def code_of(found):
    """What a result found, in one tensor."""
    for name in ("bases", "codes"):
        if isinstance(getattr(found, name, None), torch.Tensor):
            return getattr(found, name)
    if isinstance(found, lw.Directions):
        return found.vectors
    if hasattr(found, "code"):
        return found.code.tensor
    return found.directions.vectors if hasattr(found, "directions") else torch.tensor(found.training_agreement)


class Counting:
    """Counts the pictures that a generator draws, whole or in part.

    Args:
        G: The generator.
    """

    def __init__(self, G):
        self.drawn = Counter()
        self._watch(G, "_synthesize")
        self._watch(G, "_features")
        self._watch(G, "_preview")

    def _watch(self, G, name):
        real = getattr(G, name)

        def counted(code, *rest):
            self.drawn[name] += len(code)
            return real(code, *rest)

        setattr(G, name, counted)

    @property
    def total(self):
        """All of them."""
        return sum(self.drawn.values())

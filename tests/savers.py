"""Everything in the package that takes a path from a user, each with the smallest thing that it can save or load."""

from dataclasses import replace

import numpy as np
import torch

import latent_widgets as lw
from latent_widgets.edits.edit import Edit
from latent_widgets.generators.checkpoints.reading import convert
from latent_widgets.inversion.photos import load_photo
from latent_widgets.methods.local_basis import LocalBasis, local_basis
from latent_widgets.methods.warpage import WarpageMap
from latent_widgets.segmentation.few_shot import FewShotSegmenter
from latent_widgets.widgets.kit.encode import animation
from latent_widgets.widgets.kit.panel import Panel
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.painter.files import load_mask
from latent_widgets.widgets.painter.painter import MaskPainter
from tests.linear import linear_generator

PICTURES = torch.linspace(-1, 1, 3 * 3 * 8 * 8).reshape(3, 3, 8, 8)


def small_glo(steps=1, **options):
    return lw.fit_glo(PICTURES, z_dim=2, steps=steps, resolution=8, channels={4: 4, 8: 4}, **options)


def small_panel():
    picture = Picture()
    picture.show(np.full((6, 9, 3), 77, np.uint8))
    return Panel([picture], executor="inline")


def small_painter():
    return MaskPainter(np.zeros((7, 9, 3), np.uint8), executor="inline")


def small_map(n=4, dtype=torch.float32, **changes):
    """A map of random subspaces: three dimensions of six, and four of nine in z."""
    rng = torch.Generator("cpu").manual_seed(5)

    def draw(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    def basis(*shape):
        return torch.linalg.qr(draw(*shape)).Q.to(dtype)

    given = {
        "z": draw(n, 9).to(dtype), "codes": draw(n, 6).to(dtype), "space": "w", "target": "w",
        "bases": basis(n, 6, 3), "close_bases": basis(n, 6, 3), "epsilon": 0.1,
        "singular_values": draw(n, 5).abs().sort(descending=True).values.to(dtype),
        "compared": {"sefa": basis(6, 4), "a.b/c": basis(6, 2)}, "k": 2, "metric": "geodesic", "total": n,
        "stopped": "finished", "pictures": 48, "generator": "mine", "weights_hash": "abc",
    }  # fmt: skip
    return WarpageMap(**given | changes)


def small_basis(target="image", dtype=torch.float64, **changes):
    """A basis at a latent of a linear generator, with all that a decomposition may hold."""
    G = linear_generator(dtype=dtype)
    made = local_basis(G, G.sample_z(1, 3), target, k=2)
    if made.svd is not None:
        m, count = made.shape[0], len(made.svd.S)
        rng = torch.Generator("cpu").manual_seed(1)
        left = torch.linalg.qr(torch.randn(m, count, generator=rng, dtype=torch.float64)).Q.to(dtype)
        upper = torch.full_like(made.svd.S, torch.inf)
        svd = replace(made.svd, U=left, upper=upper, unseen=torch.inf, products=(3, 4), stopped="budget")
        made = replace(made, svd=svd)
    return replace(made, **changes)


DIRECTIONS = lw.Directions(torch.eye(3, 5), "w")
SAVERS = {
    "edit": (".json", lambda path: Edit(lw.Base(seed=3)).save(path)),
    "directions": (".safetensors", DIRECTIONS.save),
    "warpage": (".safetensors", lambda path: small_map().save(path)),
    "local basis": (".safetensors", lambda path: small_basis().save(path)),
    "glo": (".safetensors", lambda path: small_glo().save(path)),
    "checkpoint": (".pt", lambda path: small_glo(checkpoint=path)),
    "gif": (".gif", lambda path: animation(PICTURES, path)),
    "webp": (".webp", lambda path: animation(PICTURES, path)),
    "panel's pixels": (".png", lambda path: small_panel().save(path)),
    "panel's photo": (".jpg", lambda path: small_panel().save(path)),
    "panel's figure": (".svg", lambda path: small_panel().save(path)),
    "panel's page": (".pdf", lambda path: small_panel().save(path)),
    "mask": (".png", lambda path: small_painter().save_mask(path)),
    "array": (".npy", lambda path: small_painter().save_mask(path)),
    "regions": (".json", lambda path: small_painter().save_mask(path)),
}
LOADERS = {
    "edit": Edit.load,
    "directions": lw.Directions.load,
    "warpage": WarpageMap.load,
    "local basis": LocalBasis.load,
    "glo": lw.GLO.load,
    "segmenter": lambda path: FewShotSegmenter.load(path, lw.load("digits32")),
    "photo": lambda path: load_photo(path, 8),
    "mask": lambda path: load_mask(small_painter().model, path),
    "checkpoint": lw.load,
    "conversion": lambda path: convert(path, "target.safetensors"),
}

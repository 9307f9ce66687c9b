"""Everything in the package that takes a path from a user, each with the smallest thing that it can save or load."""

import numpy as np
import torch

import latent_widgets as lw
from latent_widgets.edits.edit import Edit
from latent_widgets.generators.checkpoints.reading import convert
from latent_widgets.inversion.photos import load_photo
from latent_widgets.segmentation.few_shot import FewShotSegmenter
from latent_widgets.widgets.kit.encode import animation
from latent_widgets.widgets.kit.panel import Panel
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.painter.files import load_mask
from latent_widgets.widgets.painter.painter import MaskPainter

PICTURES = torch.linspace(-1, 1, 3 * 3 * 8 * 8).reshape(3, 3, 8, 8)


def small_glo(steps=1, **options):
    return lw.fit_glo(PICTURES, z_dim=2, steps=steps, resolution=8, channels={4: 4, 8: 4}, **options)


def small_panel():
    picture = Picture()
    picture.show(np.full((6, 9, 3), 77, np.uint8))
    return Panel([picture], executor="inline")


def small_painter():
    return MaskPainter(np.zeros((7, 9, 3), np.uint8), executor="inline")


DIRECTIONS = lw.Directions(torch.eye(3, 5), "w")
SAVERS = {
    "edit": (".json", lambda path: Edit(lw.Base(seed=3)).save(path)),
    "directions": (".safetensors", DIRECTIONS.save),
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
    "glo": lw.GLO.load,
    "segmenter": lambda path: FewShotSegmenter.load(path, lw.load("digits32")),
    "photo": lambda path: load_photo(path, 8),
    "mask": lambda path: load_mask(small_painter().model, path),
    "checkpoint": lw.load,
    "conversion": lambda path: convert(path, "target.safetensors"),
}

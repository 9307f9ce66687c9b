"""Runs of seconds of the training scripts, and what their checkpoints hold."""

from dataclasses import replace

from latent_widgets.training import digits, faces128, fashion, gan, regressor, segmenter
from latent_widgets.training.adversarial import Recipe
from latent_widgets.training.pool import Pool

STYLE = {
    "z_dim": 8,
    "w_dim": 8,
    "resolution": 16,
    "channels": {4: 8, 8: 8, 16: 8},
    "mapping_layers": 2,
    "noise": False,
}
PLAIN = {"z_dim": 8, "resolution": 16, "channels": {4: 8, 8: 8, 16: 8}, "colours": 1}

CLASSED = {
    "z_dim": 8, "w_dim": 8, "resolution": 16, "channels": {4: 8, 8: 8, 16: 8}, "mapping_layers": 2, "c_dim": 10,
    "noise": False, "colours": 1,
}  # fmt: skip
FACES = {
    "z_dim": 8, "w_dim": 8, "resolution": 32, "channels": {4: 8, 8: 8, 16: 8, 32: 8}, "mapping_layers": 2,
    "noise": False,
}  # fmt: skip


def train_gan(folder, **options):
    gan.train(folder, images=24, batch=8, snapshots=(16,), config=STYLE, faces=40, **options)


def train_digits(folder, **options):
    digits.train(folder, images=24, batch=8, config=PLAIN, **options)


def train_regressor(folder, **options):
    regressor.train(folder, images=192, size=16, count=40, **options)


def train_segmenter(folder, **options):
    segmenter.train(folder, images=96, size=16, count=40, **options)


def train_fashion(folder, articles, images=24, **options):
    recipe = Recipe(batch=8, r1_every=2)
    fashion.train(folder, images=images, data=articles, config=CLASSED, recipe=recipe, **options)


def train_faces(folder, articles=None, images=48, **options):
    recipe = replace(faces128.RECIPE, batch=8, r1_every=2, small=16, grow=16, nearest=1.0, patience=8)
    pool = Pool(folder / "faces.u8", 32, start=20, every=1)
    faces128.train(
        folder, images=images, config=FACES, channels=FACES["channels"], recipe=recipe, pool=pool, **options
    )  # fmt: skip


def train_copies(folder, articles=None, images=48, **options):
    recipe = replace(faces128.COPYING, batch=8, small=64, grow=24, warm=16)
    config = FACES | {"z_dim": 64, "w_dim": 64, "mapping_layers": 6, "resolution": 128}
    channels = {4: 96, 8: 97, 16: 64, 32: 33, 64: 16, 128: 4}  # faces64's, and a few more
    faces128.train(folder, images=images, config=config | {"channels": channels}, recipe=recipe, **options)


def flat(state, prefix=""):
    for key, value in state.items() if isinstance(state, dict) else enumerate(state):
        if isinstance(value, dict | list):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

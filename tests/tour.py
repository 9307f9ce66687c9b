"""A walk through all of an explorer: each page is opened, and what is on it is used."""

import importlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from latent_widgets.edits.edit import Mask
from latent_widgets.generators.base import Generator
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.pages.save import KINDS
from latent_widgets.widgets.explorer.part.page import REGION
from latent_widgets.widgets.explorer.region.page import OVERLAYS
from latent_widgets.widgets.explorer.walk.page import SHOWN
from tests.pictures import file_of

SIDE = 16


def tour(folder: Path) -> None:
    """Go through an explorer of a network in whose pictures parts are found.

    Args:
        folder: Where files are saved.
    """
    course = importlib.import_module("latent_widgets.methods.lelsd.course")
    for name in ("RANDOM", "CHECKED", "FEWEST"):  # of pictures on which a training measures
        setattr(course, name, 2)
    with LatentExplorer(_network(), seed=3, k=3, executor="inline", segmenter=Halves()) as explorer:
        for visit in (_open, _walk, _region, _train, _paint, _photo, _around, _keep):
            visit(explorer, folder)
            assert explorer.error is None, (visit, explorer.error)


class Halves:
    """Finds the upper and the lower half of any picture."""

    names = ("lower", "upper")

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Label pictures."""
        rows = torch.arange(images.shape[-2])[:, None] < images.shape[-2] // 2
        return rows.long().expand(len(images), *images.shape[-2:])


def _network() -> Generator:
    torch.manual_seed(0)
    sizes = {"z_dim": 7, "w_dim": 6, "resolution": SIDE, "channels": {4: 5, 8: 4, 16: 3}, "mapping_layers": 2}
    network = StyleGAN2(**sizes).double()  # type: ignore[arg-type]
    with torch.no_grad():
        for name, value in network.state_dict().items():
            value.copy_(torch.randn_like(value) + name.endswith("affine.bias"))
        for name, value in network.mapping.named_parameters():
            value.mul_(100 if name.startswith("fc") and name.endswith("weight") else 1)
    return StyleGenerator(network, "tiny")


def _half() -> Mask:
    return Mask(torch.arange(SIDE * SIDE).reshape(SIDE, SIDE) < SIDE * SIDE // 2)


def _open(explorer: LatentExplorer, folder: Path) -> None:
    for name in explorer.pages:
        explorer.controls.page = name
    explorer.set_alpha(0, 1.0)
    explorer.set_alpha(1, 0.5)
    for name in explorer.pages:
        explorer.controls.page = name
        explorer.show_page()


def _walk(explorer: LatentExplorer, folder: Path) -> None:
    explorer.controls.page, page = "walk", explorer.walks.page
    page.count.value, page.reach.value = 3, 0.2
    for _, kind in reversed(page.kind.options):
        page.kind.value = kind
    for shown in reversed(SHOWN):
        page.shown.value = shown


def _region(explorer: LatentExplorer, folder: Path) -> None:
    explorer.controls.page, page = "region", explorer.region.page
    explorer.steer = True
    explorer.mask = Mask(torch.zeros(SIDE, SIDE))
    explorer.mask = _half()
    for overlay in OVERLAYS:
        page.overlay.value = overlay
        explorer.choose(0)
    page.solver.value = "projection"
    page.solver.value, page.channels.value, page.tolerance.value = "generalized", "luminance", 0.1
    explorer.mask = Mask(torch.ones(SIDE, SIDE))
    explorer.mask = Mask(torch.eye(SIDE) * (torch.arange(SIDE) == 5))
    explorer.set_alpha(0, 0.5)
    explorer.seed = 4
    page.overlay.value = "none"
    explorer.steer, explorer.mask = False, _half()
    explorer.confine, explorer.mask = False, None
    explorer.reset()


def _train(explorer: LatentExplorer, folder: Path) -> None:
    explorer.controls.page, page = "part", explorer.part.page
    explorer.mask = _half()
    page.part.value, page.scope.value, page.steps.value = REGION, True, 2
    page.train.click()
    explorer.mask = None


def _paint(explorer: LatentExplorer, folder: Path) -> None:
    explorer.controls.page, box = "part", explorer.part.page.examples
    box.name.value = "hair"
    for seed in (5, 6):
        explorer.seed, explorer.mask = seed, _half()
        box.add.click()
    explorer.show_page()
    box.paint.click()
    box.seek.click()
    explorer.part.painted.remove(explorer.part.painted.examples.of("hair")[0])
    explorer.mask = None


def _photo(explorer: LatentExplorer, folder: Path) -> None:
    explorer.controls.page, page = "photo", explorer.photo.page
    page.begin.click()
    explorer.photo.open(file_of(Image.fromarray(np.arange(1200, dtype=np.uint8).reshape(20, 20, 3))), "photo.png")
    page.steps.value = 2
    for space in [*page.space.options]:
        page.space.value = space
        page.begin.click()
        page.go_on.click()
    page.use.click()


def _around(explorer: LatentExplorer, folder: Path) -> None:
    explorer.seed = 3
    mix, seeds = explorer.pages["mix"], explorer.pages["seeds"]
    explorer.controls.page = "mix"
    mix.weight.value = 0.5
    if mix.mixing is not None:
        mix.mixing.value = True
    explorer.controls.page = "seeds"
    seeds.show_from(seeds.count)
    explorer.reset()
    explorer.set_alpha(0, 0.2)
    explorer.controls.page, compare = "compare", explorer.pages["compare"]
    compare.most.value, compare.count.value, compare.distance.value = 0.05, 3, "rms"
    compare.compare.click()
    explorer.undo()
    explorer.redo()


def _keep(explorer: LatentExplorer, folder: Path) -> None:
    explorer.state.keep(explorer.state.direction, True)
    explorer.controls.page, page = "save", explorer.pages["save"]
    for kind, ending in KINDS.items():
        if ending != "mp4":  # which needs what is not installed everywhere
            page.kind.value, page.path.value = kind, str(folder / "kept")
            page.press.click()
    for name in ("stack", "code"):
        explorer.controls.page = name

"""Explorers of generators that are as small, as large or as plain as they can be."""

import numpy as np
import pytest

import latent_widgets as lw
from latent_widgets.edits.edit import Mask
from latent_widgets.methods import methods
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from tests.spread import Spread

SIZES = {"one pixel": (1, 1, 6), "one number": (4, 16, 1), "two pixels": (2, 2, 3), "1024 pixels": (4, 1024, 2)}


@pytest.fixture(params=SIZES)
def G(request):
    """A network of that size, without a mapping and without layers."""
    side, resolution, z_dim = SIZES[request.param]
    return lw.load(Spread(side, resolution, z_dim), z_dim=z_dim, value_range=(-1, 1))


@pytest.fixture
def explorer(G):
    with LatentExplorer(G, seed=1, executor="inline") as made:
        made.pages["walk"].count.value, made.pages["walk"].density.value = 3, False
        yield made


def test_sliders_pages_and_undo(explorer, G, agrees):
    assert len(explorer.directions) == min(8, G.z_dim)
    explorer.set_alpha(0, 1.5)
    for page in explorer.pages:
        explorer.controls.page = page
        agrees(explorer)
    loaded = lw.Edit.from_json(explorer.edit.to_json())
    assert loaded.apply(G).equal(explorer.edit.apply(G))
    while explorer.history.can_undo:
        explorer.undo()
    assert explorer.edit.moves == ()
    agrees(explorer)


@pytest.mark.parametrize("part", ["all", "one"])
def test_region_of_every_size_is_followed_or_refused_in_words(explorer, G, part):
    height, width = G.picture_size
    painted = np.ones((height, width), bool) if part == "all" else np.zeros((height, width), bool)
    painted[0, 0] = True
    explorer.steer, explorer.mask = True, Mask(painted)
    whole = part == "all" or height == 1
    said, refused = explorer.status, "leave a part"
    explorer.controls.page = "region"
    for words in (said, explorer.region.page.message.value):
        assert (refused in words) == whole
    assert (explorer.directions.method == "region") == (not whole)
    explorer.set_alpha(0, 0.5)
    explorer.undo()
    explorer.mask = None
    assert refused not in explorer.status
    assert explorer.error is None


def test_each_stroke_covers_what_is_under_it(explorer, G):
    height, width = G.picture_size
    explorer.hands.stroke(((width / 2, height / 2),), float(max(height, width)) * 2, False)
    assert explorer.mask.tensor.all()
    explorer.hands.stroke(((0.0, 0.0), (float(width), float(height))), float(max(height, width)) * 3, True)
    assert explorer.mask is None
    assert explorer.error is None


def test_random_directions_are_found_again(explorer, G):
    method = next(m for m in methods() if m.name == "random_directions")
    explorer.find(method, {"k": 1, "seed": 5})
    assert explorer.error is None
    assert len(explorer.directions) == 1

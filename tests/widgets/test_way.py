"""Where the filmstrip goes: curves about an edit, and the words where there is no such walk."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from latent_widgets.edits import Code, Edit, Move
from latent_widgets.methods import local_basis, random_directions
from latent_widgets.widgets._encode import to_uint8
from latent_widgets.widgets._way import Way, words_of
from latent_widgets.widgets.explorer import LatentExplorer
from tests.linear import linear_generator


@pytest.fixture
def explorer(tiny):
    """An explorer of local directions, whose work is done where it is asked for."""
    D = local_basis(tiny, tiny.sample_z(1, 3)[0]).directions[:3]
    with LatentExplorer(tiny, D, seed=3, executor="inline") as made:
        made.controls.walk.count.value, made.controls.walk.reach.value = 3, 0.2
        yield made


@pytest.mark.parametrize(
    "base",
    [
        {"seed": 2, "truncation": 0.7},
        {"seed": 2, "truncation": 0.7, "mix_seed": 4, "mix_layers": (1,)},
        {"seed": 2, "second_seed": 5, "weight": 0.4, "blend": "z"},
        {"code": "z", "truncation": 0.5},
        {"code": "w", "truncation": 0.5},
    ],
    ids=["truncated", "mixed", "blended", "code in z", "code with a seed"],
)
@pytest.mark.parametrize("layers", [None, (0,)])
def test_curve_about_an_edit_of_a_linear_generator_is_straight(base, layers):
    G = linear_generator()
    codes = {"z": Code(G.sample_z(1, 9)[0], "z"), "w": Code(G.code(9, 0.8), "w", 9, 0.8)}
    base = base | ({"code": codes[base["code"]]} if "code" in base else {})
    D = local_basis(G, G.sample_z(1, 2)[0]).directions
    edit = Edit.of(G, **base).move(D, 1, -0.5)
    edit = edit if "mix_seed" in base else edit.move(D, 0, 1.5)  # the walk takes the place of this one
    if "code" not in base or base["code"].space == "z":
        edit = edit.move(random_directions(G, 2, space="z"), 1, 0.7)
    way = Way(edit, Move.of(D, 0, 1.0, layers=layers), 2.0, 5)
    straight, curve = way.walk(G), replace(way, kind="curve").walk(G)
    if "mix_seed" in base:  # its layers come from another latent, which a curve of this one leaves where it is
        straight.codes[:, 1] = straight.codes[2, 1]
    torch.testing.assert_close(curve.codes, straight.codes)
    assert (curve.at, curve.unit, curve.space) == (straight.at, straight.unit, straight.space)
    assert " of its length · match 1.00" in words_of(curve)


def test_strip_shows_the_curve_and_sliders_stay_straight(tiny, explorer):
    page = explorer.controls.walk
    assert list(page.kind.options) == ["linear", "density", "curve"]
    explorer.set_alpha(1, 0.1)
    explorer.select(0)
    page.kind.value = "curve"
    assert explorer.error is None
    walk = explorer.walk()
    torch.testing.assert_close(walk.codes[1], explorer.code.tensor)
    assert page.strip.caption == words_of(walk)
    assert page.strip.caption.startswith("local basis 1, curve: -0.2 to 0.2 sd · bends by ")
    strip = to_uint8(tiny.synthesize(walk.codes[2:], "w"))
    assert (np.array(page.strip.to_pil())[:, -16:] == strip).all()
    explorer.set_alpha(0, 0.2)
    assert explorer.edit.moves[-1].kind == "linear"
    assert len(explorer.walk(32)) == 32


def test_animation_follows_the_curve(explorer, tmp_path):
    explorer.controls.walk.kind.value = "curve"
    assert explorer.save(tmp_path / "curve.gif").stat().st_size > 100


def test_weak_curve_says_so(tiny):
    z = tiny.sample_z(1, 3)[0]
    D = local_basis(tiny, z).directions
    D = replace(D, vectors=0.1 * D.vectors[:1] + D.vectors[-1:], names=("odd",), scores={}, scales=[1.0])
    walk = Way(Edit.of(tiny, seed=3), Move.of(D), 0.01, 3, "curve").walk(tiny)
    assert "match 0.1" in words_of(walk)
    assert words_of(walk).endswith("weak: hardly this direction")


def test_page_says_what_a_kind_cannot_do(tiny, explorer):
    page = explorer.controls.walk
    page.kind.value = "curve"
    assert page.strip.data

    def refused(words):
        assert explorer.error is None
        assert page.strip.caption.startswith(words)
        assert not page.strip.data
        with pytest.raises(ValueError, match=words):
            explorer.walk()

    explorer.change_base(second_seed=4, weight=0.5)
    refused("The edit must start from one seed for a curve, got two mixed in w")
    explorer.change_base(second_seed=None, weight=0.0)
    explorer.change_base(truncation=0.0)
    refused("truncation must not be 0 for a curve, got 0")
    explorer.change_base(truncation=1.0)
    assert page.strip.data
    explorer.code = Code(tiny.code(3) + 1, "w")
    refused("The edit must start from a seed for a curve, got a code in w whose z is unknown")
    explorer.seed = 5
    assert page.strip.data
    page.kind.value = "density"
    refused("direction must live in z for a walk at constant density, got one in w")
    page.kind.value = "linear"
    assert page.strip.data


def test_directions_in_z_have_density_and_no_curve(tiny):
    D = random_directions(tiny, 2, space="z")
    z = D.vectors[0] * 2
    with LatentExplorer(tiny, D, seed=3, executor="inline") as explorer:
        page = explorer.controls.walk
        page.count.value = 3
        page.kind.value = "curve"
        assert page.strip.caption.startswith("direction must live in w for a curve, got one in z. Use kind='linear'.")
        page.kind.value = "density"
        assert page.strip.data
        explorer.set_alpha(0, 1.0)
        assert explorer.edit.moves[0].kind == "density"
        explorer.reset()
        explorer.edit = Edit.of(tiny, code=Code(z, "z"))
        assert page.strip.caption.startswith("direction must not be parallel to the code on a great circle")
        assert explorer.error is None


def test_cancelled_curve_draws_nothing(tiny, explorer):
    way = Way(explorer.current, explorer.move(0, 1.0), 0.2, 3, "curve")
    walk = way.walk(tiny, lambda step: False)
    assert len(walk) < 3
    assert way.pictures(walk, explorer.frames, None) is None

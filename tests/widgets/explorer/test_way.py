"""Where the filmstrip goes: curves about an edit, and the words where there is no such walk."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from latent_widgets.edits.edit import Code, Edit, Move
from latent_widgets.geometry.density.fitted import Gaussian
from latent_widgets.methods import local_basis, random_directions
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.walk.densities import Densities, level_of
from latent_widgets.widgets.explorer.walk.way import Way
from latent_widgets.widgets.kit.encode import to_uint8
from latent_widgets.widgets.kit.filmstrip import walk_words
from tests.linear import linear_generator


@pytest.fixture
def explorer(tiny):
    """An explorer of local directions, whose work is done where it is asked for."""
    D = local_basis(tiny, tiny.sample_z(1, 3)[0]).directions[:3]
    with LatentExplorer(tiny, D, seed=3, executor="inline") as made:
        made.controls.page = "walk"
        made.pages["walk"].count.value, made.pages["walk"].reach.value = 3, 0.2
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
    assert " of its length · match 1.00" in walk_words(curve)


def test_strip_shows_the_curve_and_sliders_stay_straight(tiny, explorer):
    page = explorer.pages["walk"]
    assert [kind for _, kind in page.kind.options] == ["linear", "density", "curve"]
    explorer.set_alpha(1, 0.1)
    explorer.select(0)
    page.kind.value = "curve"
    assert explorer.error is None
    walk = explorer.walk()
    torch.testing.assert_close(walk.codes[1], explorer.code.tensor)
    assert page.strip.caption == walk_words(walk)
    assert page.strip.caption.startswith("local basis 1, curve: -0.2 to 0.2 sd · bends by ")
    strip = to_uint8(tiny.synthesize(walk.codes[2:], "w"))
    assert (np.array(page.strip.to_pil())[:, -16:] == strip).all()
    explorer.set_alpha(0, 0.2)
    assert explorer.edit.moves[-1].kind == "linear"
    assert len(explorer.walk(32)) == 32


def test_animation_follows_the_curve(explorer, tmp_path):
    explorer.pages["walk"].kind.value = "curve"
    assert explorer.save(tmp_path / "curve.gif").stat().st_size > 100


def test_weak_curve_says_so(tiny):
    z = tiny.sample_z(1, 3)[0]
    D = local_basis(tiny, z).directions
    D = replace(D, vectors=0.1 * D.vectors[:1] + D.vectors[-1:], names=("odd",), scores={}, scales=[1.0])
    walk = Way(Edit.of(tiny, seed=3), Move.of(D), 0.01, 3, "curve").walk(tiny)
    assert "match 0.1" in walk_words(walk)
    assert walk_words(walk).endswith("weak: hardly this direction")


def test_page_says_what_a_kind_cannot_do(tiny, explorer):
    page = explorer.pages["walk"]
    page.kind.value = "curve"
    assert page.strip.data

    def refused(words):
        assert explorer.error is None
        assert re.match(words, page.strip.caption)
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
    explorer.change_base(truncation=0.1)
    page.reach.value = 50.0
    page.kind.value = "density"
    refused("reach must be at most [0-9.]+ sd for a walk at constant density from this code, half way round, got 50")
    page.reach.value = 0.2
    assert page.strip.data


def test_directions_in_z_have_density_and_no_curve(tiny):
    D = random_directions(tiny, 2, space="z")
    z = D.vectors[0] * 2
    with LatentExplorer(tiny, D, seed=3, executor="inline") as explorer:
        page, explorer.controls.page = explorer.pages["walk"], "walk"
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


# ---- constant density in w, and how likely codes are


@pytest.mark.parametrize("layers", [None, (1,)])
def test_walk_in_w_keeps_the_fitted_density(layers):
    G = linear_generator(z_dim=6, w_dim=6)
    D, styled = random_directions(G, 2, space="w"), random_directions(G, 2, space="z")
    edit = Edit.of(G, seed=2, truncation=0.8).move(D, 1, 0.5).move(D, 0, 1.5).move(styled, 0, 0.3)
    way = Way(edit, Move.of(D, 0, 1.0, layers=layers), 1.0, 5, "density", Densities(G))
    kept = way.walk(G)
    levels = level_of(way.densities.of("w"), kept.codes)
    assert (levels - levels[2]).abs().max() < 1e-8
    straight = replace(way, kind="linear").walk(G)
    torch.testing.assert_close(kept.codes[2], straight.codes[2])  # the middle is the edit without this move
    assert (level_of(way.densities.of("w"), straight.codes) - levels[2]).abs().max() > 1e-2
    white, turn = way.densities.of("w").whiten(kept.codes), way.turn(G)
    if layers is None:
        angle = torch.nn.functional.cosine_similarity(white[2], white[4], dim=-1).acos().rad2deg()
        assert float(angle) == pytest.approx(turn, rel=1e-6)
    else:
        assert turn is None
        torch.testing.assert_close(kept.codes[:, 0], kept.codes[2:3, 0].expand(5, -1))


def test_page_shows_all_kinds_at_equal_steps_and_at_equal_change(tiny, explorer):
    page = explorer.pages["walk"]
    explorer.set_alpha(0, 0.1)
    assert "<title>linear, -0.2 sd: log density " in page.plot.svg
    assert re.match(
        r"This code: log density -?[0-9.]+ in w; \d+ % of the generator&#x27;s own are less", page.note.value
    )
    page.shown.value = "all, equal steps"
    words = [picture.caption for picture in (page.strip, *page.others)]
    assert [text.split(", ")[1].split(":")[0] for text in words] == ["linear", "density", "curve"]
    assert page.plot.svg.count("<title>") == 9
    page.shown.value = "all, equal change"
    assert explorer.error is None
    assert page.strip.data
    assert all(picture.data for picture in page.others)
    assert page.plot.svg.count("<title>") == 9
    assert re.search(r"curve: -[0-9.]+, 0, [0-9.]+ sd$", page.others[1].caption)
    page.kind.value = "density"
    page.shown.value = "this kind"
    assert page.strip.caption.endswith("degrees")
    assert [picture.layout.display for picture in page.others] == ["none", "none"]
    page.density.value = False
    assert (page.plot.layout.display, page.note.layout.display) == ("none", "none")
    assert page.strip.data


def test_codes_that_do_not_fill_w_get_words_and_no_trace():
    G = linear_generator(z_dim=5, w_dim=7)
    with LatentExplorer(G, random_directions(G, 2, space="w"), executor="inline") as explorer:
        page, explorer.controls.page = explorer.pages["walk"], "walk"
        page.count.value = 3
        assert page.strip.data
        assert page.plot.layout.display == "none"
        assert page.note.value.startswith(
            "No density is shown: covariance must be positive definite, got one of rank 5"
        )
        page.kind.value = "density"
        assert page.strip.caption.startswith("covariance must be positive definite, got one of rank 5 in 7 dimensions")
        assert explorer.error is None


def test_prior_of_another_kind_gets_words(monkeypatch):
    G = linear_generator(z_dim=6, w_dim=6)
    uniform = lambda self, n=1, seed=0: torch.rand(n, 6, generator=torch.Generator().manual_seed(seed)).double()  # noqa: E731
    monkeypatch.setattr(type(G), "sample_z", uniform)
    densities = Densities(G)
    with pytest.raises(ValueError, match="The prior of z must be Gaussian for a density, got one of 'linear'"):
        densities.of("z")
    with pytest.raises(ValueError, match="space must be z or w for a density, got s"):
        densities.of("s")


def test_density_is_fitted_once(tiny):
    densities = Densities(tiny)
    assert densities.of("w") is densities.of("w+")
    assert isinstance(densities.of("z"), Gaussian)
    assert bool((Densities(tiny).of("w").mean == densities.of("w").mean).all())

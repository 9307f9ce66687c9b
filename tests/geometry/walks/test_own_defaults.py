"""What to start with: the rule of truncation, and the figures that come with the package."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets import Cancelled
from latent_widgets.generators import _shipped
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.walks.own_defaults import TRUNCATIONS, USUAL, Defaults, known_defaults, own_defaults
from latent_widgets.geometry.walks.own_pictures import KEPT, own_reach
from latent_widgets.values.directions import Directions
from tests.ramps import RampGenerator

SIZES = {"starts": 20, "own": 60}


@pytest.fixture(scope="module")
def G():
    return ExactFaces(resolution=16)


@pytest.mark.parametrize("length", [0.3, 1.0, 1.7])
def test_the_truncation_is_the_first_that_keeps_usual_walks_or_the_best(G, length):
    """Longer steps by a smaller spread of everything else: directions of the first factors, at several lengths."""
    D = Directions(torch.eye(G.dim("w"))[:4], "w").in_unit("sd", G)
    D = Directions(D.vectors, "w", unit="sd", scales=length * D.scales)
    found = own_defaults(G, D, **SIZES)
    each = {psi: own_reach(G, D, [0, USUAL], truncation=psi, **SIZES) for psi in TRUNCATIONS}
    kept = [psi for psi, walks in each.items() if walks.shares[1] >= KEPT * walks.ceiling]
    assert found.truncation == (kept[0] if kept else max(each, key=lambda psi: each[psi].shares[1]))
    there = own_reach(G, D, truncation=found.truncation, **SIZES)
    assert (found.reach["sd"], found.share, found.left) == (there.reach, there.share, there.left)
    assert found.reach["latent"] == pytest.approx(there.reach * float(D.scales.median()))
    assert found.measured


def test_without_a_mapping_there_is_no_truncation_to_choose():
    D = Directions(torch.eye(2, dtype=torch.float64), "z")
    found = own_defaults(RampGenerator(mapped=False), D, **SIZES)
    assert found.truncation == 1


def test_every_unit_of_the_directions_gives_the_same(G):
    D = Directions(torch.eye(G.dim("w"))[:2], "w")
    one, two = own_defaults(G, D, **SIZES), own_defaults(G, D.in_unit("sd", G), **SIZES)
    assert (one.truncation, one.reach) == (two.truncation, two.reach)


def test_a_measurement_can_be_watched_and_ended(G):
    D, seen = Directions(torch.eye(G.dim("w"))[:2], "w"), []
    own_defaults(G, D, on_step=lambda step: seen.append((step.index, step.total)), **SIZES)
    assert [index for index, _ in seen] == list(range(1, len(seen) + 1))
    assert all(index <= total for index, total in seen)
    for end in (1, 3):
        with pytest.raises(Cancelled):
            own_defaults(G, D, on_step=lambda step, end=end: step.index < end, **SIZES)


@pytest.mark.parametrize("name", [info.name for info in lw.list_models()])
def test_generators_of_the_package_are_measured(name):
    G = lw.load(name)
    for number in range(G.classes) or (None,):
        for method in ("random_directions", "ganspace") if "w" in G.spaces else ("random_directions", "sefa"):
            found = known_defaults(G.of_class(number), method)
            assert found.measured
            assert found.truncation in TRUNCATIONS
            assert 0 < found.ceiling <= 1
            assert found.share >= KEPT * found.ceiling - 0.002  # three digits are kept
            assert found.reach["sd"] > 0


def test_what_was_kept_is_what_is_measured_again():
    """With fewer pictures, so within a step of the grid or two."""
    G = lw.load("digits32")
    kept, again = known_defaults(G), own_defaults(G, lw.random_directions(G, k=8))
    assert again.truncation == kept.truncation
    assert (again.left, kept.left) == (False, False)
    assert again.ceiling == pytest.approx(kept.ceiling, abs=0.08)


def test_of_other_weights_and_methods_nothing_is_known():
    G = lw.load("digits32")
    assert not known_defaults(G, "dp_lase").measured
    assert not known_defaults(G, "").measured
    stranger = known_defaults(RampGenerator())
    assert (stranger.measured, stranger.truncation, stranger.reach) == (False, 1, {})
    assert "was not measured" in stranger.words


def test_words_say_how_far_and_what_is_there():
    found = Defaults(0.7, {"sd": 2.5, "latent": 1.23}, share=0.849, ceiling=0.93, left=True, measured=True)
    assert found.words == "reach 2.5 sd: 85 % of such pictures are still the generator's own, of fresh ones 93 %"
    assert found.to_json() == {
        "truncation": 0.7, "reach": {"sd": 2.5, "latent": 1.23}, "share": 0.849, "ceiling": 0.93, "left": True,
    }  # fmt: skip


def test_no_table_is_no_measurement(tmp_path, monkeypatch):
    monkeypatch.setattr(_shipped, "DATA", tmp_path)
    _shipped.read_reaches.cache_clear()
    try:
        assert not known_defaults(RampGenerator()).measured
    finally:
        _shipped.read_reaches.cache_clear()

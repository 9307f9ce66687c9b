"""How far sliders go: round numbers, where a generator was measured to stay itself."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.geometry.walks.own_defaults import Defaults, known_defaults
from latent_widgets.values.directions import Directions
from latent_widgets.values.units import UNITS
from latent_widgets.widgets.kit.reach import Reach
from latent_widgets.widgets.kit.unit_ranges import UNIT_RANGES, fitted_range, unit_ranges
from tests.ramps import RampGenerator

REACHES = [10.0 ** (power / 7) for power in range(-21, 22)]


@pytest.mark.parametrize("reach", REACHES)
def test_ranges_end_at_round_numbers_and_take_round_steps(reach):
    found = fitted_range(UNIT_RANGES["sd"], reach)
    assert 0.75 * reach < found.reach <= reach * (1 + 1e-9)
    steps = found.reach / found.step
    assert steps == pytest.approx(round(steps))
    assert 50 <= round(steps) <= 100
    assert len(f"{found.reach:e}".split("e")[0].rstrip("0").replace(".", "")) <= 2  # digits that it is written with
    assert f"{found.step:e}"[0] in "125"
    assert float(f"{found.step:{found.format}}") == found.step  # and its numbers can be told apart
    if found.step < 1:
        assert float(f"{found.step:.{int(found.format[1]) - 1}f}") != found.step  # in no more digits than that takes


@pytest.mark.parametrize("end", [1.2, 1.5, 2.5, 3.0, 5.0, 0.3, 8.0, 20.0])
def test_a_round_reach_is_kept(end):
    assert fitted_range(UNIT_RANGES["latent"], end).reach == end
    assert fitted_range(UNIT_RANGES["latent"], end).label == "latent"


def test_the_usual_range_of_deviations_is_a_round_one():
    assert fitted_range(UNIT_RANGES["sd"], 5.0) == UNIT_RANGES["sd"]


def test_a_generator_that_nobody_measured_has_the_usual_ranges():
    assert unit_ranges(RampGenerator()) == UNIT_RANGES
    assert unit_ranges(lw.load("digits32"), Directions(torch.eye(64), "z")) == UNIT_RANGES  # of no method


def test_ranges_end_where_walks_were_measured_to_leave():
    G = lw.load()
    D = lw.random_directions(G, k=2)
    kept = known_defaults(G)
    found = unit_ranges(G, D)
    assert set(found) == set(UNITS)
    assert kept.left
    assert found["sd"] == fitted_range(UNIT_RANGES["sd"], kept.reach["sd"])
    assert found["latent"] == fitted_range(UNIT_RANGES["latent"], kept.reach["latent"])
    assert (found["degrees"], found["rms"]) == (UNIT_RANGES["degrees"], UNIT_RANGES["rms"])
    assert unit_ranges(G) == found


def test_ranges_differ_with_the_method():
    G = lw.load()
    ours, random = (known_defaults(G, method).reach["sd"] for method in ("ganspace", "random_directions"))
    D = lw.ganspace(G, k=2, samples=100)
    assert ours < random
    assert unit_ranges(G, D)["sd"].reach < unit_ranges(G)["sd"].reach


def test_what_was_measured_by_hand_counts():
    measured = Defaults(reach={"sd": 2.6, "latent": 0.07}, left=True, measured=True)
    found = unit_ranges(lw.load(), measured=measured)
    assert (found["sd"].reach, found["sd"].step) == (2.5, 0.05)
    assert (found["latent"].reach, found["latent"].step) == (0.06, 0.001)


@pytest.mark.parametrize(("left", "reach"), [(False, 10.0), (True, 0.0)])
def test_where_nothing_was_found_the_usual_ranges_stay(left, reach):
    measured = Defaults(reach={"sd": reach, "latent": reach}, left=left, measured=True)
    assert unit_ranges(lw.load(), measured=measured) == UNIT_RANGES


def test_a_strip_goes_as_far_as_its_range_says_until_somebody_chooses():
    reach = Reach("The strip goes so far")
    short = unit_ranges(lw.load(), measured=Defaults(reach={"sd": 2.0}, left=True, measured=True))
    assert reach.value == 3.0
    reach.fit("sd", short["sd"])
    assert (reach.value, reach.description, reach.step) == (1.2, "reach, sd", 0.1)
    reach.fit("latent", short["latent"])
    assert reach.value == 6.0
    reach.fit("sd")
    assert reach.value == 3.0
    reach.value = 2.2
    reach.fit("sd", short["sd"])
    assert reach.value == 2.2
    reach.fit("rms", short["rms"])
    reach.fit("sd", short["sd"])
    assert reach.value == 2.2
    reach.close()

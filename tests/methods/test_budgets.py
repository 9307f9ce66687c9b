"""What a run takes: it keeps to the pictures that it is given, says so beforehand, and is the same again."""

import sys
from dataclasses import asdict

import pytest
import torch

import latent_widgets as lw
from latent_widgets.core import work
from latent_widgets.core.steps import Cancelled
from latent_widgets.core.work import Pace
from latent_widgets.methods.lelsd.course import Judging, course_of
from latent_widgets.segmentation import load_segmenter
from tests.budgeted import CALLS, Counting, code_of, recorded
from tests.public_calls import corner

ENOUGH = {"lelsd": 130, "dp_lase": 110, "ganspace": 40, "warpage": 36, "invert": 60, "fit_segmenter": 6, "fit_glo": 21}


@pytest.mark.parametrize("call", CALLS)
def test_pictures_are_kept_to_and_recorded_and_give_the_same_again(tiny, call):
    counting = Counting(tiny)
    extra = {"fit_glo": 1e9, "warpage": 1e9}.get(call, 4)  # what is looked at beside, and drawn by other networks
    before = counting.total
    found = CALLS[call](tiny, pictures=ENOUGH[call])
    assert recorded(found) == ENOUGH[call]
    assert counting.total - before <= ENOUGH[call] + extra
    again = CALLS[call](tiny, pictures=recorded(found))
    assert torch.equal(code_of(found), code_of(again))


@pytest.fixture
def paced(monkeypatch):
    """Lets every picture take a hundredth of a second, and so many be drawn at once."""

    def paced(size):
        monkeypatch.setattr(work, "timed", lambda work, told=None: 0.01)
        for name in ("methods.warpage.method", "inversion.glo"):
            monkeypatch.setattr(sys.modules[f"latent_widgets.{name}"], "timed", lambda work, told=None: 0.01)
        for name in ("methods.lelsd.method", "methods.dp_lase.method", "methods.ganspace", "inversion.invert"):
            module = sys.modules[f"latent_widgets.{name}"]
            monkeypatch.setattr(module, "pace_of", lambda draw, *rest: (draw(), Pace(0.01, size))[1])

    return paced


@pytest.mark.parametrize("call", CALLS)
def test_seconds_become_pictures_that_give_the_same_again(tiny, call, paced):
    paced(1000)
    found = CALLS[call](tiny, seconds=2.5)
    assert recorded(found) > 0
    again = CALLS[call](tiny, pictures=recorded(found))
    assert torch.equal(code_of(found), code_of(again))


@pytest.mark.parametrize("call", CALLS)
def test_one_of_the_two_is_given_and_it_is_enough(tiny, call):
    with pytest.raises(ValueError, match=r"^pictures or seconds must be given, not both, got both\."):
        CALLS[call](tiny, pictures=100, seconds=3.0)
    with pytest.raises(ValueError, match=r"^pictures must be at least \d+, got 1\. So many are needed for "):
        CALLS[call](tiny, pictures=1)
    with pytest.raises(ValueError, match=r"^seconds must be at least \d\S*, got 1e-0?9\. So many are needed for "):
        CALLS[call](tiny, seconds=1e-9)
    with pytest.raises(ValueError, match=r"^seconds must be above 0, got -1\."):
        CALLS[call](tiny, seconds=-1)
    with pytest.raises(TypeError, match=r"^pictures must be an integer, got 2\.5\."):
        CALLS[call](tiny, pictures=2.5)


@pytest.mark.parametrize("call", CALLS)
def test_what_a_run_takes_is_said_before_its_first_step_and_what_is_left_afterwards(tiny, call):
    steps = []
    CALLS[call](tiny, pictures=ENOUGH[call], on_step=steps.append)
    first = next(i for i, step in enumerate(steps) if step.plan is not None)
    assert steps[first].index == 0
    assert steps[first].outlook == str(steps[first].plan)
    assert steps[first].plan.seconds > 0
    assert {step.index for step in steps[:first]} <= {0}
    after = [step for step in steps if step.index > 0]
    assert all(step.plan is not None for step in after)
    assert all(step.rate > 0 and step.left >= 0 for step in after)
    assert after[-1].left <= after[0].left or len(after) == 1


def test_short_training_of_lelsd_draws_at_most_two_hundred_pictures():
    G = lw.load("faces64")
    S, counting = load_segmenter("faces64"), Counting(G)
    found = lw.lelsd(G, S, "mouth", steps=20, batch=2)
    assert (found.steps, found.stopped) == (20, "finished")
    assert 20 * 2 < counting.total <= 200
    assert found.interval.shape == (1, 2)
    assert found.interval[0, 0] < found.score[0] < found.interval[0, 1]


@pytest.mark.parametrize(("steps", "batch", "k"), [(200, 8, 1), (200, 8, 4), (60, 8, 1), (400, 2, 1), (1000, 4, 8)])
def test_checks_and_judging_of_lelsd_cost_a_fifth_of_its_training(steps, batch, k):
    course = course_of(steps, batch, k, 64, 1)
    judging = course.judging
    trained = 2 * steps * batch + course.samples  # back through a picture is as much again
    checks = len(range(0, steps, judging.every)) + 1
    edits = 16 * judging.random + k * (checks * judging.checked + judging.judged)
    assert course.edits == edits
    assert 5 * edits <= trained


def test_the_usual_training_is_judged_as_before_and_a_tiny_one_by_the_least():
    usual, tiny = (asdict(course_of(*sizes, 64, 1).judging) for sizes in ((200, 8, 1), (1, 1, 8)))
    assert usual == asdict(Judging(checked=16, judged=32, random=16, every=10))
    assert tiny == asdict(Judging(checked=4, judged=8, random=1, every=10))
    assert course_of(1, 1, 1, 64, 1).samples == 8
    assert course_of(1, 1, 1, 3, 1).samples == 3


def test_pictures_drawn_a_few_at_a_time_give_the_same_and_are_told_of(tiny, paced):
    tellings = {}
    for size in (1000, 2):
        paced(size)
        steps = []
        found = {
            "lelsd": lw.lelsd(tiny, corner(tiny), steps=3, batch=5, on_step=steps.append).directions.vectors,
            "dp_lase": lw.dp_lase(
                tiny, layer="image", k=2, steps=3, batch=5, walk="norm", on_step=steps.append
            ).directions.vectors,
            "ganspace": lw.ganspace(tiny, 2, layer="image", samples=30, on_step=steps.append).vectors,
            "invert": lw.invert(
                tiny, tiny.synthesize(tiny.code(5)), "w", 6, samples=20, on_step=steps.append
            ).code.tensor,
        }
        tellings[size] = (found, len(steps))
    for name, vectors in tellings[1000][0].items():
        torch.testing.assert_close(tellings[2][0][name], vectors, rtol=1e-7, atol=1e-9)
    assert tellings[2][1] > 2 * tellings[1000][1]


def test_training_can_be_ended_inside_a_step(tiny, paced):
    paced(1)
    told = []

    def watch(step):
        told.append(step.index)
        return told.count(2) < 2  # after the second step, and once inside of the third

    found = lw.lelsd(tiny, corner(tiny), steps=9, batch=4, on_step=watch)
    assert (found.stopped, found.steps, told[-2:]) == ("cancelled", 2, [2, 2])
    with pytest.raises(Cancelled, match="inside a step"):
        lw.lelsd(tiny, corner(tiny), steps=9, batch=4, on_step=lambda step: False)

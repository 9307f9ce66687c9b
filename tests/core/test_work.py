import pytest
import torch
from torch import nn

from latent_widgets.core.steps import Plan, Step, duration
from latent_widgets.core.work import Stopped, Work, affordable, check_budget, in_parts, pace_of, timed


def test_plan_says_what_a_run_takes():
    plan = Plan(512, 0.0781, "product")
    assert plan.seconds == pytest.approx(39.99, abs=0.01)
    assert str(plan) == "about 40 s: 512 products at 78 ms"
    assert str(Plan(1, 2.0)) == "about 2 s: 1 picture at 2 s"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 ms"),
        (0.0125, "12 ms"),
        (0.9999, "1 s"),
        (12.4, "12 s"),
        (59.9, "1 min"),
        (3599, "1 h"),
        (864000, "240 h"),
    ],
)
def test_duration_in_two_digits(seconds, words):
    assert duration(seconds) == words


def test_outlook_is_the_plan_and_then_what_is_left():
    assert Step(0, 9, plan=Plan(3, 1.0), left=3.0).outlook == "about 3 s: 3 pictures at 1 s"
    assert Step(1, 9, plan=Plan(3, 1.0), left=2.0).outlook == "about 2 s left"
    assert Step(1, 9).outlook == Step(0, None).outlook == ""


def test_flops_of_a_picture_bound_how_many_are_drawn_at_once():
    layer = nn.Conv2d(256, 128, 3, padding=1)
    flops = 2 * 256 * 128 * 9 * 32 * 40
    told = []
    pace = pace_of(lambda: layer(torch.zeros(1, 256, 32, 40)), (32, 40), lambda: told.append(1))
    assert pace.at_once == int(1e10 / flops)
    assert pace.seconds > 0
    assert len(told) == 3


def test_pixels_bound_it_where_there_is_nothing_to_count():
    assert pace_of(lambda: torch.zeros(3), (256, 512)).at_once == 4
    assert pace_of(lambda: {"a": [torch.zeros(3)]}, (4096, 4096)).at_once == 1


def test_timed_is_the_mean_of_two(monkeypatch):
    ticks = iter([0.0, 1.0, 5.0, 8.0])
    monkeypatch.setattr("latent_widgets.core.work.time.perf_counter", lambda: next(ticks))
    assert timed(lambda: None) == 2.0


def test_affordable_is_the_largest_that_fits():
    for limit in range(7, 60):
        found = affordable(lambda n: 5 + 2 * n, limit, "pictures", "one step")
        assert found == (limit - 5) // 2
    assert affordable(lambda n: 0.0, 1, "seconds", "one step", most=9) == 9
    with pytest.raises(ValueError, match=r"pictures must be at least 7, got 6\. So many are needed for one step\."):
        affordable(lambda n: 5 + 2 * n, 6, "pictures", "one step")


def test_budget_is_one_number_or_none():
    assert check_budget(None, None, 5, "it") is None
    assert check_budget(None, 0.1, 5, "it") is None
    assert check_budget(5, None, 5, "it") == 5
    with pytest.raises(TypeError, match=r"seconds must be a number, got 'a'\."):
        check_budget(None, "a", 5, "it")


def test_parts_are_told_of_on_the_way_and_on_the_way_back():
    told = []
    codes = torch.arange(5.0, requires_grad=True)
    doubled = codes * 2
    found = list(in_parts(lambda part: part**2, doubled, 2, lambda: told.append("part")))
    assert [len(part) for part in found] == [2, 2, 1]
    assert len(told) == 3
    torch.cat(found).sum().backward()
    assert len(told) == 6
    torch.testing.assert_close(codes.grad, 8 * codes.detach())
    assert len(list(in_parts(lambda part: part, codes, 5, lambda: told.append("one")))) == 1
    assert len(told) == 6


def test_work_counts_what_is_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("latent_widgets.core.work.time.perf_counter", lambda: now[0])
    steps = []
    work = Work(steps.append, 3, "nothing yet")
    work.expect(Plan(20, 0.5), 30.0)
    now[0] = 4.0
    work.draw(10)
    assert work.tell(1, "one") is True
    assert [(s.index, s.total, s.value, s.rate, s.left) for s in steps] == [
        (0, 3, "nothing yet", None, None),
        (1, 3, "one", pytest.approx(10 / 4 * 20 / 30), pytest.approx(8.0)),
    ]
    work.hush()
    work.inside()
    assert len(steps) == 2
    assert not work.watched


def test_work_is_stopped_inside_a_step():
    work = Work(lambda step: False, 3)
    with pytest.raises(Stopped):
        work.inside()
    assert work.tell(1) is False

"""What is known of a line: pictures between known places, beyond them, and which codes are none of its."""

import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from latent_widgets.widgets.explorer.screen.line import BEYOND, DENSE, Line

START = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
WAY = torch.tensor([[2.0, 1.0, -2.0]], dtype=torch.float64)  # of length 3


@pytest.fixture
def at():
    """The code at a place, in lengths of the way."""
    return lambda place: START + place * WAY


@pytest.fixture
def random():
    source = torch.Generator().manual_seed(0)
    return lambda *shape: torch.rand(*shape, generator=source, dtype=torch.float64)


@pytest.fixture
def small(random):
    """Small pictures by their place."""
    return {place: random(1, 3, 2, 5) for place in (0.0, 1.0, 3.0, -1.0)}


@pytest.fixture
def line(small, at):
    line = Line(at(0.0), small[0.0])
    for place in (1.0, 3.0, -1.0):
        line.add(at(place), small[place])
    return line


def test_places_are_lengths_along_the_first_step(line, at):
    assert [line.place(at(place)) for place in (0.0, 0.5, -2.0)] == pytest.approx([0.0, 1.5, -6.0])
    assert line.place(at(1.0) + 1e-2) is None
    assert line.takes(at(7.0))
    assert not line.takes(at(1.0) + 1e-2)


def test_other_shapes_and_types_lie_on_no_line(line, at):
    assert not any(line.takes(code) for code in (at(1.0).float(), at(1.0)[:, :2], at(1.0)[None]))
    assert line.small(at(1.0).float()) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_code_that_comes_back_is_known_although_it_is_rounded_otherwise(dtype, random):
    start = random(1, 512).to(dtype)
    step = random(1, 512).to(dtype)
    line = Line(start, random(1, 3, 2, 2))
    line.add(start + step, random(1, 3, 2, 2))
    back = start + 1.7 * step - 0.9 * step - 0.8 * step
    assert not torch.equal(back, start)
    assert line.place(back) == pytest.approx(0, abs=1e-4)


def test_picture_between_is_the_mean_of_its_neighbours(line, small, at):
    torch.testing.assert_close(line.small(at(2.5)), 0.25 * small[1.0] + 0.75 * small[3.0])
    torch.testing.assert_close(line.small(at(-0.25)), 0.75 * small[0.0] + 0.25 * small[-1.0])
    for place, picture in small.items():
        torch.testing.assert_close(line.small(at(place)), picture)


def test_beyond_the_ends_it_goes_on_as_far_as_is_sensible(line, small, at):
    torch.testing.assert_close(line.small(at(4.0)), small[3.0] + (small[3.0] - small[1.0]) / 2)
    torch.testing.assert_close(line.small(at(-2.0)), small[-1.0] + small[-1.0] - small[0.0])
    last = 3.0 + 4 * BEYOND
    torch.testing.assert_close(line.small(at(last + 5.0)), line.small(at(last)))


def test_picture_is_the_exact_one_and_the_small_change(line, small, random, at):
    exact = random(1, 3, 6, 10)
    change = interpolate(small[3.0] - small[1.0], (6, 10), mode="bilinear")
    torch.testing.assert_close(line.picture(at(3.0), at(1.0), exact), exact + change)
    assert torch.equal(line.picture(at(1.0), at(1.0), exact), exact)
    other = random(1, 3, 6, 10)
    assert torch.equal(line.picture(at(1.0), at(1.0), other), other)
    assert line.picture(at(3.0), at(1.0) + 1e-2, exact) is None
    assert line.picture(at(3.0) + 1e-2, at(1.0), exact) is None


def test_large_picture_is_made_no_larger_than_a_page_shows_it(line, random, at):
    exact = random(1, 3, 512, 640)
    torch.testing.assert_close(line.picture(at(1.0), at(1.0), exact), avg_pool2d(exact, 2))


def test_nothing_is_known_before_a_second_place(random, at):
    line = Line(at(0.0), random(1, 3, 2, 2))
    assert line.picture(at(0.0), at(0.0), random(1, 3, 4, 4)) is None
    assert line.place(at(1.0)) is None
    assert line.takes(at(1.0))
    assert line.lacks(at(1.0))
    assert not line.lacks(at(0.0))
    line.add(at(0.0), random(1, 3, 2, 2))  # which tells nothing new
    assert line.takes(at(1.0) + 1.0)


def test_place_beside_a_known_one_tells_nothing_new(line, small, random, at):
    share = 4 * DENSE  # of the span
    assert line.lacks(at(2.0 + 0.1))
    assert not line.lacks(at(3.0 - 0.9 * share))
    assert line.lacks(at(3.0 + 1.1 * share))
    line.add(at(3.0 - 0.9 * share), random(1, 3, 2, 5))
    torch.testing.assert_close(line.small(at(2.0)), (small[1.0] + small[3.0]) / 2)

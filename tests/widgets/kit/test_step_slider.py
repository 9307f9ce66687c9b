"""A slider that counts steps says the same number however long its steps are."""

import pytest

from latent_widgets.widgets.kit.step_slider import StepSlider


@pytest.fixture
def slider():
    """One from -5 to 5 in steps of 0.1."""
    made = StepSlider(-5, 5, 0.1)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("number", "reach", "size", "found", "end"),
    [
        (1.2, 3.0, 0.05, 1.2, 3.0),  # finer
        (-4.0, 10.0, 0.5, -4.0, 10.0),  # wider and coarser
        (4.0, 3.0, 0.05, 4.0, 4.0),  # beyond the new end, which gives way
        (1.3, 10.0, 0.5, 1.5, 10.0),  # the nearest step
        (0.0, 0.6, 0.01, 0.0, 0.6),
    ],
)
def test_another_range_keeps_the_number(slider, number, reach, size, found, end):
    slider.put(number)
    slider.fit(-reach, reach, size)
    assert slider.number == pytest.approx(found)
    assert slider.max * slider.size == pytest.approx(end)
    assert slider.min == -slider.max


def test_another_range_and_back(slider):
    slider.put(2.4)
    slider.fit(-3, 3, 0.02)
    slider.fit(-5, 5, 0.1)
    assert (slider.number, slider.min, slider.max, slider.size) == (2.4, -50, 50, 0.1)

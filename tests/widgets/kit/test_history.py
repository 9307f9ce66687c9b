"""Undo and redo are inverse, and a gesture is one entry."""

import pytest

from latent_widgets.widgets.kit.history import History


@pytest.fixture
def line():
    """Ten values, a to j, at the last."""
    history = History("a")
    for letter in "bcdefghij":
        history.push(letter)
    return history


def test_redo_takes_undo_back_everywhere(line):
    for expected in "ihgfedcba":
        assert line.undo() == line.value == expected
        assert line.redo() > expected
        line.undo()
    assert not line.can_undo
    assert [line.redo() for _ in range(9)] == list("bcdefghij")
    assert not line.can_redo


def test_at_the_ends_nothing_happens(line):
    assert line.redo() == "j"
    for _ in range(20):
        line.undo()
    assert line.value == "a"
    assert line.redo() == "b"


def test_a_push_forgets_what_could_be_redone(line):
    line.undo()
    line.undo()
    line.push("x")
    assert (line.value, line.can_redo) == ("x", False)
    assert line.undo() == "h"


def test_merged_values_are_one_entry(line):
    line.push("x")
    for value in "yz":
        line.push(value, merge=True)
    assert line.undo() == "j"
    assert line.redo() == "z"


def test_merging_into_the_first_value_keeps_it():
    history = History("a")
    history.push("b", merge=True)
    assert history.undo() == "a"


def test_amended_value_is_no_step(line):
    line.undo()
    line.amend("x")
    assert (line.value, line.redo(), line.undo(), line.undo()) == ("x", "j", "x", "h")


def test_step_that_led_nowhere_is_dropped(line):
    line.push("j")
    line.forget_step(str.__eq__)
    line.forget_step(str.__eq__)
    assert (line.value, line.can_redo, line.undo()) == ("j", False, "i")
    alone = History("a")
    alone.forget_step(str.__eq__)
    assert alone.value == "a"


def test_old_values_fall_off_the_end():
    history = History(0, limit=5)
    for i in range(1, 100):
        history.push(i)
    while history.can_undo:
        history.undo()
    assert history.value == 95

import re

import numpy as np
import pytest
import torch

from latent_widgets.core import checks


@pytest.mark.parametrize("value", [3, np.int64(3), torch.tensor(3)])
def test_integers_come_back_as_int(value):
    assert type(checks.integer("n", value, low=3, high=3)) is int


@pytest.mark.parametrize(
    ("value", "bounds", "error", "text"),
    [
        (3.0, {}, TypeError, "n must be an integer, got 3.0."),
        ("3", {}, TypeError, "n must be an integer, got '3'."),
        (True, {}, TypeError, "n must be an integer, got True."),
        (np.True_, {}, TypeError, f"n must be an integer, got {np.True_!r}."),
        (torch.tensor(True), {}, TypeError, "n must be an integer, got tensor(True)."),
        (None, {}, TypeError, "n must be an integer, got None."),
        (torch.ones(2, dtype=torch.int64), {}, TypeError, "n must be an integer, got tensor([1, 1])."),
        (0, {"low": 1}, ValueError, "n must be at least 1, got 0."),
        (9, {"high": 8}, ValueError, "n must be at most 8, got 9."),
        (9, {"low": 1, "high": 8}, ValueError, "n must be between 1 and 8, got 9."),
    ],
)
def test_what_is_no_such_integer(value, bounds, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        checks.integer("n", value, **bounds)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), torch.tensor(2.0), torch.tensor([2], dtype=torch.int8)])
def test_numbers_come_back_as_float(value):
    result = checks.number("alpha", value, low=2, high=2)
    assert type(result) is float
    assert result == 2.0


@pytest.mark.parametrize(
    ("value", "bounds", "error", "text"),
    [
        ("2", {}, TypeError, "alpha must be a number, got '2'."),
        (False, {}, TypeError, "alpha must be a number, got False."),
        (np.False_, {}, TypeError, f"alpha must be a number, got {np.False_!r}."),
        (torch.tensor([True]), {}, TypeError, "alpha must be a number, got tensor([True])."),
        (b"2", {}, TypeError, "alpha must be a number, got b'2'."),
        (torch.tensor(2 + 0j), {}, TypeError, "alpha must be a number, got tensor(2.+0.j)."),
        (np.complex64(2), {}, TypeError, f"alpha must be a number, got {np.complex64(2)!r}."),
        (None, {}, TypeError, "alpha must be a number, got None."),
        (torch.ones(2), {}, TypeError, "alpha must be a number, got tensor([1., 1.])."),
        (float("nan"), {}, ValueError, "alpha must be finite, got nan."),
        (float("-inf"), {}, ValueError, "alpha must be finite, got -inf."),
        (-0.5, {"low": 0.0}, ValueError, "alpha must be at least 0.0, got -0.5."),
        (1.5, {"high": 1}, ValueError, "alpha must be at most 1, got 1.5."),
        (1.5, {"low": 0, "high": 1}, ValueError, "alpha must be between 0 and 1, got 1.5."),
    ],
)
def test_what_is_no_such_number(value, bounds, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        checks.number("alpha", value, **bounds)


@pytest.mark.parametrize("value", [True, np.True_, np.float32(1) > 0, np.array(True), torch.tensor([True])], ids=repr)
def test_flags_come_back_as_bool(value):
    assert checks.flag("half", value) is True


@pytest.mark.parametrize("value", [1, 0.0, None, "no", np.int8(1), torch.tensor(1), np.array([True, False])], ids=repr)
def test_what_is_no_flag(value):
    with pytest.raises(TypeError, match=rf"^half must be True or False, got {re.escape(repr(value))}\.$"):
        checks.flag("half", value)


def test_choice_lists_all_and_offers_the_nearest():
    assert checks.choice("space", "w", ("z", "w")) == "w"
    text = "part must be one of 'mouth', 'nose', got 'moth'. Did you mean 'mouth'?"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        checks.choice("part", "moth", ("mouth", "nose"))
    text = "part must be one of 'mouth', 'nose', got 7. Use a name."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        checks.choice("part", 7, ("mouth", "nose"), "Use a name.")


def test_nearest_is_silent_where_nothing_is_near():
    assert checks.nearest("zzz", ["mouth"]) == ""
    assert checks.nearest("b8.conv", ["b8.conv0", "b8.conv1", "x"]) == " Did you mean 'b8.conv1' or 'b8.conv0'?"


def test_unknown_keywords_are_refused():
    checks.known_keywords("load", ["seed"], {"seed", "resolution"})
    text = "load must be given known keywords, got 'resolutoin'. Did you mean 'resolution'? Known: resolution, seed."
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        checks.known_keywords("load", ["seed", "resolutoin"], {"seed", "resolution"})


def test_shapes_may_leave_lengths_open():
    value = torch.zeros(3, 4)
    assert checks.shape("code", value, ("n", 5), ("n", 4)) is value
    text = "code must have shape (n, 5) or (5,), got (3, 4)."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        checks.shape("code", value, ("n", 5), (5,))
    text = "code must be a torch tensor, got ndarray. Use torch.as_tensor(...)."
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        checks.shape("code", value.numpy(), ("n", 4))


def test_dtype_and_device_say_the_fix():
    value = torch.zeros(2)
    assert checks.floating("code", value, torch.float32) is value
    text = "code must have dtype torch.float64, got torch.float32. Use code.to(torch.float64)."
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        checks.floating("code", value, torch.float64)
    assert checks.placed("code", value, torch.device("cpu")) is value
    text = "code must be on device meta, got cpu. Use code.to('meta')."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        checks.placed("code", value, torch.device("meta"))


def test_finite_counts_what_is_not():
    value = torch.tensor([1.0, float("nan"), float("inf")])
    assert checks.finite("code", value[:1]).shape == (1,)
    text = "code must be finite, got 2 NaN or infinite of 3 numbers."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        checks.finite("code", value)


@pytest.mark.parametrize(
    "value", [torch.full((9,), 3e38), torch.tensor([1j, 2.0]), torch.tensor([1, 2]), torch.ones(0)]
)
def test_finite_numbers_may_have_any_type_and_a_sum_that_is_not(value):
    assert checks.finite("code", value) is value


def test_finite_looks_only_where_it_can():
    nothing = torch.full((3,), float("nan"))
    assert checks.readable(nothing)
    assert checks.finite("code", nothing.to("meta")).is_meta
    assert torch.vmap(lambda x: checks.finite("code", x))(nothing[:, None]).isnan().all()


def test_string_is_text_without_halves_of_letters():
    assert checks.string("name", "größer \ud800") == "größer \ufffd"
    for wrong in (None, 3, b"a", ["a"]):
        with pytest.raises(TypeError, match="name must be text, got "):
            checks.string("name", wrong)


def test_what_was_given_is_shown_on_one_line_of_some_letters():
    long = 100_000 * "\n\ud800x"
    for refuse in (
        lambda: checks.integer("a", long),
        lambda: checks.integer("a", 10**5000, high=3),
        lambda: checks.number("a", long),
        lambda: checks.flag("a", [long] * 9),
        lambda: checks.string("a", [long] * 9),
        lambda: checks.choice("a", long, ("b", "c")),
        lambda: checks.choice("a", "b", tuple(f"{i}{long[:999]}" for i in range(99))),
        lambda: checks.known_keywords("a", [long], ["b", "c"]),
        lambda: checks.shape("a", torch.zeros((1,) * 20_000), ("n",)),
    ):
        with pytest.raises((ValueError, TypeError), match=r"^a must .*got ") as raised:
            refuse()
        assert str(raised.value).isprintable()
        assert len(str(raised.value)) < 2_000

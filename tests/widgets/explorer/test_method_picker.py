"""The picker offers every method with what its signature says, and nothing else."""

import inspect
from typing import Literal

import ipywidgets
import pytest

from latent_widgets.methods import MethodInfo, ParameterInfo, methods
from latent_widgets.widgets.explorer.method_picker import MethodPicker, control_for, fill_in
from latent_widgets.widgets.kit.panel import close_tree


@pytest.fixture
def ran():
    """What was asked for."""
    return []


@pytest.fixture
def picker(ran):
    """The picker."""
    options = {"space": ("z", "w"), "target": ("w", "image")}
    made = MethodPicker(lambda *a: ran.append(a), lambda handler: handler, close_tree, options)
    yield made
    close_tree(made)


def test_every_method_can_be_chosen_and_run(picker, ran):
    for info in methods():
        picker.method.value = info.title
        assert picker.find.tooltip == info.summary
        picker.find.click()
        method, arguments = ran[-1]
        assert method == info
        assert set(arguments) <= set(inspect.signature(info.function).parameters) - {"G", "on_step"}
    assert len(ran) == len(methods()) > 0


def test_controls_start_at_the_defaults_of_the_method(picker, ran):
    picker.method.value = "Random directions"
    picker.find.click()
    defaults = inspect.signature(ran[-1][0].function).parameters
    arguments = ran[-1][1]
    assert {"k", "seed", "orthogonal"} <= set(arguments)
    assert all(value == defaults[name].default for name, value in arguments.items())


def test_what_is_set_is_what_the_method_gets(picker, ran):
    picker.method.value = "Random directions"
    controls = picker.controls
    controls["k"].value, controls["seed"].value, controls["orthogonal"].value = 3, 11, False
    picker.find.click()
    assert {name: ran[-1][1][name] for name in ("k", "seed", "orthogonal")} == {"k": 3, "seed": 11, "orthogonal": False}


def test_preset_sets_what_was_left_as_it_is(picker, ran):
    picker.method.value = "DP-LaSE"
    picker.find.click()
    assert {"k", "steps", "batch", "preset"} <= set(ran[-1][1])
    assert ran[-1][1]["preset"] is None
    picker.controls["preset"].value, picker.controls["steps"].value = "released", 30
    picker.find.click()
    assert ran[-1][1] == {"preset": "released", "steps": 30}


def test_every_control_has_a_label_and_a_tooltip(picker):
    for info in methods():
        picker.method.value = info.title
        for control in picker.parameters.children:
            assert control.description
            assert control.tooltip


def test_rare_parameters_are_folded_and_count_all_the_same(picker, ran):
    picker.method.value = "LELSD"
    first, *_, last = picker.parameters.children
    assert [first.layout.display, last.layout.display] == [None, "none"]
    assert picker.more.description == f"{len(picker.parameters.children) - 5} more"
    last.value = 7
    picker.find.click()
    assert ran[-1][1]["seed"] == 7
    picker.more.value = True
    assert [control.layout.display for control in picker.parameters.children] == [None] * len(
        picker.parameters.children
    )
    assert picker.more.description == "fewer"
    picker.method.value = "DP-LaSE"  # who asked for all sees all
    assert picker.parameters.children[-1].layout.display is None
    picker.method.value = "GANSpace"
    assert picker.more.layout.display == "none"


def test_method_that_needs_a_region_says_so_beforehand(picker):
    for info in methods():
        picker.method.value = info.title
        needs = {"mask", "parts"} & {p.name for p in info.parameters if p.default is inspect.Parameter.empty}
        assert ("Needs a region" in picker.note.value) == bool(needs)
        assert (picker.note.layout.display == "none") == (not needs)


def test_replaced_controls_are_freed(picker, instances):
    titles = [info.title for info in methods()]
    for title in titles:
        picker.method.value = title
    before = instances()
    for title in titles * 3:
        picker.method.value = title
    assert instances() == before


@pytest.mark.parametrize(
    ("kind", "default", "choices", "widget", "value"),
    [
        ("flag", True, (), ipywidgets.Checkbox, True),
        ("integer", 5, (), ipywidgets.BoundedIntText, 5),
        ("number", 0.5, (), ipywidgets.FloatText, 0.5),
        ("choice", "b", ("a", "b"), ipywidgets.Dropdown, "b"),
        ("choice", None, ("a", "b"), ipywidgets.Dropdown, "automatic"),
        ("integer", None, (), None, None),
        ("text", None, (), None, None),
        ("value", None, (), None, None),
        ("choice", "c", ("a", "b"), None, None),
    ],
)
def test_control_fits_the_parameter(kind, default, choices, widget, value):
    control = control_for(ParameterInfo("p", kind, default, Literal["a", "b"], "What it does.", choices))
    assert type(control) is (widget or type(None))
    if control:
        assert (control.value, control.description, control.tooltip) == (value, "p", "What it does.")
        close_tree(control)


def test_what_a_method_needs_besides_is_filled_in_or_asked_for():
    needed = ParameterInfo("z", "value", inspect.Parameter.empty, None, "")
    method = MethodInfo("f", "Method F", "", lambda G, z, k=1: None, (needed,))
    assert fill_in(method, {"k": 3}, {"z": 7, "code": None}) == {"k": 3, "z": 7}
    with pytest.raises(ValueError, match=r"z must be known to Method F, got none\. Start from a seed"):
        fill_in(method, {"k": 3}, {"z": None})


def test_missing_region_is_asked_for():
    needed = ParameterInfo("mask", "value", inspect.Parameter.empty, None, "")
    with pytest.raises(
        ValueError,
        match=r"mask must be known to Method F, got none\. Paint a region, .* or assign one to explorer\.mask",
    ):
        fill_in(MethodInfo("f", "Method F", "", lambda G, mask: None, (needed,)), {}, {"mask": None})


def test_automatic_choice_is_none_for_the_method(picker, ran):
    picker.method.value = "Random directions"
    space = next(control for control in picker.parameters.children if control.description == "space")
    assert space.value == "automatic"
    picker.find.click()
    assert ran[-1][1]["space"] is None
    space.value = "z"
    picker.find.click()
    assert ran[-1][1]["space"] == "z"

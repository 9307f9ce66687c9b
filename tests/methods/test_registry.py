import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytest
import torch

from latent_widgets import methods as package_or_function
from latent_widgets.methods import MethodInfo, methods, random_directions
from latent_widgets.methods._registry import describe, finds_directions
from latent_widgets.values.directions import Directions


@pytest.fixture
def example():
    def example(
        G: object,
        start: torch.Tensor,
        *,
        steps: int = 20,
        rate: float | None = None,
        keep: bool = True,
        solver: Literal["fast", "exact"] = "fast",
        part: str = "mouth",
        both: int | str = 1,
        hook: Callable[[int], int] | None = None,
        on_step: Callable[[int], bool] | None = None,
    ) -> None:
        """Find something.

        More words: and a colon.

        Args:
            G: The generator.
            start: Where to begin.
            steps: How many,
                over two lines.
            rate: How fast: very.
            keep: Whether.
            solver: How.

        Returns:
            Nothing: at all.
        """

    return example


def test_parameters_are_read_from_signature_and_docstring(example):
    info = describe(example)
    assert (info.name, info.summary) == ("example", "Find something.")
    found = {p.name: (p.kind, p.default, p.doc) for p in info.parameters}
    assert found == {
        "start": ("value", inspect.Parameter.empty, "Where to begin."),
        "steps": ("integer", 20, "How many, over two lines."),
        "rate": ("number", None, "How fast: very."),
        "keep": ("flag", True, "Whether."),
        "solver": ("choice", "fast", "How."),
        "part": ("text", "mouth", ""),
        "both": ("value", 1, ""),
        "hook": ("value", None, ""),
    }
    assert {p.name: p.choices for p in info.parameters}["solver"] == ("fast", "exact")
    assert [p.name for p in info.parameters if p.required] == ["start"]


def test_random_directions_are_listed():
    listed = {info.name: info for info in methods()}
    info = listed["random_directions"]
    assert isinstance(info, MethodInfo)
    assert info.function is random_directions
    assert info.title == "Random directions"
    assert [p.name for p in info.parameters] == ["k", "space", "seed", "orthogonal", "layers"]


def test_only_functions_that_make_directions_are_methods():
    @dataclass
    class Carrier:
        directions: Directions

    def direct(G: object) -> Directions: ...
    def carried(G: object) -> Carrier: ...
    def other(G: object) -> torch.Tensor: ...
    def silent(G): ...
    def about(directions: Directions) -> Directions: ...

    assert [finds_directions(f) for f in (direct, carried, other, silent, about)] == [True, True, False, False, False]


def test_every_method_can_be_offered():
    for info in methods():
        assert info.title, info.name
        assert len(info.title) < 40, info.title
        assert info.summary.endswith("."), info.name
        assert all(p.doc for p in info.parameters), info.name
        assert "on_step" in inspect.signature(info.function).parameters, info.name


def test_the_public_name_is_the_function():
    assert package_or_function is methods

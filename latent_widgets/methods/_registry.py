"""The list of methods, read from their signatures and docstrings: what a widget needs to offer any of them."""

from __future__ import annotations

import importlib
import inspect
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from latent_widgets.values.directions import Directions

__all__ = ["MethodInfo", "ParameterInfo", "methods"]

_NOT_PARAMETERS = ("G", "on_step", "budget_bytes")  # what every method takes, and what changes no result


@dataclass(frozen=True)
class ParameterInfo:
    """One parameter of a method.

    Attributes:
        name: The keyword.
        kind: What a control for it holds: ``"integer"``, ``"number"``, ``"flag"``, ``"choice"``, ``"text"``, or
            ``"value"`` for what has no simple control.
        default: Its default; ``inspect.Parameter.empty`` where there is none.
        annotation: Its type.
        doc: Its description.
        choices: What it may be, for ``"choice"``.
    """

    name: str
    kind: str
    default: Any
    annotation: Any
    doc: str
    choices: tuple[Any, ...] = ()

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True)
class MethodInfo:
    """One method.

    Attributes:
        name: Its public name.
        title: What to call it in a list.
        summary: The first sentence of its description.
        function: The method: ``function(G, **parameters)``.
        parameters: Its parameters, but for the generator and ``on_step``, which all have, and ``budget_bytes``.
    """

    name: str
    title: str
    summary: str
    function: Callable[..., Any]
    parameters: tuple[ParameterInfo, ...]


def methods() -> tuple[MethodInfo, ...]:
    """List all methods that find directions, with their parameters.

    Returns:
        One entry for each public function of ``latent_widgets.methods`` that makes directions from a generator ``G``,
        by name.

    Example:
        >>> {m.name: m.title for m in methods()}["random_directions"]
        'Random directions'
    """
    package = importlib.import_module(__package__)  # when called, it has long been imported
    functions = [getattr(package, name) for name in sorted(package.__all__)]
    return tuple(describe(f) for f in functions if inspect.isfunction(f) and finds_directions(f))


def finds_directions(function: Callable[..., Any]) -> bool:
    """Tell a method from other functions: it takes ``G`` and returns directions, or a result that carries them."""
    result = typing.get_type_hints(function).get("return")
    carries = hasattr(result, "directions") or "directions" in getattr(result, "__dataclass_fields__", ())
    return "G" in inspect.signature(function).parameters and (result is Directions or carries)


def describe(function: Callable[..., Any]) -> MethodInfo:
    """Read what there is to know about a method.

    Args:
        function: Its docstring has a summary and, under ``Args:``, a description of every parameter; the docstring of
            its module begins with its title, up to a colon or bracket.
    """
    doc = inspect.getdoc(function) or ""
    module = inspect.getdoc(inspect.getmodule(function)) or ""
    title = re.split(r"[:(.\n]", module, maxsplit=1)[0].strip()
    described = _arguments(doc)
    hints = typing.get_type_hints(function)
    parameters = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in _NOT_PARAMETERS:
            kind, choices = _control(hints.get(name, Any))
            text = described.get(name, "")
            parameters.append(ParameterInfo(name, kind, parameter.default, hints.get(name, Any), text, choices))
    return MethodInfo(function.__name__, title, doc.split("\n\n")[0].replace("\n", " "), function, tuple(parameters))


def _control(annotation: Any) -> tuple[str, tuple[Any, ...]]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        options = [a for a in typing.get_args(annotation) if a is not type(None)]
        return _control(options[0]) if len(options) == 1 else ("value", ())
    if typing.get_origin(annotation) is typing.Literal:
        return "choice", typing.get_args(annotation)
    kinds = {bool: "flag", int: "integer", float: "number", str: "text"}
    return kinds.get(annotation, "value"), ()


def _arguments(doc: str) -> dict[str, str]:
    """Read the section ``Args:`` of a docstring."""
    found: dict[str, str] = {}
    inside, name = False, ""
    for line in doc.splitlines():
        if not line.startswith(" "):
            inside = line == "Args:" or (inside and not line)
        elif inside and (match := re.match(r"    (\w+): (.*)", line)):
            name, found[match[1]] = match[1], match[2]
        elif inside and name:
            found[name] += " " + line.strip()
    return found

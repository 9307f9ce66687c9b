"""Choose a method, set its parameters, run it: built from what :func:`latent_widgets.methods` says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets

from latent_widgets.core.texts import tr
from latent_widgets.methods import MethodInfo, ParameterInfo, methods

__all__ = ["MethodPicker", "control_for", "fill_in"]

SLIDERS = 8
FEW = 5  # parameters that are seen at once; signatures begin with those that matter most
FIRST = "random_directions"  # what is chosen until something was found: it runs on every generator
AUTOMATIC = "automatic"  # None as a choice: a list shows nothing at all for a value of None
NEEDS = {
    "z": "Start from a seed, without a second one",
    "mask": "Paint a region, as the region page says, or assign one to explorer.mask",
    "parts": "Paint a region, as the region page says, or assign one to explorer.mask",
    "w": "Wait for the first picture",
}
NOTES = {  # what stands beside the button, since nobody sees from the parameters that something is missing
    "mask": tr("Needs a region: take the brush and paint on the picture."),
    "parts": tr("Needs a region. The page <b>part</b> trains for named parts too, and shows how it goes."),
}
WORDS = {  # for parameters whose names say little to those who have not read the paper
    "k": tr("directions"),
    "alpha": tr("longest step"),
    "batch": tr("codes a step"),
    "begin": tr("begin at"),
    "cdf": tr("density model"),
    "channels": tr("what counts"),
    "codes": tr("latents"),
    "den_teaches": tr("density term teaches"),
    "merge": tr("merge masks by"),
    "method": tr("solver"),
    "min_alpha": tr("shortest step"),
    "mode": tr("maximise the share"),
    "orthogonal": tr("orthogonal"),
    "pair_form": tr("pair term"),
    "pairs": tr("pairs of directions"),
    "patience": tr("patience, steps"),
    "penalty": tr("norm penalty"),
    "penalty_weight": tr("weight of the penalty"),
    "pictures": tr("pictures, at most"),
    "preset": tr("preset"),
    "rank_method": tr("rank estimate"),
    "rate": tr("learning rate"),
    "reduction": tr("terms as"),
    "relax": tr("relaxed ranks"),
    "samples": tr("latents"),
    "scaled": tr("equal variances"),
    "schedule": tr("schedule"),
    "seconds": tr("seconds, at most"),
    "seed": tr("seed of the method"),
    "solver": tr("solver"),
    "space": tr("space"),
    "steps": tr("steps"),
    "stride": tr("longest stride"),
    "target": tr("Jacobian of"),
    "tolerance": tr("tolerance"),
    "truncation": tr("truncation of its pictures"),
    "unit": tr("unit of steps"),
    "walk": tr("walk"),
    "weight": tr("weight of the sparse part"),
}


def control_for(parameter: ParameterInfo, options: Sequence[str] = ()) -> ipywidgets.Widget | None:
    """Make the control for a parameter.

    Args:
        parameter: What it sets.
        options: For text, what it may be here.

    Returns:
        The control; None for a parameter that no control can hold, which keeps its default.
    """
    common = {
        "description": WORDS.get(parameter.name, parameter.name.replace("_", " ")),
        "tooltip": parameter.doc,
    }
    kind, default = parameter.kind, parameter.default
    if parameter.name == "k":  # a slider for each: a few by default, also where a method would give all
        default = default if isinstance(default, int) else SLIDERS
    if kind == "flag":
        return ipywidgets.Checkbox(bool(default), indent=False, **common)
    if kind == "integer" and isinstance(default, int):
        return ipywidgets.BoundedIntText(default, min=0, max=2**31 - 1, **common)
    if kind == "number" and isinstance(default, (int, float)):
        return ipywidgets.FloatText(float(default), **common)
    choices: Sequence[Any] = parameter.choices if kind == "choice" else options if kind == "text" else ()
    if choices and (default is None or default in choices):
        offered = [(tr("automatic"), AUTOMATIC)] * (default is None) + [(str(choice), choice) for choice in choices]
        return ipywidgets.Dropdown(options=offered, value=AUTOMATIC if default is None else default, **common)
    return None


def fill_in(method: MethodInfo, parameters: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a method's parameters what it needs and a panel knows.

    Args:
        method: The method.
        parameters: Those with a control.
        known: What the panel knows, such as the latent that it shows; None where it does not.

    Returns:
        The keyword arguments.

    Raises:
        ValueError: If something is needed and not known.
    """
    needed = [p.name for p in method.parameters if p.default is inspect.Parameter.empty and p.name not in parameters]
    missing = [name for name in needed if known.get(name) is None]
    if missing:
        raise ValueError(
            f"{missing[0]} must be known to {method.title}, got none. {NEEDS.get(missing[0], NEEDS['z'])}, "
            "or call the method in a cell and assign what it finds to explorer.directions."
        )
    # a painted region belongs to the picture that it was painted on
    held = [
        p.name for p in method.parameters if p.name == "code" and "parts" in needed and known.get("code") is not None
    ]
    return {**parameters, **{name: known[name] for name in [*needed, *held]}}


class MethodPicker(ipywidgets.HBox):
    """A list of methods, the parameters of the chosen one, and a button that runs it.

    Args:
        run: Called with the method and its keyword arguments.
        guard: Wraps handlers.
        dispose: Closes controls that are replaced.
        options: For parameters that are text, what they may be here.
    """

    def __init__(
        self,
        run: Callable[[MethodInfo, dict[str, Any]], object],
        guard: Callable[[Callable[..., Any]], Callable[..., Any]],
        dispose: Callable[..., object],
        options: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._run, self._dispose, self._options = run, dispose, options or {}
        self._methods = {info.title: info for info in methods()}
        self.method = ipywidgets.Dropdown(
            options=list(self._methods),
            description=tr("method"),
            tooltip=tr("Finds directions for the sliders, when you press Find"),
        )
        self.show(FIRST)
        self.find = ipywidgets.Button(
            description=tr("Find"), icon="search", tooltip=tr("Run the method and show its directions")
        )
        self.note = ipywidgets.HTML()
        self.note.add_class("lw-note")
        self.more = ipywidgets.ToggleButton(tooltip=tr("Show or hide the parameters that seldom matter"))
        self.more.layout.width = "auto"
        self.parameters = ipywidgets.HBox()
        self.parameters.add_class("lw-row")
        self.controls: dict[str, ipywidgets.Widget] = {}
        self.method.observe(guard(lambda _: self._offer()), "value")
        self.more.observe(guard(lambda _: self._fold()), "value")
        self.find.on_click(guard(lambda _: self._go()))
        super().__init__([self.method, self.parameters, self.more, self.find, self.note])
        self.add_class("lw-row")
        self._offer()

    @property
    def chosen(self) -> MethodInfo:
        """The chosen method."""
        return self._methods[self.method.value]

    def show(self, name: str) -> None:
        """Choose the method called ``name``, which found what is shown; any other name changes nothing."""
        for title, info in self._methods.items():
            if info.name == name:
                self.method.value = title

    def _offer(self) -> None:
        old = self.parameters.children
        made = {p.name: control_for(p, self._options.get(p.name, ())) for p in self.chosen.parameters}
        self.controls = {name: control for name, control in made.items() if control is not None}
        for control in self.controls.values():
            control.add_class("lw-parameter")
        self._fold()
        self.parameters.children = list(self.controls.values())
        self.find.tooltip = self.chosen.summary
        self.note.value = " ".join(NOTES[name] for name in made if name in NOTES)
        self.note.layout.display = None if self.note.value else "none"
        self._dispose(*old)

    def _fold(self) -> None:
        """Show all parameters or the first few; one alone is not worth a button."""
        rest = list(self.controls.values())[FEW:]
        fold = len(rest) > 1
        for control in rest:
            control.layout.display = "none" if fold and not self.more.value else None
        self.more.layout.display = None if fold else "none"
        self.more.description = tr("fewer") if self.more.value else tr("{count} more", count=len(rest))

    def _go(self) -> None:
        values = {name: control.value for name, control in self.controls.items()}
        if values.get("preset", AUTOMATIC) != AUTOMATIC:  # it sets what nobody else has set
            usual = {p.name: p.default for p in self.chosen.parameters}
            values = {name: value for name, value in values.items() if value not in (AUTOMATIC, usual[name])}
        self._run(self.chosen, {name: None if value == AUTOMATIC else value for name, value in values.items()})

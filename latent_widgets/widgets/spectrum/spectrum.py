"""The singular spectrum of a generator's differential, live at the latent that is being explored."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from PIL import Image
from torch import Tensor
from traitlets import Instance, Int, Unicode, observe

from latent_widgets.core import checks
from latent_widgets.core.forward import load_rules
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import place_of
from latent_widgets.geometry.jacobian.targets import checked_target, targets_of
from latent_widgets.methods.local_basis import local_bases
from latent_widgets.values.codes import Code
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.kit.filmstrip import film
from latent_widgets.widgets.kit.panel import Panel
from latent_widgets.widgets.kit.plot import LOOKS, rasterise
from latent_widgets.widgets.spectrum.controls import SpectrumControls
from latent_widgets.widgets.spectrum.data import (
    Band,
    Spectrum,
    curve_of,
    gaussian_band,
    latents_band,
    place,
    spectrum_at,
    spectrum_of,
)
from latent_widgets.widgets.spectrum.latents import Latents, Start, same
from latent_widgets.widgets.spectrum.plot import draw_spectrum

__all__ = ["JacobianSpectrum"]

METHODS = ("exact", "lanczos", "randomized")
STATIC_WAIT = 1.0  # seconds that showing the panel may wait for the first result


class JacobianSpectrum(Panel):
    """Singular values of a generator's differential at a latent, with ranks, chance and the walk along each direction.

    Linked to an explorer by ``traitlets.link((explorer, "code"), (spectrum, "code"))`` it follows what the explorer
    shows: the newest latent wins, and until its spectrum is there the old one stays, pale.

    The differential of the mapping needs the ``z`` behind a code: known for the code of a seed, not for one that was
    edited in ``w``. There the differential of the picture is taken instead, and a line below the plot says so.

    Args:
        G: The generator.
        latents: Where: ``z`` as ``(z_dim,)`` or ``(n, z_dim)``, a ``Code``, a result of ``local_basis``, or a list of
            codes and results. The first is followed and explored, the others stay in the plot for comparison. The code
            of ``seed`` if not given.
        target: ``"w"`` for the mapping, ``"image"``, a layer, or several, overlaid; ``"w"`` if not given, ``"image"``
            for a generator without a mapping.
        k: How many directions to offer, and to find if ``method`` is not ``"exact"``; all if not given.
        seed: Of the first latent.
        method: How to find singular values of a picture or layer, see ``JacobianOperator.svd``.
        width: CSS pixels.
        pictures: In the strip.
        **keywords: Values of traits, ``executor``, ``layout`` and ``theme``.

    Raises:
        TypeError: If a keyword is unknown or a value has the wrong type.
        ValueError: If something does not fit the generator.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> spectrum = JacobianSpectrum(G, seed=3, k=5, executor="inline")
        >>> spectrum.selected_index = 2
        >>> spectrum, spectrum.directions.names[2]
        (<JacobianSpectrum of faces-exact: 39 values at seed 3, w>, 'local basis 3')
        >>> spectrum.close()
    """

    code = Instance(Code, allow_none=True)
    "Where the spectrum is taken."
    selected_index = Int(0)
    "The direction whose walk is shown."
    directions = Instance(Directions, allow_none=True)
    "The leading directions at the code, once they are found."
    target = Unicode()
    'What the differential is taken of: "w", "image" or a layer.'

    def __init__(
        self,
        G: Generator,
        latents: Any = None,
        target: str | Sequence[str] | None = None,
        *,
        k: int | None = None,
        seed: int = 0,
        method: str = "exact",
        width: int = 680,
        pictures: int = 7,
        **keywords: Any,
    ) -> None:
        self.generator = G
        self._ready = False
        self._method = checks.choice("method", method, METHODS)
        self._k = None if k is None else checks.integer("k", k, 1, G.dim(G.main_space))
        self._pictures = checks.integer("pictures", pictures, 3, 31)
        self._latents = Latents(G, len(LOOKS))
        names = _names(G, target)
        given = keywords.pop("code", None)
        starts = self._latents.starts(latents if given is None else given, checks.integer("seed", seed, 0))
        super().__init__(lock=G.lock, **{key: value for key, value in keywords.items() if key != "directions"})
        self.current: Spectrum | None = None
        self.kept: tuple[Spectrum, ...] = ()
        self._band: Band | None = None
        self._latent_values: dict[tuple[Any, ...], list[Tensor]] = {}  # by target and place
        self._axes: Any = None
        self.controls = SpectrumControls(self, targets_of(G), checks.integer("width", width, 200))
        self.body.children = self.controls.body
        first = starts[0].basis
        self.target = first.target if first is not None and target is None else names[0]
        self.code = starts[0].code
        self._ready = True
        others = [(start, name) for start in starts for name in names][1:]
        if first is not None and first.target == self.target:
            self._take(spectrum_of(first, starts[0].code))
        else:
            self.refresh()
        if others:
            self._add(others)

    def _plan(self, code: Code, target: str) -> tuple[Tensor | None, str]:
        """The latent, and what the differential can be taken of."""
        z = self._latents.z_of(code)
        return z, "image" if target == "w" and z is None else target

    # ---- what a hand can do, others can call

    def choose_target(self, target: str) -> None:
        """Take the differential of something else."""
        self.target = target

    def select(self, index: int) -> None:
        """Select a direction.

        Args:
            index: Its number, from 0.

        Raises:
            ValueError: If there is no such direction.
        """
        self.selected_index = index

    def pick(self, x: float, y: float) -> None:
        """Select the direction at a place of the plot, in shares of it; the nearest if there are fewer directions."""
        found = None if self._axes is None else self.controls.plot.at(self._axes, x, min(max(y, 0.5), 0.8))
        if found is not None and self.directions is not None:
            self.select(min(max(round(found[0]) - 1, 0), len(self.directions) - 1))

    def keep(self) -> None:
        """Keep the current spectrum in the plot, beside those that come; of too many the oldest goes."""
        if self.current is not None and self.current not in self.kept:
            self.kept = (self.current, *self.kept)[: len(LOOKS) - 1]
            self.redraw()

    def forget(self) -> None:
        """Drop the kept spectra."""
        self.kept = ()
        self.redraw()

    # ---- traits set from outside

    @observe("code", "target", "selected_index", "directions")
    def _assigned(self, change: Any) -> None:
        if not self._ready:
            return
        name, old, new = change["name"], change["old"], change["new"]
        try:
            if name == "code" and new is not None:
                self.generator.check_code(new)
                if self._moved or not same(old, new):
                    self.refresh()
            elif name == "target":
                checked_target(self.generator, new)
                self._known_target()
                self.refresh()
            elif name == "selected_index":
                count = 1 if self.directions is None else len(self.directions)
                checks.integer("selected_index", new, 0, count - 1)
                self._show_selected()
            elif name == "directions":
                self.selected_index = min(self.selected_index, 0 if new is None else len(new) - 1)
                self._show_selected()
        except Exception:  # what was refused does not stay
            self._ready = False
            try:
                setattr(self, name, old)
            finally:
                self._ready = True
            raise

    def _known_target(self) -> None:
        self.controls.show(target=self.target, **self._numbers())

    def _numbers(self) -> dict[str, int]:
        count = 0 if self.directions is None else len(self.directions)
        return {"index": min(self.selected_index, max(count - 1, 0)), "count": count, "kept": len(self.kept)}

    # ---- computing

    @property
    def _moved(self) -> bool:
        """Whether the generator was moved since the current spectrum was found."""
        spectrum = self.current
        return spectrum is not None and place_of(spectrum.directions.vectors) != place_of(self.generator)

    def refresh(self) -> None:
        """Compute the spectrum at the current code; what is shown stays, pale, until it is there."""
        code = self.code
        if code is None:
            return
        G, k, method = self.generator, self._k, self._method
        z, target = self._plan(code, self.target)
        self.controls.plot.grey(self.current is not None)
        self._tell(pending=f"{place(code)}, {target}")
        self.run(
            lambda on_step: spectrum_at(G, code, z, target, k, method, on_step),
            self._take,
            kind="spectrum",
            prepare=load_rules,
            label=f"spectrum of {target} at {place(code)}",
        )

    def _add(self, others: Sequence[tuple[Start, str]]) -> None:
        G, k, method = self.generator, self._k, self._method

        def work(on_step: Any) -> list[Spectrum]:
            found = []
            for start, name in others:
                z, target = self._plan(start.code, name)
                if start.basis is not None and start.basis.target == target:
                    found.append(spectrum_of(start.basis, start.code))
                else:
                    found.append(spectrum_at(G, start.code, z, target, k, method, on_step))
            return found

        def done(found: list[Spectrum]) -> None:
            self.kept = tuple(found[: len(LOOKS) - 1])
            self.redraw()

        self.run(work, done, beside=True, kind="others", label="the other spectra")

    def _take(self, spectrum: Spectrum) -> None:
        """Show a spectrum that was found."""
        self.current, self._band = spectrum, None
        index = min(self.selected_index, len(spectrum.directions) - 1)
        self._ready = False
        try:  # a linked explorer that takes the directions goes back to its first
            self.directions = spectrum.directions if self._k is None else spectrum.directions[: self._k]
            self.selected_index = min(index, len(self.directions) - 1)
        finally:
            self._ready = True
        self.redraw()
        self.controls.plot.grey(False)
        self._show_selected()
        self.compare()

    def compare(self) -> None:
        """Find what chance gives, if that is asked for."""
        kind, spectrum, G = self.controls.chance.value, self.current, self.generator
        if spectrum is None or kind == "nothing":
            self._band = None
            self.beside.cancel("chance")
            self.redraw()
            return
        target, k, method = spectrum.target, self._k, self._method

        def work(on_step: Any) -> tuple[str, Band]:
            if kind == "matrix":
                return target, gaussian_band(spectrum)
            key = (target, *place_of(G))
            if key not in self._latent_values:
                bases = local_bases(G, G.sample_z(16, 2**31), target, k, method=method, on_step=on_step)  # type: ignore[arg-type]
                values = [basis.singular_values for basis in bases]
                if not on_step():
                    return target, latents_band(values)
                self._latent_values[key] = values
            return target, latents_band(self._latent_values[key])

        def done(found: tuple[str, Band]) -> None:
            if self.current is spectrum:
                self._band = found[1]
                self.redraw()

        self.run(work, done, beside=True, kind="chance", label="what chance gives")

    # ---- showing

    def redraw(self) -> None:
        """Draw the plot anew."""
        if self.current is None:
            return

        def draw(figure: Any) -> Any:
            shown = [self.current, *self.kept]
            self._axes, spots = draw_spectrum(figure, shown, self.controls.view, self._band)  # type: ignore[arg-type]
            return spots

        self.controls.plot.show(draw)
        self._known_target()
        self._mark()
        self._tell()

    def _show_selected(self) -> None:
        self._known_target()
        self._mark()
        self._tell()
        self.show_strip()

    def _mark(self) -> None:
        if self._axes is None:
            return
        plot, i = self.controls.plot, self.selected_index
        left, _, right, _ = plot.box(self._axes, i + 0.5, 1.0, i + 1.5, 1.0)
        figure = self._axes.get_figure()
        low = min(axes.get_position().y0 for axes in figure.axes)
        plot.mark((left, low, right, self._axes.get_position().y1))

    def _tell(self, pending: str = "") -> None:
        """Say below the plot what it shows, and what it does not."""
        shown, words = self.current, []
        if shown is not None:
            i = min(self.selected_index, len(shown.values) - 1)
            words.append(f"<b>{html.escape(shown.label)}</b>")
            words.append(f"singular value {i + 1} is {float(shown.values[i]):.4g}")
            if self.target == "w" and shown.target != "w":
                words.append("this code was edited in w, so its z is unknown: of the picture instead of the mapping")
            elif shown.target == "w" and shown.code.truncation not in (None, 1.0):
                words.append("of the mapping before truncation")
        if pending and shown is not None:
            words.insert(0, f"<b>old</b>, until {html.escape(pending)} is there:")
        self.controls.words.value = " · ".join(words).replace(": ·", ":")

    def show_strip(self) -> None:
        """Draw the walk along the selected direction, after more urgent pictures."""
        spectrum, directions = self.current, self.directions
        if spectrum is None or directions is None:
            return
        if self._moved:
            self.refresh()
            return
        G, i = self.generator, min(self.selected_index, len(directions) - 1)
        options: dict[str, Any] = {"reach": self.controls.reach.value, "count": self._pictures}
        curve, words = curve_of(spectrum, i) if self.controls.kind.value == "curve" else (None, "")
        self.run(
            lambda on_step: film(
                G, spectrum.code, directions, i, curve=curve, on_step=lambda step: on_step(step), **options
            ),
            lambda found: self.controls.strip.show(found[0], caption=found[1] + words),
            kind="strip",
            label="walk",
            priority=5,
        )

    def figure(self) -> Any:
        """Return the plot as a matplotlib figure of its own, not one of pyplot's.

        Returns:
            The figure.

        Raises:
            ValueError: If there is no spectrum yet.
        """
        if self.current is None:
            raise ValueError("JacobianSpectrum must show a spectrum first, got none yet. Wait for its first run.")
        figure = self.controls.plot.blank()
        axes, _ = draw_spectrum(figure, [self.current, *self.kept], self.controls.view, self._band)
        axes.axvspan(self.selected_index + 0.5, self.selected_index + 1.5, color="#e69f00", alpha=0.3, linewidth=0)
        return figure

    def _repr_mimebundle_(self, **keywords: Any) -> dict[str, Any]:
        if self.current is None:
            self.job.wait(STATIC_WAIT)  # a notebook that is saved ought to show the first spectrum
        return super()._repr_mimebundle_(**keywords)

    def _static_image(self) -> Image.Image | None:
        return None if self.current is None else rasterise(self.figure())

    def _describe(self) -> str:
        name = self.generator.name
        if self.current is None:
            return f"of {name}: nothing yet"
        return f"of {name}: {len(self.current.values)} values at {self.current.label}"


def _names(G: Generator, target: str | Sequence[str] | None) -> list[str]:
    """What the differential is to be taken of: one name or several."""
    names = [target] if target is None or isinstance(target, str) else list(target)
    if not names:
        raise ValueError("target must name at least one of 'w', 'image' and the layers, got none.")
    return [checked_target(G, name) for name in names]

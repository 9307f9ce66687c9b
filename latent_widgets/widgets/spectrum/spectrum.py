"""The singular spectrum of a generator's differential, live at the latent that is being explored."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from traitlets import Instance, Unicode, observe

from latent_widgets.core import checks
from latent_widgets.core.forward import load_rules
from latent_widgets.core.steps import Step
from latent_widgets.core.texts import tr
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.decomposition import SVD
from latent_widgets.geometry.jacobian.targets import checked_target, targets_of
from latent_widgets.values.codes import Code
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.kit.figure_panel import FigurePanel
from latent_widgets.widgets.kit.filmstrip import film
from latent_widgets.widgets.kit.plot import LOOKS, Spot
from latent_widgets.widgets.kit.refusal import refusing
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.kit.values import Whole
from latent_widgets.widgets.spectrum.controls import SpectrumActs, SpectrumControls
from latent_widgets.widgets.spectrum.data import FEW, Band, Spectrum, code_words, curve_of, taken_over
from latent_widgets.widgets.spectrum.finder import Finder
from latent_widgets.widgets.spectrum.latents import Latents, Start, same_latent
from latent_widgets.widgets.spectrum.plot import draw_spectrum, shade
from latent_widgets.widgets.spectrum.state import Pace, Shown, products_words, spectrum_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["JacobianSpectrum"]

METHODS = ("auto", "exact", "lanczos", "randomized", "progressive")


class JacobianSpectrum(FigurePanel):
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
        k: How many directions to offer, and to find if all are not; all, or 20 of a large matrix, if not given.
        seed: Of the first latent.
        method: How to find singular values of a picture or layer, see ``JacobianOperator.svd``. ``"auto"`` finds all
            up to 128 numbers of the code; beyond, ``"progressive"`` shows the leading ones with whiskers as products
            are made, begins with what it found at a code nearby, and keeps what is there when it is cancelled.
        width: CSS pixels.
        pictures: How many the strip has.
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
    selected_index = Whole(0)
    "The direction whose walk is shown."
    directions = Instance(Directions, allow_none=True)
    "The leading directions at the code, once they are found."
    target = Unicode()
    'What the differential is taken of: "w", "image" or a layer.'
    _needs = "a spectrum"

    def __init__(
        self,
        G: Generator,
        latents: Any = None,
        target: str | Sequence[str] | None = None,
        *,
        k: int | None = None,
        seed: int = 0,
        method: str = "auto",
        width: int = 680,
        pictures: int = 7,
        **keywords: Any,
    ) -> None:
        self.generator = G
        self.silence = Silence()
        method = checks.choice("method", method, METHODS)
        k = None if k is None else checks.integer("k", k, 1, G.dim(G.main_space))
        self._pictures = checks.integer("pictures", pictures, 3, 31)
        known = Latents(G, len(LOOKS))
        names = _names(G, target)
        given = keywords.pop("code", None)
        starts = known.starts(latents if given is None else given, checks.integer("seed", seed, 0))
        self._pending: str | None = None  # what is to be shown instead, empty where it failed; None where nothing is
        self._finder, self._spectra = Finder(G, known, k, method), Shown()
        self._pace, self._stage_words = Pace(), ""  # of what is being found
        self._stage: Spectrum | None = None
        self._begun_with: SVD | None = None
        first = starts[0].basis
        with self.silence:
            super().__init__(lock=G.lock, **{key: value for key, value in keywords.items() if key != "directions"})
            acts = SpectrumActs(
                target=self.choose_target,
                select=self.select,
                pick=self.pick,
                compare=self.compare,
                keep=self.keep,
                forget=self.forget,
                redraw=self.redraw,
                strip=self.show_strip,
            )
            self.controls = SpectrumControls(targets_of(G), acts, self.guard, checks.integer("width", width, 200))
            self.body.children = self.controls.body
            self.target = first.target if first is not None and target is None else names[0]
            self.code = starts[0].code
        others = [(start, name) for start in starts for name in names][1:]
        if first is not None and first.target == self.target:
            self._take(taken_over(first, starts[0].code))
        else:
            self.refresh()
        if others:
            self._add(others)

    @property
    def current(self) -> Spectrum | None:
        """The spectrum that is shown; None until the first is found."""
        return self._spectra.current

    @property
    def kept(self) -> tuple[Spectrum, ...]:
        """The spectra that stay in the plot for comparison."""
        return self._spectra.kept

    @property
    def band(self) -> Band | None:
        """The singular values that chance gives, if they are asked for and found."""
        return self._spectra.band

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
        found = self.controls.plot.index_at(x, y)
        if found is not None and self.directions is not None:
            self.select(min(max(found, 0), len(self.directions) - 1))

    def keep(self) -> None:
        """Keep the current spectrum in the plot, beside those that come; of too many the oldest goes."""
        if self._spectra.keep():
            self.redraw()

    def forget(self) -> None:
        """Drop the kept spectra."""
        self._spectra.keep_only([])
        self.redraw()

    # ---- traits set from outside

    @observe("code")
    @heard
    @refusing
    def _code_set(self, change: Any) -> None:
        old, new = change["old"], change["new"]
        if new is not None:
            self.generator.check_code(new)
            if self._finder.outdated(self.current) or not same_latent(old, new):
                self.refresh()

    @observe("target")
    @heard
    @refusing
    def _target_set(self, change: Any) -> None:
        checked_target(self.generator, change["new"])
        self._show_controls()
        self.refresh()

    @observe("selected_index")
    @heard
    @refusing
    def _index_set(self, change: Any) -> None:
        count = 1 if self.directions is None else len(self.directions)
        checks.integer("selected_index", change["new"], 0, count - 1)
        self._show_selected()

    @observe("directions")
    @heard
    @refusing
    def _directions_set(self, change: Any) -> None:
        new = change["new"]
        self.selected_index = min(self.selected_index, 0 if new is None else len(new) - 1)
        self._show_selected()

    # ---- computing

    def refresh(self) -> None:
        """Compute the spectrum at the current code; what is shown stays, pale, until it is there."""
        if self.code is None:
            return
        plan = self._finder.plan(self.code, self.target)
        self.controls.plot.grey(self.current is not None)
        self._tell_pending(plan.words)
        self._stage = None
        self._begun_with = self._finder.start(plan)
        self._pace.restart()
        self.run(
            partial(self._finder.find, plan),
            self._take,
            progress=self._show_stage,
            failed=lambda error: self._tell_pending(""),
            kind="spectrum",
            prepare=load_rules,
            label=tr("spectrum of {target} at {code}", target=plan.target, code=code_words(plan.code)),
        )

    def _show_stage(self, step: Step) -> None:
        """Show what is there of a spectrum that is being found; its directions are offered in the end."""
        spectrum = step.value
        if not isinstance(spectrum, Spectrum):
            return
        self._stage = spectrum
        if self._pace.due():
            self._spectra.take(spectrum)
            wanted = FEW if self._finder.k is None else self._finder.k
            self._pending, self._stage_words = None, self._pace.words(step.index, wanted, self._begun_with is not None)
            self.redraw()
            self.controls.plot.grey(False)

    def _add(self, others: Sequence[tuple[Start, str]]) -> None:
        def done(found: list[Spectrum]) -> None:
            self._spectra.keep_only(found)
            self.redraw()

        work = partial(self._finder.find_all, others)
        self.run(work, done, beside=True, kind="others", label=tr("the other spectra"))

    def _take(self, spectrum: Spectrum) -> None:
        """Show a spectrum that was found."""
        self._spectra.take(spectrum)
        self._pending, self._stage = None, None
        self._stage_words = products_words(spectrum, self._begun_with is not None)
        index = min(self.selected_index, len(spectrum.directions) - 1)
        with self.silence:  # a linked explorer that takes the directions goes back to its first
            self.directions = self._finder.offered(spectrum)
            self.selected_index = min(index, len(self.directions) - 1)
        self.redraw()
        self.controls.plot.grey(False)
        self._show_selected()
        self.compare()

    def compare(self) -> None:
        """Find what chance gives, if that is asked for."""
        kind, spectrum = self.controls.chance.value, self.current
        if spectrum is None or kind == "nothing":
            self._spectra.band = None
            self.beside.cancel("chance")
            self.redraw()
            return

        def done(band: Band) -> None:
            if self.current is spectrum:
                self._spectra.band = band
                self.redraw()

        work = partial(self._finder.chance, kind, spectrum)
        self.run(work, done, beside=True, kind="chance", label=tr("what chance gives"))

    # ---- showing

    def redraw(self) -> None:
        """Draw the plot anew."""
        if self.current is not None:
            self.controls.plot.draw(self._draw)
            self._show_controls()
            self.controls.plot.frame(self.selected_index)
            self._tell()

    def _draw(self, figure: Figure) -> tuple[Axes, list[Spot]]:
        return draw_spectrum(figure, self._spectra.spectra, self.controls.view, self.band)

    def _show_selected(self) -> None:
        self._show_controls()
        self.controls.plot.frame(self.selected_index)
        self._tell()
        self.show_strip()

    def _show_controls(self) -> None:
        count = 0 if self.directions is None else len(self.directions)
        index = min(self.selected_index, max(count - 1, 0))
        self.controls.show(target=self.target, index=index, count=count, kept=len(self.kept))

    def cancel(self) -> None:
        """Stop what is being computed, and keep what is there of it."""
        super().cancel()
        stage = self._stage
        if stage is not None:
            self._finder.remember(stage)
            self._take(stage)
        elif self._pending:
            self._tell_pending("")

    def _tell_pending(self, words: str | None) -> None:
        self._pending = words
        self._tell()

    def _tell(self) -> None:
        """Say below the plot what it shows, and what it does not."""
        shown = self.current
        words = (
            ""
            if shown is None
            else spectrum_words(shown, self.selected_index, self.target, self._pending, self._stage_words)
        )
        self.controls.words.value = words

    def show_strip(self) -> None:
        """Draw the walk along the selected direction, after more urgent pictures."""
        spectrum, directions = self.current, self.directions
        if spectrum is None or directions is None:
            return
        if self._finder.outdated(spectrum):
            self.refresh()
            return
        G, i = self.generator, min(self.selected_index, len(directions) - 1)
        options: dict[str, Any] = {"reach": self.controls.reach.value, "count": self._pictures}
        curve, words = curve_of(spectrum, i) if self.controls.kind.value == "curve" else (None, "")
        self.run(
            lambda on_step: film(
                G, spectrum.code, directions, i, curve=curve, on_step=lambda step: on_step(step), **options
            ),
            lambda found: self.controls.strip.show(found[0], caption=f"{found[1]} · {words}" if words else found[1]),
            kind="strip",
            label=tr("walk"),
            priority=5,
        )

    # ---- without a running kernel

    @property
    def _has_result(self) -> bool:
        return self.current is not None

    def _await_first(self, timeout: float) -> None:
        self.job.wait(timeout)  # the others may take longer

    def _draw_figure(self) -> Figure:
        figure = self.controls.plot.blank()
        axes, _ = self._draw(figure)
        shade(axes, self.selected_index)
        return figure

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

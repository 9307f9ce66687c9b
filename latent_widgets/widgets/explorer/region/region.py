"""A region in an explorer: it keeps sliders, plots and heat in step with the mask and with the latent."""

from __future__ import annotations

import html
from typing import Any

from latent_widgets.core.forward import load_rules
from latent_widgets.edits.changes import move_along
from latent_widgets.edits.edit import Edit, Move
from latent_widgets.generators.place import with_weights
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.values.directions import Directions
from latent_widgets.values.masks import Mask
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.region.follower import Follower
from latent_widgets.widgets.explorer.region.overlay import heat, predicted_map, scale_bar
from latent_widgets.widgets.explorer.region.page import HELP, OFF, READY, RegionPage
from latent_widgets.widgets.explorer.region.plot import draw_effect, draw_locality, draw_region_spectrum
from latent_widgets.widgets.explorer.region.work import (
    EffectMap,
    RegionFinding,
    Where,
    effect_of,
    find_region,
    true_effect,
)
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.page_work import PageWork
from latent_widgets.widgets.kit.plot import label
from latent_widgets.widgets.kit.unit_ranges import UNIT_RANGES

__all__ = ["Region"]


class Region:
    """Follows the mask while the switch ``steer`` is on.

    One pass over the latent gives the Jacobian, on a thread of its own; then mask, tolerance and solver cost
    milliseconds. What belongs to another latent is shown pale.

    Args:
        desk: What it works with.

    Attributes:
        follower: Which Jacobian and which directions belong to the edit.
        found: What the mask gave last; None while there is nothing to show.
        effects: What the active direction does: predicted, and measured if it was.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk, self._state = desk, desk.state
        self.follower = Follower(desk.state)
        self.work = PageWork(desk.executor, desk.lock, stopped=desk.guard(self._stopped))
        G = desk.state.generator
        layers = G.num_layers if "w+" in G.spaces else 1
        self.page = RegionPage(
            layers, self._switched, self.refresh, self.show_effects, self.pick, self.work, desk.guard
        )
        self.found: RegionFinding | None = None
        self.effects: tuple[EffectMap, EffectMap | None] | None = None
        self._step: Move | None = None  # that the effects are of
        self._asked: tuple[object, ...] = ()  # what the last effects were asked for with
        self._drawn: dict[str, tuple[object, ...]] = {}  # what each plot shows
        self._heated = False
        self._axes: Any = None

    # ---- the latent and the mask

    def _here(self) -> Where:
        return self.follower.here(self.page.rows, self.page.counts)

    @property
    def stale(self) -> bool:
        """Whether what is shown belongs to another latent than that of the edit."""
        return self.follower.stale(self._here())

    @one_at_a_time
    def refresh(self) -> None:
        """Follow the explorer: its mask, its latent and the page's settings."""
        state, mask, follower = self._state, self._state.mask, self.follower
        if follower.moved:
            self._forget()
        self.mark()
        painted = mask is not None and bool(mask.tensor.any())
        if not state.steer or mask is None or not painted:
            off = READY if painted else OFF
            self._rest(off if not state.steer else HELP if follower.directions is None else "")
            return
        try:
            with_weights(state.generator)
        except ValueError as error:
            self._rest(str(error))
            return
        here, G = self._here(), state.generator
        wants = follower.wants(here)
        if wants is None:
            self.work.stop()
        elif wants:
            self.work.run(
                lambda on_step: here.spectra(G, on_step),
                lambda spectra: self._landed(here, spectra),
                kind="pass",
                prepare=load_rules,
                label="the region's Jacobian at this latent",
            )
        self.mark()
        self._solve(mask)

    def mark(self) -> None:
        """Show the switches as they are, and whether what is shown is old."""
        self.page.show(self._state.steer, self._state.confine)
        if self.found is not None:
            self.page.grey(self.stale)
            self._tell()

    def _forget(self) -> None:
        """Drop the Jacobian and what was found with it; the sliders stay as they are."""
        self.follower.forget()
        self.found, self.effects, self._asked = None, None, ()
        self.page.ready(False)
        self._repaint()

    def _rest(self, message: str) -> None:
        """Have nothing to show; the sliders stay as they are."""
        state = self._state
        self.work.stop()
        self._desk.cancel("region")
        self.found = self.effects = None
        self.follower.rest()
        if state.steer and (state.mask is None or not bool(state.mask.tensor.any())):
            message = message or "The region is empty: paint something, and the sliders follow."
        self.page.ready(False)
        self.page.tell(message, "", code=message in (HELP, OFF, READY))
        self._repaint()

    @one_at_a_time
    def _landed(self, where: Where, spectra: RegionSpectra) -> None:
        self.follower.arrived(where, spectra)
        if self.follower.moved:
            self.refresh()
        elif self._state.steer and self._state.mask is not None:
            self._solve(self._state.mask)

    def _solve(self, mask: Mask) -> None:
        """Find the directions of the mask with the Jacobian at hand; of many masks the newest counts."""
        spectra, settings = self.follower.spectra, self.page.settings
        if not self.follower.asks(mask, settings):
            return
        if spectra is None:
            self.page.tell("The sliders follow as soon as the Jacobian at this latent is there.", "")
            return

        def work(on_step: Any) -> RegionFinding | str:
            try:
                return find_region(spectra, mask, settings)
            except ValueError as error:  # the mask's fault: something to say, no failure of the panel
                return str(error)

        self._desk.run(work, self._take, kind="region", frame=True, priority=8)

    @one_at_a_time
    def _take(self, found: RegionFinding | str) -> None:
        follower = self.follower
        if not self._state.steer or self._state.mask is None:
            return
        if follower.spectra is None or follower.moved:  # found with a Jacobian of before
            self.refresh()
            return
        if isinstance(found, str):
            self.found = self.effects = None
            self.page.ready(False)
            self.page.tell(found, "")
            self._repaint()
            return
        self.found, edit = follower.take(found)
        if self.found.directions is not None:
            self._desk.follow(self.found.directions, edit)
            if not self._here().same(follower.where):  # a direction that has gone left its move behind: a new latent
                self.refresh_soon()
        self.page.ready(True)
        self.mark()
        self.show_effects()

    def refresh_soon(self) -> None:
        """Follow the latent, after what is being done."""
        self._desk.run(lambda on_step: None, lambda _: self.refresh(), kind="follow", priority=1)

    # ---- the history

    def remember(self, edit: Edit) -> None:
        """Note what the sliders stand for while an edit is the current one, see :meth:`Follower.remember`."""
        self.follower.remember(edit)

    def pass_on(self, edit: Edit, renamed: Edit) -> Edit:
        """Remember of a renamed edit what was noted of it, see :meth:`Follower.pass_on`."""
        return self.follower.pass_on(edit, renamed)

    def recall(self, edit: Edit) -> Directions | None:
        """Go back to the directions that an edit moves along, see :meth:`Follower.recall`."""
        return self.follower.recall(edit)

    # ---- what the active direction does

    @one_at_a_time
    def show_effects(self) -> None:
        """Find where the active direction acts, and show it where it is seen: on the page, over the picture."""
        if self.follower.moved:
            self.refresh()
        state, spectra, found, where = self._state, self.follower.spectra, self.found, self.follower.where
        shown = state.page == "region" or self.page.overlay.value != "none"
        if spectra is None or found is None or where is None or not shown:
            self.effects, self._asked = None, ()
            self._repaint()
            return
        i, own = state.active, move_along(state.edit, state.direction)
        alpha = (own.alpha if own is not None else 0.0) or UNIT_RANGES[state.direction.unit].reach / 5
        move, G, mask = state.move(i, alpha), state.generator, found.mask
        asked = (found, where, i, alpha, move.rows)
        if asked == self._asked:  # known, or on its way
            self._repaint()
            self.draw()
            return
        self._asked = asked

        def work(on_step: Any) -> Any:
            try:
                predicted = effect_of(abs(alpha) * predicted_map(spectra, move.direction), mask)
            except ValueError:  # a direction of another space among the kept ones
                return None
            true = true_effect(G, where, move, mask) if on_step() else None
            return predicted, true

        def done(effects: Any) -> None:
            if self.found is found:
                self.effects, self._step = effects, move
                self._repaint()
                self.draw()

        self._desk.run(work, done, kind="effects", priority=3, label="what the direction changes")

    def _repaint(self) -> None:
        if self._heated or (self.page.overlay.value != "none" and self.effects is not None):
            self._desk.repaint()

    def over(self, picture: Any, view: str) -> Any:
        """Return the picture with heat over it, if that is asked for and known.

        Args:
            picture: What is shown.
            view: Which one it is; the difference has colours of its own.
        """
        overlay, effects, found, step = self.page.overlay.value, self.effects, self.found, self._step
        self._heated = not (overlay == "none" or view == "difference" or effects is None)
        if not self._heated or effects is None or found is None or step is None:
            self.page.scale.value = ""
            return picture
        predicted, true = effects
        shown = predicted if overlay == "predicted" or true is None else true
        high = max(float(e.map.max()) for e in effects if e is not None)
        self.page.scale.value = scale_bar(high, f"rms change for {step.alpha:+.2g} {step.unit}")
        return heat(picture, shown.map, high, found.mask)

    @property
    def words(self) -> str:
        """What the line under the picture says of the heat on it: it stays there on other pages."""
        return f" · heat: {self.page.overlay.value} change, see the region page" if self._heated else ""

    # ---- the page

    def draw(self) -> None:
        """Draw the plots, if they are seen."""
        found = self.found
        if found is None or self._state.page != "region":
            return
        page, active, effects, step = self.page, self.follower.active, self.effects, self._step
        if self._new("spectrum", found.spectrum):
            page.spectrum.show(lambda figure: draw_region_spectrum(figure, found.spectrum))
        if found.directions is not None and self._new("locality", found, active, effects):
            scores = found.directions.scores
            true = None if effects is None or effects[1] is None else effects[1].locality

            def bars(figure: Any) -> Any:
                shares, chance = scores["locality"].tolist(), float(scores["chance"][0])
                self._axes, spots = draw_locality(figure, shares, active, found.spectrum.area, chance, true)
                return spots

            page.locality.show(bars)
        page.locality.layout.display = None if found.directions is not None else "none"
        page.effect.layout.display = None if effects is not None else "none"
        if effects is not None and step is not None and self._new("effect", effects):
            words = f"{label(step.name)}, {step.alpha:+.2g} {UNIT_RANGES[step.unit].label}"
            page.effect.show(lambda figure: draw_effect(figure, *effects, words))
        self._tell()

    def _new(self, plot: str, *shown: object) -> bool:
        """Whether a plot shows something else than it is to show, which it does from now on."""
        new = shown != self._drawn.get(plot)
        self._drawn[plot] = shown
        return new

    def _tell(self) -> None:
        """Say what the plots show."""
        found = self.found
        if found is None:
            return
        words = [f"region of {found.spectrum.area:.2%} of the picture", f"rank {found.spectrum.rank}"]
        i, directions = self.follower.active, found.directions
        if directions is not None and 0 <= i < len(directions):
            one = {name: float(score[i]) for name, score in directions.scores.items()}
            said = f"{one['locality']:.1%} of the change of {html.escape(directions.names[i])} falls inside (predicted"
            true = None if self.effects is None else self.effects[1]
            said += f", true {true.locality:.1%})" if true is not None else ")"
            words += [said, f"chance {one['chance']:.1%}"]
            words += [f"kept norm {one['kept norm']:.2g}"] if "kept norm" in one else []
        old = "<b>old</b>, of the latent before, until the new Jacobian is there: " if self.stale else ""
        self.page.tell(found.note, old + " · ".join(words))

    def pick(self, x: float, y: float) -> None:
        """Make the direction at a place of the plot the active one."""
        mine = self.follower.directions
        found = None if self._axes is None else self.page.locality.at(self._axes, x, min(max(y, 0.3), 0.7))
        if found is None or not mine:
            return
        slider = self._state.slider_of(mine[min(max(round(found[0]) - 1, 0), len(mine) - 1)])
        if slider is not None:
            self._desk.choose(slider)

    def _stopped(self) -> None:
        self.page.tell("Stopped. The sliders follow again when the seed or a setting changes.", self.page.words.value)

    def _switched(self, name: str, on: bool) -> None:
        self._desk.set(**{name: on})

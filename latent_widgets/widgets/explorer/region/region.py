"""A region in an explorer: it keeps sliders, plots and heat in step with the mask and with the latent."""

from __future__ import annotations

from typing import Any

from latent_widgets.core.forward import load_rules
from latent_widgets.core.steps import Step
from latent_widgets.core.texts import tr
from latent_widgets.core.words import plot_text
from latent_widgets.generators.place import with_weights
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.values.masks import Mask
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.region.effects import Effects
from latent_widgets.widgets.explorer.region.face import Face
from latent_widgets.widgets.explorer.region.follower import Follower
from latent_widgets.widgets.explorer.region.page import HELP, READY, RegionPage
from latent_widgets.widgets.explorer.region.plot import draw_effect, draw_locality, draw_region_spectrum
from latent_widgets.widgets.explorer.region.words import region_words
from latent_widgets.widgets.explorer.region.work import (
    RegionFinding,
    Where,
    find_region,
)
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.page_work import PageWork
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
        refused: Why the mask gives no directions, in words; empty where it does. Who paints on the picture does not see
            the page.
        effects: What the active direction does.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk, self._state = desk, desk.state
        self.follower = Follower(desk.state)
        self.work: PageWork = desk.hire(PageWork, lock=desk.lock, stopped=desk.guard(self._stopped))
        self.face = Face(self._make_page)
        self.found: RegionFinding | None = None
        self.refused = ""
        self.effects = Effects(desk, self.follower, self.face, self.draw)
        self._drawn: dict[str, tuple[object, ...]] = {}  # what each plot shows
        self._axes: Any = None

    @property
    def page(self) -> RegionPage:
        """Its page; it is built when it is first opened."""
        return self.face.page

    def _make_page(self) -> RegionPage:
        desk, G = self._desk, self._state.generator
        layers = G.num_layers if "w+" in G.spaces else 1
        made = RegionPage(layers, self._switched, self.refresh, self.show_effects, self.pick, desk.guard)
        desk.own(made)
        return made

    # ---- the latent and the mask

    def _here(self) -> Where:
        return self.follower.here(self.face.rows, self.face.counts)

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
        if not state.steer or mask is None or not state.painted:
            off = READY if state.painted else HELP
            self._rest(off if not state.steer else HELP if follower.directions is None else "")
            return
        try:
            with_weights(state.generator)
        except ValueError as error:
            self._rest(str(error))
            return
        here, G = self._here(), state.generator
        wants = follower.wants(here)
        if here.searches(G):
            self._search(here, mask, wants)
        elif wants is None:
            self.work.stop()
        elif wants:
            self.work.run(
                lambda on_step: here.spectra(G, on_step),
                lambda spectra: self._landed(here, spectra),
                failed=self._failed,
                kind="pass",
                prepare=load_rules,
                label=tr("the region's Jacobian at this latent"),
            )
        self.mark()
        self._solve(mask)

    def _search(self, here: Where, mask: Mask, wants: bool | None) -> None:
        """Look at the picture's derivatives where this mask needs them, in stages that are shown as they come."""
        follower, settings, G = self.follower, self.face.settings, self._state.generator
        if not follower.seeks(mask, settings) and not wants:
            return
        start = follower.start(here)

        def stage(step: Step) -> None:
            spectra = step.value
            if not isinstance(spectra, RegionSpectra) or spectra is follower.spectra or spectra.seen is None:
                return
            if spectra.seen.stopped or len(spectra.total) >= settings.k:  # no slider goes, to come back later
                self._landed(here, spectra)

        def work(on_step: Any) -> RegionSpectra | str:
            try:
                return here.search(G, mask, settings, start, on_step)
            except ValueError as error:  # the mask's fault is something to say, no failure of the panel
                if not str(error).startswith("mask must"):
                    raise
                return str(error)

        self.work.run(
            work,
            lambda found: self._refused(found) if isinstance(found, str) else self._landed(here, found),
            progress=stage,
            failed=self._failed,
            kind="pass",
            prepare=load_rules,
            label=tr("the directions of this region"),
        )

    def mark(self) -> None:
        """Show the switches as they are, and whether what is shown is old."""
        self.face.show(self._state.steer, self._state.confine)
        self._tell()

    def _forget(self) -> None:
        """Drop the Jacobian and what was found with it; the sliders stay as they are."""
        self.follower.forget()
        self._clear()

    def _rest(self, message: str) -> None:
        """Have nothing to show; the sliders stay as they are."""
        state, self.refused = self._state, ""
        self.work.stop()
        self.work.quiet()
        self._desk.cancel("region")
        self.follower.rest()
        if state.steer and not state.painted:
            message = message or tr("The region is empty: paint something, and the sliders follow.")
        self._clear()
        self.face.tell(message, "", code=message in (HELP, READY))

    def _clear(self) -> None:
        self.found, self.refused = None, ""
        self.face.ready(False)
        self.effects.forget()

    @one_at_a_time
    def _refused(self, message: str) -> None:
        self.follower.give_up(message)
        self.refused = message
        if self.found is None:  # else what was seen for another mask says more
            self.face.tell(message, "")

    @one_at_a_time
    def _landed(self, where: Where, spectra: RegionSpectra) -> None:
        self.follower.arrived(where, spectra)
        if self.follower.moved:
            self.refresh()
        elif self._state.steer and self._state.mask is not None:
            self._solve(self._state.mask)

    def _solve(self, mask: Mask) -> None:
        """Find the directions of the mask with the Jacobian at hand; of many masks the newest counts."""
        spectra, settings = self.follower.spectra, self.face.settings
        if not self.follower.asks(mask, settings):
            return
        if spectra is None:
            soon = tr("The sliders follow as soon as the Jacobian at this latent is there.")
            self.face.tell(self.follower.given_up or soon, "")
            return

        def work(on_step: Any) -> RegionFinding | str:
            try:
                return find_region(spectra, mask, settings)
            except ValueError as error:  # the mask's fault: something to say, no failure of the panel
                return str(error)

        def done(found: RegionFinding | str) -> None:
            self.follower.asked.granted(spectra, mask, settings)
            self._take(found)

        self.follower.asked.coming = self._desk.run(work, done, kind="region", frame=True, priority=8)

    @one_at_a_time
    def _take(self, found: RegionFinding | str) -> None:
        follower = self.follower
        if not self._state.steer or self._state.mask is None:
            return
        if follower.spectra is None or follower.moved:  # found with a Jacobian of before
            self.refresh()
            return
        if isinstance(found, str):
            self._clear()
            self.face.tell(found, "")
            self.refused = found
            return
        self.found, edit = follower.take(found)
        self.refused = found.note if found.directions is None else ""
        if self.found.directions is not None:
            self._desk.follow(self.found.directions, edit)
            if not self._here().same(follower.where):  # a direction that has gone left its move behind: a new latent
                self.refresh_soon()
        self.face.ready(True)
        self.mark()
        self.show_effects()

    def refresh_soon(self) -> None:
        """Follow the latent, after what is being done."""
        self._desk.run(lambda on_step: None, lambda _: self.refresh(), kind="follow", priority=1)

    @one_at_a_time
    def show_effects(self) -> None:
        """Show what the active direction does, where it is seen."""
        if self.follower.moved:
            self.refresh()
        self.effects.find(self.found)

    # ---- the page

    def draw(self) -> None:
        """Draw the plots, if they are seen."""
        found = self.found
        if found is None or self._state.page != "region":
            return
        page, active, maps, move = self.page, self.follower.active, self.effects.maps, self.effects.move
        if self._new("spectrum", found.spectrum):
            page.spectrum.show(lambda figure: draw_region_spectrum(figure, found.spectrum))
        if found.directions is not None and self._new("locality", found, active, maps):
            scores = found.directions.scores
            true = None if maps is None or maps[1] is None else maps[1].locality

            def bars(figure: Any) -> Any:
                shares, chance = scores["locality"].tolist(), float(scores["chance"][0])
                self._axes, spots = draw_locality(figure, shares, active, found.spectrum.area, chance, true)
                return spots

            page.locality.show(bars)
        page.locality.layout.display = None if found.directions is not None else "none"
        page.effect.layout.display = None if maps is not None else "none"
        if maps is not None and move is not None and self._new("effect", maps):
            words = f"{plot_text(move.name)}, {move.alpha:+.2g} {UNIT_RANGES[move.unit].label}"
            page.effect.show(lambda figure: draw_effect(figure, *maps, words))
        self._tell()

    def _new(self, plot: str, *shown: object) -> bool:
        """Whether a plot shows something else than it is to show, which it does from now on."""
        new = shown != self._drawn.get(plot)
        self._drawn[plot] = shown
        return new

    def _tell(self) -> None:
        """Say what the plots show, and show them pale where they are old."""
        found = self.found
        if found is None:
            return
        stale = self.stale
        self.face.grey(stale)
        spectra, why = self.follower.spectra, self.follower.given_up if stale else ""
        true = None if self.effects.maps is None else self.effects.maps[1]
        words = region_words(found, self.follower.active, true, None if spectra is None else spectra.seen)
        if stale and why:
            words = tr("<b>old</b>, of the latent before: {words}", words=words)
        elif stale:
            words = tr("<b>old</b>, of the latent before, until the new Jacobian is there: {words}", words=words)
        self.face.tell(" ".join(filter(None, (why, found.note))), words)

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
        self._give_up(tr("Stopped."))

    def _failed(self, error: Exception) -> None:
        self._give_up(tr("The Jacobian at this latent could not be found."))

    @one_at_a_time
    def _give_up(self, why: str) -> None:
        then = tr("The sliders follow again when the seed, the region or a setting changes.")
        self.follower.give_up(f"{why} {then}")
        if self.found is None:
            self.face.tell(self.follower.given_up, "")
        self._tell()

    def _switched(self, name: str, on: bool) -> None:
        self._desk.set(**{name: on})

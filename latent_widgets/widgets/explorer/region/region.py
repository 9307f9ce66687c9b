"""A region in an explorer: it keeps sliders, plots and heat in step with the mask and with the latent."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from latent_widgets.core.forward import load_rules
from latent_widgets.edits.changes import carried, same_direction
from latent_widgets.edits.edit import Edit, Move
from latent_widgets.generators.place import place_of, with_weights
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.values.directions import Directions
from latent_widgets.values.masks import Mask
from latent_widgets.widgets.explorer.region.overlay import heat, predicted_map, scale_bar
from latent_widgets.widgets.explorer.region.page import HELP, OFF, READY, RegionPage
from latent_widgets.widgets.explorer.region.plot import draw_effect, draw_locality, draw_region_spectrum
from latent_widgets.widgets.explorer.region.work import (
    Effect,
    Found,
    Where,
    effect_of,
    find_region,
    matched,
    true_effect,
)
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.page_work import PageWork
from latent_widgets.widgets.kit.plot import label
from latent_widgets.widgets.kit.unit_ranges import UNIT_RANGES

if TYPE_CHECKING:
    from latent_widgets.widgets.explorer.explorer import LatentExplorer

__all__ = ["Region"]


class Region:
    """Follows an explorer's mask while its switch ``steer`` is on.

    One pass over the latent gives the Jacobian, on a thread of its own; then mask, tolerance and solver cost
    milliseconds. Moves along the region's own sliders do not make a new latent, or each drag would exchange the
    directions under the hand. Until the pass at a new latent is there, the old one goes on serving, marked as old.

    Args:
        explorer: What it belongs to.

    Attributes:
        where: The latent of the Jacobian at hand; None before the first.
        found: What the mask gave last; None while there is nothing to show.
        effects: What the active direction does: predicted, and measured if it was.
    """

    def __init__(self, explorer: LatentExplorer) -> None:
        self._explorer, G = explorer, explorer.generator
        self.work = PageWork(explorer.job.executor, G.lock, stopped=explorer.guard(self._stopped))
        layers = G.num_layers if "w+" in G.spaces else 1
        self.page = RegionPage(
            layers, self._switched, self.refresh, self.show_effects, self._pick, self.work, explorer.guard
        )
        self.where: Where | None = None
        self.found: Found | None = None
        self.effects: tuple[Effect, Effect | None] | None = None
        self._spectra: RegionSpectra | None = None
        self._wanted: Where | None = None  # the latent that was asked for last
        self._live: Directions | None = None  # what the sliders got from the region
        self._under: WeakKeyDictionary[Edit, Directions] = WeakKeyDictionary()  # what the sliders had at each edit
        self._step: Move | None = None  # that the effects are of
        self._solved: tuple[object, ...] = ()  # what the last directions were asked for with
        self._asked: tuple[object, ...] = ()  # what the last effects were asked for with
        self._drawn: dict[str, tuple[object, ...]] = {}  # what each plot shows
        self._heated = False
        self._axes: Any = None

    # ---- the latent and the mask

    @property
    def stale(self) -> bool:
        """Whether what is shown belongs to another latent than that of the edit."""
        return self._spectra is not None and not self._here().same(self.where)

    def _loose(self) -> list[Directions]:
        """The region's directions that are not kept for later: these may be exchanged."""
        kept = self._explorer.sliders.bookmarked
        return [d for d in (self._live or ()) if not any(same_direction(d, k) for k in kept)]

    def _here(self) -> Where:
        return Where.of(self._explorer.current, self._loose(), self.page.rows, self.page.counts)

    @one_at_a_time
    def refresh(self) -> None:
        """Follow the explorer: its mask, its latent and the page's settings."""
        explorer, mask = self._explorer, self._explorer.mask
        if self._moved:
            self._forget()
        self.mark()
        painted = mask is not None and bool(mask.tensor.any())
        if not explorer.steer or mask is None or not painted:
            off = READY if painted else OFF
            self._rest(off if not explorer.steer else HELP if self._live is None else "")
            return
        try:
            with_weights(explorer.generator)
        except ValueError as error:
            self._rest(str(error))
            return
        here = self._here()
        if here.same(self.where):
            self.work.stop()
            self._wanted = here
        elif not here.same(self._wanted):
            self._wanted, G = here, explorer.generator
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
        self.page.show(self._explorer.steer, self._explorer.confine)
        if self.found is not None:
            self.page.grey(self.stale)
            self._tell()

    @property
    def _moved(self) -> bool:
        """Whether the generator was moved or exchanged since the Jacobian at hand was found."""
        spectra, G = self._spectra, self._explorer.generator
        return spectra is not None and (spectra.generator is not G or place_of(spectra.functions[0].x0) != place_of(G))

    def _forget(self) -> None:
        """Drop the Jacobian and what was found with it; the sliders stay as they are."""
        self.where, self._spectra, self._wanted = None, None, None
        self.found, self.effects, self._solved, self._asked = None, None, (), ()
        self.page.ready(False)
        self._repaint()

    def _rest(self, message: str) -> None:
        """Have nothing to show; the sliders stay as they are."""
        explorer = self._explorer
        self.work.stop()
        explorer.job.cancel("region")
        self.found, self._wanted, self.effects, self._solved = None, None, None, ()
        if not explorer.steer:
            self._live = None
        elif explorer.mask is None or not bool(explorer.mask.tensor.any()):
            message = message or "The region is empty: paint something, and the sliders follow."
        self.page.ready(False)
        self.page.tell(message, "", code=message in (HELP, OFF, READY))
        self._repaint()

    @one_at_a_time
    def _landed(self, where: Where, spectra: RegionSpectra) -> None:
        self.where, self._spectra = where, spectra
        if self._moved:
            self.refresh()
        elif self._explorer.steer and self._explorer.mask is not None:
            self._solve(self._explorer.mask)

    def _solve(self, mask: Mask) -> None:
        """Find the directions of the mask with the Jacobian at hand; of many masks the newest counts."""
        spectra, settings = self._spectra, self.page.settings
        asked = (spectra, mask, settings)
        if asked == self._solved:
            return
        if spectra is None:
            self.page.tell("The sliders follow as soon as the Jacobian at this latent is there.", "")
            return

        self._solved = asked

        def work(on_step: Any) -> Found | str:
            try:
                return find_region(spectra, mask, settings)
            except ValueError as error:  # the mask's fault: something to say, no failure of the panel
                return str(error)

        self._explorer.run(work, self._take, kind="region", frame=True, priority=8)

    @one_at_a_time
    def _take(self, found: Found | str) -> None:
        explorer = self._explorer
        if not explorer.steer or explorer.mask is None:
            return
        if self._spectra is None or self._moved:  # found with a Jacobian of before
            self.refresh()
            return
        if isinstance(found, str):
            self.found = self.effects = None
            self.page.ready(False)
            self.page.tell(found, "")
            self._repaint()
            return
        directions, places = found.directions, list[int | None]()
        if directions is not None:
            directions, places = matched(directions.for_generator(explorer.generator), self._named())
        self.found = Found(found.spectrum, directions, found.mask, found.note)
        if directions is not None:
            self._exchange(directions, places)
        self.page.ready(True)
        self.mark()
        self.show_effects()

    def _named(self) -> Directions | None:
        """The region's directions under the names that the sliders give them."""
        if self._live is None:
            return None
        shown = self._explorer.sliders.directions
        names = [next((s.names[0] for s in shown if same_direction(s, d)), d.names[0]) for d in self._live]
        return replace(self._live, names=names) if len(set(names)) == len(names) else self._live

    def _exchange(self, new: Directions, places: list[int | None]) -> None:
        """Put new directions under the sliders; what was moved along an alike one goes on along it."""
        explorer, loose, old = self._explorer, self._loose(), self._live
        pairs = [
            (old[j], new[i])
            for i, j in enumerate(places)
            if old is not None and j is not None and any(same_direction(old[j], d) for d in loose)
        ]
        edit = carried(explorer.current, [a for a, _ in pairs], [b for _, b in pairs])
        self._live = new
        explorer.follow(new, edit)
        if not self._here().same(self.where):  # a direction that has gone left its move behind: a new latent
            self.refresh_soon()

    def remember(self, edit: Edit) -> None:
        """Note what the region's sliders stand for while an edit is the current one."""
        if self._live is not None:
            self._under[edit] = self._live

    def pass_on(self, edit: Edit, renamed: Edit) -> Edit:
        """Remember of an edit under other names what was noted of it, and return it."""
        if edit in self._under:
            self._under[renamed] = self._under[edit]
        return renamed

    def recall(self, edit: Edit) -> Directions | None:
        """Go back to the directions that an edit moves along; the present mask then has its own found from there.

        Args:
            edit: One of the history.

        Returns:
            What the sliders are to stand for; None where they stand for that, or are not the region's.
        """
        before, live = self._under.get(edit), self._named()
        if before is None or live is None or before is self._live:
            return None
        self._live = replace(before, names=live.names) if len(before) == len(live) else before  # names stay in place
        self._solved = ()
        return self._live

    def refresh_soon(self) -> None:
        """Follow the latent, after what is being done."""
        self._explorer.run(lambda on_step: None, lambda _: self.refresh(), kind="follow", priority=1)

    # ---- what the active direction does

    def active(self) -> int:
        """Which of the region's directions is active; -1 for none of them."""
        explorer = self._explorer
        one = explorer.sliders.directions[explorer.sliders.active]
        mine = list(self._live or ())
        return next((i for i, d in enumerate(mine) if same_direction(d, one)), -1)

    @one_at_a_time
    def show_effects(self) -> None:
        """Find where the active direction acts, and show it where it is seen: on the page, over the picture."""
        if self._moved:
            self.refresh()
        explorer, spectra, found, where = self._explorer, self._spectra, self.found, self.where
        overlay, shown = self.page.overlay.value, explorer.controls.page == "region"
        if spectra is None or found is None or where is None or not (shown or overlay != "none"):
            self.effects, self._asked = None, ()
            self._repaint()
            return
        i = explorer.sliders.active
        alpha = explorer.sliders.rows[i].slider.number or UNIT_RANGES[explorer.sliders.directions[i].unit].reach / 5
        move, G, mask = explorer.move(i, alpha), explorer.generator, found.mask
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

        explorer.run(work, done, kind="effects", priority=3, label="what the direction changes")

    def _repaint(self) -> None:
        if self._heated or (self.page.overlay.value != "none" and self.effects is not None):
            self._explorer.repaint()

    def over(self, picture: Any) -> Any:
        """Return the picture with heat over it, if that is asked for and known."""
        overlay, effects, found, step = self.page.overlay.value, self.effects, self.found, self._step
        flat = self._explorer.controls.view.value == "difference"  # which has colours of its own
        self._heated = not (overlay == "none" or flat or effects is None)
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
        return f" · heat: {self.page.overlay.value} change, see the page region" if self._heated else ""

    # ---- the page

    def draw(self) -> None:
        """Draw the plots, if they are seen."""
        found, explorer = self.found, self._explorer
        if found is None or explorer.controls.page != "region":
            return
        page, active, effects, step = self.page, self.active(), self.effects, self._step
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
        i, directions = self.active(), found.directions
        if directions is not None and 0 <= i < len(directions):
            one = {name: float(score[i]) for name, score in directions.scores.items()}
            said = f"{one['locality']:.1%} of the change of {html.escape(directions.names[i])} falls inside (predicted"
            true = None if self.effects is None else self.effects[1]
            said += f", true {true.locality:.1%})" if true is not None else ")"
            words += [said, f"chance {one['chance']:.1%}"]
            words += [f"kept norm {one['kept norm']:.2g}"] if "kept norm" in one else []
        old = "<b>old</b>, of the latent before, until the new Jacobian is there: " if self.stale else ""
        self.page.tell(found.note, old + " · ".join(words))

    def _pick(self, x: float, y: float) -> None:
        """Make the direction at a place of the plot the active one."""
        found = None if self._axes is None else self.page.locality.at(self._axes, x, min(max(y, 0.3), 0.7))
        if found is None or not self._live:
            return
        one = self._live[min(max(round(found[0]) - 1, 0), len(self._live) - 1)]
        places = [i for i, d in enumerate(self._explorer.sliders.directions) if same_direction(d, one)]
        if places:
            self._explorer.choose(places[0])

    def _stopped(self) -> None:
        self.page.tell("Stopped. The sliders follow again when the seed or a setting changes.", self.page.words.value)

    def _switched(self, name: str, on: bool) -> None:
        setattr(self._explorer, name, on)

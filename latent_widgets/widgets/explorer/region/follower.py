"""Which Jacobian and which directions belong to an edit, while sliders follow a region; knows no widget."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

from latent_widgets.edits.changes import carried
from latent_widgets.edits.edit import Edit
from latent_widgets.generators.place import place_of
from latent_widgets.geometry.regions.spectra import Channels, RegionSpectra
from latent_widgets.values.directions import Directions, same_direction
from latent_widgets.values.masks import Mask
from latent_widgets.widgets.explorer.region.work import RegionFinding, Settings, Where, matched
from latent_widgets.widgets.explorer.shelf import DirectionSet, Found, Shelf, title_of
from latent_widgets.widgets.explorer.state import ExplorerState
from latent_widgets.widgets.jobs.wish import Wish

__all__ = ["Follower"]


class Follower:
    """Keeps the Jacobian at the latent of the edit, and the directions that the sliders got from it.

    Moves along the region's own sliders do not make a new latent, or each drag would exchange the directions under the
    hand. Until the pass at a new latent is there, the old one goes on serving.

    Args:
        state: Of the explorer.

    Attributes:
        spectra: The Jacobian at hand; None before the first.
        where: Its latent.
        directions: What the sliders got from the region; None while they have nothing from it.
        asked: What the last directions were asked for with.
        given_up: Why the Jacobian that was asked for last does not come, in words; empty where it does.
    """

    def __init__(self, state: ExplorerState) -> None:
        self._state = state
        self.spectra: RegionSpectra | None = None
        self.where: Where | None = None
        self.directions: Directions | None = None
        self._wanted: Where | None = None  # the latent that was asked for last
        self._sought: tuple[Mask, Settings] | None = None  # what the search that was asked for last is for
        self.given_up = ""
        self._given_up_for: Mask | None = None
        self._under: WeakKeyDictionary[Edit, Directions] = WeakKeyDictionary()  # what the sliders had at each edit
        self.asked = Wish()

    # ---- the latent

    def loose(self) -> list[Directions]:
        """Return the region's directions that are not kept for later: these may be exchanged."""
        return [d for d in (self.directions or ()) if not self._state.keeps(d)]

    def here(self, rows: tuple[int, ...] | None, channels: Channels) -> Where:
        """Return the latent of the edit.

        Args:
            rows: Rows of ``w+`` that move; None for all.
            channels: What of the picture counts.

        Returns:
            The latent, without the moves along the region's sliders.
        """
        return Where.of(self._state.edit, self.loose(), rows, channels)

    def wants(self, here: Where) -> bool | None:
        """Ask for the Jacobian at a latent.

        Args:
            here: The latent.

        Returns:
            Whether it must be found: False where it is on its way, None where it is there.
        """
        there, known = here.same(self.where), here.same(self._wanted) and not self._again
        if there or not known:
            self._wanted, self.given_up = here, ""
        return None if there else not known

    def seeks(self, mask: Mask, settings: Settings) -> bool:
        """Ask for a search for one mask; say whether it must begin, as none for that mask was asked for before."""
        known = self._sought is not None and self._sought[0] is mask and self._sought[1] == settings
        again = self._again
        if not known or again:
            self._sought, self.given_up = (mask, settings), ""
        return not known or again

    def start(self, here: Where) -> RegionSpectra | None:
        """Return what a search at a latent may begin with."""
        like = self.where is not None and (self.where.rows, self.where.channels) == (here.rows, here.channels)
        return self.spectra if like else None

    def give_up(self, why: str) -> None:
        """Expect the Jacobian no longer: it is asked for again at another latent, or for another mask.

        Args:
            why: In words.
        """
        self.given_up, self._given_up_for = why, self._state.mask

    @property
    def _again(self) -> bool:
        return bool(self.given_up) and self._given_up_for is not self._state.mask

    def arrived(self, where: Where, spectra: RegionSpectra) -> None:
        """Take a Jacobian."""
        self.where, self.spectra = where, spectra

    @property
    def moved(self) -> bool:
        """Whether the generator was moved or exchanged since the Jacobian at hand was found."""
        spectra, G = self.spectra, self._state.generator
        return spectra is not None and (spectra.generator is not G or place_of(spectra.functions[0].x0) != place_of(G))

    def stale(self, here: Where) -> bool:
        """Whether the Jacobian at hand belongs to another latent."""
        return self.spectra is not None and not here.same(self.where)

    def forget(self) -> None:
        """Drop the Jacobian; the sliders stay as they are."""
        self.where = self.spectra = self._wanted = self._sought = None
        self.asked.forget()

    def rest(self) -> None:
        """Want nothing any more; without ``steer`` the sliders are the region's no longer."""
        self._wanted, self.given_up = None, ""
        self.asked.forget()
        if not self._state.steer:
            self.directions = None
            self._release()

    def _release(self) -> None:
        """Leave the set that followed the region on the shelf as it is."""
        shelf = self._state.shelf
        if (one := shelf.following) is not None:
            title = one.title if one.found is None else title_of(one.directions, one.found)
            self._state.amend(shelf=shelf.change(one.key, follows=False, title=title))

    # ---- the directions

    def asks(self, mask: Mask, settings: Settings) -> bool:
        """Ask for the directions of a mask with the Jacobian at hand; say whether they must be found."""
        if self.spectra is None:
            self.asked.forget()
            return True
        return self.asked.new(self.spectra, mask, settings)

    def named(self) -> Directions | None:
        """Return the region's directions under the names that the sliders give them."""
        mine = self.directions
        if mine is None:
            return None
        shown = one.singles if (one := self._state.shelf.following) is not None else ()
        names = [next((s.names[0] for s in shown if same_direction(s, d)), d.names[0]) for d in mine]
        return replace(mine, names=names) if len(set(names)) == len(names) else mine

    def take(self, found: RegionFinding) -> tuple[RegionFinding, Edit]:
        """Make directions that were found those of the sliders; what was moved along an alike one goes on along it.

        Args:
            found: For the mask as it is.

        Returns:
            The same, with the directions in the places of those before them; and the edit along them.
        """
        if found.directions is None:
            return found, self._state.edit
        new, places = matched(found.directions.for_generator(self._state.generator), self.named())
        old, loose = self.directions, self.loose()
        pairs = [
            (old[j], new[i])
            for i, j in enumerate(places)
            if old is not None and j is not None and any(same_direction(old[j], d) for d in loose)
        ]
        self.directions = new
        edit = carried(self._state.edit, [a for a, _ in pairs], [b for _, b in pairs])
        return RegionFinding(found.spectrum, new, found.mask, found.note), edit

    def shelved(self, new: Directions) -> Shelf:
        """Return the shelf with these under the sliders of the set that follows, behind those of it that are kept.

        Args:
            new: The region's directions.

        Returns:
            The shelf; with a new set, where none follows.
        """
        state, shelf = self._state, self._state.shelf
        found = Found("region", {}, state.edit.base, state.mask, local=True)
        if (one := shelf.following) is None:
            return shelf.put(DirectionSet(title_of(new), new, found=found, follows=True))
        there = list(new)
        kept = [d for d in one.singles if state.keeps(d) and not any(same_direction(d, n) for n in there)]
        alike = [d for d in kept if (d.space, d.unit, d.layers) == (new.space, new.unit, new.layers)]
        shown = Directions.concatenate([*alike, new]) if alike else new
        shelf = shelf.exchange(one.key, shown).change(one.key, found=found)
        repainted = one.found is None or one.found.mask is not state.mask
        return shelf.reopen(one.key) if one.closed and repainted else shelf

    @property
    def active(self) -> int:
        """Which of the region's directions is the active one; -1 for none of them."""
        one = self._state.direction
        return next((i for i, d in enumerate(self.directions or ()) if same_direction(d, one)), -1)

    # ---- the history

    def remember(self, edit: Edit) -> None:
        """Note what the region's sliders stand for while an edit is the current one."""
        if self.directions is not None:
            self._under[edit] = self.directions

    def pass_on(self, edit: Edit, renamed: Edit) -> Edit:
        """Remember of an edit under other names what was noted of it, and return it."""
        if edit in self._under:
            self._under[renamed] = self._under[edit]
        return renamed

    def recall(self, edit: Edit) -> None:
        """Go back to the directions that an edit moves along; the present mask then has its own found from there.

        Args:
            edit: One of the history.
        """
        before = self._under.get(edit)
        if before is not None and before is not self.directions:
            self.directions = before
            self.asked.forget()

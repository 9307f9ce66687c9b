"""What the active direction does, in numbers and as heat over the picture: predicted by the Jacobian, and measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from latent_widgets.core.texts import tr
from latent_widgets.edits.changes import move_along
from latent_widgets.edits.edit import Move
from latent_widgets.widgets.explorer.desk import Desk
from latent_widgets.widgets.explorer.region.face import Face
from latent_widgets.widgets.explorer.region.follower import Follower
from latent_widgets.widgets.explorer.region.overlay import Heat, predicted_map, scale_bar
from latent_widgets.widgets.explorer.region.work import EffectMap, RegionFinding, effect_of, true_effect
from latent_widgets.widgets.jobs.wish import Wish

__all__ = ["Effects"]


class Effects:
    """The effect of the active direction at the latent of the Jacobian.

    Args:
        desk: What it works with.
        follower: Has the Jacobian.
        face: Says whether there is to be heat, and gets its scale.
        changed: Called without arguments when another effect is known.

    Attributes:
        maps: Predicted, and measured if it was; None while nothing is known.
        move: Whose effect it is.
    """

    def __init__(self, desk: Desk, follower: Follower, face: Face, changed: Callable[[], object]) -> None:
        self._desk, self._follower, self._face, self._changed = desk, follower, face, changed
        self.maps: tuple[EffectMap, EffectMap | None] | None = None
        self.move: Move | None = None
        self._found: RegionFinding | None = None  # whose region it falls into
        self._asked = Wish()
        self._heat: Heat | None = None  # that lies over the picture
        self._made: tuple[Any, ...] = ()  # of what

    def find(self, found: RegionFinding | None) -> None:
        """Find where the active direction acts, where that is seen: on the page, or over the picture.

        Args:
            found: Has the region; None while there is nothing to show.
        """
        state, spectra, where = self._desk.state, self._follower.spectra, self._follower.where
        seen = state.page == "region" or self._face.overlay != "none"
        if spectra is None or found is None or where is None or not seen:
            self.forget()
            return
        i, own = state.active, move_along(state.edit, state.direction)
        alpha = (own.alpha if own is not None else 0.0) or state.range().reach / 5
        move, G, mask = state.move(i, alpha), state.generator, found.mask
        what = (found, where, i, alpha, move.rows)
        if not self._asked.new(*what):
            self._repaint()
            self._changed()
            return
        self._found = found

        def work(on_step: Any) -> Any:
            try:
                values = abs(alpha) * predicted_map(spectra, move.direction)
                predicted = effect_of(values, mask, spectra.generator.picture_size)
            except ValueError:  # a direction of another space among the kept ones
                return None
            true = true_effect(G, where, move, mask) if on_step() else None
            return predicted, true

        def done(maps: Any) -> None:
            if self._found is found:
                self._asked.granted(*what)
                self.maps, self.move = maps, move
                self._repaint()
                self._changed()

        asked: dict[str, Any] = {"kind": "effects", "priority": 3, "label": tr("what the direction changes")}
        self._asked.coming = self._desk.run(work, done, **asked)

    def forget(self) -> None:
        """Know of none, and take the heat away."""
        self.maps = self._found = None
        self._asked.forget()
        self._desk.settle("effects")
        self._repaint()

    def _repaint(self) -> None:
        if self._heat is not None or (self._face.overlay != "none" and self.maps is not None):
            self._desk.repaint()

    def heat(self, view: str) -> Heat | None:
        """Return the heat that is to lie over the picture: the same one until another is asked for or known.

        Args:
            view: Which picture is shown; the difference has colours of its own.

        Returns:
            The heat; None for none.
        """
        overlay, maps, found, move = self._face.overlay, self.maps, self._found, self.move
        if overlay == "none" or view == "difference" or maps is None or found is None or move is None:
            self._heat, self._made = None, ()
            self._face.scale("")
        elif self._made != (overlay, maps, found):
            predicted, true = maps
            shown = predicted if overlay == "predicted" or true is None else true
            high = max(float(one.map.max()) for one in maps if one is not None)
            self._heat = Heat(shown.map, high, self._desk.state.generator.picture_size, found.mask)
            self._made = (overlay, maps, found)
            words = tr("rms change for {step} {unit}", step=f"{move.alpha:+.2g}", unit=move.unit)
            self._face.scale(scale_bar(high, words))
        return self._heat

    @property
    def words(self) -> str:
        """What the line under the picture says of the heat on it: it stays there on other pages."""
        if self._heat is None:
            return ""
        predicted = self._face.overlay == "predicted"
        said = (
            tr("heat: predicted change, see the region page")
            if predicted
            else tr("heat: true change, see the region page")
        )
        return f" · {said}"

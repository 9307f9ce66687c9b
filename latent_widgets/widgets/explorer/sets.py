"""What is done with the sets of directions of an explorer: they are found, brought, folded, put away, exchanged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from latent_widgets.core.forward import load_rules
from latent_widgets.core.steps import Cancelled
from latent_widgets.edits.changes import move_along, rename
from latent_widgets.edits.edit import Code, Edit
from latent_widgets.methods import MethodInfo, methods
from latent_widgets.values.directions import Directions, as_directions, same_direction
from latent_widgets.widgets.explorer.method_picker import fill_in
from latent_widgets.widgets.explorer.shelf import HERE, REGION, DirectionSet, Found, Shelf, same_set, title_of
from latent_widgets.widgets.explorer.state import ExplorerState
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.training import Training

__all__ = ["Sets"]


class Sets:
    """The acts on the shelf.

    Args:
        state: Has the shelf.
        training: Runs a method beside the pictures; stopped by hand, it hands over what it has by then.
        code: Returns the edited code, as far as it is known.
        show: Called without arguments when the shelf is another: all that shows it follows.
    """

    def __init__(
        self,
        state: ExplorerState,
        training: Training,
        code: Callable[[], Code | None],
        show: Callable[[], object],
    ) -> None:
        self._state, self._training, self._code, self._show = state, training, code, show

    # ---- finding

    def find(self, method: MethodInfo, parameters: dict[str, Any]) -> None:
        """Run a method beside the pictures; what it finds, or has when a hand stops it, is another set.

        Args:
            method: One of :func:`latent_widgets.methods`.
            parameters: Its keyword arguments; a latent, code or mask that it needs besides is the current one.
        """
        state = self._state
        G, arguments = state.drawn(), fill_in(method, parameters, state.known(self._code()))
        local = any(name in arguments for name in HERE)
        mask = state.mask if any(name in arguments for name in REGION) else None
        found = Found(method.name, parameters, state.edit.base, mask, local or mask is not None)

        def work(on_step: Any) -> Any:
            result = method.function(G, **arguments, on_step=on_step) if on_step() else None
            if result is None and self._training.stopping:
                raise Cancelled
            return result

        def done(result: Any) -> None:
            early = getattr(result, "stopped", "") == "cancelled"
            self.use(as_directions(result), replace(found, stopped=getattr(result, "steps", None) if early else None))

        self._training.run(work, done, label=method.title, kind="method", prepare=load_rules)

    def find_again(self, key: object) -> None:
        """Find a set's directions where the edit starts now, as another set.

        Args:
            key: Of the set.
        """
        found = self._state.shelf.of(key).found
        method = next((one for one in methods() if found is not None and one.name == found.method), None)
        if method is not None and found is not None:
            self.find(method, dict(found.parameters))

    # ---- what is on the shelf

    @one_at_a_time
    def use(self, directions: Directions, found: Found | None = None) -> None:
        """Put a set of directions on the shelf, and show sliders for it; the other sets and all moves stay.

        A set that is there already is not doubled.

        Args:
            directions: The directions.
            found: How they were found; None where that is not known.
        """
        shelf = self._state.shelf
        there = next((one for one in shelf.open if same_set(one.directions, directions)), None)
        if there is not None:
            self._change(shelf.reopen(there.key))
        else:
            self._change(shelf.put(DirectionSet(title_of(directions, found), directions, found=found)))

    @one_at_a_time
    def bring(self, directions: Directions) -> None:
        """Show directions that somebody assigns: a set that is there, or another one.

        A set that came in the same way, and with which nothing was done, gives way to a newer one of its method: a
        linked panel finds directions at each latent.
        """
        state, shelf = self._state, self._state.shelf
        there = next((one for one in shelf.open if one.directions is directions), None)
        if there is not None:  # the active row stays, where it can
            self._change(shelf.choose(there.key, min(shelf.row, len(directions) - 1)))
            return
        one = shelf.current
        brought = one.found is None and not one.follows and one.directions.method == directions.method
        touched = any(state.keeps(d) or move_along(state.edit, d) is not None for d in one.singles)
        if brought and not touched:
            self._change(shelf.exchange(one.key, directions).change(one.key, title=title_of(directions)))
        else:
            self.use(directions)

    @one_at_a_time
    def fold(self, key: object, folded: bool) -> None:
        """Hide or show the rows of a set, which is no act."""
        self._state.amend(shelf=self._state.shelf.change(key, folded=folded))
        self._show()

    @one_at_a_time
    def close(self, key: object) -> None:
        """Put a set away; its moves stay, and it can be opened again.

        Args:
            key: Of the set.

        Raises:
            ValueError: If it is the only open one.
        """
        self._change(self._state.shelf.close(key))

    @one_at_a_time
    def reopen(self, key: object) -> None:
        """Open a set again that was put away."""
        self._change(self._state.shelf.reopen(key))

    def rename(self, i: int, name: str, pass_on: Callable[[Edit, Edit], Edit]) -> None:
        """Give a direction of the active set another name, wherever it is: on the shelf, in the edit, among the kept.

        Args:
            i: Its number.
            name: The new one.
            pass_on: Called with the edit and the one with the new name: tells who else knows its moves.
        """
        state = self._state
        old, shelf = state.directions[i], state.shelf
        directions = shelf.current.directions.rename(i, name)
        new = directions[i]
        edit = pass_on(state.edit, rename(state.edit, old, new))
        kept = tuple(new if same_direction(one, old) else one for one in state.bookmarked)
        state.change(shelf=shelf.exchange(shelf.active, directions), edit=edit, bookmarked=kept)

    def _change(self, shelf: Shelf) -> None:
        """Change the shelf, which is an act that can be undone."""
        self._state.change(shelf=shelf)
        self._show()

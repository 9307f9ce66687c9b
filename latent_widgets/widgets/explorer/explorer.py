"""The latent explorer: seeds, sliders and a picture, bound to one frozen edit."""

from __future__ import annotations

import functools
import os
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from traitlets import default, observe

from latent_widgets.core import checks
from latent_widgets.core.paths import to_write
from latent_widgets.core.steps import OnStep
from latent_widgets.core.texts import tr
from latent_widgets.edits.changes import move_along, rebase, same_code, set_move
from latent_widgets.edits.edit import Code, Edit, Move
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.walks.own_defaults import known_defaults
from latent_widgets.geometry.walks.walk import Walk
from latent_widgets.methods import MethodInfo, random_directions
from latent_widgets.values.directions import Directions, as_directions
from latent_widgets.widgets.explorer.assign import NOTED, TAKEN, Assignments
from latent_widgets.widgets.explorer.controls import Acts, ExplorerControls
from latent_widgets.widgets.explorer.desk import Desk, Page
from latent_widgets.widgets.explorer.files import write_file
from latent_widgets.widgets.explorer.pages.code import CodePage
from latent_widgets.widgets.explorer.pages.compare import ComparePage
from latent_widgets.widgets.explorer.pages.groups import Pages
from latent_widgets.widgets.explorer.pages.mix import MixPage
from latent_widgets.widgets.explorer.pages.palette import PalettePage
from latent_widgets.widgets.explorer.pages.save import SavePage
from latent_widgets.widgets.explorer.pages.seeds import SeedsPage
from latent_widgets.widgets.explorer.pages.stack import StackPage
from latent_widgets.widgets.explorer.part.part import Parts
from latent_widgets.widgets.explorer.photo.photo import Photo
from latent_widgets.widgets.explorer.region.region import Region
from latent_widgets.widgets.explorer.screen.drawing import Drawn
from latent_widgets.widgets.explorer.screen.frames import Frames
from latent_widgets.widgets.explorer.screen.screen import Screen
from latent_widgets.widgets.explorer.screen.touch import Touch
from latent_widgets.widgets.explorer.sets import Sets
from latent_widgets.widgets.explorer.shelf import DirectionSet, title_of
from latent_widgets.widgets.explorer.sliders.bar import ShelfActs
from latent_widgets.widgets.explorer.sliders.rows import Handlers
from latent_widgets.widgets.explorer.sliders.sliders import Sliders
from latent_widgets.widgets.explorer.state import ExplorerState, Scene
from latent_widgets.widgets.explorer.traits import ExplorerTraits
from latent_widgets.widgets.explorer.walk.strip import Strip
from latent_widgets.widgets.explorer.walk.walk import Walks
from latent_widgets.widgets.jobs.turns import one_at_a_time
from latent_widgets.widgets.kit.history import History
from latent_widgets.widgets.kit.sent import sent_at
from latent_widgets.widgets.kit.silence import Silence
from latent_widgets.widgets.kit.still import Still
from latent_widgets.widgets.kit.training import Training

__all__ = ["LatentExplorer"]

LATER = ("edit", "code", "selected_index", "layers")  # keywords that only mean something once there are sliders


class LatentExplorer(ExplorerTraits):
    """Explore a generator with the mouse or the keyboard; what you do is :attr:`edit`, a value that replays anywhere.

    A region steers: two links let a painter paint on the picture that is shown, and the sliders follow the region.

    ``traitlets.dlink((explorer, "picture"), (painter, "picture"))``
    ``traitlets.link((painter, "mask"), (explorer, "mask"))``

    Args:
        G: The generator.
        directions: What the sliders move along: ``Directions`` or a result that carries them; random ones if not given.
        seed: Where to start.
        truncation: How far codes are pulled towards the average; if not given that at which walks along these
            directions were measured to stay among the generator's own pictures, see
            :func:`~latent_widgets.known_defaults`, or else 1.
        width: Of the picture, in CSS pixels.
        k: How many random directions to draw if none are given; 8, or as many as fit, by default.
        **keywords: Values of traits, such as ``segmenter``, which finds the parts that the page **part** offers;
            ``executor``, ``layout`` and ``theme``.

    Raises:
        TypeError: If a keyword is unknown or a value has the wrong type.
        ValueError: If the directions were made for another generator.

    Example:
        >>> from latent_widgets.generators.style import StyleGenerator
        >>> from latent_widgets.generators.stylegan2 import StyleGAN2
        >>> G = StyleGenerator(StyleGAN2(z_dim=4, w_dim=5, resolution=8, channels={4: 4, 8: 4}), "tiny")
        >>> explorer = LatentExplorer(G, seed=3, k=2, executor="inline")
        >>> explorer.set_alpha(0, 1.5)
        >>> explorer
        <LatentExplorer of tiny: seed 3, 1 move>
        >>> explorer.edit.apply(G).shape
        torch.Size([1, 3, 8, 8])
        >>> explorer.close()
    """

    _ready = False

    def __init__(
        self,
        G: Generator,
        directions: Any = None,
        *,
        seed: int = 0,
        truncation: float | None = None,
        width: int = 384,
        k: int | None = None,
        **keywords: Any,
    ) -> None:
        if not isinstance(G, Generator):
            raise TypeError(f"G must be a Generator, got {type(G).__name__}. Use lw.load(...).")
        confine = keywords.setdefault("confine", not keywords.get("steer"))
        mask = keywords.get("mask") if confine else None
        if directions is None:
            directions = random_directions(G, min(8, G.dim(G.main_space)) if k is None else k)
        found = as_directions(directions).for_generator(G)
        truncation = known_defaults(G, found.method).truncation if truncation is None else truncation
        start = Edit.of(G, seed=checks.integer("seed", seed, low=0), truncation=truncation, mask=mask)
        later = {name: keywords.pop(name) for name in LATER if keywords.get(name) is not None}
        super().__init__(lock=G.lock, **keywords)
        self.training = self.hire(Training, executor=self.job.executor, lock=G.lock)
        self.silence = Silence()  # entered while the explorer sets its own traits
        self.state = state = ExplorerState(G, start)
        state.amend(mask=self.mask, confine=self.confine, steer=self.steer)
        self.sets = Sets(state, self.training, lambda: self.code, self._show_shelf)
        self.frames = Frames(G)
        desk = Desk(
            state=state,
            guard=self.guard,
            hire=functools.partial(self.hire, executor=self.job.executor),
            adopt=self.adopt,
            rebase=self.change_base,
            choose=self.choose,
            put=self.sets.use,
            bring=self.sets.bring,
            follow=self.follow,
            set=self._set,
            run=self.ask,
            cancel=self.job.cancel,
            settle=self.job.settle,
            own=self.own,
            say=self.say,
            refresh=self.show_page,
            repaint=lambda: self.screen.repaint(),
            picture=lambda: self.picture,
        )
        handlers = Handlers(self._slide, self._put_alpha, self._rename, self.choose, self._keep)
        layers = G.num_layers if "w+" in G.spaces else 1
        self.sliders = Sliders(state, layers, handlers, self._activate, self._change_layers, self.guard)
        self.region, self.photo, self.part = Region(desk), Photo(desk), Parts(desk, self.segmenter)
        self.walks = Walks(desk, self.frames, self.sliders.fit)
        self._assignments = Assignments(desk, self.select, self.sliders, self.region, self.part)
        self.pages = Pages(
            {
                "walk": lambda: self.walks.page,
                "region": lambda: self.region.page,
                "part": lambda: self.part.page,
                "stack": lambda: StackPage(desk),
                "palette": lambda: PalettePage(desk),
                "compare": lambda: ComparePage(desk),
                "photo": lambda: self.photo.page,
                "seeds": lambda: SeedsPage(desk),
                "mix": lambda: MixPage(desk),
                "save": lambda: SavePage(desk, self._write),
                "code": lambda: CodePage(desk),
            },
            self.own,
        )
        self._drawers: dict[str, Page] = {"walk": self.walks, "part": self.part}
        self.screen = Screen(state, self.frames, self.job, self.region.effects, self._settled, self.guard, width)
        self.hands = Touch(desk, self.frames, self.screen, lambda: self.part.segmenter)
        self.strip = Strip(desk, self.frames, self.walks.way, self._go, self._scrub)
        acts = Acts(
            self.change_base, self.step_seed, self.find, self.undo, self.redo, self.reset, self._drop, self._turn,
            ShelfActs(self.sets.fold, self.sets.close, self.sets.reopen, self.sets.find_again),
        )  # fmt: skip
        self.controls = ExplorerControls(
            G, acts, self.guard, self.screen, self.hands, self.strip.view, self.sliders, self.pages, self.own
        )
        self.body.children = self.controls.body
        self._ready = True
        state.amend(shelf=state.shelf.put(DirectionSet(title_of(found), found)))
        self._show_shelf()
        self.adopt(start, now=True)
        for name, value in later.items():
            setattr(self, name, value)

    # ---- what a hand can do, others can call

    @property
    def current(self) -> Edit:
        """The edit that is shown, or about to be."""
        return self.state.edit

    @property
    def history(self) -> History[Scene]:
        """What undo and redo go through: edits, sets of directions, names and regions."""
        return self.state.history

    @property
    def generator(self) -> Generator:
        """What is explored."""
        return self.state.generator

    @generator.setter
    def generator(self, generator: Generator) -> None:
        self.state.generator = generator

    @property
    def kept(self) -> Directions | None:
        """The directions that carry a bookmark; None without any."""
        return self.state.kept

    @one_at_a_time
    def set_alpha(self, index: int, alpha: float) -> None:
        """Move one slider.

        Args:
            index: Of the direction.
            alpha: Where to, in the unit of the directions.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If there is no such direction or ``alpha`` is not finite.
        """
        i = self.sliders.check("index", index)
        self._put_alpha(i, checks.number("alpha", alpha), ("alpha", self.state.shelf.active, i))

    def _put_alpha(self, i: int, alpha: float, gesture: object = None) -> None:
        if i != self.state.active:
            self.select(i)
        self.adopt(set_move(self.current, self.move(i, alpha)), gesture=gesture)

    def _slide(self, i: int, alpha: float) -> None:
        self.screen.show_moves()
        with self.state.hand(sent_at()):
            self._put_alpha(i, alpha, ("slider", self.state.shelf.active, i))

    def _go(self, alpha: float) -> None:
        self._put_alpha(self.state.active, alpha)

    def _scrub(self, alpha: float) -> None:
        self._slide(self.state.active, round(alpha, 3))

    @one_at_a_time
    def select(self, index: int) -> None:
        """Make a direction the active one.

        Args:
            index: Of the direction.

        Raises:
            TypeError: If it is no integer.
            ValueError: If there is no such direction.
        """
        self._activate(self.state.shelf.active, self.sliders.check("selected_index", index))

    def _activate(self, key: object, row: int) -> None:
        self.state.amend(shelf=self.state.shelf.choose(key, row))
        self.sliders.mark()
        self._announce()

    @one_at_a_time
    def change_base(self, gesture: object = None, **changes: Any) -> None:
        """Start from elsewhere; the moves stay.

        Args:
            gesture: What the hand is doing: changes of one gesture are one entry of the history.
            **changes: Fields of :class:`~latent_widgets.edits.Base`.

        Raises:
            TypeError: If a field is unknown or has the wrong type.
            ValueError: If fields contradict each other.
        """
        with nullcontext() if gesture is None else self.state.hand(sent_at()):
            self.adopt(rebase(self.current, **changes), gesture=gesture, now=gesture is None)

    @one_at_a_time
    def step_seed(self, by: int) -> None:
        """Go to a neighbouring seed."""
        self.change_base(seed=max(0, self.seed + by))

    @one_at_a_time
    def mix(self) -> None:
        """Read the page for mixing."""
        mix: Any = self.pages["mix"]
        mix.take()

    @one_at_a_time
    def undo(self) -> None:
        """Take the last thing back that a hand has done."""
        self._return_to(self.history.undo())

    @one_at_a_time
    def redo(self) -> None:
        """Take the last :meth:`undo` back."""
        self._return_to(self.history.redo())

    def _return_to(self, scene: Scene) -> None:
        self.region.follower.recall(scene.edit)
        try:
            with self.silence, ExitStack() as then:  # each, although who is linked may refuse another
                for name in NOTED:
                    then.callback(setattr, self, name, getattr(scene, name))
        finally:
            self.state.amend(**{name: getattr(scene, name) for name in NOTED})
            self.adopt(scene.edit, now=True, record=False)
            self._show_shelf()

    @one_at_a_time
    def reset(self) -> None:
        """Drop all moves, the second seed and the style mixing; seed and truncation stay."""
        mixing = {"second_seed": None, "weight": 0.0, "blend": None, "mix_seed": None, "mix_layers": ()}
        edit = rebase(self.current, **mixing)
        self.adopt(replace(edit, moves=()) if edit.moves else edit, now=True)

    def find(self, method: MethodInfo, parameters: dict[str, Any]) -> None:
        """Run a method beside the pictures and show what it finds as another set; stopped by hand, what it has by then.

        Args:
            method: One of :func:`latent_widgets.methods`.
            parameters: Its keyword arguments; a latent, code or mask that it needs besides is the current one.
        """
        self.sets.find(method, parameters)

    def walk(self, count: int | None = None) -> Walk:
        """Return the walk along the active direction about the current edit: what the filmstrip shows.

        Args:
            count: How many codes; as many as the filmstrip has if not given.

        Returns:
            The walk.

        Raises:
            TypeError: If ``count`` is no integer.
            ValueError: If it is below 2, or the chosen kind of walk does not exist for this edit.
        """
        way = self.walks.way()
        way = way if count is None else replace(way, count=checks.integer("count", count, low=2))
        with self.generator.lock:
            return way.walk(self.generator)

    def save(self, path: str | os.PathLike[str], on_step: OnStep | None = None) -> Path:
        """Save what the ending of ``path`` asks for.

        Args:
            path: ``.json`` for the edit; ``.safetensors`` for the kept directions; ``.gif``, ``.webp`` or ``.mp4`` for
                an animation of the walk along the active direction; any other ending for the picture.
            on_step: Called as the pictures of an animation are drawn.

        Returns:
            The path.

        Raises:
            ValueError: If no direction is kept, the path cannot be written, or MP4 needs the extra ``video``.
        """
        return self._write(to_write(path), on_step)

    def _write(self, path: Path, on_step: OnStep | None = None, strip_only: bool = False) -> Path:
        return write_file(self.state, self.frames, self.walks.way, path, on_step, strip_only) or super().save(path)

    # ---- sliders and moves

    def _show_shelf(self) -> None:
        """Bring everything to the shelf."""
        self.sliders.show_shelf()
        self.controls.show_shelf(self.state)
        self._show_moves()
        self.show_page()

    @one_at_a_time
    def follow(self, directions: Directions, edit: Edit) -> None:
        """Exchange the directions of the set that follows the region, in place where they fit: a hand on one goes on.

        Args:
            directions: The new ones.
            edit: The current one, with moves along them; what it exchanges is no act that could be undone.
        """
        self.state.amend(shelf=self.region.follower.shelved(directions))
        self.sliders.show_shelf()
        self.controls.show_shelf(self.state)
        if edit is self.current:
            self._show_moves()
            self._draw_page()
        else:
            self.adopt(edit, gesture=self.state.exchange(edit), record=False)

    def move(self, i: int, alpha: float) -> Move:
        """Return the move that a slider makes."""
        return self.state.move(i, alpha)

    def _change_layers(self) -> None:
        state, move = self.state, move_along(self.current, self.state.direction)
        if move is None:
            self._announce()
            self.show_page()
        else:
            gesture = ("layers", state.shelf.active, state.active)
            self.adopt(set_move(self.current, self.move(state.active, move.alpha)), gesture=gesture)

    def _rename(self, i: int, name: str) -> None:
        before = self.current
        self.sets.rename(i, name, self.region.follower.pass_on)
        if self.current is not before:
            self.adopt(self.current, now=True, record=False)
        self._show_shelf()

    def _keep(self, i: int, keep: bool) -> None:
        self.state.keep(self.state.directions[i], keep)
        self._show_shelf()

    def choose(self, index: int) -> None:
        """Make a direction the active one and show it on the open page."""
        self.select(index)
        self.show_page()

    @one_at_a_time
    def _drop(self, move: Move) -> None:
        self.adopt(replace(self.current, moves=tuple(m for m in self.current.moves if m is not move)), now=True)

    def _show_moves(self) -> None:
        """Bring sliders to the edit, and list the moves that no slider stands for."""
        self.controls.list_others(self.sliders.show(self.current))
        self._announce()

    def _announce(self) -> None:
        state = self.state
        layers: Any = self.sliders.chosen_range()
        self.walks.fit()
        with self.silence:
            self.selected_index, self.layers = state.active, layers
            self.directions = state.shelf.current.directions  # last: who is linked and refuses it stops nothing here

    @one_at_a_time
    def adopt(self, edit: Edit, *, gesture: object = None, now: bool = False, record: bool = True) -> None:
        """Make ``edit`` the current one: history, traits, controls, picture."""
        self.state.adopt(edit, gesture=gesture, record=record)
        self.region.follower.remember(edit)
        try:
            with self.silence:
                self.edit = edit
                self._assignments.follow(edit)
                if edit.base.seed is not None:
                    self.seed = edit.base.seed
        finally:  # also where somebody who is linked refuses it
            self._show_moves()
            self.controls.show(self.state)
            self.hands.show()
            if "mix" in self.pages.built:
                mix: Any = self.pages["mix"]
                mix.show()
            self.region.mark()
            self.redraw(now)

    # ---- pictures and pages

    def redraw(self, now: bool = True) -> None:
        """Draw the current edit again: at once and exactly, or as a moving picture first."""
        self.screen.redraw(now)

    def show_page(self) -> None:
        """Bring the open page up to date, after the picture."""
        self._draw_page()
        self.strip.draw()
        self.region.show_effects()

    def _draw_page(self) -> None:
        name = self.state.page
        page: Any = self._drawers.get(name) or (self.pages[name] if name else None)
        if hasattr(page, "draw"):
            page.draw()

    def _turn(self, page: str) -> None:
        self.state.page = page
        self.job.settle("page")  # what went wrong on another is not of this one
        self.show_page()

    @one_at_a_time
    def _settled(self, drawn: Drawn) -> None:
        if drawn.edit is not self.current:  # the hand has moved on meanwhile
            return
        self.state.rest()
        with ExitStack() as then:  # the last one first; each, although who is linked may refuse what another tells
            then.callback(self.region.refresh)
            then.callback(self._publish_code, drawn.code)
            then.callback(self.show_page)
            self._publish(drawn.after)

    def _publish_code(self, code: Code | None) -> None:
        if not same_code(code, self.code):  # or else linked explorers would answer each other for ever
            with self.silence:
                self.code = code

    def _publish(self, picture: Tensor) -> None:
        """Hand a picture to who is linked, if it is another than the last."""
        known, new = self._trait_values.get("picture"), Still(picture)
        if known is None or not np.array_equal(known.pixels, new.pixels):
            self.set_trait("picture", new)

    @default("picture")
    def _first_picture(self) -> Still:
        with self.generator.lock, torch.no_grad():
            return Still(self.frames.exact(self.current))

    def _behind(self) -> str:
        if not self._ready:
            return ""
        return self.region.refused if self.screen.current else tr("the picture is old")

    def _describe(self) -> str:
        base, moves = self.current.base, sum(m.enabled for m in self.current.moves)
        start = f"seed {base.seed}" if base.code is None else f"a code in {base.code.space}"
        return f"of {self.generator.name}: {start}, {moves} move{'s' * (moves != 1)}"

    def _static_image(self) -> Image.Image | None:
        shown = self.screen.still
        if shown is None and self.error is None:  # displayed before the worker was done
            shown = Image.fromarray(self._first_picture().pixels)
        return shown

    # ---- traits that somebody assigns

    @observe(*TAKEN)
    def _assigned(self, change: Any) -> None:
        if self._ready:
            self._answer(change["name"], change["old"], change["new"])

    @one_at_a_time
    def _answer(self, name: str, old: Any, new: Any) -> None:
        noted = {name: new} if name in NOTED else {}
        if self.silence:
            self.state.amend(**noted)
            return
        refused = True
        with self.state.act():
            self.state.change(**noted)
            try:
                refused = not self._assignments.take(name, new)
            finally:
                if refused:  # it does not stay
                    with self.silence:
                        setattr(self, name, old)
        self.controls.show(self.state)
        self.hands.show()

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)

"""How much the local bases of different latents differ: a heatmap, the pair behind each cell, and a map."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from traitlets import Tuple, Unicode, observe

from latent_widgets.core import checks
from latent_widgets.core.steps import Step
from latent_widgets.core.texts import tr, trn
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.targets import checked_target
from latent_widgets.geometry.subspaces.grassmann import METRICS
from latent_widgets.methods.warpage import WarpageMap, warpage
from latent_widgets.widgets.jobs.settle import REST
from latent_widgets.widgets.kit.figure_panel import FigurePanel
from latent_widgets.widgets.kit.refusal import refusing
from latent_widgets.widgets.kit.silence import Silence, heard
from latent_widgets.widgets.kit.values import Whole
from latent_widgets.widgets.warpage.controls import WarpageActs, WarpageControls
from latent_widgets.widgets.warpage.order import Order, order_of
from latent_widgets.widgets.warpage.pages import Pages
from latent_widgets.widgets.warpage.plot import colour_range, draw_frame, draw_values, frame_pair
from latent_widgets.widgets.warpage.state import Views, farthest, warpage_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["WarpageHeatmap"]


class WarpageHeatmap(FigurePanel):
    """Distances between the local bases of many latents, over what chance gives.

    Choose a cell, by click or by the numbers of its latents: both pictures, the principal angles between the two
    bases, and the walk along a direction of A, at A and at B.

    Args:
        source: A result of ``warpage``, or a generator, on which the panel measures one; cancelled, it shows what
            it has.
        generator: For a result: the generator that it was measured on, which draws the pictures.
        n: For a generator: how many latents.
        k: Dimension of the subspaces; that of the result, or 10, if not given.
        metric: ``"geodesic"`` or ``"projection"``; that of the result, or geodesic, if not given.
        seed: For a generator: of the latents.
        compare: For a generator: bases to compare with, see ``warpage``.
        target: For a generator: ``"w"``, ``"image"`` or a layer; ``"w"`` if not given, ``"image"`` without a mapping.
        width: Of the heatmap, in CSS pixels.
        **keywords: Values of traits, ``executor``, ``layout`` and ``theme``.

    Raises:
        TypeError: If a keyword is unknown or a value has the wrong type.
        ValueError: If something does not fit the generator.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> panel = WarpageHeatmap(warpage(G, n=4, k=3), G, executor="inline")
        >>> panel.selected = (0, 2)
        >>> panel.k = 5
        >>> panel
        <WarpageHeatmap of 4 latents in w: k = 5, geodesic>
        >>> panel.close()
    """

    selected = Tuple(Whole(), Whole(), allow_none=True, default_value=None)
    "The pair that is shown, as numbers of latents."
    k = Whole(1)
    "Dimension of the subspaces that are compared."
    metric = Unicode("geodesic")
    '"geodesic" or "projection".'

    def __init__(
        self,
        source: WarpageMap | Generator,
        generator: Generator | None = None,
        *,
        n: int = 32,
        k: int | None = None,
        metric: str | None = None,
        seed: int = 0,
        compare: Mapping[str, Any] | None = None,
        target: str | None = None,
        width: int = 460,
        **keywords: Any,
    ) -> None:
        if not isinstance(source, (WarpageMap, Generator)):
            raise TypeError(f"source must be a result of warpage or a generator, got {type(source).__name__}.")
        given = source if isinstance(source, WarpageMap) else None
        G = source if isinstance(source, Generator) else generator
        if given is not None and G is not None:
            _fits(given, G)
        self.generator = G
        self.result: WarpageMap | None = None
        self.silence = Silence()
        self._compare = compare
        self._target = checked_target(G, target) if given is None and G is not None else "w"
        most = given.max_k if given is not None else min(G.dim(G.main_space), G.z_dim) - 1  # type: ignore[union-attr]
        k = (given.k if given is not None else min(10, most)) if k is None else checks.integer("k", k, 1, most)
        metric = (given.metric if given is not None else "geodesic") if metric is None else metric
        checks.choice("metric", metric, METRICS)
        self._views: Views | None = None
        self.order = Order(np.arange(0))
        self._sweep: threading.Event | None = None
        self._wanted: tuple[int, int] | None = keywords.pop("selected", None)
        with self.silence:
            super().__init__(lock=None if G is None else G.lock, **keywords)
            acts = WarpageActs(
                measure=self.measure,
                dimension=partial(self.set_trait, "k"),
                metric=partial(self.set_trait, "metric"),
                sort=self.sort,
                refresh=self.refresh,
                select=self.select,
                pick_cell=self.pick_cell,
                pick_point=self.pick_point,
                strips=self.show_strips,
                page=self.show_page,
            )
            width = checks.integer("width", width, 200)
            self.controls = WarpageControls(
                acts, self.guard, measures=given is None, pictures=G is not None, width=width
            )
            self.pages = Pages(G, self.controls, self.run)
            self.own(*self.controls.spare)
            self.body.children = self.controls.body
            self.k, self.metric = k, metric
        if given is not None:
            self._adopt(given)
        else:
            self.controls.n.value = checks.integer("n", n, 2)
            self.controls.seed.value = checks.integer("seed", seed, 0)
            self.controls.show(k=k, most=most, metric=metric, latents=0, selected=None)
            self.measure(n, seed)

    # ---- measuring

    def measure(self, n: int = 32, seed: int = 0) -> None:
        """Find the local bases of latents; what is shown stays, pale, until they are there.

        Args:
            n: How many latents.
            seed: Of the draw.

        Raises:
            ValueError: If there is no generator to measure on.
        """
        G, k, metric = self.generator, self.k, self.metric
        if G is None:
            raise ValueError("generator must be given to measure, got none. Use WarpageHeatmap(G).")
        compare, target = self._compare, self._target
        stop = self._sweep = threading.Event()
        self.controls.heatmap.grey(self.result is not None)

        def work(on_step: Any) -> WarpageMap:
            def step(one: Step) -> bool:
                return on_step(one) and not stop.is_set()

            return warpage(G, n, k, seed, metric, step, compare, target=target)  # type: ignore[arg-type]

        def failed(error: Exception) -> None:
            self._sweep = None
            self.controls.heatmap.grey(False)  # nothing comes in its place

        label = trn("local bases of {count} latent", "local bases of {count} latents", n)
        self.run(work, self._adopt, beside=True, failed=failed, kind="sweep", label=label)

    def cancel(self) -> None:
        """Stop what is being computed; a sweep hands in what it has."""
        if self._sweep is not None and not self._sweep.is_set():
            self._sweep.set()
        else:
            super().cancel()

    def _adopt(self, found: WarpageMap) -> None:
        """Show a result."""
        self._sweep = None
        self.result, self._views = found, Views(found)
        with self.silence:
            self.k, self.metric = min(self.k, found.max_k), self.metric
            pair, self._wanted = self._wanted or self.selected, None
            keeps = pair is not None and max(pair) < len(found)
            self.set_trait("selected", pair if keeps else farthest(self.view()))
        self.controls.heatmap.grey(False)
        self.sort()
        self.pages.draw_pictures(found, then=self.show_page)

    def view(self) -> WarpageMap:
        """The result at the present ``k`` and metric; each is computed once."""
        assert self._views is not None
        return self._views.at(self.k, self.metric)

    # ---- what a hand can do, others can call

    def sort(self) -> None:
        """Order rows and columns anew, by the distances as they are now or as the latents were drawn."""
        if self.result is not None:
            self.order = order_of(self.view(), self.controls.order.value)
            self.refresh()

    def select(self, first: int, second: int) -> None:
        """Choose a pair.

        Args:
            first: Number of latent A.
            second: Number of latent B.
        """
        self.selected = (first, second)

    def pick_cell(self, x: float, y: float) -> None:
        """Choose the pair of the cell at a place of the heatmap, in shares of it."""
        found = self.controls.heatmap.data_at(x, y)
        if found is not None:
            column, row = found
            self.select(*self.order.pair(row, column))

    def pick_point(self, x: float, y: float) -> None:
        """Make the latent nearest to a place of the map the B of the pair."""
        nearest = self.pages.nearest(x, y)
        if nearest is not None and self.selected is not None:
            self.select(self.selected[0], nearest)

    # ---- traits set from outside

    @observe("k")
    @heard
    @refusing
    def _k_set(self, change: Any) -> None:
        most = self.controls.k.max if self.result is None else self.result.max_k
        checks.integer("k", change["new"], 1, most)
        self.refresh()

    @observe("metric")
    @heard
    @refusing
    def _metric_set(self, change: Any) -> None:
        checks.choice("metric", change["new"], METRICS)
        self.refresh()

    @observe("selected")
    @heard
    @refusing
    def _selected_set(self, change: Any) -> None:
        last = (0 if self.result is None else len(self.result)) - 1
        for latent in change["new"] or ():
            checks.integer("selected", latent, 0, last)
        self.show_pair()

    # ---- showing

    def refresh(self) -> None:
        """Show the distances at the present ``k`` and metric."""
        if self.result is None:
            return
        self._show_controls()
        view = self.view()

        def work(on_step: Any) -> WarpageMap:
            _ = view.distances, view.baselines
            return view

        self.run(work, self._draw, kind="view", frame=True, priority=8, label=tr("distances"))

    def _draw(self, view: WarpageMap) -> None:
        self.controls.heatmap.show_distances(view, self.order, bool(self.controls.stretch.value))
        self._mark()
        self.controls.words.value = warpage_words(view, self.order)
        self.show_pair(delay=REST)
        self.run(lambda on_step: view, self._say_values, kind="values", priority=2, delay=REST)

    def _say_values(self, view: WarpageMap) -> None:
        self.controls.heatmap.show_values(view, self.order)

    def _show_controls(self) -> None:
        if self.result is not None:
            most, latents = self.result.max_k, len(self.result)
            self.controls.show(k=self.k, most=most, metric=self.metric, latents=latents, selected=self.selected)

    def _mark(self) -> None:
        if self.selected is not None:
            self.controls.heatmap.frame_pair(self.order, self.selected)

    def show_pair(self, delay: float = 0.0) -> None:
        """Show the selected pair: its cell, its angles, its pictures.

        Args:
            delay: Seconds to wait for a newer request.
        """
        if self.result is not None and self.selected is not None:
            self._show_controls()
            self._mark()
            self.pages.draw_pair(self.view(), self.selected, delay, then=self._show_rest)

    def _show_rest(self) -> None:
        self.show_strips()
        self.show_page()

    def show_strips(self) -> None:
        """Draw the walk along a local direction of A at A and at B, and along B's own at B."""
        if self.result is not None and self.selected is not None:
            self.pages.draw_strips(self.view(), self.selected)

    def show_page(self) -> None:
        """Bring the map up to date, if it is open."""
        if self.result is not None and self.controls.page == "map":
            self.pages.draw_map(self.view(), self.selected)

    # ---- without a running kernel

    @property
    def _has_result(self) -> bool:
        return self.result is not None

    def _draw_figure(self) -> Figure:
        figure, view, latents = self.controls.heatmap.blank(), self.view(), self.order.latents
        limits = colour_range(view, bool(self.controls.stretch.value))
        axes = draw_frame(figure, latents, limits)
        draw_values(figure, view, latents, limits)
        if self.selected is not None:
            axes.set_zorder(9)
            axes.patch.set_alpha(0)
            frame_pair(axes, *self.order.cell(self.selected))
        return figure

    def _describe(self) -> str:
        if self.result is None:
            return f"of {self.generator.name if self.generator else 'nothing'}: {self.status}"
        return repr(self.view()).removeprefix("<WarpageMap ").removesuffix(">")


def _fits(found: WarpageMap, G: Generator) -> None:
    """Refuse a generator that a result was not measured on."""
    same = found.space == G.main_space and found.codes.shape[1] == G.dim(G.main_space) and found.z.shape[1] == G.z_dim
    if same:
        z = found.z[:4].to(G.device, G.dtype)
        codes = G.map(z) if "w" in G.spaces else z
        same = bool((codes - found.codes[:4].to(codes)).norm() <= 1e-3 * codes.norm())
    if not same:
        raise ValueError(
            f"generator must be the one that the map was measured on, got {G.name!r}, whose codes differ. "
            "Measure on it with WarpageHeatmap(G)."
        )

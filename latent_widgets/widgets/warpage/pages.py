"""What the pages beside the heatmap show: a pair of latents, and the map of all."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from latent_widgets.core.steps import report
from latent_widgets.core.texts import tr
from latent_widgets.generators.base import Generator
from latent_widgets.generators.place import with_weights
from latent_widgets.geometry.subspaces.haar import haar_sample
from latent_widgets.methods.warpage import WarpageMap
from latent_widgets.widgets.kit.encode import to_uint8
from latent_widgets.widgets.kit.filmstrip import film
from latent_widgets.widgets.warpage.controls import WarpageControls
from latent_widgets.widgets.warpage.data import embed
from latent_widgets.widgets.warpage.plot import draw_angles, draw_map

__all__ = ["Pages"]

MOST_PICTURES = 200  # latents that the map still shows as pictures
THUMBNAIL = 64  # pixels


class Pages:
    """Draws the pages of a warpage panel.

    Args:
        G: What draws pictures; None if there is nothing to draw them with.
        controls: Where the pages are.
        run: Computes something, as :meth:`Panel.run <latent_widgets.widgets.kit.panel.Panel.run>` does.

    Attributes:
        positions: ``(n, 2)``, of the latents on the map.
        stress: Of the map.
        pictures: Of the latents on the map, as data URLs; empty until all are drawn.
    """

    def __init__(self, G: Generator | None, controls: WarpageControls, run: Callable[..., object]) -> None:
        self._generator, self._controls, self._run = G, controls, run
        self.positions, self.stress = np.zeros((0, 2)), 0.0
        self.pictures: list[str] = []
        self._result: WarpageMap | None = None  # whose latents the pictures are of

    def draw_pair(self, view: WarpageMap, pair: tuple[int, int], delay: float, then: Callable[[], object]) -> None:
        """Draw principal angles and both pictures.

        Args:
            view: The distances.
            pair: Two latents.
            delay: Seconds to wait for a newer request.
            then: What to do after that.
        """
        controls, G, (i, j) = self._controls, self._generator, pair

        def work(on_step: Any) -> tuple[Any, Any, Tensor | None]:
            images = None if G is None else G.synthesize(_here(G, view.codes[[i, j]]), view.space)
            return view.angles(i, j).cpu(), haar_sample(view.bases.shape[1], view.k), images

        def done(found: tuple[Any, Any, Tensor | None]) -> None:
            angles, chance, images = found
            for number, (picture, name) in enumerate(zip(controls.pictures, "AB", strict=True)):
                if images is not None:
                    picture.show(images[number], caption=tr("{name}: latent {number}", name=name, number=pair[number]))
            value = float(view.distances[pair])
            controls.angles.show(lambda figure: draw_angles(figure, angles, chance, value))
            then()

        self._run(work, done, kind="pair", priority=6, label=tr("pair"), delay=delay)

    def draw_strips(self, view: WarpageMap, pair: tuple[int, int]) -> None:
        """Draw the walk along a local direction of A at A and at B, and along B's own at B.

        Args:
            view: The bases.
            pair: A and B.
        """
        controls, G, (i, j) = self._controls, self._generator, pair
        if G is None:
            return
        m = min(controls.direction.value, view.k) - 1
        plans = [
            (i, i, tr("direction {number} of A, at A: {first} to {last} sd", number=m + 1, first="-3", last="+3")),
            (i, j, tr("direction {number} of A, at B: {first} to {last} sd", number=m + 1, first="-3", last="+3")),
            (j, j, tr("direction {number} of B, at B: {first} to {last} sd", number=m + 1, first="-3", last="+3")),
        ]

        def work(on_step: Any) -> list[tuple[Any, str]]:
            found, codes, bases = [], _here(G, view.codes), _here(G, view.bases)
            for number, (of, at, words) in enumerate(plans):
                pixels, _ = film(G, codes[at], bases[of, :, m], unit="sd")
                found.append((pixels, words))
                if not report(on_step, number + 1, len(plans)):
                    break
            return found

        def done(found: list[tuple[Any, str]]) -> None:
            for strip, (pixels, words) in zip(controls.strips, found, strict=False):
                strip.show(pixels, caption=words)

        self._run(work, done, kind="strips", priority=4, label=tr("walks"))

    def draw_map(self, view: WarpageMap, pair: tuple[int, int] | None) -> None:
        """Place all latents in the plane; from one drawing to the next they move as little as they must.

        Args:
            view: The distances.
            pair: The two to name.
        """
        rows = view.distances.sum(1) / max(len(view) - 1, 1)
        words = [
            tr("latent {number}: {mean:.2f} of chance from the others", number=i, mean=float(mean))
            for i, mean in enumerate(rows)
        ]

        def work(on_step: Any) -> Any:
            start = self.positions if len(self.positions) == len(view) else None
            return embed(view.distances.double().cpu().numpy(), start)

        def draw(figure: Any) -> Any:
            return draw_map(figure, self.positions, self.stress, self.pictures, pair, words)

        def done(found: Any) -> None:
            self.positions, self.stress = found
            self._controls.map.draw(draw)

        self._run(work, done, kind="map", frame=True, priority=3, label=tr("map"))

    def draw_pictures(self, result: WarpageMap, then: Callable[[], object]) -> None:
        """Draw a small picture of every latent, for the map.

        Args:
            result: The latents.
            then: What to do once they are there.
        """
        G = self._generator
        self.pictures, self._result = [], result
        if G is None or len(result) > MOST_PICTURES:
            return

        def work(on_step: Any) -> list[str]:
            found: list[str] = []
            for codes in _here(G, result.codes).split(8):
                found += [_data_url(image) for image in G.synthesize(codes, result.space)]
                if not report(on_step, len(found), len(result)):
                    break
            return found

        def done(found: list[str]) -> None:
            if self._result is result and len(found) == len(result):
                self.pictures = found
                then()

        self._run(work, done, kind="thumbs", priority=1, label=tr("pictures of the map"))

    def nearest(self, x: float, y: float) -> int | None:
        """Return the latent nearest to a place of the map, in shares of it; None outside."""
        found = self._controls.map.data_at(x, y)
        if found is None or not len(self.positions):
            return None
        return int(np.linalg.norm(self.positions - np.array(found), axis=1).argmin())


def _here(G: Generator, values: Tensor) -> Tensor:
    """Bring what was measured to where the generator is now."""
    return values.to(with_weights(G).device, G.dtype)


def _data_url(image: Tensor) -> str:
    picture = Image.fromarray(to_uint8(image))
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"

"""What a warpage panel shows, without the panel: the views of a result, the order of its latents, and the words."""

from dataclasses import replace

import numpy as np
import pytest

from latent_widgets.generators.exact import ExactFaces
from latent_widgets.methods.warpage import warpage
from latent_widgets.widgets.warpage.data import seriation
from latent_widgets.widgets.warpage.order import Order, order_of
from latent_widgets.widgets.warpage.state import Views, farthest, warpage_words


@pytest.fixture(scope="module")
def found():
    """A result of five latents."""
    return warpage(ExactFaces(resolution=16), n=5, k=3, seed=1)


def test_each_view_is_computed_once(found):
    views = Views(found)
    first = views.at(2, "geodesic")
    assert (first.k, first.metric) == (2, "geodesic")
    assert views.at(2, "projection").metric == "projection"
    assert views.at(2, "geodesic") is first


def test_farthest_pair_is_that_of_the_largest_distance(found):
    i, j = farthest(found)
    assert i < j
    assert found.distances[i, j] == found.distances.max()


def test_cells_of_an_order_are_pairs_and_pairs_are_cells(found):
    order = order_of(found, "seriation")
    assert order.latents.tolist() == seriation(found.distances.double().numpy()).tolist()
    assert [order.pair(*order.cell((i, j))) for i in range(5) for j in range(5)] == [
        (i, j) for i in range(5) for j in range(5)
    ]
    assert order.pair(-0.7, 99) == (order.latents[0], order.latents[-1])  # the nearest there is
    assert order_of(found, "sample").latents.tolist() == [0, 1, 2, 3, 4]


def test_words_say_how_the_rows_are_ordered_and_whether_the_run_was_cancelled(found):
    assert warpage_words(found, order_of(found, "seriation")).endswith(" · ordered with 3 directions")
    drawn = warpage_words(found, Order(np.arange(5)))
    assert drawn.startswith("random pairs are at <b>")
    assert "ordered" not in drawn
    cancelled = replace(found, stopped="cancelled", total=9)
    assert warpage_words(cancelled, Order(np.arange(5))).startswith("<b>5 of 9 latents</b>: the run was cancelled · ")

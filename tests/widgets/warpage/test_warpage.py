"""The warpage panel: distances, pairs, the map, and a sweep that can be stopped."""

import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform

from latent_widgets.generators.exact import ExactFaces
from latent_widgets.methods.random import random_directions
from latent_widgets.methods.warpage import warpage
from latent_widgets.widgets.warpage.data import embed, seriation
from latent_widgets.widgets.warpage.plot import colour_range, spread_apart
from latent_widgets.widgets.warpage.warpage import WarpageHeatmap


@pytest.fixture
def faces():
    """The renderer, whose mapping bends, at a small size."""
    return ExactFaces(resolution=16)


@pytest.fixture
def make():
    """Makes inline panels, and closes all in the end."""
    made = []

    def build(*arguments, **keywords):
        made.append(WarpageHeatmap(*arguments, executor="inline", width=300, **keywords))
        return made[-1]

    yield build
    for panel in made:
        panel.close()


def test_result_is_shown_as_it_is(faces, make):
    M = warpage(faces, n=6, k=4, seed=2)
    panel = make(M, faces)
    assert panel.error is None
    assert (panel.result, panel.k, panel.metric) == (M, 4, "geodesic")
    i, j = panel.selected
    assert M.distances[i, j] == M.distances.max()
    assert "random pairs are at" in panel.controls.words.value
    assert panel.controls.pictures[0].to_pil().size == (16, 16)
    assert panel.controls.strips[1].caption.startswith("direction 1 of A, at B")


def test_panel_measures_what_warpage_measures(faces, make):
    panel = make(faces, n=5, k=3, seed=4, compare={"random": random_directions(faces, k=5)})
    expected = warpage(faces, n=5, k=3, seed=4).distances
    assert torch.allclose(panel.result.distances, expected, atol=1e-6)
    assert "random" in panel.result.compared


def test_k_and_metric_slice_the_same_bases(faces, make):
    panel = make(faces, n=5, k=3)
    before = panel.controls.heatmap.svg
    panel.k = 7
    assert panel.controls.heatmap.svg != before
    assert torch.allclose(panel.view().distances, panel.result.at(7).distances)
    assert (panel.controls.k.value, panel.controls.k_box.value, panel.controls.direction.max) == (7, 7, 7)
    first = panel.view()
    panel.metric = "projection"
    assert panel.view().metric == "projection"
    panel.metric = "geodesic"
    assert panel.view() is first  # remembered


def test_slider_box_and_toggles_set_the_traits(faces, make):
    panel = make(faces, n=5, k=3)
    panel.controls.k.value = 6
    assert panel.k == 6
    panel.controls.k_box.value = 2
    assert (panel.k, panel.controls.k.value) == (2, 2)
    panel.controls.metric.value = "projection"
    assert panel.metric == "projection"
    panel.controls.order.value = "sample"
    assert panel.order.latents.tolist() == [0, 1, 2, 3, 4]
    panel.controls.first.value = 3
    panel.controls.second.value = 1
    assert panel.selected == (3, 1)
    panel.controls.swap.click()
    assert panel.selected == (1, 3)
    panel.controls.stretch.value = True
    assert panel.error is None


def test_click_on_a_cell_selects_its_pair(faces, make):
    panel = make(faces, n=6, k=3)
    left, bottom, right, top = panel.controls.heatmap.box(panel.controls.heatmap.axes, 3.5, 1.5, 4.5, 0.5)
    panel.pick_cell((left + right) / 2, (bottom + top) / 2)
    assert panel.selected == panel.order.pair(1, 4)
    panel.pick_cell(0.999, 0.5)  # the bar of colours
    assert panel.selected == panel.order.pair(1, 4)


def test_map_has_a_picture_for_every_latent_and_a_click_takes_b(faces, make):
    panel = make(faces, n=6, k=3)
    panel.selected = (2, 3)
    panel.controls.pages.selected_index = 1
    assert panel.error is None
    assert panel.controls.map.svg.count('class="lw-spot"') == 6
    assert panel.controls.map.svg.count("data:image/jpeg") == 6
    positions = panel.pages.positions
    left, bottom, _, _ = panel.controls.map.box(panel.controls.map.axes, *positions[5], *positions[5])
    panel.pick_point(left, bottom)
    assert panel.selected == (2, 5)


def test_result_without_generator_has_no_pictures_but_all_numbers(faces, make):
    panel = make(warpage(faces, n=4, k=3))
    assert panel.error is None
    assert panel.controls.pictures[0].to_pil() is None
    assert "give generator=G" in panel.controls.pictures[0].caption
    assert "<svg" in panel.controls.angles.svg
    with pytest.raises(ValueError, match="generator must be given to measure, got none"):
        panel.measure()


def test_map_stays_bright_where_no_other_comes(faces, make, monkeypatch):
    from latent_widgets.widgets.warpage import warpage as module

    panel = make(faces, n=4, k=3)
    pale = []

    def lost(*arguments, **keywords):
        pale.append(panel.controls.heatmap.stale)
        raise RuntimeError("no memory")

    monkeypatch.setattr(module, "warpage", lost)
    panel.measure(4)
    assert str(panel.error) == "no memory"
    assert pale == [True]
    assert not panel.controls.heatmap.stale


def test_cancelled_sweep_shows_what_it_has(gate, monkeypatch):
    from latent_widgets.widgets.warpage import warpage as module

    faces, middle, original = ExactFaces(resolution=16), gate(), warpage

    def slow(G, n, k, seed, metric, on_step, compare, **keywords):
        def step(one):
            middle.begun.set()
            assert middle.opened.wait(30)
            return on_step(one)

        return original(G, n, k, seed, metric, step, compare, **keywords)

    monkeypatch.setattr(module, "warpage", slow)
    panel = WarpageHeatmap(faces, n=40, k=3, width=300)
    middle.await_begin()
    panel.cancel()
    middle.open()
    assert panel.wait(60)
    assert (len(panel.result), panel.result.total, panel.result.stopped) == (16, 40, "cancelled")
    assert "16 of 40 latents" in panel.controls.words.value
    assert panel.error is None
    panel.close()
    panel.wait(30)


def test_flat_space_is_drawn_too(make):
    flat = ExactFaces(resolution=16, entanglement=0.0)
    panel = make(flat, n=5, k=3)
    panel.controls.pages.selected_index = 1
    assert panel.error is None
    assert float(panel.result.distances.max()) < 1e-5


def test_two_latents_are_enough(faces, make):
    panel = make(faces, n=2, k=3)
    panel.controls.pages.selected_index = 1
    assert (panel.error, panel.selected) == (None, (0, 1))


def test_seriation_puts_a_shuffled_line_in_order():
    x = np.random.default_rng(0).permutation(20).astype(float)
    order = seriation(abs(x[:, None] - x))
    assert np.all(np.diff(x[order]) > 0) or np.all(np.diff(x[order]) < 0)


def test_embedding_of_points_in_the_plane_keeps_their_distances():
    points = np.random.default_rng(1).standard_normal((12, 2))
    distances = squareform(pdist(points))
    positions, stress = embed(distances)
    assert stress < 1e-3
    assert squareform(pdist(positions)) == pytest.approx(distances, abs=1e-2)
    again, _ = embed(distances, positions)
    assert again == pytest.approx(positions, abs=1e-2)


def test_an_embedding_is_not_mirrored_where_eigenvectors_have_other_signs(monkeypatch):
    points = np.random.default_rng(3).normal(size=(7, 2))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    expected, _ = embed(distances)
    compute = np.linalg.eigh

    def other(matrix):
        values, vectors = compute(matrix)
        return values, -vectors

    monkeypatch.setattr(np.linalg, "eigh", other)
    np.testing.assert_allclose(embed(distances)[0], expected, atol=1e-9)
    assert not embed(1e-6 * distances)[0].any()  # of a flat network there is nothing but rounding to show


def test_embedding_of_equal_distances_says_that_it_is_none():
    _, stress = embed(1 - np.eye(12))
    assert stress > 0.2


def test_mean_of_one_pair_is_shown_without_an_interval(faces, make):
    panel = make(faces, n=2, k=3)
    words = [text.get_text() for axes in panel.figure().axes for text in axes.texts]
    shown = {name: next(word for word in words if word.startswith(name)) for name in ("random pairs", "close pairs")}
    assert re.fullmatch(r"random pairs\n[0-9.]+", shown["random pairs"])
    assert re.fullmatch(r"close pairs\n[0-9.]+ ± [0-9.]+", shown["close pairs"])


def test_names_of_baselines_do_not_lie_on_each_other():
    for heights in ([0.5, 0.5, 0.51], [1.1, 1.12, 1.14], [0.0, 0.01, 1.1]):
        spread = spread_apart(heights, 0.1, 0.0, 1.15)
        assert all(b - a >= 0.1 - 1e-9 for a, b in pairwise(spread))
        assert 0 <= spread[0]
        assert spread[-1] <= 1.15


def test_colours_start_at_zero_unless_stretched(faces):
    M = warpage(faces, n=5, k=3)
    assert colour_range(M) == (0.0, 1.15)
    low, high = colour_range(M, stretch=True)
    pairs = M.distances[~torch.eye(5, dtype=torch.bool)]
    assert (low, high) == pytest.approx((float(pairs.min()), float(pairs.max())))


def test_static_forms(faces, make, tmp_path):
    panel = make(faces, n=4, k=3)
    assert panel.save(tmp_path / "a.png").stat().st_size > 0
    assert panel.save(tmp_path / "a.svg").stat().st_size > 0
    assert "image/png" in panel._repr_mimebundle_()
    assert repr(panel) == "<WarpageHeatmap of 4 latents in w: k = 3, geodesic>"


def test_nothing_stays_behind_when_it_is_closed(faces, instances):
    M = warpage(faces, n=3, k=2)
    WarpageHeatmap(M, faces, executor="inline").close()
    WarpageHeatmap(faces, n=3, k=2, executor="inline").close()
    assert instances() == 0


def test_bad_input_is_refused_in_words(faces, plain, tiny, make):
    M = warpage(faces, n=4, k=3)
    with pytest.raises(TypeError, match="source must be a result of warpage or a generator, got list"):
        WarpageHeatmap([M])
    with pytest.raises(ValueError, match="generator must be the one that the map was measured on, got 'tiny'"):
        WarpageHeatmap(M, tiny)
    other = ExactFaces(resolution=16, seed=1)  # the same sizes, other weights
    with pytest.raises(ValueError, match="generator must be the one that the map was measured on"):
        WarpageHeatmap(M, other)
    with pytest.raises(ValueError, match="k must be between 1 and 38, got 39"):
        WarpageHeatmap(faces, k=39)
    with pytest.raises(ValueError, match="k must be between 1 and 38, got 40"):
        WarpageHeatmap(M, k=40)
    with pytest.raises(ValueError, match="target must be 'image' or a layer for 'plain'"):
        WarpageHeatmap(plain, target="w")
    with pytest.raises(ValueError, match="metric must be one of 'geodesic', 'projection', got 'geo'"):
        WarpageHeatmap(M, metric="geo")
    panel = make(M, faces)
    with pytest.raises(ValueError, match="k must be between 1 and 38, got 99"):
        panel.k = 99
    with pytest.raises(ValueError, match="selected must be between 0 and 3, got 4"):
        panel.selected = (0, 4)
    assert (panel.k, max(panel.selected) < 4) == (3, True)


def test_generator_without_mapping_is_measured_through_its_picture(plain, make):
    panel = make(plain, n=3, k=2)
    assert (panel.error, panel.result.target, panel.result.space) == (None, "image", "z")


def test_cells_say_their_latents_and_value_at_rest(faces, make):
    found = warpage(faces, n=5, k=4, seed=2)
    panel = make(found, faces)
    panel.k = 2
    spots = re.findall(r"<title>latents (\d+) and (\d+): ([0-9.]+) of chance</title>", panel.controls.heatmap.svg)
    distances = found.at(2, panel.metric).distances
    order = [int(i) for i in panel.order.latents]
    assert [(int(i), int(j)) for i, j, _ in spots] == [(i, j) for i in order for j in order]
    assert all(float(value) == pytest.approx(float(distances[int(i), int(j)]), abs=6e-4) for i, j, value in spots)
    i, j = panel.selected
    said = re.sub(r"<!--|-->", "", panel.controls.angles.svg)
    assert f"this pair, {float(distances[i, j]):.3f} of chance" in said

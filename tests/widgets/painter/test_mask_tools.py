"""Each tool agrees with geometry, or with a slow way to do the same."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from latent_widgets.widgets.painter import tools as tools
from latent_widgets.widgets.painter.tools import Stroke, cover

H, W = 60, 83
LOOP = [(10.2, 5.7), (70.1, 20.3), (40.5, 52.9), (60.4, 8.1), (15.3, 48.6)]  # crosses itself


@pytest.fixture
def scene():
    """Flat colours with noise, and a mask of blots."""
    rng = np.random.default_rng(0)
    image = np.zeros((H, W, 3), np.uint8)
    image[:, 40:] = (180, 90, 30)
    image[20:40, 10:30] = (60, 160, 60)
    image += rng.integers(0, 6, image.shape, np.uint8)
    blots = ndimage.gaussian_filter(rng.standard_normal((H, W)), 3) > 0.02
    return image, blots


@pytest.mark.parametrize("size", [1, 2, 3, 5.5, 10, 25, 50])
def test_brush_covers_a_disc(size):
    covered = cover(Stroke("brush", [(41.3, 29.8)], size), H, W)
    assert abs(covered.sum() - np.pi * size**2 / 4) <= 0.5 * np.pi * size + 1  # the edge's own pixels
    y, x = np.indices((H, W)) + 0.5
    near = (x - 41.3) ** 2 + (y - 29.8) ** 2 <= size**2 / 4
    near[29, 41] = True
    assert (covered == near).all()


@pytest.mark.parametrize("angle", [0, 17, 45, 90, 133])
def test_line_is_as_thick_as_the_brush_and_has_no_gaps(angle):
    length, size = 40.0, 7.0
    turn = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) * length / 2
    middle = np.array([41.31, 30.86])  # not on the grid, where many pixels would lie on the edge at once
    covered = cover(Stroke("line", [middle - turn, middle + turn], size), H, W)
    assert abs(covered.sum() - (length * size + np.pi * size**2 / 4)) < 12
    assert ndimage.label(covered)[1] == 1


def test_thinnest_fast_stroke_stays_connected():
    points = [(2, 3), (80, 7), (5, 55), (79, 50)]
    assert ndimage.label(cover(Stroke("brush", points, 1.5), H, W), np.ones((3, 3)))[1] == 1


@pytest.mark.parametrize("order", [1, -1])
def test_boxes_and_ellipses_have_their_area(order):
    box = [(10, 12), (50, 40)][::order]
    assert cover(Stroke("rectangle", box), H, W).sum() == 40 * 28
    assert abs(cover(Stroke("ellipse", box), H, W).sum() - np.pi * 20 * 14) < 20


@pytest.mark.parametrize("shape", ["polygon", "lasso"])
def test_polygon_is_inside_an_odd_number_of_times(shape):
    covered = cover(Stroke(shape, LOOP), H, W)
    slow = np.zeros((H, W), bool)
    for row, column in np.ndindex(H, W):
        x, y = column + 0.5, row + 0.5
        for (x0, y0), (x1, y1) in zip(LOOP, [*LOOP[1:], LOOP[0]], strict=True):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                slow[row, column] ^= True
    assert (covered == slow).all()
    assert covered.any()


def test_convex_polygon_agrees_with_pillow_but_for_its_edge():
    points = [(12.4, 8.2), (66.1, 15.7), (48.9, 51.3)]
    page = Image.new("1", (W, H))
    ImageDraw.Draw(page).polygon([(x - 0.5, y - 0.5) for x, y in points], fill=1)
    differ = np.asarray(page) != cover(Stroke("polygon", points), H, W)
    edge = Image.new("1", (W, H))
    ImageDraw.Draw(edge).line([(x - 0.5, y - 0.5) for x, y in [*points, points[0]]], fill=1, width=3)
    assert not (differ & ~np.asarray(edge)).any()


@pytest.mark.parametrize("shape", tools.SHAPES)
def test_shapes_beyond_the_picture_are_cut_off(shape):
    points = [(-30, -20), (200, 10), (120, 300)]
    wide = cover(Stroke(shape, [(x + 100, y + 100) for x, y in points], 9), 500, 500)
    assert (cover(Stroke(shape, points, 9), H, W) == wide[100 : 100 + H, 100 : 100 + W]).all()
    outside = cover(Stroke(shape, [(-90, -90), (-80, -80), (-70, -90)], 3), H, W)
    assert not outside.any()


def test_flood_fills_what_a_walk_reaches(scene):
    image, _ = scene
    for x, y, tolerance in [(20.5, 30.2, 6), (3, 3, 8), (70, 10, 255), (20, 30, 0)]:
        found = tools.flood(image, x, y, tolerance)
        seed = image[int(y), int(x)].astype(int)
        alike = (np.abs(image.astype(int) - seed) <= tolerance).all(-1)
        reached, waiting = np.zeros((H, W), bool), [(int(y), int(x))]
        while waiting:
            row, column = waiting.pop()
            if 0 <= row < H and 0 <= column < W and alike[row, column] and not reached[row, column]:
                reached[row, column] = True
                waiting += [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
        assert (found == reached).all()
    assert tools.flood(image, 20, 30, 6).sum() == 400
    assert not tools.flood(image, -1, 5, 10).any()
    assert not tools.flood(image, 5, H, 10).any()


def test_flood_stops_at_what_is_closed(scene):
    image, _ = scene
    wall = np.ones((H, W), bool)
    wall[:, 60] = False
    found = tools.flood(image, 80, 10, 255, wall)
    assert (found == (np.arange(W) > 60)).all()
    assert not tools.flood(image, 60, 10, 255, wall).any()


@pytest.mark.parametrize("pixels", [0, 1, 2.5, 6])
def test_growing_and_shrinking_are_dual_and_discs(scene, pixels):
    _, blots = scene
    n = int(np.ceil(pixels))
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    disc = x**2 + y**2 <= pixels**2
    assert (tools.grow(blots, pixels) == ndimage.binary_dilation(blots, disc)).all()
    assert (tools.shrink(blots, pixels) == ~tools.grow(~blots, pixels)).all()
    assert (tools.shrink(blots, pixels) <= blots).all()
    assert (tools.grow(blots, pixels) >= blots).all()


@pytest.mark.parametrize("value", [False, True])
def test_empty_and_full_masks_stay_so(value):
    mask = np.full((H, W), value)
    for tool in (tools.grow, tools.shrink):
        assert (tool(mask, 3) == mask).all()
    assert np.allclose(tools.feather(mask, 3), mask, atol=1e-6)


def test_feather_keeps_weights_in_range_and_the_area_of_a_blot():
    mask = cover(Stroke("brush", [(41, 30)], 20), H, W)
    soft = tools.feather(mask, 2)
    assert soft.dtype == np.float32
    assert soft.min() >= 0
    assert soft.max() <= 1
    assert soft.sum() == pytest.approx(mask.sum(), rel=1e-3)
    assert ((soft > 0.02) & (soft < 0.98)).any()


def test_threshold_looks_at_luminance(scene):
    image, _ = scene
    luminance = 0.2126 * image[..., 0] + 0.7152 * image[..., 1] + 0.0722 * image[..., 2]
    assert (tools.threshold(image, 90, 140) == ((luminance >= 90) & (luminance <= 140))).all()
    with pytest.raises(ValueError, match=r"low must be at most high, got 9 and 3\."):
        tools.threshold(image, 9, 3)


def test_superpixels_keep_to_colours_and_are_picked_whole(scene):
    image, _ = scene
    labels = tools.superpixels(image, 40)
    assert labels.shape == (H, W)
    assert 20 <= len(np.unique(labels)) <= 80
    square = np.zeros((H, W), bool)
    square[20:40, 10:30] = True
    for label in np.unique(labels):
        share = square[labels == label].mean()
        assert min(share, 1 - share) < 0.05
    picked = tools.pick(labels, 20, 30)
    assert picked[30, 20]
    assert ndimage.label(picked)[1] == 1
    assert (labels[picked] == labels[30, 20]).all()
    assert not tools.pick(labels, W + 1, 3).any()


def test_superpixels_of_one_pixel_and_of_a_long_picture():
    assert tools.superpixels(np.zeros((1, 1, 3), np.uint8)).tolist() == [[0]]
    assert tools.superpixels(np.zeros((3, 700, 3), np.uint8), 10).shape == (3, 700)


def test_soft_masks_stay_soft_where_nothing_is_painted():
    soft = np.full((4, 5), 0.25, np.float32)
    covered = np.zeros((4, 5), bool)
    covered[1] = True
    assert tools.over(soft, covered)[:2, 0].tolist() == [0.25, 1]
    assert tools.over(soft, covered, erase=True)[:2, 0].tolist() == [0.25, 0]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("star", [(0, 0)]), ValueError, "shape must be one of 'brush', 'line'"),
        (("brush", []), ValueError, r"points must be at least one, got none\."),
        (("brush", [(0, np.nan)]), ValueError, r"y must be finite, got nan\."),
        (("brush", [("a", 1)]), TypeError, r"x must be a number, got 'a'\."),
        (("brush", [(0, 0)], 0), ValueError, r"size must be at least 0\.5, got 0\."),
    ],
)
def test_bad_strokes_are_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        Stroke(*arguments)


def test_a_hard_mask_covers_a_half_whatever_rounding_makes_of_it():
    weights = np.array([[0.5, 0.5 - 1e-7, 0.49, 0.0]], dtype=np.float32)
    assert tools.hard(weights).tolist() == [[True, True, False, False]]

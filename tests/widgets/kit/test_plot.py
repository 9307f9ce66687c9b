"""A plot on the page: what it shows, where things lie in it, and what a click becomes."""

import sys

import pytest
from PIL import Image

from latent_widgets.widgets.kit.panel import Panel, close_tree
from latent_widgets.widgets.kit.plot import INK, Plot, Spot, dress, rasterise


@pytest.fixture
def line():
    """Draws a line from (1, 0) to (3, 10) in the middle half of the figure, and says where."""

    def draw(figure):
        axes = figure.add_axes((0.25, 0.25, 0.5, 0.5))
        axes.plot([1, 3], [0, 10], color=INK)
        axes.set(xlim=(1, 3), ylim=(0, 10))
        dress(axes, "y")
        draw.axes = axes
        return [Spot((0.25, 0.25, 0.75, 0.75), "a < b")]

    return draw


def test_inks_follow_the_theme_and_words_are_escaped(line):
    plot = Plot(400, 200, 'a "line"')
    plot.show(line)
    assert INK not in plot.svg
    assert "var(--lw-ink)" in plot.svg
    assert 'aria-label="a &quot;line&quot;"' in plot.svg
    assert "<title>a &lt; b</title>" in plot.svg
    assert 'viewBox="0 0 300 150"' in plot.svg  # 96 CSS pixels are 72 points
    assert "<metadata>" not in plot.svg
    plot.close()


def test_places_and_data_coordinates_are_inverse_to_each_other(line):
    plot = Plot(400, 200, "a line")
    plot.show(line)
    assert plot.box(line.axes, 1, 0, 3, 10) == pytest.approx((0.25, 0.25, 0.75, 0.75))
    assert plot.at(line.axes, 0.5, 0.5) == pytest.approx((2, 5))
    assert plot.at(line.axes, 0.1, 0.5) is None
    plot.close()


def test_upper_layer_leaves_the_lower_one_alone(line):
    plot = Plot(400, 200, "a line", layers=2)
    plot.show(line)
    lower, empty = plot.drawings
    plot.show(line, layer=1)
    assert plot.drawings[0] == lower
    assert empty == ""
    assert 'aria-hidden="true"' in plot.drawings[1]
    plot.close()


def test_plot_says_whether_it_is_pale(line):
    plot = Plot(400, 200, "a line", layers=2)
    assert not plot.stale
    plot.grey(True)
    assert plot.stale
    plot.grey(False)
    assert not plot.stale
    plot.close()


def test_failed_drawing_keeps_the_last(line):
    plot = Plot(400, 200, "a line")
    plot.show(line)
    before = plot.svg
    with pytest.raises(ZeroDivisionError):
        plot.show(lambda figure: 1 / 0)
    assert plot.svg == before
    plot.close()


def test_release_of_the_mouse_becomes_shares_from_the_lower_left():
    clicks = []
    plot = Plot(400, 200, "a line", lambda x, y: clicks.append((x, y)))
    (canvas,) = (child for child in plot.children if type(child).__name__ == "Canvas")
    canvas._handle_frontend_event(None, {"event": "mouse_up", "x": 100, "y": 50}, [])
    canvas._handle_frontend_event(None, {"event": "mouse_move", "x": 1, "y": 1}, [])
    assert clicks == [(0.25, 0.75)]
    close_tree(plot)


def test_closing_a_panel_spares_the_manager_that_all_canvases_share():
    panel = Panel(executor="inline")
    plot = Plot(400, 200, "a line", lambda x, y: None)
    panel.body.children = [plot]
    manager = plot.children[-1]._canvas_manager
    panel.close()
    assert manager.comm is not None
    assert plot.comm is None


def test_without_ipycanvas_there_are_no_clicks_but_the_same_plot(line, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipycanvas", None)
    plot = Plot(400, 200, "a line", lambda x, y: None)
    plot.show(line)
    assert len(plot.children) == 2
    assert "viewBox" in plot.svg
    plot.close()


def test_picture_of_a_figure_has_white_paper(line):
    from latent_widgets.core.figures import new_figure

    figure = new_figure(2, 1)
    figure.set_layout_engine("none")
    line(figure)
    image = rasterise(figure, dpi=100)
    assert isinstance(image, Image.Image)
    assert (image.size, image.getpixel((0, 0))) == ((200, 100), (255, 255, 255))

"""The painter without a page: events as the canvas sends them, traits, what would be drawn, and the end."""

import io

import ipycanvas
import numpy as np
import pytest
import torch
from ipycanvas.canvas import _CANVAS_MANAGER
from PIL import Image
from traitlets import link

from latent_widgets import Mask
from latent_widgets.widgets.kit import canvas as _canvas
from latent_widgets.widgets.painter.keys import KEYS, TOOL_KEYS
from latent_widgets.widgets.painter.view import Viewport, tint

H, W = 24, 32


def test_mouse_paints_when_it_is_released(make, send):
    painter = make(brush=4)
    send(painter, "mouse_down", (5, 5))
    send(painter, "mouse_move", (20, 5))
    assert painter.mask is None
    send(painter, "mouse_up", (20, 5))
    assert painter.mask.tensor.sum() == pytest.approx(15 * 4 + np.pi * 4, abs=4)
    assert painter.regions == {"region": painter.mask}
    send(painter, "mouse_move", (20, 20))
    assert not painter.mask.tensor[20].any()


def test_leaving_the_canvas_ends_the_stroke(make, send):
    painter = make(brush=4)
    send(painter, "mouse_down", (25, 5))
    send(painter, "mouse_move", (31, 5))
    send(painter, "mouse_out", (33, 5))
    painted = painter.mask
    assert painted is not None
    send(painter, "mouse_move", (5, 20))
    send(painter, "mouse_up", (5, 20))
    assert painter.mask is painted


def test_hovering_sends_nothing_to_the_page(make, send, sent):
    painter = make()
    del sent[:]
    for x in range(30):
        send(painter, "mouse_move", (x, 5))
    send(painter, "mouse_out", (31, 5))
    assert sent == []
    send(painter, "mouse_down", (3, 5))
    send(painter, "mouse_move", (9, 5))
    assert len(sent) == 2  # one message for each event of a stroke


def test_one_finger_paints_and_a_second_one_drops_the_stroke(make, send):
    painter = make(brush=4)
    send(painter, "touch_start", (5, 5))
    send(painter, "touch_move", (20, 5))
    send(painter, "touch_end")
    assert painter.mask.tensor[5, 19]
    painted = painter.mask
    send(painter, "touch_start", (5, 20))
    send(painter, "touch_move", (20, 20))
    send(painter, "touch_start", (20, 20), (9, 9))
    send(painter, "touch_end", (9, 9))
    send(painter, "touch_end")
    assert painter.mask is painted


@pytest.mark.parametrize(("tool", "area"), [("rectangle", 100), ("ellipse", 78.5), ("lasso", 25), ("line", 28)])
def test_dragged_tools(make, send, tool, area):
    painter = make(tool=tool, brush=2)
    send(painter, "mouse_down", (5, 5))
    send(painter, "mouse_move", (9, 14))
    send(painter, "mouse_up", (15, 15))
    painted = 0 if painter.mask is None else int(painter.mask.tensor.sum())
    assert painted == pytest.approx(area, abs=8)


def test_polygon_closes_on_its_first_corner_and_with_enter(make, send, press_key):
    painter = make(tool="polygon")
    for place in [(5, 5), (15, 5), (15, 15), (5, 15), (5.2, 5.2)]:
        send(painter, "mouse_down", place)
        send(painter, "mouse_up", place)
    assert int(painter.mask.tensor.sum()) == 100
    for place in [(20, 5), (30, 5), (30, 15)]:
        send(painter, "mouse_down", place)
    press_key(painter, "Enter")
    assert int(painter.mask.tensor.sum()) == pytest.approx(150, abs=6)
    send(painter, "mouse_down", (2, 2))
    press_key(painter, "Escape")
    assert painter.gesture.points == []


def test_fill_and_superpixel_by_click(make, send):
    image = np.full((H, W, 3), 20, np.uint8)
    image[4:12, 8:20] = 200
    painter = make(image, tool="fill")
    send(painter, "mouse_down", (10, 6))
    assert (np.asarray(painter.mask) == (image[..., 0] == 200)).all()
    painter.clear()
    painter.tool = "superpixel"
    send(painter, "mouse_down", (10, 6))
    picked = np.asarray(painter.mask)
    assert picked[6, 10]
    assert (image[picked] == 200).all()


def test_keys_reach_every_tool_and_all_else(make, press_key):
    painter = make(brush=4, regions=["a", "b"])
    assert {key for key, _ in KEYS} >= set(TOOL_KEYS)
    for key, tool in TOOL_KEYS.items():
        press_key(painter, key)
        assert painter.tool == tool
    press_key(painter, "b")
    press_key(painter, " ")
    one = painter.mask
    assert one.tensor[H // 2, W // 2]
    press_key(painter, "ArrowLeft", shift=True)
    assert painter.gesture.cursor == (W / 2 - 1, H / 2)
    press_key(painter, "z", ctrl=True)
    assert painter.mask is None
    press_key(painter, "Z", shift=True, ctrl=True)
    assert (np.asarray(painter.mask) == np.asarray(one)).all()
    press_key(painter, "i")
    assert painter.mask.area > 0.9
    press_key(painter, "Delete")
    assert painter.mask is None
    press_key(painter, "2")
    assert painter.region == "b"
    press_key(painter, "x")
    assert painter.erase
    press_key(painter, "]")
    assert painter.brush == 5
    press_key(painter, "+")
    assert painter.view.zoom == 1.5
    press_key(painter, "0")
    assert painter.view.zoom == 1


@pytest.mark.parametrize("key", ["Tab", "Escape"])
def test_focus_leaves_the_canvas(make, press_key, monkeypatch, key):
    painter, asked = make(), []
    button = painter.controls.below.children[0]
    monkeypatch.setattr(type(button), "focus", lambda self: asked.append(self))
    press_key(painter, key)
    assert asked == [button]


def test_focus_leaves_the_canvas_backwards_for_what_stands_before_it(make, press_key, monkeypatch):
    painter, asked = make(), []
    canvas, button = painter.canvas.widget, painter.controls.below.children[0]
    monkeypatch.setattr(type(canvas), "blur", lambda self: asked.append(self))
    monkeypatch.setattr(type(button), "focus", lambda self: asked.append(self))
    press_key(painter, "Tab", shift=True)
    assert asked == [canvas]


def test_mask_is_assigned_read_and_undone(make):
    painter = make()
    mask = Mask(np.eye(H, W) > 0)
    painter.mask = mask
    assert painter.mask is mask
    painter.mask = torch.full((H, W), 0.5)
    assert painter.mask.area == 0.5
    painter.undo()
    assert (np.asarray(painter.mask) == np.asarray(mask)).all()
    painter.mask = None
    assert painter.mask is None
    painter.regions = {"a": None, "b": mask}
    painter.region = "b"
    assert (np.asarray(painter.mask) == np.asarray(mask)).all()
    assert painter.controls.region.options == ("a", "b")


def test_bad_values_are_refused_and_change_nothing(make):
    painter = make(regions=["a", "b"])
    painter.paint("rectangle", [(1, 1), (5, 5)])
    before = painter.mask
    for name, value, text in [
        ("mask", np.zeros((3, 4), bool), "mask must have the picture's height and width, 24 x 32, got 3 x 4"),
        ("mask", np.full((H, W), np.nan), "mask must be finite"),
        ("regions", {"a": np.zeros((3, 4), bool)}, "height and width"),
        ("regions", {}, "regions must be at least one"),
        ("region", "c", "region must be one of 'a', 'b', got 'c'"),
        ("tool", "brushes", "tool must be one of .* Did you mean 'brush'"),
        ("brush", 0.0, r"brush must be at least 0\.5, got 0"),
        ("opacity", 2.0, "opacity must be between 0 and 1, got 2"),
        ("colour", "red", "colour must be a colour such as \"#d55e00\", got 'red'"),
    ]:
        with pytest.raises(ValueError, match=text):
            setattr(painter, name, value)
        assert painter.mask is before
        assert painter.region == "a"
    with pytest.raises(TypeError, match=r"MaskPainter must be given known keywords, got 'brsh'\. Did you mean 'brush'"):
        make(brsh=3)
    with pytest.raises(ValueError, match="image must have shape"):
        make(torch.zeros(1, 4, 4))
    with pytest.raises(ValueError, match="height and width"):
        make(parts={"eyes": np.zeros((3, 4), bool)})


def test_linked_painters_agree(make):
    first, second = make(), make()
    joined = link((first, "mask"), (second, "mask"))
    first.paint("rectangle", [(1, 1), (5, 5)])
    assert second.mask is first.mask
    second.undo()
    assert first.mask is None
    joined.unlink()


def test_parts_are_added_whole_and_taken_away(make):
    part = np.zeros((H, W), bool)
    part[5:9, 5:9] = True
    painter = make(parts={"eyes": part})
    painter.controls.part.value = "eyes"
    painter.controls.take.click()
    assert (np.asarray(painter.mask) == part).all()
    painter.erase = True
    painter.take("eyes")
    assert painter.mask is None
    with pytest.raises(ValueError, match="part must be one of 'eyes', got 'nose'"):
        painter.take("nose")


def test_image_can_be_replaced(make):
    painter = make()
    painter.paint("rectangle", [(0, 0), (W / 2, H)])
    painter.image = torch.zeros(3, 2 * H, 2 * W)
    assert painter.image.shape == (2 * H, 2 * W, 3)
    assert painter.mask.area == pytest.approx(0.5, abs=0.02)
    assert (painter.canvas.widget.width, painter.canvas.widget.height) == painter.view.shape[::-1]
    given = np.zeros((H, W, 3), np.uint8)
    painter.image = given
    given[:] = 255
    assert painter.image.max() == 0


def test_exception_while_drawing_is_shown_and_leaves_no_batch_open(make, send, monkeypatch, sent):
    painter = make()
    with monkeypatch.context() as patch:
        patch.setattr(painter.view, "to_view", lambda points: [(float("nan"), 0.0)])
        painter.canvas.widget[-1]._handle_frontend_event(None, {"event": "mouse_down", "x": 5, "y": 5}, [])
    assert "points must be finite" in str(painter.error)
    assert not _CANVAS_MANAGER._caching
    assert _CANVAS_MANAGER._commands_cache == []
    assert not painter.gesture.down
    painter.dismiss()
    count = len(sent)
    send(painter, "mouse_down", (5, 5))
    send(painter, "mouse_up", (5, 5))
    assert painter.mask is not None
    assert len(sent) == count + 2


def test_exception_of_another_canvas_does_not_silence_the_painter(make, sent):
    painter = make()
    try:
        with ipycanvas.hold_canvas():
            1 / 0  # noqa: B018
    except ZeroDivisionError:
        pass
    try:
        assert _CANVAS_MANAGER._caching  # ipycanvas' own trap
        count = len(sent)
        painter.paint("brush", [(3, 3)])
        assert len(sent) == count + 1
    finally:
        _CANVAS_MANAGER._caching = False


def test_every_message_names_its_canvas(make, send, sent):
    painter = make()
    del sent[:]
    send(painter, "client_ready")
    send(painter, "mouse_down", (5, 5))
    switch = ipycanvas.canvas.COMMANDS["switchCanvas"]
    assert len(sent) == 3  # picture, regions, stroke
    assert all(commands[0][0] == switch for commands in sent)


def test_batch_refuses_what_the_page_could_not_draw(make):
    painter = make()
    for bad in (
        lambda layer: _canvas.polyline(layer, [(0, float("inf"))]),
        lambda layer: _canvas.restyle(layer, "red", 1),
        lambda layer: _canvas.restyle(layer, "#ff0000", float("nan")),
    ):
        with pytest.raises(ValueError, match="must be"), _canvas.batch(painter.canvas.widget):
            bad(painter.canvas.widget[0])
        assert not _CANVAS_MANAGER._caching


def test_view_and_picture_places_are_inverse():
    view = Viewport(300, 200, 480)
    assert view.shape == (300, 200)
    view.zoom_by(4.0, (50, 60))
    before = view.to_view([(50, 60)])[0]
    assert before == pytest.approx(Viewport(300, 200, 480).to_view([(50, 60)])[0])
    view.pan(13, -7)
    for place in [(0, 0), (33.3, 299)]:
        assert view.to_view([view.to_image(*place)])[0] == pytest.approx(place)
    left, top, right, bottom = view.box
    assert 0 <= left < right <= 200
    assert 0 <= top < bottom <= 300
    view.zoom_by(0.0)
    assert view.box == (0, 0, 200, 300)


def test_every_pixel_is_a_sharp_square_and_large_pictures_fit():
    mask = np.zeros((3, 4), bool)
    mask[1, 2] = True
    shown = np.asarray(Image.open(io.BytesIO(tint(mask, Viewport(3, 4, 47), "#0a0b0c", 0.4))).convert("RGBA"))
    assert shown.shape == (33, 44, 4)
    assert (shown[11:22, 22:33] == (10, 11, 12, 102)).all()
    assert (shown[..., 3] > 0).sum() == 121
    large = tint(np.ones((2000, 1500), bool), Viewport(2000, 1500, 480), "#000000", 1)
    assert Image.open(io.BytesIO(large)).size == (360, 480)


def test_large_picture_is_painted(make):
    painter = make(np.zeros((2000, 2000, 3), np.uint8), width=480)
    painter.paint("brush", [(100, 100), (1900, 1900)], size=200)
    assert painter.mask.area == pytest.approx((1800 * 2**0.5 * 200 + np.pi * 1e4) / 4e6, rel=0.01)
    painter.grow(5)
    painter.undo()


def test_files_come_back_and_a_missing_one_is_an_error_in_words(make, tmp_path):
    painter = make()
    painter.paint("ellipse", [(3, 3), (20, 15)])
    mask = np.asarray(painter.mask)
    for ending in ("png", "npy", "json"):
        path = painter.save_mask(tmp_path / f"m.{ending}")
        painter.clear()
        painter.load_mask(path)
        assert (np.asarray(painter.mask) == mask).all()
    painter.controls.path.value = str(tmp_path / "none.png")
    painter.controls.load.click()
    assert isinstance(painter.error, FileNotFoundError)


def test_static_picture_shows_the_regions(make, tmp_path):
    painter = make(opacity=1.0, colour="#ff0000")
    painter.paint("rectangle", [(0, 0), (W / 2, H)])
    assert "image/png" in painter._repr_mimebundle_()
    shown = np.asarray(Image.open(painter.save(tmp_path / "a.png")))
    assert shown[5, 5].tolist() == [255, 0, 0]
    assert shown[5, -5].tolist() == [90, 90, 90]
    assert repr(painter) == "<MaskPainter of 24 x 32: region>"


def test_close_frees_everything_and_late_events_do_nothing(make, send, instances):
    before = instances()
    painter = make()
    assert instances() > before + 30
    painter.paint("brush", [(3, 3)])
    painter.close()
    assert instances() == before
    send(painter, "mouse_down", (3, 3))
    send(painter, "client_ready")
    assert not painter.gesture.down


def test_brush_can_be_as_large_as_the_picture_that_is_shown(make):
    painter = make()
    painter.image = np.zeros((300, 400, 3), np.uint8)
    painter.brush = 200.0
    assert (painter.controls.brush.value, painter.controls.brush.max, painter.controls.amount.max) == (200, 400, 400)
    painter.image = np.zeros((20, 30, 3), np.uint8)
    assert painter.controls.brush.value == painter.brush == 200


def test_controls_follow_the_traits_and_lead_them(make):
    painter = make(regions=["a", "b"])
    controls = painter.controls
    assert controls.undo.disabled
    controls.tool.value = "lasso"
    controls.erase.value = True
    controls.brush.value = 7
    controls.region.value = "b"
    controls.opacity.value = 0.25
    controls.colour.value = "#123456"
    assert (painter.tool, painter.erase, painter.brush, painter.region) == ("lasso", True, 7, "b")
    assert (painter.opacity, painter.colour) == (0.25, "#123456")
    painter.region = "a"
    assert painter.colour != "#123456"
    assert controls.colour.value == painter.colour
    controls.name.value = "c"
    controls.add.click()
    assert (painter.region, set(painter.regions)) == ("c", {"a", "b", "c"})
    controls.remove.click()
    assert set(painter.regions) == {"a", "b"}
    painter.erase = False
    painter.paint("brush", [(3, 3)])
    assert not controls.undo.disabled
    controls.name.value = "a"
    controls.add.click()
    assert "region must be a new name" in str(painter.error)

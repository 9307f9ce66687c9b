"""The mask model: every change is undone exactly, files bring everything back, bad masks are refused."""

import json

import numpy as np
import pytest
import torch

from latent_widgets import Mask
from latent_widgets.widgets.painter import files as files
from latent_widgets.widgets.painter.model import MaskModel
from latent_widgets.widgets.painter.tools import Stroke, cover

H, W = 30, 41


@pytest.fixture
def model():
    rng = np.random.default_rng(1)
    return MaskModel(rng.integers(0, 255, (H, W, 3), np.uint8), ("eyes", "mouth"))


@pytest.fixture
def changes():
    """One of each kind of change."""
    half = np.zeros((H, W), bool)
    half[:, :20] = True
    return [
        lambda m: m.stroke(Stroke("brush", [(3, 3), (30, 20)], 5)),
        lambda m: m.stroke(Stroke("brush", [(10, 0), (10, 29)], 3, erase=True)),
        lambda m: m.fill(1, 28, 200),
        lambda m: m.pick(20, 10),
        lambda m: m.grow(2),
        lambda m: m.shrink(1),
        lambda m: m.invert(),
        lambda m: m.feather(1.5),
        lambda m: m.stroke(Stroke("ellipse", [(5, 5), (20, 15)])),
        lambda m: m.threshold(50, 120),
        lambda m: m.assign(half),
        lambda m: m.assign(Mask(torch.full((H, W), 0.3))),
        lambda m: m.add("hair", half),
        lambda m: m.stroke(Stroke("lasso", [(1, 1), (30, 2), (20, 25)])),
        lambda m: m.remove("mouth"),
        lambda m: m.replace({"a": None, "b": half}, "b"),
        lambda m: m.clear(),
    ]


def test_undo_is_the_inverse_of_every_change_and_redo_of_undo(model, changes):
    past = [({name: model.mask_of(name).copy() for name in model.names}, model.strokes)]
    for change in changes:
        change(model)
        past.append(({name: model.mask_of(name).copy() for name in model.names}, model.strokes))
    assert not model.can_redo
    for step, going in (*((i, model.undo) for i in range(len(past) - 2, -1, -1)),
                        *((i, model.redo) for i in range(1, len(past)))):  # fmt: skip
        assert going()
        assert set(model.names) == set(past[step][0])
        for name, mask in past[step][0].items():
            assert model.mask_of(name).dtype == mask.dtype
            assert (model.mask_of(name) == mask).all()
    assert not model.redo()


def test_undo_of_nothing_is_nothing(model):
    assert not model.undo()
    assert not model.redo()
    model.clear()
    assert not model.can_undo  # it was empty


def test_change_after_undo_drops_what_could_be_redone(model):
    model.stroke(Stroke("brush", [(3, 3)], 3))
    model.undo()
    model.stroke(Stroke("brush", [(9, 9)], 3))
    assert not model.can_redo


def test_undo_goes_to_the_region_that_was_changed(model):
    model.stroke(Stroke("brush", [(3, 3)], 3))
    model.select("mouth")
    assert model.region == "mouth"
    model.undo()
    assert (model.region, model.mask.any()) == ("eyes", False)
    assert model.can_redo


def test_strokes_make_the_mask_again(model):
    strokes = [
        Stroke("brush", [(3, 3), (30, 20)], 5),
        Stroke("polygon", [(5, 5), (35, 8), (20, 28)]),
        Stroke("line", [(0, 0), (40, 29)], 3, erase=True),
    ]
    for stroke in strokes:
        model.stroke(stroke)
    assert model.strokes == tuple(strokes)
    again = np.zeros((H, W), bool)
    for stroke in model.strokes:
        again[cover(stroke, H, W)] = not stroke.erase
    assert (again == model.mask).all()
    model.grow(1)
    assert model.strokes is None
    model.clear()
    assert model.strokes == ()


def test_fill_stops_at_what_is_painted_and_erases_it():
    model = MaskModel(np.zeros((H, W, 3), np.uint8))
    model.stroke(Stroke("line", [(20, -5), (20, 40)], 3))
    wall = int(model.mask.sum())
    model.fill(2, 2)
    assert model.mask[:, :18].all()
    assert not model.mask[:, 23:].any()
    model.fill(19, 5)  # painted already
    assert int(model.mask.sum()) > wall
    model.fill(2, 2, erase=True)
    assert not model.mask.any()


def test_mask_cannot_be_written_to(model):
    with pytest.raises(ValueError, match="read-only"):
        model.mask[0, 0] = True


def test_history_of_a_large_picture_is_bounded():
    model = MaskModel(np.zeros((2000, 2000, 3), np.uint8))
    model.stroke(Stroke("brush", [(100, 100), (1900, 1500)], 150))
    assert 1e5 < model.mask.sum() < 5e5
    model.fill(1999, 0, 5)
    model.grow(10)
    for _ in range(150):
        model.invert()
    undone = 0
    while model.undo():
        undone += 1
    assert 10 <= undone <= 140


def test_superpixels_are_found_once_for_each_picture(model):
    first = model.areas()
    assert model.areas() is first
    model.change_image(model.image[::-1].copy())
    assert model.areas() is not first


def test_another_picture_keeps_the_masks(model):
    model.stroke(Stroke("rectangle", [(0, 0), (W, 15)]))
    kept = model.mask.copy()
    model.change_image(np.zeros((H, W, 3), np.uint8))
    assert (model.mask == kept).all()
    assert model.can_undo
    model.change_image(np.zeros((2 * H, 2 * W, 3), np.uint8))
    assert model.mask.shape == (2 * H, 2 * W)
    assert model.mask.dtype == bool
    assert model.mask.mean() == pytest.approx(0.5, abs=0.02)
    assert not model.can_undo


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("ending", ["png", "npy", "json"])
def test_files_bring_masks_back(model, tmp_path, soft, ending):
    model.stroke(Stroke("ellipse", [(3, 3), (33, 25)]))
    if soft:
        model.feather(2)
    mask, strokes = model.mask.copy(), model.strokes
    path = files.save_mask(model, tmp_path / f"m.{ending}")
    model.clear()
    files.load_mask(model, path)
    assert model.mask.dtype == mask.dtype
    assert np.abs(model.mask.astype(float) - mask).max() <= (0.5 / 255 + 1e-6 if ending == "png" and soft else 0)
    if ending == "json":
        assert model.strokes == strokes
    model.undo()
    assert not model.mask.any()


def test_json_keeps_every_region_and_stroke(model):
    model.stroke(Stroke("brush", [(3.25, 3), (30, 20)], 5))
    model.select("mouth")
    model.threshold(100, 255)
    text = files.to_json(model)
    other = MaskModel(np.zeros((H, W, 3), np.uint8))
    other.restore(files.from_json(text, (H, W)))
    assert other.names == ("eyes", "mouth")
    for name in other.names:
        assert (other.mask_of(name) == model.mask_of(name)).all()
    other.select("eyes")
    model.select("eyes")
    assert other.strokes == model.strokes
    assert json.loads(text)["regions"][0]["strokes"][0]["points"] == [[3.25, 3.0], [30.0, 20.0]]


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda p: "{", "the text of regions must be JSON, got something else"),
        (lambda p: "[1]", r"text must be regions as JSON, got '\[1\]'"),
        (lambda p: json.dumps(p | {"version": 9}), "text must be regions as JSON of format 1, got 9"),
        (lambda p: json.dumps(p | {"size": [9, 9]}), r"height and width, \[30, 41\], got \[9, 9\]"),
        (lambda p: json.dumps(p | {"regions": [{"name": "a"}]}), "got a damaged file"),
        (lambda p: json.dumps(p | {"region": "nose"}), "got a damaged file"),
    ],
)
def test_spoilt_json_is_refused(model, spoil, text):
    with pytest.raises(ValueError, match=text):
        files.from_json(spoil(json.loads(files.to_json(model))), (H, W))


def test_files_that_are_no_masks_are_refused(model, tmp_path):
    with pytest.raises(ValueError, match=r"the ending of path must be one of '.png', '.npy', '.json', got '.bmp'"):
        files.save_mask(model, tmp_path / "a.bmp")
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"mask must be a picture in one of the formats PNG, .*, got 2 bytes"):
        files.load_mask(model, tmp_path / "a.png")
    from PIL import Image

    Image.new("RGB", (W, H), "red").save(tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"mask must be black, white and grey, or .*, got a picture with colours"):
        files.load_mask(model, tmp_path / "b.png")


@pytest.mark.parametrize(
    ("mask", "error", "text"),
    [
        (
            np.zeros((H, W + 1), bool),
            ValueError,
            "the picture's height and width, 30 x 41, got 30 x 42",
        ),
        (np.zeros((H, W, 3), bool), ValueError, r"mask must have shape \(H, W\), got \(30, 41, 3\)"),
        (np.full((H, W), np.nan), ValueError, "mask must be finite, got 1230 NaN"),
        (np.full((H, W), 77, np.uint8), ValueError, "mask must have an inside and an outside, got the shade 77"),
        (np.full((H, W), 2.0), ValueError, r"mask must be between 0 and 1, got 2 to 2\."),
    ],
)
def test_bad_masks_are_refused_and_change_nothing(model, mask, error, text):
    model.stroke(Stroke("brush", [(3, 3)], 3))
    before = model.mask.copy()
    for change in (model.assign, lambda m: model.add("new", m), lambda m: model.replace({"a": m})):
        with pytest.raises(error, match=text):
            change(mask)
    assert model.names == ("eyes", "mouth")
    assert (model.mask == before).all()


def test_bad_names_are_refused(model):
    with pytest.raises(ValueError, match=r"region must be a new name, got 'eyes'\. Use select\('eyes'\)\."):
        model.add("eyes")
    with pytest.raises(ValueError, match=r"region must be a name, got ' '\."):
        model.add(" ")
    with pytest.raises(ValueError, match=r"region must be one of 'eyes', 'mouth', got 'mout'\. Did you mean 'mouth'"):
        model.select("mout")
    model.remove("mouth")
    with pytest.raises(ValueError, match=r"region must not be the only one, got 'eyes'\. Use clear\(\)\."):
        model.remove("eyes")
    with pytest.raises(ValueError, match="regions must be at least one, got none"):
        model.replace({})
    with pytest.raises(ValueError, match="regions must be different names, at least one, got"):
        MaskModel(model.image, ("a", "a"))
    with pytest.raises(ValueError, match="image must have at least one pixel, got 0 x 5"):
        MaskModel(np.zeros((0, 5, 3), np.uint8))


def test_one_pixel_is_enough():
    model = MaskModel(np.zeros((1, 1, 3), np.uint8))
    model.stroke(Stroke("brush", [(0.2, 0.9)], 1))
    assert model.mask.all()
    model.shrink(5)
    model.pick(0, 0)
    assert model.mask.all()

"""The stage and the strip without a page: what they take of messages and traits, and what they refuse."""

import io
import logging
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latent_widgets.page.modules import STAGE
from latent_widgets.widgets.kit.page_messages import MOST_POINTS, stage_call, strip_call
from latent_widgets.widgets.kit.panel import Panel
from latent_widgets.widgets.kit.stage import TOOLS, WORDS, Stage, WalkStrip

SIZE = (48, 64)
STROKE = {"kind": "stroke", "points": [[1, 2.5], [3, 4]], "size": 6, "erase": False}
HUGE = 10**400  # an integer that no float holds
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([HUGE, 1e300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("points", "size", "erase", "x", "y", "tool", "message", "place", "done", "id")
KINDS = st.sampled_from(["shown", "stroke", "take", "before", "brush", "tool", "trouble", "go", "scrub", "saw"]) | JUNK
MESSAGES = st.fixed_dictionaries({"kind": KINDS}, optional=dict.fromkeys(NAMES, JUNK)) | JUNK


@pytest.fixture
def stage():
    """A stage over a picture of 48 x 64."""
    made = Stage(SIZE, alt="a face")
    yield made
    made.close()


@pytest.fixture
def strip():
    """A strip of three frames."""
    made = WalkStrip(alt="a walk")
    made.show(b"", places=[-2, 0, 2])
    yield made
    made.close()


@pytest.fixture
def said(monkeypatch):
    """What widgets say to the page."""
    messages = []
    for kind in (Stage, WalkStrip):
        monkeypatch.setattr(kind, "send", lambda widget, content, buffers=None: messages.append(content))
    return messages


@pytest.fixture
def hear(stage, strip):
    """Hands a message to the stage or the strip as its page would; returns what handlers were called with."""
    calls = []
    for widget in (stage, strip):
        for kind in widget.kinds:
            getattr(widget, f"on_{kind}")(lambda *values, kind=kind: calls.append((kind, *values)))

    def say(widget, content):
        calls.clear()
        widget._handle_custom_msg(content, [])
        return list(calls)

    return say


@pytest.fixture
def png():
    """Saves a picture of some mode."""

    def save(mode, format="PNG"):
        file = io.BytesIO()
        Image.new(mode, (3, 2)).save(file, format)
        return file.getvalue()

    return save


# ---- messages


def test_handlers_get_plain_values(stage, hear):
    assert hear(stage, STROKE) == [("stroke", ((1.0, 2.5), (3.0, 4.0)), 6.0, False)]
    assert hear(stage, {**STROKE, "erase": True}) == [("stroke", ((1.0, 2.5), (3.0, 4.0)), 6.0, True)]
    assert hear(stage, {"kind": "take", "x": 3, "y": 4.5}) == [("take", 3.0, 4.5, False)]
    assert hear(stage, {"kind": "before"}) == [("before",)]
    assert hear(stage, {"kind": "trouble", "message": "no\npen"}) == [("trouble", "no pen")]
    assert hear(stage, {"kind": "trouble", "message": "long" * 10**6})[0][1].endswith("…")


def test_keys_change_the_traits_first(stage, hear):
    seen = []
    stage.on_brush(lambda size: seen.append(stage.brush))
    stage.on_tool(lambda tool: seen.append(stage.tool))
    assert hear(stage, {"kind": "brush", "size": 7.5}) == [("brush", 7.5)]
    stage.tool = "brush"
    assert hear(stage, {"kind": "tool", "tool": ""}) == [("tool", "")]
    assert seen == [7.5, ""]


def test_stage_knows_that_a_page_shows_it(stage, hear):
    seen = []
    stage.on_shown(lambda: seen.append(stage.shown))
    assert not stage.shown
    assert hear(stage, {"kind": "shown"}) == [("shown",)]
    assert seen == [True]


def test_words_of_the_page_come_with_the_widget(stage, strip):
    text = STAGE.read_text(encoding="utf-8")
    assert set(re.findall(r'\btr\("([^"]+)"\)', text)) == set(WORDS)
    assert stage.get_state()["_words"] == strip.get_state()["_words"] == {}  # it speaks English by itself


def test_handlers_can_be_taken_away(stage):
    calls = []
    stage.on_before(calls.append)
    stage.on_before(calls.append, remove=True)
    stage._handle_custom_msg({"kind": "before"}, [])
    assert calls == []


@pytest.mark.parametrize(
    "content",
    [
        None, 7, "stroke", [], {}, {"kind": "saw"}, {"kind": ["stroke"]}, {"kind": None},
        *({**STROKE, "points": bad} for bad in (
            None, [], "ab", {"0": [1, 2]}, [1, 2], [[1]], [[1, 2, 3]], [[1, "2"]], [[True, 1]], [[math.nan, 1]],
            [[1, math.inf]], [[HUGE, 1]], [[[1], 2]], [[1, 2], None], [[1, 2]] * 50_000 + [[1, None]],
        )),
        *({**STROKE, "size": bad} for bad in (None, 0, -1, math.nan, math.inf, "6", True, [6], HUGE)),
        {"kind": "take", "x": 1}, {"kind": "take", "x": math.nan, "y": 1}, {"kind": "take", "x": [1], "y": 1},
        {"kind": "brush"}, {"kind": "brush", "size": math.nan}, {"kind": "tool"}, {"kind": "tool", "tool": "saw"},
        {"kind": "tool", "tool": ["brush"]}, {"kind": "trouble"}, {"kind": "trouble", "message": 7},
        {"kind": "trouble", "message": "\n"}, {"kind": "go", "place": 1}, {"kind": "scrub", "place": 1},
    ],
)  # fmt: skip
def test_what_is_no_message_of_a_stage_is_nothing(stage, hear, content):
    before = stage.get_state()
    assert hear(stage, content) == []
    assert stage.get_state() == before


@pytest.mark.parametrize("bad", [None, math.nan, -math.inf, "1", [1], True, HUGE])
def test_what_is_no_place_of_a_strip_is_nothing(strip, hear, bad):
    assert hear(strip, {"kind": "go", "place": bad}) == []
    assert hear(strip, {"kind": "scrub", "place": bad, "done": True}) == []
    assert hear(strip, STROKE) == []


def test_numbers_are_cut(stage, strip, hear):
    _, points, size, erase = hear(stage, {**STROKE, "points": [[1e300, -1e300]], "size": 1e300, "erase": 1})[0]
    assert points == ((128.0, -64.0),)
    assert (size, erase) == (128.0, False)
    assert hear(stage, {"kind": "brush", "size": 1e-9}) == [("brush", 0.5)]
    assert hear(strip, {"kind": "go", "place": 1e300}) == [("go", 2.0)]
    assert hear(strip, {"kind": "scrub", "place": -9, "done": "yes"}) == [("scrub", -2.0, False)]


def test_strokes_of_a_million_points_are_thinned_evenly(stage, hear):
    line = [[64 * i / 999_999, 1] for i in range(1_000_000)]
    _, points, _, _ = hear(stage, {**STROKE, "points": line})[0]
    assert len(points) == MOST_POINTS
    assert (points[0], points[-1]) == ((0.0, 1.0), (64.0, 1.0))
    steps = np.diff(np.array(points)[:, 0])
    assert steps.max() / steps.min() < 1.05
    exact = [[i, 1] for i in range(MOST_POINTS)]
    assert len(hear(stage, {**STROKE, "points": exact})[0][1]) == MOST_POINTS


@given(MESSAGES)
def test_nothing_that_a_page_says_raises(content):
    call = stage_call(content, SIZE, TOOLS)
    if call is not None and call[0] == "stroke":
        assert all(-64 <= x <= 128 and -64 <= y <= 112 for x, y in call[1][0])
        assert 0.5 <= call[1][1] <= 128
    for places in ([], [0.0], [-2.0, 2.0]):
        call = strip_call(content, places)
        assert call is None or call[0] == "trouble" or min(places) <= call[1][0] <= max(places)


def test_failing_handler_ends_nothing(stage, strip, hear, said, caplog):
    stage.on_stroke(lambda *given: 1 / 0)
    strip.on_scrub(lambda *given: 1 / 0)
    with caplog.at_level(logging.CRITICAL):  # a notebook shows it
        assert len(hear(stage, STROKE)) == 1
        assert len(hear(strip, {"kind": "scrub", "place": 0, "done": False, "id": 5})) == 1
    assert said == [{"kind": "answered", "id": 5}]


def test_each_scrub_is_answered_after_its_handlers(strip, said):
    strip.on_scrub(lambda place, done: said.append((place, done)))
    for content in (
        {"kind": "scrub", "place": 1, "done": False, "id": 1},
        {"kind": "scrub", "place": None, "id": 2},
        {"kind": "scrub", "place": 1, "id": [3]},
        {"kind": "scrub", "place": 1, "id": HUGE},
        {"kind": "go", "place": 1, "id": 4},
    ):
        strip._handle_custom_msg(content, [])
    answers = [{"kind": "answered", "id": number} for number in (1, 2)]
    assert said == [(1.0, False), answers[0], answers[1], (1.0, False), (1.0, False)]


# ---- traits


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("size", (0, 4), "size must be between 1 and 65536, got 0."),
        ("width", 0, "width must be at least 1, got 0."),
        ("tool", "brsh", "tool must be one of .*got 'brsh'. Did you mean 'brush'?"),
        ("brush", 0.1, "brush must be between 0.5 and 131072, got 0.1."),
        ("brush", math.nan, "brush must be finite, got nan."),
        ("mask", b"GIF89a", "mask must be a grey PNG of 8 bits or b'', got b'GIF89a'. Save .* mode 'L'."),
        ("heat", b"GIF89a", "heat must be an RGBA PNG of 8 bits or b'', got b'GIF89a'. Save .* mode 'RGBA'."),
        ("before_format", "gif", "before_format must be one of 'png', 'jpeg', 'webp', got 'gif'."),
    ],
)
def test_stage_refuses_and_stays_as_it_was(stage, name, value, message):
    before = getattr(stage, name)
    with pytest.raises(ValueError, match=message):
        setattr(stage, name, value)
    assert getattr(stage, name) == before


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", "gif", "format must be one of 'png', 'jpeg', 'webp', got 'gif'."),
        ("count", -1, "count must be between 0 and 999, got -1."),
        ("chosen", -2, "chosen must be between -1 and 999, got -2."),
        ("places", [0.0, math.inf], "places must be finite, got inf."),
    ],
)
def test_strip_refuses_and_stays_as_it_was(strip, name, value, message):
    before = getattr(strip, name)
    with pytest.raises(ValueError, match=message):
        setattr(strip, name, value)
    assert getattr(strip, name) == before


def test_strip_wants_a_label_for_each_place(strip):
    with pytest.raises(ValueError, match="labels must be one for each of the 2 places, got 1"):
        strip.show(b"", places=[0, 1], labels=["a"])
    assert strip.count == 3


def test_masks_are_grey_and_heat_is_rgba(stage, png):
    stage.mask, stage.heat = png("L"), png("RGBA")
    for mode in ("1", "LA", "RGB", "RGBA", "I;16"):
        with pytest.raises(ValueError, match="mask must be a grey PNG"):
            stage.mask = png(mode)
    for data in (png("L"), png("RGB"), png("L", "TIFF")):
        with pytest.raises(ValueError, match="heat must be an RGBA PNG"):
            stage.heat = data
    stage.mask = stage.heat = b""


def test_same_mask_again_answers_a_stroke(stage, png, said):
    stage.mask = png("L")
    assert said == []  # the new mask is the answer
    stage.mask = png("L")
    assert said == [{"kind": "settled"}]


def test_numbers_of_numpy_are_numbers(stage, strip):
    stage.size, stage.brush, stage.width = tuple(np.array([5, 7])), np.float32(2.5), np.int64(9)
    assert (stage.size, stage.brush, stage.width) == ((5, 7), 2.5, 9)
    strip.show(b"", places=np.linspace(-1, 1, 3), chosen=np.int64(2))
    assert (strip.places, strip.chosen) == ([-1.0, 0.0, 1.0], 2)


def test_before_comes_with_its_format(stage, png):
    stage.show_before(png("RGB", "JPEG"), "jpeg")
    assert (stage.before[:2], stage.before_format) == (b"\xff\xd8", "jpeg")


def test_page_sets_no_trait_to_what_cannot_be(stage):
    before = stage.get_state()
    for junk in ({"size": [0, "a"]}, {"brush": math.nan}, {"tool": ["x"]}, {"mask": 3}, {"alt": None}):
        stage.set_state(junk)
    assert stage.get_state() == before
    stage.set_state({"tool": "eraser"})  # by a link within the page, say
    assert stage.tool == "eraser"


def test_nothing_stays_of_one_that_is_refused(instances):
    with pytest.raises(TypeError, match=re.escape("Stage must be given known keywords, got 'mode'.")):
        Stage(SIZE, mode="x")
    with pytest.raises(ValueError, match="tool must be one of"):
        Stage(SIZE, tool="saw")
    with pytest.raises(TypeError, match=re.escape("WalkStrip must be given known keywords, got 'frames'.")):
        WalkStrip(frames=3)
    assert instances() == 0


def test_panel_closes_them_with_itself(instances):
    panel = Panel([Stage(SIZE), WalkStrip()], executor="inline")
    panel.close()
    assert instances() == 0


def test_module_asks_nothing_of_the_network():
    text = STAGE.read_text(encoding="utf-8")
    assert not re.search(
        r"^\s*import\b|\bimport\(|https?://|fetch\(|@import|url\(|eval\(|innerHTML", text, re.MULTILINE
    )

"""A probe in the page: when which picture was on the screen, when keys went down, which messages passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator

from tests.browser.jupyterlab import Lab

# At each animation frame the picture is drawn small and read back: what counts is what the page really shows.
PROBE = """selector => {
    const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 64});
    const pen = canvas.getContext('2d', {willReadFrequently: true});
    pen.imageSmoothingEnabled = false;
    const read = image => {
        pen.clearRect(0, 0, 64, 64);
        pen.drawImage(image, 0, 0, 64, 64);
        const bytes = pen.getImageData(0, 0, 64, 64).data;
        let hash = 2166136261;
        for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 16777619);
        return hash >>> 0;
    };
    const probe = window.probe = {pictures: [], keys: [], counts: {}, frames: 0, heard: performance.now()};
    probe.clear = () => {
        Object.assign(probe, {pictures: probe.pictures.slice(-1), keys: [], counts: {}, frames: 0});
    };
    probe.decode = async source => {
        const image = new Image();
        image.src = source;
        await image.decode();
        return read(image);
    };
    window.addEventListener('keydown', () => probe.keys.push(performance.now()), true);
    const look = () => {
        probe.frames++;
        const image = document.querySelector(selector);
        if (image?.complete && image.naturalWidth > 1) {
            const hash = read(image), last = probe.pictures[probe.pictures.length - 1];
            if (last?.[1] !== hash) probe.pictures.push([performance.now(), hash]);
        }
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    kernel.anyMessage.connect((_, {msg, direction}) => {
        probe.heard = performance.now();
        const state = msg.content.data?.state ?? {}, type = msg.header.msg_type;
        const what = type === 'comm_msg' ? `${msg.content.data.method} ${Object.keys(state).sort()}` : type;
        const key = `${direction} ${what}`;
        probe.counts[key] = (probe.counts[key] ?? 0) + 1;
    });
}"""


@dataclass(frozen=True)
class Drag:
    """What the probe saw of one drag; times in milliseconds of the page's clock."""

    began: float
    released: float
    pictures: list[tuple[float, int]]  # when, which: only those that replaced another
    counts: dict[str, int]  # messages
    refreshes: float  # of the page, a second

    @property
    def during(self) -> list[tuple[float, int]]:
        """The pictures between the first move and the release."""
        return [picture for picture in self.pictures if picture[0] <= self.released]

    @property
    def per_second(self) -> float:
        """Pictures a second."""
        return 1000 * len(self.during) / (self.released - self.began)


class Probe:
    """Watches one picture of one page.

    Args:
        lab: The page, with the notebook run.
        picture: Selector of the picture.
        handle: Selector of the slider's handle.
    """

    def __init__(self, lab: Lab, picture: str, handle: str) -> None:
        self.lab = lab
        self.handle: Locator = lab.page.locator(handle).first
        self.handle.wait_for()
        lab.page.evaluate(PROBE, picture)
        lab.page.wait_for_function("() => window.probe.pictures.length")

    def quiet(self, seconds: float = 0.5) -> None:
        """Wait until no message has passed for a while."""
        self.lab.page.wait_for_function("ms => performance.now() - window.probe.heard > ms", arg=1000 * seconds)

    def step(self, key: str) -> float:
        """Press a key on the slider and return how many milliseconds later the next picture was there."""
        self.quiet()
        self.handle.focus()
        self.lab.page.evaluate("() => window.probe.clear()")
        self.lab.page.keyboard.press(key)
        self.lab.page.wait_for_function("() => window.probe.pictures.length > 1")
        return float(self.lab.page.evaluate("() => window.probe.pictures[1][0] - window.probe.keys[0]"))

    def drag(self, seconds: float, settle: str = "", hz: float = 60.0) -> Drag:
        """Move the slider to and fro, two steps of it each time, and watch until all is quiet."""
        self.quiet()
        width = self.handle.evaluate("handle => handle.closest('.noUi-target').clientWidth")
        shape = self.handle.bounding_box()
        assert shape, "the slider is not visible"
        x, y = shape["width"] / 2, shape["height"] / 2
        leg = 20  # moves from the middle to 40 % of the width aside
        points = [(x + 0.4 * width * _triangle(i / leg), y) for i in range(round(seconds * hz))]
        self.lab.page.evaluate("() => window.probe.clear()")
        times = self.lab.moves(self.handle, points, hz=hz)
        frames = self.lab.page.evaluate("() => window.probe.frames")
        self.quiet(1.0)
        self.lab.kernel_run(settle)
        self.quiet(0.3)
        seen: dict[str, Any] = self.lab.page.evaluate("() => window.probe")
        pictures = [(t, h) for t, h in seen["pictures"][1:]]
        refreshes = 1000 * frames / (times[-1] - times[0])
        return Drag(times[0], times[-1], pictures, seen["counts"], refreshes)

    def hash_of(self, source: str) -> int:
        """Return what the probe would call a picture, given as a data URL."""
        return int(self.lab.page.evaluate("source => window.probe.decode(source)", source))


def _triangle(t: float) -> float:
    """A wave of period 4 between -1 and 1, 0 at 0 and rising."""
    return abs((t + 3) % 4 - 2) - 1


def first_back(shown: Sequence[float], sent: Sequence[float]) -> int | None:
    """Which of ``shown`` is the first that goes back; None where it only leaves out some of ``sent``."""
    rest = iter(sent)
    same: Callable[[float, float], bool] = lambda a, b: abs(a - b) < 1e-6  # noqa: E731
    return next((i for i, value in enumerate(shown) if not any(same(value, other) for other in rest)), None)

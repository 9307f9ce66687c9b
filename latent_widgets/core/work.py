"""What a long run takes: its pictures are counted and the first of them timed, so that it can say so and keep to it.

A run is measured in pictures (or products): how many it draws follows from its settings, and never from the clock, so
that it can be repeated. Only where seconds are given are they turned into pictures, once, before it begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from latent_widgets.core import checks
from latent_widgets.core.steps import Cancelled, OnStep, Plan, report

__all__ = ["TRAINED", "Pace", "Stopped", "Work", "affordable", "check_budget", "in_parts", "nobody", "pace_of", "timed"]

TRAINED = 2  # passes' worth of a picture through which gradients flow: back through what it is made of, not to weights
PASS = {"cpu": 1e10, "cuda": 1e12}  # multiplications and additions of one pass: a fraction of a second
PIXELS = 2**19  # of the pictures of one pass, for networks whose work is not in convolutions
T = TypeVar("T")


def nobody() -> None:
    """Stands for who is not told of anything."""


class Stopped(Cancelled):
    """``on_step`` ended a run between two reports that its caller saw: inside a step."""


@dataclass(frozen=True)
class Pace:
    """How fast one picture is drawn.

    Attributes:
        seconds: That it takes.
        at_once: How many are drawn in one pass: so that no pass takes long. It follows from the work of a picture, not
            from the clock: a run is the same each time.
    """

    seconds: float
    at_once: int


def pace_of(draw: Callable[[], Any], size: tuple[int, int], told: Callable[[], object] = nobody) -> Pace:
    """Draw three pictures: the first is counted, the other two are timed.

    Args:
        draw: Draws one.
        size: Its height and width.
        told: Called after each.

    Returns:
        The pace.

    Example:
        >>> layer = torch.nn.Conv2d(512, 512, 3, padding=1)
        >>> pace = pace_of(lambda: layer(torch.ones(1, 512, 32, 32)), (32, 32))
        >>> pace.at_once, 0 < pace.seconds < 5
        (2, True)
    """
    with torch.no_grad():
        with _Counted() as counted:
            found = draw()
        told()
        seconds = timed(draw, told)
    most = PASS["cuda" if _device(found).type == "cuda" else "cpu"]
    by_work = most / counted.flops if counted.flops else float("inf")
    return Pace(seconds, max(1, int(min(by_work, PIXELS / (size[0] * size[1])))))


def timed(work: Callable[[], Any], told: Callable[[], object] = nobody) -> float:
    """Do something twice, and return how many seconds it takes.

    Args:
        work: What to do; it has been done once, so that it takes as long as later.
        told: Called after each time.

    Returns:
        The mean.
    """
    took = 0.0
    for _ in range(2):
        before = time.perf_counter()
        _finish(work())
        took += time.perf_counter() - before
        told()
    return took / 2


class _Counted(TorchFunctionMode):
    """Counts multiplications and additions of the convolutions and products that run inside.

    A mode at the level of functions: the one below it would make PyTorch import its compiler, for seconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0.0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if func in _SUMMED and isinstance(found, Tensor):
            given = [t for t in (*args, *(kwargs or {}).values()) if isinstance(t, Tensor)]
            if len(given) > 1:
                self.flops += 2.0 * _SUMMED[func](found, given[0], given[1])
        return found


def _conv(found: Tensor, x: Tensor, weight: Tensor) -> float:
    return found.numel() * weight.numel() / weight.shape[0]


def _transposed(found: Tensor, x: Tensor, weight: Tensor) -> float:
    return x.numel() * weight.numel() / weight.shape[0]


def _product(found: Tensor, a: Tensor, b: Tensor) -> float:
    return found.numel() * a.shape[-1]


_SUMMED: dict[Any, Callable[[Tensor, Tensor, Tensor], float]] = {
    **dict.fromkeys((F.conv1d, F.conv2d, F.conv3d), _conv),
    **dict.fromkeys((F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d), _transposed),
    **dict.fromkeys((F.linear, torch.matmul, torch.mm, torch.bmm, Tensor.matmul, Tensor.__matmul__), _product),
}


def _device(found: Any) -> torch.device:
    while isinstance(found, (list, tuple, dict)) and found:
        found = next(iter(found.values())) if isinstance(found, dict) else found[0]
    return found.device if isinstance(found, Tensor) else torch.device("cpu")


def _finish(found: Any) -> None:
    """Wait for what a GPU still computes."""
    device = _device(found)
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def check_budget(pictures: Any, seconds: Any, least: int, what: str) -> int | None:
    """Check how much a run may take, if it is said.

    Args:
        pictures: How many, or None.
        seconds: How long, or None.
        least: How many pictures it cannot do without.
        what: What they are for, as in ``"one step"``.

    Returns:
        ``pictures``.

    Raises:
        TypeError: If one of them is no number.
        ValueError: If both are given, or one is too small for anything.
    """
    if pictures is None:
        if seconds is not None and not checks.number("seconds", seconds) > 0:
            raise ValueError(f"seconds must be above 0, got {float(seconds):g}.")
        return None
    if seconds is not None:
        raise ValueError(
            "pictures or seconds must be given, not both, got both. Seconds are turned into pictures, and told."
        )
    pictures = checks.integer("pictures", pictures)
    if pictures < least:
        raise ValueError(f"pictures must be at least {least}, got {pictures}. So many are needed for {what}.")
    return pictures


def affordable(cost: Callable[[int], float], limit: float, name: str, least: str, most: int = 2**40) -> int:
    """Return the largest count whose cost is within a limit.

    Args:
        cost: What a count from 1 on costs; grows with it.
        limit: What there is: pictures, or seconds.
        name: What the limit is called.
        least: What 1 is, for the error.
        most: The largest count that is of use.

    Returns:
        The count.

    Raises:
        ValueError: If not even 1 is affordable; the message says what that costs.

    Example:
        >>> affordable(lambda steps: 20 + 8 * steps, 100, "pictures", "one step")
        10
    """
    if cost(1) > limit:
        needs = cost(1)
        shown = (f"{needs:.0f}", f"{limit:.0f}") if name == "pictures" else (f"{needs:.2g}", f"{limit:.2g}")
        raise ValueError(f"{name} must be at least {shown[0]}, got {shown[1]}. So many are needed for {least}.")
    low, high = 1, 2
    while high < most and cost(high) <= limit:
        low, high = high, 2 * high
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle) <= limit else (low, middle)
    return low


class Work:
    """The progress of one run: what it is to take, how much of it is done, and what was shown last.

    Args:
        on_step: Who is told.
        total: How many steps there will be.
        value: What there is to show before the first.
        begins: Whether the first step is done in any case, so that there is a result.

    Attributes:
        done: Passes so far, of which a picture with gradients is :data:`TRAINED`.
    """

    def __init__(self, on_step: OnStep | None, total: int | None, value: Any = None, begins: bool = False) -> None:
        self._begins, self._ended = begins, False
        self._on_step, self._total, self._index, self.value = on_step, total, 0, value
        self._plan: Plan | None = None
        self._passes, self.done, self._begin = 0.0, 0.0, time.perf_counter()

    def expect(self, plan: Plan, passes: float, total: int | None = None) -> None:
        """Say what the run will take; raises what :meth:`inside` raises.

        Args:
            plan: What it takes.
            passes: The same in passes.
            total: How many steps there will be, where that was not known.
        """
        self._plan, self._passes, self._begin, self.done = plan, float(passes), time.perf_counter(), 0.0
        self._total = self._total if total is None else total
        self.inside()

    @property
    def watched(self) -> bool:
        """Whether anybody is told."""
        return self._on_step is not None

    def hush(self) -> None:
        """Tell nobody any more: what is left is to be done in any case."""
        self._on_step = None

    def draw(self, passes: float) -> None:
        """Count what was drawn, in passes."""
        self.done += passes

    def tell(self, index: int, value: Any = None) -> bool:
        """Report a step that is done; return whether to go on."""
        self._index, self.value = index, value
        return not self._ended and self._report()

    def inside(self) -> None:
        """Report from inside a step, as after the last.

        Raises:
            Stopped: If ``on_step`` ends the run.
        """
        if self._ended or self._report():
            return
        if self._begins and self._index == 0:
            self._ended = True
            return
        raise Stopped("Cancelled inside a step.")

    def _report(self) -> bool:
        rate, left = None, None
        elapsed = time.perf_counter() - self._begin
        if self._plan is not None and self.done > 0 and elapsed > 0:
            rate = self.done / elapsed * self._plan.count / self._passes
            left = max(self._passes - self.done, 0.0) * elapsed / self.done
        return report(self._on_step, self._index, self._total, self.value, plan=self._plan, rate=rate, left=left)


def in_parts(function: Callable[[Tensor], T], codes: Tensor, size: int, told: Callable[[], object]) -> Iterator[T]:
    """Apply a function to a few codes at a time, and tell of each part, on the way back through gradients too.

    Args:
        function: What to apply.
        codes: ``(n, ...)``.
        size: How many at once. Where all fit, nothing is told: the step that they belong to is.
        told: Called after each part; what it raises ends the work.

    Yields:
        What it gave for each part.
    """
    parts = codes.split(size)
    for part in parts:
        if len(parts) > 1 and part.requires_grad:
            part.register_hook(lambda slope: _told(told))
        yield function(part)
        if len(parts) > 1:
            told()


def _told(told: Callable[[], object]) -> None:
    told()

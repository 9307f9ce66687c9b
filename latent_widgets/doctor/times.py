"""How long a frame and a pass over regions take, and how much memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from latent_widgets.core.steps import Plan, duration
from latent_widgets.doctor.device import finished, peak_bytes
from latent_widgets.doctor.finding import Finding
from latent_widgets.generators.base import Generator
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.regions.spectra import RegionSpectra

__all__ = ["PATIENCE", "seconds_of", "times_findings"]

PATIENCE = 15.0  # seconds: a pass over regions that is estimated to take longer is not run
FRAMES, LONG = 9, 3.0  # pictures that are timed, but none more after so many seconds
SEARCH = 35  # pictures' worth after which a search for one mask has good directions


def seconds_of(work: Callable[[], object], device: torch.device, times: int = 1) -> float:
    """Return how long something takes, the median of several times.

    Args:
        work: What to do; do it once before where the first time takes longer.
        device: Where it runs.
        times: How often, at most: no more after three seconds.

    Returns:
        Seconds.
    """
    taken: list[float] = []
    while len(taken) < times and sum(taken) < LONG:
        begin = time.perf_counter()
        work()
        finished(device)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def times_findings(G: Generator, code: Tensor, patience: float = PATIENCE) -> Iterator[Finding]:
    """Time a frame and a pass over regions; the pass of a large network is estimated from a product or two.

    Args:
        G: The generator, which has drawn and been differentiated before.
        code: ``(d,)``.
        patience: Seconds that a pass may take to be run.

    Yields:
        Frame, region pass and memory.
    """
    frame = seconds_of(lambda: G.synthesize(code[None]), G.device, FRAMES)
    yield Finding("frame", f"{duration(frame)}, {G.picture_size[1]} x {G.picture_size[0]} px")
    f = image_function(G, code)
    J = JacobianOperator(f, f.x0)
    vector = torch.ones_like(f.x0)
    product = seconds_of(lambda: J @ vector, G.device, 2)
    plan = Plan(len(f.x0), product, "product")
    if plan.seconds > patience:
        mask = duration(SEARCH * frame)
        said = f"{plan}, estimated from those timed; a search for one mask about {mask}, {SEARCH} pictures' worth"
        yield Finding("region pass", said)
    else:
        took = seconds_of(lambda: RegionSpectra(G, code), G.device)
        yield Finding("region pass", f"{duration(took)}, {len(f.x0)} products")
    most = peak_bytes(G.device)
    whose = "of the process" if G.device.type == "cpu" else f"on {G.device.type}"
    yield Finding("peak memory", "not counted here" if most is None else f"{most / 2**20:.0f} MiB {whose}")

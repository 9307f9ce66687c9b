"""What a GPU takes, beside the CPU of the same machine, in one table; run it with ``benchmarks/gpu.sh``.

Networks have the published sizes and random weights (``faces64`` its own). On the GPU all is measured. On the CPU a
figure that would take longer than ``PATIENCE`` is extrapolated from what was counted on the GPU and timed products, and
marked with ~; what is not reached within ``--minutes`` is left out, and said.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import machine, write
from benchmarks._timing import table
from latent_widgets.doctor.device import device_of, peak_bytes, title_of
from latent_widgets.doctor.times import seconds_of
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.generators.stylegan3 import make_stylegan3
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator

PATIENCE = 20.0  # seconds, for a figure of the CPU
SEARCH = 35  # pictures' worth of a search for one mask
BLOCK = 8  # vectors that a GPU multiplies at once for the leading singular values; 1 on a CPU
STEPS, BATCH = 4, 2  # of LELSD
LATENTS = 8  # of warpage


@dataclass(frozen=True)
class Case:
    """A network: what it is called, how it is made, and whether its whole pass over regions is run."""

    name: str
    make: Callable[[], lw.Generator]
    whole: bool = False


@dataclass
class Measured:
    """Figures of one network on one device: milliseconds, counts and MiB by name; what is extrapolated is named too."""

    figures: dict[str, float] = field(default_factory=dict)
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)


def stylegan2(resolution: int, base: int, most: int = 512) -> StyleGenerator:
    """Return a random StyleGAN2; ``base`` 32768 and 512 channels at most are config F of Karras et al. (2020)."""
    torch.manual_seed(0)
    channels = {2**i: min(most, base // 2**i) for i in range(2, resolution.bit_length())}
    network = StyleGAN2(z_dim=most, w_dim=most, resolution=resolution, channels=channels)
    return StyleGenerator(network, f"StyleGAN2 {resolution} px")


def stylegan3(resolution: int, base: int, most: int = 512) -> StyleGenerator:
    """Return a random StyleGAN3-T; ``base`` 32768 and 512 channels at most are those of Karras et al. (2021)."""
    torch.manual_seed(0)
    network = make_stylegan3(z_dim=most, w_dim=most, resolution=resolution, channel_base=base, channel_max=most)
    return StyleGenerator(network, f"StyleGAN3-T {resolution} px")


def cases(tiny: bool) -> Iterator[Case]:
    """Yield the networks, the smallest first, so that a run that is cut short has most of the table."""
    yield Case("faces64", lambda: lw.load("faces64"), whole=True)
    if tiny:
        yield Case("StyleGAN2 32 px, tiny", lambda: stylegan2(32, 256, 24))
        yield Case("StyleGAN3-T 16 px, tiny", lambda: stylegan3(16, 256, 24))
        return
    yield Case("StyleGAN2 256 px", lambda: stylegan2(256, 32768))
    yield Case("StyleGAN3-T 256 px", lambda: stylegan3(256, 32768))
    yield Case("StyleGAN2 1024 px", lambda: stylegan2(1024, 32768))


def ellipse(side: int) -> Tensor:
    """Return a mask of the size of an eye, in the upper left."""
    y, x = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    return ((y - 0.4) / 0.08) ** 2 + ((x - 0.35) / 0.12) ** 2 <= 1


def lelsd_step(G: lw.Generator) -> float:
    """Return the seconds of a step, the median of those after the first."""
    ends: list[float] = []

    def told(step: lw.Step) -> None:
        if step.index > len(ends):
            ends.append(time.perf_counter())

    lw.lelsd(G, ellipse(G.resolution), part="eye", steps=STEPS, batch=BATCH, samples=BATCH, patience=None, on_step=told)
    between = sorted(b - a for a, b in itertools.pairwise(ends))
    return between[len(between) // 2]


def measure(case: Case, device: torch.device, known: Measured | None, until: float) -> Measured:
    """Measure one network.

    Args:
        case: The network.
        device: Where.
        known: What was counted on the GPU; with it, what takes longer than :data:`PATIENCE` is extrapolated.
        until: When to stop, on the clock of ``time.monotonic``.

    Returns:
        The figures; those not reached are missing.
    """
    found, G = Measured(), case.make().to(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    code, mask = G.code(seed=0), ellipse(G.resolution)
    f = image_function(G, code)
    J = JacobianOperator(f, f.x0)
    v, u = (f.x0.new_ones(size) for size in J.shape[::-1])

    def note(name: str, work: Callable[[], object], expected: float = 0.0, times: int = 1) -> None:
        """Time something; extrapolate it where it would take long, leave it out where the time is over."""
        if time.monotonic() > until:
            return
        if known is not None and expected > PATIENCE:
            found.figures[name] = 1000 * expected
            found.guessed.add(name)
            return
        found.figures[name] = 1000 * seconds_of(work, device, times)

    if time.monotonic() > until:
        return found
    G.synthesize(code[None])
    note("frame", lambda: G.synthesize(code[None]), times=9)
    for product in (lambda: J @ v, lambda: J.T @ u):  # the first of a process loads what later ones use
        product()
    note("J v", lambda: J @ v, times=3)
    note("J' u", lambda: J.T @ u, times=3)
    frame, forward, backward = (found.figures.get(name, 0.0) / 1000 for name in ("frame", "J v", "J' u"))
    if case.whole:
        note("region pass", lambda: lw.RegionSpectra(G, code), forward * J.shape[1])
    else:
        search = f"region, {SEARCH} pictures' worth"
        note(search, lambda: lw.RegionSpectra.for_mask(G, code, mask, pictures=SEARCH), SEARCH * frame)

    def spectrum() -> None:
        block = 1 if device.type == "cpu" else BLOCK
        found.counts["top 20"] = J.svd(min(20, J.shape[1] - 1), "progressive", block=block).products or (0, 0)

    there, back = (known.counts if known else {}).get("top 20", (0, 0))
    note("top 20 singular values", spectrum, there * forward + back * backward)
    trained = 3 * 8 * BATCH * STEPS  # pictures and passes of a run with few samples, at least
    if time.monotonic() <= until and (known is None or trained * frame <= PATIENCE):
        found.figures[f"LELSD step, batch {BATCH}"] = 1000 * lelsd_step(G)
    note(f"warpage of w, {LATENTS} latents", lambda: lw.warpage(G, n=LATENTS, k=min(10, G.z_dim - 1, G.dim("w") - 1)))
    most = peak_bytes(device)
    if most is not None:
        found.figures["peak memory, MiB"] = most / 2**20
    return found


def rows_of(name: str, ours: Measured, cpu: Measured) -> list[list[str]]:
    """Return the rows of a network."""
    rows = []
    for what in dict.fromkeys([*ours.figures, *cpu.figures]):
        cells = []
        for found in (ours, cpu):
            value = found.figures.get(what)
            cells.append("" if value is None else f"{'~' * (what in found.guessed)}{value:.3g}")
        both = ours.figures.get(what), cpu.figures.get(what)
        times = f"{both[1] / both[0]:.3g}" if both[0] and both[1] and ours is not cpu and "MiB" not in what else ""
        rows.append([name, what, *([cells[1]] if ours is cpu else [*cells, times])])
    return rows


def main() -> int:
    """Print the table; return 1 where the device is missing."""
    parser = argparse.ArgumentParser(prog="benchmarks/gpu.sh", description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda or mps")
    parser.add_argument("--cpu", action="store_true", help="the CPU alone")
    parser.add_argument("--tiny", action="store_true", help="small networks, to see that all of it runs")
    parser.add_argument("--minutes", type=float, default=8.0, help="after which no figure is begun")
    given = parser.parse_args()
    try:
        device = device_of("cpu" if given.cpu else given.device)
    except ValueError as error:
        print(f"refused: {error} Or give --cpu.", file=sys.stderr)
        return 1
    before, until = machine("scipy"), time.monotonic() + 60 * given.minutes
    results: dict[str, Any] = {}
    rows: list[list[str]] = []
    found: dict[str, Measured] = {}
    for case in cases(given.tiny):
        print(f"{case.name} on {device.type} ...", file=sys.stderr, flush=True)
        found[case.name] = measure(case, device, None, until)
    for case in cases(given.tiny):
        ours = cpu = found[case.name]
        if not given.cpu:
            print(f"{case.name} on the CPU ...", file=sys.stderr, flush=True)
            cpu = measure(case, torch.device("cpu"), ours, until)
        rows += rows_of(case.name, ours, cpu) or [[case.name, "not reached", *[""] * (1 if given.cpu else 3)]]
        results[case.name] = {
            place: {**one.figures, "extrapolated": sorted(one.guessed), "products": one.counts}
            for place, one in ((device.type, ours), ("cpu", cpu))
        }
    columns = ["CPU"] if given.cpu else [device.type, "CPU", "CPU over it"]
    table(f"{title_of(device)}: milliseconds unless said", ["", "", *columns], rows)
    write("gpu", before, {"device": title_of(device), "results": results})
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What Jacobians and their spectra cost, beside the published row-by-row procedure.

Run it with ``python -m benchmarks.bench_jacobian``; ``--quick`` takes a narrower 256 px network and fewer rounds. Times
are of the processor, which other programs hardly change. The published loop is timed on eight rows, and its total is
an extrapolation, marked with ~.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import latent_widgets as lw
from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import in_turn, table
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.geometry.jacobian.differential import mapping_jacobians
from latent_widgets.geometry.jacobian.functions import VectorFunction, image_function
from latent_widgets.geometry.jacobian.operator import JacobianOperator

ROWS = 8


def published_size(base: int) -> StyleGenerator:
    """Return a random StyleGAN2 of 256 px; ``base`` 32768 is the size published (Karras et al. 2020, config F)."""
    torch.manual_seed(0)
    channels = {2**i: min(512, base // 2**i) for i in range(2, 9)}
    return StyleGenerator(StyleGAN2(z_dim=512, w_dim=512, resolution=256, channels=channels), "random 256 px")


def row_by_row(f: VectorFunction) -> Callable[[], Tensor]:
    """Return the published loop over a few rows: one reverse pass for each pixel of the grey picture."""

    def run() -> Tensor:
        with torch.enable_grad():
            x = f.x0.clone().requires_grad_()
            grey = f(x).mean(0).flatten()
            middle = len(grey) // 2  # dense pixels: none is in a corner that nothing reaches
            return torch.stack([torch.autograd.grad(grey[middle + i], x, retain_graph=True)[0] for i in range(ROWS)])

    return run


def batch_trick(G: lw.Generator, z: Tensor) -> Tensor:
    """Return dw/dz as the official Local Basis program does: the latent repeated for every output."""
    with torch.enable_grad():
        repeated = z.expand(G.dim("w"), -1).clone().requires_grad_()
        w = G.map(repeated)
        return torch.autograd.grad(w, repeated, grad_outputs=torch.eye(G.dim("w")))[0]


def peak() -> float:
    """Return the largest memory that the process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def passes() -> None:
    """Print how often the network is run through for a whole Jacobian at 256 px, w of length 512, 14 layers."""
    rows = []
    for name, outputs in (("grey", 256**2), ("RGB", 3 * 256**2)):
        for space, columns in (("w, shared by the layers", 512), ("w+, all layers", 14 * 512)):
            rows.append([name, space, outputs, columns, outputs / columns])
    table("Passes for one Jacobian at 256 px", ["picture", "code", "row by row", "by columns", "times fewer"], rows)


def faces(repeats: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Time the whole Jacobian and spectrum of the built-in faces."""
    G = lw.load("faces64")
    f = image_function(G, G.code(3))
    J = JacobianOperator(f, f.x0)
    loop = row_by_row(f)
    runs: dict[str, Callable[[], object]] = {
        "loop, 8 rows": loop,
        "J": J.dense,
        "spectrum": lambda: J.svd(left=False),
        "synthesis": lambda: f(f.x0),
    }
    cpu = in_turn(runs, repeats, time.process_time)
    whole = cpu["loop, 8 rows"] / ROWS * G.resolution**2
    grey = J.dense().unflatten(0, (3, -1)).mean(0)
    middle = len(grey) // 2
    error = float((loop() - grey[middle : middle + ROWS]).norm() / grey[middle : middle + ROWS].norm())
    rows = [
        ["published loop, grey", f"~{whole:.3g}", G.resolution**2, 1.0],
        ["J, RGB", cpu["J"], G.z_dim, whole / cpu["J"]],
        ["J and its singular values", cpu["spectrum"], G.z_dim, whole / cpu["spectrum"]],
    ]
    table(f"faces64, whole Jacobian (rows agree to {error:.1e})", ["", "CPU ms", "passes", "times faster"], rows)
    bars = [
        bar("full spectrum of faces64, CPU time", cpu["spectrum"], "< 500 ms", cpu["spectrum"] < 500, "ms"),
        bar("rows agree with the published loop", error, "< 1e-5", error < 1e-5),
    ]
    return {**cpu, "loop, all rows, extrapolated": whole}, bars


def large(base: int, k: int, repeats: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Time the 256 px network: a chunk of columns beside eight rows, and the leading spectrum without the matrix."""
    G = published_size(base)
    f = image_function(G, G.code(0))
    before = peak()
    J = JacobianOperator(f, f.x0)
    unit = torch.eye(512)[:, :ROWS].contiguous()
    cpu = in_turn({"loop": row_by_row(f), "columns": lambda: J @ unit}, repeats, time.process_time)
    grey, rgb, ours = cpu["loop"] / ROWS * 256**2, cpu["loop"] / ROWS * 3 * 256**2, cpu["columns"] / ROWS * 512
    rows = [
        ["published loop, grey", f"~{grey / 1000:.3g}", 256**2, 1.0],
        ["published loop, RGB", f"~{rgb / 1000:.3g}", 3 * 256**2, grey / rgb],
        ["by columns, RGB", f"~{ours / 1000:.3g}", 512, grey / ours],
    ]
    wide = f"widest layer {max(m.inputs for m in G.module.synthesis.modules() if hasattr(m, 'inputs'))}"
    table(f"256 px network, {wide}, whole Jacobian", ["", "CPU s", "passes", "times faster"], rows)
    products, start = [0], time.process_time()
    found = J.svd(k, "lanczos", left=False, on_step=lambda step: products.__setitem__(0, step.index))
    seconds = time.process_time() - start
    matrix = J.shape[0] * J.shape[1] * 4 / 2**20
    residual = float(found.residuals.max()) if found.residuals is not None else 0.0
    rows = [
        ["CPU s", seconds],
        ["forward products", products[0]],
        ["largest residual over the first singular value", residual],
        ["peak memory, MiB", peak()],
        ["of which before", before],
        ["the matrix would take, MiB", matrix],
    ]
    table(f"The {k} leading singular values at 256 px, without the matrix", ["", ""], rows)
    bars = [
        bar("passes, grey", 256**2 / 512, ">= 100 times fewer", 256**2 / 512 >= 100),
        bar(f"residual of the top {k}", residual, "< 1e-4", residual < 1e-4),
    ]
    results = {"CPU ms": cpu, "top": k, "top, CPU s": seconds, "products": products[0], "residual": residual}
    return {**results, "peak MiB": peak(), "before MiB": before, "matrix MiB": matrix}, bars


def mapping(repeats: int) -> dict[str, Any]:
    """Time dw/dz of a mapping of published size."""
    G = published_size(512)
    z = G.sample_z(1)
    runs = {"official batch trick": lambda: batch_trick(G, z), "ours": lambda: mapping_jacobians(G, z)}
    cpu = in_turn(runs, repeats, time.process_time)
    error = float((batch_trick(G, z) - mapping_jacobians(G, z)[0]).norm() / batch_trick(G, z).norm())
    rows = [[name, ms, cpu["official batch trick"] / ms] for name, ms in cpu.items()]
    table(f"dw/dz, 512 x 512 (they agree to {error:.1e})", ["", "CPU ms", "times faster"], rows)
    return cpu


def main() -> None:
    """Print every table and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="an eighth of the channels at 256 px, top 5, fewer rounds")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    before = machine("scipy")
    passes()
    results: dict[str, Any] = {}
    results["faces64"], bars = faces(2 if arguments.quick else 5)
    results["mapping"] = mapping(2 if arguments.quick else 5)
    base, k = (4096, 5) if arguments.quick else (32768, 20)
    results["256 px"], more = large(base, k, 1 if arguments.quick else 2)
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars + more))
    write("jacobian", before, {"results": results, "bars": bars + more})


if __name__ == "__main__":
    with torch.no_grad():
        main()

"""What another program on one core does to a picture: with one and two threads of PyTorch, spinning or asleep.

Run it with ``python -m benchmarks.bench_threads``; ``--quick`` takes fewer rounds. Each row is a process of its own,
since OpenMP reads its policy once, when PyTorch is loaded.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import torch

import latent_widgets as lw
from benchmarks._report import machine, write
from benchmarks._timing import percentile, table

POLICIES = {"as PyTorch has it": None, "asleep": "passive"}
OTHERS = {"alone": 0, "another program on one core": 1}


def pictures(threads: int, rounds: int) -> None:
    """Draw one picture after the other, and print how many milliseconds each took."""
    torch.set_num_threads(threads)
    G = lw.load()
    z = G.sample_z(1, seed=0)
    for turn in range(rounds + 5):
        start = time.perf_counter()
        G(z)
        if turn >= 5:
            print(1000 * (time.perf_counter() - start))


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep so many cores busy."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def measure(policy: str | None, threads: int, rounds: int) -> dict[str, float]:
    """Time pictures in a process that began under a policy."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": policy} if policy else {}
    command = [sys.executable, "-m", "benchmarks.bench_threads", "--child", str(threads), str(rounds)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    times = [float(line) for line in said.split()]
    return {"median": percentile(times, 50), "p95": percentile(times, 95), "worst": max(times)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch, beside one")
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return pictures(*arguments.child)
    before, results, rows = machine(), dict[str, Any](), []
    for others, count in OTHERS.items():
        with busy(count):
            for threads in sorted({1, arguments.threads}):
                for name, policy in POLICIES.items():
                    found = measure(policy, threads, 20 if arguments.quick else 60)
                    results[f"{others}, {threads} threads, {name}"] = found
                    rows.append([others, threads, name, *found.values()])
    table("A picture of faces64", ["", "threads", "they wait", "median ms", "p95 ms", "worst ms"], rows)
    return write("threads", before, {"results": results})


if __name__ == "__main__":
    with torch.no_grad():
        main()

"""What a picture costs on its way to the page: JPEG while it moves against PNG at rest, in time and in bytes.

Run it with ``python -m benchmarks.bench_encode``; ``--quick`` takes fewer rounds.
"""

from __future__ import annotations

import argparse
import io
import time

import torch
from PIL import Image

from benchmarks._timing import in_turn, table
from latent_widgets import faces
from latent_widgets.widgets.kit.encode import encode, to_uint8

SIDES = (64, 256, 1024)
CHOSEN, REFERENCE = "JPEG 90 (moving)", "PNG 1 (at rest)"


def usual_png(pixels: object) -> bytes:
    """Encode as Pillow does unless told otherwise, as most notebooks do."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def webp(pixels: object) -> bytes:
    """Encode as the fastest lossy WebP."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=90, method=0)
    return file.getvalue()


def picture(side: int) -> torch.Tensor:
    """Return one face with a little grain, since a drawing without any flatters PNG."""
    generator = torch.Generator().manual_seed(0)
    factors = faces.sample_factors(1, seed=1)
    image = faces.render(factors, side).image[0]
    return image + 0.03 * torch.randn(image.shape, generator=generator)


def main() -> None:
    """Print one table per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; encoding takes one anyway")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for side in SIDES:
        image = picture(side)
        pixels = to_uint8(image)
        runs = {
            CHOSEN: lambda image=image: encode(image, lossless=False)[0],
            REFERENCE: lambda image=image: encode(image, lossless=True)[0],
            "PNG 6 (Pillow's usual)": lambda pixels=pixels: usual_png(pixels),
            "WebP 90": lambda pixels=pixels: webp(pixels),
            "8-bit pixels only": lambda image=image: to_uint8(image).tobytes(),
        }
        times = in_turn(runs, 5 if arguments.quick else 15, clock=time.process_time)
        rows = [
            [name, times[name], times[name] / times[CHOSEN], len(run()), len(run()) / len(runs[CHOSEN]())]
            for name, run in runs.items()
        ]
        table(f"{side} x {side} pixels", ["encoding", "CPU ms", "time ratio", "bytes", "size ratio"], rows)


if __name__ == "__main__":
    with torch.no_grad():
        main()

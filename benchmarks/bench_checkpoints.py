"""What it costs to load a checkpoint and to draw with it, beside the plain ways.

Run it with ``python -m benchmarks.bench_checkpoints``; ``--quick`` takes an eighth of the channels. Files of published
sizes are written with random weights in the layout of each family, with a second network beside the generator as real
files have it. Loading runs in a process of its own, whose memory is measured. Drawing is compared with the grouped
form, in which every sample has a convolution of its own, and with the definition-level twin of the tests.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks._report import bar, bar_rows, machine, write
from benchmarks._timing import in_turn, table
from latent_widgets.generators.checkpoints.reading import convert
from latent_widgets.generators.stylegan2 import ModulatedConv, StyleGAN2
from latent_widgets.generators.stylegan3 import StyleGAN3, make_stylegan3
from tests.generators.checkpoints import standins
from tests.reference import ReferenceStyleGAN2, relative
from tests.reference_stylegan3 import ReferenceStyleGAN3

_CHILD = """
import json, resource, sys, time
from pathlib import Path
from latent_widgets.generators.checkpoints.reading import read_network

def peak():  # of this program alone; getrusage counts what the parent held before it started this one
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024

read_network(sys.argv[2])  # a small one: what is imported, and what torch takes once, is not of the file
before = peak()
wall, cpu = time.perf_counter(), time.process_time()
read_network(sys.argv[1])
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps([wall, cpu, peak() - before]))
"""


def stylegan2(resolution: int, base: int) -> StyleGAN2:
    """Return a random StyleGAN2; ``base`` 32768 is the published size (Karras et al. 2020, config F)."""
    torch.manual_seed(0)
    channels = {2**i: min(512, base // 2**i) for i in range(2, resolution.bit_length())}
    return StyleGAN2(z_dim=512, w_dim=512, resolution=resolution, channels=channels).eval().requires_grad_(False)


def stylegan3(resolution: int, base: int, rotation: bool = False) -> StyleGAN3:
    """Return a random StyleGAN3 of configuration T or R; ``base`` 32768 is the published size of T."""
    torch.manual_seed(0)
    options = {"rotation": rotation, "channel_base": base * (1 + rotation), "channel_max": 512 * (1 + rotation)}
    return make_stylegan3(z_dim=512, w_dim=512, resolution=resolution, **options).eval().requires_grad_(False)


def settle(network: StyleGAN3) -> StyleGAN3:
    """Set each layer's record of the size of its input, as training does: features then keep unit scale."""
    synthesis = network.synthesis
    styles = synthesis.styles(torch.randn(4, synthesis.num_ws, network.w_dim))
    state = synthesis.step(0, synthesis.start(4), styles[0])
    for i, name in enumerate(synthesis.layer_names[1:], 1):
        getattr(synthesis, name).magnitude_ema.copy_(state.x.square().mean())
        state = synthesis.step(i, state, styles[i])
    return network


def files(folder: Path, base: int) -> dict[str, Path]:
    """Write one file of each family, with the generator twice as real files have it."""
    two, three = stylegan2(1024, base), stylegan3(256, base)
    made = {}
    for name, network in (("NVIDIA StyleGAN2, 1024 px", two), ("NVIDIA StyleGAN3-T, 256 px", three)):
        made[name] = folder / f"{len(made)}.pkl"

        def both(network: Any = network) -> dict[str, Any]:
            other = copy.deepcopy(network)  # pickle would write shared numbers once
            tree = standins.nvidia(network)
            if isinstance(network, StyleGAN2):
                standins.set_architecture(tree, "skip")
            return {"G": standins.nvidia(other), "G_ema": tree}

        standins.dump(both, made[name])
    made["TensorFlow StyleGAN2, 1024 px"] = standins.write_tensorflow(folder / "tf.pkl", two)
    for name, layout in (("rosinality", standins.rosinality), ("GenForce", standins.genforce)):
        path = made[f"{name} StyleGAN2, 1024 px"] = folder / f"{name}.pt"
        torch.save({"g": layout(stylegan2(1024, base)), "g_ema": layout(two), "generator_smooth": layout(two)}, path)
    made["safetensors, the first"] = folder / "first.safetensors"
    convert(made["NVIDIA StyleGAN2, 1024 px"], made["safetensors, the first"])
    return made


def loading(base: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Time loading, each family in a process of its own."""
    results, rows = {}, []
    with tempfile.TemporaryDirectory() as folder:
        small = StyleGAN2(z_dim=2, w_dim=2, resolution=8, channels={4: 2, 8: 2}, mapping_layers=1)
        first = standins.write_nvidia(Path(folder) / "small.pkl", small)
        for name, path in files(Path(folder), base).items():
            command = [sys.executable, "-c", _CHILD, str(path), str(first)]
            said = subprocess.run(command, capture_output=True, text=True, check=True)
            wall, cpu, memory = json.loads(said.stdout)
            size = path.stat().st_size / 2**20
            results[name] = {"MiB": size, "s": wall, "CPU s": cpu, "peak MiB": memory, "over the file": memory / size}
            rows.append([name, size, wall, cpu, memory, memory / size])
    table("Loading", ["", "file, MiB", "s", "CPU s", "memory, MiB", "over the file"], rows)
    most = max(result["over the file"] for name, result in results.items() if name.startswith("NVIDIA"))
    return results, [bar("memory over the file, NVIDIA", most, "< 1.5 times", most < 1.5)]


def grouped(layer: ModulatedConv, x: Tensor, style: Tensor) -> Tensor:
    """Run a layer as published: the style scales the weights, one group for each sample; then noise, bias, ReLU."""
    n, channels, h, w = x.shape
    weight = layer.weight / math.sqrt(layer.inputs * 9) * style[:, None, :, None, None]
    weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
    y = F.conv2d(x.reshape(1, n * channels, h, w), weight.flatten(0, 1), padding=1, groups=n)
    y = y.reshape(n, -1, h, w) + layer.noise_const * layer.noise_strength
    return F.leaky_relu(y + layer.bias[:, None, None], 0.2) * math.sqrt(2)


def drawing(base: int, repeats: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Time one picture, and one layer in both forms."""
    networks: dict[str, nn.Module] = {
        "StyleGAN2, 256 px": stylegan2(256, base),
        "StyleGAN3-T, 256 px": stylegan3(256, base),
        "StyleGAN3-R, 256 px": stylegan3(256, base, rotation=True),
    }
    z = torch.randn(1, 512)
    runs: dict[str, Callable[[], object]] = {name: (lambda net=net: net(z)) for name, net in networks.items()}
    cpu = in_turn(runs, repeats, time.process_time)
    table("One picture", ["", "CPU ms"], [[name, ms] for name, ms in cpu.items()])
    layer = networks["StyleGAN2, 256 px"].synthesis.b64.conv1
    layer_ms = {}
    for batch in (1, 8):
        x, style = torch.randn(batch, layer.inputs, 64, 64), torch.randn(batch, layer.inputs)
        layer_ms[batch] = in_turn(
            {"ours": lambda x=x, s=style: layer(x, s), "grouped": lambda x=x, s=style: grouped(layer, x, s)},
            repeats,
            time.process_time,
        )
    rows = [[f"batch {n}", t["ours"], t["grouped"], t["grouped"] / t["ours"]] for n, t in layer_ms.items()]
    table(f"One layer, {layer.inputs} channels at 64 px", ["", "ours, CPU ms", "grouped, CPU ms", "ratio"], rows)
    return {"CPU ms": cpu, "layer, CPU ms": layer_ms}, []


def definition() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Compare small networks with the twins that write every sum down: error and time."""
    rows, bars, results = [], [], {}
    torch.manual_seed(0)
    sizes = {"z_dim": 8, "w_dim": 8, "resolution": 32}
    channels = {4: 8, 8: 8, 16: 6, 32: 4}
    small: dict[str, Any] = {
        f"StyleGAN2 {kind}": StyleGAN2(**sizes, channels=channels, architecture=kind)
        for kind in ("skip", "resnet", "orig")
    }
    for name in ("T", "R"):
        network = make_stylegan3(**sizes, channel_base=256, channel_max=16, rotation=name == "R")
        small[f"StyleGAN3-{name}"] = settle(network)
    for name, network in small.items():
        twin = ReferenceStyleGAN2(network.state_dict()) if "2" in name else ReferenceStyleGAN3.of(network)
        ws = torch.randn(1, network.synthesis.num_ws, 8)
        start = time.process_time()
        wanted = twin.synthesize(ws.double().numpy())
        slow = 1000 * (time.process_time() - start)
        error = float(relative(network.synthesis(ws).detach(), wanted))
        fast = in_turn({"ours": lambda net=network, ws=ws: net.synthesis(ws)}, 5, time.process_time)["ours"]
        rows.append([name, error, fast, slow, slow / fast])
        results[name] = {"error": error, "CPU ms": fast, "definition, CPU ms": slow}
        bars.append(bar(f"relative L2 from the definition, {name}", error, "< 5e-6", error < 5e-6))
    table("Beside the definition, 32 px", ["", "relative L2", "ours, CPU ms", "definition", "ratio"], rows)
    return results, bars


def main() -> None:
    """Print every table and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="an eighth of the channels, fewer rounds")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one by default")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    before = machine("safetensors")
    base, repeats = (4096, 1) if arguments.quick else (32768, 3)
    results, bars = {}, []
    for name, (found, more) in {
        "definition": definition(),
        "loading": loading(base),
        "drawing": drawing(base, repeats),
    }.items():
        results[name] = found
        bars += more
    table("Bars", ["what", "measured", "bar", ""], bar_rows(bars))
    write("checkpoints", before, {"results": results, "bars": bars})


if __name__ == "__main__":
    with torch.no_grad():
        main()

"""Files of this package: descriptions that ask for nonsense are refused in words, and what reading imports."""

import json
import resource
import subprocess
import sys

import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators._shipped import pack
from latent_widgets.generators.checkpoints._values import CheckpointError
from latent_widgets.generators.checkpoints.reading import convert, find_network
from tests.generators.checkpoints.hostile import at_top, in_input, in_layer
from tests.generators.checkpoints.standins import genforce, rosinality, write_nvidia, write_tensorflow


@pytest.fixture
def before():
    """The most memory that was taken before the test, in KiB (on macOS in bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.fixture
def describe(tmp_path, make_variant):
    """Writes a small network with a description of which `change` makes another."""

    def write(name, change):
        network = make_variant(name)
        found, _ = find_network(write_nvidia(tmp_path / "x.pkl", network))
        config = json.loads(json.dumps(found.config))
        change(config)
        about = {"architecture": found.architecture, "config": config}
        path = tmp_path / "x.safetensors"
        path.write_bytes(pack(dict(network.state_dict()), about, half=False))
        return path

    return write


BAD = {
    "depth": ("skip", at_top(mapping_layers=65), "mapping_layers must be between 0 and 64, got 65."),
    "a bomb": ("skip", at_top(mapping_layers=10**9), "mapping_layers must be between 0 and 64, got 1000000000."),
    "a bomb in T": ("T", at_top(mapping_layers=10**30), f"mapping_layers must be between 0 and 64, got 1{'0' * 20}"),
    "half a layer": ("skip", at_top(mapping_layers=1.5), "mapping_layers must be an integer, got 1.5."),
    "rate": ("skip", at_top(mapping_lr="x"), "mapping_lr must be a number, got 'x'."),
    "no rate": ("T", at_top(mapping_lr=0), "mapping_lr must be at least 1e-09, got 0."),
    "clamp": ("skip", at_top(clamp=[]), "clamp must be a number, got []."),
    "clamp below zero": ("skip", at_top(clamp=-1), "clamp must be at least 0.0, got -1."),
    "clamp of a layer": ("T", in_layer(clamp="x"), "clamp must be a number, got 'x'."),
    "clamp of a layer below zero": ("T", in_layer(clamp=-1), "clamp must be at least 0.0, got -1."),
    "scale": ("T", at_top(output_scale={}), "output_scale must be a number, got {}."),
    "truth for a scale": ("T", at_top(output_scale=True), "output_scale must be a number, got True."),
    "bandwidth": ("T", in_input(bandwidth="x"), "bandwidth must be a number, got 'x'."),
    "no sampling rate": ("T", in_input(sampling_rate=None), "sampling_rate must be a number, got None."),
    "sampling rate": ("R", in_input(sampling_rate=[1]), "sampling_rate must be a number, got [1]."),
    "odd taps": ("skip", at_top(taps=[1, 2, 1]), "taps must be symmetric and of even length, got (1.0, 2.0, 1.0)."),
    "no taps": ("skip", at_top(taps=[]), "taps must be symmetric and of even length, got ()."),
    "lopsided taps": ("skip", at_top(taps=[1, 2]), "taps must be symmetric and of even length, got (1.0, 2.0)."),
    "taps that are text": ("skip", at_top(taps="xx"), "taps must be a number, got 'x'."),
    "taps that end in 0": (
        "skip",
        at_top(taps=[0, 0]),
        "taps must have an end and a sum other than 0, got (0.0, 0.0).",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_descriptions_that_are_refused(describe, before, name):
    variant, change, message = BAD[name]
    path = describe(variant, change)
    with pytest.raises(CheckpointError) as caught:
        lw.load(path)
    assert message in str(caught.value)
    assert "pass the live network: lw.load(network)" in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 2 ** (
        10 if sys.platform != "darwin" else 20
    )


def test_numbers_that_are_not_finite_are_no_json(describe):
    with pytest.raises(CheckpointError, match=r"the description in .* must be JSON, got .*: Infinity is no number"):
        lw.load(describe("T", in_input(bandwidth=float("inf"))))


@pytest.mark.parametrize(
    ("variant", "change"),
    [
        ("skip", at_top(clamp=10**30, taps=[1, 1], mapping_lr=1)),
        ("T", in_layer(clamp=10**30)),
        ("T", in_input(sampling_rate=10**30, bandwidth=0)),
    ],
)
def test_whole_numbers_of_any_size_draw(describe, variant, change):
    G = lw.load(describe(variant, change))
    with torch.no_grad():
        assert G(G.sample_z(1)).shape == (1, 3, 16, 16)


_CHILD = """
import sys
import torch
with torch.device("meta"):
    torch.zeros(1)  # for which PyTorch 2.6 loads sympy
before = set(sys.modules)
import latent_widgets as lw
for path in sys.argv[1:]:
    lw.load(path)
print(*sorted({"sympy", "torch._dynamo", "torch._inductor"} & (set(sys.modules) - before)))
"""


def test_reading_imports_no_compiler(tmp_path, make_variant):
    two, three = make_variant(), make_variant("R")
    paths = [
        write_nvidia(tmp_path / "two.pkl", two),
        write_nvidia(tmp_path / "three.pkl", three),
        write_tensorflow(tmp_path / "tf.pkl", two),
    ]
    for path in paths[:2]:
        convert(path, path.with_suffix(".safetensors"))
        paths.append(path.with_suffix(".safetensors"))
    for layout in (rosinality, genforce):
        paths.append(tmp_path / f"{layout.__name__}.pt")
        torch.save({"g_ema": layout(two)}, paths[-1])
    said = subprocess.run([sys.executable, "-c", _CHILD, *map(str, paths)], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert said.stdout.strip() == ""

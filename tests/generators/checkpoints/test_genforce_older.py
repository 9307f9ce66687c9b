"""GenForce's StyleGAN and ProgressiveGAN, against the formulas of the papers written out on its own names."""

import math

import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators import stylegan1
from latent_widgets.generators._networks import build_network
from latent_widgets.generators.checkpoints import genforce_older
from latent_widgets.generators.checkpoints._values import CheckpointError
from latent_widgets.generators.checkpoints.reading import convert, find_network
from tests.generators.checkpoints.older import (
    CHANNELS,
    SIDE,
    draw_pggan,
    draw_stylegan,
    map_stylegan,
    pggan,
    stylegan,
)
from tests.reference import relative


@pytest.mark.parametrize("colours", [1, 3])
def test_progressive_gan(tmp_path, colours):
    state = pggan(colours=colours)
    torch.save({"generator_smooth": state, "discriminator": {"lod": torch.tensor(0.0)}}, tmp_path / "x.pth")
    G = lw.load(tmp_path / "x.pth")
    assert (G.spaces, G.resolution, G.layer_names) == (("z",), SIDE, ("b4", "b8", "b16", "image"))
    z = G.sample_z(3)
    assert relative(G(z), draw_pggan(state, z).repeat(1, 3 // colours, 1, 1)) < 5e-6
    ours = G.module.state_dict()
    assert torch.equal(ours["b8.conv0.weight"], state["layer2.weight"])
    assert torch.equal(ours["image.conv.bias"], state["output2.bias"])
    assert len(ours) == len(state) - 1 - 4
    convert(tmp_path / "x.pth", tmp_path / "x.safetensors", final_tanh=True)
    assert torch.equal(lw.load(tmp_path / "x.safetensors")(z), G(z).tanh())


@pytest.mark.parametrize("colours", [1, 3])
def test_stylegan(tmp_path, colours):
    state = stylegan(colours=colours)
    torch.save({"models": {"generator_smooth": state}}, tmp_path / "x.pth")
    G = lw.load(tmp_path / "x.pth")
    assert (G.spaces, G.resolution, G.num_layers, G.dim("s")) == (("z", "w", "w+", "s"), SIDE, 6, 4 * sum(CHANNELS))
    z = G.sample_z(3)
    assert relative(G.map(z), map_stylegan(state, z)) < 1e-6
    assert relative(G(z), draw_stylegan(state, map_stylegan(state, z)).repeat(1, 3 // colours, 1, 1)) < 5e-6
    assert torch.equal(G.w_avg, state["truncation.w_avg"])
    assert torch.equal(
        G.module.state_dict()["synthesis.b16.conv1.affine.weight"], state["synthesis.layer5.style.weight"]
    )
    styles = G.styles(G.map(z))
    assert torch.allclose(G.synthesize(styles, "s"), G(z), atol=1e-6)
    convert(tmp_path / "x.pth", tmp_path / "x.safetensors")
    assert torch.equal(lw.load(tmp_path / "x.safetensors")(z), G(z))
    assert torch.equal(lw.load(tmp_path / "x.pth", final_tanh=True)(z), G(z).tanh())


def test_stylegan_with_classes_and_without_noise(tmp_path):
    state = {name: value for name, value in stylegan(classes=2).items() if "apply_noise" not in name}
    torch.save(state, tmp_path / "x.pth")
    G = lw.load(tmp_path / "x.pth", condition=1)
    z = G.sample_z(2)
    w = map_stylegan(state, z, torch.eye(2)[[1, 1]])
    assert relative(G.map(z), w) < 1e-6
    still = {f"synthesis.layer{i}.apply_noise.{leaf}": torch.zeros(1) for i in range(6) for leaf in ("weight", "noise")}
    assert relative(G(z), draw_stylegan(state | still, w)) < 5e-6


def test_transposed_convolutions_from_a_side_on(tmp_path, monkeypatch):
    state = stylegan()
    torch.save(state, tmp_path / "x.pth")
    monkeypatch.setattr(genforce_older, "FUSED_FROM", 8)  # 128 px and more draw too slowly here
    found, _ = find_network(tmp_path / "x.pth")
    assert found.config["fused_from"] == 8
    assert any("Transposed convolutions were taken to double its side from 8 px on" in note for note in found.notes)
    G = lw.load(tmp_path / "x.pth")
    z = G.sample_z(2)
    assert relative(G(z), draw_stylegan(state, map_stylegan(state, z), fused_from=8)) < 5e-6
    assert stylegan1.FUSED_FROM == 128


def test_missing_noise_and_average(tmp_path):
    state = {name: value for name, value in stylegan().items() if "noise.noise" not in name and "w_avg" not in name}
    torch.save(state | {"w_avg": torch.arange(6.0)}, tmp_path / "x.pth")
    G = lw.load(tmp_path / "x.pth")
    assert any("no noise for 6 layers" in note for note in G.notes)
    assert torch.equal(G.w_avg, torch.arange(6.0))


def test_derivatives_of_both_networks(tmp_path):
    for name, state in {"p": pggan(), "s": stylegan()}.items():
        torch.save(state, tmp_path / f"{name}.pth")
        G = lw.load(tmp_path / f"{name}.pth")
        z, step = G.sample_z(1, seed=1).double(), G.sample_z(1, seed=2).double()
        G.to(dtype=torch.float64)
        forward = torch.func.jvp(G, (z,), (step,))[1]
        slope = (G(z + 1e-6 * step) - G(z - 1e-6 * step)) / 2e-6
        assert relative(forward, slope) < 1e-5
        reverse = torch.func.vjp(G, z)[1](torch.ones_like(forward))[0]
        assert math.isclose(float((reverse * step).sum()), float(forward.sum()), rel_tol=1e-8)


BAD = {
    "not full-grown": (lambda: pggan() | {"lod": torch.tensor(1.5)}, r"lod must be 0, .*full side, got 1\.5"),
    "not full-grown either": (lambda: stylegan() | {"synthesis.lod": torch.tensor(2.0)}, "lod must be 0, .* got 2"),
    "a gap": (
        lambda: {k: v for k, v in pggan().items() if "layer3" not in k},
        "a GenForce ProgressiveGAN, got blocks with",
    ),
    "no picture": (
        lambda: {k: v for k, v in stylegan().items() if "output2" not in k},
        "a GenForce StyleGAN, got blocks",
    ),
    "another name": (
        lambda: stylegan() | {"synthesis.layer1.wobble": torch.ones(2)},
        "got 'synthesis.layer1.wobble': a var",
    ),
    "another name of the other": (lambda: pggan() | {"layer1.wobble": torch.ones(2)}, "got 'layer1.wobble': a variant"),
    "another filter": (
        lambda: stylegan() | {"synthesis.layer2.blur.kernel": torch.ones(4, 1, 3, 3)},
        "the resampling filter must be that of StyleGAN, 1 2 1 along each axis, got another in 'synthesis.layer2.blur",
    ),
    "transposed weights": (
        lambda: pggan() | {"layer2.weight": torch.ones(5, 4, 3, 3)},
        r"b8.conv0.weight must have shape \(4, 5, 3, 3\), got \(5, 4, 3, 3\) \(in the file 'layer2.weight'\)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(tmp_path, name):
    make, message = BAD[name]
    torch.save(make(), tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=message) as caught:
        lw.load(tmp_path / "x.pth")
    assert "pass the live network: lw.load(network)" in str(caught.value)


def test_arguments_that_do_not_fit(tmp_path):
    torch.save(pggan(), tmp_path / "x.pth")
    with pytest.raises(ValueError, match="mapping_lr must be left out for a ProgressiveGAN, which has no mapping"):
        lw.load(tmp_path / "x.pth", mapping_lr=1)
    with pytest.raises(ValueError, match="condition must be left out for a network without classes, got 1"):
        lw.load(tmp_path / "x.pth", condition=1)
    sizes = {"z_dim": 3, "w_dim": 4, "channels": {4: 2, 8: 2}}
    with pytest.raises(ValueError, match="resolution must be a power of two and at least 8, got 12"):
        build_network("stylegan1", sizes | {"resolution": 12})
    with pytest.raises(ValueError, match=r"channels must name every resolution from 4 to 16, got none for \[16\]"):
        build_network("stylegan1", sizes | {"resolution": 16})
    with pytest.raises(TypeError, match="tanh must be True or False, got 2"):
        build_network("pggan", {"z_dim": 3, "channels": [2, 2], "tanh": 2})

"""rosinality's state dicts draw what the formulas of the paper draw on its own names."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.checkpoints._values import CheckpointError
from tests.generators.checkpoints.live_rosinality import drawn_by, fresh_state, mapped
from tests.reference import relative


@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("rate", [1.0, 0.01])
def test_pictures_of_the_live_network(tmp_path, rate, noise):
    state = fresh_state(rate, noise)
    torch.save({"g_ema": state, "latent_avg": torch.arange(6.0)}, tmp_path / "x.pt")
    G = lw.load(tmp_path / "x.pt")
    z = G.sample_z(2)
    w = mapped(state, z, rate)
    assert relative(G.map(z), w) < 1e-6
    ours = {name: value for name, value in G.module.state_dict().items() if name.endswith("noise_const")}
    if noise:
        stored = [state[f"noises.noise_{i}"][0, 0] for i in range(5)]
        assert all(torch.equal(a, b) for a, b in zip(ours.values(), stored, strict=True))
    pictures = torch.cat([drawn_by(state, row, [value.double() for value in ours.values()]) for row in w])
    assert relative(G(z), pictures) < 5e-6
    assert torch.equal(G.w_avg, torch.arange(6.0))


def test_the_wrong_rate_draws_another_picture(tmp_path):
    state = fresh_state(1.0, True)
    torch.save({"g_ema": state}, tmp_path / "x.pt")
    told, given = lw.load(tmp_path / "x.pt"), lw.load(tmp_path / "x.pt", mapping_lr=0.01)
    z = told.sample_z(4)
    assert relative(given(z), told(z)) > 0.1


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("style.1.weight", torch.zeros(3), r"style.1.weight must be a matrix, got shape \(3,\)"),
        ("convs.0.conv.weight", torch.zeros(3, 2), r"convs.0.conv.weight must have five axes, got shape \(3, 2\)"),
        ("convs.0.wobble", torch.zeros(3), r"rosinality's StyleGAN2, got 'convs.0.wobble': a variant of it"),
        ("convs.4000.conv.weight", torch.zeros(1, 2, 2, 3, 3), "a network must have at most 64 layers"),
        ("to_rgb1.bias", torch.zeros(4), r"torgb.weight must have shape \(4, 5, 1, 1\), got \(3, 5, 1, 1\)"),
    ],
)
def test_variants_are_refused(tmp_path, name, value, message):
    torch.save({"g_ema": fresh_state(1.0, True) | {name: value}}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=message):
        lw.load(tmp_path / "x.pt")

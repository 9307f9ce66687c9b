"""GenForce's networks and those of its followers, in each variant, against a mapping written out here."""

import pytest
import torch
import torch.nn.functional as F

import latent_widgets as lw
from latent_widgets.generators.checkpoints._values import CheckpointError
from tests.generators.checkpoints.conftest import draw
from tests.generators.checkpoints.standins import genforce, hammer
from tests.reference import relative


@pytest.mark.parametrize("variant", ["skip", "resnet", "orig", "conditional", "no noise"])
def test_hammer_files_give_back_every_bit(tmp_path, make_variant, variant):
    network = make_variant(variant)
    torch.save(
        {"models": {"generator_smooth": hammer(network), "discriminator": {"a": torch.ones(2)}}}, tmp_path / "x.pth"
    )
    condition = 1 if network.c_dim else None
    options = {"mapping_lr": 0.1} if variant == "no noise" else {}
    G = lw.load(tmp_path / "x.pth", condition=condition, **options)
    assert all(torch.equal(G.module.state_dict()[name], value) for name, value in network.state_dict().items())
    drawn, original = draw(G, network, condition)
    assert torch.equal(drawn, original)
    assert G.notes[0].startswith("x.pth is a file of Hammer StyleGAN2")
    assert torch.equal(G.w_avg, network.mapping.w_avg)


@pytest.mark.parametrize("variant", ["skip", "orig", "no noise"])
def test_genforce_files_in_their_variants(tmp_path, make_variant, variant):
    network = make_variant(variant)
    torch.save({"generator_smooth": genforce(network)}, tmp_path / "x.pth")
    G = lw.load(tmp_path / "x.pth", **({"mapping_lr": 0.1} if variant == "no noise" else {}))
    assert relative(*draw(G, network)) < 5e-6
    assert G.notes[0].startswith("x.pth is a file of GenForce StyleGAN2")


def test_grey_pictures(tmp_path, make_variant):
    network = make_variant("grey, clamped", clamp=None)
    for layout in (genforce, hammer):
        torch.save(layout(network), tmp_path / "x.pth")
        assert relative(*draw(lw.load(tmp_path / "x.pth"), network)) < 5e-6


def joint_mapping(state, z, c, rate=0.01):
    """The mapping of GenForce's conditional networks: latent and class are normalised as one."""
    x = torch.cat([z, c @ state["mapping.label_weight"]], 1).double()
    x = x / (x**2).mean(1, keepdim=True).add(1e-8).sqrt()
    for i in range(2):
        weight, bias = (state[f"mapping.dense{i}.{name}"].double() * rate for name in ("weight", "bias"))
        x = F.leaky_relu(x @ weight.T / x.shape[1] ** 0.5 + bias, 0.2) * 2**0.5
    return x


def test_classes_that_are_normalised_with_the_latent(tmp_path, make_variant):
    network = make_variant("conditional", joint=True)
    state = genforce(network)
    torch.save({"generator_smooth": state}, tmp_path / "x.pth")
    G = lw.load(tmp_path / "x.pth", condition=2)
    assert G.classes == 3
    assert torch.equal(G.module.mapping.embed.weight, network.mapping.embed.weight)
    z = G.sample_z(5)
    assert relative(G.map(z), joint_mapping(state, z, torch.eye(3)[[2] * 5])) < 1e-6
    drawn, original = draw(G, network, 2)
    assert relative(drawn, original) < 5e-6
    assert not torch.allclose(G(z), G.of_class(0)(z))


def test_layouts_that_nothing_marks_are_told_by_their_styles(tmp_path, make_variant):
    network = make_variant()
    for block in network.synthesis.children():
        for layer in block.children():
            layer.affine.bias.mul_(0.1).add_(1)
    for layout, name in ((genforce, "GenForce's"), (hammer, "Hammer's and ReSeFa's")):
        state = {k: v for k, v in layout(network).items() if not k.endswith(("w_avg", "filter"))}
        torch.save(state, tmp_path / "x.pth")
        G = lw.load(tmp_path / "x.pth")
        assert any(f"they were taken to be {name}" in note for note in G.notes)
        assert relative(*draw(G, network)) < 5e-6


BAD = {
    "another network": ({"synthesis.layer0.style.weight": None}, r"those of a GenForce StyleGAN2, got another network"),
    "a flat weight": ({"synthesis.layer0.weight": torch.zeros(3)}, r"layer0.weight must have 4 axes, got shape \(3,\)"),
    "an unknown name": (
        {"synthesis.layer0.wobble": torch.zeros(3)},
        r"got 'synthesis.layer0.wobble': another network or a",
    ),
    "noise by channel": (
        {"synthesis.layer0.noise": torch.zeros(1, 5, 1, 1)},
        r"conv1.noise_const must have shape \(4, 4\), got \(1, 1\) \(in the file 'synthesis.layer0.noise'\)",
    ),
    "another filter": ({"synthesis.filter": torch.ones(4, 4) / 16}, r"the resampling filter must be that of StyleGAN2"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused_says_why_and_what_works(tmp_path, make_variant, name):
    changes, message = BAD[name]
    state = {k: v for k, v in (hammer(make_variant()) | changes).items() if v is not None}
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=message) as caught:
        lw.load(tmp_path / "x.pth")
    assert "pass the live network: lw.load(network)" in str(caught.value)

"""Networks are built as the file says: mappings of other widths, which published programs can be told to make."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.checkpoints._found import mapping_widths
from latent_widgets.generators.checkpoints._values import CheckpointError
from latent_widgets.generators.checkpoints.reading import convert
from latent_widgets.generators.stylegan2 import StyleGAN2
from tests.generators.checkpoints.conftest import draw
from tests.generators.checkpoints.standins import genforce, hammer, nvidia_state, write_nvidia, write_tensorflow
from tests.reference import relative

WRITE = {
    "nvidia": write_nvidia,
    "tensorflow": lambda path, network: write_tensorflow(path, network),
    "nvidia_state": lambda path, network: torch.save({"G_ema": nvidia_state(network)}, path),
    "genforce": lambda path, network: torch.save({"generator_smooth": genforce(network)}, path),
    "hammer": lambda path, network: torch.save({"generator_smooth": hammer(network)}, path),
}
CASES = [
    *((layout, "skip", [7, 9, 6], {}) for layout in WRITE),
    *((layout, "conditional", [11, 9, 6], {}) for layout in ("nvidia", "nvidia_state", "hammer")),
    ("genforce", "conditional", [14, 9, 6], {"joint": True}),
    ("nvidia", "T", [7, 9, 6], {}),
    ("nvidia_state", "R", [7, 9, 6], {}),
    ("nvidia", "T, conditional", [11, 5, 6], {}),
]


@pytest.mark.parametrize(("layout", "variant", "widths", "options"), CASES)
def test_mappings_of_other_widths(tmp_path, make_variant, layout, variant, widths, options):
    network = make_variant(variant, mapping_widths=widths, **options)
    path = tmp_path / "x.pkl"
    WRITE[layout](path, network)
    condition = 1 if network.c_dim else None
    G = lw.load(path, condition=condition)
    state = G.module.state_dict()
    assert all(value.shape == state[name].shape for name, value in network.state_dict().items())
    assert torch.equal(state["mapping.fc0.weight"], network.mapping.fc0.weight)
    assert relative(*draw(G, network, condition)) < 5e-6
    convert(path, tmp_path / "x.safetensors")
    again = lw.load(tmp_path / "x.safetensors", condition=condition)
    assert again.weights_hash == G.weights_hash


def test_widths_that_do_not_follow_are_refused_by_their_shape(tmp_path, make_variant):
    state = nvidia_state(make_variant()) | {"mapping.fc1.weight": torch.zeros(6, 8)}
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"mapping.fc1.weight must have shape \(6, 6\), got \(6, 8\)"):
        lw.load(tmp_path / "x.pt")


def test_widths_are_named_only_where_they_are_unusual():
    assert mapping_widths([(6, 7), (6, 6)], 7, 7, 6) == {}
    assert mapping_widths([(9, 7), (6, 9)], 7, 7, 6) == {"mapping_widths": [7, 9, 6]}
    assert mapping_widths([(9, 7), (6, 8)], 7, 7, 6) == {}
    assert mapping_widths([(9,), (6, 9)], 7, 7, 6) == {}


@pytest.mark.parametrize("widths", [[3, 4], [3, 9, 5], [5, 9, 4], [3, 9, 9, 4]])
def test_widths_that_lead_elsewhere(widths):
    sizes = {"z_dim": 3, "w_dim": 4, "resolution": 8, "channels": {4: 2, 8: 2}, "mapping_layers": 2}
    with pytest.raises(ValueError, match=r"mapping_widths must lead to w_dim 4 in 2 layers, got \["):
        StyleGAN2(**sizes, mapping_widths=widths)

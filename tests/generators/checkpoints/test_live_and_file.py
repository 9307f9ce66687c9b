"""A network passed live and its own file are one generator: latents, classes, mean, truncation, range, pictures."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.edits import Edit
from tests.generators.checkpoints.standins import genforce, hammer, rosinality, write_nvidia
from tests.live_families import GenForceLike
from tests.live_networks import NvidiaLike, RosinalityLike
from tests.reference import relative

WRITERS = {
    "NVIDIA": (NvidiaLike, write_nvidia),
    "rosinality": (
        RosinalityLike,
        lambda path, net: torch.save({"g_ema": rosinality(net), "latent_avg": net.mapping.w_avg}, path),
    ),
    "GenForce": (GenForceLike, lambda path, net: torch.save({"generator_smooth": genforce(net)}, path)),
    "Hammer": (GenForceLike, lambda path, net: torch.save({"models": {"generator_smooth": hammer(net)}}, path)),
}


# rosinality's has no classes, GenForce's joins them to the latent in another way than the stand-in
@pytest.mark.parametrize(("family", "classes"), [*((name, 0) for name in WRITERS), ("NVIDIA", 3), ("Hammer", 3)])
def test_live_network_and_its_file_are_the_same(tmp_path, make_variant, family, classes):
    network = make_variant("conditional" if classes else "skip")
    for name, weight in network.named_parameters():  # as trained ones are: pictures that are mostly in [-1, 1]
        if "torgb" in name:
            weight.mul_(1e-2)
    make_live, write = WRITERS[family]
    live_network = make_live(network)
    if family == "rosinality":
        live_network.latent_avg = network.mapping.w_avg
    path = tmp_path / ("x.pkl" if family == "NVIDIA" else "x.pt")
    write(path, network)
    options = {"condition": 1} if classes else {}
    live, file = lw.load(live_network, **options), lw.load(path, **options)
    assert (live.z_dim, live.w_dim, live.num_layers) == (file.z_dim, file.w_dim, file.num_layers)
    assert (live.classes, live.class_number, live.picture_size) == (file.classes, file.class_number, file.picture_size)
    torch.testing.assert_close(live.w_avg, file.w_avg)
    z = live.sample_z(3, seed=2)
    assert torch.equal(z, file.sample_z(3, seed=2))
    for truncation in (1.0, 0.5):
        assert relative(live.map(z, truncation), file.map(z, truncation)) < 1e-6
        assert relative(live(z, truncation), file(z, truncation)) < 5e-6
    ws = torch.randn(2, live.num_layers, live.w_dim, generator=torch.Generator().manual_seed(0))
    assert relative(live.synthesize(ws), file.synthesize(ws)) < 5e-6
    assert relative(Edit.of(live, seed=4).apply(live), Edit.of(file, seed=4).apply(file)) < 5e-6
    if classes:
        assert relative(live.of_class(2)(z), file.of_class(2)(z)) < 5e-6

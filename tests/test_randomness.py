"""Random numbers are one's own: those of others are neither used nor set, and two things of one seed do not meet."""

import pytest
import torch

from latent_widgets.inversion.glo import fit_glo
from latent_widgets.methods.dp_lase.correction import Correction
from latent_widgets.methods.low_rank import transfer
from latent_widgets.methods.random import random_directions
from tests.reference import disc

PICTURES = torch.linspace(-1, 1, 192).reshape(3, 1, 8, 8)
WORK = {
    "correction": lambda: Correction(3, seed=1),
    "glo": lambda: fit_glo(PICTURES, 2, 1, resolution=8, channels={4: 4, 8: 4}, seed=1),
}


@pytest.mark.parametrize("name", list(WORK))
def test_random_numbers_of_the_process_are_left_alone(name, monkeypatch):
    for device, how in ((torch.cuda, "manual_seed_all"), (torch.mps, "manual_seed"), (torch.xpu, "manual_seed_all")):
        monkeypatch.setattr(device, how, lambda seed: pytest.fail("the seed of an accelerator was set"))
    before = torch.get_rng_state()
    WORK[name]()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("seed", [0, 5])
def test_random_steps_do_not_lie_along_the_latents_of_their_seed(tiny, monkeypatch, seed):
    D, z, drawn = random_directions(tiny, k=3, space="z"), tiny.sample_z(3, seed), []
    synthesize = tiny.synthesize
    monkeypatch.setattr(tiny, "synthesize", lambda codes, space: drawn.append(codes) or synthesize(codes, space))
    transfer(tiny, D, z, [disc(16, 4)] * 3, seed=seed)
    random = torch.nn.functional.normalize(drawn[0][3:] - z[0], dim=1)
    cosines = (random * torch.nn.functional.normalize(z, dim=1)).sum(1)
    assert cosines.abs().max() < 0.99
    with pytest.raises(TypeError, match=r"seed must be an integer, got 0\.5"):
        transfer(tiny, D, z, [disc(16, 4)] * 3, seed=0.5)

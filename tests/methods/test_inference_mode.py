"""Methods that train do so wherever they are called: gradients need not be on."""

import pytest
import torch

from latent_widgets.methods import dp_lase, lelsd
from tests.reference import disc

RUNS = {
    "lelsd": lambda G: lelsd(G, disc(16, 4), steps=2, batch=2, samples=4, features=["image"], code=G.code(1)),
    "dp_lase": lambda G: dp_lase(G, k=2, steps=2, batch=2, layer="image", walk="norm"),
}


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", list(RUNS))
def test_training_needs_no_gradients_from_outside(tiny, name, mode):
    expected = RUNS[name](tiny).directions.vectors
    with mode():
        found = RUNS[name](tiny).directions.vectors
    assert torch.equal(found, expected)
    assert not found.is_inference()

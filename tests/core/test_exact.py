"""What PyTorch shortens for speed is off while numbers are measured, in every thread, and restored after."""

import threading
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import latent_widgets as lw
from latent_widgets.core.exact import exact
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from tests import architecture
from tests.processors import settings_of_torch


def test_settings_are_those_of_exact_numbers_and_come_back():
    before = settings_of_torch()
    with exact(), exact():
        fast, flash, efficient, math, tf32, *_ = settings_of_torch()
        assert (fast, flash, efficient, math, tf32) == (False, False, False, True, False)
    assert settings_of_torch() == before
    with pytest.raises(KeyError), exact():
        raise KeyError
    assert settings_of_torch() == before


def test_the_last_of_several_threads_restores():
    before, inside, leave = settings_of_torch(), threading.Event(), threading.Event()

    def hold():
        with exact():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    with exact():
        thread.start()
        assert inside.wait(10)
    assert not torch.backends.mha.get_fastpath_enabled()  # the other is not done
    leave.set()
    thread.join()
    assert settings_of_torch() == before


def test_a_setting_of_the_user_is_kept():
    before = torch.get_float32_matmul_precision()
    torch.backends.mha.set_fastpath_enabled(False)
    torch.set_float32_matmul_precision("medium")
    try:
        with exact():
            pass
        assert not torch.backends.mha.get_fastpath_enabled()
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
        torch.set_float32_matmul_precision(before)


def test_autocast_around_a_computation_changes_no_number():
    net = nn.Sequential(nn.Unflatten(1, (6, 1, 1)), nn.ConvTranspose2d(6, 3, (4, 7)), nn.Tanh())
    J = JacobianOperator(lambda z: net(z[None])[0], torch.linspace(-1, 1, 6))
    plain = J.dense()
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(JacobianOperator(lambda z: net(z[None])[0], J.x0).dense(), plain)
        assert torch.is_autocast_enabled("cpu")


class Attending(nn.Module):
    """Eight tokens that look at each other, each a row of the picture."""

    def __init__(self, kind):
        super().__init__()
        self.tokens, self.out = nn.Linear(5, 8 * 12), nn.Linear(12, 3 * 6)
        self.kind = kind
        if kind == "layer":
            self.attention = nn.TransformerEncoderLayer(12, 3, 16, dropout=0.0, batch_first=True)
        elif kind == "encoder":
            layer = nn.TransformerEncoderLayer(12, 2, 16, dropout=0.0, batch_first=True)
            self.attention = nn.TransformerEncoder(layer, 2, enable_nested_tensor=True)
        elif kind == "heads":
            self.attention = nn.MultiheadAttention(12, 4, batch_first=True)

    def forward(self, z):
        x = self.tokens(z).unflatten(1, (8, 12))
        if self.kind == "function":
            x = F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None])[:, 0]
        elif self.kind == "heads":
            x = self.attention(x, x, x, need_weights=False)[0]
        else:
            x = self.attention(x)
        return self.out(x).unflatten(2, (3, 6)).permute(0, 2, 1, 3).tanh()


@pytest.mark.parametrize("kind", ["function", "heads", "layer", "encoder"])
def test_networks_with_attention_have_their_jacobian(kind):
    """The twin is the double reverse mode of autograd, in float64, under the math backend."""
    torch.manual_seed(0)
    network = Attending(kind).eval()
    G = lw.load(network, z_dim=5)
    z = G.sample_z(1, seed=2)
    found = lw.local_basis(G, z[0], target="image")
    double = Attending(kind).eval().double()
    double.load_state_dict(network.state_dict())
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        J = torch.autograd.functional.jacobian(lambda v: double(v[None])[0].flatten(), z[0].double())
    torch.testing.assert_close(found.singular_values.double(), torch.linalg.svdvals(J), rtol=1e-4, atol=1e-5)
    assert any("attention" in note for note in G.notes)


def test_all_that_measures_is_exact():
    rooms = Path(lw.__file__).parent
    files = [file for room in ("geometry", "methods", "inversion") for file in (rooms / room).rglob("*.py")]
    assert not [name for file in files for name in architecture.inexact(file.read_text())]
    plain = "def f(G: Generator) -> float: ..."
    assert list(architecture.inexact(plain)) == ["f"]
    assert not list(architecture.inexact(plain.replace("def", "@exact()\ndef")))

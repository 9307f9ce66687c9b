"""The examination: what is well is said to be, and what is wrong is said in words."""

import subprocess
import sys

import pytest
import torch
from torch import nn

import latent_widgets as lw
from latent_widgets.__main__ import main
from latent_widgets.core import exact as exact_module
from latent_widgets.doctor import Finding, Report, examine, examine_network
from latent_widgets.doctor import numbers as numbers_module
from latent_widgets.doctor import precision as precision_module
from latent_widgets.doctor.device import device_of
from latent_widgets.doctor.modes import modes_finding, modes_of
from latent_widgets.doctor.numbers import compared, numbers_of
from latent_widgets.doctor.times import times_findings
from latent_widgets.generators.stylegan2 import StyleGAN2
from tests.cut import Slow, one_branch_detached, without_gradients
from tests.generators.checkpoints.standins import write_nvidia
from tests.geometry.conftest import X
from tests.geometry.jacobian.test_jacobian import SineWithOneDerivative, SineWithoutForwardMode
from tests.linear import linear_generator
from tests.tapes import Once


class Bends(nn.Module):
    """A network of 24 x 40 pixels, with a function of one's own inside."""

    def __init__(self, inside=torch.sin, cut=False):
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        self.weight, self.inside, self.cut = nn.Parameter(torch.randn(3 * 24 * 40, 5, generator=rng)), inside, cut

    def forward(self, z):
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.cut):
            return self.inside(z @ self.weight.T).reshape(-1, 3, 24, 40)


@pytest.fixture
def checkpoint(tmp_path):
    network = StyleGAN2(z_dim=7, w_dim=6, resolution=8, channels={4: 5, 8: 4}, mapping_layers=2)
    return write_nvidia(tmp_path / "network.pkl", network)


def test_the_command_prints_one_block_and_says_that_all_is_well():
    done = subprocess.run(
        [sys.executable, "-m", "latent_widgets", "doctor", "digits32"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-2], lines[-1]) == ("```text", "All is well.", "```")
    names = [line.partition("  ")[0] for line in lines[1:-2]]
    assert names == [
        "latent_widgets", "versions", "platform", "device", "threads", "TF32", "network", "operators",
        "adjoint error", "from the CPU in float64", "frame", "region pass", "peak memory",
    ]  # fmt: skip


def test_a_checkpoint_is_read_and_examined(checkpoint, capsys):
    assert main(["doctor", str(checkpoint)]) == 0
    said = capsys.readouterr().out
    assert "written by NVIDIA StyleGAN2, read as stylegan2" in said
    assert "8 x 8 px; 6 numbers in a code" in said


def test_a_checkpoint_that_is_refused_is_an_error_and_the_rest_is_examined(tmp_path, capsys):
    bad = tmp_path / "bad.pkl"
    bad.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert main(["doctor", str(bad)]) == 1
    said = capsys.readouterr().out
    assert "WRONG: checkpoint: the file must be a pickle" in said
    assert "faces64" in said


def test_a_file_that_is_not_there_is_refused(tmp_path, capsys):
    assert main(["doctor", str(tmp_path / "none.pkl")]) == 1
    assert capsys.readouterr().err.startswith("refused: ")


@pytest.mark.parametrize(
    ("name", "built", "why"),
    [
        ("cuda", None, "was built without CUDA"),
        ("cuda", "13.0", "finds no GPU that its driver serves"),
        ("mps", False, "was built without Metal"),
        ("mps", True, "finds no Metal"),
    ],
)
def test_a_device_that_is_missing_is_said(name, built, why, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: built)
    monkeypatch.setattr(torch.version, "cuda", built)
    monkeypatch.setattr(torch.version, "hip", None)
    with pytest.raises(ValueError, match=f"device must be one that is there, got '{name}': this PyTorch {why}"):
        device_of(name)
    assert main(["doctor", "--device", name]) == 1
    assert f"refused: device must be one that is there, got '{name}'" in capsys.readouterr().err


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match="device must be one of 'cpu', 'cuda', 'mps', got 'gpu'"):
        examine(device="gpu")


def test_a_report_is_well_where_nothing_is_wrong():
    well = Report((Finding("a", "good"), Finding("longer", "fine")))
    assert well.well
    assert str(well) == "a       good\nlonger  fine\nAll is well."
    ill = Report((*well.findings, Finding("b", "bad", "it broke.")))
    assert not ill.well
    assert str(ill).endswith("b       bad\nWRONG: b: it broke.")


# ---- operators


def test_nothing_is_missing_where_all_is_there():
    finding = modes_finding(modes_of(lambda x: x.tanh() * x, X))
    assert (finding.said, finding.wrong) == ("none is missing", "")


def test_missing_forward_mode_is_said_and_not_wrong():
    report = examine_network(lw.load(Bends(SineWithoutForwardMode.apply), z_dim=5), patience=0)
    (finding,) = (f for f in report.findings if f.name == "operators")
    assert finding.said.startswith("forward mode is missing (")
    assert "by reverse mode twice, slower" in finding.said
    assert report.well


def test_one_derivative_alone_is_wrong():
    modes = modes_of(lambda x: SineWithOneDerivative.apply(x), X)
    assert modes.forward
    assert modes.twice
    assert not modes.reverse
    assert modes_finding(modes).wrong.startswith("products with the Jacobian cannot be made: forward mode: ")


def test_a_second_derivative_that_is_missing_is_said():
    modes = modes_of(lambda x: Once.apply(x), X)
    assert (modes.forward, modes.reverse) == ("", "")
    finding = modes_finding(modes)
    assert finding.said.startswith("reverse mode twice is missing (")
    assert not finding.wrong


def test_operators_that_vectors_pass_one_by_one_are_named():
    modes = modes_of(lambda x: x.put(torch.tensor([1]), x[:1]), X)
    assert modes.slow == ("put",)
    finding = modes_finding(modes)
    assert finding.said == "several vectors at once pass put one by one, slower"
    assert not finding.wrong


@pytest.mark.parametrize("f", [one_branch_detached, without_gradients])
def test_a_cut_function_is_reported(f):
    finding = modes_finding(modes_of(f, X))
    assert "cut" in finding.wrong or "does not follow" in finding.wrong
    assert "Inversion and LELSD cannot run" in finding.wrong


def test_a_backward_pass_of_another_function_is_reported():
    modes = modes_of(lambda x: Slow.apply(x), X)
    assert modes.forward
    assert modes.reverse.startswith("it gives another derivative than that of the values")


def test_a_cut_network_is_reported():
    G = lw.load(Bends(cut=True), z_dim=5)
    report = examine_network(G, patience=0)
    assert not report.well
    (finding,) = (f for f in report.findings if f.name == "operators")
    assert "reverse mode is missing" in finding.wrong
    assert "WRONG: operators" in str(report)


# ---- numbers


def test_products_are_those_of_the_matrices():
    G = linear_generator()
    found = numbers_of(G, G.code(0))
    assert found.adjoint < 1e-5
    synthesis = G.module.synthesis.double()
    torch.testing.assert_close(found.picture, synthesis @ G.code(0).double(), rtol=1e-5, atol=1e-5)
    rng = torch.Generator().manual_seed(0)
    v = torch.randn(len(G.code(0)), generator=rng, dtype=torch.float64)
    torch.testing.assert_close(found.forward, synthesis @ v, rtol=1e-5, atol=1e-5)


def test_products_that_differ_are_wrong(monkeypatch):
    G = lw.load(Bends(), z_dim=5)
    right, count = numbers_module.numbers_of, 0

    def shortened(G, code, along=None):
        nonlocal count
        count += 1
        found = right(G, code, along)
        if count == 2:  # the twin: by as much as TF32 shortens
            found.picture.mul_(1 + 2**-11)
            found.forward.mul_(1 + 2**-6)
        return found

    monkeypatch.setattr(numbers_module, "numbers_of", shortened)
    (finding,) = (f for f in examine_network(G, patience=0).findings if f.name.startswith("from the CPU"))
    assert finding.wrong == "picture, Jv differ by more than rounding."


def test_an_adjoint_that_is_none_is_wrong(monkeypatch):
    G = lw.load(Bends(), z_dim=5)
    right = numbers_module.JacobianOperator._rmatmul
    monkeypatch.setattr(numbers_module.JacobianOperator, "_rmatmul", lambda J, U: 1.01 * right(J, U))
    (finding,) = (f for f in examine_network(G, patience=0).findings if f.name == "adjoint error")
    assert finding.wrong == "the products with the matrix and with its transpose are of two matrices."


def test_a_network_that_cannot_be_moved_is_not_compared():
    class Fixed(Bends):
        def __init__(self):
            super().__init__()
            self.beside = [torch.ones(5, 5)]  # no buffer: it stays in float32

        def forward(self, z):
            return super().forward(z @ self.beside[0])

    G = lw.load(Fixed(), z_dim=5)
    report = examine_network(G, patience=0)
    (finding,) = (f for f in report.findings if f.name == "agreement")
    assert finding.said.startswith("not compared with the CPU in float64: ")
    assert G.module.weight.dtype == torch.float32


def test_weights_of_several_types_are_left():
    class Mixed(Bends):
        def __init__(self):
            super().__init__()
            self.register_buffer("other", torch.ones(1, dtype=torch.bfloat16))

    G = lw.load(Mixed(), z_dim=5)
    (finding,) = (f for f in examine_network(G, patience=0).findings if f.name == "agreement")
    assert finding.said.endswith("its weights are of several types")
    assert G.module.other.dtype == torch.bfloat16


def test_the_generator_is_as_it_was():
    G = lw.load(Bends(), z_dim=5)
    before = G.module.weight.clone()
    examine_network(G, patience=0)
    assert (G.dtype, G.device.type) == (torch.float32, "cpu")
    assert torch.equal(before, G.module.weight)


def test_a_difference_is_a_share_of_the_second():
    assert compared(torch.tensor([2.0]), torch.tensor([4.0])) == pytest.approx(0.5)
    assert compared(torch.zeros(2), torch.zeros(2)) == 0


def test_half_precision_is_refused():
    with pytest.raises(ValueError, match="must compute in float32 or float64"):
        examine_network(lw.load("digits32", dtype=torch.bfloat16))


# ---- settings and times


def test_what_is_shortened_where_the_package_measures_is_wrong(monkeypatch):
    assert not precision_module.precision().wrong
    monkeypatch.setattr(exact_module, "_SETTINGS", ())
    monkeypatch.setattr(precision_module, "settings", lambda: {"products": "ieee", "convolutions": "tf32"})
    found = precision_module.precision()
    assert found.said.startswith("as set for a GPU: products ieee, convolutions tf32")
    assert found.wrong == "convolutions are shortened where the package measures. Please report this."


def test_settings_are_read_and_left():
    before = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = True
        assert precision_module.settings()["convolutions"] == "tf32"
        assert "convolutions ieee" in precision_module.precision().said.partition("measures")[2]
        assert torch.backends.cudnn.allow_tf32
        torch.backends.cudnn.allow_tf32 = False
        assert precision_module.settings()["convolutions"] == "ieee"
    finally:
        torch.backends.cudnn.allow_tf32 = before


def test_a_pass_is_estimated_where_it_would_take_long():
    G = linear_generator()
    said = {patience: [f.said for f in times_findings(G, G.code(0), patience)][1] for patience in (0.0, 60.0)}
    d = len(G.code(0))
    assert f": {d} products at " in said[0.0]
    assert "estimated from those timed; a search for one mask about " in said[0.0]
    assert said[60.0].endswith(f", {d} products")
    assert "estimated" not in said[60.0]

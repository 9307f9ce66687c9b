"""The benchmark of a GPU, as far as it can be tried without one: what is left out, and what is extrapolated."""

import time

import pytest
import torch

from benchmarks import gpu
from benchmarks.gpu import Case, Measured, measure, rows_of
from latent_widgets.core.steps import Step
from tests.linear import linear_generator

CPU = torch.device("cpu")


@pytest.fixture
def quick(monkeypatch):
    """The training of a direction, which a linear map has no features for, is replaced by its steps."""

    def steps(G, mask, *, steps, on_step, **options):
        for index in range(steps + 1):
            on_step(Step(index, steps))

    monkeypatch.setattr(gpu.lw, "lelsd", steps)


def test_all_is_measured(quick):
    found = measure(Case("linear", linear_generator, whole=True), CPU, None, time.monotonic() + 60)
    assert list(found.figures) == [
        "frame", "J v", "J' u", "region pass", "top 20 singular values", "LELSD step, batch 2",
        "warpage of w, 8 latents", "peak memory, MiB",
    ]  # fmt: skip
    assert not found.guessed
    assert min(found.figures.values()) > 0
    assert found.counts["top 20"][0] > 0


def test_what_would_take_long_is_extrapolated_from_what_was_counted(quick, monkeypatch):
    monkeypatch.setattr(gpu, "PATIENCE", 0.0)
    known = Measured(counts={"top 20": (30, 10)})
    found = measure(Case("linear", linear_generator, whole=True), CPU, known, time.monotonic() + 60)
    assert found.guessed == {"region pass", "top 20 singular values"}
    forward, backward = (found.figures[name] for name in ("J v", "J' u"))
    assert found.figures["top 20 singular values"] == pytest.approx(30 * forward + 10 * backward)
    assert found.figures["region pass"] == pytest.approx(linear_generator().dim("w") * forward)
    assert "LELSD step, batch 2" not in found.figures


def test_nothing_is_begun_when_the_time_is_over(quick):
    assert measure(Case("linear", linear_generator), CPU, None, time.monotonic() - 1).figures == {}


def test_rows_say_what_is_extrapolated_and_how_many_times_longer_the_cpu_takes():
    ours = Measured({"frame": 2.0, "only there": 1.0, "peak memory, MiB": 5.0})
    cpu = Measured({"frame": 30.0, "peak memory, MiB": 10.0, "region pass": 7.0}, guessed={"frame"})
    assert rows_of("net", ours, cpu) == [
        ["net", "frame", "2", "~30", "15"],
        ["net", "only there", "1", "", ""],
        ["net", "peak memory, MiB", "5", "10", ""],
        ["net", "region pass", "", "7", ""],
    ]
    assert rows_of("net", ours, ours)[0] == ["net", "frame", "2"]


def test_a_missing_gpu_is_said(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("sys.argv", ["gpu"])
    assert gpu.main() == 1
    assert capsys.readouterr().err.startswith("refused: device must be one that is there, got 'cuda'")

import numpy as np
import pytest
import torch

from latent_widgets.core.steps import Cancelled, Step, report
from latent_widgets.inversion.glo import fit_glo


def test_report_tells_and_goes_on():
    seen = []
    assert report(seen.append, 2, 5, "loss") is True
    assert [(s.index, s.total, s.value) for s in seen] == [(2, 5, "loss")]
    assert report(None, 1, None) is True


@pytest.mark.parametrize(
    "answer",
    [
        True,
        False,
        0,
        2.5,
        np.True_,
        np.False_,
        np.int64(0),
        np.float32(1) < 0,
        np.array([[False]]),
        np.array(3),
        torch.tensor(1) < 0,
        torch.tensor([[True]]),
        torch.tensor([0.0]),
    ],
    ids=repr,
)
def test_truth_of_the_answer_counts_whoever_made_it(answer):
    assert report(lambda step: answer, 1, 3) is bool(answer)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.array([True, True]), r"got ndarray of shape \(2,\)\. Return one number"),
        (np.zeros((0, 2)), r"got ndarray of shape \(0, 2\)\. Return one number"),
        (torch.tensor([[False, True]]), r"got Tensor of shape \(1, 2\)\. Return one number"),
        (torch.empty(0), r"got Tensor of shape \(0,\)\. Return one number"),
        (torch.empty(1, device="meta"), "got Tensor, of which neither is known: "),
    ],
)
def test_answer_that_is_neither_is_said(answer, message):
    with pytest.raises(TypeError, match=rf"^on_step must return True, False or nothing, {message}"):
        report(lambda step: answer, 1, 3)


def test_function_that_is_none_is_said():
    async def later(step):
        return False

    with pytest.raises(TypeError, match=r"got coroutine\. Give a plain function, not an async one\."):
        report(later, 1, 3)
    with pytest.raises(TypeError, match=r"on_step must be a function, got bool\. Give it without calling it\."):
        report(True, 1, 3)


def test_long_computation_ends_at_a_comparison_of_numpy():
    seen = []

    def on_step(step):
        if step.index:  # before the first, a run says what it will take
            seen.append(step.index)
        return np.float32(step.index) < 3

    pictures = torch.linspace(-1, 1, 2 * 3 * 8 * 8).reshape(2, 3, 8, 8)
    model = fit_glo(pictures, z_dim=2, steps=9, resolution=8, channels={4: 4, 8: 4}, on_step=on_step)
    assert (seen, model.stopped) == ([1, 2, 3], "cancelled")


def test_exceptions_of_the_callback_propagate():
    def fail(step):
        raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        report(fail, 1, 3)


def test_fraction_is_the_share_done():
    assert [Step(i, 4).fraction for i in (0, 1, 4)] == [0.0, 0.25, 1.0]
    assert Step(3, None).fraction is None


def test_step_is_frozen_with_identity_equality():
    step = Step(1, 2)
    with pytest.raises(AttributeError):
        step.index = 3
    assert step != Step(1, 2)

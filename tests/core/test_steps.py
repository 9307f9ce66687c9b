import pytest

from latent_widgets.core.steps import Cancelled, Step, report


def test_report_tells_and_goes_on():
    seen = []
    assert report(seen.append, 2, 5, "loss") is True
    assert [(s.index, s.total, s.value) for s in seen] == [(2, 5, "loss")]
    assert report(None, 1, None) is True


@pytest.mark.parametrize(("answer", "goes_on"), [(False, False), (None, True), (True, True), (0, True), ("", True)])
def test_only_false_ends(answer, goes_on):
    assert report(lambda step: answer, 1, 3) is goes_on


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

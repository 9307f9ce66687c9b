"""What an observer refuses does not stay, and nobody hears of its return."""

import pytest
from traitlets import HasTraits, Int, observe

from latent_widgets.widgets.kit.refusal import refusing
from latent_widgets.widgets.kit.silence import Silence, heard


class Even(HasTraits):
    """A number that must be even."""

    number = Int(0)

    def __init__(self):
        self.silence, self.seen = Silence(), []
        super().__init__()

    @observe("number")
    @heard
    @refusing
    def _number_set(self, change):
        self.seen.append(change["new"])
        if change["new"] % 2:
            raise ValueError("odd")


def test_refused_value_does_not_stay_and_its_return_is_not_heard():
    even = Even()
    even.number = 4
    with pytest.raises(ValueError, match="odd"):
        even.number = 5
    assert (even.number, even.seen) == (4, [4, 5])
    assert not even.silence


def test_nothing_is_refused_in_silence():
    even = Even()
    with even.silence:
        even.number = 5
    assert (even.number, even.seen) == (5, [])

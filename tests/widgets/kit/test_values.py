import numpy as np
import pytest
import torch
from traitlets import HasTraits, TraitError

from latent_widgets.widgets.kit.values import Flag, Real, Whole


class Held(HasTraits):
    """One of each."""

    flag, whole, real = Flag(False), Whole(0), Real(0.0)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("flag", np.True_, True),
        ("flag", torch.tensor(2) > 1, True),
        ("whole", np.int16(7), 7),
        ("whole", torch.tensor(7), 7),
        ("whole", np.array(7), 7),
        ("real", np.float32(0.5), 0.5),
        ("real", np.int8(3), 3.0),
        ("real", torch.tensor(0.25, dtype=torch.float16), 0.25),
    ],
)
def test_numbers_of_libraries_become_plain_ones(name, value, expected):
    held = Held(**{name: value})
    assert getattr(held, name) == expected
    assert type(getattr(held, name)) is type(expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flag", np.int64(2)),
        ("whole", np.float64(2.5)),
        ("whole", np.array([2])),
        ("real", "1"),
        ("real", np.array([1.0])),
    ],
)
def test_what_is_none_is_refused(name, value):
    with pytest.raises(TraitError):
        Held(**{name: value})

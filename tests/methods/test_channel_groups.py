"""Groups of channels along directions that act on some rows only, and along those of every space."""

import pytest
import torch

from latent_widgets.methods.dp_lase.subspace import refine_subspace
from latent_widgets.methods.random import random_directions
from latent_widgets.values.directions import Directions


@pytest.mark.parametrize("space", ["w", "w+"])
def test_rows_that_a_direction_leaves_alone_do_not_move(tiny, space):
    D = random_directions(tiny, k=1, space=space, layers=[3])
    with pytest.raises(ValueError, match=r"alpha must move the features of 'b4.conv1', got 3, which changes none"):
        refine_subspace(tiny, D, layer="b4.conv1", groups=2)
    found = refine_subspace(tiny, D, layer="b16.conv0", groups=2)
    code = tiny.map(tiny.sample_z(2, seed=4))
    rows = tiny.broadcast(code)
    rows[:, 3] += 2.0 * (D.unit_vectors[0] if space == "w" else D.unit_vectors[0, 3]) * D.scales[0]
    drawn = found.synthesize(tiny, code if space == "w" else tiny.broadcast(code), 2.0, [0, 1])
    after = tiny.layer_names.index("b16.conv0") + 1
    moved, still = tiny._activations(rows, "w+")[after], tiny._activations(code, "w")[after]
    torch.testing.assert_close(drawn, tiny._resume(code, "w", type(still)(moved.x, still.rgb, still.shortcut), after))


def test_directions_of_styles_have_groups_too(tiny):
    name = "b8.conv0"
    axis = torch.zeros(1, tiny.s_dim, dtype=torch.float64)
    axis[0, tiny.style_slices[name]] = 1
    found = refine_subspace(tiny, Directions(axis, "s"), layer=name, groups=2)
    assert float(found.share.sum()) == pytest.approx(1)

"""A network that is to be trained through is asked for its gradients first, at every layer that is looked at."""

import pytest
import torch

from latent_widgets.generators.style import StyleGenerator
from latent_widgets.geometry.jacobian.gradients import check_gradients
from tests.linear import LinearGenerator, linear_generator


class CutInside(LinearGenerator):
    """Its features are cut off from the code, its picture is not."""

    size = 1.0  # of the features

    def _features(self, code, space, layers):
        with torch.no_grad():
            return {name: self.size * x for name, x in super()._features(code, space, layers).items()}


@pytest.fixture
def halved():
    G = linear_generator()
    return CutInside(G.module.mapping, G.module.synthesis)


@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_only_what_is_looked_at_must_have_gradients(halved, space):
    check_gradients(halved, space)
    for layers in (["all"], ["all", "image"], ["image", "all"]):
        check_gradients(linear_generator(), space, layers)
        with pytest.raises(ValueError, match="the network must have gradients in reverse mode, got one that cuts them"):
            check_gradients(halved, space, layers)


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_a_layer_counts_whatever_the_size_of_its_features(halved, size):
    halved.size = size
    with pytest.raises(ValueError, match="the network must have gradients in reverse mode, got one that cuts them"):
        check_gradients(halved, "w", ["all", "image"])


def test_picture_that_is_cut_off_is_refused(make_network):
    class Cut(StyleGenerator):
        def _synthesize(self, code, space):
            with torch.no_grad():
                return super()._synthesize(code, space)

    check_gradients(StyleGenerator(make_network(), "tiny"), "w")
    with pytest.raises(ValueError, match="the network must have gradients in reverse mode"):
        check_gradients(Cut(make_network(), "tiny"), "w")

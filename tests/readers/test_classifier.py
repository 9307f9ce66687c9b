import pytest
import torch

from latent_widgets.generators.zoo import load
from latent_widgets.readers.classifier import Classifier, load_classifier


@pytest.fixture(scope="module")
def network():
    return load_classifier("fashion32")


@pytest.fixture(scope="module")
def G():
    return load("fashion32")


def test_it_finds_the_class_that_was_drawn(network, G):
    right = []
    for condition in range(G.classes):
        H = G.of_class(condition)
        right.append((network(H(H.sample_z(40, seed=3))).argmax(1) == condition).float().mean())
    assert network.class_names == G.class_names
    assert torch.stack(right).mean() > 0.6  # a shirt may pass for a T-shirt, a pullover or a coat
    assert min(right[G.class_names.index(name)] for name in ("trousers", "sandal", "bag", "ankle boot")) > 0.7


def test_a_reading_depends_neither_on_the_batch_nor_on_the_number_of_colours(network, G):
    images = G(G.sample_z(5, seed=1))
    both = network(images)
    torch.testing.assert_close(both[2:3], network(images[2:3]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(both, network(images[:, :1]), rtol=1e-4, atol=1e-4)
    assert network.features(images).shape == (5, 64)
    large = torch.nn.functional.interpolate(images, (64, 64), mode="bilinear")
    assert (network(large).argmax(1) == both.argmax(1)).all()


def test_what_reads_which_generator():
    with pytest.raises(ValueError, match=r"name must be one of 'fashion32', got 'digits32'"):
        load_classifier("digits32")
    with pytest.raises(ValueError, match="images must have shape"):
        Classifier()(torch.zeros(3, 32, 32))

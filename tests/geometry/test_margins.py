"""Feature maps that go beyond the picture are looked at where they lie behind it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from latent_widgets import load
from latent_widgets.generators.margins import behind_picture
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan3 import make_stylegan3
from latent_widgets.geometry.effects.feature_layers import Layers, layers_of
from latent_widgets.segmentation import fit_segmenter
from tests.linear import linear_generator

LAYER = "L4_52_8"


@pytest.fixture(scope="module")
def G():
    torch.manual_seed(0)
    sizes = {"z_dim": 4, "w_dim": 6, "resolution": 32, "num_layers": 6, "channel_base": 256, "channel_max": 8}
    return StyleGenerator(make_stylegan3(**sizes).double())


def test_margins_are_those_of_the_layout(G):
    features = G.features(G.code(0), G.layer_names)
    inner = {name: behind_picture(G, name, f).shape[-1] for name, f in features.items()}
    assert set(inner.values()) == {16, 32}  # the sampling rates of the layers
    assert inner[LAYER] == 32
    assert features[LAYER].shape[-1] == 52
    assert G.margins[G.layer_names[-1]] == 0
    assert torch.equal(behind_picture(G, LAYER, features[LAYER]), features[LAYER][..., 10:42, 10:42])


@pytest.mark.parametrize("place", [(9, 22), (24, 12)])
def test_what_is_changed_behind_a_pixel_changes_the_picture_there(G, place):
    code = G.map(G.sample_z(1))
    after = G.layer_names.index(LAYER) + 1
    state = G._activations(code, "w")[after]
    x = state.x.clone()
    behind_picture(G, LAYER, x)[..., place[0], place[1]] += 1e-4 * x.abs().mean()
    change = (G._resume(code, "w", replace(state, x=x), after) - G.synthesize(code)).square().sum((0, 1))
    axis = torch.arange(32, dtype=torch.float64)
    centre = [float(change.sum(1 - i) @ axis / change.sum()) for i in (0, 1)]
    assert centre == pytest.approx(place, abs=1.5)


def test_live_layers_tell_their_margin():
    layers = [nn.Conv2d(3, 4, 3, padding=11), nn.Conv2d(4, 3, 1)]
    layers[0].out_size, layers[0].out_sampling_rate = np.array([28, 28]), 8.0
    live = load(nn.Sequential(nn.Unflatten(1, (3, 8, 8)), *layers, nn.AdaptiveAvgPool2d(8)), z_dim=192)
    features = live.features(live.code(0), ["1", "2"])
    shapes = [tuple(behind_picture(live, name, features[name]).shape[2:]) for name in ("1", "2")]
    assert shapes == [(8, 8), (28, 28)]


def test_no_layer_is_left_out_where_none_says_which_row_it_has():
    assert layers_of(linear_generator(), rows=[1]).names == ("all", "image")


def test_localisation_and_segmenters_read_what_lies_behind_the_picture(G):
    codes = G.map(G.sample_z(2))
    whole = G.features(codes, [LAYER])[LAYER]
    layers = Layers(G, (LAYER,), None)
    (seen,), _ = layers.look(codes, "w")
    assert torch.equal(seen, whole[..., 10:42, 10:42])
    labels = torch.full((2, 32, 32), -1)
    labels[:, :4], labels[:, 20:] = 0, 1
    S = fit_segmenter(G, codes, labels, layers=[LAYER], evaluate=False)
    weight, bias = S._linear.weights[LAYER], S._linear.bias
    scores = torch.einsum("kc,nchw->nkhw", weight.double(), seen) + bias.double()[:, None, None]
    assert torch.equal(S.from_codes(codes), S._linear.labels[scores.argmax(1)])
    assert torch.equal(S.labels(G.synthesize(codes), codes, features=layers.named([seen])), S.from_codes(codes))

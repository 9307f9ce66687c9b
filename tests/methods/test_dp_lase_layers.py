"""What DP-LaSE can look at, and the closed form of its variation, against dense twins."""

import pytest
import torch

from latent_widgets.core.steps import Cancelled
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.geometry.density.fitted import fit_density
from latent_widgets.geometry.subspaces.grassmann import principal_angles
from latent_widgets.methods import dp_lase, feature_directions
from tests.blocks import BlocksGenerator
from tests.dp_lase_twin import beginning
from tests.linear import LinearGenerator, linear_generator


@pytest.fixture
def blocks():
    return BlocksGenerator(dim=6)


@pytest.fixture
def styled():
    torch.manual_seed(1)
    return StyleGenerator(StyleGAN2(z_dim=5, w_dim=6, resolution=16, channels={4: 7, 8: 5, 16: 4}).double())


@pytest.fixture
def ends():
    """Codes of the first step of a run of straight walks, before and after: ``(n, d)`` and ``(2, n, d)``."""

    def ends(d, k, n, stride):
        rows, scaling, z, rng = beginning(d, k, n)
        rows = rows / rows.norm(dim=1, keepdim=True)
        chosen = torch.rand(n, k, generator=rng).argsort(1)[:, :2].T
        share = 2 * torch.rand(2, n, generator=rng, dtype=torch.float64) - 1
        return scaling, z, z + (share * stride * d**0.5)[..., None] * rows[chosen]

    return ends


@pytest.mark.parametrize("scaled", [True, False])
def test_several_layers_count_alike_or_by_their_size(blocks, ends, scaled):
    names = ["picture", "half"]
    found = dp_lase(
        blocks, layer=names, k=3, steps=1, batch=5, walk="linear", scaled=scaled, stride=0.5, begin="random"
    )
    scaling, z, there = ends(6, 3, 5, 0.5)
    squares, numbers = {}, {}
    for name in names:
        after, before = (blocks.features(x, [name], "z")[name].flatten(1) for x in (there.flatten(0, 1), z))
        change = after.unflatten(0, (2, 5)) - before
        spread = blocks.features(scaling, [name], "z")[name].flatten(1).var(0).mean() if scaled else 1.0
        squares[name], numbers[name] = change.square().mean() / spread, change.shape[2]
    weights = {name: 1.0 if scaled else numbers[name] for name in names}
    expected = -sum(weights[name] * squares[name] for name in names) / sum(weights.values())
    assert float(found.curve["var"][0]) == pytest.approx(float(expected), rel=1e-6)
    assert found.directions.parameters["layer"] == names


@pytest.mark.parametrize("layer", ["s", "s:b8.conv1", ["s:b4.torgb", "b4.conv1"]])
def test_styles_are_features_too(styled, ends, layer):
    found = dp_lase(styled, layer=layer, k=3, steps=1, batch=5, walk="linear", scaled=False, stride=0.5)
    _, z, there = ends(5, 3, 5, 0.5)

    def features(z):
        s = styled.styles(styled.map(z), "w")
        if layer == "s":
            return s
        if layer == "s:b8.conv1":
            return s[:, styled.style_slices["b8.conv1"]]
        inner = styled.features(z, ["b4.conv1"], "z")["b4.conv1"].flatten(1)
        return torch.cat([s[:, styled.style_slices["b4.torgb"]], inner], 1)

    expected = -(features(there.flatten(0, 1)).unflatten(0, (2, 5)) - features(z)).square().mean()
    assert float(found.curve["var"][0]) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        ("s:b4.conv9", ValueError, r"layer must be one of 'b4.conv1', .*, got 'b4.conv9'.* These have styles"),
        (["b4.conv1", "t"], ValueError, r"layer must be one of 'b4.conv1', .*'image', 's', got 't'"),
        ([], ValueError, r"layer must name one or more layers, each once, got \[\]"),
        (["s", "s"], ValueError, r"layer must name one or more layers, each once, got \['s', 's'\]"),
        (3, TypeError, "layer must be a name or a sequence of names, got int"),
    ],
)
def test_layers_that_do_not_exist_are_refused(styled, layer, error, message):
    for method in (dp_lase, feature_directions):
        with pytest.raises(error, match=message):
            method(styled, layer=layer)


def test_generator_without_styles_has_none_to_look_at(blocks):
    with pytest.raises(ValueError, match="layer must be one of 'half', 'picture', 'image', got 's:half'"):
        dp_lase(blocks, layer="s:half")


@pytest.mark.parametrize("space", ["z", "w"])
@pytest.mark.parametrize("scaled", [True, False])
def test_feature_directions_are_the_eigenvectors_of_the_mean_gram(space, scaled):
    G, names = BlocksGenerator(dim=5), ("half", "picture")
    found = feature_directions(G, names, 3, space=space, scaled=scaled, codes=6, seed=2)
    prior = fit_density(G, space, "standard" if space == "z" else "gaussian", seed=2)
    z = G.sample_z(6, seed=2)
    points = (G.map(z) if space == "w" else z).double()
    flat = lambda code, name: G.features(code, [name], space)[name].flatten(1)  # noqa: E731
    spreads = {name: flat(points, name).var(0).mean().sqrt() if scaled else 1.0 for name in names}
    counts = {name: flat(points, name).shape[1] for name in names}
    total = sum(counts.values())
    gram = torch.zeros(5, 5).double()
    for y in prior.whiten(points):
        for name in names:
            J = torch.autograd.functional.jacobian(lambda y, name=name: flat(prior.unwhiten(y)[None], name)[0], y)
            # scaled: a mean over the layers of means over their features
            gram += J.T @ J / spreads[name] ** 2 / (2 * counts[name] if scaled else total) / len(points)
    values, columns = torch.linalg.eigh(gram)
    rows = prior.whiten_direction(found.vectors)
    cosines = (rows * columns.flip(1).T[:3]).sum(1).abs()
    torch.testing.assert_close(cosines, torch.ones(3).double())
    torch.testing.assert_close(found.scores["feature change"], values.flip(0)[:3].sqrt())
    torch.testing.assert_close(rows @ rows.T, torch.eye(3).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.scales, found.vectors.norm(dim=1))
    assert (found.space, found.unit, found.method) == (space, "sd", "feature_directions")


def test_feature_directions_of_a_linear_map_are_its_singular_vectors():
    G = linear_generator(z_dim=5, w_dim=7)
    found = feature_directions(G, "image", 2, codes=2, scaled=False)
    U, S, Vh = torch.linalg.svd(G.module.synthesis @ G.module.mapping)
    torch.testing.assert_close((found.vectors * Vh[:2]).sum(1).abs(), torch.ones(2).double())
    torch.testing.assert_close(found.scores["feature change"], S[:2] / len(U) ** 0.5)


def test_directions_that_change_nothing_are_refused():
    full = linear_generator(z_dim=5, w_dim=5)
    narrow = full.module.mapping.clone()
    narrow[:, 3:] = 0
    G = LinearGenerator(narrow, full.module.synthesis)
    assert len(feature_directions(G, "image", 3, codes=2)) == 3
    with pytest.raises(ValueError, match="k must be at most 3, the rank of the features' mean J'J, got 4"):
        feature_directions(G, "image", 4, codes=2)


def test_feature_directions_of_what_was_seen():
    G = BlocksGenerator(dim=5)
    seen = []

    def stop(step):
        seen.append((step.index, step.total))
        return len(seen) < 2

    found = feature_directions(G, "half", 2, codes=5, on_step=stop)
    assert seen == [(1, 5), (2, 5)]
    assert found.rows is None
    assert feature_directions(G, "half", 2, codes=5).rows == (0, 1)


def test_training_begins_at_the_closed_form_and_says_so():
    G = linear_generator(z_dim=5, w_dim=7)
    options = {"layer": "image", "k": 2, "batch": 2, "walk": "linear", "rate": 1e-9, "patience": None}
    leading = torch.linalg.svd(G.module.synthesis @ G.module.mapping).Vh[:2]
    seen = []

    def watch(step):
        if step.index:
            seen.append(step)

    found = dp_lase(G, **options, begin="variation", steps=2, on_step=watch)
    assert principal_angles(found.directions, leading.T).max() < 1e-6
    assert principal_angles(dp_lase(G, **options, steps=2).directions, leading.T).max() > 0.1
    assert [step.index for step in seen] == list(range(1, 11))
    assert {step.total for step in seen} == {10}
    assert ["begin" in step.value for step in seen] == [True] * 8 + [False] * 2
    more = dp_lase(G, **options, begin="variation", steps=3, start=found, on_step=watch)
    assert (more.steps, len(seen)) == (3, 11)
    with pytest.raises(Cancelled, match="dp_lase was cancelled before its first step"):
        dp_lase(G, **options, begin="variation", steps=2, on_step=lambda step: step.index < 8)


def test_begun_at_the_closed_form_released_directions_keep_their_length():
    G = linear_generator(z_dim=16, w_dim=17)
    leading = torch.linalg.svd(G.module.synthesis @ G.module.mapping).Vh[:3]
    found = dp_lase(G, layer="image", k=3, preset="released", begin="variation", steps=1)
    assert principal_angles(found.directions, leading.T).max() < 1e-3

"""The localisation score: exact areas, hand-computed values, chance, and what is refused."""

import numpy as np
import pytest
import torch

from latent_widgets import Code, random_directions
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.effects import part_samples as part_samples_module
from latent_widgets.geometry.effects.area import area_resample
from latent_widgets.geometry.effects.feature_layers import layers_of
from latent_widgets.geometry.effects.localisation import localisation, shares
from latent_widgets.geometry.effects.part_masks import PartMasks, merge_masks
from latent_widgets.geometry.effects.part_samples import CHUNK, part_samples
from latent_widgets.segmentation import FixedMask, fit_segmenter
from latent_widgets.values.directions import Directions
from tests.blocks import HEIGHT, WIDTH, BlockSegmenter, BlocksGenerator, block_labels
from tests.linear import linear_generator

OLD = (7, 12)


@pytest.fixture
def soft():
    """Soft masks of no round size."""
    return torch.rand(3, *OLD, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("size", [(7, 12), (1, 1), (3, 5), (4, 4), (7, 6), (20, 13)])
def test_area_keeps_mass_at_any_size(soft, size):
    small = area_resample(soft, *size)
    assert small.shape == (3, *size)
    torch.testing.assert_close(small.mean((1, 2)), soft.mean((1, 2)), rtol=1e-12, atol=0)
    assert float(small.min()) >= float(soft.min()) - 1e-12
    assert float(small.max()) <= float(soft.max()) + 1e-12


@pytest.mark.parametrize("size", [(3, 5), (4, 4), (9, 8)])
def test_area_agrees_with_pooling_of_an_exactly_enlarged_mask(soft, size):
    enlarged = soft.repeat_interleave(size[0], 1).repeat_interleave(size[1], 2)
    pooled = torch.nn.functional.avg_pool2d(enlarged, OLD)
    torch.testing.assert_close(area_resample(soft, *size), pooled, rtol=1e-12, atol=1e-12)


def test_area_refuses_what_has_no_rows_and_columns():
    with pytest.raises(ValueError, match=r"masks must have shape \(\.\.\., H, W\), got \(3,\)"):
        area_resample(torch.ones(3), 2, 2)
    with pytest.raises(ValueError, match="height must be at least 1, got 0"):
        area_resample(torch.ones(3, 3), 0, 2)


def test_a_uniform_change_scores_the_area_at_every_layer():
    rng = torch.Generator().manual_seed(1)
    masks = torch.rand(4, 10, 15, generator=rng, dtype=torch.float64) > 0.7
    sizes = [(10, 15), (5, 5), (4, 7), (3, 2), (20, 30)]
    before = [torch.randn(4, 3, *size, generator=rng, dtype=torch.float64) for size in sizes]
    found = shares(before, [f + 0.3 for f in before], masks.double())
    torch.testing.assert_close(found.values, found.areas[:, None].expand(4, len(sizes)), rtol=1e-10, atol=0)
    torch.testing.assert_close(found.areas, masks.double().mean((1, 2)))


def test_score_is_what_the_equation_says():
    """Loops over layers, channels and pixels; the mask of the small layer is the mean of two by two pixels."""
    rng = np.random.default_rng(0)
    mask = rng.random((4, 6))
    layers = [(rng.standard_normal((2, h, w)), rng.standard_normal((2, h, w))) for h, w in ((4, 6), (2, 3))]
    expected = []
    for before, after in layers:
        step = 4 // before.shape[1]
        inside = whole = 0.0
        for i in range(before.shape[1]):
            for j in range(before.shape[2]):
                weight = mask[step * i : step * (i + 1), step * j : step * (j + 1)].mean()
                change = np.mean([(after[c, i, j] - before[c, i, j]) ** 2 for c in range(2)])
                inside, whole = inside + weight * change, whole + change
        expected.append(inside / whole)
    before, after = ([torch.as_tensor(pair[i])[None] for pair in layers] for i in (0, 1))
    found = shares(before, after, torch.as_tensor(mask)[None])
    np.testing.assert_allclose(found.values[0].numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(float(found.scores[0]), np.mean(expected), rtol=1e-12)


def test_layers_that_do_not_change_do_not_count():
    old = [torch.ones(2, 1, 2, 2), torch.ones(2, 1, 2, 2)]
    new = [old[0] + 1e-7, old[1].clone()]  # the first changes by rounding alone
    new[1][0, 0, 0, 0] = 2.0
    mask = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).expand(2, 2, 2)
    found = shares(old, new, mask)
    assert found.changed.tolist() == [[False, True], [False, False]]
    assert found.scores.tolist() == [1.0, 0.0]
    assert found.per_layer.tolist() == [0.0, 1.0]


def test_score_of_a_linear_generator_by_hand():
    """A step of a linear map changes the picture by the same everywhere, whatever the code and the length."""
    G = linear_generator()
    D = Directions(torch.eye(7, dtype=torch.float64)[:2], "w", generator=G.name, weights_hash=G.weights_hash)
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[1, 1:3] = True
    found = localisation(G, D, mask, n=5, features=["image"])
    energy = G.module.synthesis.T.reshape(7, 3, 4, 4)[:2].square().sum(1)
    torch.testing.assert_close(found.scores, (energy * mask).sum((1, 2)) / energy.sum((1, 2)))
    assert (found.layers, found.part, found.count) == (("image",), "region", 5)
    torch.testing.assert_close(found.chance, torch.full((2,), 2 / 16).double())
    outside = localisation(G, D, mask, n=5, features=["image"], mode="outside")
    torch.testing.assert_close(outside.scores, 1 - found.scores)


@pytest.mark.parametrize(("how", "expected"), [("average", 0.5), ("union", 1.0), ("intersection", 0.0)])
def test_masks_merge(how, expected):
    a, b = torch.tensor([[[True, True]]]), torch.tensor([[[True, False]]])
    assert merge_masks(a, b, how).tolist() == [[[1.0, expected]]]


def test_parts_may_be_given_in_every_form():
    G = BlocksGenerator()
    D = random_directions(G, k=2)
    labels = block_labels()
    forms = [
        (BlockSegmenter(), "south west"),
        (BlockSegmenter(), 2),
        (lambda images: labels.expand(len(images), -1, -1), 2),
        (labels, 2),
        (labels.numpy() == 2, None),
        (FixedMask(labels == 2), "any name"),
        ((labels == 2).double(), None),
    ]
    found = [localisation(G, D, parts, part, n=4) for parts, part in forms]
    for other in found[1:]:
        torch.testing.assert_close(other.scores, found[0].scores)
    assert [f.part for f in found] == ["south west"] * 2 + ["part 2"] * 2 + ["region", "any name", "region"]
    several = localisation(G, D, BlockSegmenter(), ["south west", "north east"], n=4)
    assert several.part == "north east + south west"
    assert float(several.chance[0]) == pytest.approx(0.5)


def test_few_shot_segmenters_read_the_codes(tiny):
    """They refuse pictures alone, so the codes must have come with them, in ``w+`` too."""
    codes = tiny.map(tiny.sample_z(2, seed=1))
    painted = (tiny.synthesize(codes)[:, 0] > 0).long()
    S = fit_segmenter(tiny, codes, painted, names=("dark", "bright"), evaluate=False)
    for D in (random_directions(tiny, k=1), random_directions(tiny, k=1, layers=[1, 3])):
        found = localisation(tiny, D, S, "bright", n=4)
        assert 0 < float(found.scores[0]) < 1


def test_a_part_must_be_visible():
    G = BlocksGenerator()

    def seldom(images):
        labels = torch.zeros(len(images), HEIGHT, WIDTH, dtype=torch.long)
        labels[0, 0, 0] = 1  # one picture a pass
        return labels

    with pytest.raises(ValueError, match="part must be visible in enough pictures, got 'part 1' in 4 of 128"):
        localisation(G, random_directions(G, k=1), seldom, 1, n=8)
    with pytest.raises(ValueError, match=r"got 'part 2' in 0 of 1. Choose another part or code"):
        localisation(G, random_directions(G, k=1), seldom, 2, n=8, code=G.code(1))


@pytest.mark.parametrize(("most", "looked"), [(None, 320), (200, 192), (1, 64)])
def test_looking_for_a_rare_part_ends_when_enough_are_found(most, looked):
    G = BlocksGenerator()

    def seldom(images):
        labels = torch.zeros(len(images), HEIGHT, WIDTH, dtype=torch.long)
        labels[:4, 0, 0] = 1  # four pictures a pass
        return labels

    drawn = []
    found = part_samples(
        layers_of(G, ["image"]), PartMasks.of(G, seldom, 1), "w", n=40, most=most,
        on_step=lambda step: drawn.append(step.value),
    )  # fmt: skip
    assert sum(drawn) == looked
    assert found.count == len(found.codes) == looked // 8
    assert found.visible == 1 / 8


@pytest.mark.parametrize(
    ("parts", "part", "error", "words"),
    [
        ("faces64", "hair", TypeError, "parts must be a segmenter, a callable, a label map or a mask, got 'faces64'"),
        (None, "hair", TypeError, "parts must be a segmenter"),
        (BlockSegmenter(), None, ValueError, "part must say which part, got None. The parts are north west"),
        (BlockSegmenter(), "north", ValueError, "part must be one of 'north west'"),
        (BlockSegmenter(), 4, ValueError, "part must be between 0 and 3, got 4"),
        (BlockSegmenter(), [], ValueError, "part must name at least one of"),
        (block_labels(), 5, ValueError, "part must be a label of the map, got 5, which is nowhere in it"),
        (block_labels(), "hair", ValueError, "part must be a label, an integer, where parts have no names, got 'hair'"),
        (block_labels()[None], 1, ValueError, r"parts must be one label map \(H, W\), got shape \(1, 8, 12\)"),
        (torch.zeros(4, 4), None, ValueError, "parts must mark some of the picture .* got a mask of nothing"),
        (torch.ones(4, 4), None, ValueError, "parts must mark some of the picture .* got a mask of everything"),
        (2 * torch.ones(4, 4), None, ValueError, "mask must be between 0 and 1"),
    ],
)
def test_parts_that_say_nothing_are_refused(parts, part, error, words):
    with pytest.raises(error, match=words):
        PartMasks.of(BlocksGenerator(), parts, part)


@pytest.mark.parametrize(
    ("segment", "error", "words"),
    [
        (lambda x: 1 / 0, RuntimeError, "must take pictures of shape .* got ZeroDivisionError"),
        (lambda x: x[:, 0], TypeError, "must be integers, got torch.float64"),
        (lambda x: x[:, 0, 1:].long() * 0, ValueError, r"must have shape \(\d+, 8, 12\).* got \(\d+, 7, 12\)"),
        (lambda x: x[:, 0].long() * 0 - 1, ValueError, "must be between 0 and"),
        (lambda x: None, TypeError, "must be a tensor, got NoneType"),
        (torch.nn.Conv2d(3, 2, 1, device="meta"), ValueError, "must be on the device of the pictures, cpu, got meta"),
    ],
)
def test_segmenters_that_fail_say_so(segment, error, words):
    G = BlocksGenerator()
    with pytest.raises(error, match=words):
        localisation(G, random_directions(G, k=1), segment, 0, n=4)


def test_bare_code_is_one_of_the_space_of_the_directions():
    """`z` and `w` of one length: nothing else tells which is meant."""
    G = linear_generator(z_dim=5, w_dim=5)
    D, z = random_directions(G, k=1, space="z"), G.sample_z(1, seed=2)
    mask = torch.zeros(4, 4)
    mask[:2] = 1
    bare, named = (localisation(G, D, mask, code=code, n=1, features=["all"]).scores for code in (z, Code(z[0], "z")))
    torch.testing.assert_close(bare, named)


def test_code_of_z_is_mapped_for_directions_of_w():
    G = linear_generator()
    D, z, mask = random_directions(G, k=1), G.sample_z(1, seed=2)[0], torch.eye(4)
    options = {"n": 1, "features": ["all"]}
    mapped = localisation(G, D, mask, code=Code(G.map(z[None])[0], "w"), **options)
    torch.testing.assert_close(localisation(G, D, mask, code=Code(z, "z"), **options).scores, mapped.scores)


def test_no_more_pictures_are_looked_at_than_are_needed():
    G, seen = linear_generator(), []

    def segment(images):
        seen.append(len(images))
        return (images.mean(1) > 0).long()

    localisation(G, random_directions(G, k=1), segment, 1, n=CHUNK, features=["image"])
    assert seen[0] == CHUNK
    assert sum(seen) == 2 * CHUNK  # once to find them, once after the edit


def test_layers_are_chosen(tiny):
    assert layers_of(tiny).names[-2:] == ("b16.conv1", "image")
    assert layers_of(tiny).picture == "b16.torgb"
    assert layers_of(ExactFaces(resolution=8)).picture is None
    assert layers_of(tiny, rows=[4]).names == ("b16.conv1", "image")
    features, image = layers_of(tiny, ["image", "b4.conv1"]).look(tiny.code(1)[None], "w")
    torch.testing.assert_close(image, tiny.synthesize(tiny.code(1)[None]))
    assert features[0] is image
    torch.testing.assert_close(features[1], tiny.features(tiny.code(1)[None], ["b4.conv1"])["b4.conv1"])
    with pytest.raises(ValueError, match=r"feature must be one of .*'image', got 'b5'"):
        layers_of(tiny, ["b5"])
    with pytest.raises(TypeError, match=r"features must be a list of layer names, got the string 'image'"):
        layers_of(tiny, "image")
    with pytest.raises(ValueError, match="features must name a layer that the rows from 3 on reach"):
        layers_of(tiny, ["b4.conv1"], rows=[3])


def test_bad_settings_are_refused():
    G = BlocksGenerator()
    D = random_directions(G, k=1)
    for words, options in {
        "merge must be one of": {"merge": "sum"},
        "mode must be one of": {"mode": "both"},
        "alpha must be positive, got 0": {"alpha": 0},
        "min_alpha must be between 0 and 1.0": {"min_alpha": 2},
        "batch must be at least 1, got 0": {"batch": 0},
    }.items():
        with pytest.raises(ValueError, match=words):
            localisation(G, D, BlockSegmenter(), 0, **options)
    exact = ExactFaces(resolution=8)
    factors = Code(exact.factors(exact.code(1)), "s")
    with pytest.raises(ValueError, match="code must be one from which w can be reached, got one in s"):
        localisation(exact, random_directions(exact, k=1), torch.eye(8) > 0, code=factors)


@pytest.mark.parametrize("room", [0.6, 1.5, 9.0])
def test_features_are_those_of_their_codes_however_few_are_kept(tiny, monkeypatch, room):
    codes = tiny.map(tiny.sample_z(100))
    layers, masks = layers_of(tiny, ["b4.conv1"]), PartMasks.of(tiny, torch.eye(16) > 0)
    chunk = tiny.features(codes[:32], ["b4.conv1"])["b4.conv1"].nbytes
    monkeypatch.setattr(part_samples_module, "KEEP", int(room * chunk))
    samples = part_samples_module.part_samples(layers, masks, "w", n=32, code=codes)
    assert (samples.features is None) == (room < 9)
    _, (seen,), _ = samples.take(torch.arange(32), layers)
    torch.testing.assert_close(seen, tiny.features(codes[:32], ["b4.conv1"])["b4.conv1"])


def test_codes_that_are_mapped_afterwards_are_not_truncated_in_silence(tiny):
    D = random_directions(tiny, k=1, space="z")
    with pytest.raises(ValueError, match=r"truncation must be 1 in z, which is mapped without any, got 0.7. Use w."):
        localisation(tiny, D, torch.eye(16) > 0, n=2, features=["image"], truncation=0.7)

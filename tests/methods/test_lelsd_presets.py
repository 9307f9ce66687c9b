"""The presets of LELSD beside twins written out from the description of the released program and from the equations."""

import math

import pytest
import torch

from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.effects.localisation import shares
from latent_widgets.geometry.effects.released import cascaded, released_shares
from latent_widgets.methods import lelsd
from latent_widgets.methods.lelsd.frame import frame_of, penalty_of
from latent_widgets.methods.lelsd.presets import presets
from latent_widgets.methods.lelsd.training import preset_rate, published_rate
from tests.blocks import BlockSegmenter, BlocksGenerator
from tests.released_lelsd import bright, corners_on_corners, correlations, share_of_the_program

PART = "south west"
CONVOLUTIONS = ["b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1"]


@pytest.fixture
def drawn():
    """What the program's counterpart draws in a step: the codes of the batch, the direction, and alpha."""

    def drawn(G, step, k, seed):
        own = seed * 1_000_003 + step + 1
        rng = torch.Generator().manual_seed(own)
        order = torch.randperm(4, generator=rng)
        length = torch.rand(1, generator=rng, dtype=torch.float64)
        sign = 1 - 2 * torch.randint(2, (1,), generator=rng)
        which = int(torch.randint(k, (1,), generator=rng))
        return G.map(G.sample_z(4, own), 0.7)[order], which, float(length * sign)

    return drawn


@pytest.mark.parametrize(("space", "painted"), [("w", False), ("w+", False), ("w", True)])
def test_released_loss_is_that_of_the_program_on_the_same_batch(tiny, drawn, space, painted):
    mask = torch.zeros(8, 8, dtype=torch.float64)  # of a segmenter whose resolution is that of a layer in the middle
    mask[3:, :5] = 1
    options = {"part": "south" if painted else 1, "k": 3, "space": space, "seed": 5, "preset": "released"}
    run = lelsd(tiny, mask if painted else bright, **options, on_step=lambda step: step.index < 2)
    first = lelsd(tiny, mask if painted else bright, **options, on_step=lambda step: step.index < 1)
    assert (run.steps, run.total, run.layers) == (2, 600, tuple(CONVOLUTIONS))
    start = frame_of(tiny, space, None).start(3, 5)
    for step, free in enumerate([start, first.state.free]):
        vectors = free if space == "w+" else free[:, 0]
        codes, which, alpha = drawn(tiny, step, 3, 5)
        codes = tiny.broadcast(codes)
        moved = codes + alpha * vectors[which]
        before, after = (tiny.features(x, CONVOLUTIONS, "w+") for x in (codes, moved))
        labels = [bright(tiny.synthesize(x, "w+")).double() for x in (codes, moved)]
        total = 0.0
        for b in range(4):
            where = mask if painted else 0.5 * labels[0][b] + 0.5 * labels[1][b]
            total += share_of_the_program(
                [before[name][b] for name in CONVOLUTIONS], [after[name][b] for name in CONVOLUTIONS], where
            )
        off = (correlations(vectors) - torch.eye(3)).abs().mean()
        assert abs(float(off)) > 0.01  # else the penalty is not seen
        assert float(run.losses[step]) == pytest.approx(float(5 * off - total / 4), rel=1e-6)


def test_equations_add_layers_up_and_have_half_the_norm(tiny):
    mask = torch.zeros(16, 16, dtype=torch.float64)
    mask[4:, :6] = 1
    options = {"k": 2, "seed": 3, "preset": "equations", "samples": 8, "batch": 8, "penalty_weight": 7.0}
    found = lelsd(tiny, mask, **options, on_step=lambda step: False if step.index else None)
    plain = lelsd(tiny, mask, **options | {"preset": None}, on_step=lambda step: False if step.index else None)
    units = frame_of(tiny, "w", None).start(2, 3)
    L = len(found.layers)
    assert found.layers == (*CONVOLUTIONS, "image")
    score = float(7 * penalty_of(units, "squared") - plain.losses[0])  # our sum over directions of means over layers
    norm = torch.linalg.matrix_norm(correlations(units[:, 0])[0] - torch.eye(2, dtype=torch.float64))
    assert float(found.losses[0]) == pytest.approx(float(7 / 2 * norm) - L * score, rel=1e-5)


def test_checks_of_the_equations_weigh_layers_as_the_loss_does(tiny):
    mask = torch.zeros(16, 16, dtype=torch.float64)
    mask[4:, :6] = 1
    found = lelsd(tiny, mask, k=2, preset="equations", samples=8, steps=1, penalty_weight=0.5)
    values = []
    for free, scores in zip([frame_of(tiny, "w", None).start(2, 0), found.state.free], found.curve, strict=True):
        values.append(float(scores.mean() - 0.5 / 2 / len(found.layers) * penalty_of(free, "published")))
    assert found.state.best_value == pytest.approx(max(values))


def test_released_settings_are_those_of_the_program_and_an_argument_overrides_them(tiny):
    assert presets("released", {"G": tiny, "k": 3}) == {
        "steps": 600, "features": CONVOLUTIONS, "merge": "average", "alpha": 1.0, "min_alpha": 0.0, "unit": "latent",
        "batch": 4, "samples": None, "truncation": 0.7, "schedule": "published", "penalty": "absolute",
        "penalty_weight": 5.0, "patience": None,
    }  # fmt: skip
    mask = torch.zeros(16, 16)
    mask[4:, :6] = 1
    found = lelsd(
        tiny, mask, "corner", 2, preset="released", steps=2, alpha=2, batch=3, features=["image"], merge="union"
    )
    asked = found.directions.parameters
    assert (asked["steps"], asked["alpha"], asked["batch"], asked["merge"]) == (2, 2.0, 3, "union")
    assert (asked["preset"], asked["samples"], asked["truncation"]) == ("released", None, 0.7)
    assert (asked["min_alpha"], asked["penalty"]) == (0.0, "absolute")
    assert (found.layers, found.directions.unit) == (("image",), "latent")
    held = lelsd(tiny, mask, preset="released", steps=2, samples=8)
    assert held.directions.parameters["samples"] == 8
    assert not torch.allclose(held.losses, lelsd(tiny, mask, preset="released", steps=2).losses)


@pytest.mark.parametrize("preset", ["released", None])
def test_released_ends_with_the_last_vectors_and_not_with_the_best(preset):
    G = BlocksGenerator()
    begun = lelsd(G, BlockSegmenter(), PART, steps=60)
    options = {"preset": preset, "steps": 61, "unit": "sd", "schedule": "published", "samples": 64}
    found = lelsd(G, BlockSegmenter(), PART, mode="outside", start=begun, **options)  # each check is worse than before
    last = found.state.free[0, 0]
    kept = torch.allclose(found.directions.unit_vectors[0], begun.directions.unit_vectors[0], rtol=0, atol=1e-5)
    assert float(found.curve[-1]) < 0.01 < float(begun.curve[-1])
    assert kept == (preset is None)
    assert torch.allclose(found.directions.unit_vectors[0], last / last.norm()) == (preset == "released")
    assert float(found.norm[0]) == pytest.approx(float(found.state.best.norm()))


def test_released_goes_on_as_if_it_had_not_stopped():
    G = BlocksGenerator()
    options = {"preset": "released", "k": 2, "steps": 24}
    whole = lelsd(G, BlockSegmenter(), PART, **options)
    half = lelsd(G, BlockSegmenter(), PART, **options, on_step=lambda step: step.index < 11)
    rest = lelsd(G, BlockSegmenter(), PART, **options, start=half)
    assert torch.equal(rest.losses, whole.losses)
    assert torch.equal(rest.directions.vectors, whole.directions.vectors)


def test_given_codes_come_again_in_every_step_of_the_preset(tiny):
    mask = torch.zeros(16, 16)
    mask[4:, :6] = 1
    found = lelsd(tiny, mask, preset="released", steps=2, code=tiny.code(3))
    assert found.directions.parameters["samples"] == 4
    assert torch.isfinite(found.losses).all()


def test_preset_must_be_one_of_two(tiny):
    mask = torch.zeros(16, 16)
    mask[4:, :6] = 1
    with pytest.raises(ValueError, match="preset must be one of 'released', 'equations', got 'paper'"):
        lelsd(tiny, mask, preset="paper")
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        lelsd(tiny, mask, k=0, preset="released")
    with pytest.raises(ValueError, match=r"truncation must be 1 in z, which is mapped without any, got 0[.]7"):
        lelsd(tiny, mask, preset="released", space="z")
    assert lelsd(tiny, mask, preset="released", space="z", truncation=1.0, steps=1).steps == 1


def test_absolute_penalty_counts_the_zeros_of_the_diagonal():
    rows = torch.tensor([[[0.6, 0.8], [0.0, 1.0]], [[1.0, 0.0], [0.8, 0.6]]], dtype=torch.float64)
    assert float(penalty_of(rows, "absolute")) == pytest.approx((2 * 0.6 / 4 + 2 * 0.6 / 4) / 2)
    assert float(penalty_of(rows[:1], "absolute")) == 0


def test_masks_go_from_layer_to_layer_and_begin_anew_at_their_own_size():
    mask = torch.rand(2, 6, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    sizes = [(3, 4), (6, 9), (6, 9), (12, 18), (12, 18)]
    found = cascaded(mask, sizes)
    up = corners_on_corners(6, 12) @ mask @ corners_on_corners(9, 18).T
    small = corners_on_corners(6, 3) @ mask @ corners_on_corners(9, 4).T
    for one, expected in zip(found, [small, mask, mask, up, up], strict=True):
        torch.testing.assert_close(one, expected)
    chain = cascaded(mask, [(3, 4), (4, 6), (5, 7)])
    five = corners_on_corners(6, 5) @ mask @ corners_on_corners(9, 7).T
    four = corners_on_corners(5, 4) @ five @ corners_on_corners(7, 6).T
    torch.testing.assert_close(chain[0], corners_on_corners(4, 3) @ four @ corners_on_corners(6, 4).T)
    assert not torch.allclose(chain[0], small)  # not straight from the full size


@pytest.mark.parametrize("d", [16, 64, 512])
def test_constant_of_the_denominator_takes_its_part_of_the_change(d):
    G = BlocksGenerator(d)
    w, step = G.code(0)[None], G.code(1)[None] / G.code(1).norm()
    masks = torch.rand(1, 8, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for alpha in (1.0, 1e-2, 1e-4):
        before, after = ([G.synthesize(x)] for x in (w, w + alpha * step))
        whole = float((after[0] - before[0]).square().mean(1).sum())
        plain, released = shares(before, after, masks), released_shares(before, after, masks)
        assert float(released.values) == pytest.approx(float(plain.values) / (1 + 1e-6 / whole), rel=1e-6)
    assert float(released.values) < 0.5 * float(plain.values)  # at 1e-4 the constant is most of it


@pytest.mark.parametrize("d", [16, 64, 512])
def test_rates_move_unit_vectors_alike_and_the_released_one_entries_alike(d):
    assert sum(published_rate(step, 200) for step in range(200)) == pytest.approx(0.0929, abs=1e-4)
    assert sum(preset_rate(step, 200, d) for step in range(200)) * math.sqrt(d) == pytest.approx(10, rel=0.01)
    G, options = BlocksGenerator(d), {"k": 1, "seed": 1, "samples": 8}
    start = frame_of(G, "w", None).start(1, 1)[0, 0]
    ours = lelsd(G, BlockSegmenter(), PART, **options, on_step=lambda step: step.index < 1).state.free[0, 0]
    angle = math.acos(float(ours @ start))
    assert 0.08 < angle < 0.101  # one step: 0.1, less what it goes along the vector
    released = lelsd(G, BlockSegmenter(), PART, preset="released", steps=40, seed=1).state.free[0, 0]
    most = sum(published_rate(step, 40) for step in range(40))
    assert 0.6 * most < float((released - start).abs().max()) < 1.1 * most  # whatever the dimension is
    turned = float(released @ start / released.norm())
    assert (turned > 0.994) == (d == 16)  # entries are 0.25 there, and 0.04 in 512 dimensions
    assert (turned < 0.97) == (d == 512)


def test_presets_need_layers(tiny):
    G = ExactFaces(resolution=16)
    assert presets("released", {"G": G, "k": 1})["features"] == list(G.layer_names)
    assert presets("released", {"G": tiny, "k": 1})["features"] == CONVOLUTIONS

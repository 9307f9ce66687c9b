"""LELSD: it finds disjoint parts and true factors, and how it trains, stops and goes on."""

import math
from dataclasses import replace

import pytest
import torch

from latent_widgets import Cancelled, faces, random_directions
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.geometry.effects.localisation import localisation
from latent_widgets.methods import Lelsd, lelsd, methods
from latent_widgets.methods.lelsd.course import course_of
from latent_widgets.methods.lelsd.frame import penalty_of
from latent_widgets.methods.lelsd.training import preset_rate, published_rate
from latent_widgets.segmentation import Segmenter
from latent_widgets.values.units import latent_sd
from latent_widgets.widgets.explorer.method_picker import fill_in
from tests.blocks import BlockSegmenter, BlocksGenerator, block_labels

PART = "south west"


class ExactParts(Segmenter):
    """The exact part maps of rendered faces, read from the codes."""

    needs_codes = True

    def __init__(self, G):
        super().__init__(faces.PARTS)
        self.G = G

    def _labels(self, images, codes, space, features):
        return self.G.part_maps(codes, space).argmax(1)


@pytest.fixture
def blocks():
    return BlocksGenerator()


@pytest.fixture(scope="module")
def found():
    """A direction of one block, found with the defaults."""
    return lelsd(BlocksGenerator(), BlockSegmenter(), PART)


@pytest.mark.parametrize(("space", "dim"), [("z", 16), ("w", 16), ("w", 64), ("w+", 64)])
def test_default_finds_a_disjoint_part(space, dim):
    found = lelsd(BlocksGenerator(dim), BlockSegmenter(), PART, space=space)
    assert float(found.score[0]) > 0.99
    assert found.steps <= 200
    assert float(found.random.mean()) < 0.3
    rows = found.directions.vectors[0]
    torch.testing.assert_close(rows.norm(dim=-1), torch.ones(rows.shape[:-1], dtype=rows.dtype))
    torch.testing.assert_close(found.norm, torch.ones(1, dtype=rows.dtype))


def test_result_stands_beside_chance(found):
    G = BlocksGenerator()
    assert isinstance(found, Lelsd)
    assert (found.part, found.stopped, found.layers) == (PART, "plateau", ("half", "picture", "image"))
    assert float(found.chance[0]) == pytest.approx(4 / 24)
    assert found.layer_scores.shape == (1, 3)
    torch.testing.assert_close(found.layer_scores.mean(1), found.score)
    assert found.random.tolist() == sorted(found.random.tolist())
    assert len(found.losses) == found.steps
    assert found.curve.shape == (len(found.checks), 1)
    assert float(found.curve[-1]) > float(found.curve[0]) + 0.5
    D = found.directions
    assert (D.names, D.method, D.unit, D.seed) == ((PART,), "lelsd", "sd", 0)
    torch.testing.assert_close(D.scales, latent_sd(G, D.vectors, "w"))
    torch.testing.assert_close(D.scores["score"], found.score)
    again = localisation(G, D, BlockSegmenter(), PART, seed=5)
    assert float(again.scores[0]) == pytest.approx(float(found.score[0]), abs=0.01)
    assert repr(found).startswith("<Lelsd south west: score 1.000; area 0.167, random 0.1")


def test_several_directions_are_uncorrelated(blocks):
    found = lelsd(blocks, BlockSegmenter(), PART, k=4)  # as many as there are
    units = found.directions.unit_vectors
    assert float((units @ units.T - torch.eye(4)).abs().max()) < 0.02
    assert float(found.score.min()) > 0.98
    assert found.directions.names[:2] == ("south west 1", "south west 2")


def test_without_the_penalty_they_need_not_be():
    rows = torch.tensor([[[0.6, 0.8]], [[1.0, 0.0]], [[0.0, 1.0]]])
    off = 2 * torch.tensor([0.6**2, 0.8**2, 0.0])
    assert float(penalty_of(rows, "squared")) == pytest.approx(float(off.sum()) / 6)
    assert float(penalty_of(rows, "published")) == pytest.approx(float(off.sum()) ** 0.5 / 2)
    turned = rows[:, :, [1, 0]]
    both = torch.cat([rows, turned], 1)  # two rows of w+: the mean
    assert float(penalty_of(both, "squared")) == pytest.approx(float(off.sum()) / 6)
    assert float(penalty_of(rows[:1], "published")) == 0.0


def test_published_schedule_is_slow_and_lets_vectors_grow(blocks, found):
    slow = lelsd(blocks, BlockSegmenter(), PART, schedule="published", unit="latent", min_alpha=0, batch=4)
    assert slow.steps == 200
    assert 0.3 < float(slow.score[0]) < 0.95 < float(found.score[0])
    assert abs(float(slow.norm[0]) - 1) > 1e-3
    assert slow.directions.unit == "latent"
    assert [published_rate(step, 200) for step in (0, 48, 49, 199)] == [1e-3, 1e-3, 5e-4, 6.25e-5]
    assert preset_rate(0, 200, 64) == pytest.approx(0.1 / 8)
    assert preset_rate(100, 200, 16) == pytest.approx(0.1 / 4 / 2)
    two = lelsd(blocks, BlockSegmenter(), PART, k=2, steps=40, penalty="published")
    assert float(two.score.mean()) > 0.5


def test_seed_decides_everything(blocks):
    a, b, c = (lelsd(blocks, BlockSegmenter(), PART, steps=12, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(a.directions.vectors, b.directions.vectors)
    assert torch.equal(a.losses, b.losses)
    assert not torch.allclose(a.losses, c.losses)


def test_going_on_is_as_good_as_not_having_stopped(blocks):
    whole = lelsd(blocks, BlockSegmenter(), PART, k=2, steps=37)
    half = lelsd(blocks, BlockSegmenter(), PART, k=2, steps=37, on_step=lambda step: step.index < 15)
    assert (half.stopped, half.steps, half.total) == ("cancelled", 15, 37)
    rest = lelsd(blocks, BlockSegmenter(), PART, k=2, steps=37, start=half)
    assert rest.stopped == "finished"
    assert torch.equal(rest.losses, whole.losses)
    assert torch.equal(rest.directions.vectors, whole.directions.vectors)
    assert half.checks == (0, 10, 15)  # the last for what is returned
    assert rest.checks == whole.checks == (0, 10, 20, 30, 37)
    assert torch.equal(rest.curve, whole.curve)


@pytest.mark.parametrize("n", [1, 6, 64, 1000, 10**6])
@pytest.mark.parametrize("count", [8, 9, 20, 49])
def test_few_pictures_are_shared_by_all_who_need_some(count, n):
    first, second = replace(course_of(200, 8, 1, 64, 1), samples=n).cuts(count)
    assert 0 < first < second < count


@pytest.mark.parametrize("n", [1, 64, 1000])
def test_each_has_its_share_of_the_pictures(n):
    course = replace(course_of(200, 8, 1, 64, 1), samples=n)
    whole, checked = course.drawn, course.judging.checked
    assert whole == n + 16 + 32
    assert course.cuts(whole) == (n, n + checked)  # as many as were asked for
    assert course.cuts(3 * whole + 1) == (3 * n + n // whole, 3 * (n + checked))


def test_cancelling_gives_the_best_so_far(blocks):
    seen = []

    def watch(step):
        seen.append(step)
        return step.index < 25

    found = lelsd(blocks, BlockSegmenter(), PART, k=2, on_step=watch)
    assert found.stopped == "cancelled"
    values = [step.value for step in seen if step.index]
    assert [step.index for step in seen if step.index] == list(range(1, 26))
    assert seen[-1].total == 200
    assert [v.checked for v in values] == [i % 10 == 0 for i in range(1, 26)]
    last = values[-1]
    assert last.best == pytest.approx(float(found.curve[:-1].mean(1).max()))
    assert last.chance == pytest.approx(4 / 24)
    assert last.band == (float(found.random[0]), float(found.random.mean()), float(found.random[-1]))
    assert last.directions.names == found.directions.names
    assert last.score == float(found.curve[2].mean())
    assert values[0].score < last.score
    best = found.curve.mean(1).argmax()
    assert float(found.curve[best].mean()) >= float(found.curve[0].mean()) + 0.3


def test_nothing_is_returned_when_there_is_nothing_yet(blocks):
    with pytest.raises(Cancelled, match="inside a step"):
        lelsd(blocks, BlockSegmenter(), PART, on_step=lambda step: False)
    told = []
    with pytest.raises(Cancelled, match="inside a step"):
        lelsd(blocks, BlockSegmenter(), PART, on_step=lambda step: told.append(step) or len(told) < 10)
    assert {(step.index, step.total, step.value) for step in told} == {(0, 200, None)}


def test_training_ends_on_a_plateau_or_not_at_all(blocks):
    short = lelsd(blocks, BlockSegmenter(), PART, patience=20)
    assert short.stopped == "plateau"
    assert short.steps < 130
    long = lelsd(blocks, BlockSegmenter(), PART, patience=None, steps=150)
    assert (long.stopped, long.steps) == ("finished", 150)


def test_outside_is_the_rest(blocks):
    found = lelsd(blocks, BlockSegmenter(), PART, mode="outside", steps=80)
    assert float(found.chance[0]) == pytest.approx(20 / 24)
    assert float(found.score[0]) > 0.99
    inside = localisation(blocks, found.directions, BlockSegmenter(), PART)
    assert float(inside.scores[0]) < 0.01


@pytest.mark.parametrize("merge", ["union", "intersection"])
def test_masks_of_a_moving_part(merge):
    """The part is what is bright: it moves with the edit, so that the ways to merge differ."""
    G = BlocksGenerator()

    def bright(images):
        return (images.mean(1) > 0.3).long()

    average = lelsd(G, bright, 1, steps=30)
    other = lelsd(G, bright, 1, steps=30, merge=merge)
    more = float(other.chance[0]) > float(average.chance[0])
    assert more == (merge == "union")


def test_one_picture_is_held(blocks):
    """A mask and a code, as the explorer gives them."""
    mask = block_labels() == 1
    found = lelsd(blocks, mask, part="sky", code=blocks.code(7), steps=60, samples=8)
    assert float(found.score[0]) > 0.97
    assert (found.part, found.visible) == ("sky", 1.0)
    held = lelsd(blocks, mask, code=blocks.broadcast(blocks.code(7)), steps=60, samples=8)  # a w+ serves w too
    torch.testing.assert_close(held.directions.vectors, found.directions.vectors, rtol=1e-4, atol=1e-4)


def test_rows_and_styles(tiny):
    mask = torch.zeros(16, 16, dtype=torch.bool)
    mask[4:12, 6:] = True
    options = {"steps": 4, "samples": 4, "batch": 3}
    some = lelsd(tiny, mask, space="w+", layers=[2, 3], **options)
    assert some.directions.layers == (2, 3)
    assert some.directions.vectors.shape == (1, tiny.num_layers, 6)
    lengths = some.directions.vectors[0].norm(dim=1)
    torch.testing.assert_close(lengths, torch.tensor([0.0, 0.0, 1.0, 1.0, 0.0, 0.0]).double())
    assert "b4.conv1" not in some.layers
    w = lelsd(tiny, mask, layers=[2, 3], **options)
    assert (w.directions.space, w.directions.layers) == ("w", (2, 3))
    assert torch.isfinite(w.score).all()
    styles = lelsd(tiny, mask, space="s", layers=[0], **options)
    moving = styles.directions.vectors[0] != 0
    names = [name for name, index in zip(tiny.layer_names, tiny.layer_index, strict=True) if index == 0]
    assert int(moving.sum()) == sum(tiny.style_slices[n].stop - tiny.style_slices[n].start for n in names)
    whole = lelsd(tiny, mask, space="s", **options)
    assert bool((whole.directions.vectors != 0).all())


def test_generators_without_a_mapping(plain):
    mask = torch.zeros(16, 16, dtype=torch.bool)
    mask[:5] = True
    found = lelsd(plain, mask, steps=20, truncation=0.7)
    assert found.directions.space == "z"
    assert float(found.score[0]) > float(found.random.mean())


@pytest.mark.parametrize(("part", "factor", "size"), [("hair", "hair_tone", 16), ("glasses", "glasses", 20)])
def test_directions_of_faces_line_up_with_true_factors(part, factor, size):
    """Only faces that show the part count; three faces of ten wear glasses."""
    G = ExactFaces(resolution=size)
    truth = G.true_directions()
    found = lelsd(G, ExactParts(G), part, features=["image"], steps=60, samples=24)
    cosines = (truth.vectors @ found.directions.unit_vectors[0]).abs()
    random = random_directions(G, k=500, orthogonal=False).vectors @ truth.vectors.T
    chance = float(random.abs().amax(1).quantile(0.99))  # the largest cosine of a random direction with any factor
    assert truth.names[int(cosines.argmax())] == factor
    assert factor in faces.factors_of_part(part)
    assert float(cosines.max()) > 0.7 > chance + 0.1
    assert float(found.score[0]) > float(found.random.max()) + 0.15
    assert (found.visible < 0.5) == (part == "glasses")


def test_explorer_runs_it_with_a_painted_region(blocks):
    info = next(info for info in methods() if info.name == "lelsd")
    assert info.title == "LELSD"
    mask, code = block_labels() == 0, blocks.code(1)
    arguments = fill_in(info, {"k": 1, "steps": 3}, {"parts": mask, "code": code, "z": None})
    assert set(arguments) == {"k", "steps", "parts", "code"}
    assert lelsd(blocks, **arguments).steps == 3
    with pytest.raises(
        ValueError, match=r"parts must be known to LELSD, got none[.] Paint a region, as the region page"
    ):
        fill_in(info, {}, {"parts": None, "code": code})


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"k": 17}, ValueError, "k must be at most 16, the dimension of w here, got 17"),
        ({"k": 0}, ValueError, "k must be at least 1, got 0"),
        ({"steps": 1.5}, TypeError, "steps must be an integer, got 1.5"),
        ({"space": "s"}, ValueError, "space must be one of 'z', 'w', 'w[+]', got 's'"),
        ({"layers": [2]}, ValueError, "layers must be between 0 and 1, got 2"),
        ({"space": "z", "layers": [0]}, ValueError, "layers must be None in z"),
        ({"features": ["full"]}, ValueError, "feature must be one of 'half', 'picture', 'image', got 'full'"),
        ({"mode": "both"}, ValueError, "mode must be one of"),
        ({"merge": "sum"}, ValueError, "merge must be one of"),
        ({"unit": "rms"}, ValueError, "unit must be one of"),
        ({"schedule": "fast"}, ValueError, "schedule must be one of"),
        ({"penalty": "none"}, ValueError, "penalty must be one of"),
        ({"penalty_weight": -1}, ValueError, "penalty_weight must be at least 0, got -1"),
        ({"alpha": -1}, ValueError, "alpha must be positive, got -1"),
        ({"patience": 0}, ValueError, "patience must be at least 1, got 0"),
        ({"batch": 0}, ValueError, "batch must be at least 1"),
        ({"truncation": "half"}, TypeError, "truncation must be a number"),
        ({"start": 3}, TypeError, "start must be a result of lelsd, got int"),
        ({"part": "north"}, ValueError, "part must be one of 'north west'"),
        ({"code": torch.zeros(3).double()}, ValueError, "code must have one of the shapes"),
    ],
)
def test_bad_arguments_are_refused(blocks, options, error, words):
    with pytest.raises(error, match=words):
        lelsd(blocks, BlockSegmenter(), **{"part": PART, **options})


def test_a_start_must_fit(found, blocks):
    with pytest.raises(ValueError, match=f"steps must be above {found.steps}, which start has done already, got 20"):
        lelsd(blocks, BlockSegmenter(), PART, steps=20, start=found)
    with pytest.raises(ValueError, match=r"start must have 2 directions in w, .* got 1 in w"):
        lelsd(blocks, BlockSegmenter(), PART, k=2, steps=400, start=found)
    with pytest.raises(ValueError, match="another weights hash"):
        lelsd(BlocksGenerator(seed=1), BlockSegmenter(), PART, steps=400, start=found)


def test_training_never_dies_silently(blocks):
    original = blocks._features

    def broken(code, space, layers):
        found = original(code, space, layers)
        return {name: f * (math.nan if code.requires_grad and name == "half" else 1.0) for name, f in found.items()}

    blocks._features = broken
    with pytest.raises(ValueError, match="G must give finite features and gradients, got NaN or infinity in step 1"):
        lelsd(blocks, BlockSegmenter(), PART, steps=5)


def test_segmenter_that_fails_later_says_so(blocks):
    calls = []

    def tires(images):
        calls.append(0)
        if len(calls) > 30:
            raise OSError("gone")
        return block_labels().expand(len(images), -1, -1)

    with pytest.raises(RuntimeError, match=r"must take pictures of shape .*, got OSError: gone"):
        lelsd(blocks, tires, 0, steps=50)

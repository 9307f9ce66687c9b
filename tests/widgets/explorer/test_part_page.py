"""A part in the explorer: painted examples become a segmenter, a training beside the pictures becomes sliders."""

import importlib
from contextlib import contextmanager
from threading import Event

import pytest
import torch

from latent_widgets.edits.edit import Code, Edit, Mask
from latent_widgets.faces.renderer import PARTS
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.methods import lelsd, random_directions
from latent_widgets.segmentation import FewShotSegmenter
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.part import part as _explorer_part
from latent_widgets.widgets.explorer.part.examples_work import Example, Examples, example_of, fit_examples
from latent_widgets.widgets.explorer.part.work import (
    ExactParts,
    TrainingCourse,
    TrainingPlan,
    built_in,
    look,
    small_walks,
)
from tests.widgets.conftest import PATIENCE, calm, until


@pytest.fixture(scope="module")
def exact():
    """Rendered faces of 16 pixels, whose parts are known."""
    return ExactFaces(resolution=16)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Trainings that measure on few pictures."""
    module = importlib.import_module("latent_widgets.methods.lelsd.course")
    for name in ("RANDOM", "CHECKED", "FEWEST"):
        monkeypatch.setattr(module, name, 2)


@pytest.fixture
def on_page(exact):
    """Opens an explorer on the page for parts, set for a training of the mouth of one face."""

    @contextmanager
    def make(executor, steps):
        with LatentExplorer(exact, seed=3, k=2, executor=executor) as made:
            made.controls.page = "part"
            page = made.part.page
            page.part.value, page.scope.value, page.steps.value = ("segmenter", "mouth"), True, steps
            yield made

    return make


@pytest.fixture
def explorer(on_page):
    """An explorer without workers, and a short training."""
    with on_page("inline", 4) as made:
        yield made


@pytest.fixture
def threaded(on_page):
    """One with workers, and a long training."""
    with on_page("thread", 400) as made:
        calm(made)
        yield made
        calm(made)


@pytest.fixture
def held(monkeypatch, threaded):
    """Holds trainings back after their first step until `held.set()`; they go on taking steps meanwhile."""
    held, advance = Event(), _explorer_part.Parts.advance
    held.begun = Event()

    def slow(self, step, value, edit):
        advance(self, step, value, edit)
        held.begun.set()
        while not held.wait(0.002) and not self.work.stopping:
            threaded.generator.lock.give_way()

    monkeypatch.setattr(_explorer_part.Parts, "advance", slow)
    yield held
    held.set()


@pytest.fixture
def halves():
    """The left half of a picture of 16 pixels, and its left quarter."""
    masks = torch.zeros(2, 16, 16, dtype=torch.bool)
    masks[0, :, :8] = masks[1, :, :4] = True
    return [Mask(mask) for mask in masks]


# ---- who finds parts


def test_renderer_knows_its_parts_and_other_generators_have_none(exact, tiny):
    found = built_in(exact)
    codes = exact.map(exact.sample_z(3, seed=1))
    assert found.labels(None, codes, space="w").equal(exact.part_maps(codes).argmax(1))
    with pytest.raises(ValueError, match="codes must be given to the exact part maps of 'faces-exact', got none"):
        found(torch.zeros(1, 3, 16, 16))
    assert built_in(tiny) is None


def test_parts_of_the_segmenter_are_offered_and_shown(exact, explorer):
    page = explorer.part.page
    assert [name for name, _ in page.part.options.items()] == [*PARTS, "the painted region"]
    where = exact.part_maps(explorer.code.tensor[None])[0].argmax(0) == PARTS.index("mouth")
    assert explorer.part.seen.mask.tensor.equal(where)
    assert page.seen.caption == f"mouth: {where.double().mean():.1%} of the picture"
    assert page.seen.to_pil().size == (192, 192)
    explorer.seed = 5
    assert explorer.part.seen.edit is explorer.current
    page.part.value = ("mask", "region")
    assert "Paint a region" in page.message.value
    assert page.train.disabled
    explorer.mask = Mask(where)
    assert not page.train.disabled
    assert page.plan == TrainingPlan("region", 1, 4, None, "average", True)
    assert explorer.error is None


@pytest.mark.parametrize("trouble", [RuntimeError("no memory"), KeyError("hair")])
def test_part_that_was_not_found_is_looked_for_again(explorer, monkeypatch, trouble):
    """The one is said on the page, the other is a failure of the panel."""

    def lost(*arguments):
        raise trouble

    monkeypatch.setattr(_explorer_part, "look", lost)
    explorer.seed = 5
    assert explorer.part.seen is None or explorer.part.seen.edit is not explorer.current
    monkeypatch.setattr(_explorer_part, "look", look)
    explorer.show_page()
    assert explorer.part.seen.edit is explorer.current
    assert explorer.error is None


def test_any_segmenter_can_be_given_and_set_later(tiny):
    class Bright:
        names = ("dark", "bright")

        def __call__(self, images):
            return (images.mean(1) > 0).long()

    with LatentExplorer(tiny, k=2, segmenter=Bright(), executor="inline") as explorer:
        explorer.controls.page = "part"
        page = explorer.part.page
        assert page.where == ("segmenter", "bright")
        before = tiny.synthesize(tiny.code(0)[None])[0].mean(0) > 0
        assert explorer.part.seen.mask.tensor.equal(before)
        explorer.segmenter = None
        assert page.where == ("mask", "region")
        assert "Nothing finds parts" in page.message.value
        for wrong, words in ((7, "must be a Segmenter, a network, a function or a mask"), (abs, "names must be given")):
            with pytest.raises(TypeError, match=words):
                explorer.segmenter = wrong
            assert explorer.segmenter is None
        broken = Bright()
        broken.names = ("dark",)
        explorer.segmenter = broken
        assert "between 0 and 0" in page.message.value  # what is wrong with it is said, and nothing dies
        assert explorer.error is None


# ---- training


def test_training_gives_a_slider_named_after_the_part(exact, explorer):
    page, old = explorer.part.page, explorer.state.directions
    page.train.click()
    assert page.message.value == ""
    assert explorer.error is None
    assert [d.names[0] for d in explorer.state.directions] == ["mouth"]
    assert [one.title for one in explorer.state.shelf.open] == ["Random directions", "mouth, LELSD, 4 steps"]
    assert explorer.state.rows[1:] == list(old)
    expected = lelsd(exact, ExactParts(exact), "mouth", steps=4, code=exact.code(3))
    assert explorer.directions[0].vectors.equal(expected.directions.vectors)
    assert explorer.part.course.steps == (0, 4)
    assert explorer.part.course.scores[-1] == pytest.approx(float(expected.curve[-1].mean()))
    assert f"score {float(expected.score[0]):.3f}" in page.words.value
    assert f"chance {float(expected.chance[0]):.3f}" in page.words.value
    assert "step 4: score" in page.curve.svg
    assert page.strips.to_pil().size[0] == 5 * 16 + 4 * 2
    explorer.set_alpha(0, 2.0)
    assert explorer.edit.moves[0].name == "mouth"


def test_parts_one_after_the_other_stand_side_by_side(explorer):
    page = explorer.part.page
    page.count.value = 2
    page.train.click()
    explorer.set_alpha(0, 1.0)
    page.part.value, page.scope.value, page.count.value = ("segmenter", "hair"), True, 1
    page.train.click()
    assert [d.names[0] for d in explorer.state.rows[:1]] == ["hair"]
    assert [one.directions.names for one in explorer.state.shelf.open[1:]] == [("mouth 1", "mouth 2"), ("hair",)]
    assert explorer.controls.others.children == ()
    page.part.value = ("segmenter", "mouth")
    page.train.click()
    assert explorer.directions.names[-1] == "mouth"
    assert explorer.edit.moves[0].name == "mouth 1"
    assert explorer.error is None


def test_cancel_hands_over_the_best_so_far_and_training_goes_on(threaded, held):
    page, part = threaded.part.page, threaded.part
    page.train.click()
    assert held.begun.wait(PATIENCE)
    assert page.train.disabled
    assert "training mouth" in threaded.line.text.value
    assert not threaded.line.cancel.disabled
    threaded.set_alpha(0, 1.0)  # sliders and picture live on
    assert threaded.job.wait(PATIENCE)
    assert threaded.code.tensor.equal(threaded.current.code(threaded.generator).tensor)
    threaded.line.cancel.click()
    calm(threaded)
    assert part.found.stopped == "cancelled"
    assert 1 <= part.found.steps < 400
    assert threaded.directions.names == ("mouth",)
    assert "stopped: the best so far" in page.words.value
    assert "score" in page.words.value
    assert page.more.disabled  # the slider was moved meanwhile: another face
    threaded.undo()  # the set goes, then the move
    threaded.undo()
    calm(threaded)
    assert not page.more.disabled
    before = part.found.steps
    page.steps.value = 401  # another plan is another training
    assert page.more.disabled
    page.steps.value = 400
    assert not page.more.disabled
    page.scope.value = False
    assert page.more.disabled
    page.scope.value = True
    threaded.seed = 4  # so is another face, if it is for one
    calm(threaded)
    assert page.more.disabled
    threaded.undo()
    calm(threaded)
    assert page.more.disabled is False
    held.clear()
    held.begun.clear()
    page.more.click()
    assert held.begun.wait(PATIENCE)
    assert part.course.done > before
    threaded.line.cancel.click()
    calm(threaded)
    assert part.found.steps > before
    assert threaded.error is None


def test_cancel_before_the_first_step_leaves_the_sliders(threaded, monkeypatch):
    begun, names = Event(), threaded.directions.names
    train = _explorer_part.train_part

    def slow(G, parts, plan, code, start, on_step):
        begun.set()
        until(lambda: threaded.part.work.stopping or G.lock.give_way())
        return train(G, parts, plan, code, start, on_step)

    monkeypatch.setattr(_explorer_part, "train_part", slow)
    threaded.part.page.train.click()
    assert begun.wait(PATIENCE)
    threaded.line.cancel.click()
    calm(threaded)
    assert "before there was any direction" in threaded.part.page.message.value
    assert threaded.directions.names == names
    assert not threaded.part.page.train.disabled


def test_what_a_training_refuses_is_said_on_its_page(exact, explorer):
    page = explorer.part.page
    page.count.value = 8
    page.part.value, page.scope.value = ("segmenter", "glasses"), True
    maps = exact.part_maps(torch.stack([exact.code(seed) for seed in range(20)])).argmax(1)
    explorer.seed = (maps == PARTS.index("glasses")).any(2).any(1).tolist().index(False)
    page.train.click()
    assert "glasses" in str(explorer.error)
    assert not page.train.disabled
    page.part.value = ("mask", "region")
    page.train.disabled = False
    page.train.click()
    assert "part must be found by a segmenter or painted, got neither" in str(explorer.error)


def test_course_draws_a_point_for_each_check():
    class Told:
        def __init__(self, score, checked):
            self.score, self.best, self.checked = score, score, checked
            self.chance, self.band = 0.1, (0.05, 0.1, 0.2)

    course = None
    for step, score, checked in ((1, 0.1, False), (2, 0.1, False), (10, 0.4, True), (11, 0.4, False)):
        course = TrainingCourse.after(course, step, 20, Told(score, checked))
    assert (course.steps, course.scores, course.done) == ((0, 10), (0.1, 0.4), 11)


def test_small_walks_are_those_of_the_edit(exact):
    D = random_directions(exact, 6)
    edit = Edit.of(exact, seed=3).move(D, 1, 1.0)
    found = small_walks(exact, edit, D)
    assert found.shape == (4 * 16 + 3 * 2, 5 * 16 + 4 * 2, 3)
    shown = torch.as_tensor(found[18:34, :16].copy()).movedim(-1, 0) / 127.5 - 1  # the second direction, -3
    expected = Edit.of(exact, seed=3).move(D, 1, -3.0).apply(exact)[0].clamp(-1, 1)
    assert (shown - expected).abs().max() < 0.005


# ---- painted by example


def test_painted_faces_become_a_segmenter_and_then_a_slider(exact, explorer):
    box, part = explorer.part.page.examples, explorer.part
    assert box.help.layout.display is None
    for seed in (3, 5):
        explorer.seed = seed
        maps = exact.part_maps(explorer.code.tensor[None])[0].argmax(0)
        explorer.mask = Mask(maps == PARTS.index("hair"))
        box.name.value = "hair"
        box.add.click()
        assert explorer.error is None
        assert explorer.mask is None
    assert box.help.layout.display == "none"
    assert len(box.cells.children) == 2
    assert "2 of at most 8 examples" in box.words.value
    assert "held-out IoU of hair" in box.words.value
    segmenter = part.painted.segmenters["hair"]
    assert isinstance(segmenter, FewShotSegmenter)
    assert segmenter.generator is exact
    assert part.page.where == ("painted", "hair")
    agreement = (part.seen.mask.tensor == (maps == PARTS.index("hair"))).double().mean()
    assert agreement > 0.9
    assert "hatched where not" in part.page.seen.caption
    box.paint.click()
    assert explorer.mask.tensor.equal(part.seen.mask.tensor)
    explorer.mask = None
    part.page.steps.value, part.page.scope.value = 2, True
    part.page.train.click()
    assert explorer.directions.names == ("hair",)
    box.seek.click()
    assert explorer.seed != 5
    for cell in box.cells.children[::-1]:
        cell.children[1].click()
    assert part.painted.segmenters == {}
    assert part.page.where[0] == "segmenter"
    assert box.cells.children == ()
    assert explorer.error is None


@pytest.mark.parametrize(
    ("name", "painted", "words"),
    [
        ("", 0.5, "part must have a name, got none"),
        ("hair", None, "got nothing painted"),
        ("hair", 0.0, "got nothing painted"),
        ("hair", 1.0, "got everything painted"),
    ],
)
def test_what_is_no_example_is_said(exact, explorer, name, painted, words):
    mask = torch.zeros(16, 16, dtype=torch.bool)
    if painted is not None:
        mask[:, : round(16 * painted)] = True
        explorer.mask = Mask(mask)
    box = explorer.part.page.examples
    box.name.value = name
    box.add.click()
    assert words in str(explorer.error)
    assert box.cells.children == ()


def test_an_example_is_the_picture_of_its_code(exact, halves):
    edit = Edit.of(exact, seed=2).move(random_directions(exact, 1), 0, 1.5)
    pixels = torch.zeros(16, 16, 3, dtype=torch.uint8).numpy()
    found = example_of(exact, edit, halves[0], pixels)
    assert found.code.tensor.equal(edit.code(exact).tensor)
    assert found.words == "seed 2*"
    with pytest.raises(ValueError, match="got one whose moves show only inside the region"):
        example_of(exact, Edit(edit.base, edit.moves, halves[0]), halves[0], pixels)


def test_ninth_example_is_refused_and_the_same_face_replaced(halves):
    examples = Examples()
    for i in range(8):
        examples = examples.add("hair", Example(Code(torch.full((2,), float(i)), "w"), halves[0], f"{i}", None))
    again = Example(Code(torch.zeros(2), "w"), halves[1], "again", None)
    replaced = examples.add("hair", again)
    assert [e.words for e in replaced.of("hair")] == [*map(str, range(1, 8)), "again"]
    with pytest.raises(ValueError, match="examples of 'hair' must be at most 8, got one more"):
        replaced.add("hair", Example(Code(torch.full((2,), -1.0), "w"), halves[0], "ninth", None))
    assert replaced.remove("hair", again).of("hair") == replaced.of("hair")[:-1]
    assert examples.of("mouth") == ()


def test_codes_of_two_spaces_are_fitted_together(tiny, halves):
    w = Code(tiny.code(1), "w")
    rows = Code(tiny.broadcast(tiny.code(2)[None])[0], "w+")
    examples = tuple(Example(code, halves[0], "", None) for code in (w, rows))
    found = fit_examples(tiny, "left", examples, True, None)
    assert found.generator is tiny
    assert found.names == ("rest", "left")
    seen = look(tiny, found, "left", Edit.of(tiny, seed=1))
    assert 0 < seen.sure <= 1
    assert (seen.mask.tensor == halves[0].tensor).double().mean() > 0.8

from dataclasses import asdict

import pytest
import torch
import torch.nn.functional as F

import latent_widgets as lw
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.segmentation import part_iou
from latent_widgets.segmentation._painting import Painting, Pixels
from latent_widgets.segmentation._regression import Linear, read_pixels

NAMES = ("background", "part", "other")


@pytest.fixture
def parts(tiny):
    """What is to be found: three parts that depend on the features of one layer, linearly."""

    def label(codes):
        f = tiny.features(codes, ["b8.conv1"])["b8.conv1"]
        f = F.interpolate(f, (16, 16), mode="bilinear", align_corners=False)
        first, second = (f[:, i] - f[:, i].mean() for i in (0, 1))
        return torch.stack([torch.zeros_like(first), first / first.std(), second / second.std()], 1).argmax(1)

    return label


@pytest.fixture
def codes(tiny):
    return tiny.map(tiny.sample_z(20, seed=1))


# ---- what it is built on


def test_features_at_a_pixel_are_those_of_the_enlarged_layer():
    rng = torch.Generator().manual_seed(0)
    features = {
        name: torch.randn(1, c, h, w, generator=rng, dtype=torch.float64)
        for name, c, h, w in (("a", 3, 4, 4), ("b", 2, 8, 8), ("c", 1, 16, 16))
    }
    row, column = torch.tensor([0, 15, 7, 3]), torch.tensor([0, 2, 9, 23])
    pixels = Pixels(torch.zeros(4), row, column, torch.zeros(4), torch.ones(4))
    large = [F.interpolate(f, (16, 24), mode="bilinear", align_corners=False) for f in features.values()]
    torch.testing.assert_close(read_pixels(features, pixels, (16, 24)), torch.cat(large, 1)[0, :, row, column].T)


def test_reading_small_and_enlarging_is_enlarging_and_reading():
    rng = torch.Generator().manual_seed(0)
    features = {"a": torch.randn(2, 3, 2, 3, generator=rng), "b": torch.randn(2, 4, 4, 6, generator=rng)}
    weights = {"a": torch.randn(5, 3, generator=rng), "b": torch.randn(5, 4, generator=rng)}
    bias = torch.randn(5, generator=rng)
    linear = Linear(torch.arange(5) * 2, weights, bias, True)
    large = torch.cat([F.interpolate(f, (8, 12), mode="bilinear", align_corners=False) for f in features.values()], 1)
    logits = torch.einsum("kc,nchw->nkhw", torch.cat([weights["a"], weights["b"]], 1), large) + bias[:, None, None]
    torch.testing.assert_close(linear.logits(features, (8, 12)), logits)
    assert torch.equal(linear.best(features, (8, 12)), 2 * logits.argmax(1))


def test_chosen_pixels_stand_for_all_that_was_painted():
    rng = torch.Generator().manual_seed(0)
    labels = torch.randint(-1, 2, (3, 10, 10), generator=rng)
    labels[1] = -1
    labels[2, :3, :3] = 2  # a small part
    few = Painting(labels, NAMES, (0, 2)).choose(60, seed=0)
    assert len(few.label) <= 60
    assert torch.equal(labels[few.sample, few.row, few.column], few.label)
    assert (few.label == 2).sum() == 9  # all of it
    for sample in (0, 2):
        for label in range(3):
            stood_for = few.weight[(few.sample == sample) & (few.label == label)].sum()
            assert float(stood_for) == pytest.approx(int((labels[sample] == label).sum()))
    every = Painting(labels, NAMES, (0, 2)).choose(10_000, seed=0)
    assert len(every.label) == (labels >= 0).sum()
    assert (every.weight == 1).all()
    assert len(set(zip(every.sample.tolist(), every.row.tolist(), every.column.tolist(), strict=True))) == len(
        every.label
    )


# ---- the fit


def test_parts_that_are_linear_in_the_features_are_found_on_new_codes(tiny, codes, parts):
    truth = parts(codes)
    S = lw.fit_segmenter(tiny, codes[:4], truth[:4], NAMES, penalty=1e-4)
    scores = part_iou(S.from_codes(codes[4:]), truth[4:], 3)
    assert (scores > 0.8).all(), scores
    assert S.training_agreement > 0.97
    assert (S.names, S.found, S.painted, S.stopped) == (NAMES, NAMES, 4, "complete")
    assert S.needs_codes
    few = lw.fit_segmenter(tiny, codes[:1], truth[:1], NAMES, evaluate=False)
    assert part_iou(few.from_codes(codes[4:]), truth[4:], 3).mean() < scores.mean()


def test_strokes_are_enough_and_what_is_not_painted_is_not_looked_at(tiny, codes, parts):
    truth = parts(codes)
    rng = torch.Generator().manual_seed(0)
    strokes = torch.where(torch.rand(4, 16, 16, generator=rng) < 0.3, truth[:4], -1)
    S = lw.fit_segmenter(tiny, codes[:4], strokes, NAMES, penalty=1e-3, evaluate=False)
    assert (part_iou(S.from_codes(codes[4:]), truth[4:], 3) > 0.6).all()


def test_held_out_overlap_is_that_of_fits_to_the_others(tiny, codes, parts):
    truth = parts(codes)[:3]
    truth[0, :2] = -1
    S = lw.fit_segmenter(tiny, codes[:3], truth, NAMES, pixels=10_000)
    found = []
    for i in range(3):
        others = [j for j in range(3) if j != i]
        fit = lw.fit_segmenter(tiny, codes[others], truth[others], NAMES, pixels=10_000, evaluate=False)
        assert fit.held_out is None
        found.append(fit.from_codes(codes[i : i + 1])[0])
    scores = part_iou(torch.stack(found), truth, 3)
    assert list(S.held_out.iou) == list(NAMES)
    torch.testing.assert_close(torch.tensor(list(S.held_out.iou.values())), scores.float(), atol=0.03, rtol=0)
    assert S.held_out.mean == pytest.approx(sum(S.held_out.iou.values()) / 3)
    assert S.held_out.folds == 3
    assert "held-out IoU" in repr(S)


def test_one_example_is_taken_and_says_what_is_missing(tiny, codes, parts):
    truth = parts(codes)[0].where(parts(codes)[0] < 2, -1)
    S = lw.fit_segmenter(tiny, codes[0], truth, NAMES)
    assert S.held_out is None
    assert S.advice == (
        "One sample is painted, so none can be held out. Paint a second.",
        "'other' is painted nowhere, so it is never found.",
    )
    assert S.found == NAMES[:2]
    assert S.from_codes(codes).max() == 1
    with pytest.raises(ValueError, match=r"part must be painted in an example, got 'other', which is in none"):
        S.mask(None, "other", codes)
    assert (S.probabilities(codes)[:, 2] == 0).all()


def test_a_part_on_one_sample_has_no_score_and_empty_samples_are_left_out(tiny, codes, parts):
    truth = parts(codes)[:4]
    truth[1:] = truth[1:].where(truth[1:] != 2, -1)
    truth[3] = -1
    S = lw.fit_segmenter(tiny, codes[:4], truth, NAMES)
    assert S.painted == 3
    assert list(S.held_out.iou) == ["background", "part"]
    assert S.advice == ("'other' is painted on one sample only, so it has no held-out score.",)


def test_examples_that_contradict_each_other_are_told(tiny, codes, parts):
    rng = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 3, (2, 16, 16), generator=rng)
    S = lw.fit_segmenter(tiny, codes[:2], noise, NAMES, penalty=1.0, evaluate=False)
    assert S.training_agreement < 0.9
    assert S.advice[-1].endswith("of the painted pixels are found as painted: examples may contradict each other.")
    twice = codes[[0, 1, 0]]
    truth = parts(codes)[[0, 1, 0]]
    lw.fit_segmenter(tiny, twice, truth, NAMES, evaluate=False)  # the same twice is no contradiction
    truth[2, 3, 5] = (truth[0, 3, 5] + 1) % 3
    first, second = NAMES[truth[0, 3, 5]], NAMES[truth[2, 3, 5]]
    words = f"got 1 pixels of samples 0 and 2 with two labels; at row 3, column 5: '{first}' and '{second}'"
    with pytest.raises(ValueError, match=words):
        lw.fit_segmenter(tiny, twice, truth, NAMES)


def test_confidence_is_the_probability_of_the_label_and_ranks_the_samples(tiny, codes, parts):
    S = lw.fit_segmenter(tiny, codes[:2], parts(codes)[:2], NAMES, evaluate=False)
    p = S.probabilities(codes)
    torch.testing.assert_close(p.sum(1), torch.ones(20, 16, 16).double())
    assert torch.equal(p.argmax(1), S.from_codes(codes))
    sure = S.confidence(codes)
    assert torch.equal(sure, p.amax(1))
    assert S.least_sure(codes) == int(sure.mean((1, 2)).argmin())
    assert sure[:2].mean() > sure[2:].mean()  # what was painted is known best


def test_codes_in_every_space_and_form(tiny, codes, parts):
    truth = parts(codes)
    S = lw.fit_segmenter(tiny, codes[:3], truth[:3], NAMES, evaluate=False)
    labels = S.from_codes(codes)
    assert torch.equal(S.from_codes(tiny.broadcast(codes)), labels)
    assert torch.equal(S.from_codes(tiny.sample_z(20, seed=1), space="z"), labels)
    assert torch.equal(S.from_codes([lw.Code(c, "w") for c in codes]), labels)
    assert torch.equal(S.from_codes(codes[0]), labels[:1])
    again = lw.fit_segmenter(tiny, list(codes[:3]), [one.numpy() for one in truth[:3]], NAMES, evaluate=False)
    assert torch.equal(again.from_codes(codes), labels)
    plain = lw.fit_segmenter(tiny, codes[:3], truth[:3] == 1, evaluate=False)
    assert plain.names == ("background", "part 1")


def test_features_that_the_caller_has_are_not_computed_again(tiny, codes, parts, monkeypatch):
    S = lw.fit_segmenter(tiny, codes[:3], parts(codes)[:3], NAMES, layers=["b8.conv1", "b16.conv0"], evaluate=False)
    labels, images = S.from_codes(codes), tiny.synthesize(codes)
    features = tiny.features(codes, S.layers)
    asked, original = [], type(tiny).features

    def counted(self, code, layers, space=None):
        asked.extend(layers)
        return original(self, code, layers, space)

    monkeypatch.setattr(type(tiny), "features", counted)
    assert torch.equal(S.labels(images, codes, space="w", features=features), labels)
    assert torch.equal(S.labels(images, features=features), labels)
    assert asked == []
    assert torch.equal(S.labels(images, codes, features={"b8.conv1": features["b8.conv1"]}), labels)
    assert asked == ["b16.conv0"]
    assert torch.equal(S.mask(images, "part", codes), labels == 1)
    assert S.labels(images[..., :8, :], codes).shape == (20, 8, 16)


def test_it_says_that_it_needs_codes(tiny, codes, parts):
    S = lw.fit_segmenter(tiny, codes[:2], parts(codes)[:2], NAMES, evaluate=False)
    with pytest.raises(ValueError, match=r"codes must be given to the segmenter fitted to 2 painted samples of 'tiny'"):
        S(tiny.synthesize(codes))
    with pytest.raises(ValueError, match=r"cannot look at foreign pictures. Use from_codes\(codes\)"):
        S.labels(tiny.synthesize(codes), features={})


def test_progress_is_told_and_the_evaluation_can_be_ended(tiny, codes, parts):
    steps = []
    truth = parts(codes)[:3]
    lw.fit_segmenter(tiny, codes[:3], truth, NAMES, on_step=lambda s: steps.append((s.index, s.total)))
    assert [step for step in steps if step[0]] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    S = lw.fit_segmenter(tiny, codes[:3], truth, NAMES, on_step=lambda s: s.index < 2)
    assert (S.stopped, S.held_out.folds) == ("cancelled", 1)
    S = lw.fit_segmenter(tiny, codes[:3], truth, NAMES, on_step=lambda s: False)
    assert (S.stopped, S.held_out) == ("cancelled", None)
    assert S.from_codes(codes).shape == (20, 16, 16)


@pytest.mark.parametrize(
    ("painted", "error", "words"),
    [
        (
            torch.zeros(2, 16, 16),
            TypeError,
            "painted_labels must be integers, -1 where nothing is painted, got",
        ),
        (torch.zeros(2, 16, 8).long(), ValueError, r"must have shape \(2, 16, 16\), a label .*got \(2, 16, 8\)"),
        (torch.zeros(3, 16, 16).long(), ValueError, r"must have shape \(2, 16, 16\), a label .*got \(3, 16, 16\)"),
        (torch.full((2, 16, 16), 3), ValueError, r"between -1 \(not painted\) and 2 \('other'\), got 3"),
        (torch.full((2, 16, 16), 255).byte(), ValueError, r"between -1 \(not painted\) and 2 \('other'\), got 255"),
        (torch.full((2, 16, 16), -2), ValueError, r"between -1 \(not painted\) and 2 \('other'\), got -2"),
        (torch.full((2, 16, 16), -1), ValueError, "must hold something painted, got -1 everywhere"),
        (torch.full((2, 16, 16), 1), ValueError, "at least two parts, got 'part' alone. Paint what is not 'part' too"),
        ([torch.zeros(4, 4), torch.zeros(5, 4)], ValueError, r"must all have one shape, got \(4, 4\), \(5, 4\)"),
    ],
)
def test_painted_labels_that_do_not_fit_are_refused(tiny, codes, painted, error, words):
    with pytest.raises(error, match=words):
        lw.fit_segmenter(tiny, codes[:2], painted, NAMES)


def test_other_arguments_that_do_not_fit_are_refused(tiny, codes, parts):
    truth = parts(codes)[:2]
    with pytest.raises(ValueError, match=r"layer must be one of .*got 'b99'"):
        lw.fit_segmenter(tiny, codes[:2], truth, layers=["b99"])
    with pytest.raises(ValueError, match="layers must name at least one layer with features, got none; 'tiny' has 'b4"):
        lw.fit_segmenter(tiny, codes[:2], truth, layers=[])
    with pytest.raises(ValueError, match="penalty must be at least"):
        lw.fit_segmenter(tiny, codes[:2], truth, penalty=0)
    with pytest.raises(ValueError, match="pixels must be at least 2, got 1"):
        lw.fit_segmenter(tiny, codes[:2], truth, pixels=1)
    with pytest.raises(ValueError, match="codes must hold at least one code, got none"):
        lw.fit_segmenter(tiny, [], truth)
    with pytest.raises(ValueError, match="codes must be of one space, got w, z"):
        lw.fit_segmenter(tiny, [lw.Code(codes[0], "w"), lw.Code(tiny.sample_z(1)[0], "z")], truth)
    with pytest.raises(TypeError, match="codes must be torch tensors, got int"):
        lw.fit_segmenter(tiny, [1, 2], truth)
    with pytest.raises(ValueError, match=r"codes must have one shape, got \(5,\), \(6,\)"):
        lw.fit_segmenter(tiny, [codes[0], codes[0, :5]], truth)


# ---- files


def test_saved_segmenter_is_the_same_one_bit_for_bit(make_network, tiny, codes, parts, tmp_path):
    truth = parts(codes)[:3]
    truth[0][truth[0] == 2] = -1
    S = lw.fit_segmenter(tiny, codes[:3], truth, NAMES, layers=["b8.conv1", "b4.conv1"])
    S.save(tmp_path / "parts.safetensors")
    again = StyleGenerator(make_network(), "tiny")
    T = lw.segmentation.FewShotSegmenter.load(tmp_path / "parts.safetensors", again)
    assert T.generator is again
    assert torch.equal(T.probabilities(codes), S.probabilities(codes))
    assert torch.equal(T.from_codes(codes), S.from_codes(codes))
    assert asdict(T.held_out) == asdict(S.held_out)
    for name in ("names", "name", "layers", "painted", "found", "training_agreement", "advice", "stopped"):
        assert getattr(T, name) == getattr(S, name), name
    assert repr(T) == repr(S)


def test_segmenter_of_another_generator_or_no_segmenter_is_refused(make_network, tiny, codes, parts, tmp_path):
    load = lw.segmentation.FewShotSegmenter.load
    path = tmp_path / "parts.safetensors"
    lw.fit_segmenter(tiny, codes[:1], parts(codes)[:1], NAMES).save(path)
    other = StyleGenerator(make_network(seed=1), "other")
    with pytest.raises(ValueError, match=r"got another name \('tiny', here 'other'\); weights hash .*fit a segmenter"):
        load(path, other)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(ValueError, match="path must be an undamaged safetensors file, got"):
        load(path, tiny)
    path.write_bytes(whole.replace(b'"bias"', b'"bios"'))
    with pytest.raises(ValueError, match=r"path must be an undamaged file of a segmenter, got .* without 'bias'"):
        load(path, tiny)
    path.write_bytes(whole.replace(rb'"version":"1"', rb'"version":"2"'))
    with pytest.raises(ValueError, match=r"path must be of version 1 at most, got .* of version 2"):
        load(path, tiny)
    lw.random_directions(tiny, k=2).save(path)
    with pytest.raises(ValueError, match=r"path must be a file that FewShotSegmenter\.save wrote, got .*another's"):
        load(path, tiny)
    with pytest.raises(ValueError, match=r"path must end in \.safetensors, got 'parts\.pt'"):
        lw.fit_segmenter(tiny, codes[:1], parts(codes)[:1], NAMES).save("parts.pt")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.safetensors", tiny)


def test_places_are_told_apart_in_half_precision():
    side, rng = 512, torch.Generator().manual_seed(0)
    image = torch.rand(1, 2, side, side, generator=rng).bfloat16()
    rows, columns = torch.randint(side, (2, 50), generator=rng)
    zeros = torch.zeros(50)
    read = read_pixels({"x": image}, Pixels(zeros, rows, columns, zeros, zeros), (side, side))
    torch.testing.assert_close(read, image[0, :, rows, columns].T.float(), rtol=0, atol=1e-3)

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import latent_widgets as lw
from latent_widgets import faces
from latent_widgets.segmentation import (
    FaceSegmenter,
    FixedMask,
    ForeignSegmenter,
    Segmenter,
    UNet,
    as_segmenter,
    overlay,
    part_iou,
    transformers_segmenter,
)

NAMES = ("background", "left", "right")
PICTURES = torch.zeros(2, 3, 4, 6)


class Says(Segmenter):
    """Gives out what it was told to."""

    def __init__(self, answer, names=NAMES):
        super().__init__(names, "says")
        self.answer = answer

    def _labels(self, images, codes, space, features):
        return self.answer


@pytest.fixture
def halves():
    """The left and the right third of two pictures of 4 x 6."""
    return Says(torch.tensor([1, 1, 0, 0, 2, 2]).expand(2, 4, 6))


# ---- the interface


def test_a_mask_is_where_the_labels_are_those_of_the_part(halves):
    left = torch.tensor([True, True, False, False, False, False]).expand(2, 4, 6)
    assert torch.equal(halves.mask(PICTURES, "left"), left)
    assert torch.equal(halves.mask(PICTURES, 1), left)
    assert torch.equal(halves.mask(PICTURES, ["left", "right"]), left | left.flip(2))
    assert halves(PICTURES).dtype == torch.int64
    assert (halves.part_index("right"), halves.part_indices(["right", 0])) == (2, [0, 2])


def test_a_part_that_is_not_there_is_refused_with_those_that_are(halves):
    with pytest.raises(ValueError, match=r"part must be one of 'background', 'left', 'right', got 'lft'. Did you mean"):
        halves.part_index("lft")
    with pytest.raises(ValueError, match="part must be between 0 and 2, got 3"):
        halves.mask(PICTURES, 3)
    with pytest.raises(TypeError, match=r"part must be an integer, got 1\.5"):
        halves.mask(PICTURES, 1.5)
    with pytest.raises(ValueError, match="part must name at least one of 'background', 'left', 'right', got none"):
        halves.mask(PICTURES, [])


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (torch.zeros(2, 6, 4).long(), ValueError, r"labels of says must have shape \(2, 4, 6\).*got \(2, 6, 4\)"),
        (torch.zeros(2, 4, 6), TypeError, r"labels of says must be integers, got torch.float32. Use logits.argmax"),
        ([[0]], TypeError, "labels of says must be a tensor, got list"),
        (torch.full((2, 4, 6), 3), ValueError, "labels of says must be between 0 and 2.*got 3 to 3"),
        (torch.full((2, 4, 6), -1), ValueError, "labels of says must be between 0 and 2.*got -1 to -1"),
    ],
)
def test_labels_of_the_wrong_size_or_type_are_refused(answer, error, words):
    with pytest.raises(error, match=words):
        Says(answer)(PICTURES)


def test_numpy_labels_and_bytes_are_taken():
    assert torch.equal(Says(np.ones((2, 4, 6), np.uint8))(PICTURES), torch.ones(2, 4, 6).long())


def test_pictures_and_names_are_checked(halves):
    with pytest.raises(ValueError, match=r"images must have shape \(n, 3, H, W\), got \(3, 4, 6\)"):
        halves(PICTURES[0])
    with pytest.raises(TypeError, match=r"images must be floating in .* got torch.uint8. Use images / 127.5 - 1"):
        halves(PICTURES.byte())
    with pytest.raises(ValueError, match="images must be finite, got 1 NaN"):
        halves(torch.where(torch.arange(144).view(2, 3, 4, 6) == 5, torch.nan, PICTURES))
    with pytest.raises(ValueError, match="images must be given to says, got none"):
        halves.labels(None)
    with pytest.raises(ValueError, match="names must differ, got 'a' twice"):
        Says(None, ("a", "b", "a"))
    with pytest.raises(TypeError, match="names must be a list of part names, got the string 'hair'"):
        Says(None, "hair")
    for wrong in ((), (1, 2)):
        with pytest.raises(TypeError, match="names must be one string for each label"):
            Says(None, wrong)


def test_overlap_counts_every_pixel_once_and_leaves_the_unknown_out():
    found = torch.tensor([[[0, 1, 1], [2, 2, 0]]])
    truth = torch.tensor([[[0, 1, 2], [2, -1, 1]]])
    torch.testing.assert_close(part_iou(found, truth, 4)[:3], torch.tensor([1 / 2, 1 / 3, 1 / 2]).double())
    assert part_iou(found, truth, 4)[3].isnan()
    with pytest.raises(ValueError, match=r"found must have shape \(1, 2, 2\)"):
        part_iou(found, truth[..., :2], 4)


# ---- the built-in segmenter


@pytest.fixture(scope="module")
def built_in():
    return lw.load_segmenter("faces64")


@pytest.fixture(scope="module")
def renders():
    found = faces.render(faces.sample_factors(60, seed=91), 64)
    return found.image, found.parts.argmax(1)


def test_it_finds_every_part_of_faces_that_it_never_saw(built_in, renders):
    images, truth = renders
    scores = dict(zip(built_in.names, part_iou(built_in(images), truth, 10).tolist(), strict=True))
    assert built_in.names == faces.PARTS
    assert built_in.names[0] == "background"
    for part, score in scores.items():
        assert score > 0.6, (part, score)
    assert sum(scores.values()) / 10 > 0.8


def test_noise_blur_and_tint_cost_little(built_in, renders):
    images, truth = renders
    rng = torch.Generator().manual_seed(0)
    worn = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1).lerp(images, 0.5)
    worn = worn * torch.tensor([0.95, 1.0, 1.05])[:, None, None] + 0.05 * torch.randn(images.shape, generator=rng)
    assert float(part_iou(built_in(worn), truth, 10).mean()) > 0.7


def test_it_finds_the_parts_that_a_generator_draws(built_in):
    G = lw.load()
    found = built_in(G.synthesize(G.map(G.sample_z(32, seed=3))))
    shown = (torch.stack([(found == i).flatten(1).sum(1) for i in range(10)]) >= 4).double().mean(1)
    for part in ("background", "clothes", "skin", "hair", "nose", "mouth", "eyes"):
        assert shown[faces.PARTS.index(part)] > 0.8, part


def test_labels_do_not_depend_on_the_batch_and_types_do_not_matter(built_in, renders):
    images, _ = renders
    together = built_in(images[:8])
    assert (together[3:4] == built_in(images[3:4])).double().mean() > 0.999
    assert torch.equal(built_in(images[:2].double()), built_in(images[:2]))


def test_other_sizes_are_brought_to_64_and_back(built_in):
    factors = faces.sample_factors(8, seed=92)
    large = faces.render(factors, 128)
    labels = built_in(large.image)
    assert labels.shape == (8, 128, 128)
    assert (labels == large.parts.argmax(1)).double().mean() > 0.93
    assert built_in(F.interpolate(large.image, (48, 80))).shape == (8, 48, 80)


def test_a_segmenter_that_does_not_come_with_the_package_is_refused():
    with pytest.raises(ValueError, match=r"name must be one of 'faces64', got 'digits32'. Other gen"):
        lw.load_segmenter("digits32")
    assert isinstance(FaceSegmenter(UNet((2, 2, 2, 2)))(torch.zeros(1, 3, 64, 64)), torch.Tensor)


# ---- adapters


class Logits(nn.Module):
    """Half as many rows and columns as the picture has: three logits, of which the brightest column's wins."""

    def __init__(self, wrap=lambda x: x):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.wrap = wrap

    def forward(self, images):
        small = F.avg_pool2d(images, 2) * self.scale
        return self.wrap(torch.cat([torch.zeros_like(small[:, :1]), small[:, :1], -small[:, :1]], 1))


@pytest.fixture
def striped():
    """Bright on the left, dark on the right, grey between."""
    return torch.tensor([1.0, 1, 0, 0, -1, -1]).expand(2, 3, 4, 6)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: x,
        lambda x: {"out": x, "aux": None},
        lambda x: {"logits": x},
        lambda x: SimpleNamespace(logits=x),
        lambda x: F.interpolate(x, scale_factor=2).argmax(1),
    ],
)
def test_a_network_may_give_out_logits_or_labels(striped, wrap):
    S = as_segmenter(Logits(wrap), NAMES)
    columns = S(striped)[0, 1]
    assert (columns[0], columns[5]) == (1, 2)
    assert S.mask(striped, "left").dtype == torch.bool
    assert not S.function.training
    assert S(striped.requires_grad_()).grad_fn is None


def test_universal_models_of_transformers_are_read_by_class_and_region():
    rng = torch.Generator().manual_seed(0)
    classes = torch.randn(2, 5, 4, generator=rng)  # five queries, three classes and none
    regions = torch.randn(2, 5, 2, 3, generator=rng)
    model = lambda x: SimpleNamespace(class_queries_logits=classes, masks_queries_logits=regions)  # noqa: E731
    found = as_segmenter(model, NAMES)(torch.zeros(2, 3, 2, 3))
    for n in range(2):
        for row in range(2):
            for column in range(3):
                votes = [
                    sum(
                        float(classes[n, q].softmax(0)[k]) * float(regions[n, q, row, column].sigmoid())
                        for q in range(5)
                    )
                    for k in range(3)
                ]
                assert int(found[n, row, column]) == int(np.argmax(votes))


def test_a_failing_segmenter_is_named_with_its_reason():
    def broken(images):
        raise OSError("no weights")

    with pytest.raises(RuntimeError, match=r"segmenter broken must take pictures of shape \(2, 3, 4, 6\).*got OSError"):
        as_segmenter(broken, NAMES)(PICTURES)
    with pytest.raises(RuntimeError, match=r"the segmenter mine must take .*got TypeError: bad"):
        ForeignSegmenter(lambda x: x, NAMES, prepare=lambda x: (_ for _ in ()).throw(TypeError("bad")), name="mine")(
            PICTURES
        )


def test_a_network_elsewhere_or_with_other_names_is_refused(striped):
    with pytest.raises(ValueError, match=r"segmenter Logits must be on the device of the pictures, cpu, got meta"):
        as_segmenter(Logits().to("meta"), NAMES)(striped)
    with pytest.raises(ValueError, match=r"logits of Logits must have shape \(2, 2, h, w\), .*got \(2, 3, 2, 3\)"):
        as_segmenter(Logits(), NAMES[:2])(striped)


def test_what_is_no_segmenter_is_refused(halves):
    with pytest.raises(TypeError, match="a segmenter must be a Segmenter, a network, a function or a mask, got str"):
        as_segmenter("hair")
    with pytest.raises(TypeError, match="names must be given for Logits, one for each label, got none"):
        as_segmenter(Logits())
    with pytest.raises(TypeError, match="names must be left out for a segmenter, which has its own: background, left"):
        as_segmenter(halves, ("a", "b"))
    with pytest.raises(TypeError, match="prepare must be callable, got int"):
        ForeignSegmenter(Logits(), NAMES, prepare=3)
    assert as_segmenter(halves, NAMES) is halves


class Stranger(Logits):
    """As transformers' models are: names in a configuration, an object with logits."""

    config = SimpleNamespace(id2label={0: "background", "1": "lip", 2: "lip"})

    def __init__(self):
        super().__init__(lambda x: SimpleNamespace(logits=x))
        self.seen = None

    def forward(self, images):
        self.seen = images
        return super().forward(images)


def test_a_model_of_transformers_brings_its_names_and_its_processor(striped):
    model = Stranger()
    processor = SimpleNamespace(image_mean=[0.5, 0.25, 0.0], image_std=[0.5, 0.5, 1.0], size={"height": 8, "width": 10})
    S = transformers_segmenter(model, processor)
    assert S.names == ("background", "lip (1)", "lip (2)")
    assert S(striped).shape == (2, 4, 6)
    assert model.seen.shape == (2, 3, 8, 10)
    torch.testing.assert_close(model.seen[0, :, 0, 0], torch.tensor([1.0, 1.5, 1.0]))
    as_segmenter(model)(striped)  # without a processor pictures go in as they are
    assert torch.equal(model.seen, striped)
    with pytest.raises(TypeError, match=r"model must have names in config.id2label, got Logits. Use as_segmenter"):
        transformers_segmenter(Logits())


def test_without_transformers_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModuleNotFoundError, match=r"must be loaded by the package transformers.*pip install"):
        transformers_segmenter("some/model")


def test_a_real_model_of_transformers():
    transformers = pytest.importorskip("transformers", reason="the extra 'segment' is not installed")
    config = transformers.SegformerConfig(
        num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1], hidden_sizes=[8, 8], patch_sizes=[3, 3], strides=[2, 2],
        num_attention_heads=[1, 1], mlp_ratios=[1, 1], decoder_hidden_size=8, id2label=dict(enumerate(NAMES)),
    )  # fmt: skip
    S = as_segmenter(transformers.SegformerForSemanticSegmentation(config))
    assert S.names == NAMES
    assert S(torch.zeros(2, 3, 16, 24)).shape == (2, 16, 24)


def test_a_painted_mask_weighs_every_picture_alike():
    soft = torch.tensor([[0.0, 0.25, 1.0]])
    S = as_segmenter(soft, ("rest", "mouth"))
    images = torch.zeros(2, 3, 1, 3, dtype=torch.float64)
    assert torch.equal(S(images), torch.tensor([[[0, 0, 1]]]).expand(2, 1, 3))
    assert S.mask(images, "mouth").dtype == torch.float64
    torch.testing.assert_close(S.mask(images, "mouth")[1], soft.double())
    torch.testing.assert_close(S.mask(images, "rest")[0], 1 - soft.double())
    assert (S.mask(images, ["rest", "mouth"]) == 1).all()
    painted = FixedMask(lw.Mask(np.eye(4, 6) > 0))
    assert painted.mask(torch.zeros(1, 3, 8, 12), "region").mean() == pytest.approx(4 / 24)
    with pytest.raises(ValueError, match="names must be two, of the outside and the inside, got"):
        FixedMask(soft, NAMES)
    with pytest.raises(ValueError, match="images must be given to the painted mask, got none"):
        S.mask(None, "mouth")


# ---- what a person sees


def test_only_parts_are_tinted_and_only_doubt_is_hatched():
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 4, 6, generator=rng)
    labels = torch.randint(-1, 3, (2, 4, 6), generator=rng)
    tinted = overlay(images, labels)
    plain = (labels <= 0)[:, None].expand_as(images)
    assert torch.equal(tinted[plain], images[plain])
    assert (tinted != images)[~plain].double().mean() > 0.99
    sure = torch.ones(2, 4, 6)
    assert torch.equal(overlay(images, labels, sure), tinted)
    hatched = overlay(images, labels, torch.zeros(2, 4, 6))
    assert (hatched[..., 0, 0] == 1).all()
    assert torch.equal(hatched[..., 0, 1], tinted[..., 0, 1])
    with pytest.raises(ValueError, match=r"labels must have shape \(2, 4, 6\)"):
        overlay(images, labels[:1])
    with pytest.raises(ValueError, match="opacity must be between 0 and 1, got 2"):
        overlay(images, labels, opacity=2)

import numpy as np
import pytest
import torch

from latent_widgets.values.codes import Code
from latent_widgets.values.masks import Mask


def test_values_are_equal_only_to_themselves():
    code, mask = Code(torch.zeros(3), "z"), Mask(torch.ones(2, 3))
    assert code == code
    assert code != Code(torch.zeros(3), "z")
    assert mask == mask
    assert mask != Mask(torch.ones(2, 3))
    assert np.asarray(code).shape == (3,)
    assert np.asarray(mask, dtype=bool).all()


def test_values_do_not_follow_what_they_were_made_from():
    tensor, array = torch.zeros(3), np.zeros((2, 3), bool)
    code, mask = Code(tensor, "w", seed=np.int64(4)), Mask(array)
    tensor += 1
    array[:] = True
    np.asarray(code)[:] = 5
    assert code.tensor.tolist() == [0, 0, 0]
    assert mask.area == 0
    assert (code.seed, repr(code)) == (4, "<Code 3 in w, seed 4>")


def test_generators_accept_a_code(tiny):
    w = tiny.code(seed=3)
    assert torch.equal(tiny.synthesize(Code(w, "w")), tiny.synthesize(w[None]))
    rows = tiny.broadcast(w)[0]
    rows[1] += 1
    assert torch.equal(tiny.synthesize(Code(rows, "w+")), tiny.synthesize(rows[None]))


def test_code_moves_between_types():
    code = Code(torch.zeros(2, 3), "w+", seed=1, truncation=0.5).to(dtype=torch.float64)
    assert (code.tensor.dtype, code.space, code.seed, code.truncation) == (torch.float64, "w+", 1, 0.5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.zeros(2, 3), "w"), ValueError, r"tensor must have shape \(d,\), got \(2, 3\)"),
        ((torch.zeros(3), "w+"), ValueError, r"tensor must have shape \(num_layers, d\), got \(3,\)"),
        ((torch.zeros(3), "x"), ValueError, "space must be one of 'z', 'w', 'w\\+', 's', got 'x'"),
        ((torch.tensor([torch.nan]), "z"), ValueError, "tensor must be finite, got 1 NaN"),
        ((torch.arange(3), "z"), TypeError, "tensor must be floating, got torch.int64"),
        (([1.0], "z"), TypeError, "tensor must be a torch tensor, got list"),
        ((torch.zeros(3), "z", -1), ValueError, "seed must be at least 0, got -1"),
        ((torch.zeros(3), "z", 1, "a"), TypeError, "truncation must be a number, got 'a'"),
    ],
)
def test_bad_codes_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Code(*arguments)


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.full((2, 3), "a"), TypeError, "mask must be an array, a tensor or a Pillow image, got ndarray of <U1"),
        (np.zeros((2, 3, 2)), ValueError, r"mask must have shape \(H, W\), got \(2, 3, 2\)"),
        (np.zeros((0, 3)), ValueError, r"mask must have shape \(H, W\), got \(0, 3\)"),
        (np.array([[0.0, 1.5]]), ValueError, r"mask must be between 0 and 1, got 0 to 1\.5"),
        (torch.tensor([[-1.0]]), ValueError, "mask must be between 0 and 1, got -1 to -1"),
        (torch.tensor([[torch.nan]]), ValueError, "mask must be finite, got 1 NaN"),
    ],
)
def test_bad_masks_are_refused(array, error, message):
    with pytest.raises(error, match=message):
        Mask(array)


def test_area_counts_soft_pixels_by_weight():
    assert Mask([[1.0, 0.5, 0.0, 0.0]]).area == 0.375
    assert repr(Mask(torch.eye(4, 8, dtype=torch.bool))) == "<Mask 4 x 8, area 12.5 %>"


def test_shrinking_keeps_the_area_where_sizes_divide():
    mask = Mask(torch.rand(12, 18, generator=torch.Generator().manual_seed(0)) > 0.7)
    small = mask.resize(4, 6)
    assert small.tensor.shape == (4, 6)
    assert small.area == pytest.approx(mask.area, rel=1e-6)
    assert small.tensor[1, 2] == mask.tensor[3:6, 6:9].float().mean()


def test_growing_keeps_constant_masks_and_range():
    torch.testing.assert_close(Mask(torch.ones(3, 2)).weights(7, 9), torch.ones(7, 9))
    grown = Mask(torch.eye(3, dtype=torch.bool)).weights(8)
    assert grown.shape == (8, 8)
    assert 0 <= grown.min() < grown.max() <= 1


def test_mask_of_the_right_size_is_itself():
    mask = Mask(torch.eye(3, 4, dtype=torch.bool))
    assert mask.resize(3, 4) is mask
    with pytest.raises(ValueError, match="height must be at least 1, got 0"):
        mask.resize(0, 4)


def test_width_is_not_guessed_from_nothing():
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        Mask(torch.ones(4, 4)).weights(8, 0)


def test_an_axis_that_shrinks_is_averaged_where_the_other_grows():
    stripes = torch.zeros(24, 5)
    stripes[::4] = 1
    assert Mask(stripes).weights(6, 10).tolist() == torch.full((6, 10), 0.25).tolist()


def test_weights_are_a_copy():
    mask = Mask(torch.ones(4, 4))
    mask.weights(4).zero_()
    assert mask.area == 1


def test_arrays_of_bfloat16_are_float32():
    half = torch.tensor([1.0, 0.3], dtype=torch.bfloat16)
    assert np.asarray(Code(half, "z")).tolist() == half.float().tolist()
    assert np.asarray(Mask(half[None])).dtype == np.float32

"""What arrays in files of directions may mean, and what is said of those that mean nothing."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import latent_widgets as lw
from latent_widgets.values.directions import Directions


@pytest.fixture
def saved(tmp_path):
    """Saves an array, or several by name, and returns the path."""

    def save(value, name="a.npy"):
        path = tmp_path / name
        if name.endswith(".npz"):
            np.savez(path, **value)
        elif name.endswith(".pt"):
            torch.save(value, path)
        elif name.endswith(".safetensors"):
            save_file(value, path)
        else:
            np.save(path, value, allow_pickle=True)
        return path

    return save


@pytest.fixture
def rows(tiny):
    """As many rows as the generator has layers, each as long as a code in w."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(tiny.num_layers, tiny.dim("w"), generator=generator, dtype=torch.float64)


def test_rows_that_may_be_layers_are_said_and_can_be_read_either_way(saved, tiny, rows):
    path, n = saved(rows.numpy(), "smile.npy"), tiny.num_layers
    with pytest.warns(
        UserWarning, match=rf"The {n} rows of 'smile\.npy' were read as {n} directions in w.*space='w\+'"
    ):
        many = Directions.load(path).for_generator(tiny)
    assert (len(many), many.space) == (n, "w")
    one = Directions.load(path, space="w+").for_generator(tiny)
    assert (len(one), one.space) == (1, "w+")
    assert torch.equal(one.vectors[0], rows)
    assert torch.equal(Directions.load(path).for_generator(tiny, space="w+").vectors[0], rows)
    assert torch.equal(Directions.load(path).for_generator(tiny, space="w").vectors, rows)  # who says so is not asked
    assert many.for_generator(tiny) is many  # nor twice


def test_reading_is_said_wherever_a_file_meets_a_generator(saved, tiny, rows):
    left = np.arange(tiny.resolution) < tiny.resolution // 2
    mask = np.broadcast_to(left, (tiny.resolution, tiny.resolution)).copy()
    for take in (lambda D: lw.walk(tiny, tiny.code(1), D, index=1), lambda D: lw.localisation(tiny, D, mask, n=2)):
        with pytest.warns(UserWarning, match="were read as"):
            take(Directions.load(saved(rows.numpy())))


@pytest.mark.parametrize("cut", [slice(1, None), slice(0, 1)])
def test_other_numbers_of_rows_mean_one_thing(saved, tiny, rows, cut):
    assert Directions.load(saved(rows.numpy()[cut])).for_generator(tiny).space == "w"


def test_own_directions_are_not_doubted(tmp_path, tiny, rows):
    Directions(rows, "w").save(tmp_path / "a.safetensors")
    assert len(Directions.load(tmp_path / "a.safetensors").for_generator(tiny)) == len(rows)
    assert len(Directions(rows, "w").for_generator(tiny)) == len(rows)


def test_space_that_would_fit_is_named(saved, plain, tiny):
    for G, dim, space in ((plain, plain.dim("z"), "z"), (tiny, tiny.dim("z"), "z")):
        D = Directions.load(saved(np.eye(3, dim)))
        with pytest.raises(ValueError, match=rf"use Directions\.load\(path, space='{space}'\)\."):
            D.for_generator(G)
        assert D.for_generator(G, space=space).space == "z"
    with pytest.raises(ValueError, match=r"dimension \(11, here 6\)\. They do not fit this generator\."):
        Directions.load(saved(np.eye(3, 11))).for_generator(tiny)


@pytest.mark.parametrize("name", ["a.npz", "a.pt", "a.safetensors"])
@pytest.mark.parametrize("shape", [(5,), (1, 5), (1, 1, 5)])
def test_dictionary_of_directions_gives_their_names(saved, name, shape):
    values = {"smile $": torch.arange(1.0, 6).reshape(shape), "age": torch.arange(2.0, 7).reshape(shape)}
    values = {n: v.numpy() for n, v in values.items()} if name.endswith("npz") else values
    D = Directions.load(saved(values, name))
    found = {direction.names[0]: direction.vectors[0].tolist() for direction in D}
    assert found == {"smile $": [1, 2, 3, 4, 5], "age": [2, 3, 4, 5, 6]}
    assert Directions.load(saved(values, name), key="age").names == ("age",)


@pytest.mark.parametrize("label", ["names", "labels", "attributes"])
def test_names_beside_an_array_are_those_of_its_rows(saved, label):
    vectors, names = np.eye(3, 4), ["pose", "größer", "a\nb"]
    D = Directions.load(saved({"directions": vectors, label: np.array(names)}, "a.npz"))
    assert D.names == tuple(names)
    D = Directions.load(saved({"vectors": torch.from_numpy(vectors), label: names}, "a.pt"))
    assert D.names == tuple(names)
    D = Directions.load(saved({"vectors": torch.from_numpy(vectors), label: names[:2]}, "a.pt"))
    assert D.names == ("pt file 1", "pt file 2", "pt file 3")


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int16, torch.uint8]
)
@pytest.mark.parametrize("name", ["a.pt", "a.safetensors", "a.npz"])
def test_every_type_of_numbers_becomes_the_generators(saved, tiny, dtype, name):
    if name == "a.npz" and dtype == torch.bfloat16:
        pytest.skip("NumPy has no bfloat16")
    vectors = torch.arange(1, 13).reshape(2, 6).to(dtype)
    D = Directions.load(saved({"v": vectors.numpy() if name == "a.npz" else vectors}, name))
    assert D.vectors.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert D.vectors.tolist() == vectors.tolist()
    assert D.for_generator(tiny).vectors.dtype == tiny.dtype


NUMBERS = np.arange(1.0, 7).reshape(2, 3)
PAIRS = np.zeros(3, [("re", "f4"), ("im", "f4")])
UNFIT = [
    (NUMBERS[:1].T, r"vectors must lie in rows, got \(3, 1\), a column\. Save the transpose: array\.T"),
    (NUMBERS[..., None], r"vectors must lie in rows, got \(2, 3, 1\), a column\. Save the transpose"),
    (PAIRS, r"the array must hold real numbers, got fields called 're', 'im'\. Save one of them: array\['re'\]\."),
    (NUMBERS + 1j, r"the array must hold real numbers, got complex ones\. Save array\.real\."),
    (NUMBERS > 2, r"the array must hold real numbers, got booleans\. Save array\.astype\(float\)\."),
    (np.array(["smile", "age"]), "the array must hold real numbers, got text"),
    (np.array(["2020-01-01"], "datetime64[D]"), r"the array must hold real numbers, got datetime64\[D\]\."),
    (np.array([NUMBERS, None], dtype=object), "which holds Python objects.*save the array alone"),
    (np.where(NUMBERS == 5, np.nan, NUMBERS), r"vectors must be finite, got NaN or infinity in the rows \[1\]\. Leave"),
    (np.where(NUMBERS == 2, np.inf, NUMBERS), r"vectors must be finite, got NaN or infinity in the rows \[0\]\. Leave"),
    (NUMBERS * [[1], [0]], r"vectors must not be zero, got zero rows \[1\]\. Leave them out\."),
    (np.float32(3), r"vectors must have shape \(d,\), .*got \(\)"),
    (np.zeros((0, 3)), r"vectors must have shape \(d,\), .*got \(0, 3\)"),
]


@pytest.mark.parametrize(("value", "message"), UNFIT)
def test_array_that_means_nothing_is_said(saved, value, message):
    with pytest.raises(ValueError, match=message):
        Directions.load(saved(value))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.ones(2, 3) * 1j, r"got complex ones\. Save array\.real\."),
        (torch.ones(2, 3) > 0, r"got booleans\. Save array\.astype\(float\)\."),
        (torch.eye(3).to_sparse(), r"must hold real numbers, got a sparse tensor\. Save array\.to_dense\(\)\."),
        (
            [torch.ones(3)],
            "it holds a list, not a tensor or a dictionary of tensors. Save one array, a direction in each",
        ),
        ({"a": torch.ones(2, 3), "b": torch.ones(4, 3)}, r"it holds the arrays 'a', 'b'\. Choose one with key="),
        ({"a": torch.ones(3), "b": torch.ones(4)}, r"it holds the arrays 'a', 'b'\. Choose one with key="),
        ({"a": 3}, r"it holds the arrays \(none\)\. Choose one with key="),
    ],
)
def test_content_of_a_torch_file_that_means_nothing_is_said(saved, value, message):
    with pytest.raises(ValueError, match=message):
        Directions.load(saved(value, "a.pt"))


def test_digits_of_long_doubles_are_kept_as_far_as_doubles_have_them(saved):
    value = np.array([[1.0, 2.0, 3.0]], np.longdouble) / 7
    assert Directions.load(saved(value)).vectors.tolist() == value.astype(np.float64).tolist()

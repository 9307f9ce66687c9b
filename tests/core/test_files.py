import json

import pytest
import torch
from safetensors.torch import save

from latent_widgets.core import files


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensor_as_json_keeps_every_bit(dtype):
    value = torch.randn(3, 2, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)
    value[0, 0, 0], value[1, 1, 1] = -0.0, torch.finfo(dtype).tiny
    back = files.tensor_from_json("x", files.tensor_to_json(value))
    assert (back.dtype, back.shape) == (value.dtype, value.shape)
    assert torch.equal(back.view(torch.uint8), value.view(torch.uint8))


def test_boolean_empty_and_strided_tensors_survive():
    mask = torch.tensor([[True, False, True]])
    assert torch.equal(files.tensor_from_json("x", files.tensor_to_json(mask)), mask)
    assert files.tensor_from_json("x", files.tensor_to_json(torch.zeros(0, 4))).shape == (0, 4)
    wide = torch.arange(6.0).reshape(2, 3).T
    assert torch.equal(files.tensor_from_json("x", files.tensor_to_json(wide)), wide)


@pytest.mark.parametrize(
    "change",
    [{"shape": [3]}, {"shape": [-1]}, {"shape": ["2"]}, {"dtype": "object"}, {"base64": "!"}, {"base64": "AACAPw="}],
)
def test_damaged_json_of_a_tensor_is_refused(change):
    plain = files.tensor_to_json(torch.ones(2)) | change
    with pytest.raises(ValueError, match="vector must be a tensor as dtype, shape and base64, got"):
        files.tensor_from_json("vector", plain)


def test_header_of_a_safetensors_file_says_what_is_in_it_and_where():
    value = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    data = save({"a": value}, {"note": "x"})
    for given in (data, memoryview(data)):
        header, start = files.safetensors_header(given)
        assert header["__metadata__"] == {"note": "x"}
        begin, end = header["a"]["data_offsets"]
        assert data[start + begin : start + end] == value.numpy().tobytes()


@pytest.mark.parametrize(("version", "newer"), [(0, False), (2, False), (3, True), (10, True)])
def test_stamp_tells_kinds_and_versions_apart(version, newer):
    stamp = files.Stamp("latent_widgets.a", 2, "about")
    metadata = files.Stamp("latent_widgets.a", version, "about").metadata({"k": [1, None]})
    assert stamp.is_on(metadata)
    assert stamp.is_newer(metadata) is newer
    assert stamp.read(metadata) == {"k": [1, None]}
    assert not stamp.is_on(metadata | {"format": "latent_widgets.b"})
    assert not stamp.is_on({})


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HEADERS = {
    "no dict": ([1], "a header that is no dict"),
    "metadata of numbers": ({"__metadata__": {"a": 1}}, "metadata that are not text"),
    "metadata in a list": ({"__metadata__": ["a"]}, "metadata that are not text"),
    "an entry in a list": ({"a": []}, "no type, sizes and place in the file of the tensor 'a'"),
    "no type": ({"a": {**ENTRY, "dtype": 1}}, "no type, sizes and place"),
    "an endless shape": ({"a": {**ENTRY, "shape": [1] * 100_000}}, "no type, sizes and place"),
    "a size of text": ({"a": {**ENTRY, "shape": ["2"]}}, "no type, sizes and place"),
    "a size below zero": ({"a": {**ENTRY, "shape": [-2]}}, "no type, sizes and place"),
    "a huge size": ({"a": {**ENTRY, "shape": [0, 2**60]}}, "no type, sizes and place"),
    "a place outside": ({"a": {**ENTRY, "data_offsets": [0, 9]}}, "no type, sizes and place"),
    "a place turned round": ({"a": {**ENTRY, "data_offsets": [8, 0]}}, "no type, sizes and place"),
    "half a place": ({"a": {**ENTRY, "data_offsets": [0]}}, "no type, sizes and place"),
    "other sizes": ({"a": {**ENTRY, "shape": [3]}}, "."),
    "an unknown type": ({"a": {**ENTRY, "dtype": "F4"}}, "."),
}


@pytest.mark.parametrize("name", HEADERS)
def test_other_headers_are_refused_in_words(name):
    header, why = HEADERS[name]
    text = json.dumps(header).encode()
    with pytest.raises(ValueError, match=why) as caught:
        files.read_safetensors(len(text).to_bytes(8, "little") + text + bytes(8))
    assert type(caught.value) is ValueError
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "cut off"),
        (b"\xff" * 8, "cut off"),
        ((2).to_bytes(8, "little") + b"{", "cut off"),
        ((2).to_bytes(8, "little") + b"{[", "the header must be JSON"),
        ((10**5).to_bytes(8, "little") + b"[" * 10**5, "lie more than 64 deep"),
        ((20).to_bytes(8, "little") + b'{"a":1,"a":1,"a":1} ', "the key 'a' comes twice"),
    ],
)
def test_damaged_headers_are_refused_in_words(data, why):
    with pytest.raises(ValueError, match=why):
        files.read_safetensors(data)


def test_a_stamp_says_what_is_wrong_with_it():
    stamp = files.Stamp("latent_widgets.notes", 1, "note")
    good = stamp.metadata({"seed": 3, "mean": float("nan")})
    assert stamp.read(good)["mean"] != stamp.read(good)["mean"]
    for version in ("", "x", "1e3", "9" * 10_000, "\u0663", "-1"):
        with pytest.raises(ValueError, match="its version must be a number, got"):
            stamp.is_newer(good | {"version": version})
    for text, why in (
        ("[]", "its 'note' must be a dict, got list"),
        ("", "its 'note' must be JSON"),
        ("[" * 9**5, "JSON"),
    ):
        with pytest.raises(ValueError, match=why):
            stamp.read(good | {"note": text})
    with pytest.raises(ValueError, match="its 'note' must be JSON"):
        stamp.read({"format": "latent_widgets.notes"})

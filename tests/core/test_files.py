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

"""What the tests of training share: one thread, so that a run repeats bit for bit, and pictures to train on."""

import gzip
import struct

import pytest
import torch


def write_idx(path, array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.numpy().tobytes()))


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def articles(tmp_path):
    """A folder in the form of Fashion-MNIST's, with a handful of pictures of noise."""
    folder = tmp_path / "articles"
    folder.mkdir()
    rng = torch.Generator().manual_seed(0)
    for kind in ("train", "t10k"):
        pixels = torch.randint(0, 256, (20, 28, 28), generator=rng, dtype=torch.uint8)
        write_idx(folder / f"{kind}-images-idx3-ubyte.gz", pixels)
        write_idx(folder / f"{kind}-labels-idx1-ubyte.gz", torch.arange(20).to(torch.uint8) % 10)
    return folder

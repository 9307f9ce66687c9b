"""Arrays of NumPy's files are read as NumPy reads them; what a header claims and a zip unpacks to is bounded before."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from latent_widgets.core.array_files import npy_array, npz_arrays
from latent_widgets.core.budget import FLOOR
from tests.stored_arrays import claiming, npy, npz, zipped

ARRAYS = {
    "matrix": np.arange(6.0).reshape(2, 3),
    "turned": np.asfortranarray(np.arange(24, dtype=np.int16).reshape(2, 3, 4)),
    "a number": np.array(3.5, np.float32),
    "empty": np.zeros((0, 3)),
    "big endian": np.arange(4, dtype=">f8"),
    "text": np.array(["a", "größer"]),
    "records": np.zeros(2, [("größe", "f4"), ("b", "i2")]),
    "truth": np.array([True, False]),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.filterwarnings("ignore:Stored array in format 3.0")
def test_arrays_are_read_as_numpy_reads_them(name):
    array = ARRAYS[name]
    found = [npy_array(npy(array)), npz_arrays(npz(x=array))["x"], npz_arrays(npz(False, x=array))["x"]]
    for one in found:
        read = one.read()
        assert (read.shape, one.shape, read.dtype.itemsize) == (array.shape, array.shape, array.dtype.itemsize)
        assert read.tolist() == array.tolist()


HEADS = {
    "a trillion numbers": "{'descr': '<f8', 'fortran_order': False, 'shape': (10**12,)}".replace(
        "10**12", "1" + "0" * 12
    ),
    "long text": "{'descr': '<U500000000', 'fortran_order': False, 'shape': (1,)}",
    "long bytes": "{'descr': '|V2147483647', 'fortran_order': False, 'shape': (1,)}",
    "many nothings": "{'descr': '|V0', 'fortran_order': False, 'shape': (1" + "0" * 12 + ",)}",
    "more digits than any": "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 4000 + ",)}",
    "below zero": "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
    "truth for a size": "{'descr': '<f8', 'fortran_order': False, 'shape': (True, 5)}",
    "text for a size": "{'descr': '<f8', 'fortran_order': False, 'shape': ('a',)}",
    "no shape": "{'descr': '<f8', 'fortran_order': False}",
    "an unknown type": "{'descr': 'hello', 'fortran_order': False, 'shape': (1,)}",
    "a number for a type": "{'descr': 3, 'fortran_order': False, 'shape': (1,)}",
    "no end": "{'descr': ('<f8', 'fortran_order': False, 'shape': (1,)}",
    "spaces": "\t{'a':\n",
    "brackets": "(" * 2000,
    "a nest": "[" * 90 + "]" * 90,
    "a list": "[]",
    "no Python": "\0\0\0",
    "nothing": "",
}


@pytest.mark.parametrize("version", [(1, 0), (3, 0), (9, 9)])
@pytest.mark.parametrize("name", HEADS)
@pytest.mark.filterwarnings("ignore:Reading `.npy` or `.npz` file required additional header parsing")
def test_claims_of_a_header_are_refused_before_they_are_believed(name, version):
    data = claiming(HEADS[name], version, bytes(64))
    tracemalloc.start()
    for one in (lambda: npy_array(data), lambda: npz_arrays(zipped(x=data))["x"]):
        with pytest.raises(ValueError, match=r".") as caught:
            one().read()
        assert type(caught.value) is ValueError
        assert len(str(caught.value)) <= 200
        assert "\n" not in str(caught.value)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 2 * 2**20


def test_only_what_is_asked_for_is_unpacked():
    large = np.zeros(100 * 2**20 // 8)
    data = npz(small=np.ones(3), large=large)
    del large
    tracemalloc.start()
    arrays = npz_arrays(data)
    assert arrays["small"].read().tolist() == [1, 1, 1]
    assert arrays["large"].shape == (100 * 2**20 // 8,)
    with pytest.raises(ValueError, match="must need memory and work in proportion to its"):
        arrays["large"].read()
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 2 * 2**20


def test_members_draw_on_one_account():
    half = np.zeros(FLOOR // 2, np.uint8)
    arrays = npz_arrays(npz(a=half, b=half))
    arrays["a"].read()
    with pytest.raises(ValueError, match="must need memory and work in proportion to its"):
        arrays["b"].read()


def test_a_long_header_is_not_unpacked():
    data = zipped(x=b"\x93NUMPY\x02\x00" + (2**25).to_bytes(4, "little") + b" " * 2**25)
    tracemalloc.start()
    with pytest.raises(ValueError, match="EOF: reading array header"):
        npz_arrays(data)["x"].read()
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 2 * 2**20


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archives_packed_otherwise_are_refused(method):
    with pytest.raises(ValueError, match=f"packed in the way {method}, which NumPy does not use"):
        npz_arrays(zipped(method, x=npy(np.ones(3))))


def test_spoilt_archives_are_refused_in_words():
    whole, ends = npz(a=np.arange(1000.0), b=np.ones(3)), set()
    for place in range(0, len(whole), 7):
        spoilt = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        for data in (spoilt, whole[:place]):
            try:
                ends.add(sum(one.read().size for one in npz_arrays(data).values()))
            except Exception as error:
                ends.add(type(error) if str(error) else "without a word")
    assert ends == {1003, ValueError}


def test_objects_are_never_loaded():
    file = io.BytesIO()
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects in an array"):
        npy_array(file.getvalue()).read()


def test_bytes_that_are_quoted_are_shown_on_one_line():
    header = "{'descr': '8\x94\xc7', 'fortran_order': False, 'shape': (3,), }".ljust(117) + "\n"
    with pytest.raises(ValueError, match="format number 1 of") as told:
        npy_array(b"\x93NUMPY\x01\x00v\x00" + header.encode("latin1") + bytes(100)).read()
    assert str(told.value).isprintable()

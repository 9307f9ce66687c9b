"""Arrays of NumPy whose headers lie, and archives of them."""

import functools
import io
import pickle
import struct
import zipfile
import zlib

import numpy as np

from tests.generators.checkpoints.hostile import Call
from tests.hostile import good
from tests.hostile.cases import ARRAYS, hostile


def npy(header, data=b"", version=(1, 0), length=None):
    """A file with any header."""
    text = header if isinstance(header, bytes) else header.encode("latin-1")
    text = text[: 2**16 - 1] if version == (1, 0) else text
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", size) + text + data


def described(descr="'<f8'", shape="(3, 5)", order="False"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def npz(entries, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as z:
        for name, data in entries.items() if isinstance(entries, dict) else entries:
            z.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


def saved(value, **options):
    file = io.BytesIO()
    np.save(file, value, **options)
    return file.getvalue()


@functools.cache
def mebibyte():
    """A block of a stream of zlib that unpacks to a MiB of zeros wherever it stands."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)


def zeros(count):
    """A stream of zlib that unpacks to so many MiB of zeros, made without making them."""
    check = (count * 2**20 % 65521) << 16 | 1
    return b"\x78\xda" + mebibyte() * count + b"\x03\x00" + struct.pack(">I", check)


def inflating(*entries):
    """A zip of entries of some bytes and then so many MiB of zeros."""
    body, directory = b"", b""
    for name, head, count in entries:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH) + mebibyte() * count + b"\x03\x00"
        fixed = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, len(data), len(head) + count * 2**20, len(name), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + fixed + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name
        body += b"PK\x03\x04" + fixed + name + data
    sizes = len(entries), len(entries), len(directory), len(body)
    return body + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, *sizes, 0)


@hostile("an array that claims what it has not", ARRAYS)
def _():
    shapes = {
        "a large shape": "(1000000000000,)", "a product that overflows": "(4294967296, 4294967296, 2)",
        "a size below zero": "(-1,)", "two below zero": "(-3, -5)", "zero and huge": "(0, 4611686018427387904)",
        "zero and many huge": "(0, 1099511627776, 1099511627776)", "digits": f"({'9' * 4000},)",
        "many": f"({'1, ' * 5000})",
        "seventy": f"({'1, ' * 70})", "no number": "('a',)", "truth": "(True, 5)", "half": "(1.5,)", "a list": "[3, 5]",
        "the picture": "(7, 9)",
    }  # fmt: skip
    made = {name: npy(described(shape=shape), bytes(120)) for name, shape in shapes.items()}
    kinds = {
        "gigabytes of text": "'<U500000000'", "gigabytes of bytes": "'|S2147483647'",
        "gigabytes of nothing": "'|V2147483647'",
        "objects": "'|O'", "times": "'<M8[s]'", "complex": "'<c16'", "long": "'<f16'", "halves": "'<f2'",
        "a field": "[('a', '<f8')]", "fields": str([(f"f{i}", "<f8") for i in range(3000)]),
        "fields of gigabytes": "[('a', '<f8', (100000, 100000))]", "a field of objects": "[('a', '|O')]",
        "nested": "[('a', " * 50 + "'<f8'" + ")]" * 50, "unknown": "'<z3'", "a number": "3", "none": "None",
        "no bytes": "'|V0'", "empty text": "'<U0'", "truth": "'|b1'", "big endian": "'>i2'", "large": "'<u8'",
    }  # fmt: skip
    made |= {f"of {name}": npy(described(kind), bytes(240)) for name, kind in kinds.items()}
    return made | {"empty text, many": npy(described("'<U0'", "(1000000000000,)"))}


@hostile("a header of an array that is none", ARRAYS)
def _():
    headers = {
        "a deep nest": "(" * 100_000, "deep lists": "[" * 20_000 + "]" * 20_000, "deep minus": "-" * 50_000 + "1",
        "a program": "__import__('os').system('touch executed')", "a call": "{'descr': eval('1')}",
        "no end": "{'descr': '<f8", "brackets": "{'descr': ']'[", "nothing": "", "nulls": "\0" * 64,
        "a tab": "\t{'a':\n\t  1}\n 2", "letters beyond ASCII": "{'descr': '\xff'}", "a list": "[]", "text": "'x'",
        "another key": "{'descr': '<f8', 'shape': (), 'x': 1}", "digits": "9" * 5000, "long": " " * 60_000,
        "doubling": "{'descr': '<f8' * 1000000000}", "a power": "{'shape': 9**9**9}", "a format": "f'{open(0)}'",
        "lines": "{\n" * 9000, "L": "{'descr': '<f8', 'fortran_order': False, 'shape': (3L, 5L), }\n",
        "a comment": "#" * 9000,
    }  # fmt: skip
    made = {f"{name}, {version}": npy(header, bytes(120), version) for name, header in headers.items()
            for version in ((1, 0), (2, 0), (3, 0))}  # fmt: skip
    whole = good.mask_array()
    return made | {
        "a length of 4 GB": npy(described(), b"", (2, 0), 2**32 - 1),
        "another version": npy(described(), b"", (9, 9)),
        "only a mark": b"\x93NUMPY",
        "no length": b"\x93NUMPY\x01\x00",
        "surrogates": npy(b"{'descr': '\xed\xa0\x80'}", b"", (3, 0)),
        "not UTF-8": npy(b"{'descr': '\xff\xfe'}", b"", (3, 0)),
    } | {f"cut at {at}": whole[:at] for at in (6, 7, 8, 9, 10, 40, 127, 128, 129, len(whole) - 1)}  # fmt: skip


@hostile("Python objects in an array", ARRAYS)
def _():
    evil = np.array([Call(__import__, "this")], dtype=object)
    array = saved(evil, allow_pickle=True)
    return {"npy": array, "npz": npz({"directions.npy": array}), "a bare pickle": pickle.dumps(evil, 2),
            "a pickle in a zip": npz({"directions": pickle.dumps(evil, 2)}),
            "one beside numbers": npz({"directions.npy": saved(np.eye(3, 5)), "names.npy": array})}  # fmt: skip


@hostile("an archive of arrays that inflates", ARRAYS)
def _():
    head = npy(described("'<f4'", f"({2**16}, {2**12})"))
    small = npy(described(), bytes(120))
    return {
        "a gigabyte": inflating((b"directions.npy", head, 1024)),
        "beside what is asked for": inflating((b"directions.npy", small, 0), (b"other.npy", head, 1024)),
        "names": inflating((b"directions.npy", small, 0), (b"names.npy", npy(described("'<U100000000'",
        "(3,)")), 1144)),
        "no array": inflating((b"directions.npy", b"", 1024)),
        "another name": inflating((b"x", head, 1024)),
        "more than claimed": inflating((b"directions.npy", npy(described()), 1024)),
    }  # fmt: skip


@hostile("an archive of arrays that is none", ARRAYS)
def _():
    plain = npz({"directions.npy": saved(np.eye(3, 5))}, zipfile.ZIP_STORED)
    packed = npz({"directions.npy": saved(np.ones((30, 50)))})
    place, local = packed.index(b"PK\x01\x02"), len("directions.npy") + 30
    check = bytearray(plain)
    check[-len("directions.npy") - 22 - 46 + 16] ^= 1
    wrong = bytearray(plain)
    wrong[local + 130] ^= 1
    spoilt = bytearray(packed)
    spoilt[local + 20] ^= 0xFF
    other = bytearray(packed)
    other[8:10] = other[place + 10 : place + 12] = struct.pack("<H", 97)
    far = bytearray(plain)
    place = plain.index(b"PK\x01\x02")
    far[place + 42 : place + 46] = struct.pack("<I", 2**31)
    lzma = npz({"directions.npy": saved(np.eye(3, 5))}, zipfile.ZIP_LZMA)
    dictionary = lzma.index(b"PK\x01\x02") and bytearray(lzma)
    dictionary[local + 5 : local + 9] = struct.pack("<I", 2**32 - 1)
    return {
        "no entry": npz({}),
        "another checksum": bytes(check),
        "another number": bytes(wrong),
        "spoilt": bytes(spoilt),
        "an unknown method": bytes(other),
        "an entry far away": bytes(far),
        "lzma with a dictionary of 4 GB": bytes(dictionary),
        "bzip2": npz({"directions.npy": saved(np.eye(3, 5))}, zipfile.ZIP_BZIP2),
        "10 000 entries": npz({f"{i}.npy": b"" for i in range(10_000)}, zipfile.ZIP_STORED),
        "entries of one name": inflating(*[(b"directions.npy", saved(np.eye(3, 5)), 0)] * 50),
        "a way out": npz({"../../directions.npy": saved(np.eye(3, 5))}),
        "a folder": npz({"directions/": b""}),
        "text": npz({"directions.npy": b"text"}),
        "an archive": npz({"directions.npz": plain}),
        "a surrogate": npz({"a\u202e.npy": saved(np.eye(3, 5)), "b\n\x1b.npy": saved(np.eye(3, 5))}),
        "cut": packed[: len(packed) // 2],
        "half of the directory": plain[:-30],
    }


@hostile("numbers that are no directions and no mask", ARRAYS)
def _():
    values = {
        "nothing": np.zeros(0), "no rows": np.zeros((0, 5)), "no columns": np.zeros((5, 0)),
        "one number": np.float64(1),
        "no numbers": np.full((7, 9), np.nan), "without end": np.full((7, 9), np.inf), "zero": np.zeros((7, 9)),
        "tiny": np.full((7, 9), 5e-324), "large": np.full((7, 9), 1e308), "deep": np.zeros((1,) * 30),
        "colours": np.zeros((7, 9, 3), np.uint8), "labels": np.arange(63).reshape(7, 9) % 5, "text": np.full((7, 9),
        "a"),
        "long": np.zeros((7, 9), np.longdouble), "complex": np.ones((7, 9), complex), "times": np.zeros((7, 9),
        "M8[s]"),
        "large whole": np.full((7, 9), 2**64 - 1, np.uint64), "fields": np.zeros((7, 9), [("a", "f8")]),
        "many labels": np.arange(3 * 10**5).reshape(500, 600),
    }  # fmt: skip
    made = {name: saved(value) for name, value in values.items()}
    names = {
        "names": np.arange(3),
        "labels": np.full(3, "a\ud800".encode("utf-8", "surrogatepass")),
        "attributes": np.zeros((3, 3)),
    }
    made |= {
        f"beside {key}": npz({"directions.npy": saved(np.eye(3, 5)), f"{key}.npy": saved(value)})
        for key, value in names.items()
    }
    ganspace = {"lat_comp": np.ones((3, 1, 5)), "lat_stdev": np.ones(3), "var_ratio": np.ones(3)}
    for key in ganspace:
        for name, value in values.items():
            if value.size < 100:
                made[f"GANSpace, {key}: {name}"] = npz(
                    {f"{k}.npy": saved(v) for k, v in (ganspace | {key: value}).items()}
                )
    return made

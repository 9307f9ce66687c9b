"""Edits, stacks of them, regions and notes as JSON that mean harm; and what comes from a page."""

import base64
import gzip
import json
import struct
import zlib

import torch

from latent_widgets.core.files import tensor_to_json
from tests.hostile import good
from tests.hostile.arrays import mebibyte, zeros
from tests.hostile.cases import TEXTS, hostile

WRONG = {"text": "no", "true": True, "below zero": -1, "none": None, "a list": [1, 2], "a dict": {"a": 1},
         "half": 0.5, "a number": 3, "large": 2**62, "a surrogate": "\ud800", "empty": "", "lists": [[[]]],
         "long": "x" * 10**5}  # fmt: skip
ODD = {
    "without end": "1e999",
    "no number": "NaN",
    "infinite": "-Infinity",
    "digits": "9" * 5000,
}  # not of Python's json


@hostile("text that is no JSON", TEXTS)
def _():
    return {
        "nothing": b"", "a brace": b"{", "null": b"null", "a number": b"3", "a list": b"[]",
        "text": b'"x"', "empty": b"{}",
        "a deep list": b"[" * 100_000 + b"]" * 100_000, "a deep dict": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "a deep beginning": b"[" * 1_000_000, "not UTF-8": b'{"a": "\xff\xfe"}', "UTF-16": '{"a": 1}'.encode("utf-16"),
        "a mark": b"\xef\xbb\xbf{}", "nulls": bytes(1000), "digits": b"9" * 100_000, "without end": b"1e999",
        "no number": b"NaN", "a key twice": b'{"format": 1, "format": 2}', "lines": b"\n" * 100_000,
        "a line separator": '{"a": "\u2028"}'.encode(), "a surrogate": b'{"\\ud800": "\\udfff"}',
        "many lists": b"[" + b"[]," * 100_000 + b"[]]", "many dicts": b"[" + b"{}," * 100_000 + b"{}]",
        "one wide letter": b'"' + b"a" * 10**6 + "\U0001f600".encode() + b'"', "control characters": b'{"a": "\x00"}',
        "text without an end": b'"' + b"\\u0041" * 100_000,
    }  # fmt: skip


def _paths(value, path=()):
    """The places in plain values; of a list the first."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, child in children:
        yield from _paths(child, (*path, key))


def _with(whole, path, value):
    """A copy in which one place is another."""
    if not path:
        return value
    made = dict(whole) if isinstance(whole, dict) else list(whole)
    made[path[0]] = _with(whole[path[0]], path[1:], value)
    return made


def _without(whole, path):
    made = dict(whole) if isinstance(whole, dict) else list(whole)
    if len(path) == 1:
        del made[path[0]]
    else:
        made[path[0]] = _without(whole[path[0]], path[1:])
    return made


def each_place(whole):
    made = {}
    for path in list(_paths(whole))[1:]:
        place = ".".join(map(str, path))
        for name, value in WRONG.items():
            made[f"{place}: {name}"] = json.dumps(_with(whole, path, value)).encode()
        for name, value in ODD.items():
            made[f"{place}: {name}"] = json.dumps(_with(whole, path, "@@@")).replace('"@@@"', value).encode()
        if isinstance(path[-1], str):
            made[f"without {place}"] = json.dumps(_without(whole, path)).encode()
    return made


@hostile("fields of another kind in an edit", ("edit",))
def _():
    return each_place(json.loads(good.edit()))


@hostile("fields of another kind in a stack", ("edit stack",))
def _():
    return each_place(json.loads(good.stack()))


@hostile("fields of another kind in regions", ("regions as JSON",))
def _():
    whole = json.loads(good.regions())
    stroke = {"shape": "brush", "points": [[1, 2], [3, 4]], "size": 2, "erase": False}
    hard = {"name": "b", "soft": False, "strokes": [stroke], "mask": base64.b64encode(bytes(8)).decode()}
    whole["regions"].insert(0, hard)
    return {"whole": json.dumps(whole).encode()} | each_place(whole)


@hostile("fields of another kind in notes of a download", ("interrupted download",))
def _():
    whole = json.loads(good.part())
    return each_place(whole) | {
        "a line in the mark": json.dumps(whole | {"mark": "a\r\nHost: b"}).encode(),
        "a huge total": json.dumps(whole | {"total": 10**400}).encode(),
        "more notes": json.dumps(whole | {str(i): i for i in range(50_000)}).encode(),
    }


@hostile("tensors in text that claim too much", TEXTS)
def _():
    edit, stack = json.loads(good.edit()), json.loads(good.stack())
    tensors = {
        "a large shape": {"dtype": "float32", "shape": [2**40], "base64": ""},
        "zero and huge": {"dtype": "float32", "shape": [0, 2**62], "base64": ""},
        "zero and many huge": {"dtype": "float32", "shape": [0, 2**40, 2**40], "base64": ""},
        "many sizes": {"dtype": "float32", "shape": [1] * 10_000, "base64": "AAAAAA=="},
        "digits": {"dtype": "float32", "shape": [10**400], "base64": "AAAAAA=="},
        "not base64": {"dtype": "float32", "shape": [1], "base64": "!" * 1000},
        "letters": {"dtype": "float32", "shape": [1], "base64": "ä" * 8},
        "a list": {"dtype": "float32", "shape": [1], "base64": [0] * 1000},
        "another type": {"dtype": "object", "shape": [1], "base64": "AAAAAA=="},
        "no type": {"dtype": ["float32"], "shape": [1], "base64": "AAAAAA=="},
        "truths": {"dtype": "bool", "shape": [4], "base64": "AgMEBQ=="},
        "no numbers": tensor_to_json(torch.full((5,), torch.nan)),
        "without end": tensor_to_json(torch.full((5,), torch.inf)),
        "a million": tensor_to_json(torch.zeros(2**18)),
        "no axes": tensor_to_json(torch.tensor(1.0)),
        "a nest": {"dtype": "float32", "shape": [[1]], "base64": "AAAAAA=="},
        "truth as a size": {"dtype": "float32", "shape": [True], "base64": "AAAAAA=="},
    }
    made = {}
    for path in _paths(edit):
        if path and path[-1] == "base64":
            for name, value in tensors.items():
                made[f"edit, {path[0]}: {name}"] = json.dumps(_with(edit, path[:-1], value)).encode()
    for path in _paths(stack):
        if path and path[-1] == "base64":
            for name, value in tensors.items():
                made[f"stack, {path[0]}: {name}"] = json.dumps(_with(stack, path[:-1], value)).encode()
    return made


@hostile("very many of something", TEXTS)
def _():
    edit, stack, regions = json.loads(good.edit()), json.loads(good.stack()), json.loads(good.regions())
    move, entry, region = edit["moves"][0], stack["entries"][0], regions["regions"][0]
    hard = region | {"soft": False, "mask": base64.b64encode(bytes(8)).decode()}
    points = [[1, 2]] * 50_000
    return {
        "moves": json.dumps(edit | {"moves": [move] * 500}).encode(),
        "empty moves": json.dumps(edit | {"moves": [{}] * 50_000}).encode(),
        "spaces": json.dumps(edit | {"spaces": ["w"] * 50_000}).encode(),
        "layers": json.dumps(edit | {"moves": [move | {"layers": list(range(50_000))}]}).encode(),
        "entries": json.dumps(stack | {"entries": [entry] * 300}).encode(),
        "entries without moves": json.dumps(stack | {"entries": [entry | {"moves": []}] * 5000}).encode(),
        "regions": json.dumps(regions | {"regions": [hard | {"name": str(i)} for i in range(1500)]}).encode(),
        "regions of one name": json.dumps(regions | {"regions": [hard] * 5000}).encode(),
        "strokes": json.dumps(regions | {"regions": [hard | {"strokes": [
            {"shape": "brush", "points": [[1, 2]], "size": 1, "erase": False}] * 3000}]}).encode(),
        "points": json.dumps(regions | {"regions": [hard | {"strokes": [
            {"shape": "lasso", "points": points, "size": 1, "erase": False}]}]}).encode(),
    }  # fmt: skip


@hostile("masks in text that inflate", TEXTS)
def _():
    regions = json.loads(good.regions())
    region = regions["regions"][0]

    def of(data, **changes):
        mask = base64.b64encode(data).decode()
        return json.dumps(regions | {"regions": [region | {"mask": mask} | changes]}).encode()

    good_one = base64.b64decode(region["mask"])
    return {
        "a gigabyte": of(zeros(1024)),
        "256 MiB": of(zeros(256)),
        "ten, side by side": json.dumps(regions | {"regions": [
            region | {"name": str(i), "mask": base64.b64encode(zeros(256)).decode()} for i in range(10)]}).encode(),
        "packed twice": of(zlib.compress(zeros(1024), 9)),
        "cut": of(good_one[:-6]), "more": of(good_one + b"x" * 1000), "no zlib": of(b"x" * 100), "nothing": of(b""),
        "a dictionary": of(b"\x78\xbb\x00\x00\x00\x01" + good_one[2:]),
        "hard, too few": of(b"\x00", soft=False), "hard, too many": of(bytes(2**20), soft=False),
        "no weights": of(zlib.compress(struct.pack("<63f", *[float("nan")] * 63))),
        "outside": of(zlib.compress(struct.pack("<63f", *[1e30] * 63))),
        "another size": json.dumps(regions | {"size": [10**9, 10**9]}).encode(),
        "truths as size": json.dumps(regions | {"size": [True, True]}).encode(),
    }  # fmt: skip


@hostile("a program in the names of an edit", ("edit", "edit stack"))
def _():
    evil = ['"\nquit()\n"', "\\\nquit()", "'''\nquit()", '"""\nquit()', "__import__('os').abort()",
            "a\rquit()", "{quit()}",
            "\u2028quit()", "\x85quit()", "\x00", "\ud800", "<script>alert(1)</script>", "$\\frac",
            "x" * 10**5]  # fmt: skip
    edit = json.loads(good.edit())
    made = {}
    for path in _paths(edit):
        if path and isinstance(path[-1], str) and path[-1] != "base64":
            for number, text in enumerate(evil):
                made[f"{'.'.join(map(str, path))}: {number}"] = json.dumps(_with(edit, path, text)).encode()
    return made | {"origin": json.dumps(edit | {"origin": "__import__('os').abort()"}).encode()}


@hostile("what a page sends", ("photo that is dropped",))
def _():
    photo = base64.b64encode(good.photo()).decode()
    texts = {
        "no line": "a", "no comma": "a\ndata", "not base64": "a\ndata:,!!!", "letters": "a\ndata:,ä", "nothing": "a\n",
        "a surrogate": "a\ndata:,\\ud800", "half": "a\n," + photo[:100], "a long name": "n" * 10**6 + "\n," + photo,
        "many": "a\n," + "A" * 4 * 10**6, "padding": "a\n," + "=" * 10**5, "lines": "\n" * 10**5, "nulls": "a\0\n,\0",
        "one short": "a\n,AAAAA",
    }  # fmt: skip
    return {name: text.encode() for name, text in texts.items()}


@hostile("a log that is none", ("log of training",))
def _():
    return {
        "other keys": b'{"seconds": 1}\n{"loss": 2}\n', "no seconds": b'{"loss": 1}\n', "lists": b"[]\n[]\n",
        "text": b'{"seconds": "1"}\n{"seconds": "2"}\n', "none": b'{"seconds": null}\n{"seconds": null}\n',
        "cut": b'{"seconds": 1, "loss": 2}\n{"sec', "empty lines": b"\n\n",
        "a deep nest": b'{"seconds":' * 50_000 + b"\n",
        "many": b'{"seconds": 1}\n' * 20_000, "digits": b'{"seconds": ' + b"9" * 5000 + b"}\n", "numbers": b"1\n2\n",
        "not UTF-8": b'{"seconds": "\xff"}\n', "no number": b'{"seconds": NaN}\n{"seconds": Infinity}\n',
    }  # fmt: skip


@hostile("packed pictures that inflate", ("pictures of fashion",))
def _():
    def packed(data):
        return gzip.compress(data, mtime=0)

    head = struct.pack(">HBB3I", 0, 8, 3, 2, 3, 4)
    whole = good.idx(2, 3, 4)
    return {
        "two gigabytes": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + mebibyte() * 2048 + b"\x03\x00" + bytes(8),
        "many parts": whole * 3000,
        "another type": packed(struct.pack(">HBB3I", 0, 13, 3, 2, 3, 4) + bytes(96)),
        "a large shape": packed(struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)),
        "a product that overflows": packed(struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 4) + bytes(4)),
        "zero and huge": packed(struct.pack(">HBB3I", 0, 8, 3, 0, 2**32 - 1, 2**32 - 1)),
        "255 axes": packed(struct.pack(">HBB", 0, 8, 255) + struct.pack(">I", 1) * 255 + b"\x00"),
        "no axes": packed(struct.pack(">HBB", 0, 8, 0) + b"\x00"),
        "fewer sizes": packed(struct.pack(">HBB", 0, 8, 9)),
        "not packed": head + bytes(24),
        "cut": whole[:-9],
        "another checksum": whole[:-8] + bytes(8),
        "spoilt": whole[:12] + b"\xff" * 4 + whole[16:],
        "nothing": b"",
        "a long name": b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 10**5,
    }

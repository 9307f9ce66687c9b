"""Stores of sweeps that mean harm: manifests, codes and chunks."""

import json

import torch
from safetensors.torch import save

from latent_widgets.core.files import METADATA, safetensors_header
from latent_widgets.core.sweep import chunk_files, store
from latent_widgets.core.sweep.chunk_files import pack
from latent_widgets.core.sweep.manifest import hash_columns
from tests.hostile import sealed
from tests.hostile.cases import hostile
from tests.hostile.tensors import one, raw
from tests.hostile.texts import each_place

ODD_NAMES = ("", "a\nb", "<script>alert(1)</script>", "\ud800", "x" * 10**5, "\u202etxt", "\x1b[2J", "__class__", "w+")
DTYPES = {
    "BF16": 2,
    "BOOL": 1,
    "C64": 8,
    "F16": 2,
    "F32": 4,
    "F64": 8,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "F8_E8M0": 1,
    "I16": 2,
    "I32": 4,
    "I64": 8,
    "I8": 1,
    "U16": 2,
    "U32": 4,
    "U64": 8,
    "U8": 1,
}  # and their bytes


def _manifest(kind, /, **changes):
    return json.dumps(json.loads(sealed.manifest(kind).to_json()) | changes).encode()


def _enter_fields(kind):
    @hostile(f"fields of another kind in a manifest of {kind}", ("manifest of a sweep",))
    def _():
        return each_place(json.loads(sealed.manifest(kind).to_json()))


for _kind in sealed.OPTIONS:
    _enter_fields(_kind)


@hostile("numbers in a manifest that claim too much", ("manifest of a sweep",))
def _():
    made = {}
    for name in ("count", "chunk", "batch"):
        for value in (0, -1, 1, 3, 10**15, 2**47, 2**48, 2**63, 10**299):
            made[f"{name}: {value:.0e}"] = _manifest("local_basis", **{name: value})
            if name == "chunk":
                made[f"{name}: {value:.0e}, one a batch"] = _manifest("local_basis", batch=1, chunk=value)
    for count in (10**15, 2**47, 10**299):
        made[f"{count:.0e} rows, one a chunk"] = _manifest("local_basis", count=count, batch=1, chunk=1)
        made[f"{count:.0e} rows, as many a chunk"] = _manifest("curve", count=count, batch=1, chunk=count)
        made[f"{count:.0e} rows, as many a batch"] = _manifest("curve", count=count, batch=count, chunk=count)
    digits = json.dumps(json.loads(_manifest("curve")) | {"count": "@"}).replace('"@"', "9" * 5000)
    return made | {
        "digits": digits.encode(),
        "a version that is a list": _manifest("curve", format_version=[1]),
        "version 0": _manifest("curve", format_version=0),
        "version true": _manifest("curve", format_version=True),
        "version 10**15": _manifest("curve", format_version=10**15),
        "a package version that is a list": _manifest("curve", version=["1"]),
        "many parameters": _manifest("curve", parameters={str(i): i for i in range(50_000)}),
        "many fields": _manifest("curve", **{f"x{i}": i for i in range(50_000)}),
        "parameters of another": _manifest("curve", parameters=dict(sealed.manifest("local_basis").parameters)),
        "no parameters": _manifest("local_basis", parameters={}),
        "long parameters": _manifest("curve", parameters={"variant": "x" * 10**6}),
        "a nest": _manifest("curve", parameters={"a": json.loads("[" * 60 + "]" * 60)}),
        "rows out of order": _manifest(
            "region_spectrum", parameters=dict(sealed.manifest("region_spectrum").parameters) | {"rows": [10**299, -1]}
        ),
    }  # fmt: skip


@hostile("names in a manifest that are none", ("manifest of a sweep",))
def _():
    made = {}
    for number, text in enumerate(ODD_NAMES):
        for name in ("kind", "generator", "weights_hash", "condition", "version", "inputs"):
            made[f"{name}: {number}"] = _manifest("local_basis", **{name: text})
        for kind in sealed.OPTIONS:
            found = sealed.manifest(kind)
            for name in (name for name, value in found.parameters.items() if isinstance(value, str)):
                made[f"{kind}, {name}: {number}"] = _manifest(kind, parameters=dict(found.parameters) | {name: text})
            for name in (name for name, value in found.about.items() if isinstance(value, str)):
                made[f"{kind}, {name}: {number}"] = _manifest(kind, about=dict(found.about) | {name: text})
            made[f"{kind}, generator: {number}"] = _manifest(kind, generator=text)
        made[f"a parameter: {number}"] = _manifest("curve", parameters={text: 3})
    return made


def _odd_tensors(value):
    """Tensors in the place of another one, by what is wrong with each."""
    rows, most = value.shape[0], tuple(value.shape[1:])
    empty = {"device": "cpu", "dtype": value.dtype}
    plain = value.double()
    made = {
        "no axes": value.flatten()[0].clone(), "one axis more": value[..., None], "flat": value.flatten(),
        "one row more": torch.cat([value, value[:1]]), "one row less": value[: rows - 1], "no rows": value[:0],
        "nothing in a row": torch.zeros(rows, 0, **empty), "nothing, of many": torch.zeros(rows, 0, 2**40, **empty),
        "many rows of nothing": torch.zeros(2**40, 0, **empty), "truth": plain > 0, "half": plain.half(),
        "bytes": plain.to(torch.uint8), "whole numbers": plain.long(), "large": plain.long() + 2**62,
        "floating": plain, "eight bits": plain.to(torch.float8_e4m3fn), "complex": plain.to(torch.complex64),
        "zero": torch.zeros_like(value), "below zero": -(value if value.dtype != torch.bool else plain),
        "twice": torch.cat([value, value], -1) if most else value,
    }  # fmt: skip
    if value.is_floating_point():
        for name, number in (
            ("no numbers", torch.nan),
            ("infinite", torch.inf),
            ("huge", torch.finfo(value.dtype).max),
        ):
            made[name] = torch.full_like(value, number)
    return {name: one.contiguous() for name, one in made.items()}


def _enter_columns(kind):
    @hostile(f"other columns in a chunk of {kind}", ("chunk of a sweep",))
    def _():
        found, columns = sealed.manifest(kind).id, sealed.columns(kind)
        made = {"whole": columns, "none": {}, "one more": columns | {"a\nb\x1b": torch.ones(sealed.ROWS, 1)}}
        for name, value in columns.items():
            made[f"without {name}"] = {key: one for key, one in columns.items() if key != name}
            made |= {f"{name}: {wrong}": columns | {name: one} for wrong, one in _odd_tensors(value).items()}
        for name, value in sealed.codes(kind).items():  # in the place of what was swept
            made |= {f"{name}, too: {wrong}": columns | {name: one} for wrong, one in _odd_tensors(value).items()}
        return {wrong: pack(one, found, 0) for wrong, one in made.items()}

    @hostile(f"other codes of {kind}", ("codes of a sweep",))
    def _():
        codes = sealed.codes(kind)
        made = {"whole": codes, "none": {}, "one more": codes | {"a\nb\x1b": torch.ones(sealed.ROWS, 1)}}
        made["only what is compared"] = {"compared.a": torch.eye(7, 2)}
        for name in ODD_NAMES:
            if "\ud800" not in name:
                made[f"compared: {name[:20]}"] = codes | {f"compared.{name}": torch.eye(7, 2, dtype=torch.float64)}
        for name, value in codes.items():
            made[f"without {name}"] = {key: one for key, one in codes.items() if key != name}
            made |= {f"{name}: {wrong}": codes | {name: one} for wrong, one in _odd_tensors(value).items()}
        return {wrong: save(one, store.STAMP.metadata({})) for wrong, one in made.items()}


for _kind in sealed.OPTIONS:
    _enter_columns(_kind)


@hostile("what a chunk says of itself", ("chunk of a sweep",))
def _():
    columns, found = sealed.columns("local_basis"), sealed.manifest("local_basis").id
    said = {"sweep": found, "index": 0, "seconds": 0.0, "sha256": hash_columns(columns, found, 0)}
    made = {"whole": said}
    for name in said:
        made[f"without {name}"] = {key: value for key, value in said.items() if key != name}
        for wrong in (None, True, -1, 1, 10**299, [0], {"a": 1}, "\ud800\n", "x" * 10**5):
            made[f"{name}: {str(wrong)[:9]!a}"] = said | {name: wrong}
    files = {name: save(columns, chunk_files.STAMP.metadata(value)) for name, value in made.items()}
    metadata = chunk_files.STAMP.metadata(said)
    for name, value in {"no number": "NaN", "infinite": "-Infinity", "digits": "9" * 5000}.items():
        text = json.dumps(said | {"seconds": "@"}).replace('"@"', value)
        files[f"seconds: {name}"] = save(columns, metadata | {"chunk": text})
    for name, value in {
        "a newer one": "99",
        "none": "",
        "digits": "9" * 5000,
        "Arabic": "\u0661",
        "words": "one",
    }.items():
        files[f"version: {name}"] = save(columns, metadata | {"version": value})
        files[f"format: {name}"] = save(columns, metadata | {"format": value})
    return files


@hostile("codes and chunks of every type", ("codes of a sweep", "chunk of a sweep"))
def _():
    made = {}
    for dtype, size in DTYPES.items():
        header = one(dtype, (sealed.ROWS, 8), (0, sealed.ROWS * 8 * size), "z")
        made[dtype] = raw(header | {METADATA: store.STAMP.metadata({})}, bytes(sealed.ROWS * 8 * size))
    rows = {"2**47 rows of nothing": (2**47, 0), "nothing of 2**47": (sealed.ROWS, 0, 2**47, 2**47), "no axes": ()}
    for name, shape in rows.items():
        header = one("F32", shape, (0, 0 if shape else 4), "z") | {METADATA: store.STAMP.metadata({})}
        made[name] = raw(header, bytes(0 if shape else 4))
    return made


@hostile("a chunk with very many columns", ("chunk of a sweep",))
def _():
    found, columns = sealed.manifest("curve").id, sealed.columns("curve")
    many = {f"x{i}": torch.ones(sealed.ROWS, 1, dtype=torch.float32) for i in range(3000)}
    whole = pack(columns, found, 0)
    header, start = safetensors_header(whole)
    spaces = json.dumps(header).encode() + b" " * 10**6
    return {"many": pack(columns | many, found, 0), "spaces": raw(spaces, whole[start:])}

"""Files of safetensors whose headers lie, and descriptions in them that are not ours."""

import json
import struct

import torch
from safetensors.torch import save

from latent_widgets.core.files import safetensors_header
from tests.generators.checkpoints import standins
from tests.hostile import good
from tests.hostile.cases import RESULTS, TENSORS, hostile


def raw(header, data=b"", length=None):
    """A file with any header."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(head) if length is None else length) + head + data


def described(made, change):
    """The bytes of a good file with another header."""
    header, start = safetensors_header(made)
    change(header)
    return raw(header, made[start:])


def one(dtype="F32", shape=(2,), offsets=(0, 8), name="vectors"):
    return {name: {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}


@hostile("a header that lies about its length", TENSORS)
def _():
    head = json.dumps(one()).encode()
    lengths = {"0": 0, "one less": len(head) - 1, "one more": len(head) + 1, "2**63": 2**63, "2**64 - 1": 2**64 - 1,
               "100 MB": 10**8, "the file": len(head) + 8}  # fmt: skip
    made = {name: raw(head, bytes(8), length) for name, length in lengths.items()}
    return made | {"8 bytes": bytes(8), "7 bytes": bytes(7), "spaces": raw(head + b" " * 2**20, bytes(8))}


@hostile("a header that is no header", TENSORS)
def _():
    return {
        "a list": raw([]),
        "a number": raw(b"1"),
        "null": raw(b"null"),
        "no JSON": raw(b"{"),
        "a deep nest": raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        "a deep list": raw(b'{"__metadata__":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        "a key twice": raw(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],'
                           b'"data_offsets":[0,8]}}', bytes(8)),
        "a number of many digits": raw(b'{"a":{"dtype":"F32","shape":[' + b"9" * 10_000 + b'],"data_offsets":[0,8]}}'),
        "infinite": raw(b'{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,NaN]}}'),
        "not UTF-8": raw(b'{"\xff\xfe":1}'),
        "a surrogate": raw(b'{"\\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', bytes(8)),
        "null entries": raw({"a": None}),
        "an entry without sizes": raw({"a": {"dtype": "F32"}}),
        "other metadata": raw(one() | {"__metadata__": 3}, bytes(8)),
        "metadata that are no text": raw(one() | {"__metadata__": {"format": 3}}, bytes(8)),
    }  # fmt: skip


@hostile("tensors that lie in a header", TENSORS)
def _():
    several = {"a": one(offsets=(0, 8))["vectors"], "b": one(offsets=(4, 12))["vectors"]}
    return {
        "overlapping": raw(several, bytes(12)),
        "one twice": raw({"a": one()["vectors"], "b": one()["vectors"]}, bytes(8)),
        "a hole": raw({"a": one()["vectors"], "b": one(offsets=(16, 24))["vectors"]}, bytes(24)),
        "beyond the file": raw(one(shape=(2**30,), offsets=(0, 2**32))),
        "below zero": raw(one(offsets=(-8, 0)), bytes(8)),
        "the wrong way round": raw(one(offsets=(8, 0)), bytes(8)),
        "a product that overflows": raw(one(shape=(2**32, 2**32), offsets=(0, 0))),
        "zero beside large sizes": raw(one(shape=(0, 2**62), offsets=(0, 0))),
        "zero rows": raw(one(shape=(0, 5), offsets=(0, 0))),
        "zero beside many large sizes": raw(one(shape=(0, 2**40, 2**40), offsets=(0, 0))),
        "a size below zero": raw(one(shape=(-2,)), bytes(8)),
        "half a size": raw(one(shape=(1.5,)), bytes(8)),
        "many sizes": raw(one(shape=(1,) * 100_000, offsets=(0, 4)), bytes(4)),
        "seventy sizes": raw(one(shape=(1,) * 70, offsets=(0, 4)), bytes(4)),
        "an unknown type": raw(one("F33"), bytes(8)),
        "a type that cannot be shown": raw(one("F3\x012\n"), bytes(8)),
        "a type of many letters": raw(one("F" * 5_000), bytes(8)),
        "a type of four bits": raw(one("F4", (16,)), bytes(8)),
        "a type of eight bits": raw(one("F8_E4M3", (8,)), bytes(8)),
        "complex": raw(one("C64", (1,)), bytes(8)),
        "truth": raw(one("BOOL", (8,)), b"\x07" * 8),
        "large whole numbers": raw(one("U64", (1,)), b"\xff" * 8),
        "more bytes": raw(one(), bytes(800)),
        "no name": raw(one(name=""), bytes(8)),
        "a name of a megabyte": raw(one(name="n" * 2**20), bytes(8)),
        "a name with control characters": raw(one(name="a\x1b[2J\n\0"), bytes(8)),
    }


@hostile("very many empty tensors", TENSORS)
def _():
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    network = {f"synthesis.b{i}.weight": empty for i in range(10_000)}
    ours = network | {"__metadata__": safetensors_header(good.native())[0]["__metadata__"]}
    return {"of nobody": raw({f"a{i}": empty for i in range(20_000)}), "in a network of ours": raw(ours)}


STAMPS = {
    "directions": ("latent_widgets.values.directions", "directions"),
    "segmenter": ("latent_widgets.few_shot_segmenter", "segmenter"),
    "warpage_map": ("latent_widgets.warpage_map", "map"),
    "local_basis": ("latent_widgets.local_basis", "basis"),
}


@hostile("a description that is none", TENSORS)
def _():
    texts = {
        "nothing": "", "no JSON": "{", "null": "null", "a list": "[]", "a number": "3", "text": '"x"', "empty": "{}",
        "a deep nest": "[" * 100_000 + "]" * 100_000, "a deep dict": '{"a":' * 50_000 + "1" + "}" * 50_000,
        "digits": "9" * 10_000, "infinite": '{"z_dim": 1e999}', "none": '{"names": NaN}',
    }  # fmt: skip
    made = {}
    for kind, (stamp, field) in STAMPS.items():
        whole = getattr(good, kind)()
        for name, words in texts.items():
            made[f"{kind}: {name}"] = described(whole, lambda h, w=words, f=field: h["__metadata__"].update({f: w}))
        for version in ("x", "", "1e3", "-1", "9" * 10_000, "²", "2"):
            made[f"{kind}: version {version[:5]}"] = described(
                whole, lambda h, v=version: h["__metadata__"].update(version=v)
            )
        made[f"{kind}: no version"] = described(whole, lambda h: h["__metadata__"].pop("version"))
        made[f"{kind}: no tensors"] = raw({"__metadata__": {"format": stamp, "version": "1", field: "{}"}})
        made[f"{kind}: none of it"] = raw({"__metadata__": {"format": stamp}})
    for kind in ("native", "glo", "weights"):
        whole = getattr(good, kind)()
        (key,) = safetensors_header(whole)[0]["__metadata__"]
        for name, words in texts.items():
            made[f"{kind}: {name}"] = described(whole, lambda h, w=words, k=key: h["__metadata__"].update({k: w}))
    return made


def _changed(whole, change, field=None):
    """A good file in whose description a function has changed something."""

    def anew(header):
        metadata = header["__metadata__"]
        key = field or next(iter(metadata))
        about = json.loads(metadata[key])
        change(about)
        metadata[key] = json.dumps(about)

    return described(whole, anew)


WRONG = {"text": "x", "true": True, "below zero": -1, "none": None, "a list": [1], "a dict": {"a": 1}, "half": 0.5,
         "without end": float("inf"), "huge": 2**62, "large": 10**9, "digits": 10**400}  # fmt: skip


@hostile("a description of absurd sizes", TENSORS)
def _():
    made = {}
    for kind in ("native", "glo"):
        whole = getattr(good, kind)()
        (key,) = safetensors_header(whole)[0]["__metadata__"]
        config = json.loads(safetensors_header(whole)[0]["__metadata__"][key])["config"]
        for field in config:
            for name, value in WRONG.items():
                made[f"{kind}, {field}: {name}"] = _changed(
                    whole, lambda about, f=field, v=value: about["config"].update({f: v})
                )
        for name, channels in {"large": {"4": 10**6, "8": 10**6}, "huge": {"4": 2**40, "8": 2**40},
                               "text": {"4": "x", "8": 2}, "many": {str(4 * 2**i): 2 for i in range(60)},
                               "no numbers": {"a": 2}, "odd": {"5": 2, "7": 2}}.items():  # fmt: skip
            made[f"{kind}, channels: {name}"] = _changed(
                whole, lambda about, c=channels: about["config"].update(channels=c)
            )
            sides = [int(side) for side in channels if side.isdigit()]
            made[f"{kind}, channels and resolution: {name}"] = _changed(
                whole,
                lambda about, c=channels, s=sides: about["config"].update(channels=c, resolution=max(s, default=8)),
            )
        made[f"{kind}, unknown field"] = _changed(whole, lambda about: about["config"].update(x=1))
        made[f"{kind}, no field"] = _changed(whole, lambda about: about["config"].clear())
        for field in ("architecture", "config", "name", "losses", "steps", "stopped", "notes"):
            for name, value in WRONG.items():
                made[f"{kind}, {field} itself: {name}"] = _changed(
                    whole, lambda about, f=field, v=value: about.update({f: v})
                )
    for architecture in ("stylegan2", "stylegan3", "dcgan", "pggan", "stylegan1", "glo", "biggan"):
        made[f"called a {architecture}"] = _changed(
            good.native(), lambda about, a=architecture: about.update(architecture=a)
        )
    return made


@hostile("fields of another kind beside tensors", TENSORS)
def _():
    made = {}
    for kind, (_, field) in STAMPS.items():
        whole = getattr(good, kind)()
        known = json.loads(safetensors_header(whole)[0]["__metadata__"][field])
        for key in known:
            for name, value in WRONG.items():
                made[f"{kind}, {key}: {name}"] = _changed(
                    whole, lambda about, k=key, v=value: about.update({k: v}), field
                )
            made[f"{kind} without {key}"] = _changed(whole, lambda about, k=key: about.pop(k), field)
        made[f"{kind} with one more"] = _changed(whole, lambda about: about.update(more=1), field)
    return made


@hostile("other tensors under a description of ours", TENSORS)
def _():
    made = {}
    values = {
        "none": torch.zeros(0), "one": torch.zeros(()), "a row": torch.zeros(5), "deep": torch.zeros(2, 2, 2, 2, 2),
        "no numbers": torch.full((3, 5), torch.nan), "whole": torch.ones(3, 5, dtype=torch.int64),
        "truth": torch.ones(3, 5, dtype=torch.bool), "halves": torch.full((3, 5), 1e4, dtype=torch.float16),
        "without end": torch.full((3, 5), torch.inf), "zero": torch.zeros(3, 5), "wide": torch.zeros(1, 20_000),
        "bytes": torch.ones(3, 5).to(torch.float8_e4m3fn),
        "many": torch.zeros(20_000, 1),
    }  # fmt: skip
    for kind in ("directions", "segmenter", "glo", "native"):
        whole = getattr(good, kind)()
        header, _ = safetensors_header(whole)
        metadata = header.pop("__metadata__")
        for changed in list(header)[:4]:
            for name, value in values.items():
                tensors = {key: value if key == changed else _tensor(whole, key) for key in header}
                made[f"{kind}, {changed}: {name}"] = save(tensors, metadata)
        made[f"{kind} and more"] = save(
            {key: _tensor(whole, key) for key in header} | {"more": torch.ones(2)}, metadata
        )
    return made


@hostile("results whose parts do not fit", RESULTS)
def _():
    made, empty = {}, {"dtype": "F64", "data_offsets": [0, 0]}
    for kind in ("warpage_map", "local_basis"):
        whole, (_, field) = getattr(good, kind)(), STAMPS[kind]
        header, _ = safetensors_header(whole)
        metadata = header.pop("__metadata__")
        tensors = {key: _tensor(whole, key) for key in header}
        for key, value in tensors.items():
            changes = {
                "none": value[:0], "fewer": value[1:], "shorter": value[..., :-1], "twice": torch.cat([value, value]),
                "one row": value[:1], "turned": value.mT if value.ndim > 1 else value, "one more axis": value[None],
                "none finite": value * torch.nan, "without end": value / 0, "huge": value * 0 + 1e308, "less": -value,
                "squares overflow": ((torch.arange(value.numel()) % 3 - 0.5) * 1e200).double().reshape(value.shape),
                "zero": value * 0, "a little longer": value * 1.001, "whole": value.long(),
                "single": value.float(), "halves": value.half(), "brain": value.bfloat16(),
                "bytes": value.to(torch.float8_e5m2), "complex": value.to(torch.complex64),
            }  # fmt: skip
            for name, other in changes.items():
                made[f"{kind}, {key}: {name}"] = save(tensors | {key: other.contiguous().clone()}, metadata)
            made[f"{kind} without {key}"] = save({n: t for n, t in tensors.items() if n != key}, metadata)
            for name, shape in {
                "0": (0, 2**40, 2**40),
                "1": (2**40, 0, 2**40),
                "2": (2**40, 0),
                "3": (0, 2**47),
            }.items():
                lying = {n: entry for n, entry in header.items() if n != key}
                lying = {n: dict(empty, dtype=e["dtype"], shape=[0, *e["shape"][1:]]) for n, e in lying.items()}
                lying |= {key: dict(empty, shape=shape), "__metadata__": metadata}
                made[f"{kind}, {key} empty {name}"] = raw(lying)
        nested = json.loads(metadata[field])
        for part in (part for part in nested if isinstance(nested[part], dict)):
            for key in nested[part]:
                for name, value in WRONG.items():
                    made[f"{kind}, {part}.{key}: {name}"] = _changed(
                        whole, lambda about, p=part, k=key, v=value: about[p].update({k: v}), field
                    )
                made[f"{kind}, {part} without {key}"] = _changed(
                    whole, lambda about, p=part, k=key: about[p].pop(k), field
                )
        numbers = {"many": list(range(20_000)), "huge": [10**290] * 3_000, "zeros": [0, 0], "one": [1],
                   "halves": [0.5], "far": [2**62, 7], "ones": [1, 1], "texts": ["\ud800"] * 2,
                   "a long text": ["x" * 10**5]}  # fmt: skip
        for name, value in numbers.items():
            for key in ("shape", "compared"):
                made[f"{kind}, {key}: {name}"] = _changed(whole, lambda a, k=key, v=value: a.update({k: v}), field)
            for key in ("output_shape", "products"):
                if "svd" in nested:
                    made[f"{kind}, {key}: {name}"] = _changed(
                        whole, lambda about, k=key, v=value: about["svd"].update({k: v}), field
                    )
        for key in nested:
            for name, value in {"letters": "x" * 10**5, "half a letter": "\ud800", "escapes": "\x1b[2J\n"}.items():
                made[f"{kind}, {key}: {name}"] = _changed(whole, lambda a, k=key, v=value: a.update({k: v}), field)
        for other, (stamp, name) in STAMPS.items():
            made[f"{kind} called {other}"] = described(
                whole, lambda h, s=stamp, n=name, m=metadata[field]: h["__metadata__"].update({"format": s, n: m})
            )
    return made


def _tensor(whole, key):
    from safetensors.torch import load

    return load(whole)[key]


@hostile("a state dict of another network", TENSORS)
def _():
    state = standins.rosinality(good.network())
    return {
        "no tensors": save({}),
        "half of it": save(dict(list(state.items())[: len(state) // 2])),
        "numbers in the names": save({f"{i}": torch.zeros(1) for i in range(3)}),
        "huge numbers in the names": save(state | {f"convs.{'9' * 4000}.conv.weight": torch.zeros(1, 2, 2, 3, 3)}),
        "far numbers in the names": save(state | {"convs.999999999.conv.weight": torch.zeros(1, 2, 2, 3, 3)}),
        "dots": save(state | {"." * 10_000: torch.zeros(1)}),
        "flat": save({name: value.flatten().contiguous() for name, value in state.items()}),
        "other types": save({name: value.to(torch.int32) for name, value in state.items()}),
    }

"""Stores of sweeps of which one file is somebody else's, and the others are made to fit it: who means harm would do so.

Chunks carry a hash of the manifest, and the manifest one of the codes: without new ones, nothing behind the hashes
would be reached.
"""

import contextlib
import functools
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from latent_widgets.core.files import read_safetensors
from latent_widgets.core.sweep import chunk_files, store
from latent_widgets.core.sweep.manifest import Manifest, hash_columns
from latent_widgets.core.sweep.store import Folder
from latent_widgets.methods.warpage import WarpageMap
from latent_widgets.sweeps import sweep
from latent_widgets.sweeps.result import Sweep
from tests.linear import linear_generator

MANIFEST, CODES, CHUNK = "manifest.json", "codes.safetensors", "chunk-000000.safetensors"
ROWS = 2
OPTIONS = {
    "local_basis": {"k": 2},
    "warpage": {"k": 2, "compare": {"mine": torch.eye(7, 2, dtype=torch.float64)}},
    "image_spectrum": {"k": 2},
    "region_spectrum": {"k": 2, "mask": torch.eye(4)},
    "curve": {"steps": 1, "length": 0.5},
}  # by kind


@functools.cache
def files(kind):
    """The files of a good store, by name."""
    with tempfile.TemporaryDirectory() as folder:
        sweep(linear_generator(), kind, ROWS, store=folder, chunk=ROWS, **OPTIONS[kind])
        return {name: (Path(folder) / name).read_bytes() for name in (MANIFEST, CODES, CHUNK)}


@functools.cache
def manifest(kind):
    """The manifest of the good store."""
    return Manifest.from_json(files(kind)[MANIFEST], "the good manifest")


def columns(kind):
    """The columns of its chunk."""
    return read_safetensors(files(kind)[CHUNK])[0]


def codes(kind):
    """The tensors of its codes."""
    return read_safetensors(files(kind)[CODES])[0]


def write(folder, kind, **changed):
    """Write a store of which some files are others: `manifest`, `codes`, `chunk` as bytes."""
    said = {MANIFEST: changed.get("manifest"), CODES: changed.get("codes"), CHUNK: changed.get("chunk")}
    for name, data in files(kind).items():
        (Path(folder) / name).write_bytes(data if said[name] is None else said[name])


def fitted(kind, found):
    """The chunk of a good store, with the hash of another manifest."""
    return chunk_files.pack(columns(kind), found.id, 0)


def use(folder):
    """Do all that can be done with a store; what refuses first does not keep the others from being tried."""
    errors = [error for do in (_look, _columns, _result, _warpage) for error in _refusals(do, folder)]
    if errors:
        raise max(errors, key=lambda error: (not str(error).isprintable(), len(str(error))))


def _refusals(do, folder):
    try:
        do(folder)
    except ValueError as error:
        yield error
    except TypeError as error:
        raise RuntimeError("a store must be refused by a ValueError") from error


def _look(folder):
    S = Sweep.load(folder)
    repr(S)
    _ = S.done, S.names, S.total, S.kind, S.version, S.generator, S.weights_hash, S.parameters, len(S)


def _columns(folder):
    S = Sweep.load(folder)
    for name in list(S.columns())[:3]:  # each reads all of it
        _ = S[name], list(S.blocks(name))


def _result(folder):
    found = Sweep.load(folder).result()
    for one in found if isinstance(found, tuple) else [found]:
        repr(one)


def _warpage(folder):
    with contextlib.suppress(ValueError):
        if Folder(Path(folder)).manifest.kind != "warpage":
            return
    M = WarpageMap.load(folder)
    repr(M)
    _ = M.baselines, M.at(1, "projection").distances


def open_manifest(path):
    """Open a store with this manifest."""
    data, kind, chunk = path.read_bytes(), "warpage", None
    with contextlib.suppress(ValueError):
        found = Manifest.from_json(data, "the manifest")
        kind = found.kind if found.kind in OPTIONS else kind
        chunk = fitted(kind, found)
    _open(path, kind, manifest=data, chunk=chunk)


def open_codes(path):
    """Open stores with these codes, one of each kind where they say that they are codes."""
    data, tensors, kinds = path.read_bytes(), None, ("warpage",)
    with contextlib.suppress(ValueError):
        tensors, metadata = read_safetensors(data)
        kinds = OPTIONS if store.STAMP.is_on(metadata) else kinds
    refused = None
    for kind in kinds:
        found = manifest(kind)
        if tensors is not None:
            found = replace(found, inputs=hash_columns(tensors))
        try:
            _open(path, kind, codes=data, manifest=found.to_json().encode(), chunk=fitted(kind, found))
        except ValueError as error:  # the others are tried nevertheless
            refused = refused or error
    if refused is not None:
        raise refused


def open_chunk(path):
    """Open stores with this chunk: of the kind whose hash it carries, else of any."""
    data, said = path.read_bytes(), {}
    with contextlib.suppress(ValueError):
        said = chunk_files.STAMP.read(read_safetensors(data)[1])
    kinds = [kind for kind in OPTIONS if manifest(kind).id == said.get("sweep")]
    _open(path, (kinds or ["warpage"])[0], chunk=data)


def _open(path, kind, **changed):
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        write(folder, kind, **changed)
        use(folder)


def good_manifest():
    """Those of the other kinds are read too, where this is first called."""
    for kind in OPTIONS:
        with tempfile.TemporaryDirectory() as folder:
            write(folder, kind)
            use(folder)
    return files("warpage")[MANIFEST]


def good_codes():
    """Of one kind."""
    return files("warpage")[CODES]


def good_chunk():
    """Of one kind."""
    return files("local_basis")[CHUNK]

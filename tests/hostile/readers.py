"""Every reader of the package as a function of a path, each with a small good file that it reads."""

import contextlib
import functools
import io
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

import latent_widgets as lw
from latent_widgets.__main__ import inspect
from latent_widgets.edits.edit import Edit
from latent_widgets.edits.stack import EditStack
from latent_widgets.generators._shipped import read_file
from latent_widgets.generators.checkpoints import download
from latent_widgets.generators.checkpoints.links import parse
from latent_widgets.generators.checkpoints.reading import convert
from latent_widgets.inversion.photos import load_photo, read_photo
from latent_widgets.methods.local_basis import LocalBasis
from latent_widgets.methods.warpage import WarpageMap
from latent_widgets.segmentation.few_shot import FewShotSegmenter
from latent_widgets.training import _files as training_files
from latent_widgets.training import export, fashion
from latent_widgets.values.mask_reading import read_mask, read_picture
from latent_widgets.widgets.explorer.photo.drop import PhotoDrop
from latent_widgets.widgets.painter.files import load_mask
from tests.hostile import good, sealed
from tests.savers import PICTURES, small_painter


@dataclass(frozen=True)
class Reader:
    """What reads a file.

    Attributes:
        read: Called with the path; it and nothing else is watched and measured.
        good: Makes the bytes of a file that it reads.
        ending: Of the file's name, where it says what the file is.
    """

    read: Any
    good: Any
    ending: str = ""


@functools.cache
def generator():
    """Small, and without classes."""
    return lw.load("digits32")


@functools.cache
def painter():
    """One for all: what it shows is not looked at."""
    return small_painter()


def _inspect(path):
    with contextlib.redirect_stdout(io.StringIO()):
        inspect(path, "the file")


def _convert(path):
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        convert(path, Path(folder) / "target.safetensors")


def _used(directions):
    """What is read is also looked at: some values are made only then."""
    _ = directions.unit_vectors
    repr(directions)
    return directions


def _map(path):
    M = WarpageMap.load(path)
    repr(M)
    _ = M.baselines, M.distortion_interval, M.at(1, "projection").distances
    return M


def _basis(path):
    B = LocalBasis.load(path)
    repr(_used(B.directions))
    _ = B.ranks
    if B.svd is not None and B.svd.residuals is not None:
        _ = B.svd.bounds
    return B


def _edit(path):
    edit = Edit.load(path)
    edit.to_python()
    return Edit.from_json(edit.to_json())


def _stack(path):
    stack = EditStack.from_json(path.read_text(encoding="utf-8", errors="replace"))
    return EditStack.from_json(stack.to_json())


def _lazy_mask(path):
    try:
        image = Image.open(path, formats=("PNG", "GIF", "BMP", "TIFF"))
    except Exception:  # whoever calls Pillow sees Pillow's errors
        raise ValueError("path must be a picture that Pillow opens, got another file.") from None
    with image:
        try:
            return read_mask(image)
        except MemoryError:  # Pillow's own, on a file that it reads piece by piece: the size is the piece's claim
            raise ValueError("path must be a picture with pieces that Pillow can read, got a larger one.") from None


def _glo_checkpoint(path):
    return lw.fit_glo(PICTURES, z_dim=2, steps=good.GLO_STEPS + 1, resolution=8, channels={4: 4, 8: 4}, checkpoint=path)


def _glo(path):
    M = lw.GLO.load(path)
    repr(M.generator)
    return M


def _drop(path):
    found = []
    drop = PhotoDrop(lambda data, name: found.append((data, name)))
    try:
        drop.post.value = path.read_bytes().decode(errors="replace")
    finally:
        drop.close()
    return [read_photo(data, 64) for data, _ in found]


class _OfflineError(Exception):
    pass


def _interrupted_download(path):
    """The file says which part of a download has come: read before the host is asked, which is not reached here."""
    link, found = parse("http://127.0.0.1:9/network.pkl"), []

    def unreachable(link, earlier):
        found.append(earlier)
        raise _OfflineError

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        place = Path(folder) / link.key
        place.mkdir()
        (place / f"{link.name}.part").write_bytes(b"12345")
        shutil.copy(path, place / f"{link.name}.part.json")
        asked, download.ask = download.ask, unreachable
        try:
            with contextlib.suppress(_OfflineError):
                download.fetch(link, Path(folder), on_step=lambda step: None)
        finally:
            download.ask = asked
    return found


def _fashion(path):
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        (Path(folder) / "train-labels-idx1-ubyte.gz").write_bytes(good.idx(2))
        os.link(path, Path(folder) / "train-images-idx3-ubyte.gz")
        return fashion.fashion_dataset(Path(folder))


def _log(path):
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        os.link(path, Path(folder) / "log.jsonl")
        return export.summary(Path(folder))


READERS = {
    "load": Reader(lambda path: lw.load(path), good.nvidia),
    "inspect": Reader(_inspect, good.rosinality),
    "convert": Reader(_convert, good.native),
    "directions": Reader(lambda path: _used(lw.Directions.load(path)), good.directions),
    "warpage map": Reader(_map, good.warpage_map),
    "local basis": Reader(_basis, good.local_basis),
    "edit": Reader(_edit, good.edit),
    "edit stack": Reader(_stack, good.stack),
    "regions as JSON": Reader(lambda path: load_mask(painter().model, path), good.regions, ".json"),
    "mask as picture": Reader(lambda path: load_mask(painter().model, path), good.mask_picture, ".png"),
    "mask as array": Reader(lambda path: load_mask(painter().model, path), good.mask_array, ".npy"),
    "mask of bytes": Reader(lambda path: read_picture(path.read_bytes()), good.mask_picture),
    "mask of an open picture": Reader(_lazy_mask, good.mask_picture),
    "photo": Reader(lambda path: load_photo(path, 8), good.photo),
    "photo of bytes": Reader(lambda path: read_photo(path.read_bytes(), 64), good.photo),
    "photo that is dropped": Reader(_drop, good.dropped),
    "segmenter": Reader(lambda path: FewShotSegmenter.load(path, generator()), good.segmenter),
    "GLO": Reader(_glo, good.glo),
    "checkpoint of GLO": Reader(_glo_checkpoint, good.glo_checkpoint),
    "weights": Reader(read_file, good.weights),
    "interrupted download": Reader(_interrupted_download, good.part),
    "checkpoint of training": Reader(lambda path: training_files.load_checkpoint(path), good.training),
    "log of training": Reader(_log, good.log),
    "manifest of a sweep": Reader(sealed.open_manifest, sealed.good_manifest),
    "codes of a sweep": Reader(sealed.open_codes, sealed.good_codes),
    "chunk of a sweep": Reader(sealed.open_chunk, sealed.good_chunk),
    "pictures of fashion": Reader(_fashion, lambda: good.idx(2, 3, 4)),
}
torch.set_num_threads(1)

"""All that writes files, each as a function of a path: what laws of all of them are tried on."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
import torch

import latent_widgets as lw
from latent_widgets.core.figures import new_figure
from latent_widgets.edits.edit import Edit
from latent_widgets.generators._shipped import pack
from latent_widgets.generators.checkpoints.reading import convert
from latent_widgets.generators.dcgan import DCGAN
from latent_widgets.segmentation._regression import Linear
from latent_widgets.segmentation.few_shot import FewShotSegmenter
from latent_widgets.training import _files, export, pool, warm
from latent_widgets.widgets.kit.encode import animation
from tests.savers import DIRECTIONS, PICTURES, small_basis, small_glo, small_map, small_painter, small_panel

glo, panel, painter = (functools.cache(make) for make in (small_glo, small_panel, small_painter))


@functools.cache
def segmenter():
    linear = Linear(torch.arange(2), {"image": torch.ones(2, 3)}, torch.zeros(2), True)
    said = {"training_agreement": 1.0, "held_out": None, "advice": (), "stopped": "complete"}
    return FewShotSegmenter(lw.load("faces-exact"), linear, ["rest", "part"], painted=1, **said)


def _old(path):
    path.write_bytes(b"old")


def _film(path):
    pytest.importorskip("imageio_ffmpeg")
    animation(PICTURES, path)


def _convert(path):
    convert(path.with_name("source.safetensors"), path)


def _convertible(path):
    _old(path)
    config = {"z_dim": 2, "resolution": 8, "channels": {4: 4, 8: 2}}
    state = dict(DCGAN(**config).state_dict())
    path.with_name("source.safetensors").write_bytes(pack(state, {"architecture": "dcgan", "config": config}))


def _grow(path, count):
    with mock.patch.object(pool, "CHUNK", 10):
        pool.Pool(path, 8).reach(count)


def _exported(path):
    for seen in (2, 1):
        (path.parent / str(seen)).mkdir()
        state = {"seen": seen, "average": {"w": torch.full((999,), float(seen))}}
        _files.save_checkpoint(path.parent / str(seen) / "checkpoint.pt", state)
    _export(path, 1)


def _export(path, seen):
    export.export("digits32", path.parent / str(seen), path.parent, path.parent / "notes")


@dataclass(frozen=True)
class Writer:
    """One way to write: `module` calls the door of `core/paths.py`, `old` makes what was there before."""

    module: str
    file: str
    write: Callable[[Path], object]
    old: Callable[[Path], object] = _old
    adds: bool = False  # to the end of a file, so that nothing is put in place
    children: bool = False  # writes in another process first


WRITERS = {
    "edit": Writer("edits.edit", "a.json", Edit(lw.Base(seed=3)).save),
    "directions": Writer("values.directions", "a.safetensors", DIRECTIONS.save),
    "warpage": Writer("core.stamped", "a.safetensors", lambda path: small_map().save(path)),
    "local basis": Writer("core.stamped", "a.safetensors", lambda path: small_basis().save(path)),
    "glo": Writer("generators.glo", "a.safetensors", lambda path: glo().save(path)),
    "checkpoint of a glo": Writer(
        "inversion.glo", "a.pt", lambda path: small_glo(2, checkpoint=path), lambda path: small_glo(checkpoint=path)
    ),
    "segmenter": Writer("segmentation._few_shot_files", "a.safetensors", lambda path: segmenter().save(path)),
    "conversion": Writer("generators.checkpoints.native", "a.safetensors", _convert, _convertible),
    "panel's pixels": Writer("widgets.kit.saving", "a.png", lambda path: panel().save(path)),
    "panel's figure": Writer("widgets.kit.saving", "a.svg", lambda path: panel().save(path)),
    "gif": Writer("widgets.kit.encode", "a.gif", lambda path: animation(PICTURES, path)),
    "mp4": Writer("widgets.kit.encode", "a.mp4", _film, children=True),
    "mask": Writer("widgets.painter.files", "a.npy", lambda path: painter().save_mask(path)),
    "regions": Writer("widgets.painter.files", "a.json", lambda path: painter().save_mask(path)),
    "checkpoint of a training": Writer(
        "training._files", "a.pt", lambda path: _files.save_checkpoint(path, {"a": torch.ones(30_000), "b": [1]})
    ),
    "sheet": Writer("training._files", "a.png", lambda path: _files.save_sheet(path, PICTURES, 3)),
    "figure": Writer("training._files", "a.png", lambda path: _files.save_figure(path, new_figure(2, 1))),
    "measurements": Writer("training._files", "a.json", lambda path: _files.write_json(path, list(range(99)))),
    "log": Writer(
        "training._files",
        "log.jsonl",
        lambda path: _files.append_log(path, seen=2, loss=0.25),
        lambda path: _files.append_log(path, seen=1, loss=0.5),
        adds=True,
    ),
    "pool of faces": Writer("training.pool", "a.u8", lambda path: _grow(path, 20), lambda path: _grow(path, 10), True),
    "start of a training": Writer(
        "training.warm", "start.safetensors", lambda path: warm.begin(path.parent, "faces64", None)
    ),
    "weights": Writer("training.export", "digits32.safetensors", lambda path: _export(path, 2), _exported),
}

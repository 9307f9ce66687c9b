"""Small good files of every kind that the package reads, as bytes."""

import base64
import gzip
import io
import json
import math
import struct
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import latent_widgets as lw
from latent_widgets.edits.edit import Edit
from latent_widgets.edits.stack import EditStack, Entry
from latent_widgets.generators._shipped import pack
from latent_widgets.generators.checkpoints.reading import convert
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.training._files import save_checkpoint
from tests.generators.checkpoints import standins
from tests.savers import DIRECTIONS, small_basis, small_glo, small_map, small_painter

GLO_STEPS = 1


def written(write, ending=""):
    """What a function writes to the path that it is given."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{ending}"
        write(path)
        return path.read_bytes()


def network():
    torch.manual_seed(0)
    return StyleGAN2(z_dim=2, w_dim=2, resolution=8, channels={4: 2, 8: 2}, mapping_layers=1)


def nvidia():
    return written(lambda path: standins.write_nvidia(path, network()))


def tensorflow():
    return written(lambda path: standins.write_tensorflow(path, network()))


def rosinality(zipped=True):
    state = {"g_ema": standins.rosinality(network())}
    return written(lambda path: torch.save(state, path, _use_new_zipfile_serialization=zipped))


def native():
    def write(path):
        standins.write_nvidia(path.with_suffix(".pkl"), network())
        convert(path.with_suffix(".pkl"), path)

    return written(write, ".safetensors")


def directions():
    return written(DIRECTIONS.save, ".safetensors")


def warpage_map():
    return written(small_map().save, ".safetensors")


def local_basis():
    return written(small_basis().save, ".safetensors")


def picture(kind="PNG", mode="RGB", **options):
    image = Image.fromarray(np.arange(9 * 7 * 3, dtype=np.uint8).reshape(7, 9, 3)).convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def photo():
    return picture("JPEG")


def mask_picture():
    file = io.BytesIO()
    Image.fromarray(np.eye(7, 9) > 0).save(file, "PNG")
    return file.getvalue()


def mask_array():
    file = io.BytesIO()
    np.save(file, np.eye(7, 9))
    return file.getvalue()


def dropped():
    return b"a.jpg\ndata:image/jpeg;base64," + base64.b64encode(photo())


def regions():
    painter = small_painter()
    painter.model.assign(np.eye(7, 9, dtype=np.float32) / 2)
    return written(painter.save_mask, ".json")


def _edit():
    code = lw.Code(torch.zeros(5), "w")
    return Edit(lw.Base(code=code), mask=lw.Mask(torch.eye(4))).move(DIRECTIONS, 0, 2.0)


def edit():
    return _edit().to_json().encode()


def stack():
    start = _edit()
    return EditStack(Edit(lw.Base(seed=3)), (Entry(start.moves),)).to_json().encode()


def segmenter():
    from tests.hostile.readers import generator

    G = generator()
    codes = G.sample_z(2, seed=0)
    labels = G(codes).mean(1) > 0
    return written(lw.fit_segmenter(G, codes, labels.long(), ["out", "in"], space="z").save, ".safetensors")


def glo():
    return written(small_glo().save, ".safetensors")


def glo_checkpoint():
    return written(lambda path: small_glo(GLO_STEPS, checkpoint=path))


def weights():
    return pack({"a": torch.ones(3)}, {"architecture": "none"})


def part():
    return json.dumps({"total": 12, "mark": '"abc"'}).encode()


def training():
    return written(lambda path: save_checkpoint(path, {"step": 3, "model": {"weight": torch.ones(2, 2)}}))


def log():
    return b'{"seconds": 1.5, "loss": 0.25}\n{"seconds": 2.5, "loss": 0.125}\n'


def idx(*sizes):
    head = struct.pack(f">HBB{len(sizes)}I", 0, 8, len(sizes), *sizes)
    return gzip.compress(head + bytes(math.prod(sizes)), mtime=0)

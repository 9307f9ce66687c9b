"""The explorer on the built-in generators, on one with z only, and in notebooks without a kernel; and its end."""

import base64
import gc
import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import latent_widgets as lw
from latent_widgets.edits.edit import Edit, Move
from latent_widgets.methods import methods, random_directions
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.screen import frames
from latent_widgets.widgets.kit.encode import to_uint8
from tests.widgets.conftest import PATIENCE

# ---- other generators


@pytest.mark.parametrize("name", ["digits32", "faces-exact", "faces64", "fashion32"])
def test_built_in_generators_can_be_explored(name, agrees):
    G = lw.load(name, resolution=32) if name == "faces-exact" else lw.load(name)
    with LatentExplorer(G, seed=1, executor="inline") as explorer:
        explorer.pages["walk"].count.value = 3
        explorer.set_alpha(0, 1.0)
        explorer.set_alpha(1, -2.0)
        explorer.controls.truncation.value = 0.6
        explorer.pages["mix"].weight.value = 0.3
        for page in explorer.pages:
            explorer.controls.page = page
        agrees(explorer)
        loaded = Edit.from_json(explorer.edit.to_json())
        assert torch.equal(loaded.apply(G), explorer.edit.apply(G))


def test_z_only_generator_has_no_layers(plain, agrees):
    with LatentExplorer(plain, seed=1, executor="inline") as explorer:
        assert explorer.layers is None
        assert len(explorer.directions) == 5
        assert explorer.pages["mix"].mixing is None
        assert [kind for _, kind in explorer.pages["walk"].kind.options] == ["linear", "density"]
        explorer.pages["walk"].kind.value = "density"
        explorer.set_alpha(0, 2.0)
        assert explorer.edit.moves[0].kind == "density"
        norm = explorer.code.tensor.norm()
        assert float(norm) == pytest.approx(float(plain.code(1).norm()))
        agrees(explorer)
        with pytest.raises(ValueError, match="layers must be None for a direction outside w and w"):
            explorer.layers = (0, 1)
        assert explorer.layers is None


def test_directions_in_z_move_before_the_mapping(tiny, agrees):
    D = random_directions(tiny, 3, space="z")
    with LatentExplorer(tiny, D, executor="inline") as explorer:
        explorer.set_alpha(1, 2.0)
        assert explorer.layers is None
        agrees(explorer)


# ---- without a kernel, and the end


def test_explorer_shows_a_picture_where_there_are_no_widgets(tiny):
    with LatentExplorer(tiny, seed=3, executor="thread") as explorer:
        bundle = explorer._repr_mimebundle_()  # at once, as a cell does
        picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
        assert (np.array(picture.convert("RGB")) == to_uint8(explorer.edit.apply(tiny))).all()
        assert len(repr(explorer)) < 80
        assert "application/vnd.jupyter.widget-view+json" in bundle


def test_closing_frees_every_widget(instances, tiny):
    explorer = LatentExplorer(tiny, k=3, executor="inline")
    method = next(m for m in methods() if m.name == "random_directions")
    for seed in range(3):
        explorer.set_alpha(0, 1.0)
        explorer.find(method, {"k": 3 + seed, "seed": seed})
    for title in [m.title for m in methods()]:
        explorer.controls.picker.method.value = title
    assert instances() > 100
    explorer.close()
    assert instances() == 0


def test_closing_frees_every_widget_of_a_z_only_explorer(instances, plain):
    LatentExplorer(plain, executor="inline").close()
    assert instances() == 0


def test_refused_start_leaves_no_widget(instances, tiny):
    with pytest.raises(TypeError):
        LatentExplorer(tiny, trunction=0.5)
    with pytest.raises(ValueError, match="must be at most"):
        LatentExplorer(tiny, k=70)
    gc.collect()
    assert instances() == 0


def test_closed_explorer_says_so(tiny):
    explorer = LatentExplorer(tiny, executor="inline")
    explorer.close()
    with pytest.raises(RuntimeError, match="open job, got a closed one"):
        explorer.set_alpha(0, 1.0)


def test_work_outstanding_at_the_end_is_dropped(tiny, gate, monkeypatch):
    monkeypatch.setattr(frames, "SLOW_MS", math.inf)  # no preview first, however busy the machine is
    explorer = LatentExplorer(tiny, executor="thread")
    assert explorer.job.wait(PATIENCE)
    held, synthesize = gate(), tiny.synthesize
    monkeypatch.setattr(tiny, "synthesize", lambda *a: held(lambda: True) or synthesize(*a))
    shown = explorer.controls.picture.data
    explorer.set_alpha(0, 1.0)
    held.await_begin()
    explorer.close()
    held.open()
    assert explorer.job.wait(PATIENCE)
    assert explorer.controls.picture.data == shown
    assert explorer.error is None


def test_move_of_an_edit_that_is_off_is_listed(explorer, agrees):
    D = explorer.directions
    off = replace(Move.of(D, 0, 1.0), enabled=False)
    explorer.edit = replace(explorer.edit, moves=(off, Move.of(D, 1, 2.0)))
    assert len(explorer.controls.others.children) == 1
    explorer.set_alpha(0, 3.0)
    assert [(m.alpha, m.enabled) for m in explorer.edit.moves] == [(1.0, False), (2.0, True), (3.0, True)]
    agrees(explorer)

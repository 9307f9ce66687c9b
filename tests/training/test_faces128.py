"""faces128: begun from other weights, with a critic that learns first or with none."""

import json
from dataclasses import replace

import pytest
import torch

from latent_widgets.generators import _shipped
from latent_widgets.generators.zoo import load
from latent_widgets.training import copies, export, faces128, warm
from latent_widgets.training import pool as pool_module
from latent_widgets.training.__main__ import main
from latent_widgets.training._files import load_checkpoint
from latent_widgets.training.warm import begin, begun, weights_of
from tests.training.runs import train_copies
from tests.training.starts import started, state


@pytest.fixture(autouse=True)
def few_renders(monkeypatch):
    monkeypatch.setattr(pool_module, "CHUNK", 10)
    monkeypatch.setattr(copies, "FIRST", 200)
    monkeypatch.setattr(faces128, "COPIES", {"start": 20, "every": 4})


def test_copying_in_sittings_is_the_uninterrupted_run(tmp_path, monkeypatch):
    train_copies(tmp_path / "whole", start="faces64")
    train_copies(tmp_path / "parts", start="faces64", minutes=0)
    assert state(tmp_path / "parts")["seen"] == 0
    was = begun(tmp_path / "parts")
    assert (was.start, was.copies) == ("faces64", True)
    monkeypatch.setattr(warm, "read_shipped", None)  # what is shipped by now does not count
    train_copies(tmp_path / "parts")  # it knows what it began from
    whole, parts = state(tmp_path / "whole"), state(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    for key, value in whole.items():
        assert torch.equal(value, parts[key]) if isinstance(value, torch.Tensor) else value == parts[key], key
    assert not any(key.startswith(("critic", "opt_d")) for key in whole)
    with pytest.raises(ValueError, match=r"start must be what the run in .* began from, 'faces64', got 'fashion32'"):
        train_copies(tmp_path / "parts", start="fashion32")
    with pytest.raises(ValueError, match=r"copies must be as the run in .* began, True, got False. Take another"):
        faces128.train(tmp_path / "parts", recipe=faces128.STARTED)


def test_a_start_must_be_there_and_be_known(tmp_path):
    with pytest.raises(ValueError, match=r"start must be given for a run that copies, got None. Name"):
        train_copies(tmp_path)
    with pytest.raises(ValueError, match=r"start must be .*'faces64'.*, got 'digits32'"):
        train_copies(tmp_path, start="digits32")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match=r"mapping.fc4.weight must be in the network to start from, got none"):
        train_copies(tmp_path, start="fashion32")
    assert not list(tmp_path.glob("*.u8"))


def test_another_start_before_the_first_checkpoint_has_its_own_faces(tmp_path):
    first = begin(tmp_path, "faces64", True)
    (tmp_path / "copies.u8").write_bytes(b"of faces64")
    assert begin(tmp_path, "faces64", True) == first
    assert (tmp_path / "copies.u8").exists()
    assert begin(tmp_path, "fashion32", True).start == "fashion32"
    assert not (tmp_path / "copies.u8").exists()
    assert weights_of(tmp_path).about["classes"]


def test_the_generator_waits_while_the_critic_learns_and_then_begins_slowly(tmp_path):
    before = started(tmp_path, 0, wait=16, warm=80)
    waited = started(tmp_path, 16, wait=16, warm=80, falling=0.0)
    for name in ("model", "average"):
        assert all(torch.equal(value, waited[name][key]) for key, value in before[name].items())
    assert any(not torch.equal(value, waited["critic"][key]) for key, value in before["critic"].items())
    begun = started(tmp_path, 24, wait=16, warm=80, falling=0.0)
    moved = max((begun["model"][k] - v).abs().max().item() for k, v in waited["model"].items())
    rate = faces128.STARTED.rates[0]
    assert moved == pytest.approx(rate * 8 / 80, rel=0.1)  # the length of Adam's first step


def test_what_is_exported_says_where_it_began_and_is_loaded(tmp_path, monkeypatch):
    train_copies(tmp_path / "run", start="faces64", images=8)
    config = load_checkpoint(tmp_path / "run" / "checkpoint.pt")["average"]
    channels = {side: config[f"synthesis.b{side}.conv1.bias"].shape[0] for side in (4, 8, 16, 32, 64, 128)}
    product = export.PRODUCTS["faces128"]
    monkeypatch.setitem(
        export.PRODUCTS, "faces128", replace(product, config=dict(product.config) | {"channels": channels})
    )
    places = ["--folder", str(tmp_path / "run"), "--data", str(tmp_path / "data"), "--notes", str(tmp_path / "notes")]
    main(["export", "faces128", *places])
    note = json.loads((tmp_path / "notes" / "faces128.json").read_text())
    assert note["recipe"].endswith("training faces --images 8 --seed 0 --start faces64 --copy")
    monkeypatch.setattr(_shipped, "DATA", tmp_path / "data")
    G = load("faces128")
    assert G.synthesize(G.code(0)[None]).shape == (1, 3, 128, 128)


def test_the_command_line_starts_and_copies(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(faces128, "train", lambda folder, **options: calls.append(options))
    main(["faces", "--folder", str(tmp_path), "--start", "faces64", "--copy"])
    main(["faces", "--folder", str(tmp_path)])
    assert [(x["start"], x["recipe"]) for x in calls] == [("faces64", faces128.COPYING), (None, None)]

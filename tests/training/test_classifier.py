import json

import torch

from latent_widgets.generators import _shipped
from latent_widgets.readers.classifier import load_classifier
from latent_widgets.training import classifier
from latent_widgets.training.__main__ import main
from latent_widgets.training._files import load_checkpoint
from latent_widgets.training.fashion import CLASSES


def test_a_classifier_is_trained_and_exported_as_it_is_loaded(tmp_path, articles, monkeypatch):
    run = str(tmp_path / "run")
    main(["classifier", "--folder", run, "--images", "200", "--data", str(articles)])
    scores = json.loads((tmp_path / "run" / "accuracy.json").read_text())
    assert list(scores) == [*CLASSES, "mean"]
    arguments = ["export", "fashion-classifier", "--folder", run, "--data", str(tmp_path / "data")]
    main([*arguments, "--notes", str(tmp_path / "notes")])
    assert json.loads((tmp_path / "notes" / "fashion-classifier.json").read_text())["accuracy"] == scores
    monkeypatch.setattr(_shipped, "DATA", tmp_path / "data")
    loaded = load_classifier("fashion32")
    assert loaded.class_names == CLASSES
    trained = load_checkpoint(tmp_path / "run" / "checkpoint.pt")["average"]
    for key, value in loaded.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(value, trained[key].half().float()), key


def test_articles_move_over_a_dark_ground_and_keep_their_place_roughly():
    images = torch.full((30, 1, 32, 32), -1.0)
    images[:, :, 12:20, 12:20] = 0.5
    moved = classifier._move(images, torch.Generator().manual_seed(0))
    assert moved[..., 0, :].max() == -1
    assert moved[..., 15:17, 15:17].mean() > 0.2
    assert len({round(float(x.mean()), 4) for x in moved}) > 20

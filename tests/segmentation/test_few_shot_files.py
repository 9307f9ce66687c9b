"""Files of segmenters that are damaged or foreign are refused in words."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import latent_widgets as lw


@pytest.fixture
def spoil(tiny, tmp_path):
    """Changes what a file says, or its tensors, and loads it."""
    codes = tiny.map(tiny.sample_z(2, seed=1))
    labels = torch.zeros(2, 16, 16, dtype=torch.int64)
    labels[:, :8] = 1
    path = tmp_path / "parts.safetensors"
    lw.fit_segmenter(tiny, codes, labels, ("a", "b")).save(path)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    about, tensors = json.loads(metadata["segmenter"]), load_file(path)

    def load(said=(), given=(), missing=(), version="1", text=None):
        changed = {key: value for key, value in (about | dict(said)).items() if key not in missing}
        kept = {key: value for key, value in (tensors | dict(given)).items() if key not in missing}
        text = json.dumps(changed) if text is None else text
        save_file(kept, path, metadata | {"segmenter": text, "version": version})
        return lw.segmentation.FewShotSegmenter.load(path, tiny)

    return load


def test_what_is_not_spoilt_loads(spoil):
    assert spoil().names == ("a", "b")
    assert spoil({"held_out": None}).held_out is None
    held = spoil({"held_out": {"iou": {}, "mean": float("nan"), "folds": 0}}).held_out  # as it is written without any
    assert held.mean != held.mean


BAD = {
    "names of numbers": ({"said": {"names": [1, 2]}}, "field 'names' must be a list, text each"),
    "too few names": ({"said": {"names": ["a"]}}, "with tensors of other sizes"),
    "no names": ({"missing": ["names"]}, "field 'names' must be a list, text each, got none"),
    "a hash of another kind": ({"said": {"weights_hash": {"a": 1}}}, "field 'weights_hash' must be text, got a dict"),
    "no hash": ({"said": {"weights_hash": None}}, "field 'weights_hash' must be text, got None"),
    "another generator": ({"said": {"weights_hash": "0" * 99}}, "got another weights hash"),
    "samples below zero": ({"said": {"painted": -1}}, "field 'painted' must be a whole number from 0, got -1"),
    "a field too many": ({"said": {"more": 1}}, "fields must be names, painted.* got 'more'"),
    "layers of another kind": ({"said": {"layers": {"a": 1}}}, "field 'layers' must be a list, text each"),
    "layers that are not there": ({"said": {"layers": ["b99"]}}, r"without 'weights\.b99'"),
    "no layers": ({"said": {"layers": []}}, "with tensors of other sizes"),
    "advice of another kind": ({"said": {"advice": 3}}, "field 'advice' must be a list, text each, got 3"),
    "scores of another kind": ({"said": {"held_out": {"a": 1}}}, "fields must be iou, mean, folds, got 'a'"),
    "scores without a mean": (
        {"said": {"held_out": {"iou": {}, "folds": 1}}},
        "field 'mean' must be a number, got none",
    ),
    "scores of text": (
        {"said": {"held_out": {"iou": {"a": "b"}, "mean": 1, "folds": 1}}},
        "field 'iou' must be a dict of numbers",
    ),
    "no bias": ({"missing": ["bias"]}, "without 'bias'"),
    "a bias of other sizes": ({"given": {"bias": torch.zeros(3)}}, "with tensors of other sizes"),
    "a bias of whole numbers": ({"given": {"bias": torch.zeros(2, dtype=torch.int64)}}, "with tensors of other sizes"),
    "a bias without end": ({"given": {"bias": torch.full((2,), torch.inf)}}, "with tensors of other sizes"),
    "labels without names": ({"given": {"labels": torch.tensor([0, 7])}}, "with tensors of other sizes"),
    "labels below zero": ({"given": {"labels": torch.tensor([0, -1])}}, "with tensors of other sizes"),
    "a label twice": ({"given": {"labels": torch.tensor([1, 1])}}, "with tensors of other sizes"),
    "labels that are none": ({"given": {"labels": torch.zeros(2)}}, "with tensors of other sizes"),
    "no version": ({"version": ""}, "its version must be a number, got ''"),
    "a version of text": ({"version": "1e3"}, "its version must be a number, got '1e3'"),
    "a long version": ({"version": "9" * 10_000}, "its version must be a number"),
    "a later version": ({"version": "7"}, r"of version 1 at most, got .* of version 7"),
    "no JSON": ({"text": "hello"}, "its 'segmenter' must be JSON, got something else"),
    "a list": ({"text": "[]"}, "its 'segmenter' must be a dict, got list"),
    "a nest": ({"text": "[" * 100_000}, "lists and dicts lie more than 64 deep"),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_files_of_segmenters_are_refused_in_words(spoil, name):
    changes, why = BAD[name]
    with pytest.raises(ValueError, match=f"must be .*{why}") as caught:
        spoil(**changes)
    assert type(caught.value) is ValueError
    assert len(str(caught.value)) < 500

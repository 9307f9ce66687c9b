import json

import pytest
import torch

from latent_widgets.training import gan
from latent_widgets.training._files import (
    append_log,
    load_checkpoint,
    read_log,
    read_values,
    save_checkpoint,
    write_json,
)
from latent_widgets.training.export import summary
from latent_widgets.training.warm import begun


@pytest.mark.parametrize("kind", ["empty", "cut", "text", "a pickle", "a zip of nothing"])
def test_what_is_no_checkpoint_is_said(tmp_path, kind):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"a": torch.ones(999)})
    damaged = {"empty": b"", "cut": path.read_bytes()[:-99], "text": b"hello", "a pickle": b"\x80\x02}."}
    path.write_bytes(damaged.get(kind, b"PK\x05\x06" + bytes(18)))
    with pytest.raises(ValueError, match=r"path must be a file that a training wrote, got '.*checkpoint.pt', which is"):
        load_checkpoint(path)
    with pytest.raises(ValueError, match=r"which is damaged or another's\. Delete it to begin anew\."):
        gan.faces_dataset(path, 2, size=8)
    with pytest.raises(FileNotFoundError, match="path must be a file that exists"):
        load_checkpoint(tmp_path / "none.pt")


def test_a_line_that_a_crash_has_cut_goes(tmp_path):
    path = tmp_path / "log.jsonl"
    assert read_log(path) == []
    append_log(path, seen=1, seconds=2.0)
    with path.open("ab") as file:
        file.write(b'{"seen": 2, "sec')
    assert read_log(path) == [{"seen": 1, "seconds": 2}]
    assert summary(tmp_path)["log"] == {"seen": [1]}
    append_log(path, seen=3, seconds=4.123456)
    assert [json.loads(line) for line in path.read_text().splitlines()] == read_log(path)
    assert read_log(path) == [{"seen": 1, "seconds": 2}, {"seen": 3, "seconds": 4.12346}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[" * 999, r"line 2 of log.jsonl must be JSON, got something else"),
        (b"\xff", r"line 2 of log.jsonl must be JSON, got something else"),
        (b"[1, 2]", r"line 2 of log.jsonl must be numbers by name, got \[1, 2\]\."),
        (b'{"seen": "two"}', r"line 2 of log.jsonl must be numbers by name, got \{'seen': 'two'\}\."),
    ],
)
def test_a_log_of_others_is_said(tmp_path, line, message):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"seen": 1}\n' + line + b"\n")
    with pytest.raises(ValueError, match=message):
        summary(tmp_path)


def test_numbers_that_are_not_finite_are_none(tmp_path):
    append_log(tmp_path / "log.jsonl", seen=1, loss=float("nan"))
    append_log(tmp_path / "log.jsonl", seen=2, more=float("inf"))
    assert summary(tmp_path)["log"] == {"seen": [1, 2], "loss": [None, None], "more": [None, None]}
    write_json(tmp_path / "r2.json", {"a": [1.5, float("nan")], "b": {"c": float("-inf")}})
    assert read_values(tmp_path / "r2.json") == {"a": [1.5, None], "b": {"c": None}}


def test_values_of_others_are_said(tmp_path):
    (tmp_path / "r2.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"r2.json must be values by name, got \[1\]\."):
        summary(tmp_path)
    (tmp_path / "begun.json").write_text('{"start": 3}')
    with pytest.raises(ValueError, match=r"begun.json must say how a run began, got \{'start': 3\}\. Take another"):
        begun(tmp_path)

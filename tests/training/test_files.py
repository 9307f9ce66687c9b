import json

import pytest
import torch

from latent_widgets.training import gan
from latent_widgets.training._files import append_log, load_checkpoint, read_log, save_checkpoint
from latent_widgets.training.export import summary


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

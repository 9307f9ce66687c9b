import numpy as np
import pytest
import torch
from PIL import Image

from latent_widgets import faces
from latent_widgets.training import blind
from latent_widgets.training.blind import blind_sheet, told_apart


def test_the_key_frames_the_samples_and_only_them(tmp_path):
    samples, renders = torch.full((6, 3, 16, 16), -1.0), torch.full((6, 3, 16, 16), 1.0)
    generated = blind_sheet(samples, renders, tmp_path / "a" / "sheet.png", tmp_path / "key.png", columns=4)
    assert generated.sum() == 6
    assert not torch.equal(generated, torch.arange(12) < 6)
    sheet, key = (np.asarray(Image.open(tmp_path / name)).astype(int) for name in ("a/sheet.png", "key.png"))
    assert sheet.shape == key.shape == (48, 64, 3)
    for i, sample in enumerate(generated):
        tile = np.s_[i // 4 * 16 :, i % 4 * 16 :]
        assert (sheet[tile][:16, :16] == (0 if sample else 255)).all()
        assert (key[tile][4:12, 4:12] == sheet[tile][4:12, 4:12]).all()
        assert (key[tile][0, 5] == ([255, 102, 0] if sample else 255)).all()


def test_what_differs_is_told_apart_and_what_does_not_is_not():
    torch.manual_seed(3)
    state = torch.get_rng_state()
    factors = (faces.sample_factors(200, seed) for seed in (1, 2))
    renders, same = (((faces.render(x).image + 1) * 127.5).clamp(0, 255).to(torch.uint8) for x in factors)
    darker = (same * 0.7).to(torch.uint8)
    assert told_apart(darker, renders, images=768) > 0.8
    assert told_apart(same, renders, images=768) < 0.75
    assert torch.equal(torch.get_rng_state(), state)


def test_a_blind_look_at_shipped_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(blind, "told_apart", lambda samples, renders: float(len(samples) == len(renders) == 12))
    assert blind.blind_look("faces64", tmp_path, pictures=12, shown=8) == 1.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces64-blind-key.png", "faces64-blind.png"]
    assert blind.blind_look("faces64", tmp_path, pictures=12, shown=8) == pytest.approx(1.0)

"""GLO learns pictures and their codes together, resumes exactly and saves whole."""

import numpy as np
import pytest
import torch
from PIL import Image

import latent_widgets as lw
from latent_widgets.inversion.glo import GLOStep, fit_glo
from latent_widgets.training.__main__ import main

SMALL = {"z_dim": 4, "resolution": 8, "channels": {4: 12, 8: 8}, "batch": 5}


@pytest.fixture(scope="module")
def pictures():
    """Twelve pictures with three degrees of freedom."""
    rng = torch.Generator().manual_seed(4)
    shapes = torch.nn.functional.interpolate(torch.randn(3, 3, 3, 3, generator=rng), (8, 8), mode="bilinear")
    return torch.einsum("ni,ichw->nchw", torch.randn(12, 3, generator=rng), shapes).tanh()


@pytest.fixture(scope="module")
def trained(pictures):
    return fit_glo(pictures, steps=400, **SMALL)


def test_codes_draw_their_pictures(pictures, trained):
    drawn = trained.generator.synthesize(trained.codes)
    assert float((drawn - pictures).square().mean()) < 0.1 * float(pictures.var(0).mean())
    assert trained.losses[-1] < 0.3 * trained.losses[0]
    assert trained.stopped == "finished"
    assert len(trained.losses) == 100


def test_codes_stay_in_the_ball(trained):
    assert float(trained.codes.norm(dim=1).max()) <= 1 + 1e-6
    assert float(trained.codes.norm(dim=1).min()) < 0.999  # a ball, not a sphere


def test_samples_follow_the_gaussian_of_the_codes(trained):
    G, codes = trained.generator, trained.codes
    w = G.map(G.sample_z(50_000, seed=1))
    assert torch.allclose(w.mean(0), codes.mean(0), atol=0.02)
    assert torch.allclose(w.T.cov(), codes.T.cov(), atol=0.02)
    assert torch.equal(G.w_avg, G.map(torch.zeros(1, 4))[0])


def test_generator_works_with_the_methods(trained):
    G = trained.generator
    assert len(lw.ganspace(G, k=2, samples=500)) == 2
    assert lw.RegionSpectra(G, trained.codes[0], tiles=4).spectrum(np.eye(8) > 0).singular_values.isfinite().all()
    assert G.features(trained.codes[:2], ["b4", "image"])["b4"].shape == (2, 12, 4, 4)


def test_training_picture_is_already_inverted(pictures, trained):
    found = lw.invert(trained.generator, pictures[3], "w", start=trained.codes[3], steps=20, samples=8)
    direct = float((trained.generator.synthesize(trained.codes[3]) - pictures[3]).square().mean())
    assert found.error <= 1.5 * direct


def test_resumed_training_is_the_uninterrupted_one(pictures, tmp_path):
    whole = fit_glo(pictures, steps=30, **SMALL)
    file = tmp_path / "run.pt"
    part = fit_glo(pictures, steps=30, checkpoint=file, on_step=lambda step: step.index < 11, **SMALL)
    assert (part.stopped, part.steps) == ("cancelled", 11)
    resumed = fit_glo(pictures, steps=30, checkpoint=file, **SMALL)
    assert torch.allclose(resumed.codes, whole.codes, atol=1e-6)
    assert torch.allclose(resumed.generator.module.root, whole.generator.module.root, atol=1e-6)
    assert resumed.steps == 30


def test_save_and_load(trained, tmp_path):
    again = lw.GLO.load(trained.save(tmp_path / "faces.safetensors"))
    assert torch.equal(again.codes, trained.codes)
    assert torch.equal(again.generator.synthesize(again.codes), trained.generator.synthesize(trained.codes))
    assert (again.steps, again.stopped, again.losses) == (trained.steps, trained.stopped, trained.losses)


def test_steps_show_a_picture_and_its_target(pictures):
    seen = []
    fit_glo(pictures, steps=2, on_step=seen.append, **SMALL)
    assert all(isinstance(step.value, GLOStep) for step in seen)
    assert any(torch.equal(seen[0].value.target[0], x) for x in pictures)
    assert seen[0].value.image.shape == (1, 3, 8, 8)


def test_every_picture_is_seen_once_a_pass(pictures):
    seen = []
    fit_glo(pictures, steps=12, on_step=lambda step: seen.append(step.value.target), **{**SMALL, "batch": 1})
    del seen[:-12]  # before the first step the first picture is shown
    assert len({tuple(x.flatten().tolist()) for x in seen}) == 12


def test_folder_of_photos_and_grey_pictures(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(4):
        Image.fromarray(rng.integers(0, 255, (9, 12), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    found = fit_glo(tmp_path, steps=2, **SMALL)
    assert found.codes.shape == (4, 4)
    assert found.generator.module.config["colours"] == 1
    assert found.generator.synthesize(found.codes).shape == (4, 3, 8, 8)


def test_random_state_is_left_alone(pictures):
    before = torch.random.get_rng_state()
    fit_glo(pictures, steps=1, **SMALL)
    assert torch.equal(before, torch.random.get_rng_state())


def test_bad_input(pictures, tmp_path):
    for images, message in [
        (pictures[:1], r"images must be at least two pictures, got 1\."),
        (pictures[:, :, :7], r"images must have shape"),
        (pictures / 0, r"images must be finite, got"),
        (tmp_path, r"images must be a folder with at least two pictures, got"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit_glo(images, steps=1, **SMALL)
    with pytest.raises(TypeError, match=r"images must be a tensor or a folder, got list\."):
        fit_glo([1, 2], steps=1, **SMALL)
    with pytest.raises(ValueError, match=r"lap or l2 must be above 0, got neither\."):
        fit_glo(pictures, lap=0, l2=0, **SMALL)
    with pytest.raises(ValueError, match=r"resolution must be a power of two"):
        fit_glo(torch.zeros(2, 3, 12, 12), z_dim=2, steps=1, resolution=12)
    file = tmp_path / "run.pt"
    fit_glo(pictures, steps=1, checkpoint=file, **SMALL)
    with pytest.raises(ValueError, match=r"checkpoint must come from 11 pictures, got one from 12\."):
        fit_glo(pictures[:11], steps=2, checkpoint=file, **SMALL)
    with pytest.raises(ValueError, match=r"checkpoint must come from these pictures, got one from others\."):
        fit_glo(-pictures, steps=2, checkpoint=file, **SMALL)
    with pytest.raises(ValueError, match=r"checkpoint must fit the network, got one from another \(.*\)\. Name"):
        fit_glo(pictures, steps=2, checkpoint=file, **SMALL | {"channels": {4: 12, 8: 4}})
    with pytest.raises(FileNotFoundError, match=r"path must be a file that exists, got"):
        lw.GLO.load(tmp_path / "none.safetensors")


def test_command_line_trains_on_a_folder_and_goes_on(tmp_path, capsys):
    rng = np.random.default_rng(1)
    (tmp_path / "photos").mkdir()
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)).save(tmp_path / "photos" / f"{i}.png")
    options = ["glo", str(tmp_path / "photos"), "--folder", str(tmp_path / "run"), "--resolution", "8", "--z-dim", "3"]
    main([*options, "--steps", "2"])
    main([*options, "--steps", "5"])
    file = tmp_path / "run" / "glo.safetensors"
    assert str(file) in capsys.readouterr().out
    assert lw.GLO.load(file).steps == 5
    assert lw.GLO.load(file).generator.name == "photos"

"""The later trainings: classes, growing sizes, heads and moments on a frozen reader."""

import gzip
import os
import signal

import pytest
import torch
import torch.nn.functional as F

from latent_widgets import faces
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.readers.regressor import load_regressor
from latent_widgets.training import _loop, fashion
from latent_widgets.training import pool as pool_module
from latent_widgets.training._files import load_checkpoint
from latent_widgets.training.adversarial import cuts, draw
from latent_widgets.training.critic import Critic
from latent_widgets.training.heads import Heads, Moments, Nearest, Reader
from latent_widgets.training.pool import Pool
from tests.training.runs import CLASSED, FACES, flat, train_faces, train_fashion


@pytest.fixture(autouse=True)
def few_renders(monkeypatch):
    monkeypatch.setattr(pool_module, "CHUNK", 10)


@pytest.mark.parametrize("train", [train_fashion, train_faces])
def test_a_run_in_sittings_is_bit_for_bit_the_uninterrupted_one(tmp_path, articles, monkeypatch, train):
    def end_soon(*args, **values):
        os.kill(os.getpid(), signal.SIGTERM)  # as a machine that wants to stop asks: in the middle of a step
        return original(*args, **values)

    original = _loop.follow
    train(tmp_path / "whole", articles)
    module = "latent_widgets.training.adversarial.follow"
    seen = []
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(module, end_soon)
            train(tmp_path / "parts", articles)
        seen.append(load_checkpoint(tmp_path / "parts" / "checkpoint.pt")["seen"])
    assert seen == [8, 16]
    train(tmp_path / "parts", articles)
    whole, parts = (dict(flat(load_checkpoint(tmp_path / name / "checkpoint.pt"))) for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    for key, value in whole.items():
        assert torch.equal(value, parts[key]) if isinstance(value, torch.Tensor) else value == parts[key], key
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_sheet_with_classes_shows_them_in_turn(tmp_path, articles):
    train_fashion(tmp_path / "run", articles)
    assert (tmp_path / "run" / "samples.png").exists()


def test_fashion_is_read_with_a_dark_margin(articles):
    images, labels = fashion.fashion_dataset(articles)
    assert images.shape == (20, 1, 32, 32)
    assert (images[..., :2, :] == -1).all()
    assert labels.tolist() == [*range(10), *range(10)]
    assert images[:, :, 2:-2, 2:-2].min() >= -1
    assert images.max() <= 1
    assert fashion.fashion_dataset(articles, "t10k", 16)[0].shape == (20, 1, 16, 16)


def test_without_the_pictures_the_package_is_named(tmp_path, articles):
    with pytest.raises(FileNotFoundError, match=r"must hold train-images-.*, got .* without. Install .*fashion-mnist"):
        fashion.fashion_dataset(tmp_path)
    (articles / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x05abc"))
    with pytest.raises(ValueError, match=r"must be a whole IDX file of bytes, gzipped, got 3 bytes for sizes \(5,\)"):
        fashion.fashion_dataset(articles)


def test_the_critic_scores_how_a_picture_fits_its_class():
    torch.manual_seed(0)
    critic, x = Critic(16, CLASSED["channels"], colours=1, c_dim=3), torch.randn(4, 1, 16, 16)
    c = torch.eye(3)
    first, second = critic(x, c[[0, 1, 2, 0]]), critic(x, c[[1, 1, 2, 0]])
    assert first.shape == (4, 1)
    assert first[0] != second[0]
    torch.testing.assert_close(first[1:], second[1:])
    with pytest.raises(ValueError, match="c must be given: this critic knows 3 classes"):
        critic(x)


def test_a_larger_picture_is_at_first_what_it_is_when_halved():
    torch.manual_seed(0)
    critic = Critic(32, FACES["channels"], smallest=8, factors=5)
    x = torch.randn(8, 3, 32, 32)
    torch.testing.assert_close(critic(x), critic(F.avg_pool2d(x, 2)))
    torch.testing.assert_close(critic(x), critic(F.avg_pool2d(x, 4)))
    with torch.no_grad():
        for share in critic.fade.values():
            share.fill_(1.0)
    assert (critic(x) - critic(F.avg_pool2d(x, 2))).abs().max() > 1e-3
    assert critic.read(critic.look(x)).shape == (8, 5)


def test_pictures_are_drawn_at_any_side_and_two_latents_mix():
    torch.manual_seed(0)
    model, rng = StyleGAN2(**FACES), torch.Generator().manual_seed(0)
    z = torch.randn(6, 8)
    plain = model(z[:3])
    torch.testing.assert_close(draw(model, z, None, 0.0, rng), plain)
    assert draw(model, z, None, 0.0, rng, 16).shape == (3, 3, 16, 16)
    assert not torch.allclose(draw(model, z, None, 1.0, rng), plain)


def test_where_two_latents_are_cut_is_decided_by_share_or_given():
    torch.manual_seed(0)
    model, z = StyleGAN2(**FACES), torch.randn(6, 8)
    count = model.synthesis.num_ws
    cut = torch.tensor([[1], [count - 1], [count]])
    w = model.mapping(z)
    ws = torch.stack([torch.stack([w[i if k < int(cut[i]) else i + 3] for k in range(count)]) for i in range(3)])
    torch.testing.assert_close(draw(model, z, None, cut), model.synthesis(ws))
    found = cuts(4000, 7, 0.25, torch.Generator().manual_seed(0))
    mixed = found[found < 7]
    assert set(mixed.tolist()) == set(range(1, 7))
    assert len(mixed) / 4000 == pytest.approx(0.25, abs=0.03)  # four standard deviations


def test_the_pool_grows_and_a_torn_file_is_mended(tmp_path):
    pool = Pool(tmp_path / "faces.u8", 16, start=20, every=2, limit=40)
    assert [pool.count(seen) for seen in (0, 19, 20, 39, 40, 1000)] == [20, 20, 30, 30, 40, 40]
    rng = torch.Generator().manual_seed(0)
    real = pool(50, 0, rng)
    assert real.images.shape == (50, 3, 16, 16)
    assert pool.path.stat().st_size == 20 * 3 * 16**2
    with pool.path.open("ab") as file:
        file.write(b"torn")
    again = Pool(pool.path, 16, start=20, every=2, limit=40)
    found = again(200, 30, rng)  # 30 faces
    assert pool.path.stat().st_size == 30 * 3 * 16**2
    drawn = faces.render(faces.sample_factors(10, pool_module.FIRST_SEED + 2), 16).image.clamp(-1, 1)
    torch.testing.assert_close(
        torch.from_numpy(again._images[20:].copy()).float() / 127.5 - 1, drawn, atol=5e-3, rtol=0
    )
    assert 0.5 < found.factors.std() < 1.5


@pytest.fixture(scope="module")
def reader():
    return Reader(load_regressor())


def test_the_reader_reads_every_size(reader):
    images = faces.render(faces.sample_factors(3, 5), 128).image
    scales, features = reader(images)
    assert [x.shape[1] for x in scales] == reader.widths
    small = reader(F.avg_pool2d(images, 2))[1]
    torch.testing.assert_close(features, small)
    torch.testing.assert_close(small, reader.regressor.features(F.avg_pool2d(images, 2)))
    assert reader(images[..., ::4, ::4])[1].shape == features.shape
    scores = Heads(reader.widths)(scales)
    assert [s.shape for s in scores] == [(3, x.shape[-1] ** 2) for x in scales]


def test_moments_are_nought_on_their_aim_and_pull_towards_it():
    rng = torch.Generator().manual_seed(0)
    mix = torch.randn(4, 4, generator=rng)
    real = torch.randn(20_000, 4, generator=rng) @ mix + 1
    moments = Moments(real, memory=0.0)
    with torch.no_grad():
        assert moments(real) < 1e-4
        assert moments(real + 0.5) > 10 * moments(real[:2000])
        assert moments((real - 1) * 0.5 + 1) > 0.1
    x = ((real[:500] - 1) * 0.4).requires_grad_(True)
    before = moments(x)
    (slope,) = torch.autograd.grad(before, x)
    with torch.no_grad():
        assert moments(x - 20 * slope) < before
    steady = Moments(real, memory=0.95)
    for _ in range(200):
        value = steady(real[torch.randint(len(real), (32,), generator=rng)])
    assert steady.state_dict().keys() >= {"first", "second"}
    assert value < 2  # twenty batches are enough to see that nothing is missing


def test_the_nearest_render_draws_only_what_is_far_from_it(reader):
    renders = faces.render(faces.sample_factors(100, 8), 64).image
    nearest = Nearest(reader, renders)
    assert 0.01 < nearest.usual < 0.3

    def found(images):
        images = images.clone().requires_grad_(True)
        apart, median = nearest(images, reader.read(reader(images)[1]).detach())
        return apart.item(), median.item(), torch.autograd.grad(apart, images)[0].abs().amax((1, 2, 3))

    apart, median, slope = found(renders)
    assert median == pytest.approx(1.0, rel=0.05)
    assert (slope == 0).float().mean() == pytest.approx(0.5, abs=0.1)
    broken = renders.clone()
    broken[:, :, 20:30] = renders[:, :, 30:40]  # another part of the face where the eyes were
    worse, farther, pulled = found(broken)
    assert worse > 2 * apart
    assert farther > 1.3
    assert (pulled > 0).float().mean() > 0.7
    large = F.interpolate(renders, (128, 128), mode="nearest")
    assert found(large)[1] == pytest.approx(median, rel=0.1)

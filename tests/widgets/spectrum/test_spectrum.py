"""The spectrum panel: what it computes where, what it says, and what it links to."""

import numpy as np
import pytest
import torch
import traitlets

import latent_widgets as lw
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.methods.local_basis import local_basis
from latent_widgets.widgets.kit.encode import to_uint8
from latent_widgets.widgets.spectrum.data import gaussian_band, spectrum_at
from latent_widgets.widgets.spectrum.spectrum import JacobianSpectrum
from tests.widgets.conftest import PATIENCE


@pytest.fixture
def faces():
    """The renderer at a size that is quick to differentiate."""
    return ExactFaces(resolution=16)


def test_values_are_those_of_the_closed_form_jacobian(faces, make):
    panel = make(faces, seed=3)
    J = faces.mapping_jacobian(faces.sample_z(1, 3)[0])
    expected = torch.linalg.svdvals(J.double())
    assert panel.error is None
    assert torch.allclose(panel.current.values, expected, rtol=1e-5)
    assert "seed 3, w" in panel.controls.words.value
    assert "<svg" in panel.controls.plot.svg


def test_z_given_as_a_tensor_is_remembered_behind_its_w(tiny, make):
    z = tiny.sample_z(3, seed=5)
    panel = make(tiny, z)
    assert panel.code.space == "w"
    assert torch.equal(panel.current.z, z[0])
    assert torch.allclose(panel.current.values, local_basis(tiny, z[0]).singular_values.double())
    assert len(panel.kept) == 2
    assert torch.allclose(panel.kept[1].values, local_basis(tiny, z[2]).singular_values.double())


def test_several_targets_are_overlaid(tiny, make):
    panel = make(tiny, target=["w", "image", "b8.conv0"])
    assert [panel.current.target, *(s.target for s in panel.kept)] == ["w", "image", "b8.conv0"]
    panel.forget()
    assert panel.kept == ()
    panel.keep()
    assert panel.kept == (panel.current,)


def test_result_of_local_basis_is_shown_without_computing(tiny, make):
    B = local_basis(tiny, tiny.sample_z(1, seed=2), "image", k=4)
    panel = make(tiny, B)
    assert (panel.target, len(panel.directions)) == ("image", 4)
    assert panel.current.directions is B.directions


def test_result_that_was_given_stays_where_a_thread_computes(tiny):
    B = local_basis(tiny, tiny.sample_z(1, seed=2), "image", k=4)
    with JacobianSpectrum(tiny, B, width=400, pictures=3, executor="thread") as panel:
        assert panel.wait(PATIENCE)
        assert panel.current.directions is B.directions
    panel.wait(PATIENCE)


def test_edited_code_gives_the_spectrum_of_the_picture_and_says_so(tiny, make):
    panel = make(tiny, seed=1)
    panel.code = lw.Code(tiny.code(1) + 0.1, "w")
    assert (panel.target, panel.current.target) == ("w", "image")
    assert "edited in w, so its z is unknown" in panel.controls.words.value
    panel.code = lw.Code(tiny.code(2), "w", seed=2, truncation=1.0)
    assert panel.current.target == "w"
    assert "unknown" not in panel.controls.words.value


def test_spectrum_of_the_picture_is_taken_at_the_truncated_code(tiny, make):
    code = lw.Code(tiny.code(4, truncation=0.5), "w", seed=4, truncation=0.5)
    panel = make(tiny, code, target="image")
    dense = torch.func.jacrev(lambda w: tiny.synthesize(w[None]).flatten())(code.tensor)
    assert torch.allclose(panel.current.values, torch.linalg.svdvals(dense), rtol=1e-8)
    panel.target = "w"
    assert "before truncation" in panel.controls.words.value


def test_directions_at_a_w_plus_code_move_all_rows_together(tiny):
    rows = tiny.broadcast(tiny.code(0))[0]
    rows = rows + 0.1 * torch.arange(len(rows), dtype=rows.dtype)[:, None]
    found = spectrum_at(tiny, lw.Code(rows, "w+"), None, "image")
    dense = torch.func.jacrev(lambda step: tiny.synthesize((rows + step)[None], "w+").flatten())(rows.new_zeros(6))
    assert found.directions.space == "w"
    assert torch.allclose(found.values, torch.linalg.svdvals(dense), rtol=1e-8)


def test_generator_without_mapping_shows_the_picture(plain, make):
    panel = make(plain)
    assert (panel.target, panel.error) == ("image", None)
    assert panel.directions.space == "z"


@pytest.mark.parametrize("end", ["cancelled", "failed"])
def test_spectrum_that_does_not_come_is_promised_no_longer(tiny, make, end, monkeypatch):
    panel = make(tiny, seed=1)

    def lost(*arguments):
        assert "<b>old</b>, until seed 2, w is there: " in panel.controls.words.value
        if end == "cancelled":
            panel.cancel()
        raise RuntimeError("no memory")

    monkeypatch.setattr(panel._finder, "find", lost)
    panel.code = lw.Code(tiny.code(2), "w", seed=2, truncation=1.0)
    assert panel.controls.words.value.startswith("<b>old</b>: <b>seed 1, w</b>")
    panel.selected_index = 1
    assert panel.controls.words.value.startswith("<b>old</b>: <b>seed 1, w</b>")
    monkeypatch.undo()
    panel.refresh()
    assert panel.controls.words.value.startswith("<b>seed 2, w</b>")


def test_index_is_picked_by_click_slider_and_trait(tiny, make):
    panel = make(tiny)
    axes = panel.controls.plot.axes
    left, _, right, _ = panel.controls.plot.box(axes, 2.5, 1, 3.5, 1)
    panel.pick((left + right) / 2, 0.5)
    assert panel.selected_index == 2
    assert panel.controls.index.value == 3
    assert "local basis 3" in panel.controls.strip.caption
    panel.controls.index.value = 5
    assert panel.selected_index == 4
    panel.pick(0.001, 0.5)  # beside the axes
    assert panel.selected_index == 4
    panel.selected_index = 1
    assert panel.controls.number.value == 2


def test_fewer_directions_leave_an_index_that_is_there(tiny, make):
    panel = make(tiny)
    panel.selected_index = 4
    panel.directions = panel.directions[:2]
    assert (panel.selected_index, panel.controls.index.value, panel.controls.number.value) == (1, 2, 2)
    assert panel.error is None


def test_one_spectrum_is_kept_once(tiny, make):
    panel = make(tiny)
    panel.keep()
    panel.keep()
    assert len(panel.kept) == 1


def test_strip_follows_the_curve_of_the_mapping_alone(tiny, make):
    panel = make(tiny, lw.Code(tiny.code(4, 0.5), "w", 4, 0.5))
    panel.controls.reach.value, panel.controls.kind.value = 1.0, "curve"
    panel.selected_index = 3
    z, u = tiny.sample_z(1, 4), panel.directions[3]
    reach = float(u.scales[0]) / 0.5
    kept = {"variant": "smooth", "candidates": max(4, panel.current.ranks["energy"])}
    path = lw.curve_traversal(tiny, z, length=reach, direction=u.unit_vectors[0], **kept)
    shown = np.array(panel.controls.strip.to_pil())
    last = to_uint8(tiny.synthesize(tiny.map(path.z[-1:], 0.5)))
    assert np.abs(shown[:, -16:].astype(int) - last).max() <= 1
    assert panel.controls.strip.caption.startswith("local basis 4, curve: -1 to 1 ")
    panel.selected_index = len(panel.directions) - 1
    panel.target = "image"
    assert panel.controls.strip.caption.endswith("no curve: only the mapping has one, from a known z")
    assert panel.error is None


def test_index_that_does_not_exist_is_refused(tiny, make):
    panel = make(tiny, k=3)
    assert len(panel.directions) == 3
    with pytest.raises(ValueError, match="selected_index must be between 0 and 2, got 3"):
        panel.selected_index = 3
    assert panel.selected_index == 0


def test_explorer_is_followed_through_one_link(tiny, make):
    explorer = lw.LatentExplorer(tiny, seed=3, executor="inline")
    panel = make(tiny)
    traitlets.link((explorer, "code"), (panel, "code"))
    assert panel.current.code.seed == 3
    explorer.seed = 8
    assert panel.current.code is explorer.code
    assert panel.current.label == "seed 8, w"
    explorer.close()


def test_explorer_takes_the_directions_and_the_index_stays(tiny, make):
    explorer = lw.LatentExplorer(tiny, seed=3, executor="inline")
    panel = make(tiny, seed=3, k=4)
    panel.selected_index = 2
    traitlets.link((panel, "directions"), (explorer, "directions"))
    traitlets.link((panel, "selected_index"), (explorer, "selected_index"))
    assert explorer.directions.names == panel.directions.names
    panel.code = lw.Code(tiny.code(5), "w", seed=5, truncation=1.0)
    assert explorer.directions is panel.directions
    assert (panel.selected_index, explorer.selected_index) == (2, 2)
    explorer.close()


def test_old_result_stays_pale_until_the_new_one_is_there(tiny, gate):
    panel = JacobianSpectrum(tiny, seed=1, width=400, pictures=3)
    assert panel.wait(30)
    waiting = gate()
    panel.run(waiting, kind="other")
    waiting.await_begin()
    panel.code = lw.Code(tiny.code(2), "w", seed=2, truncation=1.0)
    assert panel.controls.plot.stale
    assert "old" in panel.controls.words.value
    assert panel.current.code.seed == 1
    waiting.open()
    assert panel.wait(30)
    assert not panel.controls.plot.stale
    assert panel.current.code.seed == 2
    panel.close()
    panel.wait(30)


def test_same_code_again_is_not_computed_again(tiny, make):
    panel = make(tiny, seed=1)
    before = panel.current
    panel.code = lw.Code(tiny.code(1), "w", seed=1, truncation=1.0)
    assert panel.current is before


@pytest.mark.parametrize(("choice", "words"), [("matrix", "40 Gaussian matrices"), ("latents", "16 random latents")])
def test_chance_is_named_and_goes_again(tiny, make, choice, words):
    panel = make(tiny)
    panel.controls.chance.value = choice
    assert words in panel.band.label
    assert bool((panel.band.low <= panel.band.high).all())
    panel.controls.chance.value = "nothing"
    assert panel.band is None
    assert panel.error is None


def test_gaussian_band_holds_the_values_of_gaussian_matrices(plain_spectrum):
    rng = np.random.default_rng(0)
    samples = np.stack([np.linalg.svd(rng.standard_normal((9, 60)), compute_uv=False) for _ in range(300)])
    spectrum = plain_spectrum(np.full(9, 7.0), (60, 9))
    band = gaussian_band(spectrum, draws=400)
    expected = samples / np.linalg.norm(samples, axis=1, keepdims=True) * 21.0
    assert band.middle.numpy() == pytest.approx(np.median(expected, axis=0), rel=0.02)
    assert band.low.numpy() == pytest.approx(np.quantile(expected, 0.05, axis=0), rel=0.04)


def test_energy_and_vanishing_values(plain_spectrum):
    spectrum = plain_spectrum([4.0, 3.0, 0.0], (5, 3))
    assert spectrum.energy.tolist() == pytest.approx([16 / 25, 1, 1])
    assert spectrum.vanishing == 1


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("energy", [True, False])
def test_every_way_to_draw_draws(tiny, make, log, energy):
    panel = make(tiny, target=["w", "image"])
    panel.controls.scale.value = "log" if log else "linear"
    panel.controls.energy.value = energy
    panel.controls.normalised.value = True
    panel.controls.ranks.value = energy
    assert panel.error is None
    axes = panel.controls.plot.axes
    assert axes.get_yscale() == ("log" if log else "linear")
    assert axes.lines[0].get_ydata()[0] == 1  # over the first
    assert len(axes.get_figure().axes) == 1 + energy


def test_rank_estimates_are_lines_with_names(tiny, make):
    panel = make(tiny)
    texts = [text.get_text() for text in panel.controls.plot.axes.texts]
    for words, rule in (("99 % of the energy", "energy"), ("largest gap", "gap")):
        assert f"{words}: {panel.current.ranks[rule]}" in texts


def test_static_forms(tiny, make, tmp_path):
    panel = make(tiny)
    assert panel.save(tmp_path / "a.png").stat().st_size > 0
    assert panel.save(tmp_path / "a.pdf").stat().st_size > 0
    assert len(panel.figure().axes) == 2
    assert "image/png" in panel._repr_mimebundle_()
    assert repr(panel) == "<JacobianSpectrum of tiny: 6 values at seed 0, w>"


def test_nothing_stays_behind_when_it_is_closed(tiny, instances):
    JacobianSpectrum(tiny, executor="inline").close()
    assert instances() == 0


def test_bad_input_is_refused_in_words(tiny, plain, make):
    with pytest.raises(ValueError, match=r"target must be 'image' or a layer for 'plain', which has no mapping"):
        JacobianSpectrum(plain, target="w")
    with pytest.raises(ValueError, match=r"target must be one of 'w', 'image'.* got 'imag'. Did you mean 'image'"):
        JacobianSpectrum(tiny, target="imag")
    with pytest.raises(ValueError, match="target must name at least one"):
        JacobianSpectrum(tiny, target=[])
    with pytest.raises(ValueError, match="k must be between 1 and 6, got 7"):
        JacobianSpectrum(tiny, k=7)
    with pytest.raises(ValueError, match=r"latents must have shape .* got \(2, 5\)"):
        JacobianSpectrum(tiny, torch.zeros(2, 5).double())
    with pytest.raises(ValueError, match="latents must be at most 6 in one plot, got 7"):
        JacobianSpectrum(tiny, tiny.sample_z(7))
    with pytest.raises(ValueError, match="latents must hold at least one latent, got none"):
        JacobianSpectrum(tiny, [])
    with pytest.raises(
        TypeError, match="latents must be z, a Code, a result of local_basis or a list of these, got str"
    ):
        JacobianSpectrum(tiny, "seed 3")
    other = ExactFaces(resolution=16, dtype=torch.float64)
    with pytest.raises(ValueError, match="directions"):
        JacobianSpectrum(tiny, local_basis(other, other.sample_z(1)))
    with pytest.raises(TypeError, match=r"must be given known keywords, got 'targets'. Did you mean 'target'"):
        JacobianSpectrum(tiny, targets="w")
    panel = make(tiny)
    with pytest.raises(ValueError, match="code must have shape"):
        panel.code = lw.Code(torch.zeros(9).double(), "w")
    assert panel.code.seed == 0
    assert panel.current is not None


def test_figure_of_nothing_is_refused(tiny):
    with tiny.lock:  # so the worker waits
        panel = JacobianSpectrum(tiny, width=400, executor="thread")
        with pytest.raises(ValueError, match="JacobianSpectrum must show a spectrum first"):
            panel.figure()
    panel.close()
    panel.wait(PATIENCE)

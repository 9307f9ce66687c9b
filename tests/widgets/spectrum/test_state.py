"""What a spectrum panel shows, without the panel: what is kept, what chance gives, what is said, what is found anew."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.methods.local_basis import local_basis
from latent_widgets.widgets.spectrum.data import gaussian_band
from latent_widgets.widgets.spectrum.finder import Finder
from latent_widgets.widgets.spectrum.latents import Latents, Start
from latent_widgets.widgets.spectrum.state import MOST_KEPT, Shown, spectrum_words


@pytest.fixture
def find(tiny):
    """Finds spectra of the tiny generator, three directions each."""
    return Finder(tiny, Latents(tiny, 6), 3, "exact")


def test_nothing_is_kept_before_there_is_a_spectrum():
    shown = Shown()
    assert not shown.keep()
    assert (shown.kept, shown.spectra) == ((), [])


def test_newest_are_kept_and_the_oldest_goes(plain_spectrum):
    shown, spectra = Shown(), [plain_spectrum([2.0, 1.0], (2, 2)) for _ in range(MOST_KEPT + 2)]
    for spectrum in spectra:
        shown.take(spectrum)
        assert shown.keep()
        assert not shown.keep()  # once is enough
    assert shown.kept == tuple(reversed(spectra))[:MOST_KEPT]
    assert shown.spectra == [spectra[-1], *shown.kept]


def test_band_goes_with_the_spectrum_that_it_was_found_beside(plain_spectrum):
    shown, spectrum = Shown(), plain_spectrum([2.0, 1.0], (2, 2))
    shown.take(spectrum)
    shown.band = gaussian_band(spectrum, draws=3)
    shown.take(plain_spectrum([3.0, 1.0], (2, 2)))
    assert shown.band is None


def test_words_say_what_was_asked_for_and_is_not_shown(plain_spectrum):
    spectrum = plain_spectrum([2.0, 0.5], (2, 2))
    assert spectrum_words(spectrum, 7, "image") == "<b>a code in w, image</b> · singular value 2 is 0.5"
    assert "edited in w, so its z is unknown" in spectrum_words(spectrum, 0, "w")
    truncated = plain_spectrum([1.0], (1, 1), "w", lw.Code(torch.zeros(3), "w", seed=1, truncation=0.5))
    assert spectrum_words(truncated, 0, "w").endswith("of the mapping before truncation")
    assert spectrum_words(spectrum, 0, "image", "a < b").startswith(
        "<b>old</b>, until a &lt; b is there: <b>a code in w"
    )
    assert spectrum_words(spectrum, 0, "image", "").startswith("<b>old</b>: <b>a code in w")


def test_picture_stands_for_the_mapping_where_z_is_not_known(tiny, find):
    seeded = lw.Code(tiny.code(1), "w", seed=1, truncation=1.0)
    assert find.plan(seeded, "w").words == "seed 1, w"
    assert find.plan(lw.Code(tiny.code(1), "w"), "w").target == "image"


def test_known_results_are_taken_over_and_others_found(tiny, find):
    basis = local_basis(tiny, tiny.sample_z(1, seed=2), "image", k=3)
    code = lw.Code(basis.code, "w")
    taken, found = find.find_all([(Start(code, basis), "image"), (Start(code, basis), "b8.conv0")])
    assert taken.directions is basis.directions
    assert found.target == "b8.conv0"
    assert len(find.offered(found)) == 3


def test_spectra_of_random_latents_are_remembered_unless_they_were_cancelled(tiny, find):
    spectrum = find.find(find.plan(lw.Code(tiny.code(1), "w", seed=1, truncation=1.0), "w"))
    asked = []

    def go_on(*step):
        asked.append(step)
        return True

    find.chance("latents", spectrum, lambda *step: False)
    find.chance("latents", spectrum, go_on)
    found = len(asked)
    assert found > 0
    find.chance("latents", spectrum, go_on)
    assert len(asked) == found


def test_spectrum_is_outdated_once_the_generator_moves(tiny, find):
    spectrum = find.find(find.plan(lw.Code(tiny.code(1), "w", seed=1, truncation=1.0), "w"))
    assert not find.outdated(None)
    assert not find.outdated(spectrum)
    tiny.to(dtype=torch.float32)
    assert find.outdated(spectrum)

"""Each control has a name of its own, and each picture words: who does not see them has nothing else to go by."""

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image

from latent_widgets.generators.exact import ExactFaces
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.kit.controls import button, mute
from latent_widgets.widgets.kit.filmstrip import Filmstrip
from latent_widgets.widgets.kit.log_slider import LogSlider
from latent_widgets.widgets.kit.numbered import NumberSlider
from latent_widgets.widgets.kit.picture import Picture
from latent_widgets.widgets.painter.painter import MaskPainter
from latent_widgets.widgets.spectrum.spectrum import JacobianSpectrum
from latent_widgets.widgets.warpage.warpage import WarpageHeatmap
from tests.controls import called, controls, doubtful
from tests.pictures import file_of


@pytest.fixture
def faces():
    """The renderer, at a small size."""
    return ExactFaces(resolution=16)


@pytest.fixture
def explorer(tiny):
    """An explorer with two moves, the settings of a region, and a photo."""
    with LatentExplorer(tiny, seed=3, k=3, executor="inline") as made:
        made.set_alpha(0, 1.0)
        made.set_alpha(1, 0.5)
        made.pages["region"].show(True, False)
        made.photo.open(file_of(Image.new("RGB", (16, 16))), "photo.png")
        yield made


def test_each_page_of_the_explorer_calls_its_controls_apart(explorer):
    found = {}
    for name, page in explorer.pages.items():
        explorer.controls.page = name
        found[name] = doubtful(page)
        assert list(controls(page)) or name == "code"  # whose only button is the page's own
    assert found == {name: [] for name in explorer.pages}


def test_page_calls_no_control_as_the_first_screen_does(explorer):
    found = {}
    for name in explorer.pages:
        explorer.controls.page = name
        found[name] = doubtful(explorer)
    assert found == {name: [] for name in explorer.pages}


def test_rows_of_moves_are_called_by_what_they_move(explorer):
    explorer.controls.page = "stack"
    row = explorer.pages["stack"].rows[1]
    names = [name for control in controls(row) for name in called(control)]
    assert names == [
        "move 2", "how far along random 2", "Make random 2 earlier", "Make random 2 later", "Drop random 2",
    ]  # fmt: skip


def test_painter_calls_its_controls_apart():
    parts = {"top": np.arange(12).reshape(3, 4) < 6}
    with MaskPainter(np.zeros((3, 4, 3), np.uint8), ("a", "b"), parts=parts, executor="inline") as painter:
        assert doubtful(painter) == []
        icons = [one for one in controls(painter) if "lw-icon" in one._dom_classes]
        assert [one.description for one in icons] == ["zoom in", "zoom out", "smaller brush", "larger brush"]


def test_spectrum_calls_its_controls_apart(faces):
    with JacobianSpectrum(faces, seed=1, executor="inline", width=300, pictures=3) as panel:
        assert doubtful(panel) == []


@pytest.mark.parametrize("page", [0, 1])
def test_warpage_calls_its_controls_apart(faces, page):
    with WarpageHeatmap(faces, n=4, k=2, executor="inline", width=300) as panel:
        panel.controls.pages.selected_index = page
        assert doubtful(panel) == []


def test_warpage_direction_is_chosen_by_slider_or_number(faces):
    with WarpageHeatmap(faces, n=4, k=3, executor="inline", width=300) as panel:
        controls = panel.controls
        controls.direction_box.value = 3
        assert controls.direction.value == 3
        assert controls.strips[0].caption.startswith("direction 3 of A")
        controls.direction.value = 2
        assert controls.direction_box.value == 2
        assert controls.strips[0].caption.startswith("direction 2 of A")
        panel.k = 2
        assert (controls.direction.max, controls.direction_box.max) == (2, 2)


def test_icon_alone_is_called_by_its_tooltip_unless_it_has_a_text():
    assert button("", "Zoom in (+)", print, "plus", "lw-icon").description == "Zoom in (+)"
    assert button("zoom in", "Zoom in (+)", print, "plus", "lw-icon").description == "zoom in"
    assert button("", "Explore this seed", print).description == ""  # whose text comes later


@pytest.mark.parametrize("make", [
    lambda: NumberSlider(0, 0, 1, 0.1, "size %", "How large"), lambda: LogSlider(0.1, -3, 0, "size %", "How large"),
])  # fmt: skip
def test_number_box_is_called_as_its_slider(make):
    both = make()
    assert (both.slider.description, both.box.description) == ("size %", "size %, number")
    assert "lw-mute" in both.box._dom_classes
    both.close()


def test_hidden_name_is_no_formula():
    box = ipywidgets.FloatText()
    mute(box, "$x$")
    assert box.description == "＄x＄"
    box.close()


# ---- pictures


@pytest.fixture
def grey():
    """A picture of 4 x 6 pixels."""
    return torch.zeros(3, 4, 6)


def test_picture_with_words_says_them_and_keeps_its_place(grey):
    picture = Picture(width=60, alt="a face")
    image, _ = picture.children
    assert 'alt=""' in image.value  # nothing is shown yet
    picture.show(grey)
    assert image.value.startswith('<img alt="a face" width="6" height="4" ')
    assert (picture.to_pil().size, picture.format) == ((6, 4), "png")
    picture.show(grey, lossless=False, alt='"<grey>"')
    assert image.value.startswith('<img alt="&quot;&lt;grey&gt;&quot;" width="6"')
    assert 'src="data:image/jpeg;base64,' in image.value
    data = picture.data
    picture.show_bytes(data, "jpeg")
    assert 'width="6" height="4"' in image.value
    picture.clear()
    assert ('alt=""' in image.value, picture.to_pil()) == (True, None)
    picture.close()


def test_picture_without_words_is_an_image_for_the_main_picture_moves(grey):
    picture = Picture()
    picture.show(grey)
    assert isinstance(picture.children[0], ipywidgets.Image)
    assert picture.children[0].value == picture.data
    picture.close()


def test_failed_picture_keeps_the_words_of_the_last(grey):
    picture = Picture(alt="good")
    picture.show(grey)
    with pytest.raises(ValueError, match="image must be finite"):
        picture.show(grey / 0, alt="bad")
    assert 'alt="good"' in picture.children[0].value
    picture.close()


def test_seeds_are_called_by_their_number(explorer):
    explorer.controls.page = "seeds"
    page = explorer.pages["seeds"]
    assert [f'alt="Seed {i}"' in picture.children[0].value for i, picture in enumerate(page.pictures)] == [True] * 16
    page.show_from(16)
    assert 'alt="Seed 16"' in page.pictures[0].children[0].value


def test_pictures_of_pages_have_words(explorer):
    for name in explorer.pages:
        explorer.controls.page = name
    waiting = [*explorer.pages.values()]
    while waiting:
        one = waiting.pop()
        waiting += getattr(one, "children", ())
        assert not isinstance(one, ipywidgets.Image)


def test_strip_has_words():
    film = Filmstrip(300)
    film.show(torch.zeros(3, 4, 28))
    assert 'alt="A strip of pictures along a direction"' in film.children[0].value
    film.close()

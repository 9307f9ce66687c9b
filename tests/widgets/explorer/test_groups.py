"""The explorer's pages: three groups, one page open or none, each built when it is first opened."""

import threading

import ipywidgets
import numpy as np
import pytest

from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.explorer.pages.groups import GROUPS
from latent_widgets.widgets.explorer.photo.page import PhotoPage
from tests.widgets.conftest import PATIENCE


@pytest.fixture
def explorer(tiny):
    with LatentExplorer(tiny, seed=3, k=2, executor="inline") as made:
        yield made


def test_every_page_is_in_one_group(explorer):
    names = [name for pages, _ in GROUPS.values() for name in pages]
    assert sorted(names) == sorted(explorer.pages)
    assert len(explorer.pages) == len(set(names))


def test_explorer_begins_with_few_widgets_and_no_page(tiny, instances):
    with LatentExplorer(tiny, seed=3, k=6, executor="inline") as explorer:
        assert instances() < 350
        assert explorer.pages.built == ()
        assert explorer.controls.page == ""
        before = instances()
        explorer.controls.page = "region"
        assert explorer.pages.built == ("region",)
        assert instances() > before + 50


def test_group_opens_where_it_was_left(explorer):
    book = explorer.controls.book
    book.groups["locate"].value = True
    assert (explorer.controls.page, explorer.state.page) == ("region", "region")
    explorer.controls.page = "photo"
    book.groups["explore"].value = True
    assert (explorer.controls.page, book.groups["locate"].value) == ("walk", False)
    book.groups["locate"].value = True
    assert explorer.controls.page == "photo"
    book.groups["locate"].value = False
    assert (explorer.controls.page, book.place.layout.display) == ("", "none")


def test_page_that_was_open_stays_built(explorer):
    explorer.controls.page = "mix"
    page = explorer.pages["mix"]
    page.weight.value = 0.3
    explorer.controls.page = "seeds"
    explorer.controls.page = "mix"
    assert explorer.pages["mix"] is page
    shown = [one for one in explorer.controls.book.place.children if one.layout.display is None]
    assert shown[-1] is page
    assert len(shown) == 2  # the names of its group, and itself


def test_unknown_page_is_refused(explorer):
    with pytest.raises(ValueError, match="page must be one of"):
        explorer.controls.page = "nowhere"


def test_closing_frees_pages_that_were_built_and_never_opened(tiny, instances):
    with LatentExplorer(tiny, seed=3, k=2, executor="inline") as explorer:
        assert all(isinstance(page, ipywidgets.Widget) for page in explorer.pages.values())
        assert explorer.controls.picker.chosen
    assert instances() == 0


def test_page_that_is_opened_while_work_lands_on_it_waits_for_its_turn(tiny, monkeypatch, gate):
    held = gate()
    build = PhotoPage.__init__

    def slowly(self, *arguments):
        held.begun.set()
        assert held.opened.wait(PATIENCE)
        build(self, *arguments)

    monkeypatch.setattr(PhotoPage, "__init__", slowly)
    with LatentExplorer(tiny, seed=3, k=2, executor="thread") as explorer:
        assert explorer.wait(PATIENCE)
        explorer.photo.open(np.zeros((20, 20, 3), np.uint8))  # which lands on the page, on a worker's thread
        held.await_begin()
        opens = threading.Thread(target=setattr, args=(explorer.controls, "page", "photo"))
        opens.start()
        held.open()
        opens.join(PATIENCE)
        assert not opens.is_alive()
        assert explorer.wait(PATIENCE)
        assert explorer.photo.image is not None
        assert explorer.error is None

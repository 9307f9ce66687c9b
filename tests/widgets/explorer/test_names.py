"""Whatever a direction, a class, a part or a region is called, it is text: on the page, in plots, in programs."""

import ast
import io
from html.parser import HTMLParser

import ipywidgets
import numpy as np
import pytest
import torch

import latent_widgets as lw
from latent_widgets.core.words import whole
from latent_widgets.generators.zoo import load
from latent_widgets.geometry.walks.grids import subspace_grid
from latent_widgets.values.directions import Directions
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from latent_widgets.widgets.painter.painter import MaskPainter

NAMES = [
    "<img src=x onerror=go()>$$",
    "_\"'><script>go()</script>&amp;",
    "$x$\nimport os\n</textarea><b onerror='go()'>",
    "\\$ \"\"\" ''' {0} %s \x00 \ud800",
]


class Page(HTMLParser):
    """What a browser finds in HTML: tags, the names of their attributes, and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def pages():
    """Reads all HTML below a widget."""

    def read(widget, seen=None):
        found, waiting = [], [widget]
        while waiting:
            one = waiting.pop()
            waiting += getattr(one, "children", ())
            found += [Page(one.value)] if isinstance(one, ipywidgets.HTML) else []
        return found

    return read


@pytest.fixture
def named(tiny):
    """Directions in w with the names."""
    return Directions(torch.eye(4, 6, dtype=torch.float64), "w", names=NAMES)


def test_page_of_the_explorer_holds_names_as_text(tiny, named, pages):
    tiny.name = NAMES[0]
    with LatentExplorer(tiny, named, seed=3, executor="inline") as explorer:
        explorer.pages["walk"].count.value, explorer.pages["walk"].density.value = 2, False
        for i in range(4):
            explorer.set_alpha(i, 0.5)
        said = ""
        for page in explorer.pages:
            explorer.controls.page = page
            explorer.choose(0)
            found = pages(explorer)
            said += "".join(one.text for one in found)
            assert not {"script", "onerror"} & set().union(*(one.tags | one.attributes for one in found)), page
        _, words = explorer.pages["walk"].strip.children
        assert "onerror=go()>＄＄, linear: " in words.value  # a label, which would typeset a formula
        assert "</textarea><b onerror='go()'>" in said
        explorer.guard(lambda: (_ for _ in ()).throw(ValueError(NAMES[1])))()
        assert not {"script", "onerror"} & set().union(*(one.tags | one.attributes for one in pages(explorer)))
        assert NAMES[1] in "".join(one.text for one in pages(explorer))


@pytest.fixture
def sent():
    """All that a widget and those below it send to the page, where half a letter would end the panel."""

    def read(widget):
        waiting, seen, said = [widget], set(), ""
        while waiting:
            one = waiting.pop()
            if isinstance(one, ipywidgets.Widget) and one.model_id not in seen:
                seen.add(one.model_id)
                waiting += [getattr(one, name) for name in one.keys if name != "comm"]
            elif isinstance(one, str):
                said += one
            elif isinstance(one, list | tuple):
                waiting += one
            elif isinstance(one, dict):
                waiting += [*one, *one.values()]
        return said.encode().decode()

    return read


def test_half_a_letter_in_any_name_is_sent_as_a_mark(tiny, sent):
    half = "half \ud800 letter"
    named = Directions(torch.eye(3, 6, dtype=torch.float64), "w", names=[half, "b", "c"], method=half)
    mask = np.eye(4, dtype=bool)
    with LatentExplorer(tiny, named, seed=3, executor="inline") as explorer:
        explorer.set_alpha(0, 0.5)
        for page in explorer.pages:
            explorer.controls.page = page
        explorer.photo.open(b"no picture", half)
        explorer.guard(lambda: (_ for _ in ()).throw(ValueError(half)))()
        assert sent(explorer).count("half \ufffd letter") > 9
    with MaskPainter(np.zeros((4, 4, 3), np.uint8), (half,), parts={half: mask}, executor="inline") as painter:
        painter.add(f"{half} 2")
        painter.take(whole(half))
        assert sent(painter).count("half \ufffd letter") > 3


def test_region_with_such_a_name_is_text(pages):
    with MaskPainter(np.zeros((6, 8, 3), np.uint8), executor="inline") as painter:
        for name in NAMES:
            painter.add(name)
            found = pages(painter)
            assert not {"script", "onerror", "img"} & set().union(*(one.tags | one.attributes for one in found))
            assert whole(name).replace("\x00", "") in "".join(one.text for one in found).replace("\x00", "")


@pytest.mark.parametrize("name", NAMES)
def test_plots_of_walks_and_grids_are_drawn_with_any_name(tiny, name):
    D = Directions(torch.eye(2, 6, dtype=torch.float64), "w", names=[name, f"{name} " * 40])
    code, drawn = tiny.code(1), io.BytesIO()
    for i in range(2):
        lw.walk(tiny, code, D, at=[0.0, 1.0], index=i).plot(tiny).savefig(drawn, format="svg")
    subspace_grid(tiny, code, D, at=[0.0, 1.0]).plot(tiny).savefig(drawn, format="svg")
    assert b"onerror" not in drawn.getvalue().replace(b"&lt;img src=x onerror", b"").replace(b"&lt;b onerror", b"")


def test_program_with_such_names_says_the_same(tiny, named):
    edit = lw.Edit.of(tiny, seed=2)
    for i in range(4):
        edit = edit.move(named, i, alpha=0.5)
    program = edit.to_python(load="G")
    imported = {
        alias.name for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Import) for alias in node.names
    }
    assert imported == {"base64", "zlib", "torch", "latent_widgets"}
    scope = {"G": tiny}
    exec(program, scope)  # noqa: S102 - the program is what is tested
    assert torch.equal(scope["image"], edit.apply(tiny))
    assert [move.name for move in scope["edit"].moves] == list(map(whole, NAMES))


@pytest.mark.parametrize("method", ["class", "lambda", "import os", "not", "None"])
def test_method_of_a_file_that_is_no_name_is_not_called(tiny, method):
    D = Directions(torch.eye(1, 6, dtype=torch.float64), "w", method=method, rows=(0,), seed=1)
    program = lw.Edit.of(tiny, seed=2).move(D).to_python(load="G")
    ast.parse(program)
    assert f"lw.{method}(" not in program


def test_values_of_numpy_and_pytorch_are_written_as_plain_ones(make_network, tiny, tmp_path):
    D = Directions(torch.eye(2, 6, dtype=torch.float64), "w", names=np.array(["a", "b"]))
    edit = lw.Edit.of(tiny, seed=np.int64(2), truncation=np.float32(0.5)).move(
        D, np.int64(1), alpha=np.float32(0.5), layers=np.array([0, 2])
    )
    program = edit.to_python(load="G")
    assert "np." not in program
    scope = {"G": tiny}
    exec(program, scope)  # noqa: S102 - the program is what is tested
    assert torch.equal(scope["image"], edit.apply(tiny))
    G = load(np.str_("fashion32"), condition=np.int64(3))
    assert G.origin == "lw.load('fashion32', condition=3)"


@pytest.mark.parametrize("name", ["\u05d7\u05d9\u05d5\u05da", "\u0627\u0628\u062a\u0633\u0627\u0645\u0629", "a\u202eb"])
def test_name_from_right_to_left_leaves_the_number_beside_it_where_it_is(tiny, name):
    with LatentExplorer(tiny, Directions(torch.eye(6)[:1], "w", names=[name]), executor="inline") as explorer:
        explorer.set_alpha(0, 0.5)
        explorer.sets.use(Directions(torch.eye(6)[1:3], "w", names=["smile", "yaw"]))
        explorer.set_alpha(0, 1.0)
        explorer.sets.use(Directions(torch.eye(6)[3:5], "w", names=["c", "d"]))
        for one in explorer.state.shelf.open[:2]:
            explorer.sets.close(one.key)
        said = [each.description for each in explorer.controls.others.children]
    assert said == [f"\u2068{name}\u2069 +0.5 latent", "smile +1 latent"]

"""Everything that a person reads on a widget, or hears of it, comes from the catalogue of texts."""

import re

import ipywidgets
import pytest

from latent_widgets.page.modules import STAGE
from latent_widgets.widgets.kit.stage import WORDS
from tests.texts import html_texts, pseudo, said, spoken, untranslated

LETTERS = "[A-Za-z]"  # alone, they are keys, the names A and B, or spaces such as w

PAINTER = """
import numpy as np
import latent_widgets as lw
parts = {"hair": np.arange(12).reshape(3, 4) < 6, "hat": np.zeros((3, 4), bool)}
with lw.MaskPainter(np.zeros((3, 4, 3), np.uint8), ("eyes", "mouth"), parts=parts, executor="inline") as painter:
    painter.paint("brush", [(1, 1)])
    painter.controls.name.value = "mouth 2"
    painter.feather()
    for part in parts:
        painter.controls.part.value = part
        painter.controls.take.click()
    for button in (each for row in painter.controls.rows for each in row.children if hasattr(each, "click")):
        if button not in (painter.controls.load, painter.controls.remove):
            button.click()
    painter.fill(1, 1)
    painter.later.fill(1, 1)
    painter.later.pick(1, 1)
"""
SPECTRUM = """
from latent_widgets.generators.exact import ExactFaces
import latent_widgets as lw
G = ExactFaces(resolution=16)
with lw.JacobianSpectrum(G, seed=1, executor="inline", width=300, pictures=3) as panel:
    panel.controls.chance.value = "matrix"
    panel.keep()
    panel.controls.chance.value = "latents"
    panel.controls.normalised.value = True
    panel.controls.kind.value = "curve"
    panel.selected_index = 3
    panel.target = "image"
    panel.code = lw.Code(G.code(3, truncation=0.5), "w", 3, 0.5)
    panel.target = "w"
    panel.code = lw.Code(G.code(3) + 0.01, "w")
    panel.cancel()
with lw.JacobianSpectrum(G, seed=1, k=3, target="image", method="progressive", executor="inline", width=300):
    pass
"""
WARPAGE = """
from latent_widgets.generators.exact import ExactFaces
import latent_widgets as lw
G = ExactFaces(resolution=16)
with lw.WarpageHeatmap(G, n=4, k=2, executor="inline", width=300) as panel:
    panel.controls.pages.selected_index = 1
    panel.controls.order.value = "sample"
    panel.metric = "projection"
    panel.k = 1
with lw.WarpageHeatmap(lw.warpage(G, n=3, k=2, on_step=lambda step: step.index < 2), executor="inline") as panel:
    pass
"""


@pytest.mark.parametrize(
    ("script", "names"),
    [
        pytest.param(PAINTER, ["eyes", "mouth", "hair", "hat"], id="painter"),
        pytest.param(SPECTRUM, ["image", "coverage", "shading", "parts", "Kritchman-Nadler"], id="spectrum"),
        pytest.param(WARPAGE, [], id="warpage"),
    ],
)
def test_every_text_of_a_widget_comes_from_the_catalogue(tmp_path, script, names):
    heard = spoken(script, tmp_path)
    assert len([text for text in heard if pseudo("")[0] in text]) > 40
    assert untranslated(heard, [LETTERS, *names]) == []


def test_module_of_the_page_has_its_texts_from_python():
    asked = re.findall(r'\btr\("([^"]+)"\)', STAGE.read_text(encoding="utf-8"))
    assert set(asked) == set(WORDS)


# ---- what looks for texts finds them


def test_texts_of_a_tree_are_those_of_each_part():
    toggles = ipywidgets.ToggleButtons(options=[("one", 1), ("two", 2)], tooltips=["first", "second"])
    page = ipywidgets.VBox([ipywidgets.Text("typed", placeholder="name", tooltip="whose"), toggles])
    page.layout.display = "none"
    tabs = ipywidgets.Tab([page, ipywidgets.HTML("<b>bold</b>"), ipywidgets.Label("line")], titles=["a", "b", "c"])
    expected = {"a", "b", "c", "name", "whose", "one", "two", "first", "second", "bold", "line"}
    assert set(said(tabs)) == expected
    tabs.close()


def test_texts_of_html_are_those_between_and_within_tags():
    page = (
        '<style>b {color: red}</style><p title="on it">a <b>bold</b> word</p><svg aria-label="plot"><!-- axis --></svg>'
    )
    assert html_texts(page) == ["a bold word", "on it", "plot", " axis "]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("⟦all of it⟧", []),
        ("⟦one ⟦in⟧ another⟧ · ⟦two⟧", []),
        ("⟦cut", []),
        ("⟦some⟧ of it", ["of it"]),
        ("seed ⟦3⟧", ["seed"]),
        ("a ⟦line⟧ b", []),
        ("b4.conv0, 3.5 %", []),
        ("conv0", ["conv0"]),
    ],
)
def test_text_outside_of_the_brackets_is_found(text, left):
    assert untranslated([text], [LETTERS, r"b4\.conv0"]) == left

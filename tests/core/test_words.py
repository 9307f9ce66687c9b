import html
import io
import re

import pytest
from matplotlib.figure import Figure

from latent_widgets.core.words import label_text, one_line, plot_text

# What markup of matplotlib's, HTML's, Markdown's or Python's could make of a name.
NAMES = [
    "$$", "$", "$x", "$a$", r"\$a$", r"\$\$", "$\\frac{", "_hidden", "__", "a_b^c", "%d {0} {name}", "a\\", "#&~",
    "<b>bold</b>", "&amp;", "\"'", "'''", '"""', "a\nb", "a\r\nimport os\n", "a\u2028b", "tab\tbed", "\x00\x1b[31m",
    "half \ud800 letter", "größer, 2 × β", "*a* `b` [c](d)", "--> <!-- --",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_name_is_one_line_that_can_be_printed(name):
    line = one_line(name)
    assert line.isprintable()
    assert line == " ".join(line.split())
    kept = [letter for letter in name if letter.isprintable() and letter != " "]
    assert [letter for letter in line if letter != " "] == kept


@pytest.mark.parametrize("most", [1, 2, 7, 40])
def test_line_is_cut_at_the_letters_that_it_may_have(most):
    for text in ("a", "a" * 7, "ab " * 30):
        line = one_line(text, most)
        assert len(line) <= most
        assert line == text.strip() if len(text.strip()) <= most else line.endswith("…")


@pytest.mark.parametrize("name", NAMES)
def test_matplotlib_writes_the_name_and_nothing_else(name):
    figure, drawn = Figure(), io.StringIO()
    axes = figure.subplots()
    axes.plot([0, 1], label=plot_text(name))
    axes.set(xlabel=plot_text(name), title=f"{plot_text(name)} and {plot_text(name)}")
    (written,) = axes.legend().get_texts()  # none would be there for a label that is hidden
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    comments = re.findall(r"<!-- (.*?) -->", drawn.getvalue())  # what matplotlib's SVG says of each text
    said = [html.unescape(text).replace("\u200b", "") for text in comments]
    wanted = re.sub("-(?=-)", "- ", one_line(name))  # two hyphens would end the comment
    assert said.count(wanted) == 2  # below the axis, and in the legend
    assert said.count(f"{wanted} and {wanted}") == 1
    assert written.get_text() == plot_text(name)


@pytest.mark.parametrize("name", NAMES)
def test_label_says_the_name_and_holds_no_formula(name):
    shown = label_text(name)
    assert shown.count("$") < 2
    assert not re.search(r"\\[(\[]|\\begin", shown)
    assert shown.replace("\u200b", "").replace("＄", "$") == name


def test_beginnings_of_formulas_stand_apart():
    for begin in (r"\(", r"\[", r"\begin{cases}", r"\ref{a}"):
        assert label_text(f"a {begin} b") == f"a \\\u200b{begin[1:]} b"
    assert label_text(r"C:\beginning\new") == r"C:\beginning\new"

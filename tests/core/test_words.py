import ast
import html
import io
import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from latent_widgets.core.words import label_text, one_line, page_text, plot_text, python_text, shown, whole

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
    assert shown.replace("\u200b", "").replace("＄", "$") == whole(name)


def test_beginnings_of_formulas_stand_apart():
    for begin in (r"\(", r"\[", r"\begin{cases}", r"\ref{a}"):
        assert label_text(f"a {begin} b") == f"a \\\u200b{begin[1:]} b"
    assert label_text(r"C:\beginning\new") == r"C:\beginning\new"


@pytest.mark.parametrize("name", NAMES)
def test_page_shows_the_name_and_no_markup(name):
    shown = page_text(name)
    shown.encode()
    assert not set(shown) & set("<>\"'")
    assert html.unescape(shown) == name.replace("\ud800", "\ufffd")


@pytest.mark.parametrize("name", NAMES)
def test_python_reads_the_name_again(name):
    written = python_text([name, {name: (name,)}])
    written.encode()
    assert ast.literal_eval(written) == [name, {name: (name,)}]
    assert len(written.splitlines()) == 1


def test_python_is_given_plain_values_alone():
    plain = [None, True, 3, -1.5e300, "a", [(), (1,), {"k": []}], 10**299]
    assert ast.literal_eval(python_text(plain)) == plain
    numbers = [np.float64(0.1), np.str_("a"), type("Odd", (int,), {"__repr__": lambda self: "quit()"})(3)]
    assert python_text(numbers) == "[0.1, 'a', 3]"
    for value, error, words in [
        (object(), TypeError, "value must be plain, to be written into a program, got object"),
        ([b"a"], TypeError, "got bytes"),
        (float("nan"), ValueError, "value must be finite, to be written into a program, got nan"),
    ]:
        with pytest.raises(error, match=words):
            python_text(value)


def test_text_is_made_whole():
    assert whole("a\ud800b\udc00") == "a\ufffdb\ufffd"
    assert whole("\ud83d\ude00 größer\x00") == "😀 größer\x00"
    assert type(whole(np.str_("a"))) is str


@pytest.mark.parametrize("name", NAMES)
def test_a_value_in_an_error_is_one_line_of_some_letters(name):
    for value in (name, [name], {name: name}, np.array([[name], [name]]), 1000 * name, 1000 * [name]):
        said = shown(value)
        assert said.isprintable()
        assert len(said) <= 200
    assert ast.literal_eval(shown(name)) == name
    assert shown(10**5000) == "a very long int"

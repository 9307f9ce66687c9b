"""The texts of widgets: what a person reads on them or hears of them, and which of it comes from no catalogue.

A pseudo-language, in which each text stands between brackets, tells them apart. The language of a process is fixed when
the first text is asked for, so widgets speak it in a process of their own.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import ipywidgets
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "latent_widgets" / "locale" / "latent_widgets.pot"
KEYWORDS = {"tr": None, "trn": (1, 2)}  # as the Makefile has them
OPEN, CLOSE = "⟦", "⟧"
WORDED = ("description", "tooltip", "placeholder", "alt")  # traits that are a text
LISTED = ("tooltips", "titles", "labels", "_options_labels")  # or several
TOLD = ("title", "alt", "aria-label", "aria-description", "placeholder")  # attributes of tags
MATHS = "mathdefault"  # matplotlib writes powers of ten so
PRELUDE = "import json\nfrom tests.texts import Listener\nlistener = Listener()\n"
TALE = "\nprint(json.dumps(list(listener.heard)))\n"


# ---- what widgets say


class _Page(HTMLParser):
    """Reads HTML: the text between tags as one piece, then what attributes and plots say."""

    def __init__(self) -> None:
        super().__init__()
        self.between, self.beside, self._style = "", list[str](), False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag in ("style", "script")
        self.between += "\n" * (tag == "title")  # of which a plot has many
        self.beside += [value for name, value in attrs if name in TOLD and value]

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        self.between += "" if self._style else data

    def handle_comment(self, data: str) -> None:
        self.beside.append(data)  # matplotlib draws letters as curves, and writes before them what they say


def html_texts(value: str) -> list[str]:
    """Return what HTML says, and what its tags say to those who do not see it."""
    page = _Page()
    page.feed(value)
    page.close()
    return [page.between, *page.beside]


def texts_of(widget: ipywidgets.Widget) -> list[str]:
    """Return what one widget says, without its children."""
    found = [getattr(widget, name) for name in WORDED if name in widget.keys]
    for name in LISTED:
        found += getattr(widget, name) or () if name in widget.keys else ()
    if "_words" in widget.keys:  # of what the page draws by itself
        found += widget._words.values()
    if isinstance(widget, ipywidgets.HTML):
        found += html_texts(widget.value)
    elif isinstance(widget, ipywidgets.Label):
        found.append(widget.value)
    return [text for text in found if isinstance(text, str) and text.strip(" \n\u200b")]


def said(root: ipywidgets.Widget) -> Iterator[str]:
    """Return what a widget says with all that hangs on it, shown or hidden."""
    waiting, seen = [root], set()
    while waiting:
        one = waiting.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            yield from texts_of(one)
            for name in one.keys:
                value = getattr(one, name)
                waiting += [
                    each for each in (value if isinstance(value, list | tuple) else [value]) if _is_widget(each)
                ]


def _is_widget(value: Any) -> bool:
    return isinstance(value, ipywidgets.Widget)


class Listener:
    """Hears what every widget says that is made from now on, also for a moment only: a line while something runs."""

    def __init__(self) -> None:
        self.heard: dict[str, None] = {}
        ipywidgets.Widget.on_widget_constructed(self._attend)

    def _attend(self, widget: ipywidgets.Widget) -> None:
        self._hear(widget)
        widget.observe(lambda _: self._hear(widget))

    def _hear(self, widget: ipywidgets.Widget) -> None:
        self.heard.update(dict.fromkeys(texts_of(widget)))


# ---- the pseudo-language


def untranslated(texts: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return what stands outside of the brackets of the pseudo-language and has letters.

    Args:
        texts: What widgets say.
        names: Regular expressions of what is no text: names of things, units, code.
    """
    allowed = re.compile(rf"(?<!\w)(?:{'|'.join([MATHS, *names])})(?!\w)")
    found = {}
    for text in texts:
        rest = allowed.sub("", _outside(text)).strip()
        if any(letter.isalpha() for letter in rest):
            found[rest] = None
    return list(found)


def _outside(text: str) -> str:
    """What of a text stands in no brackets; one that was cut leaves them open."""
    depth, rest = 0, []
    for letter in text:
        depth += (letter == OPEN) - (letter == CLOSE)
        if depth <= 0 and letter != CLOSE:
            rest.append(letter)
        elif letter == OPEN:
            rest.append("\n")
    return "".join(rest)


def pseudo(text: str) -> str:
    """Return a text in the pseudo-language."""
    return f"{OPEN}{text}{CLOSE}"


def write_pseudo(folder: Path, language: str = "xx") -> Path:
    """Write the catalogue of the pseudo-language, from the template."""
    with TEMPLATE.open("rb") as file:
        template = read_po(file)
    made = Catalog(language)
    for message in template:
        if message.id:
            many = isinstance(message.id, tuple | list)
            made.add(message.id, tuple(map(pseudo, message.id)) if many else pseudo(message.id))
    path = folder / f"{language}.po"
    with path.open("wb") as file:
        write_po(file, made)
    return path


def spoken(script: str, folder: Path) -> list[str]:
    """Run a script in a process that speaks the pseudo-language; return what its widgets say.

    Args:
        script: Makes widgets and uses them.
        folder: Where it runs, and for the catalogue.
    """
    language = write_pseudo(folder).stem
    given = {"LATENT_WIDGETS_LOCALE": str(folder), "LATENT_WIDGETS_LANGUAGE": language}
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + script + TALE],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), **given}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{language}.po" not in done.stderr, done.stderr  # nothing of it was refused
    return list(json.loads(done.stdout.splitlines()[-1]))


# ---- the template


def texts_in_sources() -> set[str | tuple[str, str]]:
    """Return the texts that the package's sources ask for."""
    found = extract_from_dir(ROOT / "latent_widgets", keywords=KEYWORDS)
    return {message for _, _, message, _, _ in found}

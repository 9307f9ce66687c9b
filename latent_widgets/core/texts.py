"""The texts of the widgets in the reader's language: English, unless there is a catalogue of another one.

A catalogue is one file, ``<language>.po``, in the package's folder ``locale`` or in the one that the environment's
``LATENT_WIDGETS_LOCALE`` names. The language is that of ``LATENT_WIDGETS_LANGUAGE``, or of the system's
``LANGUAGE``, ``LC_ALL``, ``LC_MESSAGES`` and ``LANG``, when the first text is asked for: one process has one language,
so texts may stand in constants.

Messages of errors are in no catalogue: people search for them, and send them to us.
"""

from __future__ import annotations

import codecs
import functools
import gettext
import io
import os
import re
import string
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from latent_widgets.core.imports import import_whole

__all__ = ["FOLDER", "Catalogues", "asked_languages", "tr", "trn"]

FOLDER = Path(__file__).parent.parent / "locale"
ASKED = ("LATENT_WIDGETS_LANGUAGE", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set counts
SEVERAL = 1001  # numbers for which each language has used all of its plural forms
MARKS = re.compile(r"<[^>]*>?|[$\\]")  # tags, also one without an end, which would take what comes after it; and TeX


def tr(text: str, /, **values: object) -> str:
    """Return a text in the reader's language.

    Args:
        text: In English, word for word in the source: catalogues are made from what stands there.
        **values: What stands for ``{name}`` in it, as ``str.format`` takes it.

    Example:
        >>> tr("Keep {name} for files", name="smile")
        'Keep smile for files'
    """
    found = _texts().gettext(text) if text else text  # to gettext the empty text is the head of the catalogue
    return found.format(**values) if values else found


def trn(one: str, many: str, count: int, /, **values: object) -> str:
    """Return a text that counts something, in the reader's language.

    Args:
        one: In English, for one.
        many: For another number.
        count: How many; ``{count}`` stands for it.
        **values: As those of :func:`tr`.

    Example:
        >>> trn("{count} move", "{count} moves", 2)
        '2 moves'
    """
    return _texts().ngettext(one, many, count).format(count=count, **values)


@functools.cache
def _texts() -> gettext.NullTranslations:
    folders = [FOLDER, *(Path(path) for path in [os.environ.get("LATENT_WIDGETS_LOCALE")] if path)]
    return Catalogues(folders).texts(asked_languages(os.environ))


def asked_languages(environment: Mapping[str, str]) -> list[str]:
    """Return the languages that an environment asks for, the best first.

    Args:
        environment: Values by name, as ``os.environ`` has them.

    Example:
        >>> asked_languages({"LANGUAGE": "de_AT:fr", "LANG": "en_GB.UTF-8"})
        ['de_AT', 'fr']
    """
    return next((value for name in ASKED if (value := environment.get(name))), "").split(":")


class Catalogues:
    """The catalogues of some folders.

    Args:
        folders: Where they are; of two for one language the later folder's counts.

    Example:
        >>> Catalogues([FOLDER]).texts(["C.UTF-8"]).gettext("undo")
        'undo'
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.files = {_plain(path.stem): path for folder in folders for path in sorted(folder.glob("*.po"))}

    def texts(self, languages: Sequence[str]) -> gettext.NullTranslations:
        """Return the texts in the first of some languages for which there is a catalogue, or as they are.

        Args:
            languages: As the system names them: ``de_AT.UTF-8`` is served by ``de_AT.po``, or else by ``de.po``.

        A text whose translation has other placeholders or tags than itself stays in English, and so does everything
        where the file is no catalogue; a warning says so.
        """
        for asked in languages:
            name = _plain(re.split(r"[.@]", asked)[0])
            for language in (name, name.split("_")[0]):
                if language in self.files:
                    return _read(self.files[language], language)
                if language in ("en", "c", "posix"):
                    return gettext.NullTranslations()
        return gettext.NullTranslations()


def _plain(language: str) -> str:
    return language.replace("-", "_").lower()


def _read(path: Path, language: str) -> gettext.NullTranslations:
    import_whole("babel.messages.mofile", "babel.messages.pofile")
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import PoFileError, read_po

    try:
        file = io.BytesIO(path.read_bytes().removeprefix(codecs.BOM_UTF8))  # some editors begin with it
        catalogue = read_po(file, language, abort_invalid=True)
        for known in (language, "en"):  # of none that Babel knows, it would lose the file's own plural forms
            catalogue.locale = catalogue.locale or known
        spoiled = [message.id for message in catalogue if message.id and not all(_fitting(message))]
        for text in spoiled:
            catalogue.delete(text)
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        texts = gettext.GNUTranslations(compiled)
        for count in range(SEVERAL):  # the file says which form a number takes, and may divide by nothing
            texts.ngettext("one", "many", count)
    except (PoFileError, ValueError, LookupError, ArithmeticError, OSError) as error:
        warnings.warn(f"{path.name} is no catalogue of texts, so they are in English: {error}", stacklevel=2)
        return gettext.NullTranslations()
    if spoiled:
        words = f"{len(spoiled)} texts of {path.name} stay in English: their placeholders or tags are others, as in"
        warnings.warn(f"{words} {spoiled[0]!r}.", stacklevel=2)
    return texts


def _fitting(message: Any) -> Iterator[bool]:
    """Whether each translation of a message takes what the message takes; of a form that counts, the count or not."""
    ids, said = (each if isinstance(each, (list, tuple)) else (each,) for each in (message.id, message.string))
    frames = [_frame(text) for text in ids]
    if len(ids) > 1:  # "one move" needs no number
        frames += [([field for field in fields if "'count'" not in field], marks) for fields, marks in frames]
    for text in said:
        yield not text or _frame(text) in frames


def _frame(text: str) -> tuple[list[str], list[str]]:
    """What a text has besides words: placeholders with their formats, tags, and what plots and labels typeset."""
    try:
        fields = [part[1:] for part in string.Formatter().parse(text) if part[1] is not None]
    except ValueError:  # a single brace
        fields = [(text, "", "")]
    return sorted(map(str, fields)), sorted(MARKS.findall(text))

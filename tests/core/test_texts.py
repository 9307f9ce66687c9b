"""Texts in other languages: which catalogue counts, and that a bad one leaves English and breaks nothing."""

import pytest
from babel.messages.pofile import read_po

from latent_widgets.core.texts import Catalogues, asked_languages, tr, trn
from tests.texts import TEMPLATE, texts_in_sources

POLISH = "Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
MOVES = """
msgid "{count} move"
msgid_plural "{count} moves"
msgstr[0] "jeden ruch"
msgstr[1] "{count} ruchy"
msgstr[2] "{count} ruchów"
"""


@pytest.fixture
def texts(tmp_path):
    """Writes a catalogue and reads it."""

    def write(body, language="de", head="Language-Team: none"):
        text = f'msgid ""\nmsgstr ""\n"{head}\\n"\n\n{body}'
        (tmp_path / f"{language}.po").write_text(text, encoding="utf-8")
        return Catalogues([tmp_path]).texts([language])

    return write


@pytest.fixture
def pair():
    """Makes an entry of a catalogue."""
    return lambda text, said: f'msgid "{text}"\nmsgstr "{said}"\n\n'


def test_text_without_a_catalogue_is_what_stands_in_the_source():
    assert tr("undo") == "undo"
    assert tr("") == ""
    assert tr('{"a": 1}') == '{"a": 1}'  # nothing is put in, so nothing is a place
    assert tr("{share:.1f} % of {name}", share=12.34, name="{x}") == "12.3 % of {x}"
    assert [trn("one move", "{count} moves", n) for n in (0, 1, 2)] == ["0 moves", "one move", "2 moves"]
    assert trn("{count} {of}", "{count} {of}s", 3, of="walk") == "3 walks"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["de_AT.UTF-8"], "de_at"),
        (["de-AT"], "de_at"),
        (["de_CH.UTF-8@euro"], "de"),
        (["de"], "de"),
        (["xx", "PL"], "pl"),
        (["pt_BR"], "pt_br"),
        (["pt"], None),
        (["xx"], None),
        (["C"], None),
        (["POSIX", "de"], None),  # who asks for English first has it
        (["en_GB.UTF-8", "de"], None),
        ([""], None),
        ([], None),
    ],
)
def test_first_language_with_a_catalogue_counts(tmp_path, pair, asked, found):
    for name in ("de", "de_AT", "pl", "pt-BR"):
        said = name.replace("-", "_").lower()
        (tmp_path / f"{name}.po").write_text(pair("undo", said), encoding="utf-8")
    assert Catalogues([tmp_path]).texts(asked).gettext("undo") == (found or "undo")


def test_catalogue_of_the_later_folder_counts(tmp_path, pair):
    folders = [tmp_path / "ours", tmp_path / "mine", tmp_path / "nowhere"]
    for folder in folders[:2]:
        folder.mkdir()
        (folder / "de.po").write_text(pair("undo", folder.name), encoding="utf-8")
    (folders[0] / "pl.po").write_text(pair("undo", "cofnij"), encoding="utf-8")
    found = Catalogues(folders)
    assert [found.texts([name]).gettext("undo") for name in ("de", "pl")] == ["mine", "cofnij"]


@pytest.mark.parametrize(
    ("environment", "languages"),
    [
        ({"LATENT_WIDGETS_LANGUAGE": "fr", "LANGUAGE": "de", "LANG": "C"}, ["fr"]),
        ({"LANGUAGE": "xx:de", "LC_ALL": "en_GB"}, ["xx", "de"]),
        ({"LANGUAGE": "", "LC_ALL": "de_AT.UTF-8"}, ["de_AT.UTF-8"]),
        ({"LC_MESSAGES": "pl_PL", "LANG": "C"}, ["pl_PL"]),
        ({"LANG": "C.UTF-8"}, ["C.UTF-8"]),
        ({}, [""]),
    ],
)
def test_environment_says_which_language(environment, languages):
    assert asked_languages(environment) == languages


@pytest.mark.parametrize(
    "data",
    [
        b"garbage",
        b"\xff\xfe\x00",
        b'msgid ""\nmsgstr "Content-Type: text/plain; charset=nonsense\\n"\n',
        b'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=n/0;\\n"\n',
        b'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=n%(n-7);\\n"\n',
        b'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=open;\\n"\n',
        b'msgid ""\nmsgstr "Plural-Forms: nplurals=some; plural=0;\\n"\n',
        b'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "y"\nmsgstr[5] "z"\n',
    ],
)
def test_damaged_catalogue_leaves_english(tmp_path, data):
    (tmp_path / "de.po").write_bytes(data)
    with pytest.warns(UserWarning, match=r"de\.po is no catalogue of texts, so they are in English: "):
        found = Catalogues([tmp_path]).texts(["de"])
    assert (found.gettext("undo"), found.ngettext("one", "many", 7)) == ("undo", "many")


def test_folder_in_place_of_a_catalogue_leaves_english(tmp_path):
    (tmp_path / "de.po").mkdir()
    with pytest.warns(UserWarning, match=r"de\.po is no catalogue"):
        assert Catalogues([tmp_path]).texts(["de"]).gettext("undo") == "undo"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("to {path}", "nach {pfad}"),
        ("to {path}", "dorthin"),
        ("to {path}", "nach {path} {path}"),
        ("to {path}", "nach {path.__class__}"),
        ("to {path}", "nach {path!r}"),
        ("to {path}", "nach {path"),
        ("to {path}", "nach }"),
        ("{share:.3g} %", "{share:.9f} %"),
        ("save", "{path}"),
        ("<b>old</b>", "alt"),
        ("<b>old</b>", "<b>alt</i>"),
        ("old", "<script>alt</script>"),
        ("old", "<img src=x onerror=alert(1) "),  # which would end with the next tag on the page
        ("<b>old</b>", "<b onclick=alert(1)>alt</b>"),
        ("old", "$alt$"),
        ("old", "\\\\(alt"),
    ],
)
def test_translation_with_other_places_or_tags_leaves_english(texts, pair, text, said):
    with pytest.warns(UserWarning, match=r"1 texts of de\.po stay in English: their placeholders or tags are others"):
        found = texts(pair(text, said) + pair("undo", "zurück"))
    assert (found.gettext(text), found.gettext("undo")) == (text, "zurück")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{region}: {share:.3g} %", "{share:.3g} % von {region}"),
        ("<b>{done} of {total}</b> done", "fertig: <b>{total}, davon {done}</b>"),
    ],
)
def test_translation_orders_places_and_tags_as_it_likes(texts, pair, text, said):
    assert texts(pair(text, said)).gettext(text) == said


@pytest.mark.parametrize(
    ("language", "head"),
    [("pl", POLISH), ("pl", "Language-Team: none"), ("pl", f'Language: \\n"\n"{POLISH}'), ("xx", POLISH)],
)
def test_language_has_as_many_plural_forms_as_it_says_or_as_babel_knows(texts, language, head):
    found = texts(MOVES, language, head)
    said = [found.ngettext("{count} move", "{count} moves", n).format(count=n) for n in (1, 2, 5, 12, 22)]
    assert said == ["jeden ruch", "2 ruchy", "5 ruchów", "12 ruchów", "22 ruchy"]


def test_plural_form_with_another_place_leaves_english(texts):
    with pytest.warns(UserWarning, match="stay in English"):
        found = texts(MOVES.replace("{count} ruchów", "{number} ruchów"), "pl")
    assert found.ngettext("{count} move", "{count} moves", 5) == "{count} moves"


def test_what_is_not_translated_or_not_sure_is_english(texts, pair):
    found = texts(f"{pair('undo', '')}#, fuzzy\n{pair('redo', 'wieder')}{pair('save', 'sichern')}")
    assert [found.gettext(text) for text in ("undo", "redo", "save", "load")] == ["undo", "redo", "sichern", "load"]


def test_catalogue_may_begin_with_a_mark_and_end_lines_as_windows_does(tmp_path, pair):
    (tmp_path / "de.po").write_bytes(b"\xef\xbb\xbf" + pair("undo", "zurück").replace("\n", "\r\n").encode())
    assert Catalogues([tmp_path]).texts(["de"]).gettext("undo") == "zurück"


# ---- the template


def test_template_has_what_the_sources_say():
    with TEMPLATE.open("rb") as file:
        template = read_po(file, abort_invalid=True)
    ids = {message.id for message in template if message.id}
    assert ids == texts_in_sources(), "run: make texts"


def test_template_does_not_change_from_day_to_day():
    text = TEMPLATE.read_text(encoding="utf-8")
    assert "POT-Creation-Date" not in text
    assert "Generated-By" not in text
    assert ", python-format" not in text  # "% of" is none

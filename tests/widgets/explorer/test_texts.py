"""Every text of the explorer and its pages comes from the catalogue, so that another language is a file."""

import pytest

from tests import literals as _literals
from tests.literals import literals
from tests.texts import pseudo, spoken, untranslated

EXPLORER = "latent_widgets/widgets/explorer"
# Modules whose texts come from no catalogue yet: the list is to become empty.
NOT_YET = (f"{EXPLORER}/region/effects.py", f"{EXPLORER}/screen", f"{EXPLORER}/sliders/bar.py")
# What is no text: names of generators, directions, methods, parts and spaces, units, programs.
NO_TEXT = (
    "tiny", "lower", "upper", "region", r"(?:random|region) \d+", "random_directions", "Random directions",
    "(?i:lelsd)", "[zws]", "sd", "rms", r"(?s:import .*)",
)  # fmt: skip


def test_all_of_an_explorer_is_said_in_the_language_of_the_reader(tmp_path):
    script = f"from pathlib import Path\nfrom tests.tour import tour\ntour(Path({str(tmp_path)!r}))"
    heard, known = spoken(script, tmp_path), literals(NOT_YET)
    assert len([text for text in heard if pseudo("")[0] in text]) > 400
    assert untranslated([text for text in heard if not known.fullmatch(text)], NO_TEXT) == []


def test_texts_of_modules_are_told_as_a_whole(tmp_path, monkeypatch):
    (tmp_path / "page.py").write_text('words = f"Keep {name} for files", "undo", f"{a} of"\n', encoding="utf-8")
    monkeypatch.setattr(_literals, "ROOT", tmp_path)
    known = literals(["page.py"])
    found = [text for text in ("Keep it for files", "+ undo", "Keep it", "undo it", "two of") if known.fullmatch(text)]
    assert found == ["Keep it for files", "+ undo"]
    with pytest.raises(ValueError, match="modules must exist"):
        literals(["nowhere"])
    assert not literals([]).fullmatch("")

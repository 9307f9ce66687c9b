"""Every text of the explorer and its pages comes from the catalogue, so that another language is a file."""

from tests.texts import pseudo, spoken, untranslated

# What is no text: names of generators, directions, methods, parts and spaces, units, programs.
NO_TEXT = (
    "tiny", "lower", "upper", "region", r"(?:random|region) \d+", "random_directions", "Random directions",
    "(?i:lelsd)", "[zws]", "sd", "rms", r"(?s:import .*)",
)  # fmt: skip


def test_all_of_an_explorer_is_said_in_the_language_of_the_reader(tmp_path):
    heard = spoken(f"from pathlib import Path\nfrom tests.tour import tour\ntour(Path({str(tmp_path)!r}))", tmp_path)
    assert len([text for text in heard if pseudo("")[0] in text]) > 400
    assert untranslated(heard, NO_TEXT) == []

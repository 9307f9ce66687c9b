"""Every text of the explorer and its pages comes from the catalogue, so that another language is a file."""

import pytest

from tests.literals import literals
from tests.texts import spoken, untranslated

EXPLORER = "latent_widgets/widgets/explorer"
# Modules whose texts come from no catalogue yet: the list is to become empty.
NOT_YET = (
    "latent_widgets/widgets/jobs",
    "latent_widgets/widgets/kit",
    f"{EXPLORER}/controls.py",
    f"{EXPLORER}/explorer.py",
    f"{EXPLORER}/method_picker.py",
    f"{EXPLORER}/pages/palette.py",
    f"{EXPLORER}/pages/stack.py",
    f"{EXPLORER}/region/effects.py",
    f"{EXPLORER}/region/overlay.py",
    f"{EXPLORER}/screen",
    f"{EXPLORER}/sliders",
    f"{EXPLORER}/walk/strip.py",
    f"{EXPLORER}/walk/way.py",
)
# What is no text: names of generators, directions, methods, parts and spaces, units, names of files, programs.
NO_TEXT = (
    r"(?s:import .*)",
    r"(?:random|region) \d+",
)


def test_all_of_an_explorer_is_said_in_the_language_of_the_reader(tmp_path):
    script = f"from pathlib import Path\nfrom tests.tour import tour\ntour(Path({str(tmp_path)!r}))"
    assert untranslated(spoken(script, tmp_path), [*NO_TEXT, *literals(NOT_YET)]) == []


def test_modules_that_do_not_exist_have_no_texts():
    with pytest.raises(ValueError, match="modules must exist"):
        literals(["nowhere"])

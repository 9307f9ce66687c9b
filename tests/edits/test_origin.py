"""Edits know from which link their generator came, and let nothing else into their programs."""

import json

import pytest

from latent_widgets.edits import Edit, EditStack
from latent_widgets.edits.origin import checked, shared
from latent_widgets.generators.style import StyleGenerator

LINK = "lw.load('https://host/x.pkl?token=***', condition=torch.tensor([0.5, -1.0]), class_names=['a', 'b'])"


@pytest.fixture
def G(make_network):
    made = StyleGenerator(make_network(), "tiny")
    made.origin = LINK
    return made


def test_a_saved_edit_loads_its_generator_from_the_link_again(G, tmp_path):
    edit = Edit.of(G, seed=3)
    edit.save(tmp_path / "a.json")
    again = Edit.load(tmp_path / "a.json")
    assert again.origin == LINK
    assert f"\nG = {LINK}  # weights {G.weights_hash[:8]}\n" in again.to_python()
    assert "\nimport torch\n" in again.to_python()
    assert "\nG = mine  # weights" in again.to_python("mine")
    assert EditStack.from_json(EditStack(edit).to_json()).start.origin == LINK


@pytest.mark.parametrize(
    ("origin", "kept"),
    [
        ("lw.load('http://host/x')", True),
        ("lw.load('hf:me/faces@v1', filename='x.pkl')", True),
        ("lw.load('pip:gan-face-generate')", True),
        ("lw.load('/home/me/x.pkl')", False),
        ("lw.load('fashion32', condition=3)", False),
        ("my_generator", False),
        (None, False),
    ],
)
def test_what_everybody_has_is_kept(G, origin, kept):
    G.origin = origin
    edit = Edit.of(G)
    assert shared(origin) == edit.origin == (origin if kept else None)
    assert ("origin" in json.loads(edit.to_json())) is kept
    assert Edit.from_json(edit.to_json()).origin == edit.origin


@pytest.mark.parametrize(
    "origin",
    [
        "print('run')",
        "lw.load(print('run'))",
        "lw.load('https://host/x', name=print('run'))",
        "lw.load('https://host/x', *print('run'))",
        "lw.load('https://host/x', **print('run'))",
        "lw.load('https://host/x').eval(print('run'))",
        "lw.load('https://host/x') or print('run')",
        "lw.load('https://host/x', condition=torch.tensor(print('run')))",
        "lw.load('https://host/x', condition=torch.load('x'))",
        "lw.load('https://host/x', name=f'{print(1)}')",
        "lw.load('https://host/x')\nprint('run')",
        "lw.load(\n'https://host/x')",
        "(lw := __import__('os')).load('https://host/x')",
        "lw.load(b'https://host/x')",
        "lw.load()",
        "lw.load('x'",
        "",
        "(" * 9999,
        3,
        ["lw.load('https://host/x')"],
    ],
)
def test_nothing_else_gets_into_a_program(G, origin):
    plain = json.loads(Edit.of(G).to_json()) | {"origin": origin}
    with pytest.raises(ValueError, match=r"origin must be a call of lw.load with values written out, got "):
        Edit.from_json(json.dumps(plain))
    with pytest.raises(ValueError, match=r"origin must be a call of lw.load"):
        checked(origin)

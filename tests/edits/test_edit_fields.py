"""An edit that somebody else wrote is read as it is meant, or refused in words; nothing in it gets out of its place."""

import ast
import base64
import contextlib
import copy
import json

import numpy as np
import pytest
import torch

import latent_widgets as lw
from latent_widgets.edits import Base, Code, Edit, EditStack, Mask, Move
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.methods import random_directions, sefa
from latent_widgets.values.directions import Directions
from tests.json_places import changed, places

WRONG = [
    None, True, "no", -1, 1.5, 10**299, [], {}, [1], [[]], "\ud800\nquit()",
    {"dtype": "float32", "shape": [3], "base64": "AAAA"},
    {"dtype": "float64", "shape": [10**30], "base64": "AAAAAAAAAAA="},
    {"dtype": "bool", "shape": [3], "base64": "AAEC"}, {"dtype": ["float32"], "shape": 3, "base64": 3},
]  # fmt: skip


@pytest.fixture
def G(make_network):
    return StyleGenerator(make_network(w_dim=5), "tiny")


@pytest.fixture
def rich(G):
    """An edit with something in every field."""
    edit = Edit.of(
        G,
        seed=7,
        truncation=0.7,
        second_seed=2,
        weight=0.3,
        blend="z",
        mix_seed=5,
        mix_layers=[4],
        mask=Mask(np.eye(4)),
    )
    return edit.move(random_directions(G, k=2, layers=[0, 1]), 1, alpha=1.1, layers=[0, 3])


def test_every_field_of_an_edit_takes_its_kind_alone(G, rich):
    """Read, or refused with what and where; and what is read can be drawn, written and shown, or says why not."""
    plain = json.loads(rich.to_json())
    read = 0
    for place in places(plain):
        for wrong in WRONG:
            text = json.dumps(changed(plain, place, wrong))
            try:
                edit = Edit.from_json(text)
            except ValueError:
                continue
            read += 1
            assert Edit.from_json(edit.to_json()).to_python() == edit.to_python()
            program = ast.parse(edit.to_python())
            assert {type(line) for line in program.body} <= {ast.Import, ast.Assign}, (place, wrong)
            edit.to_python().encode()
            repr(edit).encode()
            with contextlib.suppress(ValueError, TypeError):
                edit.code(G)
    assert read > 50  # seeds, weights and names may be many things


@pytest.mark.parametrize(
    ("place", "wrong", "words"),
    [
        (("version",), True, "text must be of format 1, got True"),
        (("version",), 1.0, r"text must be of format 1, got 1\.0"),
        (("moves", 0, "enabled"), "no", "enabled must be True or False, got 'no'"),
        (("moves", 0, "alpha"), "1", "alpha must be a number, got '1'"),
        (("moves", 0, "alpha"), True, "alpha must be a number, got True"),
        (("moves",), {}, "moves must be a list, got dict"),
        (("moves", 0), [], "move must be a dict of fields, got list"),
        (("moves", 0, "direction", "names"), "a", "names must be a list, got str"),
        (("moves", 0, "direction", "method"), 3, "method must be text, got 3"),
        (("moves", 0, "direction", "weights_hash"), 3, "weights_hash must be text, got 3"),
        (("moves", 0, "direction", "generator"), [], r"generator must be text, got \[\]"),
        (("spaces",), "zw", "spaces must be a list, got str"),
        (("spaces",), ["z", 1], "spaces must be text, got 1"),
        (("weights_hash",), 5, "weights_hash must be text, got 5"),
        (("generator",), {}, r"generator must be text, got \{\}"),
        (("base",), [], "base must be a dict of fields, got list"),
        (("base", "seed"), "7", "seed must be an integer, got '7'"),
        (("base", "seed"), 10**299, "seed must be between 0 and"),
        (("mask",), [[1]], "mask must be a dict of fields, got list"),
    ],
)  # fmt: skip
def test_fields_of_a_wrong_kind_are_named(rich, place, wrong, words):
    text = json.dumps(changed(json.loads(rich.to_json()), place, wrong))
    with pytest.raises((ValueError, TypeError), match=words):
        Edit.from_json(text)


@pytest.mark.parametrize(
    ("place", "wrong", "words"),
    [
        (("entries",), "", "entries must be a list, got str"),
        (("entries", 0), [], "entry must be a dict of fields, got list"),
        (("entries", 0, "moves"), {}, "moves must be a list, got dict"),
        (("entries", 0, "name"), 3, "name must be text, got 3"),
        (("entries", 0, "enabled"), 1, "enabled must be True or False, got 1"),
        (("entries", 0, "weight"), "1", "weight must be a number, got '1'"),
        (("start",), [], "KeyError|must hold all fields of an edit"),
        (("start", "moves"), None, "moves must be a list, got NoneType"),
    ],
)
def test_fields_of_a_stack_are_named(rich, place, wrong, words):
    text = json.dumps(changed(json.loads(EditStack(rich).push(rich).to_json()), place, wrong))
    with pytest.raises(ValueError, match=words):
        EditStack.from_json(text)


@pytest.mark.parametrize("read", [Edit.from_json, EditStack.from_json])
def test_text_that_is_no_json_of_ours_is_refused_in_words(read):
    for text in ("", "nan", "[" * 100_000, '{"a":' * 100_000, "\ud800", '{"format": "latent_widgets.edit"', "9" * 5000):
        with pytest.raises(ValueError, match=r"of an edit(_stack)?,? must be JSON, got|must be the JSON of an edit"):
            read(text)
    for none in (None, b"{}", 3):
        with pytest.raises(TypeError, match="text must be the JSON of an edit"):
            read(none)


def test_values_of_a_wrong_kind_are_refused_without_a_file(G):
    D = Directions(torch.eye(3), "w")
    for make, words in [
        (lambda: Edit(base=7), "base must be a Base, got int"),
        (lambda: Edit(generator=G), "generator must be text"),
        (lambda: EditStack(Edit()).push([D]), "moves must be Move values"),
        (lambda: Directions(torch.eye(3), "w", method=3), "method must be text, got 3"),
        (lambda: Directions(torch.eye(3), "w", names="abc"), r"names must be a list of labels, got the text 'abc'\."),
        (lambda: Directions(torch.eye(3), "w", scores={1: torch.ones(3)}), "scores must be text, got 1"),
    ]:
        with pytest.raises(TypeError, match=words):
            make()


# ---- programs

EVIL = "x')\nimport os; os.abort()\n#\"\"\"'''\u2028\u202e\\"


def test_nothing_of_a_file_leaves_its_place_in_a_program(rich):
    plain = json.loads(rich.to_json())
    direction = plain["moves"][0]["direction"]
    plain |= {"generator": EVIL, "weights_hash": "\n" + EVIL}
    direction |= {"names": [EVIL], "method": EVIL, "generator": EVIL, "weights_hash": "\n" + EVIL}
    direction["parameters"] = {EVIL: [EVIL, {EVIL: EVIL}]}
    program = ast.parse(Edit.from_json(json.dumps(plain)).to_python())
    calls = {ast.unparse(node.func) for node in ast.walk(program) if isinstance(node, ast.Call)}
    calls -= {call for call in calls if call.startswith("torch.frombuffer(bytearray(") and call.endswith(".reshape")}
    assert calls <= {
        "lw.load", "lw.Edit.of", "edit.move", "edit.apply", "lw.Directions", "lw.Mask", "bytearray", "base64.b64decode",
        "torch.frombuffer", "zlib.decompress",
    }  # fmt: skip
    assert not any(isinstance(node, ast.Import) and node.names[0].name == "os" for node in ast.walk(program))


@pytest.mark.parametrize(
    "method", ["load", "fit_glo", "Edit", "methods", "ganspace_", "ｇanspace", "ganspace\n", "lelsd"]
)
@pytest.mark.parametrize("parameters", [{}, {"k": 2}])
def test_a_program_computes_by_known_methods_alone(rich, method, parameters):
    plain = json.loads(rich.to_json())
    plain["moves"][0]["direction"] |= {"method": method, "parameters": parameters}
    assert "lw.Directions(" in Edit.from_json(json.dumps(plain)).to_python()
    plain["moves"][0]["direction"] |= {"method": "ganspace", "parameters": parameters | {"on_step": 1}}
    assert "lw.Directions(" in Edit.from_json(json.dumps(plain)).to_python()


def test_what_a_method_can_find_again_is_computed_in_the_program(G):
    for D in (random_directions(G, k=2), sefa(G, k=2)):
        assert D.rows is not None
        program = Edit.of(G).move(D, 1).to_python()
        assert f" = lw.{D.method}(G, " in program
        assert "base64" not in program
        assert callable(getattr(lw, D.method))


def test_halves_of_letters_become_whole(G):
    D = Directions(torch.eye(5), "w", names=["a\ud800", "b", "c", "d", "e"], method="m\udfff")
    edit = Edit.of(G).move(D, 0)
    assert edit.moves[0].name == "a\ufffd"
    for text in (repr(edit), edit.to_python(), edit.to_json(), repr(D)):
        text.encode()
    assert EditStack(edit).push(edit, "n\udc00").entries[0].name == "n\ufffd"
    assert Edit(generator="g\ud812").generator == "g\ufffd"


def test_codes_and_masks_of_a_file_are_bounded_by_it():
    plain = json.loads(Edit(Base(code=Code(torch.zeros(4), "w"))).to_json())
    for shape in ([10**9, 10**9], [-1], [4.0], ["4"], 4, [2**63], [True, 4]):
        wrong = copy.deepcopy(plain)
        wrong["base"]["code"]["tensor"]["shape"] = shape
        if shape == [True, 4]:
            wrong["base"]["code"]["space"] = "w+"
            continue
        with pytest.raises(ValueError, match="tensor must be a tensor as dtype, shape and base64, got"):
            Edit.from_json(json.dumps(wrong))
    wrong = copy.deepcopy(plain)
    wrong["mask"] = {"tensor": {"dtype": "bool", "shape": [1, 3], "base64": base64.b64encode(b"\0\1\2").decode()}}
    with pytest.raises(ValueError, match="tensor must be a tensor as dtype, shape and base64"):
        Edit.from_json(json.dumps(wrong))


def test_a_move_of_a_file_may_have_any_name(G):
    D = Directions(torch.eye(5, dtype=torch.float64), "w", names=[EVIL, "b", "c", "d", "e"])
    edit = Edit.of(G).move(D, 0, alpha=0.5)
    names = {"G0": G}
    exec(edit.to_python(load="G0"), names)  # noqa: S102 - the program is what is tested
    assert torch.equal(names["image"], edit.apply(G))
    assert isinstance(edit.moves[0], Move)

"""Programs of edits draw the same picture to the last bit, and run nothing that a file slipped into a name."""

import json

import pytest
import torch

import latent_widgets
from latent_widgets.edits import Edit, EditStack, Move
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.methods import ganspace
from latent_widgets.values.directions import Directions


@pytest.fixture
def G(make_network):
    return StyleGenerator(make_network(w_dim=5), "tiny")


@pytest.fixture
def picture():
    """Runs the program of an edit."""

    def run(edit, G):
        names = {"G0": G}
        exec(edit.to_python(load="G0"), names)  # noqa: S102 - the program is what is tested
        return names["image"]

    return run


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_bit_of_directions_is_kept(G, picture, dtype):
    rng = torch.Generator().manual_seed(2)
    vectors, scales = torch.randn(3, 5, generator=rng, dtype=torch.float64), torch.rand(3, generator=rng) + 0.1
    G.to(dtype=dtype)
    D = Directions(
        vectors.to(dtype), "w", unit="sd", scales=(scales.double() / 3).to(dtype), names=["größe", "口", "c"]
    )
    edit = Edit.of(G, seed=4, truncation=0.7).move(D, "größe", alpha=1 / 3)
    assert torch.equal(picture(edit, G), edit.apply(G))
    assert torch.equal(Edit.from_json(edit.to_json()).apply(G), edit.apply(G))


def test_deviations_that_the_method_did_not_measure_are_written_out(G, picture):
    D = ganspace(G, k=2, samples=500)
    again = D.in_unit("latent").in_unit("sd", G)  # over another sample than GANSpace's own
    assert not torch.equal(again.scales, D.scales)
    for chosen, anew in ((D, True), (D.in_unit("latent"), True), (again, False)):
        edit = Edit.of(G, seed=1).move(chosen, 1, alpha=1.5)
        assert ("lw.ganspace(" in edit.to_python()) == anew
        assert torch.equal(picture(edit, G), edit.apply(G))


def test_directions_of_a_layer_are_found_again(plain, picture):
    D = ganspace(plain, k=2, layer="b8", samples=100)
    edit = Edit.of(plain, seed=1).move(D, 1, alpha=1.5)
    assert "lw.ganspace(G, k=2, layer='b8', samples=100, seed=0)" in edit.to_python().replace('"', "'")
    assert torch.equal(picture(edit, plain), edit.apply(plain))


def test_directions_of_a_class_are_written_out(make_network, picture):
    G = StyleGenerator(make_network(w_dim=5, c_dim=3), "tiny", 0)
    other = G.of_class(2)
    edit = Edit.of(other, seed=1).move(ganspace(other, k=2, samples=500), 0, alpha=1.5)
    assert torch.equal(picture(edit, G), edit.apply(other))  # the program's generator was loaded for class 0


@pytest.mark.parametrize("end", ["\r", "\x00", "\x0c", "\u2028", "\n"])
def test_a_label_ends_no_line(G, picture, end):
    D = Directions(torch.eye(5, dtype=torch.float64), "w", names=[f"a{end}raise SystemError", "b", "c", "d", "e"])
    edit = Edit.of(G, seed=1).move(D, 0, alpha=1.5)
    assert torch.equal(picture(edit, G), edit.apply(G))


@pytest.mark.parametrize(
    "fields",
    [{"method": "sefa", "parameters": {"k=1), print('run'": 1}}, {"method": "sefa(G), print", "parameters": {}}],
)
def test_what_a_file_calls_a_method_is_not_run(G, picture, capsys, fields):
    D = Directions(torch.eye(5, dtype=torch.float64), "w", rows=range(5), **fields)
    edit = Edit.of(G, seed=1).move(D, 0, alpha=1.5)
    assert torch.equal(picture(edit, G), edit.apply(G))
    assert "run" not in capsys.readouterr().out
    assert latent_widgets.sefa.__name__ not in edit.to_python().partition("  # ")[0]


def test_name_of_a_field_that_no_edit_has_is_shown_on_one_line():
    plain = json.loads(EditStack(Edit()).to_json())
    plain["start"]["base"]["seed\x7f\n" + 400 * "x"] = 1
    with pytest.raises(ValueError, match=r"got a wrong one: .*seed") as told:
        EditStack.from_json(json.dumps(plain))
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 400


@pytest.mark.parametrize(("name", "value"), [("more", 1), ("weight", "a")])
def test_an_entry_with_a_wrong_field_is_no_stack(name, value):
    plain = json.loads(EditStack(Edit()).push(Move.of(Directions(torch.eye(3), "w"), 0, 1.0)).to_json())
    plain["entries"][0][name] = value
    with pytest.raises(ValueError, match=f"text must hold all fields of an edit stack, got a wrong one: .*{name}"):
        EditStack.from_json(json.dumps(plain))

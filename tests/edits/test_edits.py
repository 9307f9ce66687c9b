import json
from dataclasses import replace

import pytest
import torch

import latent_widgets
from latent_widgets.edits import Base, Code, Edit, EditStack, Mask, Move
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.geometry.walks.walk import interpolate, walk
from latent_widgets.methods import random_directions
from latent_widgets.values.directions import Directions


@pytest.fixture
def G(make_network):
    return StyleGenerator(make_network(w_dim=5), "tiny")


@pytest.fixture
def D(G):
    return random_directions(G, k=4, seed=3)


@pytest.fixture
def rich(G, D):
    """An edit with something of everything."""
    own = Directions(torch.randn(2, 5, generator=torch.Generator().manual_seed(8)), "w", names=["a", "b"])
    turn = Directions(torch.randn(1, 7, generator=torch.Generator().manual_seed(9)), "z", unit="degrees")
    edit = Edit.of(
        G, seed=7, truncation=0.7, second_seed=2, weight=0.3, blend="z", mix_seed=5, mix_layers=[4, 5],
        mask=Mask(torch.rand(8, 12, generator=torch.Generator().manual_seed(1)) > 0.4),
    )  # fmt: skip
    edit = edit.move(D, 2, alpha=1.1, layers=[0, 3]).move(own, "b", alpha=-0.7)
    return edit.move(turn, alpha=25.0, kind="density").move(D, 0, alpha=9.0, enabled=False)


def test_edit_without_moves_is_the_seed(G, plain):
    for generator in (G, plain):
        code = Edit.of(generator, seed=4, truncation=0.6).code(generator)
        assert torch.equal(code.tensor, generator.code(4, 0.6))
        assert (code.space, code.seed, code.truncation) == (generator.main_space, 4, 0.6)


def test_picture_is_that_of_the_code(G, rich):
    edit = replace(rich, mask=None)
    code = edit.code(G)
    image = edit.apply(G)
    assert image.shape == (1, 3, 16, 16)
    assert torch.equal(image, G.synthesize(code.tensor[None], code.space))
    assert code.space == "w+"
    assert code.seed is None


def test_moves_add(G, D):
    edit = Edit.of(G, seed=1).move(D, 0, alpha=2.0).move(D, "random 3", alpha=-1.0)
    expected = G.code(1) + 2 * D.scales[0] * D.vectors[0] - D.scales[2] * D.vectors[2]
    torch.testing.assert_close(edit.code(G).tensor, expected)
    assert edit.code(G).space == "w"
    swapped = replace(edit, moves=edit.moves[::-1])
    torch.testing.assert_close(swapped.code(G).tensor, expected)


def test_a_walk_passes_through_the_edit(G, D):
    edit = Edit.of(G, seed=1).move(D, 1, alpha=1.5, layers=[2, 3])
    assert torch.equal(walk(G, G.code(1), D, at=[0.0, 1.5], index=1, layers=[2, 3]).codes[1], edit.code(G).tensor)


def test_layers_change_only_those_rows(G, D):
    edit = Edit.of(G, seed=1).move(D, 0, alpha=2.0, layers=[1, 2, 4])
    by_hand = G.broadcast(G.code(1))
    by_hand[:, [1, 2, 4]] += 2 * D.scales[0] * D.vectors[0]
    torch.testing.assert_close(edit.code(G).tensor, by_hand[0])
    torch.testing.assert_close(edit.apply(G), G.synthesize(by_hand))
    unmoved = G.broadcast(G.code(1))[0]
    assert torch.equal(edit.code(G).tensor[[0, 3, 5]], unmoved[[0, 3, 5]])


def test_blend_in_w_is_a_line_and_in_z_a_circle(G, plain):
    line = Edit.of(G, seed=1, second_seed=2, weight=0.25, truncation=0.8).code(G).tensor
    torch.testing.assert_close(line, 0.75 * G.code(1, 0.8) + 0.25 * G.code(2, 0.8))
    a, b = G.sample_z(1, 1)[0], G.sample_z(1, 2)[0]
    circle = Edit.of(G, seed=1, second_seed=2, weight=0.25, truncation=0.8, blend="z").code(G).tensor
    torch.testing.assert_close(circle, G.map(interpolate(a, b, 0.25, "great-circle"), 0.8))
    a, b = plain.sample_z(1, 1)[0], plain.sample_z(1, 2)[0]
    only = Edit.of(plain, seed=1, second_seed=2, weight=0.25).code(plain).tensor
    torch.testing.assert_close(only, interpolate(a, b, 0.25, "great-circle"))


def test_mixing_takes_rows_from_another_seed(G, D):
    code = Edit.of(G, seed=1, truncation=0.5, mix_seed=9, mix_layers=[0, 5]).code(G)
    expected = G.broadcast(G.code(1, 0.5))[0]
    expected[[0, 5]] = G.code(9, 0.5)
    torch.testing.assert_close(code.tensor, expected)


def test_edit_of_a_code(G, D):
    rows = G.broadcast(G.code(3))[0] + torch.linspace(0, 1, 6)[:, None]
    edit = Edit.of(G, code=Code(rows, "w+")).move(D, 0, alpha=1.0)
    torch.testing.assert_close(edit.code(G).tensor, rows + D.scales[0] * D.vectors[0])
    half = Edit.of(G, code=Code(rows, "w+"), truncation=0.5).code(G).tensor
    torch.testing.assert_close(half, (rows + G.w_avg) / 2)
    blended = Edit.of(G, code=Code(rows, "w+"), second_seed=1, weight=1.0).code(G).tensor
    torch.testing.assert_close(blended, G.broadcast(G.code(1))[0])
    z = G.sample_z(1, 6)[0]
    torch.testing.assert_close(Edit.of(G, code=Code(z, "z"), truncation=0.7).code(G).tensor, G.code(6, 0.7))


def test_moves_in_z_come_before_the_mapping(G):
    u = Directions(torch.eye(7, dtype=torch.float64), "z")
    z = G.sample_z(1, 1)[0]
    edit = Edit.of(G, seed=1, truncation=0.7).move(u, 3, alpha=2.0)
    torch.testing.assert_close(edit.code(G).tensor, G.map(z + 2 * u.vectors[3], 0.7))
    turned = Edit.of(G, seed=1).move(u, 3, alpha=90.0, kind="density")
    assert turned.moves[0].unit == "latent"
    quarter = Edit.of(G, seed=1).move(u.in_unit("degrees"), 3, alpha=90.0, kind="density").code(G).tensor
    sideways = u.vectors[3] - z * z[3] / z.square().sum()
    torch.testing.assert_close(quarter, G.map(sideways / sideways.norm() * z.norm()))


def test_moves_on_a_generator_with_z_only(plain):
    D = random_directions(plain, k=2, seed=0)
    edit = Edit.of(plain, seed=1, truncation=0.5).move(D, 1, alpha=3.0)
    torch.testing.assert_close(edit.code(plain).tensor, plain.sample_z(1, 1)[0] / 2 + 3 * D.vectors[1])
    density = Edit.of(plain, seed=1).move(D, 1, alpha=3.0, kind="density").code(plain).tensor
    torch.testing.assert_close(density.norm(), plain.sample_z(1, 1).norm())
    assert edit.apply(plain).shape == (1, 3, 16, 16)


def test_moves_in_style_space(G):
    s = G.styles(G.broadcast(G.code(1)), "w+")[0]
    channel = Directions(torch.eye(G.s_dim), "s")
    code = Edit.of(G, seed=1).move(channel, 4, alpha=2.0).code(G)
    expected = s.clone()
    expected[4] += 2
    torch.testing.assert_close(code.tensor, expected)
    assert code.space == "s"
    start = Edit.of(G, code=Code(s, "s")).move(channel, 4, alpha=2.0)
    torch.testing.assert_close(start.code(G).tensor, expected)


def test_mask_shows_the_moves_only_inside(G, D):
    inside = torch.zeros(16, 16, dtype=torch.bool)
    inside[4:9, 2:12] = True
    edit = Edit.of(G, seed=1, mask=Mask(inside)).move(D, 0, alpha=3.0)
    image, before, after = edit.apply(G), G.synthesize(G.code(1)), replace(edit, mask=None).apply(G)
    torch.testing.assert_close(image[..., inside], after[..., inside])
    assert torch.equal(image[..., ~inside], before[..., ~inside])
    assert (after - before)[..., ~inside].abs().max() > 0.01


def test_json_replays_bit_for_bit_on_a_rebuilt_generator(G, rich, make_network, tmp_path):
    text = rich.to_json()
    back = Edit.from_json(text)
    assert back.to_json() == text
    rebuilt = StyleGenerator(make_network(w_dim=5), "tiny")
    assert torch.equal(back.code(rebuilt).tensor, rich.code(G).tensor)
    assert torch.equal(back.apply(rebuilt), rich.apply(G))
    rich.save(tmp_path / "edit.json")
    assert Edit.load(tmp_path / "edit.json").to_json() == text


def test_json_keeps_every_field(rich):
    back = Edit.from_json(rich.to_json())
    assert (back.generator, back.weights_hash, back.spaces) == ("tiny", rich.weights_hash, ("z", "w", "w+", "s"))
    assert (back.base.seed, back.base.truncation, back.base.mix_layers) == (7, 0.7, (4, 5))
    assert [(m.alpha, m.kind, m.enabled, m.rows, m.name) for m in back.moves] == [
        (m.alpha, m.kind, m.enabled, m.rows, m.name) for m in rich.moves
    ]
    assert all(
        torch.equal(a.direction.vectors, b.direction.vectors) for a, b in zip(back.moves, rich.moves, strict=True)
    )
    assert back.moves[0].direction.rows == (2,)
    assert torch.equal(back.mask.tensor, rich.mask.tensor)


def test_json_keeps_codes_of_any_type(G):
    for dtype in (torch.float16, torch.float32, torch.float64):
        code = Code(torch.full((5,), 1 / 3, dtype=dtype), "w", seed=2, truncation=0.3)
        back = Edit.from_json(Edit.of(G, code=code).to_json()).base.code
        assert torch.equal(back.tensor, code.tensor)
        assert (back.tensor.dtype, back.space, back.seed, back.truncation) == (dtype, "w", 2, 0.3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plain: "{", "the text of an edit must be JSON, got something else"),
        (lambda plain: "[1]", r"text must be the JSON of an edit, got '\[1\]'"),
        (lambda plain: plain | {"format": "latent_widgets.edit_stack"}, "text must be the JSON of an edit"),
        (lambda plain: plain | {"version": 2}, "text must be of format 1, got 2"),
        (
            lambda plain: {k: v for k, v in plain.items() if k != "moves"},
            "of an edit, got a wrong one: 'moves'",
        ),
        (lambda plain: plain | {"base": {"code": None, "sed": 1}}, "got a wrong one: .*'sed'"),
        (lambda plain: plain | {"base": {"code": None, "seed": -1}}, "seed must be between 0 and"),
    ],
)
def test_other_text_is_refused(G, D, change, message):
    changed = change(json.loads(Edit.of(G, seed=1).move(D).to_json()))
    with pytest.raises(ValueError, match=message):
        Edit.from_json(changed if isinstance(changed, str) else json.dumps(changed))


def test_program_draws_the_same_picture(G, rich, D, monkeypatch):
    for name, value in {
        "load": lambda name: {"tiny": G}[name],
        "Edit": Edit, "Code": Code, "Mask": Mask, "Directions": Directions, "random_directions": random_directions,
    }.items():  # fmt: skip
        monkeypatch.setattr(latent_widgets, name, value, raising=False)
    of_code = Edit.of(G, code=Code(G.code(3).float(), "w")).move(D, 1, alpha=0.1).move(D, 3, alpha=1 / 3)
    converted = Edit.of(G, seed=0).move(D.in_unit("latent"), 2, alpha=0.5)
    mask = torch.zeros(16, 16)
    mask[4:9, 3:12] = 1.0
    painted = Edit.of(G, seed=2, mask=Mask(mask)).move(D, 0, alpha=1.5)
    assert len(painted.to_python()) < 600  # the 1024 bytes of the mask are not written out one by one
    for edit in (rich, of_code, converted, painted, Edit.of(G, seed=5, truncation=0.9)):
        program = edit.to_python()
        names = {}
        exec(program, names)  # noqa: S102 - the program is what is tested
        assert torch.equal(names["image"], edit.apply(G))
        assert names["edit"].weights_hash == G.weights_hash


def test_program_computes_directions_anew_where_it_can(G, D, rich):
    program = Edit.of(G, seed=5).move(D, 1, alpha=0.5).move(D.rename(2, "smile"), "smile", alpha=1.0).to_python()
    assert "lw.random_directions(G, k=4, space='w', orthogonal=True, layers=None, seed=3).in_unit('sd', G)" in program
    assert "edit = edit.move(D1, 2, alpha=1.0)  # smile" in program
    assert "torch" not in program
    assert program.count("random_directions(") == 1
    assert "base64" in rich.to_python()
    assert "G = my_generator  # weights" in rich.to_python(load="my_generator")
    foreign = D.adopt(StyleGenerator(G.module, "tiny"))
    assert "random_directions(" in Edit().move(foreign).to_python()


def test_foreign_generators_are_refused(G, D, make_network, plain):
    edit = Edit.of(G, seed=1).move(D, 0, alpha=1.0)
    other = StyleGenerator(make_network(seed=1, w_dim=5), "other")
    words = rf"got another name \('tiny', here 'other'\); weights hash \({G.weights_hash[:8]}, here "
    with pytest.raises(ValueError, match=rf"edit must be replayed on .*, {words}.*\)\. Use adopt=True to replay"):
        edit.apply(other)
    assert edit.apply(other, adopt=True).shape == (1, 3, 16, 16)
    with pytest.raises(ValueError, match=r"; spaces \(z, w, w\+, s, here z\)\. Use adopt=True"):
        edit.code(plain)
    with pytest.raises(ValueError, match=r"got another space \(w, here z\) for the move along 'random 1'"):
        edit.code(plain, adopt=True)
    with pytest.raises(ValueError, match="belong to the generator of the edit, 'tiny', got some for 'other'"):
        edit.move(random_directions(other, k=2))


@pytest.mark.parametrize(
    ("base", "error", "message"),
    [
        ({"seed": 1.5}, TypeError, r"seed must be an integer, got 1\.5"),
        ({"seed": -1}, ValueError, "seed must be between 0 and"),
        ({"second_seed": "a"}, TypeError, "second_seed must be an integer, got 'a'"),
        ({"weight": 1.5}, ValueError, r"weight must be between 0 and 1, got 1\.5"),
        ({"truncation": float("nan")}, ValueError, "truncation must be finite, got nan"),
        ({"blend": "x"}, ValueError, "blend must be one of 'z', 'w', got 'x'"),
        ({"code": torch.zeros(5)}, TypeError, r"code must be a Code, got Tensor\. Use Code\(tensor, space\)"),
        ({"code": Code(torch.zeros(5), "w"), "seed": 1}, ValueError, "seed must be None beside a code, got 1"),
        ({"mix_seed": 1}, ValueError, r"mix_seed and mix_layers must come together, got 1 and \(\)"),
        ({"mix_layers": [1]}, ValueError, r"mix_seed and mix_layers must come together, got None and \(1,\)"),
        ({"sed": 1}, TypeError, r"Edit.of must be given known keywords, got 'sed'\. Did you mean 'seed'"),
        ({"mask": torch.ones(2, 2)}, TypeError, r"mask must be a Mask, got Tensor\. Use Mask\(array\)"),
    ],
)
def test_starts_that_contradict_themselves_are_refused(G, base, error, message):
    with pytest.raises(error, match=message):
        Edit.of(G, **base)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ({"mix_seed": 1, "mix_layers": [6]}, "mix_layers must be between 0 and 5, got 6"),
        ({"code": Code(torch.zeros(9), "w")}, r"code must have shape \(n, 5\) or \(5,\), got \(9,\)"),
        (
            {"code": Code(torch.zeros(5), "w"), "second_seed": 1, "blend": "z"},
            "blend must be 'w' for a code in w, got 'z'",
        ),
        ({"code": Code(torch.ones(33), "s"), "second_seed": 1}, "blend must be 'z' for a code in s, got 'w'"),
        ({"code": Code(torch.ones(33), "s"), "truncation": 0.5}, r"truncation must be 1 for a code in s, got 0\.5"),
        (
            {"code": Code(torch.ones(33), "s"), "mix_seed": 1, "mix_layers": [1]},
            r"mix_layers must be empty in s, got \[1\]",
        ),
    ],
)
def test_starts_that_do_not_fit_are_refused(G, base, message):
    assert G.s_dim == 33
    with pytest.raises(ValueError, match=message):
        Edit.of(G, **base).code(G)


def test_layers_need_w_plus(plain, D):
    u = random_directions(plain, k=2)
    with pytest.raises(ValueError, match=r"layers must be None in z, got \[0, 1\]\. Only w and w\+ go into the layers"):
        Edit.of(plain).move(u, 0, layers=[0, 1])
    with pytest.raises(ValueError, match=r"mix_layers must be empty in z, got \[0\]"):
        Edit.of(plain, mix_seed=1, mix_layers=[0]).code(plain)
    with pytest.raises(ValueError, match="blend must be 'z' for a code in z, got 'w'"):
        Edit.of(plain, second_seed=1, blend="w").code(plain)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"alpha": float("inf")}, ValueError, "alpha must be finite, got inf"),
        ({"kind": "density"}, ValueError, r"kind must be one of 'linear', got 'density'\. This is what there is in w"),
        ({"index": "smile"}, ValueError, "name must be one of"),
        ({"layer": [1]}, TypeError, r"move must be given known keywords, got 'layer'\. Did you mean 'layers'"),
        ({"layers": [-1]}, ValueError, "layers must be at least 0, got -1"),
    ],
)
def test_moves_that_do_not_exist_are_refused(G, D, options, error, message):
    with pytest.raises(error, match=message):
        Edit.of(G).move(D, **options)


def test_moves_that_do_not_fit_are_refused(G, D, plain):
    with pytest.raises(ValueError, match=r"direction must be a single one, got 4\. Use Move.of"):
        Move(D, 1.0)
    with pytest.raises(TypeError, match="moves must be Move values"):
        Edit(moves=(D,))
    with pytest.raises(ValueError, match="layers must be between 0 and 5, got 6"):
        Edit.of(G).move(D, layers=[6]).code(G)
    u = Directions(torch.eye(7), "z")
    with pytest.raises(ValueError, match="base must start in z for a move in z, got one that starts later"):
        Edit.of(G, second_seed=2).move(u).code(G)
    with pytest.raises(ValueError, match="base must be in w or w\\+ for a move in w, got one in s"):
        Edit.of(G, code=Code(torch.ones(33), "s")).move(D).code(G)
    with pytest.raises(ValueError, match=r"got another space \(s, here z\)"):
        Edit.of(plain).move(Directions(torch.eye(5), "s")).code(plain)


def test_values_are_equal_only_to_themselves(G, D):
    a, b = Edit.of(G).move(D), Edit.of(G).move(D)
    assert a == a
    assert a != b
    assert len({a, b, a.base, b.base, *a.moves, *b.moves}) == 6
    assert repr(Edit.of(G, code=Code(torch.zeros(5), "w"))) == "<Edit of a code in w on tiny: no moves>"


def test_stack_is_the_sum_of_its_weighted_entries(G, D):
    start = Edit.of(G, seed=2).move(D, 3, alpha=0.5)
    pair = Edit.of(G).move(D, 1, 1.0).move(D, 2, -1.0)
    stack = EditStack(start).push(Move.of(D, 0, 2.0), "hair").push(pair, weight=0.5)
    stack = stack.push([Move.of(D, 0, 7.0)], "off").enable(2, False)
    expected = G.code(2) + 0.5 * D.scales[3] * D.vectors[3] + 2 * D.scales[0] * D.vectors[0]
    expected = expected + 0.5 * (D.scales[1] * D.vectors[1] - D.scales[2] * D.vectors[2])
    torch.testing.assert_close(stack.edit.code(G).tensor, expected)
    assert torch.equal(stack.apply(G), stack.edit.apply(G))
    assert [entry.name for entry in stack.entries] == ["hair", "random 2, random 3", "off"]


def test_stack_methods_leave_the_old_stack_alone(D):
    history = [EditStack(Edit())]
    for i in range(3):
        history.append(history[-1].push(Move.of(D, i, 1.0), str(i)))
    stack = history[-1]
    history += [
        stack.move(0, 2),
        stack.remove(1),
        stack.weigh(2, 0.25),
        stack.enable(0, False),
        stack.replace(1, moves=[Move.of(D, 3, 4.0)], name="new"),
    ]
    names = [[entry.name for entry in s.entries] for s in history]
    assert names[:4] == [[], ["0"], ["0", "1"], ["0", "1", "2"]]
    assert names[4:] == [["1", "2", "0"], ["0", "2"], ["0", "1", "2"], ["0", "1", "2"], ["0", "new", "2"]]
    assert [m.alpha for m in history[6].edit.moves] == [1.0, 1.0, 0.25]
    assert [m.name[-1] for m in history[7].edit.moves] == ["2", "3"]
    assert history[8].edit.moves[1].alpha == 4
    assert len(stack) == 3
    assert stack.enable(0, False).enable(0).edit.to_json() == stack.edit.to_json()


def test_stack_round_trips_through_json(G, D, rich):
    stack = EditStack(rich).push(Move.of(D, 0, 1 / 3), "hair", weight=0.1).push(Move.of(D, 1, 2.0)).enable(1, False)
    back = EditStack.from_json(stack.to_json())
    assert back.to_json() == stack.to_json()
    assert torch.equal(back.apply(G), stack.apply(G))


def test_stack_refuses_what_is_not_there(D):
    stack = EditStack(Edit()).push(Move.of(D))
    with pytest.raises(ValueError, match="index must be between 0 and 0, got 1"):
        stack.remove(1)
    with pytest.raises(TypeError, match=r"replace must be given known keywords, got 'wieght'\. Did you mean 'weight'"):
        stack.replace(0, wieght=1)
    with pytest.raises(ValueError, match="text must be the JSON of an edit_stack"):
        EditStack.from_json(Edit().to_json())
    plain = json.loads(stack.to_json())
    del plain["entries"][0]["moves"]
    with pytest.raises(ValueError, match="all fields of an edit stack, got a wrong one: 'moves'"):
        EditStack.from_json(json.dumps(plain))


def test_base_is_a_value():
    assert Base().seed == 0
    assert Base(code=Code(torch.zeros(2), "z")).seed is None

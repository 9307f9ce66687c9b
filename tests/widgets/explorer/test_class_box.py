"""A conditional generator in the explorer: the class is a control, and part of the edit."""

import ipywidgets
import pytest
import torch

import latent_widgets as lw
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.widgets.explorer.controls import class_box
from tests.live_networks import SmallBigGAN, conditional_style


@pytest.fixture(params=[conditional_style, lambda: lw.load(SmallBigGAN(), condition=1)], ids=["StyleGAN2", "BigGAN"])
def G(request):
    torch.manual_seed(0)
    return request.param()


def test_a_class_is_picked_and_the_edit_replays(G):
    D = lw.random_directions(G, k=2)
    with_class = lw.LatentExplorer(G, D, seed=3, executor="inline")
    box = with_class.controls.condition
    assert (box.value, box.min, box.max) == (1, 0, G.classes - 1)
    with_class.set_alpha(0, 1.5)
    box.value = 2
    assert with_class.edit.base.condition == 2
    other = G.of_class(2)
    code = other.code(3) + 1.5 * (D.unit_vectors * D.scales[:, None])[0]
    torch.testing.assert_close(with_class.edit.apply(G), G.synthesize(code[None]))
    assert "class 2" in with_class.controls.picture.caption
    text = with_class.edit.to_json()
    assert torch.equal(lw.Edit.from_json(text).apply(G), with_class.edit.apply(G))
    assert "condition=2" in with_class.edit.to_python()
    assert torch.equal(lw.Edit.from_json(text).apply(other), with_class.edit.apply(G))  # loaded for another class
    with_class.undo()
    assert (with_class.edit.base.condition, box.value) == (1, 1)
    with_class.redo()
    with_class.reset()
    assert (with_class.edit.base.condition, box.value) == (2, 2)
    assert with_class.error is None
    with_class.close()


def test_pages_and_methods_draw_the_class(G):
    explorer = lw.LatentExplorer(G, k=1, executor="inline")
    explorer.change_base(condition=3)
    explorer.controls.page = "seeds"
    assert {key[2] for key in explorer.pages["seeds"].shown.values()} == {3}
    explorer.controls.page = "mix"
    basis = next(method for method in lw.methods() if method.name == "local_basis")
    explorer.find(basis, {"k": 1})
    wanted = lw.local_basis(G.of_class(3), G.sample_z(1, 0)[0], k=1).directions.vectors
    torch.testing.assert_close(explorer.directions.vectors, wanted)
    explorer.code = lw.Code(G.w_avg, "w")
    assert explorer.edit.base.condition == 3
    assert explorer.error is None
    explorer.close()


def test_a_code_of_another_class_is_not_known_by_its_seed_alone(G):
    assert lw.Edit.of(G, seed=3).code(G).seed == 3
    assert lw.Edit.of(G, seed=3, condition=2).code(G).seed is None


def test_named_classes_and_free_vectors():
    network = StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}, mapping_layers=1, c_dim=2)
    G = lw.load(network, condition=0, class_names=["cat", "dog"])
    box = class_box(G)
    assert isinstance(box, ipywidgets.Dropdown)
    assert (box.options, box.value) == ((("0 cat", 0), ("1 dog", 1)), 0)
    assert G.of_class(1).class_names == ("cat", "dog")
    mixed = StyleGenerator(network, "mixed", torch.tensor([0.5, 0.5]))
    assert class_box(mixed).options[0] == ("as loaded", None)
    explorer = lw.LatentExplorer(mixed, k=1, executor="inline")
    explorer.controls.condition.value = 1
    torch.testing.assert_close(explorer.edit.apply(mixed), G.of_class(1)(G.sample_z(1, 0)))
    explorer.undo()
    assert explorer.controls.condition.value is None
    explorer.close()
    with pytest.raises(ValueError, match=r"class_names must name all 2 classes, got 3"):
        lw.load(network, condition=0, class_names=["a", "b", "c"])


def test_without_classes_there_is_no_box(tiny):
    assert class_box(tiny) is None
    with pytest.raises(ValueError, match="condition must be left out for a network without classes, got 1"):
        lw.Edit.of(tiny, condition=1).apply(tiny)
    with pytest.raises(ValueError, match="condition must be at least 0, got -1"):
        lw.Edit.of(tiny, condition=-1)

"""Files of GLO that are damaged, foreign or of other sizes: refused in words before anything is made of them."""

import copy
import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import latent_widgets as lw
from latent_widgets.inversion.glo import fit_glo

SMALL = {"z_dim": 4, "resolution": 8, "channels": {4: 12, 8: 8}, "batch": 5}


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def trained(pictures):
    return fit_glo(pictures, steps=2, **SMALL)


@pytest.fixture
def spoil(pictures, tmp_path):
    """Changes the checkpoint of one step, and goes on from it."""
    file = tmp_path / "run.pt"
    fit_glo(pictures, steps=1, checkpoint=file, **SMALL)
    state = torch.load(file, weights_only=True)

    def change(change):
        changed = copy.deepcopy(state)
        change(changed)
        torch.save(changed, file)
        return fit_glo(pictures, steps=2, checkpoint=file, **SMALL)

    return change


def test_a_checkpoint_without_a_sketch_is_gone_on_from(spoil):
    assert spoil(lambda state: state.pop("sketch")).steps == 2


FOREIGN = {
    "steps that were never made": (lambda s: s.update(done=10**9), "'done' must be 1, as many as losses, got 1000"),
    "steps below zero": (lambda s: s.update(done=-1), "field 'done' must be a whole number from 0, got -1"),
    "steps as text": (lambda s: s.update(done="1"), "field 'done' must be a whole number from 0, got '1'"),
    "losses of another kind": (lambda s: s.update(losses=["a"]), "field 'losses' must be a list, a number each, got"),
    "a sketch of another kind": (lambda s: s.update(sketch=3), "field 'sketch' must be a tensor, got 3"),
    "a sketch of another type": (lambda s: s.update(sketch=s["sketch"].bool()), "got one from others"),
    "no network": (lambda s: s.pop("network"), "field 'network' must be a dict, got none"),
    "a field too many": (lambda s: s.update(more=1), "fields must be pictures, done, .* got 'more'"),
    "a tensor too few": (lambda s: s["network"].popitem(), "its tensors have other names"),
    "a tensor of another type": (
        lambda s: s["network"].update({k: v.to(torch.complex64) for k, v in s["network"].items()}),
        "b4.dense.weight is another",
    ),
    "a tensor that is none": (lambda s: s["codes"].update(weight=[1.0]), "weight is another"),
    "no moments": (lambda s: s["optimiser"].update(state={}), "its optimiser has moments of other tensors"),
    "no list of moments": (lambda s: s["optimiser"].update(state=3), "its optimiser has moments of other tensors"),
    "moments of another kind": (lambda s: s["optimiser"]["state"][0].pop("exp_avg"), "its optimiser is another"),
    "moments of other sizes": (
        lambda s: s["optimiser"]["state"][0].update(exp_avg=torch.zeros(3)),
        "its optimiser has other moments",
    ),
    "other steps": (
        lambda s: s["optimiser"]["state"][0].update(step=torch.tensor(-1.0)),
        "its optimiser has other moments",
    ),
    "other steps of the codes": (lambda s: s["code optimiser"]["state"][0].update(step=0), "has other moments"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_checkpoints_are_refused_in_words(spoil, name):
    change, why = FOREIGN[name]
    with pytest.raises(ValueError, match=f"checkpoint must .*{why}"):
        spoil(change)


def test_rates_in_a_checkpoint_are_not_taken(spoil):
    plain = spoil(lambda state: None)
    changed = spoil(lambda state: state["optimiser"]["param_groups"][0].update(betas=("a", None), eps=1e9))
    assert torch.equal(changed.codes, plain.codes)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x80\x02."])
def test_other_files_are_no_checkpoints(pictures, tmp_path, data):
    (tmp_path / "run.pt").write_bytes(data)
    with pytest.raises(ValueError, match="checkpoint must be a whole file of tensors and plain values, got"):
        fit_glo(pictures, steps=1, checkpoint=tmp_path / "run.pt", **SMALL)


ABOUT = {
    "another kind": ({"architecture": ["glo"] * 99}, r"GLO\.save wrote, got one of list"),
    "another network": ({"architecture": "dcgan"}, 'got one of "dcgan"'),
    "no configuration": ({"config": None}, "fields must be a dict, got None"),
    "a billion sizes": ({"config": {"resolution": 2**900}}, "a resolution|resolution"),
    "sizes that do not fit": ({"config": {"z_dim": 5}}, "size mismatch|Error"),
    "a huge size": ({"config": {"z_dim": 2**62}}, "."),
    "a size of text": ({"config": {"z_dim": "4"}}, "field 'z_dim' must be a whole number from 0, got '4'"),
    "a size of truth": ({"config": {"colours": True}}, "field 'colours' must be a whole number from 0, got True"),
    "channels of another kind": ({"config": {"channels": [8, 4]}}, "field 'channels' must be a dict of whole numbers"),
    "channels at no side": ({"config": {"channels": {"a": 8}}}, "invalid literal"),
    "an argument too many": (
        {"config": {"more": 1}},
        "fields must be z_dim, resolution, channels, colours, got 'more'",
    ),
    "no name": ({"name": None}, "field 'name' must be text, got None"),
    "losses of text": ({"losses": ["a"]}, "field 'losses' must be a list, a number each"),
    "steps of text": ({"steps": "1"}, "field 'steps' must be a whole number from 0"),
}


@pytest.mark.parametrize("name", ABOUT)
def test_other_descriptions_are_refused_in_words(trained, tmp_path, name):
    change, why = ABOUT[name]
    path = trained.save(tmp_path / "a.safetensors")
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["latent_widgets"])
    tensors = load_file(path)
    if isinstance(change.get("config"), dict):
        change = {"config": about["config"] | change["config"]}
    save_file(tensors, path, {"latent_widgets": json.dumps(about | change)})
    with pytest.raises(ValueError, match=f"path must be .*{why}") as caught:
        lw.GLO.load(path)
    assert type(caught.value) is ValueError
    assert len(str(caught.value)) < 400


def test_codes_of_other_sizes_are_refused(trained, tmp_path):
    path = trained.save(tmp_path / "a.safetensors")
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    for codes in (None, torch.zeros(3), torch.zeros(3, 5), torch.zeros(3, 4, dtype=torch.int64)):
        kept = {name: value for name, value in tensors.items() if name != "codes"}
        save_file(kept if codes is None else kept | {"codes": codes}, path, metadata)
        with pytest.raises(ValueError, match=r"codes must have shape \(n, 4\), got (none|shape)"):
            lw.GLO.load(path)

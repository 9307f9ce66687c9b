import copy
import math
import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latent_widgets.generators.style import StyleGenerator
from latent_widgets.values.directions import Directions, as_directions
from latent_widgets.values.units import latent_sd


@pytest.fixture
def G(make_network):
    return StyleGenerator(make_network(w_dim=5), "tiny")


@pytest.fixture
def D(G):
    vectors = torch.randn(4, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return Directions(
        vectors,
        "w",
        unit="sd",
        scales=torch.tensor([0.5, 1.0, 2.0, 4.0]),
        layers=(3, 1),
        names=["smile", "pose", "age", "hair"],
        scores={"locality": [1.0, 2.0, 3.0, 4.0]},
        method="sefa",
        parameters={"k": 4, "layers": (1, 3)},
        seed=7,
        rows=range(4),
        generator="tiny",
        weights_hash=G.weights_hash,
    )


def test_everything_follows_to_another_type():
    D = Directions(torch.eye(3)[:2], "w", scores={"s": [1.0, 2.0]}).to(dtype=torch.float64)
    assert {D.vectors.dtype, D.scales.dtype, D.scores["s"].dtype} == {torch.float64}
    with pytest.raises(ValueError, match=r"^scales must have shape \(2,\), got \(3,\)"):
        Directions(torch.eye(3)[:2], "w", scales=[1.0, 2.0, 3.0])


def test_arrays_and_traits_see_one_value(D):
    other = Directions(D.vectors, "w")
    assert D == D
    assert D != other
    assert hash(D) != hash(other)
    array = np.asarray(D)
    assert array.shape == (4, 5)
    array[:] = 0
    assert D.vectors.abs().min() > 0
    assert np.asarray(D, dtype=np.float32).dtype == np.float32


def test_vectors_do_not_follow_the_tensor_they_were_made_from():
    u = torch.ones(1, 3, requires_grad=True)
    D = Directions(u, "z")
    with torch.no_grad():
        u.zero_()
    assert D.vectors.tolist() == [[1, 1, 1]]
    assert not D.vectors.requires_grad


def test_scales_and_scores_do_not_follow_the_tensors_they_were_made_from():
    scales, scores = torch.ones(2), np.ones(2, dtype=np.float32)
    D = Directions(torch.eye(3)[:2], "z", scales=scales, scores={"a": scores})
    scales += 1
    scores += 1
    assert D.scales.tolist() == D.scores["a"].tolist() == [1, 1]


@pytest.mark.parametrize("which", [[2, 0], ["age", "smile"], (-2, "smile"), np.array([2, 0]), torch.tensor([2, 0])])
def test_subset_keeps_what_belongs_to_each_row(D, which):
    part = D[which]
    assert torch.equal(part.vectors, D.vectors[[2, 0]])
    assert part.scales.tolist() == [2.0, 0.5]
    assert part.names == ("age", "smile")
    assert part.scores["locality"].tolist() == [3.0, 1.0]
    assert part.rows == (2, 0)
    assert part.layers == (1, 3)


def test_slices_masks_and_iteration(D):
    assert D[1:3].names == D[[False, True, True, False]].names == ("pose", "age")
    assert [row.names for row in D] == [("smile",), ("pose",), ("age",), ("hair",)]
    assert D["hair"].vectors.shape == (1, 5)
    assert D.select("hair", 0).names == ("hair", "smile")
    assert D[[1, 1]].names == ("pose", "pose (2)")
    assert len(D[[]]) == 0


def test_unknown_rows_are_refused(D):
    with pytest.raises(IndexError, match="index must be below 4, the number of directions, got 4"):
        D[4]
    with pytest.raises(ValueError, match=r"name must be one of .*, got 'smil'\. Did you mean 'smile'\?"):
        D["smil"]
    with pytest.raises(TypeError, match=r"index must be an integer, got 1\.5"):
        D[1.5]


def test_rename(D):
    renamed = D.rename("pose", "turn").rename(0, "grin")
    assert renamed.names == ("grin", "turn", "age", "hair")
    assert D.names[0] == "smile"
    with pytest.raises(ValueError, match="names must be 4 different labels"):
        D.rename(0, "age")


def test_default_names_come_from_the_method():
    assert Directions(torch.eye(2), "z", method="local_basis").names == ("local basis 1", "local basis 2")
    assert Directions(torch.eye(2), "z", method="random_directions").names == ("random 1", "random 2")
    assert Directions(torch.eye(2), "z").names == ("direction 1", "direction 2")


def test_concatenation_of_parts_of_one_call_knows_its_rows(D):
    whole = Directions.concatenate([D[2:], SimpleNamespace(directions=D[:3])])
    assert torch.equal(whole.vectors, D.vectors[[2, 3, 0, 1, 2]])
    assert whole.names == ("age", "hair", "smile", "pose", "age (2)")
    assert whole.rows == (2, 3, 0, 1, 2)
    assert whole.scores["locality"].tolist() == [3, 4, 1, 2, 3]
    assert (whole.method, whole.seed) == ("sefa", 7)


def test_concatenation_of_two_methods_claims_no_call(D):
    other = Directions(
        D.vectors, "w", unit="sd", scales=D.scales, layers=(1, 3), method="b", weights_hash=D.weights_hash
    )
    whole = Directions.concatenate([D, other])
    assert (whole.rows, whole.method, whole.seed, whole.scores) == (None, "concatenate", None, {})
    assert whole.parameters == {"methods": ["sefa", "b"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "latent"}, "the same unit, got latent, sd"),
        ({"layers": None}, r"the same layers, got \(1, 3\), None"),
        ({"weights_hash": "00"}, "the same weights_hash"),
        ({"vectors": torch.eye(4, 6)}, r"the same dimension, got \(5,\), \(6,\)"),
    ],
)
def test_concatenation_refuses_what_differs(D, change, message):
    fields = {"vectors": D.vectors, "unit": "sd", "scales": D.scales, "layers": D.layers} | change
    with pytest.raises(ValueError, match=f"parts must have {message}"):
        Directions.concatenate([D, Directions(space="w", **{"weights_hash": D.weights_hash} | fields)])


def test_concatenation_of_nothing_is_refused():
    with pytest.raises(ValueError, match="parts must hold at least one Directions, got none"):
        Directions.concatenate([])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"space": "q"}, ValueError, "space must be one of 'z', 'w', 'w\\+', 's', got 'q'"),
        ({"unit": "sigma"}, ValueError, "unit must be one of 'sd', 'latent', 'degrees', 'rms', got 'sigma'"),
        ({"unit": "sd"}, ValueError, r"scales must be given for unit 'sd', got None\. latent_sd\("),
        ({"unit": "degrees"}, ValueError, "unit must be 'sd', 'latent' or 'rms' in w, got 'degrees'"),
        ({"vectors": torch.zeros(3)}, ValueError, r"vectors must have shape \(k, d\), got \(3,\)"),
        ({"space": "w+"}, ValueError, r"vectors must have shape \(k, num_layers, d\), got \(2, 3\)"),
        ({"vectors": [[1.0]]}, TypeError, "vectors must be a torch tensor, got list"),
        ({"vectors": torch.eye(2).long()}, TypeError, "vectors must be floating, got torch.int64"),
        ({"vectors": torch.tensor([[1.0, math.nan]])}, ValueError, "vectors must be finite, got 1 NaN"),
        (
            {"vectors": torch.eye(3)[[0, 0]] - torch.eye(3)[[1, 0]]},
            ValueError,
            r"must not be zero, got zero rows \[1\]",
        ),
        ({"scales": torch.ones(3)}, ValueError, r"scales must have shape \(2,\), got \(3,\)"),
        ({"scales": torch.tensor([1.0, 0.0])}, ValueError, "scales must be positive, got 0"),
        ({"scores": {"a": [1.0]}}, ValueError, r"scores\['a'\] must have shape \(2,\), got \(1,\)"),
        ({"names": ["a"]}, ValueError, r"names must be 2 different labels, got \['a'\]"),
        ({"names": ["a", "a"]}, ValueError, "names must be 2 different labels"),
        ({"names": ["a", " "]}, ValueError, r"names must be labels that can be read, got \['a', ' '\]\. One"),
        ({"names": ["a", 1]}, TypeError, "names must be strings"),
        ({"layers": 3}, TypeError, r"layers must be a list of rows of w\+, got 3\. Use \[3\]"),
        ({"layers": []}, ValueError, "layers must name at least one row"),
        ({"layers": [-1]}, ValueError, "layers must be at least 0, got -1"),
        ({"layers": [0], "space": "z"}, ValueError, r"layers must be None in z, got \[0\]"),
        ({"parameters": {"w": torch.ones(2)}}, TypeError, "parameters must be plain JSON values, got"),
        ({"rows": [1]}, ValueError, "rows must name 2 rows, one for each direction, got 1"),
    ],
)
def test_fields_that_do_not_fit_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        Directions(**{"vectors": torch.eye(2, 3), "space": "w"} | options)


def test_rows_that_do_not_act_count_neither_for_zero_nor_for_length():
    vectors = torch.zeros(1, 4, 3)
    vectors[0, 1] = torch.tensor([3.0, 0.0, 4.0])
    D = Directions(vectors, "w+", layers=[1])
    assert D.unit_vectors[0, 1].tolist() == pytest.approx([0.6, 0, 0.8])
    assert Directions(vectors, "w+").unit_vectors[0, 1].norm() == pytest.approx(2)  # root mean square over four rows: 1
    with pytest.raises(ValueError, match=r"vectors must not be zero, got zero rows \[0\]"):
        Directions(vectors, "w+", layers=[0, 2])


def test_units_convert_by_their_latent_length(G):
    D = Directions(torch.eye(5, dtype=torch.float64)[:2] * 3, "w")
    assert D.scales.tolist() == [1, 1]
    sd = D.in_unit("sd", G)
    assert torch.equal(sd.scales, latent_sd(G, torch.eye(5, dtype=torch.float64)[:2], "w"))
    assert sd.in_unit("sd") is sd
    assert sd.in_unit("latent").scales.tolist() == [1, 1]
    turn = Directions(torch.eye(9), "z").in_unit("degrees")
    assert turn.scales.tolist() == pytest.approx([3 * math.pi / 180] * 9)


def test_units_that_cannot_be_found_are_refused():
    D = Directions(torch.eye(2), "w")
    with pytest.raises(ValueError, match="G must be given to find standard deviations, got None"):
        D.in_unit("sd")
    with pytest.raises(ValueError, match=r"unit must be .* here, got 'rms'\. Only directions whose method measured it"):
        D.in_unit("rms")
    with pytest.raises(ValueError, match=r"unit must be .* in w, got 'degrees'"):
        D.in_unit("degrees")


def test_own_generator_passes(D, G, make_network):
    assert D.check(G) is D
    twin = StyleGenerator(make_network(w_dim=5), "another name")
    assert D.for_generator(twin).generator == "another name"


def test_other_generators_are_refused_with_what_differs(D, make_network, plain):
    other = StyleGenerator(make_network(seed=1, w_dim=5), "other")
    words = rf"name \('tiny', here 'other'\); weights hash \({D.weights_hash[:8]}, here {other.weights_hash[:8]}\)"
    with pytest.raises(
        ValueError, match=rf"directions must be used with .*, got another {words}\. Use directions.adopt"
    ):
        D.check(other)
    wide = StyleGenerator(make_network(seed=1, w_dim=9), "tiny")
    with pytest.raises(ValueError, match=r"weights hash \(.*\); dimension \(5, here 9\)\. They do not fit"):
        D.check(wide)
    with pytest.raises(ValueError, match=r"space \(w, here z\)"):
        D.for_generator(plain)
    with pytest.raises(ValueError, match=r"space \(w, here z\)\. They do not fit"):
        D.adopt(plain)


def test_layers_must_exist(G):
    with pytest.raises(ValueError, match=r"number of layers \(acts on 9, here the last is 5\)"):
        Directions(torch.eye(5), "w", layers=[1, 9]).check(G)
    with pytest.raises(ValueError, match=r"number of layers \(4, here 6\)"):
        Directions(torch.ones(1, 4, 5), "w+").check(G)


def test_adoption_estimates_deviations_anew(D, make_network):
    other = StyleGenerator(make_network(seed=1, w_dim=5), "other")
    adopted = D.adopt(other)
    assert adopted.check(other) is adopted
    assert torch.equal(adopted.scales, latent_sd(other, D.vectors, "w"))
    assert torch.equal(adopted.vectors, D.vectors)
    assert adopted.rows is None


def test_unbound_directions_take_the_generator(G):
    D = Directions(torch.eye(5), "z").for_generator(G, space="w")
    assert (D.space, D.generator, D.weights_hash, D.vectors.dtype) == ("w", "tiny", G.weights_hash, torch.float64)


def test_results_carry_directions(D):
    assert as_directions(D) is D
    assert as_directions(SimpleNamespace(directions=D)) is D
    for wrong in (D.vectors, SimpleNamespace(directions=lambda: D)):
        with pytest.raises(
            TypeError, match=f"basis must be Directions or a result that carries them, got {type(wrong).__name__}"
        ):
            as_directions(wrong, "basis")


def test_each_single_direction_is_made_once(D):
    singles = list(D)
    assert all(a is b for a, b in zip(singles, D, strict=True))
    assert [D[i] for i in range(len(D))] == singles
    assert D[-1] is singles[-1]
    assert D[D.names[1]] is singles[1]
    assert singles[0][0] is singles[0]
    assert list(singles[0]) == [singles[0]]


def test_a_copy_finds_its_own_single_directions(D):
    first = D[0]
    renamed = replace(D, names=[f"other {i}" for i in range(len(D))])
    assert renamed[0].names == ("other 0",)
    for copied in (copy.copy(D), copy.deepcopy(D), pickle.loads(pickle.dumps(D))):  # noqa: S301 - our own bytes
        assert copied[0] is not first
        assert torch.equal(copied[0].vectors, first.vectors)
    assert len(pickle.dumps(D)) == len(pickle.dumps(replace(D)))
    assert D.rename(0, "first")[0].names == ("first",)


def test_single_directions_made_without_gradients_can_be_differentiated():
    D = Directions(torch.eye(3), "w")
    with torch.inference_mode():
        one = D[0]
    scale = torch.ones((), requires_grad=True)
    (scale * one.vectors * one.scales).sum().backward()
    assert scale.grad == 1


def test_pickle_and_repr(D):
    back = pickle.loads(pickle.dumps(D))  # noqa: S301 - our own bytes
    assert torch.equal(back.vectors, D.vectors)
    assert repr(D) == "<Directions 4 x 5 in w: smile, pose, age, ...; unit sd; for tiny>"


def test_to_keeps_or_converts(D):
    assert D.to(dtype=torch.float64) is D
    half = D.to(dtype=torch.float32)
    assert {half.vectors.dtype, half.scales.dtype, half.scores["locality"].dtype} == {torch.float32}


def test_numbers_of_python_keep_their_digits():
    D = Directions(torch.eye(2, dtype=torch.float64), "w", scales=[0.1, 1 / 3], scores={"a": [0.1, 0.7]})
    assert D.scales.tolist() == [0.1, 1 / 3]
    assert D.scores["a"].tolist() == [0.1, 0.7]


def test_seed_of_numpy_is_saved(tmp_path):
    path = tmp_path / "x.safetensors"
    Directions(torch.eye(2), "z", seed=np.int64(3)).save(path)
    assert Directions.load(path).seed == 3
    with pytest.raises(TypeError, match=r"seed must be an integer, got 0\.5"):
        Directions(torch.eye(2), "z", seed=0.5)


def test_array_of_bfloat16():
    assert np.asarray(Directions(torch.eye(2, dtype=torch.bfloat16), "z")).tolist() == [[1, 0], [0, 1]]

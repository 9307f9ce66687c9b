"""Files of results that were changed are refused in words: nothing in them is believed."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from latent_widgets.core.files import read_safetensors
from tests.alike import alike
from tests.savers import small_basis, small_map

ORTHONORMAL = r"must have orthonormal columns"


@pytest.fixture
def spoil(tmp_path):
    """Changes what a file says, or its tensors, and loads it."""

    def load(result, said=(), given=(), missing=(), version="1", text=None, part=None):
        path = result.save(tmp_path / "result.safetensors")
        metadata = read_safetensors(path.read_bytes())[1]
        (field,) = set(metadata) - {"format", "version"}
        about = json.loads(metadata[field])
        (about if part is None else about[part]).update(said)
        tensors = load_file(path) | dict(given)
        kept = {name: value.contiguous().clone() for name, value in tensors.items() if name not in missing}
        words = json.dumps({name: value for name, value in about.items() if name not in missing})
        save_file(kept, path, metadata | {field: words if text is None else text, "version": version})
        return type(result).load(path)

    return load


def test_what_is_not_spoilt_loads(spoil):
    assert alike(spoil(small_map()), small_map())
    assert alike(spoil(small_basis()), small_basis())
    assert alike(spoil(small_map(), said={"total": 5}), small_map(total=5))


M = small_map()
B = small_basis()
ONES = torch.ones(2, 3)
MAPS = {
    "newer": ({"version": "2"}, "path must be of version 1 at most, got .* of version 2. It was written by a newer"),
    "no version": ({"version": "x"}, "path must be an undamaged file of WarpageMap.save, got .*version must be a num"),
    "no JSON": ({"text": "{"}, "its 'map' must be JSON"),
    "a list": ({"text": "[]"}, "its 'map' must be a dict"),
    "no field": ({"missing": ["metric"]}, "field 'metric' must be text, got none"),
    "one more field": ({"said": {"more": 1}}, "fields must be space, .*, got 'more'"),
    "another kind of field": ({"said": {"k": "2"}}, "field 'k' must be a whole number from 0, got '2'"),
    "space": ({"said": {"space": "v"}}, "space must be one of 'z', 'w', got 'v'"),
    "metric": ({"said": {"metric": "L2"}}, "metric must be one of 'geodesic', 'projection', got 'L2'"),
    "stopped": ({"said": {"stopped": "never"}}, "stopped must be one of 'finished', 'cancelled', got 'never'"),
    "k of none": ({"said": {"k": 0}}, "k must be between 1 and 3, got 0"),
    "k beyond": ({"said": {"k": 4}}, "k must be between 1 and 3, got 4"),
    "total": ({"said": {"total": 3}}, "total must be at least 4, got 3"),
    "epsilon": ({"said": {"epsilon": float("nan")}}, "epsilon must be finite, got nan"),
    "epsilon below zero": ({"said": {"epsilon": -1}}, "epsilon must be at least 0, got -1"),
    "names twice": ({"said": {"compared": ["a", "a"]}}, "compared must be different names, got 2 with 1 different"),
    "fewer names": ({"said": {"compared": ["a"]}}, "tensors must be bases, .*, got one called 'compared.1'"),
    "more names": ({"said": {"compared": list("abc")}}, "tensors must be bases, .*, got none called 'compared.2'"),
    "no tensor": ({"missing": ["bases"]}, "tensors must be bases, .*, got none called 'bases'"),
    "one more tensor": ({"given": {"more": ONES}}, "tensors must be bases, .*, got one called 'more'"),
    "axes": ({"given": {"bases": M.bases[0]}}, r"bases must have shape \(n, d, max_k\), got \(6, 3\)"),
    "fewer bases": ({"given": {"bases": M.bases[1:]}}, r"close_bases must have shape \(3, 6, 3\), got \(4, 6, 3\)"),
    "fewer latents": ({"given": {"z": M.z[1:]}}, r"z must have shape \(4, z_dim\), got \(3, 9\)"),
    "fewer codes": ({"given": {"codes": M.codes[1:]}}, r"codes must have shape \(4, 6\), got \(3, 6\)"),
    "shorter codes": ({"given": {"codes": M.codes[:, 1:]}}, r"codes must have shape \(4, 6\), got \(4, 5\)"),
    "fewer values": ({"given": {"singular_values": M.singular_values[1:]}}, r"values must have shape \(4, r\)"),
    "no values": ({"given": {"singular_values": M.singular_values[:, :0]}}, r"singular_values must hold numbers"),
    "values below zero": ({"given": {"singular_values": -M.singular_values}}, "values must be at least 0, got -"),
    "other rows": (
        {"given": {"compared.0": torch.eye(7)[:, :2]}},
        r"compared\['sefa'\] must have shape \(6, m\), got \(7, 2\)",
    ),
    "wide": ({"given": {"compared.0": torch.eye(6).repeat(1, 2)}}, f"compared.* {ORTHONORMAL}, n >= k"),
    "not finite": ({"given": {"z": M.z / 0}}, "z must be finite, got 36 NaN or infinite of 36 numbers"),
    "not orthonormal": ({"given": {"bases": M.bases * 1.001}}, f"bases {ORTHONORMAL}"),
    "close ones not orthonormal": ({"given": {"close_bases": M.bases * 2}}, f"close_bases {ORTHONORMAL}"),
    "compared not orthonormal": ({"given": {"compared.1": torch.ones(6, 2)}}, f"compared.* {ORTHONORMAL}"),
    "squares overflow": (
        {"given": {"compared.0": torch.tensor([[3e38, -3e38], [3e38, 3e38]]).repeat(3, 1)}},
        f"compared.* {ORTHONORMAL}, .* up to nan",
    ),
    "whole numbers": ({"given": {"codes": M.codes.long()}}, "codes must be floating numbers of 16, 32 or 64 bits"),
    "eight bits": ({"given": {"codes": M.codes.to(torch.float8_e5m2)}}, "codes must be floating numbers of 16, 32 or"),
    "two types": (
        {"given": {"close_bases": small_map(dtype=torch.float64).bases}},
        "all bases must have one dtype, got torch.float32 and torch.float64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MAPS)
def test_a_map_that_was_changed_is_refused_in_words(spoil, name):
    changes, words = MAPS[name]
    with pytest.raises(ValueError, match=f"^path must .*result.safetensors.*{words}" if "path" not in words else words):
        spoil(small_map(), **changes)


SVD = {"part": "svd"}
BASES = {
    "newer": ({"version": "3"}, "path must be of version 1 at most, got .* of version 3. It was written by a newer"),
    "no field": ({"missing": ["rank"]}, "field 'rank' must be a whole number from 0 or none, got none"),
    "rule": ({"said": {"rank_method": "best"}}, "rank_method must be one of 'energy'"),
    "rank": ({"said": {"rank": 8}}, "rank must be at most 7, of as many singular values, got 8"),
    "floor": ({"said": {"floor": -0.5}}, "floor must be at least 0, got -0.5"),
    "one size": ({"said": {"shape": [7]}}, "that of a Jacobian of 'image' with 7 numbers in w and 5 in z"),
    "another shape": ({"said": {"shape": [48, 6]}}, r"shape must be that of a Jacobian .*, got \(48, 6\)"),
    "of the mapping": ({"said": {"target": "w"}}, r"shape must be that of a Jacobian of 'w' .*, got \(48, 7\)"),
    "no rows": ({"said": {"shape": [0, 7]}}, "the rows of shape must be between 1 and .*, got 0"),
    "far too many rows": ({"said": {"shape": [2**60, 7]}}, "the rows of shape must be between 1 and .*, got 11529"),
    "fewer rows": ({"said": {"shape": [6, 7]}}, "length of singular_values must be between 2 and 6, got 7"),
    "no tensor": ({"missing": ["z"]}, "tensors must be code, .*, got none called 'z'"),
    "one more": ({"given": {"more": ONES}}, "tensors must be code, .*, got one called 'more'"),
    "one more with a dot": ({"given": {"more.a": ONES}}, "tensors must be code, .*, got one called 'more.a'"),
    "code": ({"given": {"code": B.code[1:]}}, r"code must have shape \(7,\), got \(6,\)"),
    "latent": ({"given": {"z": B.z[None]}}, r"z must have shape \(z_dim,\), got \(1, 5\)"),
    "no latent": ({"given": {"z": B.z[:0]}}, "z must hold numbers, got none"),
    "latent not finite": ({"given": {"z": B.z * torch.nan}}, "z must be finite, got 5 NaN"),
    "fewer inputs": ({"given": {"input_directions": B.input_directions[1:]}}, r"have shape \(2, d_in\), got \(1, 7\)"),
    "shorter inputs": (
        {"given": {"input_directions": torch.eye(2, 6, dtype=torch.float64)}},
        r"input_directions must have shape \(2, 7\), got \(2, 6\)",
    ),
    "long inputs": ({"given": {"input_directions": 2 * B.input_directions}}, f"rows of input_directions {ORTHONORMAL}"),
    "values below zero": ({"given": {"singular_values": -B.singular_values}}, "values must be at least 0, got -"),
    "too few values": ({"given": {"singular_values": B.singular_values[:1]}}, "length of singular_values must be"),
    "rank of some": ({"given": {"singular_values": B.singular_values[:3]}}, "rank must be at most 7, of as many"),
    "no vectors": ({"missing": ["directions.vectors"]}, "it has no 'vectors'"),
    "long vectors": ({"given": {"directions.vectors": 2 * B.directions.vectors}}, f"directions.vectors {ORTHONORMAL}"),
    "another tensor of directions": ({"given": {"directions.more": ONES}}, "must be scales, vectors, got one"),
    "fewer scales": ({"given": {"directions.scales": B.directions.scales[1:]}}, r"scales must have shape \(2,\), got"),
    "scales below zero": ({"given": {"directions.scales": -B.directions.scales}}, "scales must be positive, got -"),
    "vectors of bytes": (
        {"given": {"directions.vectors": B.directions.vectors.to(torch.float8_e4m3fn)}},
        "directions.vectors must be floating numbers of 16, 32 or 64 bits",
    ),
    "no space": ({"part": "directions", "said": {"space": "v"}}, "space must be one of 'z', 'w', 'w\\+', 's', got 'v'"),
    "styles": ({"part": "directions", "said": {"space": "s"}}, "space of directions must be one of 'z', 'w', got"),
    "names": ({"part": "directions", "said": {"names": ["a", "a"]}}, "names must be 2 different labels"),
    "unknown field": ({"part": "directions", "said": {"more": 1}}, "fields must be space, .*, got 'more'"),
    "no decomposition": ({"said": {"svd": None}}, "fields must be a dict, got None"),
    "no S": ({"missing": ["svd.S"]}, "tensors must be S, V, got none called 'S'"),
    "more of a decomposition": ({"given": {"svd.more": ONES}}, "tensors must be S, V, got one called 'more'"),
    "S below zero": ({"given": {"svd.S": -B.svd.S}}, "svd.S must be at least 0, got -"),
    "S too long": ({"given": {"svd.S": B.svd.S.repeat(2)}}, "the length of svd.S must be between 1 and 7, got 14"),
    "S incomplete": (
        {"given": {"svd.S": B.svd.S[:2], "svd.V": B.svd.V[:, :2], "svd.U": B.svd.U[:, :2], "svd.upper": B.svd.upper[:2],
                   "svd.residuals": B.svd.residuals[:2]}},
        "svd.S must hold 7 numbers where it is complete, got 2",
    ),
    "V": ({"given": {"svd.V": B.svd.V[:, 1:]}}, r"svd.V must have shape \(7, 7\), got"),
    "V not orthonormal": ({"given": {"svd.V": B.svd.V * 0.9}}, f"svd.V {ORTHONORMAL}"),
    "U": ({"given": {"svd.U": B.svd.U[1:]}}, r"svd.U must have shape \(48, 7\), got \(47, 7\)"),
    "residuals": ({"given": {"svd.residuals": B.svd.residuals[1:]}}, r"svd.residuals must have shape \(7,\)"),
    "residuals not finite": ({"given": {"svd.residuals": B.svd.residuals / 0}}, "svd.residuals must be finite"),
    "upper": ({"given": {"svd.upper": B.svd.upper[1:]}}, r"svd.upper must have shape \(7,\)"),
    "upper not a number": ({"given": {"svd.upper": B.svd.upper * torch.nan}}, "upper must be numbers or infinite, got"),
    "method": (SVD | {"said": {"method": "power"}}, "svd.method must be one of 'exact'"),
    "end": (SVD | {"said": {"stopped": "x"}}, "svd.stopped must be one of 'finished', 'budget', 'cancelled', got 'x'"),
    "complete": (SVD | {"said": {"complete": 1}}, "field 'complete' must be true or false, got 1"),
    "floor of a decomposition": (SVD | {"said": {"floor": float("inf")}}, "svd.floor must be finite, got inf"),
    "unseen": (SVD | {"said": {"unseen": -1.0}}, "svd.unseen must be at least 0, got -1"),
    "unseen not a number": (SVD | {"said": {"unseen": float("nan")}}, "svd.unseen must be at least 0, got nan"),
    "products": (SVD | {"said": {"products": [1]}}, "svd.products must be two numbers, got 1"),
    "output": (SVD | {"said": {"output_shape": [3, 4, 5]}}, "svd.output_shape must hold 48 numbers, got another shape"),
    "many axes": (SVD | {"said": {"output_shape": [48] + [1] * 16}}, "svd.output_shape must hold 48 numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", BASES)
def test_a_basis_that_was_changed_is_refused_in_words(spoil, name):
    changes, words = BASES[name]
    with pytest.raises(ValueError, match=f"^path must .*result.safetensors.*{words}" if "path" not in words else words):
        spoil(small_basis(), **changes)

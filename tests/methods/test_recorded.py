"""What a method records of its call is enough to know it, and where it gives the same again, to make it."""

import inspect

import pytest
import torch

import latent_widgets as lw
from tests.linear import linear_generator
from tests.public_calls import corner


@pytest.fixture
def G():
    return linear_generator(z_dim=5, w_dim=7)


RECORDED = {
    "random_directions": (
        lambda G: lw.random_directions(G, k=2, space="z", seed=3, orthogonal=False),
        {"k": 2, "space": "z", "orthogonal": False, "layers": None},
        3,
    ),
    "ganspace": (lambda G: lw.ganspace(G, k=2, samples=40, seed=3), {"k": 2, "samples": 40}, 3),
    "ganspace of a layer": (
        lambda G: lw.ganspace(G, k=2, layer="all", space="z", samples=40, seed=3),
        {"k": 2, "layer": "all", "space": "z", "samples": 40},
        3,
    ),
    "local_basis": (
        lambda G: lw.local_basis(G, G.sample_z(1), "image", 2, "gap").directions,
        {"target": "image", "k": 2, "rank_method": "gap"},
        None,
    ),
    "low_rank_directions": (
        lambda G: lw.low_rank_directions(G, G.code(0), corner(G), k=1, relax=1, rows=[1], tolerance=0.1).directions,
        {
            "solver": "projection", "rank_method": "energy", "relax": 1, "tolerance": 0.1, "channels": "rgb",
            "rows": [1],
        },
        None,
    ),
    "region": (
        lambda G: lw.RegionSpectra(G, G.code(0), channels="luminance").directions(corner(G), 2, 0.01),
        {"solver": "generalized", "tolerance": 0.01, "channels": "luminance"},
        None,
    ),
    "lelsd": (
        lambda G: lw.lelsd(
            G, corner(G), k=2, steps=3, batch=2, samples=4, alpha=2.0, min_alpha=0.5, patience=7, seed=3,
            penalty_weight=2.0, features=["image"],
        ).directions,
        {
            "k": 2, "steps": 3, "batch": 2, "alpha": 2.0, "min_alpha": 0.5, "unit": "sd", "schedule": "preset",
            "penalty": "squared", "penalty_weight": 2.0, "patience": 7, "mode": "inside", "features": ["image"],
        },
        3,
    ),
    "feature_directions": (
        lambda G: lw.feature_directions(G, ("all", "image"), 2, space="z", scaled=False, codes=3, seed=3),
        {"layer": ["all", "image"], "k": 2, "space": "z", "scaled": False, "codes": 3},
        3,
    ),
    "dp_lase": (
        lambda G: lw.dp_lase(
            G, "z", "image", 2, steps=2, batch=2, stride=0.5, rate=0.01, walk="norm", seed=3, weights={"reg": 2.0},
        ).directions,
        {
            "space": "z", "layer": "image", "k": 2, "batch": 2, "stride": 0.5, "rate": 0.01, "pair_form": "cosine",
            "orthogonal": "penalty", "cdf": "logistic", "correction": "informed", "walk": "norm", "steps": 2,
            "pairs": "different", "scaled": True, "reduction": "mean", "den_teaches": "correction",
            "begin": "random",
            "weights": {"mon": 1.0, "lik": 1.0, "den": 10.0, "var": 1.0, "pair": 0.1, "reg": 2.0},
        },
        3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("method", RECORDED)
def test_result_tells_how_it_was_made(G, method):
    make, parameters, seed = RECORDED[method]
    D = make(G)
    told = {name: D.parameters[name] for name in parameters if name in D.parameters}
    assert {name: list(v) if isinstance(v, tuple) else v for name, v in told.items()} == parameters
    method = method.removesuffix(" of a layer")
    assert (D.method, D.seed) == (method, seed)
    if hasattr(lw, method):  # nothing is recorded that the call does not take
        assert set(D.parameters) <= set(inspect.signature(getattr(lw, method)).parameters)
    assert (D.generator, D.weights_hash) == (G.name, G.weights_hash)


@pytest.mark.parametrize("method", ["random_directions", "ganspace", "ganspace of a layer", "feature_directions"])
def test_call_that_is_recorded_gives_the_same_rows(G, method):
    D = RECORDED[method][0](G)
    again = getattr(lw, method.removesuffix(" of a layer"))(G, **D.parameters, seed=D.seed)
    assert D.rows == (0, 1)
    torch.testing.assert_close(again.vectors, D.vectors)

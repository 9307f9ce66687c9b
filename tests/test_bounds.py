"""Every number that is given has its bounds and every word its choices: what lies outside is refused in words."""

import pytest
import torch

import latent_widgets as lw
from latent_widgets.geometry.density.boxes import TruncatedGaussian, Uniform
from latent_widgets.geometry.density.cdf import LogisticMixture, fit_cdf
from latent_widgets.geometry.density.coordinates import Independent
from latent_widgets.geometry.density.fitted import Gaussian
from latent_widgets.geometry.density.iso_density import iso_density
from latent_widgets.geometry.effects.area import area_resample
from latent_widgets.geometry.effects.part_masks import PartMasks
from latent_widgets.geometry.effects.pyramid import laplacian_pyramid
from latent_widgets.geometry.jacobian.rank import energy_rank, estimate_rank
from latent_widgets.geometry.regions.pcp import pcp
from latent_widgets.geometry.subspaces.grassmann import karcher_mean
from latent_widgets.geometry.subspaces.haar import haar_sample
from latent_widgets.values.units import latent_sd
from tests.linear import linear_generator
from tests.public_calls import corner

CALLS = {
    "curve": (lambda G, **o: lw.curve_traversal(G, G.sample_z(1), **o), [
        ("steps", 0, "at least 1"), ("candidates", 0, "at least 1"), ("length", -1e-9, "at least 0"),
        ("index", -1, "between 0 and 4"), ("index", 5, "between 0 and 4"),
    ]),
    "guided": (lambda G, **o: lw.guided_traversal(G, G.sample_z(1), torch.ones(7), **o), [
        ("steps", 0, "at least 1"), ("candidates", 0, "at least 1"), ("rate", -1e-9, "at least 0"),
        ("spread", -1e-9, "between 0 and 1"), ("spread", 1.01, "between 0 and 1"), ("seed", -1, "at least 0"),
    ]),
    "walks": (lambda G, **o: lw.equal_walks(G, [lw.walk(G, G.code(0), torch.ones(7))], **o), [
        ("count", 2, "at least 3"), ("count", 4, "odd"), ("batch", 0, "at least 1"),
    ]),
    "images": (lambda G, **o: lw.walk(G, G.code(0), torch.ones(7)).images(G, **o), [("batch", 0, "at least 1")]),
    "change": (lambda G, **o: lw.equal_change(G, lw.random_directions(G, 1), G.code(0), **o), [
        ("limit", 0, "positive"), ("limit", -1e-9, "at least 0"), ("tolerance", -1e-9, "at least 0"),
        ("batch", 0, "at least 1"),
    ]),
    "localisation": (lambda G, **o: lw.localisation(G, lw.random_directions(G, 1), corner(G), **o), [
        ("batch", 0, "at least 1"), ("n", 0, "at least 1"), ("alpha", 0, "positive"),
        ("min_alpha", -1e-9, "between 0 and 1"), ("min_alpha", 1.01, "between 0 and 1"),
    ]),
    "part": (lambda G, **o: PartMasks.of(G, torch.arange(16).reshape(4, 4) % 3, **o), [("part", -1, "at least 0")]),
    "area": (lambda G, **o: area_resample(torch.ones(2, 2), **{"height": 4, "width": 4} | o), [
        ("height", 0, "at least 1"), ("width", 0, "at least 1"),
    ]),
    "pyramid": (lambda G, **o: laplacian_pyramid(torch.ones(1, 3, 8, 8), **o), [
        ("levels", 0, "at least 1"), ("levels", 4, "at most 3"),
    ]),
    "sample": (lambda G, **o: Gaussian.standard(2).sample(**o), [("n", 0, "at least 1"), ("seed", -1, "at least 0")]),
    "fit": (lambda G, **o: lw.fit_density(G, **{"space": "w", "kind": "mixture"} | o), [
        ("n", 1, "at least 2"), ("components", 0, "at least 1"),
    ]),
    "F": (lambda G, **o: fit_cdf(torch.linspace(-2, 2, 20), **o), [("steps", 0, "at least 1")]),
    "box": (lambda G, **o: Uniform(**{"dim": 2} | o), [("dim", 0, "at least 1"), ("high", -1.0, "above 0")]),
    "ball": (lambda G, **o: TruncatedGaussian(**{"dim": 2} | o), [("dim", 0, "at least 1"), ("bound", 0, "above 0")]),
    "product": (lambda G, **o: Independent(LogisticMixture(), **o), [("dim", 0, "at least 1")]),
    "projection": (lambda G, **o: iso_density(Gaussian.standard(2), torch.ones(2), torch.ones(2), 1.0, **o), [
        ("iterations", 0, "at least 1"),
    ]),
    "basis": (lambda G, **o: lw.local_basis(G, G.sample_z(1), **o), [
        ("k", 0, "between 1 and 5"), ("k", 6, "between 1 and 5"),
    ]),
    "basis of the picture": (lambda G, **o: lw.local_basis(G, G.sample_z(1), "image", **o), [
        ("k", 0, "between 1 and 7"), ("k", 8, "between 1 and 7"),
    ]),
    "rank": (lambda G, **o: estimate_rank(torch.ones(3), (3, 4), **o), [("floor", -1e-9, "at least 0")]),
    "energy": (lambda G, **o: energy_rank(torch.ones(3), **o), [
        ("share", -1e-9, "between 0 and 1"), ("share", 1.01, "between 0 and 1"),
    ]),
    "svd": (lambda G, **o: lw.JacobianOperator(torch.tanh, torch.ones(6)).svd(**{"k": 2} | o), [
        ("k", 0, "between 1 and 6"), ("k", 7, "between 1 and 6"), ("oversampling", -1, "at least 0"),
        ("power_iterations", -1, "at least 0"), ("seed", -1, "at least 0"),
        ("tolerance", -1e-9, "at least 0"), ("block", 0, "at least 1"), ("products", 1, "at least 2"),
    ]),
    "operator": (lambda G, **o: lw.JacobianOperator(torch.tanh, torch.ones(6), **o), [("memory", 0, "at least 1")]),
    "mean": (lambda G, **o: karcher_mean(torch.eye(3)[None, :, :2], **o), [
        ("max_steps", 0, "at least 1"), ("tolerance", -1e-9, "at least 0"),
    ]),
    "haar": (lambda G, **o: haar_sample(**{"n": 3, "k": 2} | o), [
        ("n", 0, "at least 1"), ("k", 0, "between 1 and 3"), ("k", 4, "between 1 and 3"), ("samples", 0, "at least 1"),
        ("seed", -1, "at least 0"),
    ]),
    "regions": (lambda G, **o: lw.RegionSpectra(G, G.code(0), **o), [
        ("size", 0, "between 1 and 4"), ("size", 5, "between 1 and 4"), ("tiles", 0, "between 1 and 4"),
        ("tiles", 5, "between 1 and 4"), ("rank", 0, "between 1 and 7"), ("rank", 8, "between 1 and 7"),
    ]),
    "region": (lambda G, **o: lw.RegionSpectra(G, G.code(0)).directions(corner(G), **{"k": 1} | o), [
        ("k", 0, "between 1 and 7"), ("k", 8, "between 1 and 7"), ("tolerance", -1e-9, "at least 0"),
    ]),
    "cut": (lambda G, **o: lw.RegionSpectra(G, G.code(0)).directions(corner(G), 1, solver="projection", **o), [
        ("cut", -1, "between 0 and 6"), ("cut", 7, "between 0 and 6"),
    ]),
    "pursuit": (lambda G, **o: pcp(torch.eye(3), **o), [("weight", -1e-9, "at least 0"), ("steps", 0, "at least 1")]),
    "dp_lase": (lambda G, **o: lw.dp_lase(G, **{"k": 1, "layer": "image"} | o), [
        ("k", 0, "at least 1"), ("k", 6, "at most 5"), ("batch", 0, "at least 1"), ("steps", 0, "at least 1"),
        ("seed", -1, "at least 0"), ("stride", 0, "above 0"), ("rate", 0, "above 0"), ("patience", 0, "at least 1"),
    ]),
    "features": (lambda G, **o: lw.feature_directions(G, **{"k": 1, "layer": "image", "codes": 2} | o), [
        ("k", 0, "between 1 and 5"), ("k", 6, "between 1 and 5"), ("codes", 1, "at least 2"),
        ("seed", -1, "at least 0"),
    ]),
    "refine": (lambda G, **o: lw.refine_subspace(G, lw.random_directions(G, 1), layer="all", **o), [
        ("codes", 0, "at least 1"), ("ridge", 9e-7, "at least 1e-06"), ("cover", 9e-7, "between 1e-06 and 1.0"),
        ("cover", 1.01, "between 1e-06 and 1.0"), ("groups", 1, "between 2 and 2"), ("groups", 3, "between 2 and 2"),
    ]),
    "sefa": (lambda G, **o: lw.sefa(lw.load("digits32"), **o), [
        ("k", 0, "between 1 and 64"), ("k", 65, "between 1 and 64"),
    ]),
    "lelsd": (lambda G, **o: lw.lelsd(G, corner(G), **o), [
        ("steps", 0, "at least 1"), ("batch", 0, "at least 1"), ("penalty_weight", -1e-9, "at least 0"),
        ("patience", 0, "at least 1"), ("seed", -1, "between 0 and"), ("seed", 2**63, "between 0 and"),
        ("samples", 0, "at least 1"), ("k", 0, "at least 1"),
    ]),
    "low rank": (lambda G, **o: lw.low_rank_directions(G, G.code(0), corner(G), **o), [
        ("relax", -1, "at least 0"), ("tolerance", -1e-9, "at least 0"), ("k", 0, "between 1 and 7"),
        ("k", 8, "between 1 and 7"),
    ]),
    "transfer": (lambda G, **o: lw.transfer(G, lw.random_directions(G, 1), G.code(0)[None], [corner(G)], **o), [
        ("seed", -1, "at least 0"),
    ]),
    "ganspace": (lambda G, **o: lw.ganspace(G, **{"k": 2, "samples": 30} | o), [
        ("k", 0, "between 1 and 7"), ("k", 8, "between 1 and 7"), ("samples", 1, "at least 2"),
    ]),
    "warpage": (lambda G, **o: lw.warpage(G, **{"n": 2, "k": 2} | o), [
        ("n", 0, "at least 1"), ("k", 0, "between 1 and 4"), ("k", 5, "between 1 and 4"),
        ("max_k", 1, "between 2 and 4"), ("max_k", 5, "between 2 and 4"), ("epsilon", -1e-9, "at least 0"),
    ]),
    "random": (lambda G, **o: lw.random_directions(G, **{"k": 1} | o), [
        ("k", 0, "at least 1"), ("seed", -1, "between 0 and"), ("seed", 2**63, "between 0 and"),
    ]),
    "mask": (lambda G, **o: lw.Mask(torch.ones(2, 2)).weights(**{"height": 3, "width": 3} | o), [
        ("height", 0, "at least 1"), ("width", 0, "at least 1"),
    ]),
    "deviation": (lambda G, **o: latent_sd(G, torch.ones(1, 7), "w", **o), [("n", 1, "at least 2")]),
    "code": (lambda G, **o: lw.Code(torch.ones(5), **{"space": "z"} | o), [("seed", -1, "at least 0")]),
    "base": (lambda G, **o: lw.Base(**o), [
        ("seed", -1, "between 0 and"), ("seed", 2**63, "between 0 and"), ("weight", -1e-9, "between 0 and 1"),
        ("weight", 1.01, "between 0 and 1"), ("condition", -1, "at least 0"),
    ]),
}  # fmt: skip

CHOICES = {
    "curve": {
        "variant": ("matched", "smooth"), "sides": ("both", "positive", "negative"), "target": ("w", "image", "all"),
    },
    "guided": {"follow": ("direction", "previous")},
    "change": {"distance": ("lap1", "rms", "lpips")},
    "localisation": {"merge": ("average", "intersection", "union"), "mode": ("inside", "outside")},
    "fit": {"space": ("z", "w", "w+"), "kind": ("gaussian", "mixture")},
    "F": {"kind": ("logistic", "network")},
    "basis": {"rank_method": ("energy", "kritchman-nadler", "gap"), "method": ("exact", "lanczos", "randomized")},
    "rank": {"method": ("energy", "kritchman-nadler", "gap")},
    "svd": {"method": ("auto", "exact", "lanczos", "randomized")},
    "regions": {"channels": ("rgb", "luminance", "chroma")},
    "region": {"solver": ("generalized", "projection")},
    "pursuit": {"penalty": ("entrywise", "induced")},
    "dp_lase": {
        "space": ("z", "w", "w+"), "layer": ("all", "image"), "preset": ("released", "equations"),
        "pair_form": ("cosine", "inner", "matrix"), "orthogonal": ("penalty", "gram-schmidt", "exact"),
        "cdf": ("logistic", "network"), "correction": ("informed", "plain", "unbounded"),
        "walk": ("learned", "norm", "linear"), "pairs": ("different", "any", "all"), "reduction": ("mean", "sum"),
        "den_teaches": ("correction", "all"), "begin": ("random", "variation"),
    },
    "features": {"space": ("z", "w", "w+"), "layer": ("all", "image")},
    "lelsd": {
        "mode": ("inside", "outside"), "merge": ("average", "intersection", "union"), "unit": ("sd", "latent"),
        "schedule": ("preset", "published"), "penalty": ("squared", "published", "absolute"),
        "preset": ("released", "equations"),
    },
    "low rank": {"solver": ("projection", "generalized"), "rank_method": ("energy", "pcp")},
    "warpage": {"metric": ("geodesic", "projection"), "target": ("w", "image", "all")},
    "base": {"blend": ("z", "w")},
    "code": {"space": ("z", "w", "w+", "s")},
}  # fmt: skip
FLAGS = {"fit": "shrink", "random": "orthogonal"}

CASES = [(call, name, value, words) for call, (_, cases) in CALLS.items() for name, value, words in cases]


@pytest.fixture(scope="module")
def G():
    return linear_generator(z_dim=5, w_dim=7, dtype=torch.float32)


@pytest.mark.parametrize(("call", "name", "value", "words"), CASES)
def test_first_value_outside_is_refused(G, call, name, value, words):
    with pytest.raises(ValueError, match=f"^{name}.* must be {words}.*, got"):
        CALLS[call][0](G, **{name: value})


@pytest.mark.parametrize(
    ("call", "options"),
    [
        ("curve", {"steps": 1, "candidates": 1, "length": 0, "index": 0}),
        ("curve", {"steps": 1, "index": 4}),
        ("guided", {"steps": 1, "candidates": 1, "rate": 0, "spread": 0, "seed": 0}),
        ("guided", {"steps": 1, "spread": 1}),
        ("walks", {"count": 3, "batch": 1}),
        ("images", {"batch": 1}),
        ("change", {"tolerance": 0, "batch": 1}),
        ("localisation", {"n": 1, "batch": 1, "min_alpha": 0}),
        ("localisation", {"n": 1, "min_alpha": 1}),
        ("area", {"height": 1, "width": 1}),
        ("pyramid", {"levels": 1}),
        ("pyramid", {"levels": 3}),
        ("sample", {"n": 1, "seed": 0}),
        ("F", {"steps": 1}),
        ("box", {"dim": 1}),
        ("ball", {"dim": 1}),
        ("product", {"dim": 1}),
        ("basis", {"k": 1}),
        ("basis", {"k": 5}),
        ("basis of the picture", {"k": 7}),
        ("rank", {"floor": 0}),
        ("energy", {"share": 0}),
        ("energy", {"share": 1}),
        ("svd", {"k": 1, "oversampling": 0, "power_iterations": 0, "seed": 0, "method": "randomized"}),
        ("svd", {"k": 6}),
        ("mean", {"max_steps": 1, "tolerance": 0}),
        ("haar", {"n": 1, "k": 1, "samples": 1, "seed": 0}),
        ("haar", {"k": 3}),
        ("regions", {"size": 1, "tiles": 1, "rank": 1}),
        ("regions", {"size": 4, "tiles": 4, "rank": 7}),
        ("region", {"tolerance": 0}),
        ("cut", {"cut": 0}),
        ("cut", {"cut": 6}),
        ("features", {"k": 5, "codes": 2, "seed": 0}),
        ("lelsd", {"steps": 1, "batch": 1, "penalty_weight": 0, "patience": 1, "seed": 0, "samples": 1, "k": 1}),
        ("low rank", {"relax": 0, "tolerance": 0, "k": 1}),
        ("transfer", {"seed": 0}),
        ("ganspace", {"k": 1, "samples": 2}),
        ("ganspace", {"k": 5}),
        ("warpage", {"n": 1, "k": 1, "max_k": 1}),
        ("warpage", {"k": 4, "max_k": 4}),
        ("random", {"k": 1, "seed": 2**63 - 1}),
        ("mask", {"height": 1, "width": 1}),
        ("deviation", {"n": 2}),
        ("code", {"seed": 0}),
        ("base", {"seed": 2**63 - 1, "weight": 1, "condition": 0}),
        ("base", {"seed": 0, "weight": 0}),
    ],
)
def test_bounds_themselves_are_allowed(G, call, options):
    CALLS[call][0](G, **options)


@pytest.mark.parametrize(("call", "name"), [(call, name) for call, words in CHOICES.items() for name in words])
def test_word_that_is_no_choice_is_refused_with_those_that_are(G, call, name):
    with pytest.raises(ValueError, match=f"^{name} must be one of .*, got 'else'") as caught:
        CALLS[call][0](G, **{name: "else"})
    told = str(caught.value).removeprefix(f"{name} must be one of ").partition(", got")[0]
    assert set(told.split(", ")) >= {repr(word) for word in CHOICES[call][name]}


@pytest.mark.parametrize("call", FLAGS)
def test_word_is_no_flag(G, call):
    with pytest.raises(TypeError, match=f"^{FLAGS[call]} must be True or False, got 'no'"):
        CALLS[call][0](G, **{FLAGS[call]: "no"})

"""Every public computation as a function of a generator, small: what laws of all of them are tried on.

Each gives numbers, as a list of tensors, which are the same each time.
"""

from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image

import latent_widgets as lw
from latent_widgets.faces import render, sample_factors
from latent_widgets.generators.dcgan import DCGAN
from latent_widgets.generators.dcgan_batch import BatchDCGAN
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.generators.glo import GLONetwork
from latent_widgets.generators.pggan import PGGAN
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan1 import StyleGAN1
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.generators.stylegan3 import make_stylegan3
from latent_widgets.geometry.density.cdf import fit_cdf
from latent_widgets.geometry.effects.equal_change import image_distance
from latent_widgets.methods.dp_lase.correction import Correction
from latent_widgets.readers.classifier import Classifier, load_classifier
from latent_widgets.readers.regressor import FactorRegressor, load_regressor
from latent_widgets.segmentation.unet import UNet


def corner(G):
    """A mask over a part of the picture that is no square and lies nowhere near the middle."""
    height, width = sorted(G.picture_size)
    mask = np.zeros((height, width), bool)
    mask[: height // 2, width // 2 : width - 1] = True
    return mask if G.picture_size == mask.shape else mask.T.copy()  # of a turned picture, turned


def painted(G):
    """Labels for two pictures: the corner, the rest, and a pixel that nobody painted."""
    labels = corner(G).astype(np.int64)
    labels[0, 0] = -1
    return np.stack([labels, labels])


def by_brightness(images):
    return (images.mean(1) > images.mean((1, 2, 3))[:, None, None]).long()


def D(G, k=2):
    return lw.random_directions(G, k=k, seed=3)


def _target(G):
    return "w" if "w" in G.spaces else "image"


def _layer(G):
    return G.layer_names[-1] if G.layer_names else "image"


def _walk(G, **options):
    return lw.walk(G, G.code(1), D(G), at=(-1.0, 0.5), **options)


def _curve(G):
    if "w" not in G.spaces:
        return []
    z = G.sample_z(1, 2)[0]
    return [lw.walk(G, lw.Code(z, "z"), lw.local_basis(G, z, k=1), at=(0.5,), kind="curve").codes]


def _segmenter(G):
    codes = torch.stack([G.code(1), G.code(2)])
    found = lw.fit_segmenter(G, codes, painted(G), names=["rest", "corner"], evaluate=False)
    return [found.labels(G.synthesize(codes), codes), found.probabilities(codes)]


CALLS = {
    "sample_z": lambda G: [G.sample_z(2, 4)],
    "picture": lambda G: [G(G.sample_z(2, 4), truncation=0.7)],
    "edit": lambda G: [lw.Edit.of(G, seed=7).move(D(G), 0, 1.5).apply(G)],
    "masked edit": lambda G: [lw.Edit.of(G, seed=7, mask=lw.Mask(corner(G))).move(D(G), 0, 1.5).apply(G)],
    "random_directions": lambda G: [D(G).vectors, D(G).in_unit("sd", G).scales],
    "local_basis": lambda G: [
        (b := lw.local_basis(G, G.sample_z(1, 2)[0], _target(G), k=2)).singular_values,
        b.directions.vectors,
    ],
    "local_basis of the picture": lambda G: [lw.local_basis(G, G.sample_z(1, 2)[0], "image", k=2).singular_values],
    "local_basis of a layer": lambda G: [lw.local_basis(G, G.sample_z(1, 2)[0], _layer(G), k=2).singular_values],
    "ganspace": lambda G: [lw.ganspace(G, k=2, samples=60, layer=layer).vectors for layer in (None, "image")],
    "sefa": lambda G: [lw.sefa(G, k=2).vectors],
    "low_rank": lambda G: [(f := lw.low_rank_directions(G, G.code(1), corner(G), k=1)).directions.vectors, f.locality],
    "low_rank by pursuit": lambda G: [
        lw.low_rank_directions(G, G.code(1), corner(G), k=1, rank_method="pcp", weight=1.0).locality
    ],
    "transfer": lambda G: [lw.transfer(G, D(G), torch.stack([G.code(1), G.code(2)]), [corner(G)] * 2).inside],
    "regions": lambda G: [
        (s := lw.RegionSpectra(G, G.code(1), tiles=4)).spectrum(corner(G)).singular_values,
        s.directions(corner(G), k=2).scores["locality"],
    ],
    "warpage": lambda G: [lw.warpage(G, n=3, k=2, target=_target(G)).distances],
    "localisation": lambda G: [(f := lw.localisation(G, D(G), corner(G), n=4)).scores, f.layer_scores],
    "localisation by a segmenter": lambda G: [lw.localisation(G, D(G), by_brightness, 1, n=4).scores],
    "equal_change": lambda G: [lw.equal_change(G, D(G), G.code(1), at=(-0.05, 0.05)).alphas],
    "equal_walks": lambda G: [lw.equal_walks(G, [_walk(G)], 3).walks[0].codes],
    "walk": lambda G: [_walk(G).codes],
    "own pictures": lambda G: [
        (f := lw.own_reach(G, D(G), at=(0.0, 1.0, 4.0), starts=3, own=8)).intervals,
        torch.tensor([f.reach, f.ceiling], dtype=torch.float64, device="cpu"),
    ],
    "own defaults": lambda G: [
        torch.tensor(list(lw.own_defaults(G, D(G), starts=3, own=8).reach.values()), dtype=torch.float64, device="cpu")
    ],
    "walk along a curve": _curve,
    "walk at a density": lambda G: [_walk(G, density=lw.KeptDensity(lw.fit_density(G, n=300))).codes],
    "density": lambda G: [lw.fit_density(G, kind="gaussian", n=300).log_prob(G.code(1)[None])],
    "curve_traversal": lambda G: [
        lw.curve_traversal(G, G.sample_z(1, 2)[0], length=0.2, steps=2, target=_target(G)).codes
    ],
    "guided_traversal": lambda G: (
        [lw.guided_traversal(G, G.sample_z(1, 2)[0], D(G)[0], steps=2, candidates=4).codes] if "w" in G.spaces else []
    ),
    "subspace_grid": lambda G: [lw.subspace_grid(G, G.code(1), D(G), at=(-1.0, 1.0)).codes],
    "lelsd": lambda G: [
        (f := lw.lelsd(G, corner(G), steps=2, batch=2, samples=4, features=["image"])).directions.vectors,
        f.losses,
    ],
    "dp_lase": lambda G: [lw.dp_lase(G, layer="image", k=2, steps=2, batch=2).directions.vectors],
    "feature_directions": lambda G: [
        (f := lw.feature_directions(G, "image", k=2, codes=2)).vectors,
        f.scores["feature change"],
    ],
    "invert": lambda G: [lw.invert(G, G.synthesize(G.code(1)[None]), steps=3, starts=1, samples=4).image],
    "haar": lambda G: [torch.zeros_like(G.code(0)) + lw.haar_distance(6, 2, samples=20)],
    "fit_segmenter": _segmenter,
    "distances": lambda G: [
        image_distance(d)(G.synthesize(G.code(1)[None]), G.synthesize(G.code(2)[None])) for d in ("rms", "lap1")
    ],
}


# What needs no generator, or opens its own.
WITHOUT = {
    **{
        f"load {name}": lambda name=name: [(G := lw.load(name))(G.sample_z(2)), *G.module.state_dict().values()]
        for name in ("faces64", "digits32", "faces-exact")
    },
    "a class": lambda: [
        (G := lw.load("fashion32", condition=3)).condition,
        lw.Edit.of(G, seed=1, condition=2).apply(G),
    ],
    "regressor": lambda: [load_regressor()(faces().image)],
    "classifier": lambda: [load_classifier()(faces().image)],
    "segmenter": lambda: [lw.load_segmenter()(faces().image)],
    "render": lambda: [faces().image, faces().parts],
    "glo": lambda: [
        (M := lw.fit_glo(_pictures(), 2, 2, resolution=8, channels={4: 4, 8: 4}, seed=1)).codes,
        M.generator(M.generator.sample_z(2)),
    ],
    "distribution functions": lambda: [
        fit_cdf(_pictures().flatten(), kind, steps=2)(_pictures()) for kind in ("network", "logistic")
    ],
    "correction": lambda: [*Correction(3, seed=1).state_dict().values()],
    "photo": lambda: [lw.load_photo(_photo(), 16), lw.load_photo(_photo(), 16, rotate=10)],
    "densities": lambda: [
        x
        for kind in ("standard", "mixture")
        for d in [lw.fit_density(ExactFaces(16), "z", kind=kind, n=300)]
        for x in (d.sample(3), d.percentile(d.sample(2)))
    ],
    "masks": lambda: [lw.Mask(_grey() > 0.4).weights(13, 17), lw.Mask(_grey()).weights(31, 60)],
}


def faces():
    return render(sample_factors(2, seed=1), 64)


def _pictures():
    with torch.device("cpu"):
        return torch.linspace(-1, 1, 6 * 192, dtype=torch.float32).sin().reshape(6, 3, 8, 8)


def _grey():
    return np.sin(np.arange(31 * 47).reshape(31, 47)) ** 2


def _photo():
    return Image.fromarray((255 * np.stack([_grey()] * 3, -1)).astype(np.uint8))


@contextmanager
def other_defaults():
    """Another type, another device, deterministic algorithms."""
    dtype, strict = torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()
    with torch.device("meta"):
        torch.set_default_dtype(torch.float64)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.use_deterministic_algorithms(strict)


MODES = {"other defaults": other_defaults, "no_grad": torch.no_grad, "inference_mode": torch.inference_mode}


def numbers(name, G):
    """The numbers of one call."""
    return [x.detach() for x in (CALLS[name](G) if name in CALLS else WITHOUT[name]())]


NETWORKS = {
    "stylegan2": lambda: StyleGAN2(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 4}, c_dim=2),
    "stylegan3": lambda: make_stylegan3(z_dim=4, w_dim=4, resolution=16, channel_base=64, channel_max=4),
    "dcgan": lambda: DCGAN(z_dim=4, resolution=8, channels={4: 4, 8: 2}),
    "batch dcgan": lambda: BatchDCGAN(z_dim=4, channels=[4, 4]),
    "stylegan1": lambda: StyleGAN1(z_dim=3, w_dim=5, resolution=8, channels={4: 4, 8: 3}, c_dim=2),
    "pggan": lambda: PGGAN(z_dim=4, channels=[4, 3]),
    "glo": lambda: GLONetwork(z_dim=4, resolution=8, channels={4: 4, 8: 2}, colours=1),
    "regressor": FactorRegressor,
    "classifier": Classifier,
    "unet": UNet,
}


def small_style(dtype=torch.float32):
    """A StyleGAN2 in which every parameter matters, with as many digits as asked for."""
    rng = torch.Generator("cpu").manual_seed(0)
    network = StyleGAN2(z_dim=7, w_dim=6, resolution=16, channels={4: 5, 8: 4, 16: 3}, mapping_layers=2)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            spread = 1.0 if value.ndim > 1 else 0.3
            value.copy_(name.endswith("affine.bias") + spread * torch.randn(value.shape, generator=rng))
            if name.startswith("mapping.fc") and name.endswith("weight"):
                value.mul_(100)  # undoes the mapping's learning-rate multiplier
    return StyleGenerator(network.to(dtype), "tiny")

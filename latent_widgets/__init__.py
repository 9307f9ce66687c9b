"""See, measure and steer the geometry of a generator's latent space, in a notebook."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from latent_widgets.core import openmp as _openmp  # noqa: F401 - first: it acts on how PyTorch is loaded
from latent_widgets.core import pytorch as _pytorch  # noqa: F401 - before anything imports torch in part
from latent_widgets.core.imports import import_whole as _import_whole
from latent_widgets.core.steps import Cancelled, Step
from latent_widgets.core.version import VERSION
from latent_widgets.edits import Base, Code, Edit, EditStack, Mask, Move
from latent_widgets.generators.base import Activations, Generator
from latent_widgets.generators.zoo import list_models, load
from latent_widgets.geometry.density.fitted import Density, fit_density
from latent_widgets.geometry.effects.equal_change import EqualChange, equal_change
from latent_widgets.geometry.effects.localisation import Localisation, localisation
from latent_widgets.geometry.jacobian.operator import JacobianOperator
from latent_widgets.geometry.quantiles import spectrum_quantiles
from latent_widgets.geometry.regions.spectra import RegionSpectra
from latent_widgets.geometry.subspaces.grassmann import grassmann_distance, principal_angles
from latent_widgets.geometry.subspaces.haar import haar_distance
from latent_widgets.geometry.subspaces.means import frechet_mean
from latent_widgets.geometry.subspaces.pairs import pair_statistics, pairwise_distances
from latent_widgets.geometry.walks.curves import CurveWalk, curve_traversal
from latent_widgets.geometry.walks.density_path import KeptDensity
from latent_widgets.geometry.walks.equal_walks import EqualWalks, equal_walks
from latent_widgets.geometry.walks.grids import subspace_grid
from latent_widgets.geometry.walks.guided import guided_traversal
from latent_widgets.geometry.walks.own_defaults import Defaults, known_defaults, own_defaults
from latent_widgets.geometry.walks.own_pictures import OwnPictures, OwnReach, own_pictures_of, own_reach
from latent_widgets.geometry.walks.walk import Walk, walk
from latent_widgets.inversion.glo import GLO, fit_glo
from latent_widgets.inversion.invert import Inversion, invert
from latent_widgets.inversion.photos import load_photo
from latent_widgets.methods import (
    ChannelGroups,
    DPLase,
    Lelsd,
    LocalBasis,
    LowRank,
    WarpageMap,
    dp_lase,
    feature_directions,
    ganspace,
    lelsd,
    local_bases,
    local_basis,
    low_rank_directions,
    methods,
    random_directions,
    refine_subspace,
    sefa,
    transfer,
    warpage,
)
from latent_widgets.segmentation import Segmenter, as_segmenter, fit_segmenter, load_segmenter
from latent_widgets.sweeps import Sweep, sweep
from latent_widgets.values.directions import Directions

if TYPE_CHECKING:
    from latent_widgets.widgets.explorer import LatentExplorer
    from latent_widgets.widgets.painter import MaskPainter
    from latent_widgets.widgets.spectrum import JacobianSpectrum
    from latent_widgets.widgets.warpage import WarpageHeatmap

__version__ = VERSION

# What loads a user interface is imported when it is first asked for.
_WIDGETS = {
    "JacobianSpectrum": "latent_widgets.widgets.spectrum",
    "LatentExplorer": "latent_widgets.widgets.explorer",
    "MaskPainter": "latent_widgets.widgets.painter",
    "WarpageHeatmap": "latent_widgets.widgets.warpage",
}

__all__ = [  # noqa: RUF022 - by topic
    # generators
    "Activations",
    "Generator",
    "list_models",
    "load",
    # values
    "Base",
    "Code",
    "Directions",
    "Edit",
    "EditStack",
    "Mask",
    "Move",
    # walks
    "CurveWalk",
    "Defaults",
    "OwnPictures",
    "OwnReach",
    "Walk",
    "curve_traversal",
    "guided_traversal",
    "known_defaults",
    "own_defaults",
    "own_pictures_of",
    "own_reach",
    "subspace_grid",
    "walk",
    # densities
    "Density",
    "KeptDensity",
    "fit_density",
    # geometry
    "EqualChange",
    "EqualWalks",
    "JacobianOperator",
    "Localisation",
    "RegionSpectra",
    "equal_change",
    "equal_walks",
    "frechet_mean",
    "grassmann_distance",
    "haar_distance",
    "localisation",
    "pair_statistics",
    "pairwise_distances",
    "principal_angles",
    "spectrum_quantiles",
    # sweeps
    "Sweep",
    "sweep",
    # methods
    "ChannelGroups",
    "DPLase",
    "Lelsd",
    "LocalBasis",
    "LowRank",
    "WarpageMap",
    "dp_lase",
    "feature_directions",
    "ganspace",
    "lelsd",
    "local_bases",
    "local_basis",
    "low_rank_directions",
    "methods",
    "random_directions",
    "refine_subspace",
    "sefa",
    "transfer",
    "warpage",
    # segmentation
    "Segmenter",
    "as_segmenter",
    "fit_segmenter",
    "load_segmenter",
    # photos
    "GLO",
    "Inversion",
    "fit_glo",
    "invert",
    "load_photo",
    # progress
    "Cancelled",
    "Step",
    # widgets
    "JacobianSpectrum",
    "LatentExplorer",
    "MaskPainter",
    "WarpageHeatmap",
]


def __getattr__(name: str) -> Any:
    if name not in _WIDGETS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _import_whole(_WIDGETS[name])
    found = globals()[name] = getattr(import_module(_WIDGETS[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_WIDGETS})

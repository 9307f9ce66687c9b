"""See, measure and steer the geometry of a generator's latent space, in a notebook."""

from latent_widgets import _openmp as _openmp  # first: it acts on how PyTorch is loaded
from latent_widgets._steps import Cancelled, Step
from latent_widgets.directions import Directions
from latent_widgets.edits import Base, Code, Edit, EditStack, Mask, Move
from latent_widgets.generators.base import Activations, Generator
from latent_widgets.generators.zoo import list_models, load
from latent_widgets.geometry.curves import CurveWalk, curve_traversal
from latent_widgets.geometry.density import Density, fit_density
from latent_widgets.geometry.density_path import KeptDensity
from latent_widgets.geometry.equal_change import EqualChange, equal_change
from latent_widgets.geometry.equal_walks import EqualWalks, equal_walks
from latent_widgets.geometry.grassmann import grassmann_distance, principal_angles
from latent_widgets.geometry.grids import subspace_grid
from latent_widgets.geometry.guided import guided_traversal
from latent_widgets.geometry.haar import haar_distance
from latent_widgets.geometry.jacobian import JacobianOperator
from latent_widgets.geometry.localisation import Localisation, localisation
from latent_widgets.geometry.regions import RegionSpectra
from latent_widgets.geometry.walks import Walk, walk
from latent_widgets.glo import GLO, fit_glo
from latent_widgets.inversion import Inversion, invert
from latent_widgets.methods import (
    ChannelGroups,
    DPLase,
    Lelsd,
    LocalBasis,
    LowRank,
    WarpageMap,
    dp_lase,
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
from latent_widgets.photos import load_photo
from latent_widgets.segmentation import Segmenter, as_segmenter, fit_segmenter, load_segmenter
from latent_widgets.widgets.explorer import LatentExplorer
from latent_widgets.widgets.mask_painter import MaskPainter
from latent_widgets.widgets.spectrum import JacobianSpectrum
from latent_widgets.widgets.warpage import WarpageHeatmap

__version__ = "0.1.0"

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
    "Walk",
    "curve_traversal",
    "guided_traversal",
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
    "grassmann_distance",
    "haar_distance",
    "localisation",
    "principal_angles",
    # methods
    "ChannelGroups",
    "DPLase",
    "Lelsd",
    "LocalBasis",
    "LowRank",
    "WarpageMap",
    "dp_lase",
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

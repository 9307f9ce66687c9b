"""See, measure and steer the geometry of a generator's latent space, in a notebook."""

from latent_widgets._steps import Cancelled, Step
from latent_widgets.directions import Directions
from latent_widgets.edits import Base, Code, Edit, EditStack, Mask, Move
from latent_widgets.generators.base import Activations, Generator
from latent_widgets.generators.zoo import list_models, load
from latent_widgets.geometry.curves import CurveWalk, curve_traversal, guided_traversal
from latent_widgets.geometry.grassmann import grassmann_distance, principal_angles
from latent_widgets.geometry.grids import subspace_grid
from latent_widgets.geometry.haar import haar_distance
from latent_widgets.geometry.jacobian import JacobianOperator
from latent_widgets.geometry.regions import RegionSpectra
from latent_widgets.geometry.walks import Walk, walk
from latent_widgets.methods import (
    LocalBasis,
    LowRank,
    WarpageMap,
    ganspace,
    local_bases,
    local_basis,
    low_rank_directions,
    methods,
    random_directions,
    sefa,
    transfer,
    warpage,
)
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
    # geometry
    "JacobianOperator",
    "RegionSpectra",
    "grassmann_distance",
    "haar_distance",
    "principal_angles",
    # methods
    "LocalBasis",
    "LowRank",
    "WarpageMap",
    "ganspace",
    "local_bases",
    "local_basis",
    "low_rank_directions",
    "methods",
    "random_directions",
    "sefa",
    "transfer",
    "warpage",
    # progress
    "Cancelled",
    "Step",
    # widgets
    "JacobianSpectrum",
    "LatentExplorer",
    "MaskPainter",
    "WarpageHeatmap",
]

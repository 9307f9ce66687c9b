"""See, measure and steer the geometry of a generator's latent space, in a notebook."""

from latent_widgets._steps import Cancelled, Step
from latent_widgets.directions import Directions
from latent_widgets.edits import Base, Code, Edit, EditStack, Mask, Move
from latent_widgets.generators.base import Activations, Generator
from latent_widgets.generators.zoo import list_models, load
from latent_widgets.geometry.walks import Walk, walk
from latent_widgets.methods import methods, random_directions
from latent_widgets.widgets.explorer import LatentExplorer

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
    # walks and methods
    "Walk",
    "methods",
    "random_directions",
    "walk",
    # progress
    "Cancelled",
    "Step",
    # widgets
    "LatentExplorer",
]

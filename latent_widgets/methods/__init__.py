"""One paper a file: each method is a function ``(G, *, options)`` that finds directions, or measures them."""

from latent_widgets.methods._registry import MethodInfo, ParameterInfo, methods
from latent_widgets.methods.dp_lase.closed_form import feature_directions
from latent_widgets.methods.dp_lase.method import DPLase, dp_lase
from latent_widgets.methods.dp_lase.subspace import ChannelGroups, refine_subspace
from latent_widgets.methods.ganspace import ganspace
from latent_widgets.methods.lelsd.method import Lelsd, lelsd
from latent_widgets.methods.local_basis import LocalBasis, local_bases, local_basis
from latent_widgets.methods.low_rank import LowRank, Transfer, low_rank_directions, transfer
from latent_widgets.methods.random import random_directions
from latent_widgets.methods.sefa import sefa
from latent_widgets.methods.warpage import WarpageMap, warpage

__all__ = [
    "ChannelGroups",
    "DPLase",
    "Lelsd",
    "LocalBasis",
    "LowRank",
    "MethodInfo",
    "ParameterInfo",
    "Transfer",
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
]

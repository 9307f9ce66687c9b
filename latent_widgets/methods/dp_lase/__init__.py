"""DP-LaSE (Li et al. 2021): directions that keep the density."""

from latent_widgets.methods.dp_lase.closed_form import feature_directions
from latent_widgets.methods.dp_lase.method import DPLase, dp_lase

__all__ = ["DPLase", "dp_lase", "feature_directions"]

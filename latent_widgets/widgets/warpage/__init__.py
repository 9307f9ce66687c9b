"""The Grassmannian warpage heatmap."""

from latent_widgets.widgets.warpage.warpage import WarpageHeatmap

__all__ = ["WarpageHeatmap"]

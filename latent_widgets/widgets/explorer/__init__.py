"""The latent explorer."""

from latent_widgets.widgets.explorer.explorer import LatentExplorer

__all__ = ["LatentExplorer"]

"""The mask painter."""

from latent_widgets.widgets.painter.painter import MaskPainter

__all__ = ["MaskPainter"]

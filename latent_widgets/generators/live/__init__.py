"""Networks that somebody has built already, as generators."""

from latent_widgets.generators.live.adapt import adapt

__all__ = ["adapt"]

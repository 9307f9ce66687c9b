"""How each shipped weight was made, runnable: ``python -m latent_widgets.training --help``."""

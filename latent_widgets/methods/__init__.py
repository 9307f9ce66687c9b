"""One paper a file: each method is a function ``(G, *, options)`` that finds directions."""

from latent_widgets.methods._registry import MethodInfo, ParameterInfo, methods
from latent_widgets.methods.random import random_directions

__all__ = ["MethodInfo", "ParameterInfo", "methods", "random_directions"]

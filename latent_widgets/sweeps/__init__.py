"""Sweeps: a method over many latents, in chunks that are kept, on one processor or on many machines."""

from latent_widgets.sweeps.result import Sweep
from latent_widgets.sweeps.sweep import sweep

__all__ = ["Sweep", "sweep"]

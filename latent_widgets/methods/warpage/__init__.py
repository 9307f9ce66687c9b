"""Warpage: how much the local bases of different latents differ, next to what chance gives (Choi et al. 2022)."""

from latent_widgets.methods.warpage.map import Interval, WarpageMap
from latent_widgets.methods.warpage.method import warpage

__all__ = ["Interval", "WarpageMap", "warpage"]

"""From a picture back to a code: photos, the search for a code, and GLO."""

from latent_widgets.inversion.glo import GLO, GLOStep, fit_glo
from latent_widgets.inversion.invert import Inversion, InversionStep, invert
from latent_widgets.inversion.photos import load_photo, read_photo

__all__ = ["GLO", "GLOStep", "Inversion", "InversionStep", "fit_glo", "invert", "load_photo", "read_photo"]

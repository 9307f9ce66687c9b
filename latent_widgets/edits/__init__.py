"""What was done by hand, as a value: edits, their stack, their file, and how one becomes the next."""

from latent_widgets.edits.edit import Base, Code, Edit, Mask, Move
from latent_widgets.edits.stack import EditStack, Entry

__all__ = ["Base", "Code", "Edit", "EditStack", "Entry", "Mask", "Move"]

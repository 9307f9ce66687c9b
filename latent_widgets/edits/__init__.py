"""What was done by hand, as a value: edits, their stack, their file, and how one becomes the next."""

from latent_widgets.edits.edit import Base, Code, Edit, EditStack, Entry, Mask, Move

__all__ = ["Base", "Code", "Edit", "EditStack", "Entry", "Mask", "Move"]

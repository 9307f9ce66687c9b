"""The panels of the notebook: thin views, in core ipywidgets, over what the rest of the package computes."""

"""Its rows of sliders."""

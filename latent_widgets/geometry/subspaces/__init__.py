"""Subspaces and how far apart they are."""

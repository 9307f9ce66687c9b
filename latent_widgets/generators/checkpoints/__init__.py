"""Checkpoints of others: files are read as data, nothing in them is ever executed."""

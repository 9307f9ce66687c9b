"""Its page on photos."""

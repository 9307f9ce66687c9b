"""Its picture."""

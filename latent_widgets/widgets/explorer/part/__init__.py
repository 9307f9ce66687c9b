"""Its page on parts: directions that act on one."""

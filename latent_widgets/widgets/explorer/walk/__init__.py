"""Its page on walks."""

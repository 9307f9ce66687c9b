"""What a direction changes: which pixels, which parts, and how much."""

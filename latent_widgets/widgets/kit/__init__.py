"""What the widgets are made of."""

"""What is measured: it knows no method and no picture."""

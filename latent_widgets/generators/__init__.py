"""The generators: what is explored."""

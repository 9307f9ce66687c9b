"""What every other room stands on: checks, rounding, steps and files. It knows no generator."""

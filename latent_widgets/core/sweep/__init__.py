"""The engine of sweeps: many rows in chunks, wherever joblib runs them, kept as they are finished; knows no method."""

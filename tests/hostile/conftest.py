"""The fuzzer is a command, whose engine is in an extra of its own: no doctests are looked for in it."""

collect_ignore = ["fuzz.py"]

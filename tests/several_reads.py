"""Blocks that may be read several times, as a sweep gives them."""


class Reads:
    """Gives the blocks that `make` gives, as often as asked for; `count` says how often that was."""

    def __init__(self, make):
        self._make = make
        self.count = 0

    def __iter__(self):
        self.count += 1
        return iter(self._make(self.count))

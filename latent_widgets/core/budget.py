"""What reading a file may cost: a small multiple of its size, for all that is made of it together.

A file of a few hundred bytes can say "twice as long" thirty times, or "a trillion zeros" once. So whatever makes
something of a file says beforehand how much that is, and everything draws on one account.
"""

from __future__ import annotations

__all__ = ["EACH", "FLOOR", "TIMES", "Budget"]

TIMES = 24  # bytes made for each byte of the file; half precision, packed bits and text in base64 need up to eight
FLOOR = 64 * 2**20  # bytes that any file may cost, however small
EACH = 96  # bytes that a value in a list or a dict is charged, which pays for the work of looking at it too


class Budget:
    """The account of one file.

    Memory is charged in bytes. Work is charged likewise, by the length of what is looked at, so that the same account
    bounds the time: with :data:`EACH` for a value, the floor is less than a second.

    Args:
        size: Bytes of the file.
        name: What it is called in errors.
        error: What is raised when the account is empty.

    Example:
        >>> budget = Budget(size=1000)
        >>> budget.spend(4 * 512 * 512)
        >>> budget.spend(10**12)
        Traceback (most recent call last):
        ...
        ValueError: the file must need memory and work in proportion to its 1000 bytes, got one that asks for far more.
    """

    def __init__(self, size: int, name: str = "the file", error: type[ValueError] = ValueError) -> None:
        self.size, self.name, self.error = size, name, error
        self.left = FLOOR + TIMES * size

    def spend(self, amount: int) -> None:
        """Charge what is about to be made or looked at.

        Args:
            amount: Bytes, from 0.

        Raises:
            ValueError: If that is more than is left; or the subclass that the account was given.
        """
        if amount > self.left:
            raise self.error(
                f"{self.name} must need memory and work in proportion to its {self.size} bytes, "
                "got one that asks for far more."
            )
        self.left -= amount

    def spend_each(self, count: int) -> None:
        """Charge values that are about to be made or looked at one by one.

        Args:
            count: How many.

        Raises:
            ValueError: If that is more than is left.
        """
        self.spend(EACH * count)

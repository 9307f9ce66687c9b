"""Whether there is room for what a sweep will find, asked before it begins."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["check_room", "sized"]

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
SPARE = 2**26  # bytes of a disk that are left alone


def check_room(needed: int, folder: Path | None) -> None:
    """Refuse what would not fit.

    Args:
        needed: Bytes that are still to come.
        folder: Where they go; None for memory.

    Raises:
        ValueError: If there are fewer; the message says how many.
    """
    if folder is not None:
        free = max(shutil.disk_usage(folder).free - SPARE, 0)
        if needed > free:
            raise ValueError(
                f"store must lie on a disk with room for {sized(needed)}, got {str(folder)!r} with {sized(free)} free. "
                "Take fewer codes, a smaller k=, or another disk."
            )
        return
    left = free_memory()
    if left is not None and needed > left:
        raise ValueError(
            f"the results must fit into memory, got {sized(needed)} for {sized(left)} free. Give store='a folder/', "
            "fewer codes, or a smaller k=."
        )


def free_memory() -> int | None:
    """Return how many bytes of memory are free; None where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return None
    except (OSError, ValueError):
        return None


def sized(count: float) -> str:
    """Say how many bytes.

    Args:
        count: How many.

    Returns:
        The words.

    Example:
        >>> sized(5), sized(2_345_678), sized(3e12)
        ('5 bytes', '2.3 MB', '3.0 TB')
    """
    power = 0
    while count >= 1000 and power < len(_UNITS) - 1:
        count, power = count / 1000, power + 1
    return f"{count:.1f} {_UNITS[power]}" if power else f"{count:.0f} bytes"

"""One line of a report."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """What was found about one thing.

    Attributes:
        name: What was looked at.
        said: What there is to say.
        wrong: What is wrong with it, and what helps; empty where all is well.
    """

    name: str
    said: str
    wrong: str = ""

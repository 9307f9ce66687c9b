"""Where the modules of the page lie."""

from __future__ import annotations

from pathlib import Path

__all__ = ["STAGE"]

STAGE = Path(__file__).with_name("stage.js")
"What hands touch on a picture, and the strip of a walk."

"""When the page sent what the kernel answers: a message that waited for a busy kernel was not sent late."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

__all__ = ["sent_at"]


def sent_at() -> float | None:
    """Return when the page sent the move of a control that is being answered, in seconds of the page's clock.

    Returns:
        None where no control of a page is the reason: in a cell, or outside a notebook.

    Example:
        >>> sent_at() is None
        True
    """
    python = sys.modules.get("IPython")
    kernel: Any = getattr(python.get_ipython() if python else None, "kernel", None)
    header = kernel.get_parent().get("header", {}) if kernel is not None else {}
    date = header.get("date")
    return date.timestamp() if header.get("msg_type") == "comm_msg" and isinstance(date, datetime) else None

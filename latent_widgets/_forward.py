"""Forward-mode derivatives, one thread at a time.

PyTorch counts the levels of forward-mode derivatives for the whole process: where two threads take one at once, either
may end the other's level, which is an error or, worse, a wrong number. A panel differentiates on a thread of its own.
"""

from __future__ import annotations

import threading

__all__ = ["FORWARD"]

FORWARD = threading.RLock()  # held around each derivative, by the same thread as often as derivatives are nested

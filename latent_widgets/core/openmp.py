"""How PyTorch's threads wait in a process that this package starts: asleep, unless the environment says otherwise.

Threads of OpenMP spin while they wait for one another. Where another program takes one of their cores, each operation
of a small network then waits for a thread that does not run, and a picture takes many times as long. OpenMP reads its
policy when PyTorch is loaded, so the package imports this file first.
"""

from __future__ import annotations

import os
import sys

__all__ = ["wait_asleep"]


def wait_asleep() -> None:
    """Set the policy for ``python -m latent_widgets``; a process that only imports the package keeps its own."""
    if sys.argv[:1] == ["-m"]:  # which Python puts there while it looks for the module that it is to run
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")


wait_asleep()

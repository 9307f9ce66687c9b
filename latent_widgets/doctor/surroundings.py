"""Where the package runs: versions, platform, threads."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import torch

from latent_widgets.core.version import VERSION
from latent_widgets.doctor.device import title_of
from latent_widgets.doctor.finding import Finding

__all__ = ["surroundings"]

PACKAGES = ("torch", "numpy", "scipy", "ipywidgets", "anywidget", "ipycanvas", "jupyterlab", "ipykernel")


def surroundings(device: torch.device) -> Iterator[Finding]:
    """Say where the package runs.

    Args:
        device: The device that is examined.

    Yields:
        Versions, platform, device and threads.
    """
    yield Finding("latent_widgets", f"{VERSION}, Python {platform.python_version()}")
    yield Finding("versions", ", ".join(f"{name} {_version(name)}" for name in PACKAGES))
    yield Finding("platform", f"{platform.platform(terse=True)}, {platform.machine()}")
    yield Finding("device", title_of(device))
    waits = os.environ.get("OMP_WAIT_POLICY", "not set")
    threads = f"{torch.get_num_threads()} of PyTorch, {os.cpu_count()} processors, OMP_WAIT_POLICY {waits}"
    yield Finding("threads", threads)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is missing"

"""The device that is examined: whether it is there, and how much memory was taken on it."""

from __future__ import annotations

import sys

import torch

from latent_widgets.core import checks

__all__ = ["DEVICES", "device_of", "finished", "peak_bytes", "title_of"]

DEVICES = ("cpu", "cuda", "mps")


def device_of(name: str | None) -> torch.device:
    """Return a device if it is there.

    Args:
        name: ``"cpu"``, ``"cuda"`` or ``"mps"``; the CPU if not given.

    Returns:
        The device.

    Raises:
        ValueError: If it is unknown, or not there.

    Example:
        >>> device_of(None)
        device(type='cpu')
    """
    name = checks.choice("device", "cpu" if name is None else name, DEVICES)
    why = ""
    if name == "cuda" and not torch.cuda.is_available():
        built = torch.version.cuda or torch.version.hip
        why = "finds no GPU that its driver serves" if built else "was built without CUDA"
    elif name == "mps" and not torch.backends.mps.is_available():
        why = "finds no Metal" if torch.backends.mps.is_built() else "was built without Metal"
    if why:
        raise ValueError(f"device must be one that is there, got {name!r}: this PyTorch {why}. Use 'cpu'.")
    return torch.device(name)


def title_of(device: torch.device) -> str:
    """Return what a device is called.

    Args:
        device: The device.

    Returns:
        Its kind, with the maker's name and the memory where there are such.
    """
    if device.type != "cuda":
        return device.type
    about = torch.cuda.get_device_properties(device)
    return f"cuda: {about.name}, {about.total_memory / 2**30:.0f} GiB"


def finished(device: torch.device) -> None:
    """Wait for what a device still computes.

    Args:
        device: The device.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def peak_bytes(device: torch.device) -> int | None:
    """Return the most memory that was taken so far: on a GPU of it, else by the process.

    Args:
        device: The device.

    Returns:
        Bytes; None where nobody counts them.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most  # Linux counts kilobytes

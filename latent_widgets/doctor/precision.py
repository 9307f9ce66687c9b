"""TF32: what is set, and what the package computes with where it measures."""

from __future__ import annotations

from typing import Any

import torch

from latent_widgets.core.exact import exact
from latent_widgets.doctor.finding import Finding

__all__ = ["precision", "settings"]

SHORT = ("tf32", "bf16", "high", "medium")


def settings() -> dict[str, str]:
    """Return in which precision a GPU multiplies float32, as it is set now.

    Returns:
        For matrix products and for convolutions ``"ieee"``, or what takes its place.

    Example:
        >>> with exact():
        ...     settings()
        {'products': 'ieee', 'convolutions': 'ieee'}
    """
    cudnn: Any = torch.backends.cudnn
    cuda: Any = torch.backends.cuda
    if not hasattr(cudnn, "conv"):  # before PyTorch 2.9
        return {
            "products": "tf32" if cuda.matmul.allow_tf32 else "ieee",
            "convolutions": "tf32" if cudnn.allow_tf32 else "ieee",
        }
    whole: Any = torch.backends
    return {  # what is not set for one kind is taken from its library, and then from all
        "products": _first(cuda.matmul.fp32_precision, whole.fp32_precision),
        "convolutions": _first(cudnn.conv.fp32_precision, cudnn.fp32_precision, whole.fp32_precision),
    }


def _first(*values: str) -> str:
    return next((value for value in values if value != "none"), "ieee")


def precision() -> Finding:
    """Say what is set, and check that nothing is shortened where the package measures.

    Returns:
        What was found.
    """
    before = settings()
    with exact():
        during = settings()
    said = ", ".join(f"{kind} {value}" for kind, value in before.items())
    measured = ", ".join(f"{kind} {value}" for kind, value in during.items())
    short = [kind for kind, value in during.items() if value in SHORT]
    wrong = f"{' and '.join(short)} are shortened where the package measures. Please report this." if short else ""
    return Finding("TF32", f"as set for a GPU: {said}; where the package measures: {measured}", wrong)

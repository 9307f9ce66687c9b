"""Arithmetic as it is written, where numbers are measured: what PyTorch shortens for speed is off meanwhile.

Convolutions on a GPU use TF32 unless told otherwise, 10 bits of mantissa: pictures look the same, derivatives are off
by 5e-4. Fused attention and the fast path of transformer layers have no derivative in forward mode. Autocast computes
in half precision. All but the last are settings of the whole process, so pictures that another thread draws meanwhile
are exact too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch

__all__ = ["exact"]

_Setting = tuple[Callable[[], Any], Callable[[Any], Any], Callable[[Any], Any]]
"""How it is read and written, and what it is meanwhile, given what it was."""

_LOCK = threading.Lock()
_users = 0
_before: list[Any] = []
_during: list[Any] = []


@contextmanager
def exact() -> Iterator[None]:
    """Compute without TF32, fused attention, the fast path of transformer layers and autocast, within a block.

    Blocks may be nested and may run in several threads; the last one to end restores what was there before the first.
    Works as a decorator too.

    Example:
        >>> before = torch.backends.mha.get_fastpath_enabled()
        >>> with exact():
        ...     torch.backends.mha.get_fastpath_enabled()
        False
        >>> torch.backends.mha.get_fastpath_enabled() == before
        True
    """
    global _users
    with ExitStack() as own:
        for kind in ("cpu", "cuda", "mps", "xpu"):
            if torch.is_autocast_enabled(kind):  # of this thread
                own.enter_context(torch.autocast(kind, enabled=False))
        with _LOCK:
            if not _users:
                _before[:] = [read() for read, _, _ in _SETTINGS]
                _during[:] = [off(value) for (_, _, off), value in zip(_SETTINGS, _before, strict=True)]
                _write(_during, _before)
            _users += 1
        try:
            yield
        finally:
            with _LOCK:
                _users -= 1
                if not _users:
                    _write(_before, _during)


def _write(values: list[Any], others: list[Any]) -> None:
    for (_, write, _), value, other in zip(_SETTINGS, values, others, strict=True):
        if value != other:
            write(value)


def _attribute(owner: Any, name: str) -> _Setting:
    return partial(getattr, owner, name), partial(setattr, owner, name), lambda value: "ieee"


def _older_or_newer(older: _Setting, newer: list[_Setting]) -> _Setting:
    """One setting under two names: where it was set by the newer one, PyTorch refuses to read the older."""

    def read() -> tuple[bool, list[Any]]:
        try:
            return True, [older[0]()]
        except RuntimeError:
            return False, [read() for read, _, _ in newer]

    def write(value: tuple[bool, list[Any]]) -> None:
        for (_, write, _), one in zip([older] if value[0] else newer, value[1], strict=True):
            write(one)

    def off(value: tuple[bool, list[Any]]) -> tuple[bool, list[Any]]:
        return value[0], [off(one) for (_, _, off), one in zip([older] if value[0] else newer, value[1], strict=True)]

    return read, write, off


def _settings() -> tuple[_Setting, ...]:
    cuda, mha = torch.backends.cuda, torch.backends.mha
    cudnn: Any = torch.backends.cudnn
    mkldnn: Any = torch.backends.mkldnn
    products: _Setting = (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, lambda _: "highest")
    by_kind = hasattr(cudnn, "conv")  # since PyTorch 2.9
    found: list[_Setting] = [
        (cuda.flash_sdp_enabled, cuda.enable_flash_sdp, lambda _: False),
        (cuda.mem_efficient_sdp_enabled, cuda.enable_mem_efficient_sdp, lambda _: False),
        (cuda.cudnn_sdp_enabled, cuda.enable_cudnn_sdp, lambda _: False),
        (cuda.math_sdp_enabled, cuda.enable_math_sdp, lambda _: True),
        (mha.get_fastpath_enabled, mha.set_fastpath_enabled, lambda _: False),
    ]
    tf32: _Setting = (*_attribute(cudnn, "allow_tf32")[:2], lambda _: False)
    if not by_kind:
        return (*found, products, tf32)
    several = [_attribute(owner, "fp32_precision") for owner in (cuda.matmul, mkldnn.matmul)]
    kinds = [_attribute(owner, "fp32_precision") for owner in (cudnn.conv, cudnn.rnn)]
    read, write, _ = _attribute(mkldnn.conv, "fp32_precision")
    found.append((read, write, lambda value: value if value == "none" else "ieee"))
    return (*found, _older_or_newer(products, several), _older_or_newer(tf32, kinds))


_SETTINGS = _settings()

"""The manager that ipycanvas has for all canvases: no part of a panel, and closed by ``Widget.close_all`` like one."""

from __future__ import annotations

from typing import Any

from latent_widgets.core.imports import import_whole

__all__ = ["canvases", "open_canvases"]


def open_canvases() -> bool:
    """Open what ipycanvas has one of for all canvases, which ``Widget.close_all`` closes like a panel.

    Returns:
        Whether it was closed.
    """
    manager = canvases()
    if manager is None or manager.comm is not None:
        return False
    manager._caching, manager._commands_cache, manager._buffers_cache = False, [], []
    manager._current_canvas = None
    manager._model_id = None  # the page has thrown away what had the old one
    manager.__dict__.pop("_repr_mimebundle_", None)
    manager.open()
    return True


def canvases() -> Any:
    """The manager of ipycanvas; None where that is not installed."""
    try:
        import_whole("ipycanvas.canvas")
        from ipycanvas.canvas import _CANVAS_MANAGER
    except ImportError:
        return None
    return _CANVAS_MANAGER

"""Which cells of the notebook show a panel; one that no cell shows and nothing holds any more is closed.

ipywidgets keeps every widget until it is closed, so a cell that is run again would leave a thousand behind each time.
After each cell, the panels go that the page has lost: each cell that showed them has run again since, and no variable,
widget, link or observer leads to them. The output history does not count: it holds all that was ever shown.

A front end that sends no ids with its cells does not say that it is the same one that runs again. There only a panel
goes that was shown by the cell that made it, when the same text has put others of its kind under all of its names.
"""

from __future__ import annotations

import re
import sys
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import ipywidgets

from latent_widgets.widgets.kit.canvases import canvases
from latent_widgets.widgets.kit.reachable import reached

__all__ = ["made", "shown"]

# what IPython itself puts among the variables: its functions, and all that was ever typed or shown
HISTORY = re.compile(r"_+|_\d+|_i+|_i\d+|_[oid]h|In|Out|get_ipython|exit|quit|open")
ELSEWHERE = "elsewhere"  # in place of a cell: shown by a callback or in a box of outputs, which says nothing of its end
_CELLS: weakref.WeakKeyDictionary[Any, Cells] = weakref.WeakKeyDictionary()


class Run(NamedTuple):
    """One run of a cell."""

    cell: str  # its id, else its text
    named: bool  # whether that is an id
    message: str  # differs from run to run


@dataclass
class Trace:
    """Where a panel was made and shown."""

    maker: Run
    shows: dict[str, Run]  # by cell, the last run of each that may show it still
    names: list[str] = field(default_factory=list)  # under which its maker has left it


class Cells:
    """What is known of the cells of one shell."""

    def __init__(self, shell: Any) -> None:
        self.shell = weakref.proxy(shell)
        self.traces: weakref.WeakKeyDictionary[Any, Trace] = weakref.WeakKeyDictionary()
        shell.events.register("post_run_cell", self.tidy)

    def running(self) -> Run | None:
        """The cell that runs on this thread; None in a callback, say, and where none can be told."""
        if threading.current_thread() is not threading.main_thread():
            return None
        parent = self.shell.get_parent() or {}
        header = parent.get("header", {})
        if header.get("msg_type") != "execute_request":
            return None
        cell = parent.get("metadata", {}).get("cellId")
        return Run(str(cell or parent["content"]["code"]), bool(cell), str(header["msg_id"]))

    def tidy(self, result: Any = None) -> None:
        """After a cell: close the panels that it has made the page lose."""
        run = self.running()
        if run is None or not self.traces:
            return
        names = {name: value for name, value in self.shell.user_ns.items() if not HISTORY.fullmatch(name)}
        for panel, trace in list(self.traces.items()):
            if trace.maker == run:
                trace.names = [name for name, value in names.items() if value is panel]
        for trace in list(self.traces.values()):
            if self._over(trace, run, names):
                trace.shows.pop(run.cell)
        unseen = [panel for panel, trace in list(self.traces.items()) if not trace.shows and not panel.stays]
        for panel in _lost(unseen, list(names.values())):
            panel.close()
            self._forget(panel)

    def _over(self, trace: Trace, run: Run, names: Mapping[str, Any]) -> bool:
        """Whether this run has taken a panel off the page that an earlier one of the same cell had put there."""
        before = trace.shows.get(run.cell)
        if before is None or before.message == run.message:
            return False
        if run.named:
            return True
        alone = trace.maker.cell == run.cell and len(trace.shows) == 1
        return alone and bool(trace.names) and all(self._made_by(names.get(name), run) for name in trace.names)

    def _made_by(self, value: Any, run: Run) -> bool:
        trace = self.traces.get(value) if isinstance(value, ipywidgets.Widget) else None
        return trace is not None and trace.maker == run

    def _forget(self, panel: Any) -> None:
        """Take a closed panel out of the output history, which would keep its memory."""
        self.traces.pop(panel, None)
        names = [name for name, value in self.shell.user_ns.items() if value is panel]
        if names:
            self.shell.del_var(names[0], by_name=False)


def made(panel: Any) -> None:
    """Note that the running cell has made a panel."""
    cells = _cells()
    run = cells.running() if cells else None
    if cells and run:
        cells.traces[panel] = Trace(run, {run.cell: run})


def shown(panel: Any) -> None:
    """Note that a panel is being shown."""
    cells = _cells()
    trace = cells.traces.get(panel) if cells else None
    if cells and trace:
        run = cells.running()
        if run is None or any(_collects(widget, run) for widget in list(_alive())):
            run = Run(ELSEWHERE, False, "")
        trace.shows[run.cell] = run


def _cells() -> Cells | None:
    """What is known of the cells of this process's kernel; None where there is none."""
    python = sys.modules.get("IPython")
    shell = python.get_ipython() if python else None
    if shell is None or not hasattr(shell, "get_parent"):  # a terminal shows no widgets
        return None
    if shell not in _CELLS:
        _CELLS[shell] = Cells(shell)
    return _CELLS[shell]


def _alive() -> list[ipywidgets.Widget]:
    return list(ipywidgets.widgets.widget._instances.values())


def _collects(widget: ipywidgets.Widget, run: Run) -> bool:
    """Whether a box of outputs takes what the cell shows."""
    return isinstance(widget, ipywidgets.Output) and widget.msg_id == run.message


def _lost(unseen: list[Any], variables: list[Any]) -> list[Any]:
    """Those of some panels to which nothing leads: no variable, and no widget that is no part of them."""
    if not unseen:
        return []
    parts = {id(widget): panel for panel in unseen for widget in panel.tree()}
    shared = canvases()  # knows the canvas that was drawn on last
    roots = [*variables, *(widget for widget in _alive() if id(widget) not in parts and widget is not shared)]
    held = reached(parts, roots)
    return [panel for panel in unseen if panel not in held]

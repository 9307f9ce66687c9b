"""A bar for scripts and notebooks that shows what ``on_step`` is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from latent_widgets.core.imports import import_whole
from latent_widgets.core.steps import OnStep, Step, goes_on

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(on_step: OnStep | None, shown: bool, what: str, unit: str) -> Iterator[OnStep | None]:
    """Show a bar of tqdm's, with rate and time left, within a ``with`` block.

    Args:
        on_step: Who is told besides.
        shown: Whether to show it at all.
        what: What is computed.
        unit: What a step is called.

    Yields:
        What a computation is to call.
    """
    if not shown:
        yield on_step
        return
    import_whole("tqdm.auto")
    from tqdm.auto import tqdm

    with ExitStack() as open_:
        bar: Any = None

        def tell(step: Step) -> Any:
            nonlocal bar
            if bar is None and step.total is not None:  # what was there before does not count for the rate
                made = tqdm(desc=what, unit=f" {unit}", total=step.total, initial=step.index, dynamic_ncols=True)
                bar = open_.enter_context(made)
            if bar is not None and step.index != bar.n:
                bar.update(step.index - bar.n)
            return None if on_step is None else goes_on(on_step(step))

        yield tell

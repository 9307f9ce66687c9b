"""A method over many latents: in chunks that are kept as they are finished, wherever joblib is told to compute."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.steps import OnStep, Plan
from latent_widgets.core.sweep.assignment import Assignment, begun
from latent_widgets.core.sweep.engine import run
from latent_widgets.core.sweep.progress import progress_bar
from latent_widgets.core.work import Work
from latent_widgets.generators.base import Generator
from latent_widgets.sweeps import bases, curves, regions, spectra, warpage
from latent_widgets.sweeps.result import Sweep

__all__ = ["KINDS", "sweep"]

KINDS: dict[str, Callable[..., Assignment]] = {
    "curve": curves.assigned,
    "image_spectrum": spectra.assigned,
    "local_basis": bases.assigned,
    "region_spectrum": regions.assigned,
    "warpage": warpage.assigned,
}
"""What can be swept, and how each says what it is to do."""


@exact()
def sweep(
    G: Generator,
    kind: str,
    codes: Tensor | int,
    *,
    store: str | os.PathLike[str] | None = None,
    seed: int = 0,
    chunk: int | None = None,
    threads: int = 1,
    progress: bool = False,
    on_step: OnStep | None = None,
    **parameters: Any,
) -> Sweep:
    """Find something at many latents, in chunks that are kept as they are finished.

    Chunks are computed one after the other, or wherever ``joblib.parallel_config`` says: by processes of this machine
    (``backend="loky"``), threads (``"threading"``), or the workers of a Dask cluster (``"dask"``). A store is a folder
    with a manifest and one file a chunk, written whole or not at all: a sweep that was killed goes on there, and gives
    what an uninterrupted one gives, bit for bit, with the same number of threads on the same machine. Chunks whose
    worker died or that failed are tried once more; what fails twice is left out, with the reason.

    Args:
        G: The generator. Built-in ones are sent to other processes by their name, others with their weights, once to
            each worker; a live network by cloudpickle.
        kind: ``"local_basis"``, ``"warpage"``, ``"image_spectrum"``, ``"region_spectrum"`` or ``"curve"``.
        codes: Latents ``(n, z_dim)``, or how many are drawn; for spectra and regions codes in ``space=``, too.
        store: A folder, made where it is missing. Without one, results are in memory.
        seed: Of the draw.
        chunk: How many latents make a chunk. If not given, those of the store, or so many that a chunk takes about two
            seconds and each worker has at least four.
        threads: Threads of PyTorch in each process of its own.
        progress: Whether a bar shows rate and time left.
        on_step: Called as chunks are finished, and in between; ``False`` ends the sweep, which has what was finished.
        **parameters: Those of the kind, as of ``local_basis``, ``warpage``, ``RegionSpectra`` with its ``directions``
            and ``mask``, and ``curve_traversal``; for ``"image_spectrum"`` ``target``, ``k``, ``method``, ``space``,
            ``truncation`` and ``budget_bytes``.

    Returns:
        The sweep.

    Raises:
        TypeError: If an argument has the wrong type or is unknown.
        ValueError: If something does not fit the generator, the store is of something else or another program writes
            to it, there is no room for what will come, the generator cannot be sent, workers have another version or
            die one after the other, or every chunk failed.

    Example:
        >>> from latent_widgets.generators.exact import ExactFaces
        >>> G = ExactFaces(resolution=16)
        >>> S = sweep(G, "local_basis", 6, k=3)
        >>> S
        <Sweep of 6 latents: local_basis of 'faces-exact'>
        >>> S["directions"].shape, len(S.result())
        (torch.Size([6, 39, 3]), 6)
    """
    checks.choice("kind", kind, tuple(KINDS))
    assign = KINDS[kind]
    known = {name: one for name, one in inspect.signature(assign).parameters.items() if one.kind is one.KEYWORD_ONLY}
    checks.known_keywords(f"sweep(G, {kind!r})", parameters, known)
    for name, one in known.items():
        if one.default is one.empty and name not in parameters:
            raise TypeError(f"{name} must be given for {kind!r}, got none. Use sweep(G, {kind!r}, codes, {name}=...).")
    checks.integer("seed", seed, 0)
    checks.integer("threads", threads, 1)
    checks.flag("progress", progress)
    given = assign(G, codes, seed, **parameters)
    kept = begun(given, store, chunk)
    with progress_bar(on_step, progress, kind, "latent") as told:
        work = Work(told, given.count)

        def expect(left: int, workers: int) -> None:
            work.expect(Plan(left, given.seconds_each / workers, "latent"), left)

        ended = run(given.task, kept, work, expect=expect, seconds_each=given.seconds_each, threads=threads)
    return Sweep(kept, ended.stopped, ended.failures)

"""What a sweep has found."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from latent_widgets.core.sweep.engine import Failure
from latent_widgets.core.sweep.rows import Column, Rows
from latent_widgets.core.sweep.store import Folder, Store, folder_of
from latent_widgets.core.words import one_line, shown

__all__ = ["Sweep"]


@dataclass(frozen=True, eq=False)
class Sweep:
    """The rows of a sweep, in a folder or in memory; a folder is read when something is asked for.

    Attributes:
        store: Where they are.
        stopped: ``"finished"``; ``"cancelled"``, or ``"unfinished"`` where a folder was opened that lacks rows: sweep
            again into it; ``"failed"`` where :attr:`failures` says which rows could not be found, twice.
        failures: What failed, and why.
    """

    store: Store
    stopped: str
    failures: tuple[Failure, ...] = ()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Sweep:
        """Open the folder of a sweep, finished or not; another program may be writing to it.

        Args:
            path: The folder.

        Returns:
            What is there.

        Raises:
            TypeError: If it is no path.
            ValueError: If it is no store, or of a version that is not known.
        """
        store = folder_of(path)
        return cls(store, "unfinished" if store.missing() else "finished")

    def __len__(self) -> int:
        """How many rows are there."""
        return len(self.done)

    def __repr__(self) -> str:
        part = f"{len(self)} of {self.total}" if len(self) < self.total else f"{self.total}"
        failed = sum(failure.last - failure.first + 1 for failure in self.failures)
        said = "" if self.stopped == "finished" else f", {self.stopped}" + (f": {failed}" if failed else "")
        return f"<Sweep of {part} latents{said}: {one_line(self.kind, 60)} of {shown(self.generator)}>"

    # ---- facts

    @property
    def kind(self) -> str:
        """Which results."""
        return self.store.manifest.kind

    @property
    def parameters(self) -> Mapping[str, Any]:
        """How they were found."""
        return self.store.manifest.parameters

    @property
    def generator(self) -> str:
        """What the generator is called."""
        return self.store.manifest.generator

    @property
    def weights_hash(self) -> str:
        """Its identity."""
        return self.store.manifest.weights_hash

    @property
    def version(self) -> str:
        """The version of the package that swept."""
        return self.store.manifest.version

    @property
    def total(self) -> int:
        """How many rows were asked for."""
        return self.store.manifest.count

    @property
    def path(self) -> Path | None:
        """The folder; None in memory."""
        return self.store.path if isinstance(self.store, Folder) else None

    # ---- results

    @cached_property
    def done(self) -> Tensor:
        """``(m,)`` int64, the numbers of the rows that are there, as of the first time this is asked for."""
        return Rows(self.store).done

    @property
    def names(self) -> tuple[str, ...]:
        """The columns.

        Raises:
            ValueError: If nothing is finished.
        """
        return Rows(self.store).names

    def columns(self, *names: str) -> dict[str, Tensor]:
        """Return columns in memory.

        Args:
            *names: Which of :attr:`names`; all if none is given.

        Returns:
            ``(m, ...)`` each, on the CPU, in the order of the rows.

        Raises:
            ValueError: If there is no such column, nothing is finished, or a chunk is damaged.
        """
        return Rows(self.store).columns(*names)

    def __getitem__(self, name: str) -> Tensor:
        """Return one column, see :meth:`columns`."""
        return self.columns(name)[name]

    def blocks(self, name: str) -> Column:
        """Return a column in blocks, for what is too large for memory; to be read as often as needed.

        Args:
            name: One of :attr:`names`.

        Returns:
            What a loop goes through, one block in memory at a time.

        Raises:
            ValueError: If there is no such column, or nothing is finished.
        """
        return Rows(self.store).blocks(name)

    def result(self) -> Any:
        """Return what the method itself returns.

        Returns:
            For ``"warpage"`` a :class:`~latent_widgets.WarpageMap`, for ``"local_basis"`` a tuple of
            :class:`~latent_widgets.LocalBasis`, for ``"region_spectrum"`` one of :class:`~latent_widgets.Directions`,
            for ``"curve"`` one of :class:`~latent_widgets.CurveWalk`, and for ``"image_spectrum"`` the singular values.

        Raises:
            ValueError: If nothing is finished, a chunk is damaged, or the store holds what is no such result.
        """
        from latent_widgets.sweeps.results import result_of

        return result_of(self.store)

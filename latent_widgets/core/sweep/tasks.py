"""What is done to the rows of a sweep, and how it gets to other processes: once each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from latent_widgets.core.imports import import_whole
from latent_widgets.core.steps import OnStep, Step
from latent_widgets.core.version import VERSION

__all__ = ["Parcel", "Task", "Unsendable", "telling"]

Inside = Callable[[], object]


class Task(Protocol):
    """Finds something for a few rows at once. It is sent to other processes, and must not depend on what is there."""

    @property
    def device(self) -> torch.device:
        """Where it wants its rows."""

    def __call__(self, rows: Mapping[str, Tensor], inside: Inside) -> Mapping[str, Tensor]:
        """Return columns, a row for each row.

        Args:
            rows: The rows, by their names.
            inside: To be called now and then; raises ``Cancelled`` where the sweep was.
        """


def telling(inside: Inside) -> OnStep:
    """Return what a method may call after its steps: all but the last, after which the next rows come.

    Args:
        inside: What is called; raises to end the work.

    Returns:
        It.

    Example:
        >>> tell = telling(lambda: print("still there"))
        >>> tell(Step(1, 2)), tell(Step(2, 2))
        still there
        (True, True)
    """

    def tell(step: Step) -> bool:
        if step.total is None or step.index < step.total:
            inside()
        return True

    return tell


class Unsendable(ValueError):
    """A task cannot be sent to other processes."""


class Parcel:
    """A task on its way: where it is not sent anywhere it is the task itself.

    What is pickled is a single array, of which joblib gives each process one view, and Dask each worker one copy; a
    process unpacks it once.

    Args:
        task: The task.
        name: What it computes with, in errors.
        wrong: Why it cannot be computed here.
    """

    def __init__(self, task: Task | None, name: str = "the generator", *, wrong: str = "") -> None:
        self.task, self._name, self.wrong = task, name, wrong
        self._data: np.ndarray[Any, Any] | None = None

    def packed(self) -> np.ndarray[Any, Any]:
        """Return the task as bytes.

        Raises:
            Unsendable: If something in it stays here.
        """
        if self._data is None:
            import_whole("cloudpickle")
            import cloudpickle

            try:
                self._data = np.frombuffer(cloudpickle.dumps(self.task), np.uint8)
            except Exception as error:  # whatever an object says that does not let itself be pickled
                raise Unsendable(
                    f"{self._name} must be something that other processes can be sent, got one that holds what they "
                    f"cannot: {error}. Use joblib.parallel_config(backend='threading'), or load it from a file."
                ) from error
        return self._data

    def __sizeof__(self) -> int:  # by which Dask sees that it is worth sending once
        return 0 if self._data is None else self._data.nbytes

    def __reduce__(self) -> tuple[Any, ...]:
        data = self.packed()
        return _unpacked, (hashlib.sha256(data.data).hexdigest(), data, VERSION)


_UNPACKED: dict[str, Parcel] = {}  # of this process: the last one, that each worker has it once


def _unpacked(digest: str, data: np.ndarray[Any, Any], version: str) -> Parcel:
    if version != VERSION:  # another version may not know what is in it
        return Parcel(None, wrong=f"one with {VERSION}, where the sweep was begun with {version}")
    if digest not in _UNPACKED:
        import_whole("cloudpickle")
        import cloudpickle

        _UNPACKED.clear()
        _UNPACKED[digest] = Parcel(cloudpickle.loads(data))
    return _UNPACKED[digest]

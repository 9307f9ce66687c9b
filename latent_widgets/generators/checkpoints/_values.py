"""What a pickle is turned into: plain Python values, and these few inert ones."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from latent_widgets.core.budget import EACH, Budget

__all__ = [
    "WAY_OUT",
    "Allowed",
    "Bag",
    "Blob",
    "Charged",
    "CheckpointError",
    "PersistentModule",
    "as_key",
    "cost",
    "let_go",
    "short",
    "text_of",
]

WAY_OUT = "Load it with the program that wrote it and pass the live network: lw.load(network)."
_KEYS = (str, int, float, bool, bytes, type(None))  # hashed in constant time: a nest of tuples may take for ever
_SECRET = (str, bytes, bool, type(None))  # nobody can choose two of them that have the same hash
_NARROW = 2**60  # integers below have each a hash of their own


class CheckpointError(ValueError):
    """A file that is damaged, hostile, or of a kind that is not read; the message says which, and the way out."""


def short(value: Any) -> str:
    """Return a value of a file, fit for a message: on one line, cut after 80 characters."""
    value = value[:80] if isinstance(value, str | bytes) else value
    text = ascii(value) if isinstance(value, str | int | float | bytes | None) else type(value).__name__
    return text if len(text) <= 80 else f"{text[:77]}..."


def let_go(view: memoryview) -> None:
    """Give back the memory in which a mapped file was read; what is looked at again is read again."""
    if isinstance(view.obj, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):  # Windows has none
        view.obj.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True, eq=False)
class Blob:
    """A long run of bytes or text that stays in the file until it is asked for.

    Attributes:
        view: Where it lies.
        is_text: Whether it was written as text, in UTF-8.
        is_latin: Whether it is bytes, each written as the character of that number (what protocol 2 does).
    """

    view: memoryview
    is_text: bool = False
    is_latin: bool = False

    def text(self) -> str:
        """Decode it as text."""
        return str(self.view, "utf-8", "surrogatepass")

    def content(self) -> memoryview:
        """Return its bytes; nothing is copied unless they were written as text."""
        return memoryview(self.text().encode("latin-1")) if self.is_latin else self.view


@dataclass(frozen=True, eq=False)
class Allowed:
    """A name that files may use, and what our own code makes of it; the thing of that name is never imported.

    Attributes:
        name: The dotted name.
        call: Makes a value of the arguments with which the file calls it; None where it must not be called.
        new: Makes an instance of the arguments with which the file creates one; None where it has none.
        spare: Whether what it cannot make is left out, and not the whole file refused.
    """

    name: str
    call: Callable[..., Any] | None = None
    new: Callable[..., Any] | None = None
    spare: bool = False


class Charged:
    """What reads numbers of a file, on the account of that file.

    Attributes:
        budget: The account; None where nobody keeps one.
    """

    budget: Budget | None = None

    def charge(self, numel: int) -> None:
        """Charge the reading of numbers, as doubles: some are looked at so before anything is made of them."""
        if self.budget is not None:
            self.budget.spend(EACH + 8 * numel)


@dataclass(eq=False, repr=False)  # the text of a nest would be endless
class Bag:
    """An instance of a class that is not needed: its name and its attributes, inert.

    Attributes:
        name: Dotted name of the class.
        state: Its attributes.
    """

    name: str
    state: dict[str, Any] = field(default_factory=dict)

    def build(self, state: Any) -> None:
        """Take the attributes that the file gives the instance."""
        for part in state if isinstance(state, tuple) and len(state) == 2 else (state,):  # (attributes, slots)
            if not isinstance(part, dict | None):
                raise CheckpointError(f"the state of {self.name} must be a dict, got {short(part)}.")
            self.state.update(part or {})


@dataclass(frozen=True, eq=False, repr=False)
class PersistentModule:
    """A module of an NVIDIA pickle: its class is source text, kept as text; its attributes are values.

    Attributes:
        class_name: What the source calls it.
        source: The text of the Python file that defined it; never executed.
        state: Its attributes, with torch's ``_parameters``, ``_buffers`` and ``_modules`` among them.
    """

    class_name: str
    source: str | Blob
    state: dict[str, Any]

    @property
    def source_sha256(self) -> str:
        """The hash of the source text."""
        if isinstance(self.source, Blob):
            return hashlib.sha256(self.source.view).hexdigest()
        return hashlib.sha256(self.source.encode("utf-8", "surrogatepass")).hexdigest()


def as_key(key: Any) -> Any:
    """Return a value that a file uses as the key of a dict, or puts in a set.

    A file may hold as many floats, wide integers and tuples of one hash as it likes, and a dict of such takes minutes:
    they become their text, whose hash nobody knows beforehand.

    Raises:
        CheckpointError: If it is neither text nor a number, nor a few of them, nor a value without contents.
    """
    kind = type(key)
    if kind in _SECRET or kind is Allowed or isinstance(key, Bag):  # the last two by identity
        return key
    if kind is int or kind is float:
        return key if kind is int and -_NARROW < key < _NARROW else repr(key)
    if kind is tuple and 0 < len(key) <= 4 and all(type(part) in _KEYS for part in key) and _letters(key) <= 256:
        return ascii(key)
    raise CheckpointError(f"a key in a pickle must be text or a number, got {kind.__name__}.")


def _letters(parts: tuple[Any, ...]) -> int:
    return sum(part.bit_length() // 3 if isinstance(part, int) else len(part) for part in parts if type(part) in _LONG)


_LONG = (str, bytes, int)


def cost(value: Any) -> int:
    """Return what is charged for looking through a value of a file once, or copying it; not for what it holds.

    Example:
        >>> cost("abc"), cost([1, 2]), cost(7)
        (12, 192, 0)
    """
    if isinstance(value, str):
        return 4 * len(value)  # bytes of a letter at most
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, Blob):
        return len(value.view)
    return EACH * len(value) if isinstance(value, tuple | list | dict | set | frozenset) else 0


def text_of(data: bytes) -> str:
    """Decode text of a pickle.

    Raises:
        CheckpointError: If it is not UTF-8.
    """
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise CheckpointError(f"text in a pickle must be UTF-8, got {short(data)}.") from None

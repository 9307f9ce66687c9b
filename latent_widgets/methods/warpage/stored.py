"""The map of a sweep, from what its store holds so far."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from latent_widgets.core.sweep.rows import Rows
from latent_widgets.core.sweep.store import Store
from latent_widgets.methods.warpage.map import WarpageMap

__all__ = ["COMPARED", "assembled"]

COMPARED = "compared."  # under which names with what follows, a store keeps the bases that are compared


def assembled(
    store: Store, compared: Mapping[str, Tensor] | None = None, device: torch.device | None = None
) -> WarpageMap:
    """Make the map of the latents that are finished.

    Args:
        store: The store of a sweep of the kind ``"warpage"``.
        compared: The bases that are compared; those of the store if not given.
        device: Where its tensors are to be; on the CPU if not given.

    Returns:
        The map.

    Raises:
        ValueError: If a chunk is damaged, or no latent is finished.
    """
    manifest = store.manifest
    if compared is None:
        compared = {name.removeprefix(COMPARED): basis for name, basis in store.inputs.items() if "." in name}
    columns = {name: value.to(device) for name, value in Rows(store).columns().items()}
    return WarpageMap(
        z=columns["z"],
        codes=columns["codes"],
        space=manifest.parameters["space"],
        target=manifest.parameters["target"],
        bases=columns["directions"],
        close_bases=columns["close_directions"],
        epsilon=manifest.parameters["epsilon"],
        singular_values=columns["singular_values"],
        compared=compared,
        k=manifest.about["k"],
        metric=manifest.about["metric"],
        total=manifest.count,
        stopped="finished" if len(columns["z"]) == manifest.count else "cancelled",
        pictures=manifest.about["pictures"],
    )

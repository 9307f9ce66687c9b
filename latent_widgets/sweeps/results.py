"""From the rows of a sweep to what the method itself returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from latent_widgets.core.sweep.rows import Rows
from latent_widgets.core.sweep.store import Store
from latent_widgets.geometry.jacobian.differential import Differential
from latent_widgets.geometry.walks.curves import CurveWalk
from latent_widgets.methods.local_basis import LocalBasis, basis_at
from latent_widgets.methods.warpage import WarpageMap
from latent_widgets.methods.warpage.stored import fields_of
from latent_widgets.sweeps.regions import SCORES
from latent_widgets.values.directions import Directions

__all__ = ["RESULTS"]


def _spectra(store: Store) -> Tensor:
    return Rows(store).columns("singular_values")["singular_values"]


def _regions(store: Store) -> tuple[Directions, ...]:
    manifest, rows = store.manifest, Rows(store).columns()
    parameters = {name: manifest.parameters[name] for name in ("solver", "tolerance", "channels")}
    layers, space = manifest.parameters["rows"], manifest.parameters["space"]
    return tuple(
        Directions(
            vectors,
            "w+" if vectors.ndim == 3 else space,
            unit="rms",
            scales=rows["scales"][i],
            layers=layers,
            scores={name: rows[name.replace(" ", "_")][i] for name in SCORES},
            method="region",
            parameters=parameters,
            generator=manifest.generator,
            weights_hash=manifest.weights_hash,
        )
        for i, vectors in enumerate(rows["directions"])
    )


def _curves(store: Store) -> tuple[CurveWalk, ...]:
    asked, rows = store.manifest.parameters, Rows(store).columns()
    return tuple(
        CurveWalk(
            codes=rows["codes"][i],
            at=tuple(rows["at"][i].tolist()),
            space=asked["space"],
            unit="latent",
            kind="curve",
            name=f"{asked['variant']} direction {asked['index'] + 1}",
            z=rows["latents"][i],
            indices=rows["indices"][i],
            cosines=rows["cosines"][i],
            arc_length=rows["arc_length"][i],
            deviation=rows["deviation"][i],
        )
        for i in range(len(rows["codes"]))
    )


def _bases(store: Store) -> tuple[LocalBasis, ...]:
    manifest, rows = store.manifest, Rows(store).columns()
    asked = manifest.parameters

    def at(i: int) -> LocalBasis:
        directions, (m, d) = rows["directions"][i : i + 1], rows["shape"][i].tolist()
        found = Differential(
            z=rows["z"][i : i + 1],
            codes=rows["codes"][i : i + 1],
            space=asked["space"],
            target=asked["target"],
            directions=directions,
            singular_values=rows["singular_values"][i : i + 1],
            inputs=rows["inputs"][i : i + 1] if "inputs" in rows else directions,
            shape=(m, d),
            complete=asked["method"] == "exact",
            floor=float(rows["floor"][i]),
            total=1,
        )
        method = manifest.about["rank_method"]
        return basis_at(found, 0, rows["scales"][i], method, manifest.generator, manifest.weights_hash)

    return tuple(at(i) for i in range(len(rows["z"])))


RESULTS: dict[str, Callable[[Store], Any]] = {
    "curve": _curves,
    "image_spectrum": _spectra,
    "local_basis": _bases,
    "region_spectrum": _regions,
    "warpage": lambda store: WarpageMap(**fields_of(store)),
}

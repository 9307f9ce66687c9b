"""From the rows of a sweep to what the method itself returns; somebody else may have written the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from latent_widgets.core import checks
from latent_widgets.core.exact import exact
from latent_widgets.core.fields import Kind, check_fields
from latent_widgets.core.stamped import numbers
from latent_widgets.core.sweep.rows import Rows
from latent_widgets.core.sweep.store import Folder, Store
from latent_widgets.geometry.jacobian.differential import Differential
from latent_widgets.geometry.jacobian.rank import RANK_METHODS
from latent_widgets.geometry.subspaces.grassmann import as_basis
from latent_widgets.geometry.walks.curves import VARIANTS, CurveWalk
from latent_widgets.methods.local_basis import LocalBasis, basis_at
from latent_widgets.methods.warpage import WarpageMap
from latent_widgets.methods.warpage.files import stored_map
from latent_widgets.sweeps import bases, curves, regions, spectra
from latent_widgets.sweeps.bases import METHODS
from latent_widgets.sweeps.regions import SCORES
from latent_widgets.values.directions import Directions

__all__ = ["RESULTS", "result_of"]

MOST = 2**48  # rows of a Jacobian


def result_of(store: Store) -> Any:
    """Return what the method itself returns, of the rows that a store holds.

    Args:
        store: The store.

    Returns:
        See :meth:`latent_widgets.Sweep.result`.

    Raises:
        ValueError: If nothing is finished, a chunk is damaged, or the store holds what is no such result.
    """
    kind = checks.choice("the kind of the sweep", store.manifest.kind, tuple(RESULTS))
    try:
        return RESULTS[kind](store)
    except (TypeError, ValueError) as error:
        where = f", got {str(store.path)!r}" if isinstance(store, Folder) else ""
        raise ValueError(f"the sweep must hold results of {kind!r}{where}: {error}") from None


def _spectra(store: Store) -> Tensor:
    _asked(store, spectra.PARAMETERS)
    return numbers("singular_values", Rows(store).columns("singular_values")["singular_values"], "n", "k")


def _regions(store: Store) -> tuple[Directions, ...]:
    manifest, asked = store.manifest, _asked(store, regions.PARAMETERS)
    scores = {name: name.replace(" ", "_") for name in SCORES}
    rows = Rows(store).columns("directions", "scales", *scores.values())
    n, k = numbers("scales", rows["scales"], "n", "k").shape
    in_rows = rows["directions"].ndim == 4  # one vector for each row of w+
    numbers("directions", rows["directions"], n, k, *(("num_layers", "d") if in_rows else ("d",)))
    for name in scores.values():
        numbers(name, rows[name], n, k)
    parameters = {name: asked[name] for name in ("solver", "tolerance", "channels")}
    return tuple(
        Directions(
            vectors,
            "w+" if in_rows else asked["space"],
            unit="rms",
            scales=rows["scales"][i],
            layers=asked["rows"],
            scores={name: rows[column][i] for name, column in scores.items()},
            method="region",
            parameters=parameters,
            generator=manifest.generator,
            weights_hash=manifest.weights_hash,
        )
        for i, vectors in enumerate(rows["directions"])
    )


def _curves(store: Store) -> tuple[CurveWalk, ...]:
    asked = _asked(store, curves.PARAMETERS)
    measured = ("cosines", "arc_length", "deviation")
    rows = Rows(store).columns("codes", "at", "latents", "indices", *measured)
    n, m, _ = numbers("codes", rows["codes"], "n", "m", "d").shape
    numbers("latents", rows["latents"], n, m, "z_dim", finite=False)  # NaN where a code was reached without one
    for name in ("at", *measured):
        numbers(name, rows[name], n, m)
    _whole_numbers("indices", rows["indices"], n, m)
    checks.choice("variant", asked["variant"], VARIANTS)
    checks.choice("space", asked["space"], ("z", "w"))
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
        for i in range(n)
    )


@exact()
def _bases(store: Store) -> tuple[LocalBasis, ...]:
    manifest, asked = store.manifest, _asked(store, bases.PARAMETERS, bases.ABOUT)
    checks.choice("method", asked["method"], METHODS)
    checks.choice("space", asked["space"], ("z", "w"))
    method: Any = checks.choice("rank_method", manifest.about["rank_method"], RANK_METHODS)
    of_mapping = asked["target"] == "w"
    names = ("z", "codes", "directions", "singular_values", "scales", "floor", "shape")
    rows = Rows(store).columns(*names, *(("inputs",) if of_mapping else ()))
    m = _check_bases(rows, of_mapping)

    def at(i: int) -> LocalBasis:
        directions = rows["directions"][i : i + 1]
        inputs = rows["inputs"][i : i + 1] if of_mapping else directions
        found = Differential(
            z=rows["z"][i : i + 1],
            codes=rows["codes"][i : i + 1],
            space=asked["space"],
            target=asked["target"],
            directions=directions,
            singular_values=rows["singular_values"][i : i + 1],
            inputs=inputs,
            shape=(m, inputs.shape[1]),
            complete=asked["method"] == "exact" or of_mapping,
            floor=float(rows["floor"][i]),
            total=1,
        )
        return basis_at(found, 0, rows["scales"][i], method, manifest.generator, manifest.weights_hash)

    return tuple(at(i) for i in range(len(rows["z"])))


def _check_bases(rows: Mapping[str, Tensor], of_mapping: bool) -> int:
    """Refuse columns that do not fit each other; return how many rows the Jacobians have."""
    n, z_dim = numbers("z", rows["z"], "n", "z_dim").shape
    _, d = numbers("codes", rows["codes"], n, "d").shape
    k = numbers("directions", rows["directions"], n, d, "k").shape[2]
    as_basis(rows["directions"], "directions")
    if of_mapping:
        as_basis(numbers("inputs", rows["inputs"], n, z_dim, k), "inputs")
    r = numbers("singular_values", rows["singular_values"], n, "r").shape[1]
    numbers("scales", rows["scales"], n, k)
    for name in ("singular_values", "floor"):
        if bool((numbers(name, rows[name], n, *(("r",) if name != "floor" else ())) < 0).any()):
            raise ValueError(f"{name} must be at least 0, got {rows[name].min():g}.")
    shape = _whole_numbers("shape", rows["shape"], n, 2)
    m, width = shape[0].tolist()
    same = bool((shape == shape[0]).all()) and 1 <= m < MOST
    if not same or (m, width) != ((d, z_dim) if of_mapping else (m, d)) or not k <= r <= min(m, width):
        raise ValueError(
            f"shape must be that of one Jacobian with {d} numbers in a code, {z_dim} in a latent and {r} singular "
            f"values, {k} of them kept, got {(m, width)}."
        )
    return int(m)


def _whole_numbers(name: str, value: Tensor, *pattern: int | str) -> Tensor:
    if value.dtype != torch.int64:
        raise TypeError(f"{name} must be whole numbers of 64 bits, got {value.dtype}.")
    return checks.shape(name, value, pattern)


def _asked(store: Store, kinds: Mapping[str, Kind], about: Mapping[str, Kind] | None = None) -> Mapping[str, Any]:
    """Return the parameters of a sweep that has those of its kind, and no others."""
    check_fields(dict(store.manifest.about), about or {})
    return check_fields(dict(store.manifest.parameters), kinds)


RESULTS: dict[str, Callable[[Store], Any]] = {
    "curve": _curves,
    "image_spectrum": _spectra,
    "local_basis": _bases,
    "region_spectrum": _regions,
    "warpage": lambda store: WarpageMap(**stored_map(store)),
}

"""What it means to assign to one of the explorer's traits, and what its state tells a method."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .. import _checks
from ..edits import Code, Edit
from ._moves import same_code

if TYPE_CHECKING:
    from .explorer import LatentExplorer

__all__ = ["known_to", "take"]


def take(explorer: LatentExplorer, name: str, value: Any) -> bool:
    """Do what a new value of a trait says.

    Args:
        explorer: Whose trait it is.
        name: Of the trait.
        value: The value.

    Returns:
        False where it says nothing: None, as from a linked panel that knows nothing yet.

    Raises:
        TypeError: If the value has the wrong type.
        ValueError: If it does not fit the generator; nothing has changed then.
    """
    G = explorer.generator
    if name == "seed":
        explorer.change_base(seed=_checks.integer("seed", value, low=0))
    elif name == "selected_index":
        explorer.choose(value)
    elif name == "layers":
        explorer.sliders.choose_layers(explorer.sliders.active, value)
        explorer.select(explorer.sliders.active)
    elif name == "mask":
        explorer.adopt(replace(explorer.current, mask=value), now=True)
    elif value is None:
        return False
    elif name == "directions":
        explorer.use(value.for_generator(G))
    elif name == "edit":
        value.code(G)  # refuses what does not fit
        explorer.adopt(value, now=True)
    else:
        G.check_code(value)
        if not _is_there(explorer, value):
            explorer.adopt(Edit.of(G, code=value, mask=explorer.current.mask), now=True)
    return True


def _is_there(explorer: LatentExplorer, code: Code) -> bool:
    """Whether the edit leads to a code already: that of a linked panel which answers, say."""
    try:
        return same_code(code, explorer.current.code(explorer.generator))
    except ValueError:  # it leads nowhere
        return False


def known_to(explorer: LatentExplorer) -> dict[str, Any]:
    """Return what an explorer knows of what methods need: the latent before the mapping, the code and the mask."""
    base = explorer.current.base
    plain = base.code is None and base.second_seed is None
    z = explorer.generator.sample_z(1, int(base.seed or 0))[0] if plain else None
    return {"z": z, "w": explorer.code, "code": explorer.code, "mask": explorer.mask}

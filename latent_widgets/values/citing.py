"""What a paper that uses directions says and cites: a sentence with every number, and the entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from latent_widgets.core.version import VERSION
from latent_widgets.core.words import one_line
from latent_widgets.generators.base import Generator
from latent_widgets.values.bibliography import METHODS, NETWORKS, PAPERS, SOFTWARE

__all__ = ["Citation", "citation_of"]

_UNITS = {
    "sd": "standard deviations of the latents along the direction",
    "latent": "lengths in the latent space",
    "degrees": "degrees of the great circle through the latent",
    "rms": "root mean square changes of the picture",
}


@dataclass(frozen=True)
class Citation:
    """What to write about directions.

    Attributes:
        methods: Sentences for a section on methods, with all parameters, seeds and hashes.
        bibtex: The entries that they cite.
    """

    methods: str
    bibtex: str

    def __str__(self) -> str:
        return f"{self.methods}\n\n{self.bibtex}"


def citation_of(directions: Any, G: Generator | None = None) -> Citation:
    """Say how directions were made, and what to cite.

    Args:
        directions: The ``Directions``.
        G: The generator, if its network is to be cited as well.

    Returns:
        Sentences and entries.

    Raises:
        ValueError: If they were made for another generator.
    """
    if G is not None:
        directions.check(G)
    title, paper = METHODS.get(directions.method, (f"'{one_line(directions.method)}'" if directions.method else "", ""))
    numbers = dict(directions.parameters) | ({} if directions.seed is None else {"seed": directions.seed})
    given = ", ".join(f"{name} = {one_line(repr(value), 60)}" for name, value in numbers.items())
    count = len(directions)
    found = f"The {count} directions" if count > 1 else f"The direction '{one_line(directions.names[0])}'"
    how = f" {'were' if count > 1 else 'was'} found with {title}" if title else " came without word of a method"
    sentences = [f"{found} in {directions.space}{how}{_cited(paper)}{f' ({given})' if given else ''}."]
    network, network_paper = ("", "") if G is None else NETWORKS.get(type(G.module).__name__, ("", ""))
    if directions.generator is not None:
        what = f", a {network}{_cited(network_paper)}," if network else ""
        sentences.append(
            f"They belong to the generator '{one_line(directions.generator)}'{what} "
            f"with weights of SHA-256 {directions.weights_hash or 'unknown'}."
        )
    sentences.append(f"Steps are in {_UNITS[directions.unit]}. Computed with latent_widgets {VERSION}.")
    entries = [PAPERS[key][1] for key in (paper, network_paper) if key]
    return Citation(" ".join(sentences), "\n".join([*entries, SOFTWARE.format(version=VERSION)]))


def _cited(paper: str) -> str:
    return f" ({PAPERS[paper][0]})" if paper else ""

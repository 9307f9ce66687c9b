"""What directions say of themselves in a paper."""

import re
from pathlib import Path

import pytest
import torch

import latent_widgets as lw
from latent_widgets.values.bibliography import METHODS, NETWORKS, PAPERS


def test_every_method_has_its_paper_and_every_number(tiny):
    D = lw.ganspace(tiny, k=3, samples=500, seed=7)
    said = D.cite(tiny)
    assert said.methods == (
        "The 3 directions in w were found with GANSpace (Härkönen et al. 2020) (k = 3, samples = 500, seed = 7). "
        f"They belong to the generator 'tiny', a StyleGAN2 (Karras et al. 2020), with weights of SHA-256 "
        f"{tiny.weights_hash}. Steps are in standard deviations of the latents along the direction. "
        f"Computed with latent_widgets {lw.__version__}."
    )
    assert re.findall(r"@\w+\{(\w+),", said.bibtex) == ["harkonen2020ganspace", "karras2020stylegan2", "latent_widgets"]
    assert "karras" not in D.cite().bibtex
    assert str(said) == f"{said.methods}\n\n{said.bibtex}"


def test_methods_that_are_listed_can_be_cited():
    listed = {info.name for info in lw.methods()}
    assert listed <= set(METHODS)
    assert {paper for _, paper in (*METHODS.values(), *NETWORKS.values()) if paper} <= set(PAPERS)


def test_names_are_text(tiny):
    D = lw.Directions(torch.eye(6, dtype=torch.float64)[:1], "w", names=["a\nb"], method="x\n\\end{document}")
    assert D.cite().methods.startswith("The direction 'a b' in w was found with 'x")
    assert "\n" not in D.cite().methods
    plain = lw.Directions(torch.eye(6, dtype=torch.float64), "w")
    assert plain.cite().methods.startswith("The 6 directions in w came without word of a method. Steps are in lengths")


def test_another_generator_is_refused(tiny, make_network):
    other = lw.load(make_network(seed=1))
    with pytest.raises(ValueError, match="directions must be used with the generator that they were made for"):
        lw.sefa(tiny, k=1).cite(other)


def test_entries_have_as_many_closing_as_opening_brackets():
    entries = [entry for _, entry in PAPERS.values()] + [lw.sefa(lw.load("faces64"), k=1).cite().bibtex]
    for entry in entries:
        assert entry.count("{") == entry.count("}") > 4


def test_page_of_papers_has_the_same_entries():
    page = (Path(__file__).parents[2] / "docs" / "papers.md").read_text(encoding="utf-8")
    assert "\n".join(entry for _, entry in PAPERS.values()) in page

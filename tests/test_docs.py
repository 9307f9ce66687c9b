"""What README and pages say: their names exist, their links lead somewhere, and the short programs run as written."""

import re
import textwrap

import pytest
import torch

import latent_widgets as lw
from latent_widgets.widgets.kit.panel import Panel
from tests.architecture import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"\blw\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)")
# A relative link or picture, in Markdown.
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


@pytest.fixture
def panels(monkeypatch):
    """Closes every panel that was made."""
    made, start = [], Panel.__init__

    def remembered(self, *arguments, **keywords):
        made.append(self)
        start(self, *arguments, **keywords)

    monkeypatch.setattr(Panel, "__init__", remembered)
    yield
    for panel in made:
        panel.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_names_in_a_page_exist(page):
    for name in sorted(set(NAME.findall(page.read_text(encoding="utf-8")))):
        value = lw
        for part in name.split("."):
            assert hasattr(value, part), f"{page.name} speaks of lw.{name}"
            value = getattr(value, part)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_programs_in_a_page_compile(page):
    for program in FENCE.findall(page.read_text(encoding="utf-8")):
        compile(textwrap.dedent(program), str(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_in_a_page_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / link
        assert target.exists(), f"{page.name} links to {link}"


def test_files_that_the_promises_name_exist():
    named = re.findall(r"`((?:latent_widgets|tests)/[\w/]+\.py)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) >= 4
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "docs/gallery.md"])
def test_short_programs_run_one_after_the_other(name, panels):
    one, another = (lw.LatentExplorer(lw.load(), k=1) for _ in range(2))  # what a page may take for granted
    names = {"one": one, "another": another}
    for program in FENCE.findall((ROOT / name).read_text(encoding="utf-8")):
        exec(compile(program, name, "exec"), names)  # noqa: S102 - our own text
    if "same" in names:
        assert torch.equal(names["same"], names["picture"])
        assert names["picture"].shape == (1, 3, 64, 64)

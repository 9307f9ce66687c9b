"""The explorer's walks in JupyterLab: kinds, all of them side by side, and how likely their codes are."""

import re

import pytest

EXPLORER = """
import latent_widgets as lw
G = lw.load()
D = lw.ganspace(G, k=2)
explorer = lw.LatentExplorer(G, D, seed=7, width=192)
explorer.controls.page = "walk"
explorer.pages["walk"].count.value = 5
explorer
"""


@pytest.fixture
def walks(lab):
    """An open notebook with an explorer whose first strip and trace are there."""
    lab.write_notebook([EXPLORER])
    lab.open_notebook()
    lab.page.locator(".lw-panel .lw-pages .lw-svg").first.wait_for(timeout=60_000)
    return lab


def test_switching_the_walk_changes_strip_and_density_trace(walks):
    lab, panel = walks, walks.page.locator(".lw-panel").first
    strips = panel.locator(".lw-pages .lw-strip:visible")
    words = strips.first.locator(".lw-note")
    trace, note = panel.locator(".lw-pages .lw-svg:visible"), panel.locator(".lw-pages .lw-note.widget-html:visible")

    def press(name):
        panel.locator(".lw-pages button:visible").filter(has_text=re.compile(f"^{name}$")).click()

    def levels():
        found = [re.search(r"log density (-?[\d.]+), (\d+) % are less", t) for t in titles()]
        return [float(match[1]) for match in found]

    def titles():
        return trace.locator(".lw-spot title").evaluate_all("all => all.map(one => one.textContent)")

    lab.eventually(lambda: "linear" in words.inner_text() and len(titles()) == 5)
    straight, before = levels(), lab.pixels(strips.first.locator("img"))
    assert max(straight) - min(straight) > 0.5
    assert re.search(r"This code: log density -?[\d.]+ in w; \d+ % of the generator's own", note.inner_text())

    press("density")
    lab.eventually(lambda: "density" in words.inner_text() and "degrees" in words.inner_text())
    lab.eventually(lambda: all(title.startswith("density") for title in titles()))
    kept = levels()
    assert max(kept) - min(kept) < 0.02
    assert (lab.pixels(strips.first.locator("img")) != before).any()
    lab.screenshot("density")

    press("all, equal change")
    lab.eventually(lambda: strips.count() == 3 and len(titles()) == 15, 60)
    kinds = [strips.nth(i).locator(".lw-note").inner_text() for i in range(3)]
    assert [kind.split(":")[0].split(", ")[-1] for kind in kinds] == ["linear", "density", "curve"]
    lab.screenshot("all")
    lab.kernel_run("explorer.theme = 'dark'")
    lab.page.set_viewport_size({"width": 700, "height": 1100})
    lab.page.wait_for_timeout(300)
    lab.screenshot("dark-narrow")
    press("this kind")
    lab.eventually(lambda: strips.count() == 1)

"""The method picker in JupyterLab: choose a method, run it, drag one of the sliders that it gives."""

import pytest

EXPLORER = """
import latent_widgets as lw
G = lw.load()
explorer = lw.LatentExplorer(G, seed=7, k=2, width=256)
explorer
"""
# What the picker calls a method, parameters that give three directions with their labels, what the kernel has to run
# before (a mask to assign, say), and what the sliders are called.
METHODS = [
    pytest.param("Local Basis", {"k": ("directions", "3")}, "", "local basis", id="local_basis"),
    pytest.param("DP-LaSE", {"k": ("directions", "3"), "steps": ("steps", "3")}, "", "dp lase", id="dp_lase"),
]


@pytest.fixture
def picker(lab):
    """A page with an explorer of two directions."""
    lab.write_notebook([EXPLORER])
    lab.open_notebook()
    lab.page.locator(".lw-direction").nth(1).wait_for()
    return lab


@pytest.mark.parametrize(("title", "parameters", "before", "name"), METHODS)
def test_method_gives_sliders_and_dragging_one_changes_the_picture(picker, title, parameters, before, name):
    lab, panel = picker, picker.page.locator(".lw-panel").first
    rows, picture = panel.locator(".lw-direction"), panel.locator(".lw-left .lw-picture img")
    panel.get_by_role("button", name="add directions").click()
    if before:
        lab.kernel_run(before)
    panel.get_by_role("combobox", name="method", exact=True).select_option(title)
    lab.eventually(lambda: lab.kernel_eval("explorer.controls.picker.chosen.title") == title)
    for parameter, (label, value) in parameters.items():
        box = panel.locator(".lw-parameter").get_by_label(label, exact=True)

        def filled(box=box, value=value, parameter=parameter):
            box.fill(value)  # until the page has the controls of this method, it is that of another
            box.press("Enter")
            lab.page.wait_for_timeout(100)
            return lab.kernel_eval(f"str(explorer.controls.picker.controls[{parameter!r}].value)") == value

        lab.eventually(filled)
    panel.locator("button").filter(has_text="Find").first.click()
    lab.eventually(lambda: lab.kernel_eval("explorer.directions.names[0]").startswith(name), 60)
    lab.eventually(lambda: rows.count() == 2 + 3)
    assert rows.nth(3).locator(".lw-name input").input_value() == f"{name} 2"
    assert lab.kernel_eval("explorer.error is None")

    lab.eventually(lambda: not lab.kernel_eval("explorer.busy"), 30)
    before_drag = lab.pixels(picture)
    lab.drag(rows.nth(3).locator(".lw-alpha .noUi-handle"), dx=40)
    lab.eventually(lambda: lab.kernel_eval(f"[m.name for m in explorer.edit.moves] == ['{name} 2']"))
    lab.eventually(lambda: lab.kernel_eval("not explorer.busy and explorer.code.seed is None"), 30)
    lab.eventually(lambda: (lab.pixels(picture) != before_drag).any())
    assert lab.kernel_eval("explorer.edit.moves[0].alpha") > 0.2
    lab.screenshot()

"""A cell that is run again closes the panel that it showed before, where nothing holds that any more."""

import nbformat
import pytest

from tests.architecture import ROOT
from tests.kernels import kernel

SETTING = """
import gc, ipywidgets, psutil, traitlets
from IPython.display import display
from latent_widgets.widgets.kit.panel import Panel

def panels():
    return [widget for widget in ipywidgets.widgets.widget._instances.values() if isinstance(widget, Panel)]

class Holder:
    pass
"""
COUNT = "print(len(panels()))"
MAKE = "panel = Panel(executor='inline')\npanel"


@pytest.fixture(scope="module")
def kernel_of_all(tmp_path_factory):
    with kernel(tmp_path_factory.mktemp("kernel")) as started:
        started.value(SETTING)
        yield started


@pytest.fixture
def notebook(kernel_of_all):
    """A kernel without panels and their names."""
    kernel_of_all.value(
        "panel = other = holder = out = box = None\nfor one in panels():\n    one.close()\none = None\nOut.clear()"
    )
    assert kernel_of_all.value(COUNT) == "0"
    return kernel_of_all


@pytest.mark.parametrize("cell", ["c1", None])
def test_panel_of_the_same_name_replaces_the_last(notebook, cell):
    for _ in range(3):
        assert not notebook.run(MAKE, cell).raised
        assert notebook.value(COUNT) == "1"
        assert notebook.value("print(panel._closed)") == "False"
    assert notebook.value("gc.collect(); print(sum(isinstance(one, Panel) for one in Out.values()))") == "1"


def test_panel_without_a_name_goes_where_the_cell_can_be_told(notebook):
    for _ in range(3):
        notebook.run("Panel(executor='inline')", "c1")
    assert notebook.value(COUNT) == "1"
    for _ in range(3):
        notebook.run("Panel(executor='inline')  # without an id, this may be another cell of the same text")
    assert notebook.value(COUNT) == "4"


def test_two_panels_of_a_cell_go_together_though_they_are_linked(notebook):
    two = "panel, other = (Panel(executor='inline') for _ in range(2))\ndisplay(panel, other)\n"
    for _ in range(3):
        notebook.run(f"{two}traitlets.link((panel, 'theme'), (other, 'theme'))", "c1")
        assert notebook.value(COUNT) == "2"


def test_cell_with_another_text_takes_its_last_panel_away(notebook):
    notebook.run("display(Panel(executor='inline'))", "c1")
    notebook.run("1 + 1", "c1")
    assert notebook.value(COUNT) == "0"
    notebook.run(MAKE, "c1")
    notebook.run("1 + 1", "c1")
    assert notebook.value(COUNT) == "1"  # its name still leads to it


@pytest.mark.parametrize(
    "hold",
    [
        "other = panel",
        "other = {'mine': [panel]}",
        "other = lambda panel=panel: panel.status",
        "other = (lambda panel: lambda: panel)(panel)",
        "other = panel.cancel",
        "holder = Holder()\nholder.panel = panel",
        "other = panel.body",
        "box = ipywidgets.HBox([panel])\nbox",
        "slider = ipywidgets.IntSlider()\nslider.observe(lambda change, panel=panel: panel.status)\ndel slider",
        "panel.stays = True",
        "out = ipywidgets.Output()\nwith out:\n    display(panel)\nout = None",
    ],
)
def test_panel_that_something_holds_stays(notebook, hold):
    notebook.run(MAKE, "c1")
    notebook.value(f"{hold}\nprint()")
    notebook.run(MAKE, "c1")
    notebook.run(MAKE, "c1")
    assert notebook.value(COUNT) == "2"


def test_panel_that_another_cell_shows_goes_with_that_ones_next_run(notebook):
    notebook.run(MAKE, "c1")
    notebook.run("panel", "c2")
    notebook.run(MAKE, "c1")
    assert notebook.value(COUNT) == "2"
    notebook.run("panel", "c2")
    assert notebook.value(COUNT) == "1"
    notebook.run(MAKE)  # without an id it is not known who shows it still
    notebook.run("panel")
    notebook.run(MAKE)
    assert notebook.value(COUNT) == "3"


def test_panel_linked_to_one_that_stays_goes_with_the_link(notebook):
    link = "other = Panel(executor='inline')\ntraitlets.link((panel, 'theme'), (other, 'theme'))\nother"
    notebook.run(MAKE, "c1")
    notebook.run(link, "c2")
    for _ in range(3):
        notebook.run(MAKE, "c1")
        assert notebook.value(COUNT) == "3"  # the linked pair and the newest
    notebook.run(link, "c2")
    assert notebook.value(COUNT) == "2"


def test_run_that_fails_leaves_the_panel_that_has_the_name(notebook):
    notebook.run(MAKE, "c1")
    assert notebook.run(f"1 / 0\n{MAKE}", "c1").raised == "ZeroDivisionError"
    assert notebook.value("print(panel._closed)") == "False"
    notebook.run(MAKE, "c1")
    assert notebook.value(COUNT) == "1"


def test_work_of_a_panel_that_goes_is_stopped(notebook):
    notebook.value("import threading, time\nbegun, ended = threading.Event(), threading.Event()\nprint()")
    work = (
        "def work(on_step):\n    begun.set()\n    while on_step():\n        time.sleep(0.001)\n    ended.set()\n"
        "panel = Panel(executor='thread')\npanel.run(work)\nbegun.wait(60)\npanel"
    )
    assert not notebook.run(work, "c1").raised
    assert not notebook.run(MAKE, "c1").raised
    assert notebook.value("print(ended.wait(60), panel.job.closed)") == "True False"


@pytest.mark.parametrize("runs", [7, pytest.param(50, marks=pytest.mark.slow)])
def test_first_notebook_run_again_and_again_takes_no_more_memory(runs, tmp_path):
    cells = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4).cells
    load, show = [cell for cell in cells if cell.cell_type == "code"][:2]
    found = []
    with kernel(tmp_path) as notebook:
        notebook.value(f"{load.source}\nprint()")
        notebook.value(SETTING)
        for _ in range(runs):
            shown = notebook.run(show.source, show.id)
            assert not shown.raised, shown.said
            notebook.value("print(explorer.wait(60))")
            counted = (
                "gc.collect(); print(len(ipywidgets.widgets.widget._instances), psutil.Process().memory_info().rss)"
            )
            found.append([int(number) for number in notebook.value(counted).split()])
    widgets, memory = zip(*found[4:], strict=True)  # the first few load what is loaded once
    assert max(widgets) <= 1.1 * widgets[0]
    assert max(memory) <= 1.1 * memory[0]

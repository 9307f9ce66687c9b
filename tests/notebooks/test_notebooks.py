"""Every notebook runs from top to bottom in a fresh kernel, and shows or asserts something at its end."""

import nbformat
import pytest
from nbclient import NotebookClient

from tests.architecture import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELL_TIMEOUT = 240  # seconds


def test_first_notebook_is_the_one_that_make_demo_opens():
    assert "00_start_here.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(path, as_version=4)
    # what a notebook saves lands in the temporary folder
    client = NotebookClient(notebook, timeout=CELL_TIMEOUT, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    shown = {mime for output in last.outputs for mime in output.get("data", {})}
    assert "assert " in last.source or "image/png" in shown or "image/svg+xml" in shown, (
        "the last cell neither asserts nor shows a figure"
    )

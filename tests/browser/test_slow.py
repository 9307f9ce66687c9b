"""A slow generator that goes through NumPy, in a real JupyterLab: its panel follows the hand all the same."""

import pytest

from tests.browser.pages import open_explorer

# A tenth of a second a picture, and no derivative in forward mode.
CELLS = [
    """
import time
import numpy as np
import torch
from latent_widgets.widgets.kit.encode import to_uint8
class Through(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.lift = torch.nn.Linear(6, 3 * 16 * 16)
    def forward(self, z):
        time.sleep(0.1)
        x = torch.nn.functional.interpolate(self.lift(z).reshape(-1, 3, 16, 16), scale_factor=4, mode="bilinear")
        return torch.as_tensor(np.tanh(2 * x.detach().numpy()))
def exact():
    return to_uint8(explorer.edit.apply(G)).tobytes().hex()
""",
    """
import latent_widgets as lw
G = lw.load(Through(), z_dim=6, value_range=(-1, 1))
explorer = lw.LatentExplorer(G, seed=7, k=4)
explorer.controls.page = "code"
explorer
""",
]


@pytest.fixture
def explorer(lab):
    parts = open_explorer(lab, cells=CELLS)
    parts.settle()
    return parts


def test_sliders_of_a_slow_generator_without_derivatives_are_followed(lab, explorer):
    assert lab.kernel_eval("explorer.frames.approximates")  # as far as is known
    before = lab.pixels(explorer.picture)
    lab.drag(explorer.handle(0), dx=40)
    explorer.settle()  # compares every pixel
    assert (lab.pixels(explorer.picture) != before).any()
    assert not lab.kernel_eval("explorer.frames.approximates")
    lab.drag(explorer.handle(1), dx=-30)
    explorer.settle()
    assert set(explorer.alphas()) == {"random 1", "random 2"}
    assert lab.kernel_eval("explorer.error") is None
    assert explorer.status.inner_text().endswith("ms")
    lab.screenshot(target=explorer.panel)


def test_drag_with_pauses_is_one_entry(lab, explorer):
    """As on a page that is busy: between its moves pictures come to rest."""
    handle = explorer.handle(0)
    box, mouse = handle.bounding_box(), lab.page.mouse
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    for step in range(1, 5):
        mouse.move(x + 12 * step, y)
        lab.page.wait_for_timeout(400)
    mouse.up()
    explorer.settle()
    assert set(explorer.alphas()) == {"random 1"}
    explorer.button("undo").click()
    lab.eventually(lambda: not explorer.alphas())
    assert not lab.kernel_eval("explorer.history.can_undo")

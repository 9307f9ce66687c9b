"""Two thousand random edits leave nothing behind: no memory, no widgets, no threads."""

import gc
import threading

import numpy as np
import psutil
import torch

from latent_widgets.methods import methods
from latent_widgets.widgets.explorer.explorer import LatentExplorer
from tests.widgets.conftest import PATIENCE, random_acts

EDITS, WARM_UP = 2000, 750
# bytes: a leaked picture of 16 x 16 float64 an edit would be 9 MB, a leaked row of widgets far more
RSS_BOUND = 8 * 2**20


def test_two_thousand_edits_leave_memory_widgets_and_threads_as_they_were(instances, tiny):
    rng, process, threads = np.random.default_rng(0), psutil.Process(), set(threading.enumerate())
    find = next(m for m in methods() if m.name == "random_directions")
    explorer = LatentExplorer(tiny, k=4, executor="thread")
    explorer.pages["walk"].count.value = 3
    acts = random_acts(explorer, rng)
    rss, tensors, widgets = [], [], []
    for i in range(EDITS):
        acts[rng.integers(len(acts))]()
        if i % 20 == 0:
            assert explorer.wait(PATIENCE)
            assert explorer.error is None
        if i % 40 == 0:
            explorer.controls.page = list(explorer.pages)[i // 40 % len(explorer.pages)]
        if i % 250 == 0:
            explorer.find(find, {"k": 4, "seed": i})
            assert explorer.wait(PATIENCE)
        if i >= WARM_UP and i % 250 == 249:
            explorer.reset()
            for one in explorer.state.shelf.open[:-1]:
                explorer.sets.close(one.key)
            explorer.controls.page = "stack"  # a closed page keeps its rows until it is opened again
            assert explorer.wait(PATIENCE)
            gc.collect()
            rss.append(process.memory_info().rss)
            tensors.append(sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects()))
            widgets.append(instances())
    assert max(rss) - rss[0] < RSS_BOUND
    assert max(tensors) - min(tensors) < 200
    assert len(set(widgets)) == 1
    explorer.close()
    assert explorer.wait(PATIENCE)
    assert instances() == 0
    assert set(threading.enumerate()) - threads == set()

"""Bytes of all tensors that are alive at once, as operations make them: the same on every machine."""

import weakref

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Held(TorchDispatchMode):
    """Follows the memory of what operations inside the block give, until nobody holds it; `peak` is the most."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self._alive = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        before = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        for t in tree_leaves(result):
            if isinstance(t, Tensor):
                storage = t.untyped_storage()
                place = storage._cdata
                if place not in self._alive and place not in before:
                    self._alive.add(place)
                    self.now += storage.nbytes()
                    self.peak = max(self.peak, self.now)
                    weakref.finalize(storage, self._gone, place, storage.nbytes())
        return result

    def _gone(self, place, size):
        self._alive.discard(place)
        self.now -= size

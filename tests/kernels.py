"""A kernel as a notebook has it: cells are run in it, interrupted, and run again."""

import os
import re
import time
from contextlib import contextmanager
from queue import Empty
from typing import NamedTuple

from jupyter_client.manager import KernelManager

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PATIENCE = 240.0  # seconds until a cell that hangs fails its test


class Ran(NamedTuple):
    """How a cell ended: what it printed, and the name and the text of what it raised."""

    printed: str
    raised: str
    said: str


class Kernel:
    """What a front end does with a kernel."""

    def __init__(self, manager, client):
        self._manager, self._client = manager, client

    def run(self, code, cell=None, interrupt=None):
        """Run a cell and wait for its end.

        `cell` is the id that the front end sends with it, `interrupt` a delay in seconds after which it is interrupted.
        """
        session = self._client.session
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": True}
        message = session.msg("execute_request", content, metadata={} if cell is None else {"cellId": cell})
        self._client.shell_channel.send(message)
        if interrupt is not None:
            time.sleep(interrupt)
            self._manager.interrupt_kernel()
        printed, raised, said, deadline = "", "", "", time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._client.get_iopub_msg(timeout=max(deadline - time.monotonic(), 0.0))
            except Empty:
                raise AssertionError(f"the cell did not end: {code}") from None
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            kind, content = answer["header"]["msg_type"], answer["content"]
            if kind == "stream" and content["name"] == "stdout":
                printed += content["text"]
            elif kind == "error":
                raised, said = content["ename"], COLOURS.sub("", "\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return Ran(printed, raised, said)

    def value(self, code):
        """What a cell prints, which must not raise."""
        found = self.run(code)
        assert not found.raised, found.said
        return found.printed.strip()


@contextmanager
def kernel(folder):
    """A fresh kernel that works in a folder, with one thread for its numbers."""
    env = os.environ | {"IPYTHONDIR": str(folder / "ipython"), "OMP_NUM_THREADS": "1"}
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=env, cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()

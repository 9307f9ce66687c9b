"""A JupyterLab on loopback and a page of Chromium that drives it.

Everything is private to the run: Jupyter's folders lie in a temporary folder, the kernel is the Python that runs the
tests, nothing is asked of the network. Errors that a notebook would swallow (an exception in a widget's callback
reaches no cell) are collected from the kernel's messages.
"""

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from playwright.sync_api import BrowserContext, Locator, Page

TOKEN = "loopback"
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"  # would ask the network for news and updates
PATIENCE = 60.0  # seconds; a cold disk or a busy machine takes ten times the usual three
CHROMIUM_FLAGS = [
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FAILED_VIEW = "Click to show javascript error"
READY = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.context?.isReady && panel.sessionContext?.session?.kernel?.status === 'idle';
}"""
# Reports errors to Python and counts what passes; a kernel is listened to once, also when a page calls this again.
LISTEN = """() => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    if (window.listenedKernel === kernel.id) return;
    window.listenedKernel = kernel.id;
    window.messageCounts = {};
    kernel.anyMessage.connect((_, {msg, direction}) => {
        const type = msg.header.msg_type;
        const key = direction + ' ' + type;
        window.messageCounts[key] = (window.messageCounts[key] ?? 0) + 1;
        if (direction !== 'recv') return;
        if (type === 'error') window.reportKernelError(msg.content.ename + ': ' + msg.content.evalue);
        if (type === 'stream' && msg.content.text.includes('Traceback (most recent call last)'))
            window.reportKernelError(msg.content.text);
    });
}"""
EXECUTE = """async ({code, expression}) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const user_expressions = expression ? {value: expression} : {};
    const future = kernel.requestExecute({code, user_expressions, store_history: false});
    let output = '';
    future.onIOPub = msg => { if (msg.header.msg_type === 'stream') output += msg.content.text; };
    const reply = (await future.done).content;
    return {status: reply.status, error: reply.ename + ': ' + reply.evalue, output,
            value: reply.user_expressions?.value};
}"""
# The pixels of an <img> as the page shows them: one number per byte of RGB, row by row.
PIXELS = """async img => {
    await img.decode();
    const canvas = new OffscreenCanvas(img.naturalWidth, img.naturalHeight), context = canvas.getContext('2d');
    context.drawImage(img, 0, 0);
    const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
    return [canvas.height, canvas.width, Array.from(data).filter((_, i) => i % 4 < 3)];
}"""
# Mouse events made inside the page: the driver's own mouse reaches only some 30 moves a second.
MOVES = """async (element, {points, hz, press, release}) => {
    const box = element.getBoundingClientRect();
    const send = (type, [x, y], buttons) => element.dispatchEvent(new MouseEvent(type, {
        clientX: box.left + x, clientY: box.top + y, buttons, button: 0,
        bubbles: true, cancelable: true, composed: true, view: window,
    }));
    if (press) send('mousedown', points[0], 1);
    const start = performance.now(), times = [];
    for (const [index, point] of points.entries()) {
        const wait = start + index * 1000 / hz - performance.now();
        if (wait > 0) await new Promise(done => setTimeout(done, wait));
        times.push(performance.now());
        send('mousemove', point, press ? 1 : 0);
    }
    if (release) send('mouseup', points[points.length - 1], 0);
    return times;
}"""


class KernelError(Exception):
    """Code that a test ran in the kernel raised; the text is the kernel's."""


def find_chromium() -> str:
    """Return the browser to drive: $CHROMIUM, or the first on the PATH."""
    if path := os.environ.get("CHROMIUM"):
        return path
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise RuntimeError("Chromium is missing: run tests/browser/install-chromium, or set CHROMIUM to its path.")


class Server:
    """A JupyterLab server with folders of its own; use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "notebooks"
        self.root.mkdir()
        settings = folder / "config" / "labconfig" / "page_config.json"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps({"disabledExtensions": {ANNOUNCEMENTS: True}}))
        self.log = folder / "server.log"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
            "MPLCONFIGDIR": str(folder / "matplotlib"),
        }

    def __enter__(self) -> "Server":
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
            *(f"--port={self.port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"),
            *(f"--ServerApp.root_dir={self.root}", "--LabApp.expose_app_in_browser=True"),
            "--LabApp.extension_manager=readonly",
        ]
        with self.log.open("w") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"JupyterLab did not start:\n{self.log_tail()}")
            time.sleep(0.1)
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with self.request("GET", "/api/status"):
                return True
        except OSError:
            return False

    def request(self, method: str, path: str) -> Any:
        """Call the server's REST interface; the answer is to be closed."""
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        request.add_header("Authorization", f"token {TOKEN}")
        return urllib.request.urlopen(request, timeout=10)

    def log_tail(self, lines: int = 40) -> str:
        """Return the end of the server's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Lab:
    """One test's page: writes a notebook, opens it, runs it, drags in it, and asks its kernel.

    `errors` gathers what went wrong where no cell shows it: error messages of the kernel, tracebacks on its streams,
    exceptions in the page.
    """

    def __init__(self, server: Server, context: BrowserContext, name: str, pictures: Path) -> None:
        self.server = server
        self.name = name
        self.errors: list[str] = []
        self.page = self._new_page(context)
        self._pictures = pictures
        self._themed = False

    def _new_page(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(f"page: {error}"))
        page.expose_function("reportKernelError", lambda text: self.errors.append(text))
        return page

    def write_notebook(self, cells: Sequence[str], name: str | None = None) -> str:
        """Save code cells as a notebook (named after the test) and return its name."""
        name = name or f"{self.name}.ipynb"
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, self.server.root / name)
        return name

    def open_notebook(self, name: str | None = None, *, run: bool = True) -> None:
        """Open a notebook, wait for its kernel and, with `run`, for all of its cells."""
        name = name or f"{self.name}.ipynb"
        self.page.goto(f"{self.server.url}/lab/tree/{name}?token={TOKEN}&reset", wait_until="domcontentloaded")
        self._listen()
        if run:
            self.run_all()

    def run_all(self) -> None:
        """Run every cell and wait until all are done."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")

    def save(self) -> None:
        """Save the notebook, with the widget state that JupyterLab keeps."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def reload(self) -> None:
        """Reload the page; the kernel goes on."""
        self.page.reload(wait_until="domcontentloaded")
        self._listen()

    def close_page(self) -> None:
        """Close the page, as one closes a tab of a browser; the kernel goes on."""
        self.page.close()

    def open_page(self) -> None:
        """Open the notebook in another page, as it was saved last, on the same kernel."""
        self.page = self._new_page(self.page.context)
        self.open_notebook(run=False)

    def restart_kernel(self) -> None:
        """Restart the kernel of the notebook, and wait for it."""
        self.page.evaluate(
            "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
        )
        self.page.wait_for_function(READY)

    def _listen(self) -> None:
        self.page.wait_for_function(READY)
        self.page.evaluate(LISTEN)

    def kernel_run(self, code: str) -> str:
        """Run code in the notebook's kernel, beside its cells, and return what it printed."""
        answer = self.page.evaluate(EXECUTE, {"code": code, "expression": None})
        if answer["status"] != "ok":
            raise KernelError(answer["error"])
        return answer["output"]

    def kernel_eval(self, expression: str) -> Any:
        """Return the value of an expression in the kernel; its repr must be a Python literal."""
        answer = self.page.evaluate(EXECUTE, {"code": "", "expression": expression})
        value = answer["value"]
        if value is None or value["status"] != "ok":
            raise KernelError(f"{value['ename']}: {value['evalue']}" if value else answer["error"])
        return ast.literal_eval(value["data"]["text/plain"])

    def message_counts(self) -> dict[str, int]:
        """Return how many messages passed since the notebook was opened: {"recv status": 12, ...}."""
        return self.page.evaluate("() => ({...window.messageCounts})")

    def eventually(self, holds: Callable[[], Any], timeout: float = 10.0) -> Any:
        """Return the first true value of `holds()`, asking until `timeout` seconds have passed."""
        deadline = time.monotonic() + timeout
        while not (value := holds()):
            assert time.monotonic() < deadline, f"still {value!r} after {timeout:g} s"
            self.page.wait_for_timeout(50)  # lets the page's own events in; time.sleep would not
        return value

    def drag(self, target: Locator, dx: float, dy: float = 0.0, steps: int = 20) -> None:
        """Press at the middle of `target`, move by (dx, dy) CSS pixels in `steps` moves, release."""
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box, "nothing to drag: the target is not visible"
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=steps)
        self.page.mouse.up()

    def moves(
        self,
        target: Locator,
        points: Sequence[tuple[float, float]],
        *,
        hz: float = 60.0,
        press: bool = True,
        release: bool = True,
    ) -> list[float]:
        """Move the mouse over `target` at a steady rate, from inside the page.

        Args:
            target: The element that gets the events; they bubble up from it.
            points: Positions in CSS pixels from its upper left corner, as it lies when the moves begin.
            hz: Moves a second.
            press: Whether the button goes down at the first point.
            release: Whether it goes up at the last.

        Returns:
            When each move was sent, in milliseconds of the page's clock (`performance.now`).
        """
        target.scroll_into_view_if_needed()
        options = {"points": [list(point) for point in points], "hz": hz, "press": press, "release": press and release}
        return target.evaluate(MOVES, options)

    def pixels(self, image: Locator) -> np.ndarray:
        """Return the pixels (height, width, 3) of an <img> at its own size, as the page decoded them."""
        height, width, flat = image.evaluate(PIXELS)
        return np.array(flat, np.uint8).reshape(height, width, 3)

    def dark(self, on: bool = True) -> None:
        """Switch JupyterLab to its dark theme, or back."""
        theme = "JupyterLab Dark" if on else "JupyterLab Light"
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        self.page.wait_for_selector(f"body[data-jp-theme-light='{str(not on).lower()}']", state="attached")
        self._themed = on

    def narrow(self, height: int) -> None:
        """Make the window 600 pixels wide, and put the file browser away."""
        self.page.set_viewport_size({"width": 600, "height": height})
        self.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")

    def screenshot(self, name: str = "", target: Locator | None = None) -> Path:
        """Keep a picture of the page (or of one element) as <test>[-name].png and return its path."""
        path = self._pictures / f"{self.name}{'-' * bool(name)}{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        (target or self.page).screenshot(path=path)
        return path

    def check(self) -> None:
        """Fail if the kernel or the page reported an error."""
        self.page.wait_for_timeout(0)  # reports on their way arrive first
        broken = self.page.get_by_text(FAILED_VIEW).count()  # what a widget's view that failed shows, silently
        assert not broken, f"{broken} widget(s) of the page failed to show"
        assert not self.errors, "the kernel or the page reported:\n" + "\n".join(self.errors)

    def close(self) -> None:
        """Put the theme back, close the page and end this test's kernels."""
        if self._themed:
            self.dark(False)
        self.page.context.close()
        with self.server.request("GET", "/api/sessions") as answer:
            sessions = json.load(answer)
        for session in sessions:
            self.server.request("DELETE", f"/api/sessions/{session['id']}").close()

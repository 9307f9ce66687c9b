"""What is imported late is imported whole, whenever an interrupt comes."""

import signal
import subprocess
import sys
import threading
import types

import pytest

from latent_widgets.core.imports import apart, import_whole

LATE = """
import os, sys, threading
import torch
import latent_widgets as lw
from latent_widgets.widgets.jobs.executors import inline_jobs
from tests.public_calls import CALLS, numbers, small_style

HARMLESS = ("latent_widgets", "PIL", "olefile", "lpips", "torch.profiler._cupti_monitor")  # whole at the next try

class Watch:
    def find_spec(self, name, path=None, target=None):
        main = threading.current_thread() is threading.main_thread()
        if main and name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith(HARMLESS):
            os.write(1, f"{doing} imports {name}\\n".encode())
            os._exit(1)
        if not main and name == "torch._dynamo" and doing in CALLS:
            os._exit(0)  # the rest of the call was seen in an earlier one

lw.LatentExplorer, lw.JacobianSpectrum
G, digits = small_style(), lw.load("digits32")
sys.meta_path.insert(0, Watch())
for source, calls in ((G, CALLS), (digits, ("local_basis of the picture", "regions"))):
    for doing in calls:
        child = os.fork()
        if not child:
            numbers(doing, source)
            os._exit(0)
        assert os.waitpid(child, 0)[1] in (0, 256), doing
doing = "a panel"
with inline_jobs():
    explorer, spectrum = lw.LatentExplorer(G, lw.random_directions(G, k=2)), lw.JacobianSpectrum(G, G.sample_z(1)[0])
explorer.set_alpha(0, 1.0)
spectrum._repr_mimebundle_()
for panel, ending in ((explorer, "png"), (spectrum, "pdf")):
    panel.save(f"{sys.argv[1]}/picture.{ending}")
    assert panel.error is None, panel.error
sys.meta_path.pop(0)  # PyTorch imports more when the program ends
print("done")
"""


@pytest.fixture
def module(monkeypatch):
    """A module whose import presses Ctrl-C in its midst, and says so when it is over."""
    ends = []

    class Loader:
        def create_module(self, spec):
            return types.ModuleType(spec.name)

        def exec_module(self, module):
            module.thread = threading.current_thread()
            for _ in range(2):  # who waits is impatient
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            threading.Event().wait(0.05)
            ends.append(module.__name__)
            if module.__name__ == "lw_missing":
                raise ModuleNotFoundError("No module named 'lw_missing'")

    class Finder:
        def find_spec(self, name, path=None, target=None):
            from importlib.machinery import ModuleSpec

            return ModuleSpec(name, Loader()) if name in ("lw_slow", "lw_missing") else None

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield ends
    signal.signal(signal.SIGINT, before)
    sys.modules.pop("lw_slow", None)


def test_import_ends_before_the_interrupt_is_heard(module):
    with pytest.raises(KeyboardInterrupt):
        import_whole("lw_slow")
    assert module == ["lw_slow"]
    assert sys.modules["lw_slow"].thread is not threading.main_thread()
    import_whole("lw_slow")  # is there, and is not imported again
    assert module == ["lw_slow"]


def test_interrupt_comes_before_what_the_import_has_to_say(module):
    with pytest.raises(KeyboardInterrupt):
        import_whole("lw_missing")
    assert "lw_missing" not in sys.modules


@pytest.mark.parametrize("main", [True, False])
def test_what_is_not_there_is_said_as_python_says_it(main):
    found = []

    def work():
        with pytest.raises(ModuleNotFoundError, match="No module named 'latent_gadgets'") as caught:
            import_whole("json", "latent_gadgets")
        found.append(caught.value.name)

    if main:
        work()
    else:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert found == ["latent_gadgets"]


def test_other_threads_do_it_themselves():
    found = []
    thread = threading.Thread(target=lambda: found.append(apart(threading.current_thread)))
    thread.start()
    thread.join()
    assert found == [thread]
    assert apart(threading.current_thread) is not threading.main_thread()


def test_what_goes_wrong_apart_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        apart(lambda: 1 / 0)


def test_nothing_that_an_interrupt_breaks_is_imported_on_the_main_thread(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", LATE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr

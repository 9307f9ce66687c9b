"""Damages checkpoints at random: each is refused in words or loads, nothing runs, and little memory is taken.

``python -m tests.generators.checkpoints.fuzz --minutes 10`` looks for as many minutes of processor time as one likes;
the test looks briefly.
"""

import argparse
import collections
import fractions
import pickle
import resource
import sys
import tempfile
import time
from pathlib import Path

import hypothesis
import torch
from hypothesis import strategies as st
from safetensors.torch import save_file

from latent_widgets.generators.checkpoints._values import CheckpointError
from latent_widgets.generators.checkpoints.reading import convert, read_network
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.generators.stylegan3 import make_stylegan3
from tests.generators.checkpoints.standins import (
    genforce,
    hammer,
    nvidia_state,
    rosinality,
    write_nvidia,
    write_tensorflow,
)

EXECUTED = ("exec", "compile", "import", "marshal.loads", "os.system", "subprocess.Popen", "pickle.find_class")
SEEN = {"on": False, "events": []}


def watch():
    """Install the audit hook; it looks only while SEEN is on."""

    def hook(event, arguments):
        if SEEN["on"] and event in EXECUTED:
            SEEN["events"].append((event, str(arguments)[:80]))

    sys.addaudithook(hook)


def originals(folder):
    """Small good files of every family, as bytes."""
    torch.manual_seed(0)
    small = StyleGAN2(z_dim=2, w_dim=2, resolution=8, channels={4: 2, 8: 2}, mapping_layers=1)
    alias_free = make_stylegan3(z_dim=2, w_dim=2, resolution=16, num_layers=3, channel_base=16, channel_max=2)
    path, files = folder / "original", []
    for network in (small, alias_free):
        files += [write_nvidia(path, network, protocol).read_bytes() for protocol in (2, 4, 5)]
    files += [write_tensorflow(path, small, protocol).read_bytes() for protocol in (2, 4)]
    for layout in (rosinality, genforce):
        for zipped in (True, False):
            torch.save({"g_ema": layout(small)}, path, _use_new_zipfile_serialization=zipped)
            files.append(path.read_bytes())
    for state in (hammer(small), nvidia_state(small), nvidia_state(alias_free)):
        torch.save({"args": fractions.Fraction(1, 3), "inner": {"g_ema": state, "w": [state]}}, path)
        files.append(path.read_bytes())
        arrays = {name: value.numpy() for name, value in state.items()}
        files.append(pickle.dumps(collections.defaultdict(list, G_ema=arrays, when=fractions.Fraction(1, 3)), 4))
        save_file({f"module.{name}": value.contiguous() for name, value in state.items()}, path)
        files.append(path.read_bytes())
    for network in (small, alias_free):
        target = folder / "converted.safetensors"
        convert(write_nvidia(path, network), target)
        files.append(target.read_bytes())
    return files


def damaged(files):
    """A strategy for files with a few places changed, moved, cut out or doubled."""
    place = st.floats(0, 1, exclude_max=True)
    change = st.tuples(
        st.sampled_from(["set", "flip", "cut", "double", "swap", "end"]), place, place, st.binary(max_size=12)
    )
    return st.tuples(st.sampled_from(files), st.lists(change, min_size=1, max_size=6)).map(lambda pair: spoil(*pair))


def spoil(data, changes):
    data = bytearray(data)
    for kind, first, second, content in changes:
        start = int(first * len(data))
        stop = min(len(data), start + 1 + int(second * 64))
        if kind == "set":
            data[start : start + len(content)] = content
        elif kind == "flip" and data:
            data[start] ^= 1 << int(second * 8)
        elif kind == "cut":
            del data[start:stop]
        elif kind == "double":
            data[start:start] = data[start:stop]
        elif kind == "swap":
            other = int(second * len(data))
            data[start : start + 8], data[other : other + 8] = data[other : other + 8], data[start : start + 8]
        elif kind == "end":
            del data[start:]
    return bytes(data)


def check(path, data):
    """Load `data`; say how it ended. Anything but a good end or a refusal in words is raised."""
    path.write_bytes(data)
    SEEN["events"].clear()
    SEEN["on"] = True
    try:
        read_network(path)
        end = "loaded"
    except CheckpointError:
        end = "refused"
    finally:
        SEEN["on"] = False
    assert SEEN["events"] == [], tuple(SEEN["events"])
    return end


def run(minutes, seed=0, examples=None, on_round=lambda figures: None):
    """Fuzz for some minutes of processor time, or for some examples, and return the figures."""
    ends, slowest = collections.Counter(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        files = originals(Path(folder))
        for data in files:
            path.write_bytes(data)
            read_network(path)  # what torch imports the first time
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()

        @hypothesis.given(st.one_of(damaged(files), st.binary(max_size=200).map(lambda tail: b"\x80\x04" + tail)))
        @hypothesis.settings(
            max_examples=examples or 500,
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        def one(data):
            nonlocal slowest
            begin = time.process_time()
            ends[check(path, data)] += 1
            slowest = max(slowest, time.process_time() - begin)

        rounds, figures = 0, {}
        while rounds == 0 or time.process_time() - start < 60 * minutes:
            hypothesis.seed(seed + rounds)(one)()
            rounds += 1
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            spent = (time.process_time() - start) / 60
            figures = {"CPU minutes": spent, "slowest, CPU s": slowest, "memory grown by, MiB": grown}
            on_round(dict(ends) | figures)
    return dict(ends) | figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    watch()
    run(arguments.minutes, arguments.seed, on_round=lambda figures: print(figures, flush=True))  # noqa: T201 - a command

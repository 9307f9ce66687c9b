"""What reading a file may cost, and how it is measured: peak of memory above that before, and processor time."""

import resource
import signal
import time
from dataclasses import dataclass

MIB = 2**20
LEAST_SECONDS = 5.0


def memory_for(size):
    """Bytes above those before that reading a file of `size` bytes may take."""
    return 64 * size + 256 * MIB


def seconds_for(size):
    """Seconds of processor time that it may take."""
    return LEAST_SECONDS + size / MIB


@dataclass
class Spent:
    """What was spent between entering and leaving.

    Attributes:
        bytes: Peak of resident memory above that before.
        seconds: Of processor time.
    """

    bytes: int = 0
    seconds: float = 0.0

    def __enter__(self):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak begins anew
        self._before, self._start = _memory("VmRSS"), time.process_time()
        return self

    def __exit__(self, *error):
        self.seconds = time.process_time() - self._start
        self.bytes = max(0, _memory("VmHWM") - self._before)


def stop_at(size):
    """Take the process down where it goes far beyond: what asks for more memory, or runs on, ends."""
    refuse_beyond(2 * memory_for(size) + 1024 * MIB)
    soft = int(time.process_time() + seconds_for(size)) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
    signal.alarm(20 * int(seconds_for(size)))  # what waits for ever takes no processor time


def refuse_beyond(more):
    """Refuse the process so many bytes more than it has: what asks for them gets a MemoryError."""
    resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") + more, resource.RLIM_INFINITY))


def _memory(name):
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024

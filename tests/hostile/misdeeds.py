"""Readers that do what no reader may: each is seen, which shows that the watch and the limits can be passed."""

import os
import socket
import time

from tests.hostile.limits import MIB


def _waste(seconds):
    start = time.process_time()
    while time.process_time() < start + seconds:
        pass


def _refuse(text, kind=ValueError):
    raise kind(text)


WORDS = "the file must be a plain one that can be read, got "
# What is done, and what is said of it.
MISDEEDS = {
    "a command": (lambda path: os.system("true"), "did: os.system"),
    "a program": (lambda path: exec("1"), "did: exec"),  # noqa: S102 - the point
    "an import": (lambda path: __import__("this"), "did: import"),
    "a connection": (lambda path: socket.socket().close(), "did: socket"),
    "a file written elsewhere": (lambda path: open(path.parent.parent / "elsewhere", "w").close(), "did: open"),
    "a file of another read": (lambda path: open("/etc/passwd").close(), "did: open"),
    "a file deleted": (lambda path: os.remove(path.parent.parent / "elsewhere"), "did: os.remove"),
    "memory": (lambda path: b"x" * (300 * MIB), "MiB for 3 bytes"),
    "memory without end": (lambda path: b"x" * (300 * 1024 * MIB), "raised MemoryError"),
    "time": (lambda path: _waste(0.7), "s for 3 bytes"),
    "time without end": (lambda path: _waste(1e9), "was ended by SIGXCPU"),
    "an end": (lambda path: os._exit(3), "was ended by exit"),
    "an error of Python's": (lambda path: [][0], "raised IndexError"),
    "text that cannot be decoded": (lambda path: b"\xff".decode(), "raised UnicodeDecodeError"),
    "no words": (lambda path: _refuse("x"), "refused without words"),
    "words of Python's": (lambda path: iter(3), "refused without words"),
    "half a letter": (lambda path: _refuse(f"{WORDS}\ud800"), "cannot be shown"),
    "two lines": (lambda path: _refuse(f"{WORDS}\n"), "cannot be shown"),
    "a whole file": (lambda path: _refuse(WORDS + "x" * 5000), "cannot be shown"),
}

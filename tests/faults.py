"""What a system does to a program that writes: it has no room, or the program dies. Each in a child of its own.

A child is a fork, so that it takes milliseconds; nothing that is changed in it reaches the tests.
"""

import errno
import json
import os
import resource
import signal
import sys
import traceback

import torch

DRAFTS = "latent_widgets.core.drafts"


def in_child(act):
    """Run `act` in a child: what it returned or the error's name and text; and the signal that ended it, or 0."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(60)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            torch.set_num_threads(1)  # the parent's threads are not in a fork
            try:
                said = {"returned": act()}
            except Exception as error:
                kinds = [kind.__name__ for kind in type(error).__mro__]
                said = {"error": kinds, "text": str(error), "trace": traceback.format_exc(), "errno": _number(error)}
            os.write(writing, json.dumps(said).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        data = file.read()
    status = os.waitpid(child, 0)[1]
    return (json.loads(data) if data else {}), os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def _number(error):
    return error.errno if isinstance(error, OSError) else None


def _limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def _refuse(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _replace_then_die(source, target, replace=os.replace):
    replace(source, target)
    _die()


def _die_at_a_draft():
    def hook(event, arguments):
        if event == "open" and str(arguments[0]).endswith(".draft") and arguments[2] & os.O_CREAT:
            _die()

    sys.addaudithook(hook)


def _die_at(size):
    _limit(size)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # the system kills what writes more


# What goes wrong for a program that writes a file of so many bytes. The first kind it is told of, the second kills it.
FULL = {
    "no room at all": lambda size: _limit(0),
    "room for a part": lambda size: _limit(size // 2),
    "no room on the server": lambda size: setattr(os, "fsync", _refuse),
    "no room for a name": lambda size: setattr(os, "replace", _refuse),
}
KILLED = {
    "killed before a draft": lambda size: _die_at_a_draft(),
    "killed in the middle": lambda size: _die_at(size // 2),
    "killed when all is written": lambda size: setattr(os, "fsync", _die),
    "killed before it is put in place": lambda size: setattr(os, "replace", _die),
    "killed after": lambda size: setattr(os, "replace", _replace_then_die),
}


def only_at(ending, replace=os.replace):
    """Leave what goes wrong when a file is put in its place to the files with an ending."""
    wrong = os.replace
    os.replace = lambda source, target: (wrong if str(target).endswith(ending) else replace)(source, target)


def opened(act, folder):
    """Run `act`, and return for each file of a folder that was written or moved: which modules had a part in it."""
    found, changes = [], ("os.rename", "os.truncate", "os.link", "os.symlink")

    def hook(event, arguments):
        if event not in ("open", *changes) or not str(arguments[0]).startswith(str(folder)):
            return
        if event in changes or arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            frames = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_stack(sys._getframe()))
            found.append((os.path.basename(arguments[0]), sorted(set(frames))))

    sys.addaudithook(hook)
    act()
    return found


def look(folder):
    """The content of every file in a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def alike(one, other):
    """Whether two files may be of one writer: names in an SVG are random, and metadata has no fixed order."""
    return len(one) == len(other)

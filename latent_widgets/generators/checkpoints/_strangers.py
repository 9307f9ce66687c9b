"""What files name and networks are not made of: kept as inert values, so that what lies beside a network does no harm.

Nothing of such a name is imported or looked up, and nothing that stands for it can do anything. That is safe whatever
the name is; files that name what runs programs or opens files are refused all the same, since they mean harm to others.
"""

from __future__ import annotations

from typing import Any

from latent_widgets.generators.checkpoints._values import Allowed, Bag, CheckpointError

__all__ = ["HarmfulError", "Stranger", "Strangers", "harmful", "means_harm", "refusal"]

_HARMFUL = frozenset((  # modules, with all that is in them
    "os", "posix", "nt", "subprocess", "sys", "importlib", "runpy", "pty", "socket", "shutil", "ctypes", "_ctypes",
    "pickle", "_pickle", "marshal", "code", "codeop", "timeit", "pdb", "bdb", "profile", "cProfile", "trace",
    "webbrowser", "pip", "pydoc", "commands",
))  # fmt: skip
_HARMFUL_TORCH = ("torch.hub", "torch.jit", "torch.package", "torch.utils.cpp_extension")
_OPENING = frozenset(("FileIO", "open", "open_code"))  # in any module
_HARMFUL_BUILT_IN = frozenset((
    "__build_class__", "__import__", "apply", "breakpoint", "compile", "delattr", "eval", "exec", "execfile", "exit",
    "file", "globals", "input", "locals", "quit", "raw_input", "reload", "setattr", "vars",
))  # fmt: skip


class HarmfulError(CheckpointError):
    """A file that names what no checkpoint has a use for."""


class Stranger(Bag):
    """An instance of an unknown class, or the result of an unknown function.

    Attributes:
        arguments: What the file made it of.
        kept: What was appended to it, set in it or added to it.
    """

    def __init__(self, name: str, arguments: tuple[Any, ...] = ()) -> None:
        super().__init__(name)
        self.arguments = arguments
        self.kept: dict[type, Any] = {dict: {}, list: [], set: set()}

    def build(self, state: Any) -> None:
        """Take any state; attributes where it has some."""
        parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)  # (attributes, slots)
        for part in parts:
            if isinstance(part, dict):
                self.state.update(part)
            elif part is not None:
                self.kept[list].append(part)


class Strangers:
    """The unknown names of one file.

    Attributes:
        complaints: What a file in which no network is found is told about them, and about values that cannot be made.
    """

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self._known: dict[str, Allowed] = {}

    def named(self, name: str) -> Allowed:
        """Return what stands for a name: it makes instances that hold what they are given."""
        if name not in self._known:
            self.complain(refusal(name, "It stayed a name, and nothing in it was executed."))
            make = lambda *arguments: Stranger(name, arguments)  # noqa: E731 - twice the same
            self._known[name] = Allowed(name, call=make, new=make)
        return self._known[name]

    def complain(self, why: str) -> None:
        """Remember why something was left out; the first reasons are enough."""
        if len(self.complaints) < 8:
            self.complaints.append(why)


def means_harm(module: str, name: str) -> bool:
    """Return whether a name is one that no checkpoint has a use for: of what runs programs or opens files.

    Example:
        >>> means_harm("posix", "system"), means_harm("datetime", "datetime")
        (True, False)
    """
    if module in ("torch", "torch.serialization"):
        return name.endswith(("load", "save", "compile"))
    if name in _OPENING:
        return True
    if module in ("builtins", "__builtin__"):
        return name in _HARMFUL_BUILT_IN
    torch = any(module == harmful or module.startswith(f"{harmful}.") for harmful in _HARMFUL_TORCH)
    return torch or module.partition(".")[0] in _HARMFUL


def harmful(name: str) -> HarmfulError:
    """Word the refusal of a file for a name in it."""
    why = "It is refused, and nothing in it was executed. If you trust the file, load it with the program that "
    return HarmfulError(refusal(name, f"{why}wrote it and pass the live network: lw.load(network)."))


def refusal(name: str, what: str) -> str:
    """Word the refusal of a name."""
    return f"a checkpoint must name only what networks are made of, got {name!a:.80}. {what}"

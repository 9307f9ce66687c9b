"""Puts a mutant into functions that are loaded already, so that neither the package nor the tests are imported anew."""

from __future__ import annotations

import gc
import inspect
from pathlib import Path
from types import CodeType, FunctionType

from tests.mutation.operators import Mutant

__all__ = ["Change", "Loaded", "changed_functions"]

Change = list[tuple[CodeType, CodeType]]
"""Functions before and after."""

_BODY = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_exceptiontable", "co_flags")
_Key = tuple[str, str, int]


def changed_functions(mutant: Mutant, source: bytes) -> Change | None:
    """Return which functions a mutant changes, before and after; None where it changes what runs at import."""
    old, new = (compile(text, mutant.path, "exec", dont_inherit=True) for text in (source, mutant.apply(source)))
    found: Change = []
    return found if _compare(old, new, found) else None


def _compare(old: CodeType, new: CodeType, found: Change) -> bool:
    """Collect the functions that differ; false where the body around them does."""
    if any(getattr(old, name) != getattr(new, name) for name in _BODY) or len(old.co_consts) != len(new.co_consts):
        return False
    for before, after in zip(old.co_consts, new.co_consts, strict=True):
        if not isinstance(before, CodeType):
            if type(before) is not type(after) or repr(before) != repr(after):
                return False
        elif not isinstance(after, CodeType):
            return False
        elif before.co_flags & inspect.CO_OPTIMIZED:
            if before != after:
                if before.co_freevars != after.co_freevars:
                    return False
                found.append((before, after))
        elif not _compare(before, after, found):  # the body of a class
            return False
    return True


class Loaded:
    """The functions of the package that are loaded, by file, name and line."""

    def __init__(self, root: Path) -> None:
        self.functions: dict[_Key, list[FunctionType]] = {}
        for one in gc.get_objects():
            if isinstance(one, FunctionType) and one.__code__.co_filename.startswith(str(root)):
                path = str(Path(one.__code__.co_filename).relative_to(root))
                key = (path, one.__code__.co_qualname, one.__code__.co_firstlineno)
                self.functions.setdefault(key, []).append(one)

    def holds(self, path: str, changed: Change) -> bool:
        """Say whether every function that a mutant changes is there."""
        return all((path, old.co_qualname, old.co_firstlineno) in self.functions for old, _ in changed)

    def swap(self, path: str, changed: Change) -> None:
        """Give the functions their changed code: for good, so in a process that ends afterwards."""
        for old, new in changed:
            for function in self.functions[path, old.co_qualname, old.co_firstlineno]:
                function.__code__ = new

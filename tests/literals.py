"""What stands in the sources of modules whose texts come from no catalogue yet."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEAST = 3  # letters of a text in which values stand: with fewer it would be any text


def literals(modules: Iterable[str]) -> list[str]:
    """Return regular expressions of the texts in some modules, the longest first.

    Args:
        modules: Files or folders, from the root of the repository.
    """
    files = [file for name in modules for file in _files(ROOT / name)]
    found = {text for file in files for text in _texts(ast.parse(file.read_text(encoding="utf-8")))}
    return sorted(found, key=len, reverse=True)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise ValueError(f"modules must exist, got {path}.")
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and any(map(str.isalpha, node.value)):
            yield re.escape(node.value.strip())
        elif isinstance(node, ast.JoinedStr):
            constants = [str(part.value) for part in node.values if isinstance(part, ast.Constant)]
            if sum(letter.isalpha() for letter in "".join(constants)) >= LEAST:
                parts = (re.escape(str(p.value)) if isinstance(p, ast.Constant) else r".*?" for p in node.values)
                yield "".join(parts)

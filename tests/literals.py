"""What modules say whose texts come from no catalogue yet."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEAST = 3  # letters of a text in which values stand: with fewer it would be any text


def literals(modules: Iterable[str]) -> re.Pattern[str]:
    """Return what matches, as a whole, a text that stands in the sources of some modules.

    Args:
        modules: Files or folders, from the root of the repository.

    Raises:
        ValueError: If there is no such file or folder.
    """
    files = [file for name in modules for file in _files(ROOT / name)]
    found = sorted({text for file in files for text in _texts(ast.parse(file.read_text(encoding="utf-8")))})
    return re.compile(rf"[\W\d]*(?:{'|'.join(found) or '(?!)'})", re.DOTALL)  # behind numbers and signs, too


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise ValueError(f"modules must exist, got {path}.")
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and any(map(str.isalpha, node.value)):
            yield re.escape(node.value)
        elif isinstance(node, ast.JoinedStr):
            fixed = [str(part.value) if isinstance(part, ast.Constant) else None for part in node.values]
            if sum(letter.isalpha() for words in fixed if words for letter in words) >= LEAST:
                yield "".join(".*" if words is None else re.escape(words) for words in fixed)

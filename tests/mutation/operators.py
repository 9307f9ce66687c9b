"""Small wrong changes of a source text, one at a time: the mutants that a test suite is to notice.

A table of our own over `ast`: mutmut passes over decorated functions, as half of the measured ones here are, and
cosmic-ray replaces an operator by each of ten others, so that a draw is full of type errors that any test sees, while
a dropped keyword or a statement left out, the likelier slips in tensor code, are not among its changes.

Not changed, since they say or guard something and compute nothing: docstrings, annotations, `TYPE_CHECKING` blocks,
imports, `__all__`, `raise` and `warnings.warn` statements (the condition before them is changed), `__repr__`,
f-strings, strings with a blank in them, names of arguments passed to `checks`, `repr=` of a field, `strict=` of `zip`.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Mutant", "mutants"]

_BINARY = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.Pow: "*",
    ast.BitAnd: "|",
    ast.BitOr: "&",
}
_AUGMENTED = {ast.Add: "-=", ast.Sub: "+=", ast.Mult: "/=", ast.Div: "*=", ast.BitOr: "&=", ast.BitAnd: "|="}
_COMPARED = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
_PAIRS = [
    ("min", "max"),
    ("any", "all"),
    ("sum", "mean"),
    ("amin", "amax"),
    ("argmin", "argmax"),
    ("floor", "ceil"),
    ("sin", "cos"),
    ("minimum", "maximum"),
]
_RENAMED = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
_DROPPED_CALLS = {"abs", "clamp", "exp", "flip", "log", "sqrt", "square"}
_DROPPED_ATTRIBUTES = {"T", "mT"}
_KEPT_KEYWORDS = {"repr", "strict"}


@dataclass(frozen=True)
class Mutant:
    """One change: `old` becomes `new` in the bytes of a file."""

    path: str
    line: int
    column: int
    kind: str
    old: str
    new: str
    lines: tuple[int, int]  # first and last line of what is changed, from 1
    span: tuple[int, int]  # in the bytes of the file
    statement: str  # its first line, by which a change is known where lines above it come and go

    @property
    def name(self) -> str:
        """Where it is, and what."""
        return f"{self.path}:{self.line}:{self.column} {self.old!r} -> {self.new!r}"

    def apply(self, source: bytes) -> bytes:
        """Return the changed text."""
        return source[: self.span[0]] + self.new.encode() + source[self.span[1] :]


def mutants(path: str, source: bytes) -> list[Mutant]:
    """Return every mutant of a source text, in the order of the text."""
    return sorted(set(_Finder(path, source).found()), key=lambda m: (m.span, m.kind, m.new))


class _Finder:
    def __init__(self, path: str, source: bytes) -> None:
        self.path, self.source = path, source
        self.rows = source.splitlines(keepends=True)
        self.starts = [0]
        for row in self.rows:
            self.starts.append(self.starts[-1] + len(row))
        self.tree = ast.parse(source)
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def found(self) -> Iterator[Mutant]:
        for node in _drawn(self.tree):
            for kind, start, end, new in self._changes(node):
                old = self.source[start:end].decode()
                if old != new:
                    yield self._mutant(node, kind, (start, end), old, new)

    def _mutant(self, node: ast.AST, kind: str, span: tuple[int, int], old: str, new: str) -> Mutant:
        line = self._line(span[0])
        lines = (line, max(line, self._line(max(span[1] - 1, span[0]))))
        column = span[0] - self.starts[line - 1] + 1
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        statement = self.rows[node.lineno - 1].decode().strip()
        return Mutant(self.path, line, column, kind, old, new, lines, span, statement)

    def _line(self, at: int) -> int:
        return min(bisect_right(self.starts, at), len(self.rows))

    def _span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self._span(node)
        return self.source[start:end].decode()

    def _between(self, left: ast.expr, right: ast.expr) -> tuple[int, int]:
        """The operator between two operands, without the blanks and brackets around it."""
        start, end = self._span(left)[1], self._span(right)[0]
        text = self.source[start:end]
        kept = [i for i, byte in enumerate(text) if byte not in b" \n()"]
        return start + kept[0], start + kept[-1] + 1

    def _dot(self, node: ast.Attribute) -> int:
        """Where the dot of an attribute stands: what is before it may be in brackets."""
        return self.source.rindex(b".", 0, self._span(node)[1] - len(node.attr))

    def _changes(self, node: ast.AST) -> Iterator[tuple[str, int, int, str]]:
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY and not _certain_error(node):
            yield "arithmetic", *self._between(node.left, node.right), _BINARY[type(node.op)]
        if isinstance(node, ast.AugAssign):
            if type(node.op) in _AUGMENTED:
                yield "arithmetic", *self._between(node.target, node.value), _AUGMENTED[type(node.op)]
            yield "statement", *self._span(node), "pass"
        if isinstance(node, ast.UnaryOp):
            yield "sign", *self._span(node), f"({self._text(node.operand)})"
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            for new in _COMPARED[type(node.ops[0])]:
                yield "comparison", *self._between(node.left, node.comparators[0]), new
        if isinstance(node, ast.BoolOp):
            new = "or" if isinstance(node.op, ast.And) else "and"
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield "logic", *self._between(left, right), new
        if isinstance(node, ast.Constant):
            yield from self._constants(node)
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            yield from self._negated(node.test)
        if isinstance(node, ast.comprehension):
            for test in node.ifs:
                yield from self._negated(test)
        if isinstance(node, ast.Break | ast.Continue):
            yield "statement", *self._span(node), "continue" if isinstance(node, ast.Break) else "break"
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and not _silent(node.value):
            yield "statement", *self._span(node), "pass"
        if isinstance(node, ast.Assign) and _rewrites(node):
            yield "statement", *self._span(node), "pass"
        if isinstance(node, ast.Call):
            yield from self._calls(node)
        if isinstance(node, ast.Attribute) and node.attr in _DROPPED_ATTRIBUTES:
            yield "call", self._dot(node), self._span(node)[1], ""
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call):
                    start, end = self._span(decorator)
                    yield "decorator", start - 1, end, "# dropped"

    def _constants(self, node: ast.Constant) -> Iterator[tuple[str, int, int, str]]:
        value, (start, end) = node.value, self._span(node)
        if isinstance(value, bool):
            yield "constant", start, end, str(not value)
        elif isinstance(value, int | float):
            yield "constant", start, end, repr(value + 1)
        elif isinstance(value, str) and " " not in value and not self._names_argument(node):
            yield "constant", start, end, repr(f"XX{value}")

    def _names_argument(self, node: ast.Constant) -> bool:
        call = self.parents.get(node)
        return (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id == "checks"
            and call.args[:1] == [node]
        )

    def _negated(self, test: ast.expr) -> Iterator[tuple[str, int, int, str]]:
        single = isinstance(test, ast.Compare) and len(test.ops) == 1
        if not single and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):  # changed already
            yield "condition", *self._span(test), f"(not ({self._text(test)}))"

    def _calls(self, node: ast.Call) -> Iterator[tuple[str, int, int, str]]:
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        end = self._span(func)[1]
        if name in _RENAMED:
            yield "call", end - len(name), end, _RENAMED[name]
        if name in _DROPPED_CALLS and isinstance(func, ast.Attribute) and not _is_module(func.value):
            yield "call", self._dot(func), self._span(node)[1], ""
        for word in node.keywords:
            if word.arg is not None and word.arg not in _KEPT_KEYWORDS:
                start, end = self._span(word)
                rest = self.source[end : self._span(node)[1]].lstrip()
                if rest.startswith(b","):
                    end = self.source.index(b",", end) + 1
                yield "keyword", start, end, ""


def _drawn(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that may be changed: what says something and computes nothing is passed over with all in it."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        children = value if isinstance(value, list) else [value]
        for child in children:
            if isinstance(child, ast.AST) and not _silent(child):
                yield from _drawn(child)


def _silent(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.FunctionDef):
        return node.name == "__repr__"
    if isinstance(node, ast.keyword):
        return node.arg in _KEPT_KEYWORDS
    if isinstance(node, ast.If):
        return _named(node.test, "TYPE_CHECKING")
    if isinstance(node, ast.Assign):
        return _named(node.targets[0], "__all__")
    if isinstance(node, ast.Subscript):
        return _named(node.value, "Literal", "Callable", "Mapping")
    if isinstance(node, ast.Call):
        return _named(node.func, "cast", "isinstance", "get_args") or _is_warning(node.func)
    return False


def _named(node: ast.expr, *names: str) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _is_warning(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "warn" and _named(node.value, "warnings")


def _certain_error(node: ast.BinOp) -> bool:
    """Whether one side is text or a display, which only add up."""
    displays = (ast.JoinedStr, ast.Tuple, ast.List)
    return any(isinstance(s, displays) or _is_text(s) for s in (node.left, node.right))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_module(node: ast.expr) -> bool:
    return _named(node, "torch", "np", "math")


def _rewrites(node: ast.Assign) -> bool:
    """Whether a value is made from what the same name held."""
    targets = {n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return bool(targets & {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)})

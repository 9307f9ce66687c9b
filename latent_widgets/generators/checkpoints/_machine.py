"""A pickle machine that runs nothing: it turns the bytes of a pickle into inert values, or refuses them.

Python's own unpickler imports what a file names and calls it. This one knows a closed table of names, each with a
function of ours that makes a value; nothing is imported, no attribute is looked up, and a ``BUILD`` reaches only values
that were made for it. Long strings stay in the file: what is not asked for is not copied.

What is made is charged beforehand to the account of the file, as the bytes that it takes, and what is called as the
length of its arguments: a pickle of few bytes may recall a long value as often as it likes.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable, Mapping
from typing import Any

from latent_widgets.core.budget import EACH, Budget
from latent_widgets.core.words import one_line
from latent_widgets.generators.checkpoints._arrays import FileArray, FileType
from latent_widgets.generators.checkpoints._strangers import Stranger, Strangers, harmful, means_harm
from latent_widgets.generators.checkpoints._values import (
    Allowed,
    Bag,
    Blob,
    Charged,
    CheckpointError,
    as_key,
    cost,
    short,
    text_of,
)

__all__ = ["Machine"]

MAX_STEPS = 5_000_000  # networks of 1024 px with optimiser take some 200 thousand
MAX_INTEGER = 255  # bytes; torch's magic number has ten
_LONG = 1 << 16  # bytes from which a string is left in the file
_STRING, _NUMBER, _TUPLE, _INSTANCE, _STRANGER = 80, 32, 64, 400, 1200  # bytes that one takes, without its contents
_EMPTY = {"LIST": 72, "DICT": 80, "SET": 232, "TUPLE": 0}

_CODES = {op.name: ord(op.code) for op in pickletools.opcodes}
_NAMES = {code: name for name, code in _CODES.items()}
_MARK = object()
_HANDLERS: dict[int, Callable[[Machine], None]] = {}


def _on(*names: str) -> Callable[[Callable[[Machine], None]], Callable[[Machine], None]]:
    def register(handler: Callable[[Machine], None]) -> Callable[[Machine], None]:
        for name in names:
            _HANDLERS[_CODES[name]] = handler
        return handler

    return register


class Machine:
    """Reads one pickle.

    Args:
        data: The bytes.
        names: What may be named: ``(module, name)`` to a value, most often an :class:`Allowed`.
        persistent: Makes a value of a persistent id; None where the file must have none.
        position: Where the pickle begins.
        strangers: Takes the names that are not among them; None where these are refused.
        budget: The account of the file; one for the bytes if not given.
        most: Steps at most.
    """

    def __init__(
        self,
        data: memoryview,
        names: Mapping[tuple[str, str], Any],
        persistent: Callable[[Any], Any] | None = None,
        position: int = 0,
        strangers: Strangers | None = None,
        budget: Budget | None = None,
        most: int | None = None,
    ) -> None:
        self.data, self.names, self.persistent, self.position = data, names, persistent, position
        self.strangers = strangers
        self.budget = budget or Budget(len(data), "the file", CheckpointError)
        self.most = MAX_STEPS if most is None else most
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.opcode = 0

    def run(self) -> Any:
        """Run to the end of the pickle; :attr:`position` is then behind it.

        Raises:
            CheckpointError: If it is damaged, too long, or asks for something that is not allowed.
        """
        for _ in range(self.most):
            self.opcode = self.take(1)[0]
            if self.opcode == _CODES["STOP"]:
                result = self.pop()
                if result is _MARK:
                    raise CheckpointError("a pickle must end with a value, got none.")
                return result
            handler = _HANDLERS.get(self.opcode)
            if handler is None:
                name = _NAMES.get(self.opcode, hex(self.opcode))
                raise CheckpointError(f"a checkpoint must be written with pickle protocol 2 to 5, got opcode {name}.")
            handler(self)
        raise CheckpointError(f"a pickle must have at most {self.most} steps, got more.")

    # ---- bytes

    def take(self, n: int) -> memoryview:
        if n > len(self.data) - self.position:
            raise CheckpointError(
                f"the file must be whole, got one cut off: {n} bytes asked for at {self.position} of {len(self.data)}. "
                "Download it again."
            )
        self.position += n
        return self.data[self.position - n : self.position]

    def count(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def line(self) -> str:
        piece = bytes(self.data[self.position : self.position + 512])
        end = piece.find(b"\n")
        if end < 0:
            raise CheckpointError("a name in a pickle must end within 512 bytes, got a longer one.")
        self.position += end + 1
        return text_of(piece[:end])

    # ---- stack

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack:
            raise CheckpointError("a pickle must take from its stack what it has put there, got an empty stack.")
        return self.stack.pop()

    def value(self) -> Any:
        value = self.pop()
        if value is _MARK:
            raise CheckpointError("a pickle must take values from its stack, got a mark.")
        return value

    def since_mark(self) -> list[Any]:
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                values = self.stack[index + 1 :]
                del self.stack[index:]
                return values
        raise CheckpointError("a pickle must have a mark on its stack, got none.")

    def top(self, kind: type) -> Any:
        if self.stack and type(self.stack[-1]) is Stranger:
            return self.stack[-1].kept[kind]
        if not self.stack or type(self.stack[-1]) is not kind:
            what = type(self.stack[-1]).__name__ if self.stack else "nothing"
            raise CheckpointError(f"{_NAMES[self.opcode]} must act on a {kind.__name__}, got {what}.")
        return self.stack[-1]

    def strings(self, size: int, text: bool) -> None:
        view = self.take(self.count(size))
        if len(view) >= _LONG:
            self.budget.spend(_INSTANCE)
            self.push(Blob(view, is_text=text))
        else:
            self.budget.spend(_STRING + (4 if text else 1) * len(view))
            self.push(text_of(bytes(view)) if text else bytes(view))

    # ---- names

    def find(self, module: Any, name: Any) -> Any:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise CheckpointError(f"a name in a pickle must be text, got {short(module)}, {short(name)}.")
        if (module, name) in self.names:
            return self.names[module, name]
        self.budget.spend(_STRANGER + cost(module) + cost(name))
        if self.strangers is None or means_harm(module, name):
            raise harmful(f"{module}.{name}")
        return self.strangers.named(f"{module}.{name}")

    def key(self, value: Any) -> Any:
        self.budget.spend(EACH + (cost(value) if type(value) is tuple else 0))
        try:
            return as_key(value)
        except CheckpointError as error:
            if self.strangers is None:
                raise
            self.strangers.complain(str(error))
            self.budget.spend(_STRANGER)
            return Stranger(type(value).__name__, (value,))  # its own key, whatever it holds

    def make(self, what: Any, arguments: Any, how: str) -> Any:
        self.budget.spend(_INSTANCE + cost(arguments))
        if type(what) is Stranger:  # a method of something unknown
            self.budget.spend(_STRANGER)
            return Stranger(what.name, (what, arguments))
        function = getattr(what, how) if type(what) is Allowed else None
        if function is None:
            name = one_line(what.name, 80) if type(what) is Allowed else type(what).__name__
            raise CheckpointError(f"{_NAMES[self.opcode]} must be applied to an allowed name, got {name}.")
        if type(arguments) is not tuple:
            raise CheckpointError(
                f"the arguments of {one_line(what.name, 80)} must be a tuple, got {short(arguments)}."
            )
        self.budget.spend(sum(map(cost, arguments)))
        try:
            made = function(*arguments)
        except CheckpointError as error:
            if self.strangers is None or not what.spare:
                raise
            self.strangers.complain(str(error))
            made = Stranger(what.name, arguments)
        except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            raise CheckpointError(
                f"{one_line(what.name, 80)} must have its usual arguments, got others ({short(str(error))})."
            ) from None
        if isinstance(made, Bag | Charged):  # whose attributes take more than a number does
            self.budget.spend(_STRANGER if type(made) is Stranger else 2 * _INSTANCE)
        if isinstance(made, Charged):
            made.budget = self.budget
        return made


def _put(m: Machine, target: dict[Any, Any], values: list[Any]) -> None:
    if len(values) % 2:
        raise CheckpointError("a dict in a pickle must have as many values as keys, got an odd number.")
    for key, value in zip(values[::2], values[1::2], strict=True):
        target[m.key(key)] = value


# ---- what each opcode does


@_on("PROTO")
def _proto(m: Machine) -> None:
    version = m.count(1)
    if not 2 <= version <= 5:
        raise CheckpointError(f"a checkpoint must be written with pickle protocol 2 to 5, got {version}.")


@_on("FRAME")
def _frame(m: Machine) -> None:
    size = m.count(8)
    if size > len(m.data) - m.position:
        m.take(size)  # says that the file is cut off


@_on("NONE")
def _none(m: Machine) -> None:
    m.push(None)


@_on("NEWTRUE", "NEWFALSE")
def _bool(m: Machine) -> None:
    m.push(m.opcode == _CODES["NEWTRUE"])


@_on("BININT", "BININT1", "BININT2")
def _int(m: Machine) -> None:
    size = {_CODES["BININT"]: 4, _CODES["BININT1"]: 1, _CODES["BININT2"]: 2}[m.opcode]
    m.budget.spend(_NUMBER)
    m.push(int.from_bytes(m.take(size), "little", signed=size == 4))


@_on("LONG1", "LONG4")
def _long(m: Machine) -> None:
    size = m.count(1 if m.opcode == _CODES["LONG1"] else 4)
    if size > MAX_INTEGER:
        raise CheckpointError(f"an integer in a pickle must have at most {MAX_INTEGER} bytes, got {size}.")
    m.budget.spend(_NUMBER + 2 * size)
    m.push(int.from_bytes(m.take(size), "little", signed=True))


@_on("BINFLOAT")
def _float(m: Machine) -> None:
    m.budget.spend(_NUMBER)
    m.push(struct.unpack(">d", m.take(8))[0])


@_on("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
def _text(m: Machine) -> None:
    m.strings({"SHORT_BINUNICODE": 1, "BINUNICODE": 4, "BINUNICODE8": 8}[_NAMES[m.opcode]], text=True)


@_on("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8", "SHORT_BINSTRING", "BINSTRING")
def _bytes(m: Machine) -> None:
    m.strings({"S": 1, "B": 4}[_NAMES[m.opcode][0]] if not _NAMES[m.opcode].endswith("8") else 8, text=False)


@_on("MARK")
def _mark(m: Machine) -> None:
    m.push(_MARK)


@_on("POP")
def _pop(m: Machine) -> None:
    m.pop()


@_on("POP_MARK")
def _pop_mark(m: Machine) -> None:
    m.since_mark()


@_on("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "EMPTY_TUPLE")
def _empty(m: Machine) -> None:
    kinds: dict[str, Callable[[], Any]] = {"LIST": list, "DICT": dict, "SET": set, "TUPLE": tuple}
    kind = _NAMES[m.opcode].removeprefix("EMPTY_")
    m.budget.spend(_EMPTY[kind])
    m.push(kinds[kind]())


@_on("TUPLE1", "TUPLE2", "TUPLE3")
def _short_tuple(m: Machine) -> None:
    m.budget.spend(_TUPLE)
    size = m.opcode - _CODES["TUPLE1"] + 1
    values = tuple(m.stack[-size:])  # of a generator, a tuple would be made larger first
    if len(values) < size or _MARK in values:
        raise CheckpointError("a pickle must take values from its stack, got a mark or an empty stack.")
    del m.stack[-size:]
    m.push(values)


@_on("TUPLE")
def _tuple(m: Machine) -> None:
    m.budget.spend(_TUPLE)
    m.push(tuple(m.since_mark()))


@_on("LIST")
def _list(m: Machine) -> None:
    m.budget.spend(_EMPTY["LIST"])
    m.push(m.since_mark())


@_on("DICT")
def _dict(m: Machine) -> None:
    m.budget.spend(_EMPTY["DICT"])
    values: dict[Any, Any] = {}
    _put(m, values, m.since_mark())
    m.push(values)


@_on("FROZENSET")
def _frozenset(m: Machine) -> None:
    m.budget.spend(_EMPTY["SET"])
    m.push(frozenset(m.key(value) for value in m.since_mark()))


@_on("APPEND")
def _append(m: Machine) -> None:
    value = m.value()
    m.top(list).append(value)


@_on("APPENDS")
def _appends(m: Machine) -> None:
    values = m.since_mark()
    m.top(list).extend(values)


@_on("SETITEM")
def _setitem(m: Machine) -> None:
    value, key = m.value(), m.value()
    _put(m, m.top(dict), [key, value])


@_on("SETITEMS")
def _setitems(m: Machine) -> None:
    values = m.since_mark()
    _put(m, m.top(dict), values)


@_on("ADDITEMS")
def _additems(m: Machine) -> None:
    values = m.since_mark()
    m.top(set).update(m.key(value) for value in values)


@_on("BINPUT", "LONG_BINPUT", "MEMOIZE")
def _memoise(m: Machine) -> None:
    index = len(m.memo) if m.opcode == _CODES["MEMOIZE"] else m.count(1 if m.opcode == _CODES["BINPUT"] else 4)
    value = m.value()
    m.push(value)
    m.budget.spend(EACH)
    m.memo[index] = value


@_on("BINGET", "LONG_BINGET")
def _recall(m: Machine) -> None:
    index = m.count(1 if m.opcode == _CODES["BINGET"] else 4)
    if index not in m.memo:
        raise CheckpointError(f"a pickle must recall what it has memoised, got the unknown number {index}.")
    m.push(m.memo[index])


@_on("GLOBAL")
def _global(m: Machine) -> None:
    module = m.line()
    m.push(m.find(module, m.line()))


@_on("STACK_GLOBAL")
def _stack_global(m: Machine) -> None:
    name, module = m.value(), m.value()
    m.push(m.find(module, name))


@_on("REDUCE", "NEWOBJ")
def _make(m: Machine) -> None:
    arguments, what = m.value(), m.value()
    m.push(m.make(what, arguments, "call" if m.opcode == _CODES["REDUCE"] else "new"))


@_on("NEWOBJ_EX")
def _make_with_keywords(m: Machine) -> None:
    keywords, arguments, what = m.value(), m.value(), m.value()
    if type(keywords) is not dict or type(arguments) is not tuple:
        raise CheckpointError("an instance must be made of a tuple and a dict, got others.")
    m.budget.spend(cost(arguments) + cost(keywords))
    m.push(m.make(what, (*arguments, *keywords.values()), "new"))


@_on("BUILD")
def _build(m: Machine) -> None:
    state = m.value()
    target = m.value()
    m.push(target)
    if type(target) is dict:
        return  # the attributes of a kind of dict, such as the metadata of a state dict: not needed
    m.budget.spend(cost(state) + (sum(map(cost, state)) if type(state) is tuple and len(state) <= 8 else 0))
    build = getattr(target, "build", None) if isinstance(target, Bag) else None
    if build is None:
        raise CheckpointError(f"BUILD must act on an instance, got {short(target)}.")
    try:
        build(state)
    except CheckpointError as error:
        if m.strangers is None or not isinstance(target, FileArray | FileType):
            raise
        m.strangers.complain(str(error))  # an array of another kind, which stays empty


@_on("BINPERSID")
def _persistent(m: Machine) -> None:
    key = m.value()
    if m.persistent is None:
        raise CheckpointError("this pickle must have no persistent ids, got one.")
    m.budget.spend(_INSTANCE + cost(key) + (sum(map(cost, key)) if type(key) is tuple else 0))
    m.push(m.persistent(key))

"""Small pickles that ask for much: each opcode is cheap in the file, and dear where it is believed.

They pass an account with a floor of one MiB; the corpus of `tests.hostile` has those that pass the real one.
"""

import struct

PROTOCOL = b"\x80\x04"
LATIN = b"\x8c\x06latin1"


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def name(module, what):
    return b"c" + module.encode() + b"\n" + what.encode() + b"\n"


def keep(index):
    return b"q" + bytes([index]) + b"0"


def recall(index):
    return b"h" + bytes([index])


def wide(number):
    data = number.to_bytes((number.bit_length() + 8) // 8, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def many(each, count):
    """A list of as many values."""
    return PROTOCOL + b"](" + each * count + b"e."


def calls(module, what, argument, count, how=b"\x85R"):
    """Calls of one name with one argument, which stands in the file once."""
    return PROTOCOL + name(module, what) + keep(0) + argument + keep(1) + b"](" + (b"h\0h\1" + how) * count + b"e."


def colliding(count):
    """Pairs of integers of one hash: the second is what undoes the first (the hash of tuples is xxHash, unsalted)."""
    first, second, start, size = 11400714785074694791, 14029467366897019727, 2870177450012600261, 2**64
    undo, found = pow(second, -1, size), []
    for one in range(1, 40 * count):
        mixed = (start + one * second) % size
        mixed = ((mixed << 31 | mixed >> 33) % size * first) % size
        other = ((12345 - mixed) * undo) % size
        other -= size if other >= size // 2 else 0
        if abs(other) < 2**61 - 1:
            found.append((one, other))
        if len(found) == count:
            return found
    raise AssertionError(len(found))


WIDE_LIST = b"](" + b"".join(b"J" + struct.pack("<i", k) for k in range(2_000)) + b"e"
PAIRS = b"](" + b"".join(text(str(k)) + b"N\x86" for k in range(2_000)) + b"e"
WIDE_DICT = b"}(" + b"".join(text(str(k)) + b"N" for k in range(2_000)) + b"u"
BLOB = b"B" + struct.pack("<I", 300_000) + bytes(300_000)
FLOAT64 = name("numpy", "dtype") + text("f8") + b"\x89\x88\x87R"
ARRAY = (
    name("numpy.core.multiarray", "_reconstruct")
    + b")R"
    + b"(K\x01K\x02\x85"
    + FLOAT64
    + b"\x89C\x10"
    + bytes(16)
    + b"tb"
)
NEST = b")" + b"\x85" * 50

BOMBS = {
    "a path that doubles": PROTOCOL
    + name("pathlib", "PosixPath") + keep(0) + text("a" * 100) + keep(1)
    + (b"h\0h\1h\1\x86R" + keep(1)) * 25 + recall(1) + b".",
    "sets of a list": calls("builtins", "set", WIDE_LIST, 2_000),
    "sets of a text": calls("builtins", "frozenset", text("ab" * 15_000), 2_000),
    "dicts of a list": calls("collections", "OrderedDict", PAIRS, 2_000),
    "counters of a dict": calls("collections", "Counter", WIDE_DICT, 2_000),
    "text encoded again": calls("_codecs", "encode", text("a" * 40_000), 2_000, LATIN + b"\x86R"),
    "attributes of bags": calls("argparse", "Namespace", WIDE_DICT, 0)[:-3]
    + b"](" + (recall(0) + b")\x81h\1b") * 2_000 + b"e.",
    "attributes of strangers": calls("a.b", "C", WIDE_DICT, 0)[:-3]
    + b"](" + (recall(0) + b")\x81h\1b") * 2_000 + b"e.",
    "arguments of an instance": PROTOCOL + name("argparse", "Namespace") + keep(0)
    + WIDE_LIST.replace(b"](", b"(", 1)[:-1] + b"t" + keep(1) + b"](" + b"h\0h\1\x81" * 2_000 + b"e.",
    "keywords of an instance": PROTOCOL + name("argparse", "Namespace") + keep(0) + WIDE_DICT + keep(1)
    + b"](" + b"h\0)h\1\x92" * 2_000 + b"e.",
    "arguments of a stranger": PROTOCOL + name("a.b", "C") + keep(0)
    + WIDE_LIST.replace(b"](", b"(", 1)[:-1] + b"t" + keep(1) + b"](" + b"h\0h\1R" * 2_000 + b"e.",
    "strangers": calls("a.b", "C", b")", 10_000, b"R"),
    "bags": calls("argparse", "Namespace", b")", 20_000, b"\x81"),
    "ordered dicts": calls("collections", "OrderedDict", b")", 20_000, b"R"),
    "long names": PROTOCOL + text("m" * 20_000) + keep(0) + text("n" * 20_000) + keep(1)
    + b"](" + b"h\0h\1\x93" * 2_000 + b"e.",
    "many names": PROTOCOL + b"](" + b"".join(b"cz%x\nb\n" % k for k in range(10_000)) + b"e.",
    "numbers of a long run": calls("numpy.core.multiarray", "scalar", FLOAT64, 0)[:-3]
    + BLOB + keep(2) + b"](" + b"h\0h\1h\2\x86R" * 2_000 + b"e.",
    "sizes without end": PROTOCOL + name("torch._utils", "_rebuild_tensor_v2") + keep(0) + WIDE_LIST + keep(1)
    + b"](" + b"h\0(NK\0h\1h\1tR" * 2_000 + b"e.",
    "nests as keys": PROTOCOL + NEST + keep(0) + b"}(" + b"h\0N" * 10_000 + b"u.",
    "empty sets": many(b"\x8f", 20_000),
    "pairs that nest": PROTOCOL + b")" + b"\x85" * 60_000 + b".",
    "all that is kept": PROTOCOL + b"N" + b"\x94" * 60_000 + b".",
    "long names of arrays": PROTOCOL + ARRAY + keep(0) + b"}" + text("k" * 900) + b"](" + b"h\0" * 10_000 + b"es.",
    "arrays by many names": PROTOCOL + ARRAY + keep(0) + b"](" + b"h\0" * 10_000 + b"e.",
}  # fmt: skip

COLLISIONS = {  # a dict of them takes minutes where their own hash is taken
    "integers": [wide(1 + k * (2**61 - 1)) for k in range(1, 40_000)],
    "pairs": [wide(a) + wide(b) + b"\x86" for a, b in colliding(40_000)],
}

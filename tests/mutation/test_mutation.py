"""The mutants, the draw and what is said of them."""

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.mutation.draw import draw, score
from tests.mutation.explained import entries, fits, reason
from tests.mutation.operators import mutants
from tests.mutation.plan import ROOMS, Plan

ROOT = Path(__file__).parents[2]


@pytest.fixture
def changes():
    """The changes of a line of source, as texts."""

    def changes(text):
        source = text.encode()
        return sorted({f"{m.old} -> {m.new}" for m in mutants("a.py", source)})

    return changes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = (a\n     * b)", ["* -> /"]),
        ("y = -a @ b", ["-a -> (a)"]),
        ("y -= a", ["-= -> +=", "y -= a -> pass"]),
        ("y = a < b", ["< -> <=", "< -> >="]),
        ("y = a is not None and b", ["and -> or", "is not -> is"]),
        ("y = f(a)[1:]", ["1 -> 2"]),
        ("y = 0.5, True, 'w', 'two words'", ["'w' -> 'XXw'", "0.5 -> 1.5", "True -> False"]),
        ("if found:\n    pass", ["found -> (not (found))"]),
        ("y = f(a, dim=b, out=c)", ["dim=b, -> ", "out=c -> "]),
        ("y = (a + b).clamp(c).T", ["+ -> -", ".T -> ", ".clamp(c) -> "]),
        ("y = a.amin()", ["amin -> amax"]),
        ("f(a)", ["f(a) -> pass"]),
        ("a = f(a)", ["a = f(a) -> pass"]),
        ("for a in b:\n    continue", ["continue -> break"]),
        ("@exact()\ndef f():\n    return a", ["@exact() -> # dropped"]),
        ("δ = 'ü' if β else a - b", ["'ü' -> 'XXü'", "- -> +", "β -> (not (β))"]),
    ],
)
def test_one_slip_at_a_time(changes, text, expected):
    assert changes(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '"""Words 1 + 2."""',
        "from a import b",
        "__all__ = ['a']",
        "def f(a: int | None) -> tuple[int, ...]:\n    return a",
        "raise ValueError('a' + b)",
        "warnings.warn(f(1))",
        "def __repr__(self):\n    return a + b",
        "if TYPE_CHECKING:\n    a = 1",
        "y = f'{a + 1}'",
        "y = checks.integer('n', n)",
        "y = zip(a, b, strict=True)",
        "kind = Literal['a', 'b']",
    ],
)
def test_what_computes_nothing_is_left_alone(changes, text):
    assert changes(text) == []


def test_every_mutant_is_another_program():
    path = ROOT / "latent_widgets" / "geometry" / "effects" / "area.py"
    source = path.read_bytes()
    found = mutants(str(path), source)
    programs = {ast.dump(ast.parse(mutant.apply(source))) for mutant in found}
    assert len(programs) == len(found) > 10
    assert ast.dump(ast.parse(source)) not in programs


@pytest.fixture
def files():
    return {f"{n}.py": mutants(f"{n}.py", "\n".join(f"y = a < {i}.5" for i in range(n)).encode()) for n in (1, 20, 99)}


def test_draw_follows_the_seed_and_takes_from_each_file_in_proportion(files):
    drawn = draw(files, 61, seed=3)
    assert drawn == draw(files, 61, seed=3) != draw(files, 61, seed=4)
    assert {path: len(some) for path, some in drawn.items()} == {"1.py": 1, "20.py": 10, "99.py": 50}
    assert all(len({m.name for m in some}) == len(some) for some in drawn.values())


def test_score_weighs_files_by_their_size():
    share, limit = score({"a": [True] * 90 + [False] * 10}, {"a": 1000})
    assert (share, limit) == (0.9, pytest.approx(0.8238, abs=1e-4))  # Clopper and Pearson's for 90 of 100
    share, wide = score({"a": [True] * 90 + [False] * 10, "b": [False]}, {"a": 1000, "b": 100})
    assert share == pytest.approx(0.9 / 1.1)
    assert wide < share * limit / 0.9  # one of a hundred stands for them all
    assert score({"a": [False]}, {"a": 3})[1] == 0


def test_lines_that_run_at_import_are_tested_by_what_is_around_them():
    source = b"A = 1\n\n\ndef f(x, n=3):\n    return x\n\n\ndef g():\n    return A\n"
    found = {m.old: m for m in mutants("latent_widgets/values/a.py", source)}
    seconds = {"tests/core/t.py::f": 0.1, "tests/values/t.py::g": 5.0, "tests/core/t.py::slow": 50.0}
    lines = {5: ["tests/core/t.py::f", "tests/core/t.py::slow"], 9: ["tests/values/t.py::g"]}
    plan = Plan(seconds, {"latent_widgets/values/a.py": lines})
    assert plan.tests(found["3"], source, 60) == ["tests/core/t.py::f", "tests/core/t.py::slow"]
    assert plan.tests(found["1"], source, 20) == ["tests/core/t.py::f", "tests/values/t.py::g"]  # the quickest first


def test_every_explanation_is_of_a_mutant_that_there_is():
    paths = [path.relative_to(ROOT) for room in ROOMS for path in (ROOT / "latent_widgets" / room).rglob("*.py")]
    for entry in entries():
        assert entry["reason"].endswith(".")
        named = [path for path in paths if fnmatch(str(path), entry["path"])]
        assert any(fits(entry, m) for path in named for m in mutants(str(path), (ROOT / path).read_bytes())), entry
    assert reason(mutants("a.py", b"y = a + b")[0]) is None

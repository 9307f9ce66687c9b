"""How threads wait: asleep in our own commands, as it was elsewhere."""

import ast
import os
import sys

import pytest

from latent_widgets.core.openmp import wait_asleep
from tests.architecture import ROOT


@pytest.mark.parametrize(
    ("argv", "before", "after"),
    [
        (["-m", "inspect"], {}, {"OMP_WAIT_POLICY": "passive"}),
        (["-m"], {"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
        (["script.py"], {}, {}),
        ([""], {}, {}),
        ([], {}, {}),
    ],
)
def test_policy_is_set_for_our_own_commands_alone(argv, before, after, monkeypatch):
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(os, "environ", before)
    wait_asleep()
    assert before == after


def test_policy_is_set_before_anything_can_load_torch():
    body = ast.parse((ROOT / "latent_widgets" / "__init__.py").read_text()).body
    first = next(
        node for node in body if isinstance(node, ast.ImportFrom) and node.module not in sys.stdlib_module_names
    )
    assert ast.unparse(first) == "from latent_widgets.core import openmp as _openmp"
    own = ast.parse((ROOT / "latent_widgets" / "core" / "openmp.py").read_text())
    modules = {name for node in ast.walk(own) if isinstance(node, ast.Import) for name in (a.name for a in node.names)}
    assert modules <= sys.stdlib_module_names

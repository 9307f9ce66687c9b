"""The rooms of the package lie on their floors, and each contract of setup.cfg can break."""

import shutil

import pytest

from tests import architecture
from tests.architecture import ROOT

FLOORS = "A room imports those on lower floors only"
WIDGETS = "Widgets share the kit and the jobs, and never import each other"
METHODS = "A method stands alone"
CIRCLES = "No circles, between rooms and between the files of a room"

# (contract, file, a line that breaks it)
PLANTED = [
    (FLOORS, "core/steps.py", "from latent_widgets.faces import render"),
    (FLOORS, "geometry/units_of.py", "from latent_widgets.methods import sefa"),
    (FLOORS, "inversion/search.py", "from latent_widgets.edits import Edit"),
    (FLOORS, "methods/sefa.py", "def f():\n    import latent_widgets.training.gan"),
    (FLOORS, "page/modules.py", "from latent_widgets.values.masks import Mask"),
    (FLOORS, "core/images.py", "from latent_widgets.page import modules"),
    (FLOORS, "oddments/__init__.py", "x = 1"),
    (METHODS, "methods/sefa.py", "from latent_widgets.methods.low_rank import transfer"),
    (WIDGETS, "widgets/kit/line.py", "from latent_widgets.widgets.painter import MaskPainter"),
    (WIDGETS, "widgets/spectrum/data.py", "from latent_widgets.widgets.warpage import plot"),
    (CIRCLES, "values/units.py", "if TYPE_CHECKING:\n    from latent_widgets.values.directions import Directions"),
    (CIRCLES, "widgets/explorer/traits.py", "def f():\n    from latent_widgets.widgets.explorer.explorer import x"),
]


def test_contracts_are_kept():
    verdicts = architecture.contracts(ROOT)
    assert verdicts
    assert {name for name, kept in verdicts.items() if not kept} == set()


@pytest.mark.parametrize("name", sorted({name for name, _, _ in PLANTED}))
def test_contract_sees_planted_violations(name, tmp_path):
    for number, (_, file, line) in enumerate(case for case in PLANTED if case[0] == name):
        copy = tmp_path / str(number)
        weights = shutil.ignore_patterns("*.safetensors")
        shutil.copytree(ROOT / "latent_widgets", copy / "latent_widgets", ignore=weights)
        path = copy / "latent_widgets" / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{path.read_text() if path.exists() else ''}\n{line}\n")
        assert not architecture.contracts(copy)[name], line

"""What ``import latent_widgets as lw`` offers, and what it leaves for later."""

import subprocess
import sys

import pytest

import latent_widgets as lw

WIDGETS = ("JacobianSpectrum", "LatentExplorer", "MaskPainter", "WarpageHeatmap")


def test_computing_loads_no_user_interface():
    code = "import sys, latent_widgets as lw; lw.load(); print('ipywidgets' in sys.modules, lw.MaskPainter.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "MaskPainter"]


def test_widgets_are_listed_and_found():
    assert set(WIDGETS) <= set(dir(lw)) & set(lw.__all__)
    for name in WIDGETS:
        assert getattr(lw, name).__name__ == name
        assert getattr(lw, name) is getattr(lw, name)


def test_what_is_not_there_is_said_as_python_says_it():
    with pytest.raises(AttributeError, match="module 'latent_widgets' has no attribute 'LatentExplorers'"):
        lw.LatentExplorers  # noqa: B018

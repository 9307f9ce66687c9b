"""The site: furo, the notebooks through myst-nb, the reference from the docstrings."""

from importlib.metadata import version as installed_version
from pathlib import Path

project = "latent_widgets"
author = "latent_widgets developers"
copyright = "latent_widgets developers"
version = release = installed_version("latent_widgets")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "_templates", "**/.ipynb_checkpoints"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = "latent_widgets"

# The notebooks are run by their own tests; here they are only shown.
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "colon_fence", "substitution"]
myst_heading_anchors = 3

# A table that a benchmark writes; until it has been run, its page says so.
_table = Path(__file__).parent / "inversion_table.txt"
_measured = _table.read_text(encoding="utf-8") if _table.exists() else "not measured yet"
myst_substitutions = {"inversion_table": f"```text\n{_measured.strip()}\n```"}

# What __all__ lists is the public surface, and the reference shows exactly that.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_preprocess_types = True

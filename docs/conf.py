"""How Sphinx builds the documentation: `sphinx-build -W -b html docs docs/_build/html`.

The build needs no network, and neither do its pages: formulas are MathML, which browsers draw by
themselves.
"""

import sys
from pathlib import Path

from chainrule import __version__

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "chainrule"
author = "the chainrule developers"
copyright = "the chainrule developers"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docstring_formulas",
    "measured",
    "languages",
    "mathml",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"chainrule {__version__}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["formulas.css", "plots.css"]
html_copy_source = False

default_role = "literal"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True, "no-value": True}
autodoc_preserve_defaults = True
napoleon_numpy_docstring = True
napoleon_preprocess_types = False
napoleon_use_ivar = True
napoleon_attr_annotations = False

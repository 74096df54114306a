"""Sphinx builds the documentation from this folder; ``./scripts/docs`` calls it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from gsmooth import __version__  # noqa: E402

project = "gsmooth"
author = "The gsmooth maintainers"
copyright = "the gsmooth maintainers"
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "site_tools.extension",
]
exclude_patterns = ["_build", "**/.*"]
root_doc = "index"

# Links: every one inside the site has to lead somewhere.
nitpicky = True
myst_enable_extensions = ["colon_fence", "deflist"]
# "--set" is two hyphens.
smartquotes = False
myst_heading_anchors = 4

# Tutorials run while the site is built, and an error in one of them stops the build.
nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS / "_build" / "notebooks")
# Cells take seconds; a busy machine takes longer.
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_in_temp = True
nb_merge_streams = True
# A page without widgets needs no script of theirs, which would come from another host.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
# Commands of a tutorial print as wide as a page.
os.environ |= {"COLUMNS": "96", "NO_COLOR": "1", "TERM": "dumb"}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False
# What is returned is a sentence, and its type is in the signature.
napoleon_use_rtype = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
python_display_short_literal_types = True

html_theme = "furo"
html_title = f"gsmooth {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b57a4", "color-brand-content": "#0b57a4"},
    "dark_css_variables": {"color-brand-primary": "#7db4f0", "color-brand-content": "#7db4f0"},
}

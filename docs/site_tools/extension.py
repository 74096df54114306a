"""The Sphinx extension: writes the generated pages, and judges references to Python objects."""

from __future__ import annotations

import builtins
import shutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from site_tools.api_pages import write_api_pages
from site_tools.command_page import write_command_page
from site_tools.configuration_page import write_configuration_page
from site_tools.docstrings import plain_marks, whole_sentence
from site_tools.public_names import every_public_name
from site_tools.transformation_page import write_transformation_page

if TYPE_CHECKING:
    from docutils.nodes import Element, TextElement
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

GENERATED = "reference/generated"
# Where names without a module in signatures come from.
_IN_SIGNATURES = {
    "Amp",
    "Answer",
    "Columns",
    "DataFrame",
    "Explanation",
    "Figure",
    "ImageLike",
    "ImagesLike",
    "LabelsLike",
    "Method",
    "ParameterNoise",
}
_FOREIGN = ("torch.", "numpy.", "pathlib.", "collections.abc.", "pluggy.")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx when it loads the extension."""
    app.connect("builder-inited", _write_pages)
    app.connect("autodoc-process-signature", _parseable_signature)
    # After napoleon, whose priority is the default, 500.
    app.connect("autodoc-process-docstring", _mend_docstring, priority=600)
    app.connect("missing-reference", _at_home_or_plain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write_pages(app: Sphinx) -> None:
    folder = Path(app.srcdir) / GENERATED
    # Without pages of modules that are no longer there.
    shutil.rmtree(folder, ignore_errors=True)
    write_api_pages(folder / "api")
    write_command_page(folder / "commands.md")
    write_configuration_page(folder / "run-file.md")
    write_transformation_page(folder / "transformations.md")


def _parseable_signature(
    app: Sphinx, what: str, name: str, value: object, options: object, given: str, answer: str
) -> tuple[str, str] | None:
    """The default of a dataclass field that a function makes is no Python expression."""
    return (given.replace("<factory>", "..."), answer) if "<factory>" in (given or "") else None


def _mend_docstring(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    if what in ("attribute", "property"):
        lines[:] = whole_sentence(lines)
    lines[:] = [plain_marks(line) for line in lines]


def _at_home_or_plain(
    app: Sphinx, environment: BuildEnvironment, node: pending_xref, content: TextElement
) -> Element | None:
    """Lead public names to where they are documented; leave other names that exist as text.

    Signatures name types of torch and NumPy, whose sites are on other hosts, and private ones. A
    name that does not exist stays an error.
    """
    if node.get("refdomain") != "py":
        return None
    target, module = node["reftarget"], node.get("py:module") or ""
    places = ("", f"{module}.", f"{module}.{node.get('py:class')}.", *_FOREIGN)
    found = next((place + target for place in places if exists(place + target)), None)
    names = every_public_name()
    homes = {name.path: name.home.path for name in names}
    if found is None:
        # A type of a signature, by the name that its own module has for it.
        found = next((name.path for name in names if name.name == target), None)
    if found is None:
        return content if target in _IN_SIGNATURES else None
    if found not in homes:
        return content
    if homes[found] == node["reftarget"]:
        return None
    domain = environment.domains.python_domain
    return domain.resolve_xref(
        environment, node["refdoc"], app.builder, "obj", homes[found], node, content
    )


def exists(path: str) -> bool:
    """Whether a dotted path leads to an object."""
    module, _, name = path.rpartition(".")
    if not module:
        return hasattr(builtins, path)
    try:
        return hasattr(import_module(module), name)
    except (ImportError, ValueError):
        return _has_member(module, name)


def _has_member(owner: str, name: str) -> bool:
    """Whether ``owner`` is a class, in a module, that has this member."""
    module, _, kind = owner.rpartition(".")
    try:
        return hasattr(getattr(import_module(module), kind), name)
    except (ImportError, ValueError, AttributeError):
        return False

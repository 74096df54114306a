"""``gsmooth plugins``: which transformations there are, and which plugins are broken."""

from __future__ import annotations

from typing import Annotated

import typer

from gsmooth.cli.options import DebugFlag, JsonFlag
from gsmooth.cli.output import console, emit, guarded
from gsmooth.cli.plugin_listing import COLUMNS, PluginListing
from gsmooth.errors import PluginError

EPILOG = """
[bold]Example[/bold]

gsmooth plugins rotation

gsmooth plugins rotation+brightness

gsmooth plugins --strict --json

[bold]Your own, without packaging[/bold]

gsmooth plugins my_module:MyClass; then gsmooth check and gsmooth certify --transformation
my_module:MyClass ...
"""

NameArgument = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="One of them in detail: a name, or my_module:MyClass."),
]


def plugins(
    name: NameArgument = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 5 if any plugin is broken.")
    ] = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """List the transformations: parameters with units, laws, claims, and their packages.

    An orthogonal action lets noise and parameters share one budget (theorem T4; otherwise T5).
    The guarantee is individual where the supremum over the region is proved, else heuristic. The
    list is kept until a file of a plugin's package changes; --strict and NAME load all plugins.
    """
    with guarded(as_json, debug):
        if name is not None:
            from gsmooth.cli.transformation_info import as_document, print_info
            from gsmooth.transforms import registry

            info = registry.find(name)
            if as_json:
                emit(as_document(info))
            else:
                print_info(info)
            return
        found = PluginListing.found() if strict else PluginListing.kept_or_found()
        if as_json:
            emit({"transformations": found.documents, "faults": found.faults})
        else:
            _print(found)
        if strict and found.faults:
            raise typer.Exit(PluginError.exit_code)


def _print(found: PluginListing) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console()
    title = f"{len(found.rows)} transformations"
    table = Table(*COLUMNS, title=title, title_justify="left")
    for row in found.rows:
        table.add_row(*map(Text, row))
    out.print(table)
    for fault in found.faults:
        line = "broken: plugin {plugin!r} of {package}: {message}".format(**fault)
        out.print(Text(line, style="red"), soft_wrap=True)

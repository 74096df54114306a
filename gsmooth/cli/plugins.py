"""``gsmooth plugins``: which transformations there are, and which plugins are broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gsmooth.cli.options import DebugFlag, JsonFlag
from gsmooth.cli.output import console, emit, guarded
from gsmooth.errors import PluginError

if TYPE_CHECKING:
    from gsmooth.transforms.registry import Fault, TransformationInfo

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
    The guarantee is individual where the supremum over the region is proved, else heuristic.
    """
    with guarded(as_json, debug):
        from gsmooth.cli.transformation_info import as_document, print_info
        from gsmooth.transforms import registry

        if name is not None:
            info = registry.find(name)
            if as_json:
                emit(as_document(info))
            else:
                print_info(info)
            return
        infos, faults = list(registry.transformations().values()), registry.faults()
        if as_json:
            listed = [as_document(info) for info in infos]
            emit({"transformations": listed, "faults": [_fault(f) for f in faults]})
        else:
            _print(infos, faults)
        if strict and faults:
            raise typer.Exit(PluginError.exit_code)


def _print(infos: list[TransformationInfo], faults: list[Fault]) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console()
    columns = ("name", "parameters", "laws", "claims", "guarantee", "package", "summary")
    table = Table(*columns, title=f"{len(infos)} transformations", title_justify="left")
    for info in infos:
        table.add_row(*(Text(cell) for cell in _cells(info)))
    out.print(table)
    for fault in faults:
        line = f"broken: plugin {fault.plugin!r} of {fault.package}: {fault.message}"
        out.print(Text(line, style="red"), soft_wrap=True)


def _cells(info: TransformationInfo) -> list[str]:
    from gsmooth.cli.capabilities import capabilities_shown, guarantee_of
    from gsmooth.cli.transformation_info import parameter_line
    from gsmooth.transforms.options import fitting_laws

    kept = [claim for claim, made in capabilities_shown(info.cls).items() if made]
    return [
        info.name,
        "\n".join(parameter_line(info.cls, p) for p in info.cls.parameters) or "-",
        ", ".join(fitting_laws(info.cls)),
        ", ".join(kept) or "-",
        guarantee_of(info.cls),
        f"{info.package} {info.version}",
        info.cls.summary,
    ]


def _fault(fault: Fault) -> dict[str, str]:
    return {"plugin": fault.plugin, "package": fault.package, "message": fault.message}

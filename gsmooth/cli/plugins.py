"""``gsmooth plugins``: which transformations there are, and which plugins are broken."""

from __future__ import annotations

from dataclasses import MISSING
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gsmooth.cli.options import DebugFlag, JsonFlag
from gsmooth.cli.output import console, emit, guarded
from gsmooth.errors import PluginError

if TYPE_CHECKING:
    from gsmooth.registry import Fault, Offer

EPILOG = """
[bold]Example[/bold]

gsmooth plugins --strict --json

[bold]Your own, without packaging[/bold]

gsmooth certify --transformation my_module:MyClass ...
"""


def plugins(
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 5 if any plugin is broken.")
    ] = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """List the transformations: parameters with units, claims, options, and who brought them.

    An orthogonal action lets noise and parameters share one budget (theorem T4; otherwise T5).
    The guarantee is individual where the supremum over the region is proved, else heuristic.
    """
    with guarded(as_json, debug):
        from gsmooth import registry

        offers, faults = list(registry.transformations().values()), registry.faults()
        if as_json:
            emit({"transformations": [_as_dict(o) for o in offers], "faults": _listed(faults)})
        else:
            _print(offers, faults)
        if strict and faults:
            raise typer.Exit(PluginError.exit_code)


def _print(offers: list[Offer], faults: list[Fault]) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console()
    columns = ("name", "parameters", "action", "guarantee", "options", "package", "summary")
    table = Table(*columns, title=f"{len(offers)} transformations", title_justify="left")
    for offer in offers:
        table.add_row(*(Text(cell) for cell in _cells(offer)))
    out.print(table)
    for fault in faults:
        line = f"broken: plugin {fault.plugin!r} of {fault.package}: {fault.message}"
        out.print(Text(line, style="red"), soft_wrap=True)


def _cells(offer: Offer) -> list[str]:
    facts = _as_dict(offer)
    return [
        offer.name,
        ", ".join(f"{p.name} [{p.unit}]" for p in offer.cls.parameters) or "-",
        "orthogonal" if offer.cls.orthogonal else "general",
        _guarantee(offer),
        ", ".join(f"{k}={v}" for k, v in facts["options"].items()) or "-",
        f"{offer.package} {offer.version}",
        offer.cls.summary,
    ]


def _as_dict(offer: Offer) -> dict[str, Any]:
    from gsmooth.options import fields_of

    defaults = {
        name: None if f.default is MISSING else f.default
        for name, f in fields_of(offer.cls).items()
    }
    return {
        "name": offer.name,
        "summary": offer.cls.summary,
        "parameters": [vars(p) for p in offer.cls.parameters],
        "orthogonal": offer.cls.orthogonal,
        "guarantee": _guarantee(offer),
        "options": defaults,
        "package": offer.package,
        "version": offer.version,
    }


def _guarantee(offer: Offer) -> str:
    """What the class claims: bounds on its derivative and float error, or nothing to bound."""
    from gsmooth.certificate import Guarantee
    from gsmooth.transformation import Transformation

    cls = offer.cls
    bounded = cls.derivative_bound is not Transformation.derivative_bound
    same = cls.attack is Transformation.attack and cls.lift is Transformation.lift
    exact = cls.action_error is not Transformation.action_error
    proved = (bounded or same) and exact
    return str(Guarantee.INDIVIDUAL if proved else Guarantee.HEURISTIC)


def _listed(faults: list[Fault]) -> list[dict[str, str]]:
    return [{"plugin": f.plugin, "package": f.package, "message": f.message} for f in faults]

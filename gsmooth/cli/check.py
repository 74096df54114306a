"""``gsmooth check``: does a transformation keep the promises that its certificates rest on?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gsmooth.cli.options import DebugFlag, JsonFlag, RegionFlag, region_flag
from gsmooth.cli.output import console, emit, guarded
from gsmooth.errors import ConfigurationError, PluginError, PromiseError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from rich.console import Console

    from gsmooth.testing import CheckResult
    from gsmooth.transforms.base import Transformation
    from gsmooth.transforms.region import Region

EPILOG = """
[bold]Examples[/bold]

gsmooth check rotation --region "-10:10" --shape 1,28,28

gsmooth check my_module:Shear --option low_pass=0.5 --only action_obeys_composition_law

gsmooth check my_module:Codec --exempt attack_is_differentiable="the attack is a codec"

[bold]Reading the result[/bold]: passed means that no counterexample was found, failed that one was;
the code that repeats it is printed. What is not promised is skipped, and certificates then say
what they assume.
"""
_STYLES = {"passed": "green", "failed": "bold red", "skipped": "dim", "exempt": "yellow"}

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A name from 'gsmooth plugins', or my_module:MyClass.")
]
OptionFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--option", metavar="NAME=VALUE", help="An option of the transformation. Repeatable."
    ),
]
ShapeFlag = Annotated[
    str | None,
    typer.Option(
        "--shape",
        metavar="C,H,W",
        help="Of the images tried; by default 1,16,16, and 3,9,12 where it takes such.",
    ),
]
ExamplesFlag = Annotated[
    int, typer.Option("--examples", min=1, help="Tries a check; slow checks take a fraction.")
]
SeedFlag = Annotated[int, typer.Option("--seed", help="Of the tries and the votes.")]
OnlyFlag = Annotated[
    list[str] | None, typer.Option("--only", metavar="CHECK", help="Only this one. Repeatable.")
]
ExemptFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--exempt",
        metavar="CHECK=REASON",
        help="Leave a check out, for a reason that is printed. Repeatable.",
    ),
]


def check(
    name: NameArgument,
    option: OptionFlag = None,
    shape: ShapeFlag = None,
    region: RegionFlag = None,
    examples: ExamplesFlag = 25,
    seed: SeedFlag = 0,
    only: OnlyFlag = None,
    exempt: ExemptFlag = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Try to refute what a transformation promises: laws, bounds, tensors, votes, certificates.

    Exit code 10 if a promise is broken. Give the region that you want to certify. By default it is
    what the plugin names as usual, to both sides (else one unit), and every check is made a second
    time on a slightly larger region whose ends are no whole numbers.
    """
    with guarded(as_json, debug):
        from gsmooth.transforms.registry import load_transformation

        operator = load_transformation(name, _options(option))
        testing = _kit()
        given = _shape(shape)
        for tried in testing.shapes_tried(operator, given):
            _smoke_test(operator, tried)
        found = testing.check_results(
            operator,
            shape=given,
            region=_region(region),
            examples=examples,
            exempt={key: str(value) for key, value in _pairs("--exempt", exempt, plain=True)},
            seed=seed,
            only=only or (),
        )
        broken = _emit(name, list(found)) if as_json else _print(repr(operator), found)
        if broken:
            raise typer.Exit(PromiseError.exit_code)


def _print(who: str, found: Iterable[CheckResult]) -> int:
    """Every result as it comes; the number of broken promises."""
    out, counts = console(), dict.fromkeys(_STYLES, 0)
    out.print(who, soft_wrap=True)
    for result in found:
        counts[result.status] += 1
        _print_result(out, result)
    out.print(", ".join(f"{count} {status}" for status, count in counts.items() if count))
    return counts["failed"]


def _print_result(out: Console, result: CheckResult) -> None:
    from rich.text import Text

    status = f"{result.status:8}"
    first, *more = result.why.splitlines()
    line = Text.assemble((status, _STYLES[result.status]), f"{result.check}: ")
    # A failure begins with its own name.
    line.append(first.removeprefix(f"{result.check}: "))
    out.print(line, soft_wrap=True)
    for rest in more:
        out.print(Text(f"        {rest}"), soft_wrap=True)
    if result.code:
        out.print(Text("\n# To repeat it:\n", style="dim"), Text(f"{result.code}\n"), sep="")


def _emit(name: str, found: list[CheckResult]) -> int:
    keys = ("check", "status", "why", "code", "seconds")
    listed = [{key: getattr(result, key) for key in keys} for result in found]
    broken = sum(result.status == "failed" for result in found)
    emit({"transformation": name, "broken": broken, "checks": listed})
    return broken


def _smoke_test(operator: Transformation, shape: tuple[int, int, int]) -> None:
    """Raise once, and not in every check, where the transformation refuses such images."""
    from gsmooth.runs.smoke_test import smoke_tested

    try:
        smoke_tested(operator, shape)
    except (ConfigurationError, PluginError) as error:
        told = f"the images tried are {shape}; for others say, for example, --shape 3,28,28"
        raise type(error)(f"{error}; {told}") from error


def _kit() -> ModuleType:
    try:
        from gsmooth import testing
    except ModuleNotFoundError as missing:
        raise ConfigurationError(str(missing)) from missing
    return testing


def _pairs(flag: str, texts: list[str] | None, plain: bool = False) -> list[tuple[str, object]]:
    """``NAME=VALUE`` each; values are TOML unless ``plain``."""
    from gsmooth.runs.config.overrides import toml_value

    found: list[tuple[str, object]] = []
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (equals and name.strip()):
            raise ConfigurationError(
                f"{flag} {text}: expected {'CHECK=REASON' if plain else 'NAME=VALUE'}"
            )
        found.append((name.strip(), value.strip() if plain else toml_value(value.strip())))
    return found


def _options(texts: list[str] | None) -> dict[str, object]:
    """``--option``: ``rotation.low_pass_px=1`` is an option of a part."""
    from gsmooth.runs.config.overrides import Override

    tree: dict[str, object] = {}
    for path, value in _pairs("--option", texts):
        Override(path, value, f"--option {path}").apply(tree)
    return tree


def _shape(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    try:
        channels, height, width = (int(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigurationError(f"--shape {text}: expected C,H,W, e.g. 1,28,28") from error
    if min(channels, height, width) < 1:
        raise ConfigurationError(f"--shape {text}: every number must be at least 1")
    return channels, height, width


def _region(text: str | None) -> Region | None:
    from gsmooth.transforms.region import Region

    ends = [override.value for override in region_flag(text)]
    if not ends:
        return None
    if any(value == "all" for end in ends if isinstance(end, list) for value in end):
        raise ConfigurationError("--region all: expected numbers here, e.g. --region=-180:180")
    lower, upper = (tuple(float(str(v)) for v in end) for end in ends if isinstance(end, list))
    return Region(lower, upper)

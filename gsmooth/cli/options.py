"""Options that several commands share, and how flags become overrides of the run file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gsmooth.cli import completion
from gsmooth.errors import ConfigurationError

if TYPE_CHECKING:
    from gsmooth.runs.config.overrides import Override

_WHAT = "What to certify"
_NOISE = "The smoothing noise (g is a vote over it)"
_DECISION = "The decision"
_RUN = "The run"

ConfigFlag = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Run file (TOML).", rich_help_panel=_RUN),
]
SetFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Any field of the run file, e.g. certify.n0=128. Repeatable; wins over flags.",
        rich_help_panel=_RUN,
        autocompletion=completion.settings,
    ),
]
OutFlag = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FOLDER",
        help="Where records go; an interrupted run there is resumed.",
        rich_help_panel=_RUN,
    ),
]
SeedFlag = Annotated[
    int | None,
    typer.Option(
        help="A number that votes follow from and that anyone may know; drawn if left out.",
        rich_help_panel=_RUN,
    ),
]
SeedFileFlag = Annotated[
    Path | None,
    typer.Option(
        "--seed-file",
        metavar="FILE",
        help="File of a secret seed, that its owner alone can read; or put the secret into the"
        " variable GSMOOTH_SEED.",
        rich_help_panel=_RUN,
    ),
]
DeviceFlag = Annotated[
    str | None,
    typer.Option(
        metavar="cpu|cuda:0|...",
        help="Device.",
        rich_help_panel=_RUN,
        autocompletion=completion.one_of("cpu", "cuda", "cuda:0"),
    ),
]
JsonFlag = Annotated[
    bool,
    typer.Option("--json", help="One JSON document on stdout, nothing else.", rich_help_panel=_RUN),
]
DebugFlag = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", rich_help_panel=_RUN)]
ModelFlag = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="SPEC",
        help="shipped:NAME, zoo:NAME, module:factory (with --set model.weights=FILE and"
        " model.shape=[C,H,W]), a TorchScript .pt, torch.export .pt2 or .onnx file, timm:NAME,"
        " torchvision:NAME, hf:NAME or hf:FOLDER.",
        rich_help_panel=_WHAT,
        autocompletion=completion.models,
    ),
]
DataFlag = Annotated[
    str | None,
    typer.Option(
        "--data",
        "-d",
        metavar="SPEC",
        help="shipped:digits, FILE.npz (x, y), a folder of images by class, module:factory; for"
        " predict also one image file.",
        rich_help_panel=_WHAT,
        autocompletion=completion.one_of("shipped:digits", "shipped:digits-sample"),
    ),
]
ClassesFlag = Annotated[
    Path | None,
    typer.Option(
        "--classes",
        metavar="FILE",
        help="Names of the model's outputs: one a line in their order, or JSON or TOML with a"
        " number for each name. Class folders are matched with them by name.",
        rich_help_panel=_WHAT,
    ),
]
LimitFlag = Annotated[
    int | None, typer.Option("--limit", help="At most so many images.", rich_help_panel=_WHAT)
]
TransformationFlag = Annotated[
    str | None,
    typer.Option(
        "--transformation",
        "-t",
        metavar="NAME",
        help="A name from 'gsmooth plugins', several joined by + (rotation+brightness), or"
        " my_module:MyClass.",
        rich_help_panel=_WHAT,
        autocompletion=completion.transformations,
    ),
]
RegionFlag = Annotated[
    str | None,
    typer.Option(
        "--region",
        "-r",
        metavar="NAME=LOWER:UPPER[,...]",
        help="The interval of each parameter, in its unit: angle=-30:30 is 30 degrees either way;"
        ' "-30:30" alone in the order of the parameters. all, or angle=all: the whole period of a'
        " parameter that has one (every orientation, with --law haar).",
        rich_help_panel=_WHAT,
    ),
]
L2Flag = Annotated[
    float | None,
    typer.Option(
        "--l2",
        metavar="RADIUS",
        help="Additive l2 radius on top, in units of the input range.",
        rich_help_panel=_WHAT,
    ),
]
BitsFlag = Annotated[
    int | None,
    typer.Option(
        "--bits",
        metavar="1..16",
        help="The attacked image is rounded to so many bits, as an image file is; 8 is customary.",
        rich_help_panel=_WHAT,
    ),
]
SigmaFlag = Annotated[
    float | None,
    typer.Option(
        "--sigma",
        help="Std of the noise on the image, in units of the input range.",
        rich_help_panel=_NOISE,
    ),
]
StdFlag = Annotated[
    str | None,
    typer.Option(
        "--std",
        metavar="NAME=STD[,...]",
        help="Std of the noise on each parameter, in its unit: angle=4, or 4 alone in the order of"
        " the parameters. 0: attacked, not smoothed; 'none': no noise on parameters (T = id). With"
        " another --law its size: half-width (uniform), mean (exponential), b (laplace), steps to"
        " either side (grid-uniform).",
        rich_help_panel=_NOISE,
    ),
]
LawFlag = Annotated[
    str | None,
    typer.Option(
        "--law",
        metavar="[NAME=]LAW",
        help="Law of the noise on a parameter: gaussian (the default), uniform, laplace,"
        " exponential, folded-normal; angle=uniform, say. haar: uniform over all of the parameter's"
        " period, so that any region of it costs nothing (every orientation: --law angle=haar"
        " --region all); not for labels that it tells apart, such as 6 and 9. grid-uniform: whole"
        " steps, at most as many as --std says, for parameters in steps of 1.",
        rich_help_panel=_NOISE,
        autocompletion=completion.one_of(
            "gaussian", "uniform", "laplace", "exponential", "folded-normal", "haar", "grid-uniform"
        ),
    ),
]
ModeFlag = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="region|radius|nested",
        help="region: is g constant on all of it (stops early)? radius: how much of it?"
        " nested: the published method, a vote of votes.",
        rich_help_panel=_DECISION,
        autocompletion=completion.one_of("region", "radius", "nested"),
    ),
]
RuleFlag = Annotated[
    str | None,
    typer.Option(
        "--rule",
        metavar="runner-up|e-process|fixed",
        help="runner-up: is each other class far enough behind (fewest votes)? e-process: are the"
        " selected class's votes a large enough share of all? fixed: the same by n votes a centre.",
        rich_help_panel=_DECISION,
        autocompletion=completion.one_of("runner-up", "e-process", "fixed"),
    ),
]
GuaranteeFlag = Annotated[
    str | None,
    typer.Option(
        "--guarantee",
        metavar="individual|distributional|online|population",
        help="individual: of this clean image. distributional: of most images like those of"
        " --set certify.calibration=FILE. online: the images are what an attacker sent, and what"
        " is certified is g at every original that they can have been made from. population: one"
        " vote an image, and one bound on the accuracy of single votes under attack.",
        rich_help_panel=_DECISION,
        autocompletion=completion.one_of("individual", "distributional", "online", "population"),
    ),
]
AlphaFlag = Annotated[
    float | None,
    typer.Option(
        "--alpha", help="Chance, an image, that a certificate is wrong.", rich_help_panel=_DECISION
    ),
]
AttackFlag = Annotated[
    bool | None,
    typer.Option(
        "--attack/--no-attack",
        help="Also search the region for a transformation that fools g.",
        rich_help_panel=_DECISION,
    ),
]


def flag(name: str, path: str, value: object) -> Iterator[Override]:
    """The override that a flag stands for, if it was given."""
    from gsmooth.runs.config.overrides import Override

    if value is not None:
        plain = str(value) if isinstance(value, Path) else value
        yield Override(path, plain, f"{name} {value}")


def classes_flag(path: Path | None) -> Iterator[Override]:
    """The names in a file, as ``model.class_names``; so that run files need no second file."""
    from gsmooth.data.class_names import read_class_names
    from gsmooth.runs.config.overrides import Override

    if path is not None:
        yield Override("model.class_names", read_class_names(path), f"--classes {path}")


def region_flag(text: str | None) -> Iterator[Override]:
    """``LOWER:UPPER[,...]`` as the two lists of ends, ``NAME=LOWER:UPPER[,...]`` as two tables.

    ``all`` in place of an interval is both of its ends.
    """
    from gsmooth.runs.config.overrides import Override

    if text is None:
        return
    # "-r=-30:30" arrives with its equals sign: a short flag takes everything behind it.
    named, parts = _by_name("--region", text.removeprefix("="))
    pairs = [["all", "all"] if part.strip() == "all" else part.split(":") for part in parts]
    if any(len(pair) != 2 for pair in pairs):
        raise ConfigurationError(
            f'--region {text}: expected LOWER:UPPER for each parameter, e.g. --region "-30:30"'
        )
    for position, end in enumerate(("lower", "upper")):
        values = [_end(pair[position], text) for pair in pairs]
        value = dict(zip(named, values, strict=True)) if named else values
        yield Override(f"region.{end}", value, f"--region {text}")


def std_flag(text: str | None) -> Iterator[Override]:
    """``STD[,...]`` as a list, ``NAME=STD[,...]`` as a table, ``none`` as an empty list."""
    from gsmooth.runs.config.overrides import Override

    if text is None:
        return
    named, parts = ([], []) if text == "none" else _by_name("--std", text)
    values = [_number("--std", part, text) for part in parts]
    value = dict(zip(named, values, strict=True)) if named else values
    yield Override("smoothing.scales", value, f"--std {text}")


def law_flag(text: str | None) -> Iterator[Override]:
    """``LAW`` as it is, ``LAW,LAW,...`` as a list, ``NAME=LAW[,...]`` as a table."""
    from gsmooth.runs.config.overrides import Override

    if text is not None:
        named, laws = _by_name("--law", text)
        plain = laws if len(laws) > 1 else text
        value = dict(zip(named, laws, strict=True)) if named else plain
        yield Override("smoothing.law", value, f"--law {text}")


def _by_name(flag: str, text: str) -> tuple[list[str], list[str]]:
    """The names and the values of ``NAME=VALUE,...``; no names where none is given."""
    parts = text.split(",")
    pairs = [part.partition("=") for part in parts]
    if not any(equals for _, equals, _ in pairs):
        return [], parts
    names = [name.strip() for name, _, _ in pairs]
    if not all(equals for _, equals, _ in pairs) or len(set(names)) < len(names):
        raise ConfigurationError(
            f"{flag} {text}: name every parameter once (angle=..., brightness=...), or none of them"
        )
    return names, [value.strip() for _, _, value in pairs]


def _end(part: str, text: str) -> float | str:
    """A number; ``all`` where the whole period is meant."""
    return part if part == "all" else _number("--region", part, text)


def _number(name: str, part: str, text: str) -> float:
    try:
        return float(part)
    except ValueError as error:
        raise ConfigurationError(
            f"{name} {text or repr(text)}: {part.strip()!r} is not a number"
        ) from error

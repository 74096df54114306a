"""``gsmooth tune``: which lift and which noise suit the images, before anything is trained."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gsmooth.cli.options import (
    ClassesFlag,
    ConfigFlag,
    DataFlag,
    DebugFlag,
    JsonFlag,
    L2Flag,
    LawFlag,
    LimitFlag,
    ModelFlag,
    RegionFlag,
    SetFlag,
    TransformationFlag,
    classes_flag,
    flag,
    law_flag,
    region_flag,
)
from gsmooth.cli.output import console, emit, guarded, progress, say

if TYPE_CHECKING:
    from rich.table import Table

    from gsmooth.runs.tune import TuneSummary
    from gsmooth.tuning import Candidate, Figures, Spread

EPILOG = """
[bold]Examples[/bold]

gsmooth tune -d photos/ -t rotation -r angle=-30:30

gsmooth train -c tuned.toml -m my_module:build -o net.pt

gsmooth certify -c net.toml

[bold]Reading the table[/bold]: the residual is how far attacked images, turned back, lie from a
centre: half of the images have at most the first number, 80% at most the second. sigma follows from
it. Information (in nats) is what the noise leaves: about the classes, and of the images; more is
better. Share is the part
of the votes that every centre needs, votes what an image is expected to cost. Options that you give
(--set transformation.options.low_pass_px=1.2) and a law (--law) stay as they are. With a model, its
accuracy on noisy, attacked images decides.

[bold]What it is not[/bold]: a proof. The ranking is a heuristic; certificates hold whatever you
choose.
"""


def tune(
    data: DataFlag = None,
    transformation: TransformationFlag = None,
    region: RegionFlag = None,
    l2: L2Flag = None,
    model: ModelFlag = None,
    classes: ClassesFlag = None,
    law: LawFlag = None,
    limit: LimitFlag = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Run file for gsmooth train and gsmooth certify."
        ),
    ] = Path("tuned.toml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE if it is there.")] = False,
    config: ConfigFlag = None,
    sets: SetFlag = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Choose lift and noise for a region from training images; no votes, about a minute.

    Images come from split train unless --set data.split=... names another: what is chosen on the
    images that are certified later flatters the result.
    """
    with guarded(as_json, debug):
        from gsmooth.runs.config.run_file import load_config

        overrides = [
            *flag("--data", "data.spec", data),
            *flag("--transformation", "transformation.name", transformation),
            *region_flag(region),
            *flag("--l2", "region.l2", l2),
            *flag("--model", "model.spec", model),
            *classes_flag(classes),
            *law_flag(law),
        ]
        settings = load_config(config, [*overrides, *(sets or ())])
        # After the settings: their mistakes should not wait for torch.
        from gsmooth.runs.tune import run_tune

        summary = run_tune(settings, out, progress(), force=force, limit=limit)
        if as_json:
            emit(_document(summary))
        else:
            console().print(_table(summary))
            for line in _told(summary):
                say(line)
            say(str(summary.run_file))
            say(f"then: {shlex.join(summary.next_step)}", stderr=True)


def _table(summary: TuneSummary) -> Table:
    """A line for every candidate, the recommended one first."""
    from rich.table import Table

    candidates = summary.tuning.candidates
    measured = any(one.figures.accuracy is not None for one in candidates)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("lift")
    table.add_column("noise")
    columns = ("sigma", "residual", "information", "centres", "share", "votes")
    for name in (*columns, *(["accuracy"] if measured else [])):
        table.add_column(name, justify="right")
    varied = _varied(candidates)
    for one in candidates:
        table.add_row(*_row(one, varied, measured))
    return table


def _row(one: Candidate, varied: list[str], measured: bool) -> list[str]:
    from gsmooth.text.rounding import percent
    from gsmooth.theory.parameter_noise import noise_texts

    figures, options = one.figures, _options(one)
    lift = (
        ", ".join(f"{name}={options[name]}" for name in varied if name in options) or "the only one"
    )
    names = [parameter.name for parameter in one.transformation.parameters]
    accuracy = "" if figures.accuracy is None else percent(figures.accuracy)
    return [
        lift,
        ", ".join(noise_texts(one.law(), names)) or "none on parameters",
        f"{one.sigma:g}",
        _pair(figures.residual, ".3f"),
        _information(figures),
        str(figures.centres),
        _pair(figures.required_p, ".3f"),
        _pair(figures.votes, ",.0f"),
        *([accuracy] if measured else []),
    ]


def _information(figures: Figures) -> str:
    labels = "" if figures.about_labels is None else f"{figures.about_labels:.2f} / "
    return f"{labels}{figures.information:.0f}"


def _pair(spread: Spread, form: str) -> str:
    return f"{spread.median:{form}} / {spread.most:{form}}"


def _options(one: Candidate) -> dict[str, object]:
    """Options by name; those of the parts of a composition as part.name."""
    from gsmooth.transforms.options import recorded_options

    found: dict[str, object] = {}
    for name, value in recorded_options(one.transformation).items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": own for inner, own in value.items()}
        else:
            found[name] = value
    return found


def _varied(candidates: tuple[Candidate, ...]) -> list[str]:
    """The options in which candidates differ."""
    every = [_options(one) for one in candidates]
    names = dict.fromkeys(name for options in every for name in options)
    return [name for name in names if len({repr(options.get(name)) for options in every}) > 1]


def _told(summary: TuneSummary) -> list[str]:
    from gsmooth.text.rounding import percent

    found, best = summary.tuning, summary.tuning.best
    kind = "by the accuracy of the model" if best.figures.accuracy is not None else "a heuristic"
    lines = [
        f"recommended ({kind}): the first line, from {found.images} images of split"
        f" {summary.split} in {summary.seconds:.0f} s; residual, share and votes: of the median"
        " image / not exceeded by 80%"
    ]
    if best.figures.reachable < 1.0:
        lines.append(
            f"{percent(1.0 - best.figures.reachable)} of the images need a larger share than a"
            " rightly classified image usually gets: expect no certificate for them, or narrow the"
            " region"
        )
    return [*lines, *found.notices]


def _document(summary: TuneSummary) -> dict[str, object]:
    """For ``--json``."""
    return {
        "run_file": str(summary.run_file),
        "images": summary.tuning.images,
        "split": summary.split,
        "seconds": summary.seconds,
        "notices": list(summary.tuning.notices),
        "candidates": [
            {
                "options": _options(one),
                "laws": list(one.choice.laws),
                "scales": list(one.choice.sizes),
                "sigma": one.sigma,
                "residual": _numbers(one.figures.residual),
                "information": one.figures.information,
                "about_labels": one.figures.about_labels,
                "centres": one.figures.centres,
                "required_p": _numbers(one.figures.required_p),
                "votes": _numbers(one.figures.votes),
                "reachable": one.figures.reachable,
                "accuracy": one.figures.accuracy,
            }
            for one in summary.tuning.candidates
        ],
        "next": list(summary.next_step),
    }


def _numbers(spread: Spread) -> dict[str, float]:
    return {"median": spread.median, "most": spread.most}

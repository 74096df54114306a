"""``gsmooth predict``: what the smoothed classifier answers, without certifying a region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from gsmooth.cli.options import (
    ClassesFlag,
    ConfigFlag,
    DataFlag,
    DebugFlag,
    DeviceFlag,
    JsonFlag,
    LawFlag,
    LimitFlag,
    ModelFlag,
    SeedFileFlag,
    SeedFlag,
    SetFlag,
    SigmaFlag,
    StdFlag,
    TransformationFlag,
    classes_flag,
    flag,
    law_flag,
    std_flag,
)
from gsmooth.cli.output import console, emit, emit_line, guarded, progress, say
from gsmooth.text.rounding import percent

if TYPE_CHECKING:
    from gsmooth.runs.config.run_config import RunConfig
    from gsmooth.runs.predict import PredictSummary

EPILOG = """
[bold]Examples[/bold]

gsmooth predict --limit 20

gsmooth predict -c net.toml photo.png folder/ > answers.jsonl

find . -name '*.jpg' | gsmooth predict -c net.toml --seed-file my.seed -

gsmooth predict -m my_module:build --set model.weights=net.pt --set model.shape=[1,28,28]
-d test.npz -t rotation --sigma 0.25 --std 6 --n 10000 --json
"""


def predict(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH|-",
            help="Image files, folders of them at any depth, or - for names on stdin, one a line."
            " Each file becomes one JSON line as soon as it is answered.",
            show_default=False,
        ),
    ] = None,
    model: ModelFlag = None,
    data: DataFlag = None,
    classes: ClassesFlag = None,
    limit: LimitFlag = None,
    transformation: TransformationFlag = None,
    sigma: SigmaFlag = None,
    std: StdFlag = None,
    law: LawFlag = None,
    n: Annotated[
        int | None,
        typer.Option("--n", help="Votes an image; for paths at most, fewer where it is sure."),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option("--alpha", help="Chance, an image, of an answer that is not g's class."),
    ] = None,
    config: ConfigFlag = None,
    sets: SetFlag = None,
    seed: SeedFlag = None,
    seed_file: SeedFileFlag = None,
    device: DeviceFlag = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Ask the smoothed classifier g for its class at each image; it may abstain.

    PREDICT of Cohen et al. (2019): n votes, and an answer only if the two top counts differ
    significantly at level alpha. Of data (--data) it prints a table with accuracies.

    Of paths it prints JSON lines, in their order, and stops voting as soon as the class of an image
    is sure, at the same alpha. A file that cannot be read has a line with its error; the others go
    on, and the exit code at the end is that of the last error.
    """
    with guarded(as_json, debug):
        from gsmooth.runs.config.run_file import load_config

        overrides = [
            *flag("--model", "model.spec", model),
            *flag("--device", "model.device", device),
            *flag("--data", "data.spec", data),
            *classes_flag(classes),
            *flag("--limit", "data.limit", limit),
            *flag("--transformation", "transformation.name", transformation),
            *flag("--sigma", "smoothing.sigma", sigma),
            *std_flag(std),
            *law_flag(law),
            *flag("--seed", "smoothing.seed", seed),
            *flag("--seed-file", "smoothing.seed_file", seed_file),
            *flag("--n", "predict.n", n),
            *flag("--alpha", "predict.alpha", alpha),
        ]
        settings = load_config(config, [*overrides, *(sets or ())])
        if paths:
            _refuse(paths, data, limit, as_json)
            code = _answer(settings, paths)
            if code:
                raise typer.Exit(code)
            return
        # After the settings: their mistakes should not wait for torch.
        from gsmooth.runs.predict import run_predict

        summary = run_predict(settings, progress())
        if as_json:
            emit(_as_document(summary))
        else:
            _print(summary)


def _refuse(paths: list[str], data: str | None, limit: int | None, as_json: bool) -> None:
    """ConfigurationError for flags that say what paths say too."""
    from gsmooth.errors import ConfigurationError

    given = {"--data": data is not None, "--limit": limit is not None, "--json": as_json}
    if other := [name for name, there in given.items() if there]:
        raise ConfigurationError(
            f"paths ({paths[0]}, ...) and {other[0]} were given: paths are answered one by one, as"
            f" JSON lines; leave out {other[0]}, or the paths"
        )


def _answer(settings: RunConfig, paths: list[str]) -> int:
    """Print a JSON line for each file; the exit code."""
    import sys

    from gsmooth.serving.files import FileTally, answer_files, files_of, tallied
    from gsmooth.serving.service import ServicePlan

    def names() -> Iterator[str]:
        for path in paths:
            yield from (line.rstrip("\r\n") for line in sys.stdin) if path == "-" else [path]

    def told(notice: str) -> None:
        say(f"note: {notice}", stderr=True)

    tally = FileTally()
    files = files_of(name for name in names() if name)
    for line in tallied(tally, answer_files(ServicePlan.of(settings), files, told)):
        emit_line(line)
    say(tally.describe(), stderr=True)
    return tally.exit_code


def _as_document(summary: PredictSummary) -> dict[str, object]:
    return {
        "images": len(summary.answers),
        "clean_accuracy": summary.clean_accuracy,
        "standard_accuracy": summary.standard_accuracy,
        "abstentions": summary.abstentions,
        "config": summary.config.model_dump(mode="json"),
        "predictions": [
            {
                "index": a.index,
                "label": a.label,
                "prediction": a.prediction.label,
                "counts": list(a.prediction.counts),
                "clean_prediction": a.clean_prediction,
            }
            for a in summary.answers
        ],
    }


def _print(summary: PredictSummary) -> None:
    """One line an image, then the totals."""
    from rich.table import Table
    from rich.text import Text

    table = Table("image", "label", "g", "f", "top votes")
    for a in summary.answers:
        answer = "abstains" if a.prediction.label is None else summary.called(a.prediction.label)
        clean = "tie" if a.clean_prediction is None else summary.called(a.clean_prediction)
        label = "unknown" if a.label is None else summary.called(a.label)
        told = (label, answer, clean)
        # As text: a name in brackets is no markup.
        table.add_row(str(a.index), *map(Text, told), str(max(a.prediction.counts)))
    out = console()
    out.print(table)
    out.print(_totals(summary))


def _totals(summary: PredictSummary) -> str:
    count, abstentions = len(summary.answers), summary.abstentions
    standard, clean = summary.standard_accuracy, summary.clean_accuracy
    if standard is None or clean is None:
        images = "1 image" if count == 1 else f"{count} images"
        return f"{images}, {abstentions} abstentions; the true class is not known"
    return (
        f"{count} images: standard accuracy of g {percent(standard)}, {abstentions} abstentions;"
        f" clean accuracy of f (behind lift and readout, no noise) {percent(clean)}"
    )

"""``gsmooth train``: a network that is good under its own smoothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsmooth.cli.options import (
    ClassesFlag,
    ConfigFlag,
    DataFlag,
    DebugFlag,
    JsonFlag,
    LawFlag,
    LimitFlag,
    ModelFlag,
    RegionFlag,
    SetFlag,
    SigmaFlag,
    StdFlag,
    TransformationFlag,
    classes_flag,
    flag,
    law_flag,
    region_flag,
    std_flag,
)
from gsmooth.cli.output import emit, guarded, progress, say

EPILOG = """
[bold]Examples[/bold]

gsmooth train --out model.pt  (the shipped recipe, on shipped:digits, split train)

gsmooth train -m my_module:build --set model.shape=[3,32,32] -d photos/ -t rotation -r "-30:30"
--sigma 0.25 --std 6 --epochs 40 --out net.pt

[bold]Then[/bold]: gsmooth certify -c net.toml

Beside the weights goes a run file of the same name. It names these weights, and the images held out
where the data have such a split; where they have none, give other images with -d.
"""


def train(
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Where the state dict goes; FILE.toml beside it."
        ),
    ],
    model: ModelFlag = None,
    data: DataFlag = None,
    classes: ClassesFlag = None,
    limit: LimitFlag = None,
    transformation: TransformationFlag = None,
    region: RegionFlag = None,
    sigma: SigmaFlag = None,
    std: StdFlag = None,
    law: LawFlag = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the data.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of initial weights, order and noise.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite the two files if they are there.")
    ] = False,
    config: ConfigFlag = None,
    sets: SetFlag = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Train a network behind the very lift, parameters and noise that a certificate will use.

    A shipped:NAME model is trained afresh from its card; module:factory gives a network of yours.
    """
    with guarded(as_json, debug):
        from gsmooth.runs.config.run_file import load_config

        overrides = [
            *flag("--model", "model.spec", model),
            *flag("--data", "data.spec", data),
            *classes_flag(classes),
            *flag("--limit", "data.limit", limit),
            *flag("--transformation", "transformation.name", transformation),
            *region_flag(region),
            *flag("--sigma", "smoothing.sigma", sigma),
            *std_flag(std),
            *law_flag(law),
            *flag("--epochs", "train.epochs", epochs),
            *flag("--seed", "train.seed", seed),
        ]
        settings = load_config(config, [*overrides, *(sets or ())])
        # After the settings: their mistakes should not wait for torch.
        from gsmooth.runs.train import as_document, run_train

        summary = run_train(settings, out, progress(), force=force)
        if as_json:
            emit(as_document(summary))
        else:
            say(f"{summary.weights}\n{summary.run_file}")
            say(f"then: {summary.next_step}", stderr=True)

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
    DeviceFlag,
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
from gsmooth.cli.train_options import (
    AmpFlag,
    BalanceFlag,
    BatchFlag,
    BodyRateFlag,
    DenoiserFlag,
    EpochsFlag,
    GroupsFlag,
    HoldoutFlag,
    MethodFlag,
    NewHeadFlag,
    PhotometricFlag,
    RateFlag,
    ValidationFlag,
    WeightsFlag,
    WorkersFlag,
)

EPILOG = """
[bold]Examples[/bold]

gsmooth train --out model.pt  (the shipped recipe, on shipped:digits, split train)

gsmooth train -d photos/ -m zoo:resnet-small -t rotation -r "-30:30" --sigma 0.25 --std 6
--holdout 0.2 --out net.pt

gsmooth train -m my_module:build --weights pretrained.pt --new-head --body-rate 0.1 -d photos/
-t rotation -r "-10:10" --sigma 0.25 --std 4 --epochs 10 --out tuned.pt

gsmooth train -m my_network.pt --denoiser --set model.shape=[3,32,32] -d photos/ -t gaussian
--sigma 0.25 --set region.l2=0.25 --out denoiser.pt

[bold]Then[/bold]: gsmooth certify -c net.toml

[bold]What is written[/bold]: net.pt, the weights; net.toml, a run file that certifies them on other
images; net.images.npy, a digest of every image that was used, so that certify notices such images;
net.png, the curve. Until the end there is net.resume.pt, too: after Ctrl-C, or a crash, the same
command goes on from it and ends with the same weights (bit for bit on one CPU).

[bold]Which weights[/bold]: a tenth of the images (--validation) is not trained on. Its certified
accuracy is estimated after epochs, by few votes and without confidence bounds; the weights of the
best estimate are kept. The estimate is no certificate: certify other images.

[bold]Methods[/bold]: noise is usual. consistency asks for the same answer under two draws of noise
(often the best one; twice the time). smoothadv and macer are slower still.

[bold]Groups[/bold]: images of one scene or track are near copies. Name them (--groups), else the
validation images are easier than new ones: an array of the .npz file, a .csv file with the columns
file and group, or a pattern for file names such as "(track[0-9]+)_".
"""


def train(
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Where the state dict goes; FILE.toml beside it."
        ),
    ],
    model: ModelFlag = None,
    weights: WeightsFlag = None,
    new_head: NewHeadFlag = None,
    denoiser: DenoiserFlag = None,
    data: DataFlag = None,
    classes: ClassesFlag = None,
    limit: LimitFlag = None,
    validation: ValidationFlag = None,
    holdout: HoldoutFlag = None,
    groups: GroupsFlag = None,
    workers: WorkersFlag = None,
    transformation: TransformationFlag = None,
    region: RegionFlag = None,
    sigma: SigmaFlag = None,
    std: StdFlag = None,
    law: LawFlag = None,
    epochs: EpochsFlag = None,
    batch_size: BatchFlag = None,
    learning_rate: RateFlag = None,
    body_rate: BodyRateFlag = None,
    method: MethodFlag = None,
    photometric: PhotometricFlag = None,
    balance: BalanceFlag = None,
    amp: AmpFlag = None,
    device: DeviceFlag = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of initial weights, order and noise.")
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Overwrite files that are there, and begin anew."),
    ] = False,
    config: ConfigFlag = None,
    sets: SetFlag = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Train a network behind the very lift, parameters and noise that a certificate will use.

    -m zoo:resnet-small (or zoo:polar-resnet, for rotations) builds a network for your images;
    module:factory gives one of yours; a shipped:NAME model is trained afresh from its card.
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
            *flag("--weights", "model.weights", weights),
            *flag("--new-head", "model.new_head", new_head),
            *flag("--denoiser", "train.denoiser", denoiser),
            *flag("--validation", "train.validation", validation),
            *flag("--holdout", "train.holdout", holdout),
            *flag("--groups", "train.groups", groups),
            *flag("--workers", "train.workers", workers),
            *flag("--epochs", "train.epochs", epochs),
            *flag("--batch-size", "train.batch_size", batch_size),
            *flag("--learning-rate", "train.learning_rate", learning_rate),
            *flag("--body-rate", "train.body_rate", body_rate),
            *flag("--method", "train.method.name", method),
            *flag("--photometric", "train.photometric", photometric),
            *flag("--balance", "train.balance", balance),
            *flag("--amp", "train.amp", amp),
            *flag("--device", "model.device", device),
            *flag("--seed", "train.seed", seed),
        ]
        settings = load_config(config, [*overrides, *(sets or ())])
        # After the settings: their mistakes should not wait for torch.
        from gsmooth.report.training_curve import draw_training_curve
        from gsmooth.runs.train import as_document, run_train

        summary = run_train(settings, out, progress(), force=force, draw=draw_training_curve)
        if as_json:
            emit(as_document(summary))
        else:
            say(f"{summary.weights}\n{summary.run_file}")
            say(f"then: {summary.next_step}", stderr=True)

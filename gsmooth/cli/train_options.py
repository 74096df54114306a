"""Options of ``gsmooth train`` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_NETWORK = "The network"
_IMAGES = "The images"
_RECIPE = "The recipe (the rest of it: --set train.NAME=VALUE)"

WeightsFlag = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        help="State dict that training starts from (model.weights).",
        rich_help_panel=_NETWORK,
    ),
]
NewHeadFlag = Annotated[
    bool | None,
    typer.Option(
        "--new-head/--old-head",
        help="Replace the last linear layer by one for the classes of the data.",
        rich_help_panel=_NETWORK,
    ),
]
DenoiserFlag = Annotated[
    bool | None,
    typer.Option(
        "--denoiser/--no-denoiser",
        help="Leave the network as it is, and train a small U-Net in front of it by the "
        "answers of the network itself.",
        rich_help_panel=_NETWORK,
    ),
]
ValidationFlag = Annotated[
    float | None,
    typer.Option(
        "--validation",
        metavar="SHARE",
        help="Part of the images that chooses the weights; 0.1 by default.",
        rich_help_panel=_IMAGES,
    ),
]
HoldoutFlag = Annotated[
    float | None,
    typer.Option(
        "--holdout",
        metavar="SHARE",
        help="Part of the images that is kept for certificates; for data without splits.",
        rich_help_panel=_IMAGES,
    ),
]
GroupsFlag = Annotated[
    str | None,
    typer.Option(
        "--groups",
        metavar="NAME|FILE.csv|PATTERN",
        help="What belongs together and is never divided; see below.",
        rich_help_panel=_IMAGES,
    ),
]
WorkersFlag = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="Processes that read a folder during the training, for images that do not fit "
        "into memory.",
        rich_help_panel=_IMAGES,
    ),
]
EpochsFlag = Annotated[
    int | None,
    typer.Option(
        "--epochs",
        help="Passes over the images; 80 by default.",
        rich_help_panel=_RECIPE,
    ),
]
BatchFlag = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        help="Images of a step; 128 by default.",
        rich_help_panel=_RECIPE,
    ),
]
RateFlag = Annotated[
    float | None,
    typer.Option(
        "--learning-rate",
        help="Its peak; 0.005 by default.",
        rich_help_panel=_RECIPE,
    ),
]
BodyRateFlag = Annotated[
    float | None,
    typer.Option(
        "--body-rate",
        help="Fine-tuning: the rate of all layers but the last linear one, as a part of it.",
        rich_help_panel=_RECIPE,
    ),
]
MethodFlag = Annotated[
    str | None,
    typer.Option(
        "--method",
        metavar="noise|consistency|smoothadv|macer",
        help="What is minimized; see below.",
        rich_help_panel=_RECIPE,
    ),
]
PhotometricFlag = Annotated[
    float | None,
    typer.Option(
        "--photometric",
        help="Strength of random brightness, contrast, saturation and hue, 0 to 1.",
        rich_help_panel=_RECIPE,
    ),
]
BalanceFlag = Annotated[
    bool | None,
    typer.Option(
        "--balance/--no-balance",
        help="Draw images of all classes equally often.",
        rich_help_panel=_RECIPE,
    ),
]
AmpFlag = Annotated[
    str | None,
    typer.Option(
        "--amp",
        metavar="bfloat16|float16",
        help="Precision of the network in training.",
        rich_help_panel=_RECIPE,
    ),
]

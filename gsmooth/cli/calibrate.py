"""``gsmooth calibrate``: a bound on the error of most images, for the distributional guarantee."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gsmooth.cli.options import (
    ConfigFlag,
    DataFlag,
    DebugFlag,
    JsonFlag,
    ModelFlag,
    RegionFlag,
    SetFlag,
    TransformationFlag,
    flag,
    region_flag,
)
from gsmooth.cli.output import emit, guarded, progress, say
from gsmooth.errors import ConfigurationError

if TYPE_CHECKING:
    from gsmooth.cover.bounds.origin import Rule
    from gsmooth.runs.calibration import Calibration

EPILOG = """
[bold]Example[/bold]

gsmooth calibrate --region "-10:10" --images 1000 --out calibration.json

gsmooth certify --region "-10:10" --set certify.guarantee=distributional
--set certify.calibration=calibration.json

[bold]Reading the result[/bold]: the error is how far an attacked image, turned back, can lie from
the clean one. The bound holds for the share of images that you ask for, with confidence 1 - alpha
over the choice of the calibration images. They have to be drawn like the images to be certified,
and none of them may be certified with the result.
"""


def calibrate(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Where the calibration goes (JSON).")
    ],
    model: ModelFlag = None,
    data: DataFlag = None,
    transformation: TransformationFlag = None,
    region: RegionFlag = None,
    images: Annotated[int, typer.Option("--images", help="At most so many images.")] = 1000,
    share: Annotated[
        float, typer.Option("--share", help="Of images like these, for which the bound holds.")
    ] = 0.99,
    alpha: Annotated[
        float, typer.Option("--alpha", help="Chance that the statement on the share is wrong.")
    ] = 0.001,
    centre: Annotated[
        str,
        typer.Option(
            "--centre",
            metavar="middle|clean",
            help="Errors are measured from the middle of an image's attacks, or from the image"
            " itself, as the published method does; the middle gives smaller ones.",
        ),
    ] = "middle",
    config: ConfigFlag = None,
    sets: SetFlag = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Bound what interpolation does to most images, so that certificates need not bound each one.

    Casts no vote. Images come from split train unless --set data.split=... names another. Run
    again, an interrupted calibration goes on where it stopped.
    """
    with guarded(as_json, debug):
        from gsmooth.runs.config.run_file import load_config

        rules: dict[str, Rule] = {"middle": "middle", "clean": "clean"}
        if centre not in rules:
            raise ConfigurationError(f"--centre {centre}: expected middle or clean")
        overrides = [
            *flag("--model", "model.spec", model),
            *flag("--data", "data.spec", data),
            *flag("--transformation", "transformation.name", transformation),
            *region_flag(region),
            *flag("--images", "data.limit", images),
        ]
        settings = load_config(config, [*overrides, *(sets or ())])
        # After the settings: their mistakes should not wait for torch.
        from gsmooth.runs.calibrate import run_calibrate

        found = run_calibrate(
            settings, out, progress(), share=share, alpha=alpha, centre=rules[centre]
        )
        if as_json:
            emit(_document(found, out))
        else:
            say(f"{_statement(found)}\n{out}")


def _statement(found: Calibration) -> str:
    """What was shown, in one sentence; rounded to the side on which it is true."""
    from gsmooth.text.rounding import percent_down, text_up

    return (
        f"for at least {percent_down(found.share)} of images like these {found.images} (confidence"
        f" {percent_down(1.0 - found.alpha)}), the error is at most {text_up(found.error, 4)}"
    )


def _document(found: Calibration, out: Path) -> dict[str, object]:
    return {
        "calibration": str(out),
        "error": found.error,
        "share": found.share,
        "alpha": found.alpha,
        "images": found.images,
        "rank": found.rank,
        "centre": found.centre,
        "largest": max(found.errors),
        "transformation": found.transformation,
        "region": {"lower": list(found.region.lower), "upper": list(found.region.upper)},
    }

"""``gsmooth``: the commands in one place."""

from __future__ import annotations

import os
from importlib.metadata import version
from platform import python_version
from typing import Annotated

import typer

from gsmooth import __version__
from gsmooth.cli import (
    calibrate,
    certify,
    check,
    completion,
    explain,
    init,
    merge,
    plugins,
    predict,
    quickstart,
    report,
    serve,
    train,
    tune,
    verify,
)
from gsmooth.cli.usage import Commands

_HELP = """
Certify that an image classifier keeps its answer under a whole range of transformations.

A certificate is a proof with a stated failure probability (alpha, per image): the smoothed
classifier g, a vote of your model over random transformations and noise, gives one and the same
class everywhere in the region. It is about g, not about your model alone.
"""
_EPILOG = """
[bold]Exit codes[/bold]: 0 done; 1 internal error; 2 configuration, flag or unreachable region;
3 images or labels; 4 model; 5 plugin; 6 records; 7 output folder or disk; 8 a stored bound that its
counts do not support; 9 an attack beat a certificate; 10 a transformation breaks a promise;
11 planned images without a row; 12 workers that die; 130 Ctrl-C or SIGTERM
(finished images are kept).

[bold]First steps[/bold]: gsmooth quickstart

[bold]Your model[/bold]: gsmooth certify --model my_module:build --set model.weights=net.pt
--set model.shape=[1,28,28] --data test.npz --transformation rotation --region "-30:30"
--sigma 0.25 --std 6
"""


def _flowing(text: str) -> str:
    """Paragraphs without the line breaks of the source, which rich would keep."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


app = typer.Typer(
    name="gsmooth",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help=_flowing(_HELP),
    epilog=_flowing(_EPILOG),
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    """Also what else a report of an error needs; torch is not imported for it."""
    if asked:
        typer.echo(f"gsmooth {__version__}, torch {version('torch')}, Python {python_version()}")
        raise typer.Exit


@app.callback()
def gsmooth(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Print the versions of gsmooth, torch and Python.",
        ),
    ] = False,
) -> None:
    """The options of ``gsmooth`` itself."""


for room, command in (
    (quickstart, quickstart.quickstart),
    (init, init.init),
    (certify, certify.certify),
    (predict, predict.predict),
    (serve, serve.serve),
    (tune, tune.tune),
    (train, train.train),
    (calibrate, calibrate.calibrate),
    (merge, merge.merge),
    (report, report.report),
    (explain, explain.explain),
    (verify, verify.verify),
    (plugins, plugins.plugins),
    (check, check.check),
    (completion, completion.completion),
):
    app.command(help=_flowing(command.__doc__ or ""), epilog=_flowing(room.EPILOG))(command)


def main() -> None:
    """The entry point of the ``gsmooth`` console script."""
    if completion.VARIABLE in os.environ:
        completion.register_shells()
    app()

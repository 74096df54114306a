"""``gsmooth serve``: the smoothed classifier answers over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gsmooth.cli.options import (
    ClassesFlag,
    ConfigFlag,
    DebugFlag,
    DeviceFlag,
    LawFlag,
    ModelFlag,
    SeedFileFlag,
    SetFlag,
    SigmaFlag,
    StdFlag,
    TransformationFlag,
    classes_flag,
    flag,
    law_flag,
    std_flag,
)
from gsmooth.cli.output import guarded, say

if TYPE_CHECKING:
    from gsmooth.serving.settings import HttpSettings

EPILOG = """
[bold]Examples[/bold]

gsmooth serve -c net.toml --seed-file service.seed

curl --data-binary @photo.png http://127.0.0.1:8000/predict

curl -F image=@photo.png http://127.0.0.1:8000/predict
"""
_HTTP = "The server"


def serve(
    model: ModelFlag = None,
    classes: ClassesFlag = None,
    transformation: TransformationFlag = None,
    sigma: SigmaFlag = None,
    std: StdFlag = None,
    law: LawFlag = None,
    n: Annotated[
        int | None, typer.Option("--n", help="Votes an image, at most; fewer where it is sure.")
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option("--alpha", help="Chance, an image, of a label that is not g's class."),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            metavar="C,H,W", help="Shape of the images; by default that of the network's input."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Interface to listen on.", rich_help_panel=_HTTP)
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port; 0 for any that is free.", rich_help_panel=_HTTP)
    ] = 8000,
    max_waiting: Annotated[
        int | None,
        typer.Option(help="Requests at once (256); more get 503.", rich_help_panel=_HTTP),
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(help="Bytes of a request (10 MiB).", rich_help_panel=_HTTP)
    ] = None,
    max_pixels: Annotated[
        int | None,
        typer.Option(help="Pixels of an image, by its header (20 million).", rich_help_panel=_HTTP),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Time for one request (30).", rich_help_panel=_HTTP),
    ] = None,
    config: ConfigFlag = None,
    sets: SetFlag = None,
    seed_file: SeedFileFlag = None,
    device: DeviceFlag = None,
    debug: DebugFlag = False,
) -> None:
    """Answer images over HTTP: POST an image to /predict, get its label or an abstention.

    Images of many clients share forward passes, and each ends as soon as its class is sure. A label
    is g's class except with probability alpha; it is no certificate. Votes follow from a secret
    seed and the pixels: the same image gets the same answer again, so repeating a request gains
    nothing. Name a seed file, so that this holds across restarts and copies of the server.

    It speaks plain HTTP and does not check who asks: TLS, authentication and limits for each
    client belong to a proxy in front of it. By default it listens on this machine alone. SIGTERM or
    Ctrl-C finishes the requests in flight and ends it. It needs pip install 'gsmooth\\[serve]'.
    """
    with guarded(False, debug):
        from gsmooth.runs.config.run_file import load_config

        overrides = [
            *flag("--model", "model.spec", model),
            *flag("--device", "model.device", device),
            *classes_flag(classes),
            *flag("--transformation", "transformation.name", transformation),
            *flag("--sigma", "smoothing.sigma", sigma),
            *std_flag(std),
            *law_flag(law),
            *flag("--seed-file", "smoothing.seed_file", seed_file),
            *flag("--n", "predict.n", n),
            *flag("--alpha", "predict.alpha", alpha),
        ]
        settings = load_config(config, [*overrides, *(sets or ())])
        limits = _limits(max_bytes, max_pixels, timeout)
        sides = _sides(shape)
        _require_packages()
        from gsmooth.runs.seeds.choice import named_seed
        from gsmooth.serving.server import listening, serve
        from gsmooth.serving.service import ServicePlan
        from gsmooth.serving.settings import SERVING

        plan = ServicePlan.of(settings, SERVING.max_waiting if max_waiting is None else max_waiting)
        # Before the network, which may take long: the port may be taken.
        listener = listening(host, port)
        with listener:
            service = plan.build(sides)
            for notice in service.notices:
                say(f"note: {notice}", stderr=True)
            if named_seed(settings) is None:
                say(
                    "note: the secret seed was drawn for this process; with --seed-file, images"
                    " get the same answers after a restart and from other copies",
                    stderr=True,
                )
            _tell_where(listener.getsockname()[:2])
            serve(service, listener, limits)


def _tell_where(address: tuple[str, int]) -> None:
    from ipaddress import ip_address

    host, port = address
    if not ip_address(host).is_loopback:
        say(
            f"note: {host} is reached from other machines; whoever reaches it is answered, without"
            " TLS and without authentication",
            stderr=True,
        )
    shown = f"[{host}]" if ":" in host else host
    say(f"serving on http://{shown}:{port}", stderr=True)


def _limits(max_bytes: int | None, max_pixels: int | None, timeout: float | None) -> HttpSettings:
    """The limits; ConfigurationError for one that cannot be."""
    from dataclasses import replace

    from gsmooth.errors import ConfigurationError
    from gsmooth.serving.settings import SERVING

    usual = SERVING.http
    image = replace(
        usual.image,
        max_bytes=usual.image.max_bytes if max_bytes is None else max_bytes,
        max_pixels=usual.image.max_pixels if max_pixels is None else max_pixels,
    )
    if image.max_bytes < 1 or not 1 <= image.max_pixels <= image.most_pixels:
        raise ConfigurationError(
            f"--max-bytes {image.max_bytes} --max-pixels {image.max_pixels}: expected at least 1,"
            f" and at most {image.most_pixels:,} pixels"
        )
    answer_s = usual.answer_s if timeout is None else timeout
    if not 0.0 < answer_s <= 86_400.0:
        raise ConfigurationError(f"--timeout {answer_s:g}: expected seconds, above 0")
    return replace(usual, image=image, answer_s=answer_s)


def _sides(text: str | None) -> tuple[int, int, int] | None:
    from gsmooth.errors import ConfigurationError

    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() and int(part) for part in parts):
        raise ConfigurationError(f"--shape {text}: expected C,H,W, such as 3,224,224")
    return int(parts[0]), int(parts[1]), int(parts[2])


def _require_packages() -> None:
    """ConfigurationError where the packages of the server are not installed."""
    from importlib.util import find_spec

    from gsmooth.errors import ConfigurationError

    needed = {"fastapi": "fastapi", "uvicorn": "uvicorn", "python_multipart": "python-multipart"}
    if missing := [shown for name, shown in needed.items() if find_spec(name) is None]:
        raise ConfigurationError(
            f"serve needs {', '.join(missing)}, which is not installed: pip install"
            " 'gsmooth[serve]'"
        )

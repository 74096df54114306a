"""The server: a socket, uvicorn, and an end at which no request is lost."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from gsmooth.errors import ConfigurationError
from gsmooth.serving.app import http_app
from gsmooth.serving.service import Service
from gsmooth.serving.settings import SERVING, HttpSettings


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; clients that connect now wait until the server runs.

    Args:
        host: Name or address of an interface of this machine.
        port: Its port; 0 for any that is free.

    Raises:
        ConfigurationError: The address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(
            (host, port), family=family, backlog=SERVING.http.connection.backlog
        )
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"cannot listen on {host} port {port} ({error}); choose another with --host and --port"
        ) from error


def http_server(service: Service, limits: HttpSettings = SERVING.http) -> uvicorn.Server:
    """The server of a service; ``run(sockets=[...])`` serves until ``should_exit`` or a signal.

    Args:
        service: What answers.
        limits: Limits on requests.
    """
    return uvicorn.Server(
        uvicorn.Config(
            http_app(service, limits),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="on",
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=limits.connection.most,
            backlog=limits.connection.backlog,
            timeout_keep_alive=int(limits.connection.keep_alive_s),
            timeout_graceful_shutdown=int(limits.shutdown_s),
        )
    )


def serve(service: Service, listener: socket.socket, limits: HttpSettings = SERVING.http) -> None:
    """Serve until SIGINT or SIGTERM; then finish the requests in flight, and return.

    Args:
        service: What answers; its predictor is closed at the end.
        listener: The socket.
        limits: Limits on requests.
    """
    with _signals_end_the_server_alone(), listener:
        http_server(service, limits).run(sockets=[listener])


@contextmanager
def _signals_end_the_server_alone() -> Iterator[None]:
    """uvicorn stops at a signal, and then raises it again for whoever handled it before."""
    ours = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: None) for number in ours}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""The HTTP application: an image in, a label or an abstention with its votes out."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gsmooth import __version__
from gsmooth.errors import BusyError, FormatError, InputError, ModelError, TooLargeError
from gsmooth.serving.answer import Answer
from gsmooth.serving.body import discard, image_bytes
from gsmooth.serving.service import Service
from gsmooth.serving.settings import SERVING, HttpSettings

_LOG: Final = logging.getLogger("gsmooth.serving")
_STATUS: Final[tuple[tuple[type[Exception], int], ...]] = (
    (TooLargeError, 413),
    (FormatError, 415),
    (InputError, 422),
    (BusyError, 503),
    (ModelError, 500),
    (ClientDisconnect, 400),
)
_MEANING: Final = (
    "A label is the class that the smoothed classifier g has at this image, except with probability"
    " alpha; null means that the votes decide none. It is no certificate. The same image gets the"
    " same answer again."
)


@final
@dataclass
class Door:
    """Lets so many requests in at once, and tells the others when to come again.

    Args:
        service: What answers.
        limits: Limits on requests.
        most: Requests that may be inside, from their first byte to their answer.
    """

    service: Service
    limits: HttpSettings
    most: int
    inside: int = 0
    readers: asyncio.Semaphore = field(init=False)
    decoders: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        # What is read and not yet decoded is in memory, so few at once are.
        self.readers = asyncio.Semaphore(self.limits.readers)
        self.decoders = ThreadPoolExecutor(self.limits.decoders, "gsmooth-decoder")

    async def answered(self, request: Request) -> JSONResponse:
        """The response to one request."""
        if self.inside >= self.most or not self.service.predictor.alive:
            await discard(request, self.limits)
            return self.refused("too many requests are being answered; come again later")
        self.inside += 1
        try:
            async with asyncio.timeout(self.limits.answer_s):
                answer = await self._answer(request)
        except TimeoutError:
            late = f"no answer within {self.limits.answer_s:g} s; come again later"
            return _failure("TimeoutError", late, 504, self._retry())
        finally:
            self.inside -= 1
        return JSONResponse(self.service.document(answer))

    def refused(self, why: str) -> JSONResponse:
        """503, with the seconds after which there will probably be room."""
        return _failure(BusyError.__name__, why, 503, self._retry())

    async def _answer(self, request: Request) -> Answer:
        async with self.readers:
            try:
                data = await image_bytes(request, self.limits)
            except TooLargeError:
                await discard(request, self.limits)
                raise
            except TimeoutError as error:
                late = f"the body did not arrive within {self.limits.connection.body_s:g} s"
                raise HTTPException(408, late) from error
            loop = asyncio.get_running_loop()
            asked: Future[Answer] = await loop.run_in_executor(
                self.decoders, self.service.submit_bytes, data, self.limits.image
            )
        # If this request ends before, so does the image, unless others wait for the same.
        return await asyncio.wrap_future(asked)

    def _retry(self) -> dict[str, str]:
        wait_s = math.ceil(self.service.predictor.load.wait_s)
        return {"Retry-After": str(min(max(1, wait_s), self.limits.most_retry_s))}


def http_app(service: Service, limits: HttpSettings = SERVING.http) -> FastAPI:
    """The application; it closes the predictor of the service when it ends.

    Args:
        service: What answers.
        limits: Limits on requests.

    Returns:
        An ASGI application: POST /predict, GET /, /health and /ready.
    """
    door = Door(service, limits, service.predictor.max_waiting)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        # Requests in flight have ended by now, or the time for that is over.
        await asyncio.to_thread(service.predictor.close, drain=False)
        door.decoders.shutdown(wait=False, cancel_futures=True)

    # The pages that show the interface load scripts from elsewhere.
    app = FastAPI(
        title="gsmooth", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )

    @app.post("/predict", summary="The class of the smoothed classifier at an image")
    async def predict(request: Request) -> JSONResponse:
        return await door.answered(request)

    @app.get("/health", summary="The process runs")
    async def health() -> dict[str, bool]:
        return {"alive": True}

    @app.get("/ready", summary="Images are taken")
    async def ready() -> JSONResponse:
        return _readiness(door)

    @app.get("/", summary="What is served")
    async def about() -> dict[str, object]:
        return _about(door)

    for kind, respond in _responses(door).items():
        app.add_exception_handler(kind, respond)
    return app


def _readiness(door: Door) -> JSONResponse:
    predictor = door.service.predictor
    load, alive = predictor.load, predictor.alive
    rate = load.votes / load.busy_s if load.busy_s else 0.0
    told = {
        "ready": alive,
        "inside": door.inside,
        "waiting": load.waiting,
        "answered": load.answered,
        "votes": load.votes,
        "votes_per_second": round(rate, 1),
    }
    return JSONResponse(told, 200 if alive else 503)


def _about(door: Door) -> dict[str, object]:
    service, limits = door.service, door.limits.image
    predictor = service.predictor
    return {
        "gsmooth": __version__,
        "meaning": _MEANING,
        "classes": predictor.smoothed.classifier.classes,
        "names": service.names,
        "image_shape": predictor.smoothed.image_shape,
        "preparation": service.preparation.describe(),
        "alpha": predictor.rule.alpha,
        "max_votes": predictor.rule.max_votes,
        "formats": limits.formats,
        "max_bytes": limits.max_bytes,
        "max_pixels": limits.max_pixels,
    }


_Respond = Callable[[Request, Exception], Coroutine[Any, Any, JSONResponse]]


def _responses(door: Door) -> dict[type[Exception], _Respond]:
    """What errors become; a client is told of its own faults in full, and of ours that they are."""

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return _failure("HTTPException", str(error.detail), error.status_code)

    async def known(request: Request, error: Exception) -> JSONResponse:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        if status == 503:
            return door.refused(str(error))
        if status == 500:
            _LOG.error("%s", error)
            return _failure(type(error).__name__, "the network fails at this image", status)
        return _failure(type(error).__name__, str(error), status)

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        return _failure("InternalError", "internal error", 500)

    return {HTTPException: http, **dict.fromkeys(dict(_STATUS), known), Exception: unknown}


def _failure(
    kind: str, message: str, status: int, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse({"error": {"kind": kind, "message": message}}, status, headers)

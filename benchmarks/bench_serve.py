"""Latency and votes a second of predictions under load, against raw forward passes, in one run."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import count
from statistics import median
from threading import Thread
from time import perf_counter
from typing import Any, final

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import gsmooth
from benchmarks.suite.benchmark import Facts
from benchmarks.suite.timing import Timing, Work, best_size, in_turn, ratio_of
from benchmarks.suite.works import Subject
from gsmooth.data.preparation import AS_IT_IS
from gsmooth.serving.server import http_server, listening
from gsmooth.serving.service import Service

RAW = "raw forwards"
Ask = Callable[[NDArray[np.uint8]], None]
"""Asks for one image (C, H, W), and waits for the answer."""


@final
@dataclass
class Load:
    """So many callers who ask for one image after the other, and how long each waited.

    Args:
        way: What they ask.
        callers: Callers at once.
        ask: How one of them asks.
        predictor: Who answers.
        images: The images of one timing, made anew for each.
        latencies_ms: What each request took, in all timings.
    """

    way: str
    callers: int
    ask: Ask
    predictor: gsmooth.Predictor
    images: Callable[[], list[NDArray[np.uint8]]]
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The way and the callers."""
        return f"{self.way}, {self.callers}"

    def work(self) -> int:
        """One timing; the votes that were cast."""
        before = self.predictor.load.votes
        with ThreadPoolExecutor(self.callers) as pool:
            self.latencies_ms += pool.map(self._timed, self.images())
        return self.predictor.load.votes - before

    def _timed(self, image: NDArray[np.uint8]) -> float:
        began = perf_counter()
        self.ask(image)
        return 1000.0 * (perf_counter() - began)


def serve(options: argparse.Namespace, facts: Facts) -> Iterator[dict[str, Any]]:
    """A line for every subject, way and number of callers."""
    timing = Timing.asked(options)
    facts |= {"timing": asdict(timing), "requests": options.requests}
    for name in options.only:
        yield from measured(Subject.load(name), options.callers, options.requests, timing)


def measured(
    subject: Subject, callers: list[int], requests: int, timing: Timing
) -> Iterator[dict[str, Any]]:
    """The lines of one subject."""
    raw = best_size(subject.forwards, subject.case.sizes, timing)
    smoothed = subject.smoothed(subject.best_vote_size(timing))
    images = fresh_images(subject, requests)
    with ExitStack() as stack:
        predictor = stack.enter_context(gsmooth.Predictor(smoothed, seed=gsmooth.SecretSeed()))
        over_http = stack.enter_context(http_client(Service(predictor, AS_IT_IS)))

        def directly(image: NDArray[np.uint8]) -> None:
            predictor.predict(image)

        ways: dict[str, Ask] = {"Predictor": directly, "HTTP": over_http}
        loads = [
            Load(way, number, ask, predictor, images)
            for way, ask in ways.items()
            for number in callers
        ]
        works: dict[str, Work] = {RAW: subject.forwards(raw)}
        works |= {load.name: load.work for load in loads}
        rates = in_turn(works, timing)
        for load in loads:
            yield line(subject.name, load, rates.found[load.name], rates.found[RAW])


def line(case: str, load: Load, votes: Any, raw: Any) -> dict[str, Any]:
    """What was found for one load."""
    ratio = ratio_of(case, (load.way, votes), (RAW, raw), "votes/s")
    at = np.percentile(load.latencies_ms, [50, 90, 99]).tolist()
    return {
        "case": case,
        "way": load.way,
        "callers": load.callers,
        "requests": len(load.latencies_ms),
        "latency_ms": dict(zip(("p50", "p90", "p99"), at, strict=True)),
        "votes_per_s": median(votes),
        "raw_per_s": median(raw),
        "ratio": ratio.median,
    }


def fresh_images(subject: Subject, number: int) -> Callable[[], list[NDArray[np.uint8]]]:
    """Images that no one has asked for: equal ones would have one answer for all."""
    generator, turns = np.random.default_rng(0), count()
    levels = [np.round(255.0 * image.numpy()) for image in subject.images]

    def made() -> list[NDArray[np.uint8]]:
        start = next(turns)
        found = [levels[(start + place) % len(levels)] for place in range(number)]
        moved = [one + generator.integers(-1, 2, size=one.shape) for one in found]
        return [np.clip(one, 0, 255).astype(np.uint8) for one in moved]

    return made


@contextmanager
def http_client(service: Service) -> Iterator[Ask]:
    """A server of this process, and how to ask it for a PNG."""
    with listening("127.0.0.1", 0) as listener:
        server = http_server(service)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        limits = httpx.Limits(max_connections=256)
        client = httpx.Client(base_url=address, timeout=300, limits=limits, trust_env=False)

        def ask(image: NDArray[np.uint8]) -> None:
            client.post("/predict", content=as_png(image)).raise_for_status()

        try:
            with client:
                yield ask
        finally:
            server.should_exit = True
            thread.join()


def as_png(image: NDArray[np.uint8]) -> bytes:
    """An image (C, H, W) as a file."""
    picture = Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, 2))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()

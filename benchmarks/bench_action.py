"""Where a vote's time goes at 224 x 224: action, readout, noise, network; and a cover's.

    ./scripts/bench action [--rounds 5] [--votes 64] [--no-cover]

EfficientNet-Lite0 under rotation and under translation, through the engine, with a stopwatch around
each step. The share of the action is (act + readout) / (act + readout + network), noise aside, with
the network as fast as it can be: the better of the engine's batches and of raw batches of 16, which
caches hold. Least, median and largest of the rounds. Seconds are CPU seconds on one thread of
torch, so other processes disturb them little. The certificate is of one picture with two centres.
Writes action.json.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import process_time, thread_time
from typing import Any, Final, final

import torch

import gsmooth
from benchmarks.machine import RESULTS, write
from benchmarks.subjects import Subject, efficientnet_rotation
from gsmooth.certification.api import RegionMode, certify
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw

TARGET: Final = 0.1
"""Largest share of the action that is wanted."""
BATCH: Final = 64
RAW_BATCH: Final = 16
VOTING: Final = ("act", "readout")
COVERING: Final = (*VOTING, "attack", "lift", "derivative_bound", "curvature_bound")
TRANSLATION: Final = gsmooth.Region((-0.5, 0.0), (0.5, 0.0))


@final
@dataclass(frozen=True)
class Stopwatch:
    """CPU seconds by step, of whichever thread the step runs in; steps within steps not counted."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _running: threading.local = field(default_factory=threading.local)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def around(self, subject: object, names: Iterable[str]) -> None:
        """Time these methods of one object from now on."""
        for name in names:
            object.__setattr__(subject, name, self._timed(name, getattr(subject, name)))

    def _timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if getattr(self._running, "step", False):
                return work(*args, **kwargs)
            self._running.step, began = True, thread_time()
            try:
                return work(*args, **kwargs)
            finally:
                self._running.step = False
                with self._lock:
                    self.seconds[name] += thread_time() - began

        return timed


@final
@dataclass(frozen=True)
class Share:
    """(act + readout) / (act + readout + network) over the rounds, and milliseconds a vote."""

    case: str
    act_ms: float
    readout_ms: float
    noise_ms: float
    engine_network_ms: float
    raw_network_ms: float
    least: float
    median: float
    largest: float
    target: float = TARGET


def timed(subject: Subject, steps: Iterable[str]) -> tuple[SmoothedClassifier, Stopwatch]:
    """The subject's smoothed classifier with a stopwatch around these steps and the network."""
    smoothed, watch = subject.smoothed(BATCH), Stopwatch()
    watch.around(smoothed.transformation, steps)
    watch.around(smoothed.classifier, ["scores"])
    return smoothed, watch


def shares(subject: Subject, votes: int, rounds: int) -> Share:
    """Votes around one picture, as the engine counts them."""
    smoothed, watch = timed(subject, VOTING)
    z = smoothed.transformation.lift(subject.images[0][None])[0]
    rows, forward = votes // CHUNK * CHUNK, subject.forwards(RAW_BATCH)
    found = []
    for turn in range(rounds + 1):
        watch.seconds.clear()
        places = [SampleKey(0, turn, Stream.ESTIMATION, 0, c) for c in range(votes // CHUNK)]
        began = process_time()
        smoothed.count([SampleRequest(place, z) for place in places])
        whole, steps = process_time() - began, dict(watch.seconds)
        began = process_time()
        passes = sum(forward() for _ in range(2))
        raw = (process_time() - began) / passes * rows
        if turn:  # The first one chooses algorithms and fills caches.
            found.append({**steps, "noise": whole - sum(steps.values()), "raw": raw})
    acted = [part["act"] + part["readout"] for part in found]
    networks = [min(part["scores"], part["raw"]) for part in found]
    ratios = [own / (own + network) for own, network in zip(acted, networks, strict=True)]
    ms = {name: 1e3 / rows * statistics.median(part[name] for part in found) for name in found[0]}
    return Share(
        case=subject.name,
        act_ms=ms["act"],
        readout_ms=ms["readout"],
        noise_ms=ms["noise"],
        engine_network_ms=ms["scores"],
        raw_network_ms=ms["raw"],
        least=min(ratios),
        median=statistics.median(ratios),
        largest=max(ratios),
    )


def certificate(subject: Subject) -> dict[str, float]:
    """CPU seconds by step of one certificate with two centres and few votes."""
    smoothed, watch = timed(subject, COVERING)
    smoothed.transformation.lift_norm(smoothed.classifier.shape)
    smoothed.transformation.lift(subject.images[0][None])
    watch.seconds.clear()
    began = process_time()
    mode = RegionMode(max_votes=4 * CHUNK, attempts=1)
    outcome = certify(smoothed, subject.images[0], subject.region, mode, centres=2, index=0)
    whole = process_time() - began
    steps = {"network" if name == "scores" else name: s for name, s in watch.seconds.items()}
    return {"votes": outcome.votes, "all": whole, **steps, "other": whole - sum(steps.values())}


def translated(subject: Subject) -> Subject:
    """The same network under translation."""
    return replace(
        subject,
        name=subject.name.replace("rotation", "translation"),
        transformation="translation",
        law=GaussianLaw((1.0, 1.0), subject.law.sigma),
        region=TRANSLATION,
    )


def main() -> None:
    """Measure, print and write action.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="timings of each case")
    parser.add_argument("--votes", type=int, default=64, help="a round, in whole chunks of 64")
    parser.add_argument("--no-cover", action="store_true", help="leave the certificate out")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        subject = efficientnet_rotation()
    except ImportError as error:
        print(f"skipped: {error}; pip install 'gsmooth[bench]'")
        return
    found = []
    for case in (subject, translated(efficientnet_rotation())):
        share = shares(case, max(CHUNK, options.votes), options.rounds)
        found.append(asdict(share))
        print(
            f"{share.case}: action {100 * share.median:.1f}% [{100 * share.least:.1f},"
            f" {100 * share.largest:.1f}] (at most {100 * share.target:.0f}%)"
            f"{'   MISSED' if share.median > share.target else ''}; ms a vote: act"
            f" {share.act_ms:.2f}, readout {share.readout_ms:.2f}, noise {share.noise_ms:.2f},"
            f" network {share.engine_network_ms:.1f} (raw {share.raw_network_ms:.1f})",
            flush=True,
        )
    document = {"benchmark": "action", "rounds": options.rounds, "shares": found}
    if not options.no_cover:
        document["certificate_cpu_seconds"] = certificate(efficientnet_rotation())
        print(
            f"certificate of {subject.region}, CPU seconds: "
            + ", ".join(f"{n} {s:.1f}" for n, s in document["certificate_cpu_seconds"].items())
        )
    write(document, options.out, "efficientnet-lite-pytorch")


if __name__ == "__main__":
    main()

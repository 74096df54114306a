"""Peak memory of votes against one forward pass, against n, and against others; on the CPU."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from benchmarks.bench_rivals import ALPHA, N0
from benchmarks.suite import rivals
from benchmarks.suite.benchmark import Facts, NothingToMeasureError
from benchmarks.suite.results import RESET, in_a_process, tell
from benchmarks.suite.timing import Ratio, ratio_of
from benchmarks.suite.works import TIMED, Subject, lifted
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest

MIB: Final = 2**20
TOLERANCE: Final = 1.1
"""What counts as flat in n: pages of the allocator come and go."""


def memory(options: argparse.Namespace, facts: Facts) -> Iterator[Ratio]:
    """The ratios of every subject; or nothing but one piece of work, whose peak is told."""
    if not RESET.exists():
        raise NothingToMeasureError("peak memory is read from /proc, which only Linux has")
    if options.work is not None:
        work(options)
    facts["threads"] = options.threads
    for name in options.only:
        yield from compared(name, options)


def compared(name: str, options: argparse.Namespace) -> Iterator[Ratio]:
    """The ratios of one subject."""
    case, most = TIMED[name].memory, options.most
    assert case is not None

    def used(work: str, batch: int, n: int) -> list[float]:
        # At least a page: some are divided by it.
        rounds = range(options.rounds)
        return [max(1 / 256, peak(name, work, batch, n, options.threads) / MIB) for _ in rounds]

    few, many, batch = min(case.few, most), min(case.many, most), f"batch {case.batch}"
    forward = f"one forward pass, {batch}", used("forward", case.batch, 0)
    small, large = used("count", case.batch, few), used("count", case.batch, many)
    limits = (
        (f"{many:,} votes, {batch}", forward, 2.0),
        (f"{many:,} votes", (f"{few:,} votes", small), TOLERANCE),
    )
    for first, second, target in limits:
        yield ratio_of(name, (first, large), second, "MiB", target, "at most")
    n = min(case.others, most)
    for work, label, size in OTHERS if n else ():
        theirs = f"{label}, batch {size}", used(work, size, n)
        ours = f"gsmooth, {batch}", large
        yield ratio_of(f"{name}, n={n:,}", theirs, ours, "MiB", wanted="at most")


def peak(subject: str, work: str, batch: int, n: int, threads: int | None) -> int:
    """Bytes that ``work`` (a key of WORKS) needs at most, from a fresh process."""
    spent = in_a_process("memory", subject=subject, work=work, batch=batch, n=n, threads=threads)
    return spent.peak_bytes - spent.bytes_before


def work(options: argparse.Namespace) -> None:
    """Do the work once small, then as asked, and print what the latter took."""
    subject, asked = Subject.load(options.subject), WORKS[options.work]
    # Imports on first use, tables of the sampler and the library's own buffers are not the batch's.
    small = min(options.batch, 4)
    forward(subject, small, 1)
    asked(subject, small, small)
    tell(lambda: asked(subject, options.batch, options.n))


def forward(subject: Subject, batch: int, n: int) -> None:
    """One forward pass of a batch, the batch included; n does not matter."""
    subject.forwards(batch)()


def count(subject: Subject, batch: int, n: int) -> None:
    """n votes around one point, asked for at once."""
    smoothed = subject.smoothed(max(batch, CHUNK))
    z = lifted(smoothed, subject.images[0])
    smoothed.count(
        [
            SampleRequest(SampleKey(0, 0, Stream.ESTIMATION, 0, start), z, min(CHUNK, n - start))
            for start in range(0, n, CHUNK)
        ]
    )


def by_cohen(subject: Subject, batch: int, n: int) -> None:
    """A whole certificate by the published algorithm."""
    network = subject.classifier
    smooth = rivals.Cohen(network.module, network.classes, subject.sigma, batch)
    smooth.certify(subject.images[0].float(), N0, n, ALPHA)


def by_art(subject: Subject, batch: int, n: int) -> None:
    """A whole certificate by ART."""
    smooth = rivals.Toolbox(subject.classifier, subject.sigma, N0, ALPHA, batch)
    smooth.certify(subject.images[0], n)


WORKS: Final[Mapping[str, Callable[[Subject, int, int], None]]] = {
    "forward": forward,
    "count": count,
    "cohen": by_cohen,
    "art": by_art,
}
OTHERS: Final = (("cohen", "Cohen", rivals.COHEN_BATCH), ("art", "ART", rivals.ART_BATCH))

"""Peak memory of votes against one forward pass, against n, and against others; on the CPU.

    ./scripts/bench memory [--only digits-l2 ...] [--rounds 3] [--threads 1]

Every figure is from a process of its own (``benchmarks/peak.py``): resident memory at most, less
what was there before. Votes at a batch size against one forward pass of such a batch (its input
included); 100,000 votes against 1,000; and a certificate by Cohen et al.'s algorithm and by ART,
which materialises all n noisy copies, against ours. Writes memory.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

import torch

from benchmarks.machine import RESULTS, write
from benchmarks.peak import RESET, measured
from benchmarks.rivals import cohen, toolbox
from benchmarks.turns import Ratio, shown

MIB: Final = 2**20
TOLERANCE: Final = 1.1
"""What counts as flat in n: pages of the allocator come and go."""


@dataclass(frozen=True)
class Case:
    """Batch size, and numbers of votes that are asked for."""

    batch: int
    few: int
    many: int


CASES: Final = {
    "digits-l2": Case(512, 1_000, 100_000),
    "digits-rotation": Case(512, 1_000, 100_000),
    "resnet20-32": Case(256, 256, 4_096),
    "efficientnet-lite0-224": Case(64, 64, 256),
}
RIVALS: Final = {"digits-l2": 100_000, "resnet20-32": 4_096}


def main() -> None:
    """Measure, print and write memory.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=3, help="processes for each figure")
    parser.add_argument("--threads", type=int, help="of torch; by default its own choice")
    parser.add_argument("--most", type=int, help="votes asked for at most")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of results")
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)  # Only so that the results say so.
    if not RESET.exists():
        print("nothing to measure: peak memory is read from /proc, which only Linux has")
        return
    ratios = []
    for name in options.only:
        for ratio in compared(name, options.rounds, options.threads, options.most):
            ratios.append(asdict(ratio))
            print(shown(ratio), flush=True)
    document = {"benchmark": "memory", "threads": options.threads, "ratios": ratios}
    write(document, options.out, "adversarial-robustness-toolbox")


def compared(name: str, rounds: int, threads: int | None, most: int | None) -> Iterator[Ratio]:
    """The ratios of one subject."""
    case, cap = CASES[name], most or 10**9
    few, many = min(case.few, cap), min(case.many, cap)

    def used(work: str, batch: int, n: int) -> list[float]:
        return [measured(name, work, batch, n, threads).used / MIB for _ in range(rounds)]

    forward = used("forward", case.batch, 0)
    small, large = used("count", case.batch, few), used("count", case.batch, many)
    batch = f"batch {case.batch}"
    one = f"one forward pass, {batch}"
    yield _ratio(name, f"{many:,} votes, {batch}", large, one, forward, 2.0)
    yield _ratio(name, f"{many:,} votes", large, f"{few:,} votes", small, TOLERANCE)
    if name in RIVALS:
        n = min(RIVALS[name], cap)
        ours = f"gsmooth, {batch}"
        for work, size in (("cohen", cohen.DEFAULT_BATCH), ("art", toolbox.DEFAULT_BATCH)):
            theirs = used(work, size, n)
            first = f"{work.title() if work == 'cohen' else 'ART'}, batch {size}"
            yield _ratio(f"{name}, n={n:,}", first, theirs, ours, large, None)


def _ratio(
    case: str, first: str, some: list[float], second: str, others: list[float], most: float | None
) -> Ratio:
    ratios = [one / max(other, 1 / 256) for one, other in zip(some, others, strict=True)]
    return Ratio(
        case=case,
        first=first,
        second=second,
        unit="MiB",
        first_rate=median(some),
        second_rate=median(others),
        least=min(ratios),
        median=median(ratios),
        largest=max(ratios),
        rounds=len(ratios),
        target=most,
        wanted="at most",
    )


if __name__ == "__main__":
    main()

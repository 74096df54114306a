"""Peak memory of one piece of work, in a process of its own: ``python -m benchmarks.peak --help``.

Prints JSON: peak and what was there before it, in bytes of resident memory. The high-water mark of
the process is reset just before the work (Linux), so imports do not count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import torch

from benchmarks.bench_rivals import ALPHA, N0
from benchmarks.rivals.cohen import Cohen
from benchmarks.rivals.toolbox import Toolbox
from benchmarks.subjects import SUBJECTS, Subject
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest

STATUS: Final = Path("/proc/self/status")
RESET: Final = Path("/proc/self/clear_refs")
ROOT: Final = Path(__file__).parents[1]


@final
@dataclass(frozen=True)
class Peak:
    """Resident bytes: before the work, and at most during it."""

    before: int
    most: int

    @property
    def used(self) -> int:
        """What the work needed beyond what was there."""
        return self.most - self.before


def measured(subject: str, work: str, batch: int, n: int, threads: int | None) -> Peak:
    """The peak of ``work`` (a key of WORKS), from a fresh process."""
    given = ["--subject", subject, "--work", work, "--batch", str(batch), "--n", str(n)]
    given += ["--threads", str(threads)] if threads else []
    command = [sys.executable, "-m", "benchmarks.peak", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return Peak(found["before"], found["most"])


def forward(subject: Subject, batch: int, n: int) -> None:
    """One forward pass of a batch, the batch included; n does not matter."""
    subject.forwards(batch)()


def count(subject: Subject, batch: int, n: int) -> None:
    """n votes around one point, asked for at once."""
    smoothed = subject.smoothed(max(batch, CHUNK))
    z = smoothed.transformation.lift(subject.images[0][None])[0]
    smoothed.count(
        [
            SampleRequest(SampleKey(0, 0, Stream.ESTIMATION, 0, start), z, min(CHUNK, n - start))
            for start in range(0, n, CHUNK)
        ]
    )


def cohen(subject: Subject, batch: int, n: int) -> None:
    """A whole certificate by the published algorithm."""
    smooth = Cohen(subject.classifier.module, subject.classifier.classes, subject.law.sigma, batch)
    smooth.certify(subject.images[0].float(), N0, n, ALPHA)


def art(subject: Subject, batch: int, n: int) -> None:
    """A whole certificate by ART."""
    Toolbox(subject.classifier, subject.law.sigma, N0, ALPHA, batch).certify(subject.images[0], n)


WORKS: Final[Mapping[str, Callable[[Subject, int, int], None]]] = {
    "forward": forward,
    "count": count,
    "cohen": cohen,
    "art": art,
}


def main() -> None:
    """Do the work once small, then as asked, and print the peak."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--subject", choices=SUBJECTS, required=True)
    parser.add_argument("--work", choices=WORKS, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    subject, work = SUBJECTS[options.subject](), WORKS[options.work]
    # Imports on first use, tables of the sampler and the library's own buffers are not the batch's.
    small = min(options.batch, 4)
    forward(subject, small, 1)
    work(subject, small, small)
    before = _status("VmRSS:")
    RESET.write_text("5", "ascii")
    work(subject, options.batch, options.n)
    print(json.dumps({"before": before, "most": _status("VmHWM:")}))


def _status(name: str) -> int:
    lines = STATUS.read_text("ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()

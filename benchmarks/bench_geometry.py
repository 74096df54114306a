"""Clean, certified and attacked accuracy under rotations and translations; votes and seconds.

    python benchmarks/bench_geometry.py --train mnist-train10k.npz --data mnist-test10k.npz \\
        --every 20
    python benchmarks/bench_geometry.py --train gtsrb32-train.npz

Every region is certified by {one clean centre, the chosen cover, no noise on theta} x {e-process,
fixed-n Clopper-Pearson with Bonferroni}. A file with tracks (traffic signs) is split by track: 200
images of tracks that never train. The network is trained where its weights are missing. Killed at
any moment, the same command goes on. Writes results/geometry-NAME.json and results/geometry.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np
import torch

from benchmarks.geometry.cells import (
    DEFAULT,
    ENDS,
    Budget,
    Cell,
    Cover,
    Subject,
    Test,
    cells,
    table_order,
)
from benchmarks.geometry.images import sign_tests
from benchmarks.geometry.measure import measure, recorded
from benchmarks.geometry.results import document, row, write
from benchmarks.geometry.training import train_and_save
from gsmooth.runs.monitor.progress import LineProgress
from gsmooth.runs.records.journal import make_folder

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Study:
    """What the two data sets do not share."""

    name: str
    factory: str
    shape: tuple[int, int, int]


MNIST = Study("mnist", "benchmarks.geometry.networks:digits", (1, 28, 28))
GTSRB = Study("gtsrb", "benchmarks.geometry.networks:signs", (3, 32, 32))


def main() -> None:
    """Train where needed, fill the cells one by one, and write the results after each."""
    options = parse()
    source = options.train or options.data
    if source is None:
        print("geometry: skipped, for it needs --train FILE.npz (and --data FILE.npz)")
        return
    if options.threads:
        torch.set_num_threads(options.threads)
    study = GTSRB if has_tracks(source) else MNIST
    weights = options.weights or options.runs / f"{study.name}.pt"
    subject = Subject(
        study.name,
        study.factory,
        study.shape,
        weights,
        tested(study, options),
        options.every,
        options.limit,
    )
    training = ready(study, options.train, weights)
    chosen = [cell for cell in cells() if is_asked(cell, options.only)]
    budget = budget_of(options)
    lines = {
        cell: line
        for cell in cells()
        if cell not in chosen and (line := recorded(cell, subject, budget, options.runs))
    }
    for number, cell in enumerate(chosen, start=1):
        print(f"[{number}/{len(chosen)}] {cell.name}", flush=True)
        lines[cell] = measure(cell, subject, budget, options.runs, LineProgress())
        print(row(lines[cell]), flush=True)
        # After every cell: what a killed benchmark has found is on disk.
        found = [lines[cell] for cell in sorted(lines, key=table_order)]
        write(document(subject, budget, found, training), options.out)
    print(f"written to {options.out}" if chosen else "no such cell")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--train", type=Path, metavar="FILE", help=".npz of x, y (and track) to train on")
    add("--data", type=Path, metavar="FILE", help=".npz of x, y to test; not with tracks")
    add("--every", type=int, default=1, help="take every so many images of --data")
    add("--limit", type=int, help="and at most so many, in every cell")
    add("--weights", type=Path, metavar="FILE", help="default: RUNS/NAME.pt, trained if missing")
    add("--only", action="append", metavar="TEXT", help="cells whose name holds TEXT; repeatable")
    add(
        "--images",
        action="append",
        default=[],
        metavar="COVER/TEST=N",
        help="at most N images in such cells, e.g. id/fixed=20; 0: all",
    )
    add("--votes", action="append", default=[], metavar="COVER=N", help="most votes an image")
    add(
        "--id-centres",
        action="append",
        default=[],
        metavar="TRANSFORMATION=N",
        help="centres of covers without noise on theta; the product chooses otherwise",
    )
    add(
        "--n",
        action="append",
        default=[],
        metavar="COVER=N",
        help="votes a centre of fixed-n tests, e.g. id=2000",
    )
    add("--random", type=int, default=0, help="attacks at so many random points, beyond the grid")
    add("--gradient-steps", type=int, default=0, help="steps of the attacks along the gradient")
    add("--threads", type=int, help="of torch")
    add("--runs", type=Path, default=Path("runs/geometry"), help="weights and records")
    add("--out", type=Path, default=HERE / "results")
    return parser.parse_args()


def is_asked(cell: Cell, only: Sequence[str] | None) -> bool:
    """Whether one of the texts is in the cell's name; no texts ask for everything."""
    return only is None or any(text in cell.name for text in only)


def budget_of(options: argparse.Namespace) -> Budget:
    """The default budget with what the command line changes."""
    images = dict(DEFAULT.images)
    for key, number in settings(options.images).items():
        cover, _, test = key.partition("/")
        images[known(cover, get_args(Cover)), known(test, get_args(Test))] = number or None
    votes, n = settings(options.votes), settings(options.n)
    centres = settings(options.id_centres)
    return replace(
        DEFAULT,
        images=images,
        votes={**DEFAULT.votes, **{known(k, get_args(Cover)): v for k, v in votes.items()}},
        n={**DEFAULT.n, **{known(k, get_args(Cover)): v for k, v in n.items()}},
        id_centres={name: centres.get(name) for name in ENDS},
        random=options.random,
        gradient_steps=options.gradient_steps,
    )


def settings(texts: Sequence[str]) -> dict[str, int]:
    """NAME=N, ... as a dictionary."""
    pairs = [text.partition("=") for text in texts]
    return {name: int(value) for name, _, value in pairs}


T = TypeVar("T")


def known(name: str, names: tuple[T, ...]) -> T:
    """The one of ``names`` that is called so."""
    found = [n for n in names if n == name]
    if not found:
        raise SystemExit(f"{name!r} is none of {', '.join(map(str, names))}")
    return found[0]


def has_tracks(path: Path) -> bool:
    """Whether a file is of traffic signs."""
    with np.load(path, allow_pickle=False) as archive:
        return "track" in archive.files


def tested(study: Study, options: argparse.Namespace) -> Path:
    """The .npz of the test images; for signs it is cut out of the training file."""
    if study is MNIST:
        if options.data is None:
            raise SystemExit("geometry: give --data FILE.npz, the test images")
        return Path(options.data)
    held = sign_tests(options.train or options.data)
    path = Path(options.runs) / "gtsrb-test.npz"
    make_folder(path.parent)
    np.savez(path, x=held.images, y=held.labels, classes=np.array(held.classes))
    return path


def ready(study: Study, train: Path | None, weights: Path) -> dict[str, Any] | None:
    """Train unless ``weights`` exist; what is known of the training."""
    if not weights.exists():
        if train is None:
            raise SystemExit(f"geometry: {weights} does not exist; give --train FILE.npz")
        print(f"training {study.name}: 12 minutes or more on a core", flush=True)
        train_and_save(study.name, train, weights)
    about = weights.with_suffix(".json")
    if not about.exists():
        return None
    found: dict[str, Any] = json.loads(about.read_text("utf-8"))
    return found


if __name__ == "__main__":
    main()

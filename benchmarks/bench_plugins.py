"""Certified and attacked accuracy of every first-party plugin, and of compositions.

    python benchmarks/bench_plugins.py [--limit 200] [--only NAME]

On the shipped digits, and on waveforms made here for the volume. Networks are trained where their
weights are missing (minutes each); killed at any moment, the same command goes on. Writes
results/plugins.json and results/plugins.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import get_args

import torch

from benchmarks.machine import RESULTS
from benchmarks.plugins.cells import Cell, Split, config_of, weights_of
from benchmarks.plugins.measure import recorded
from benchmarks.plugins.rows import CELLS
from benchmarks.plugins.table import Measured, document, markdown, row
from benchmarks.plugins.training import RUNS, train_and_save
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.execute import run_certify
from gsmooth.runs.monitor.progress import LineProgress


def main() -> None:
    """Train where needed, fill the cells one by one, and write the results after each."""
    options = parse()
    if options.threads:
        torch.set_num_threads(options.threads)
    chosen = [cell for cell in CELLS if is_asked(cell, options.only)]
    if not chosen:
        raise SystemExit(f"plugins: no such line; there are {', '.join(c.name for c in CELLS)}")
    if not options.table_only:
        for number, cell in enumerate(chosen, start=1):
            print(f"[{number}/{len(chosen)}] {cell.name}", flush=True)
            fill(cell, config(cell, options), options.runs)
            write(options)
    write(options, aloud=True)


def fill(cell: Cell, asked: RunConfig, runs: Path) -> None:
    """Train the network of a cell where it is missing, and certify."""
    if not cell.shipped and not weights_of(cell.network, runs).exists():
        print(f"training {cell.network}", flush=True)
        train_and_save(cell.network, runs)
    run_certify(asked, LineProgress())


def config(cell: Cell, options: argparse.Namespace) -> RunConfig:
    """The run of a cell as the command line asks for it."""
    return config_of(cell, options.runs, options.split, options.limit, options.threads)


def write(options: argparse.Namespace, aloud: bool = False) -> None:
    """JSON and table of all cells that have records, whichever were asked for this time."""
    found = document(done(options), options.split)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{found['benchmark']}.json"
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(markdown(found), encoding="utf-8")
    if aloud:
        print("\n".join(row(line) for line in found["lines"]))
        print(f"written to {path} and {path.with_suffix('.md')}")


def done(options: argparse.Namespace) -> Iterator[Measured]:
    """Every cell that has records, with its line."""
    for cell in CELLS:
        asked = config(cell, options)
        if (line := recorded(cell, asked)) is not None:
            yield Measured(cell, asked, line)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--limit", type=int, default=100, help="of the first images; classes come in turn")
    add("--only", action="append", metavar="NAME", help="lines of this name, * for any; repeatable")
    add("--table-only", action="store_true", help="write the results of the records there are")
    add("--split", choices=get_args(Split), default="heldout", help="choosing: training images")
    add("--threads", type=int, help="of torch")
    add("--runs", type=Path, default=RUNS, help="weights and records")
    add("--out", type=Path, default=RESULTS)
    return parser.parse_args()


def is_asked(cell: Cell, only: Sequence[str] | None) -> bool:
    """Whether one of the patterns fits the cell's name; none asks for everything."""
    return only is None or any(fnmatchcase(cell.name, pattern) for pattern in only)


if __name__ == "__main__":
    main()

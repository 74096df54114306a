"""How many votes it takes to show that a class has more than a share of them, rule by rule.

    ./scripts/bench votes [--alpha 0.001 0.01] [--images 40] [--votes 2000] [--out FOLDER]

Our e-process against the oracle SPRT, betting and union-bound confidence sequences, staged sampling
and the habit of 100,000 votes: expected votes and type-1 errors by exact dynamic programming over a
grid of chances p and shares, what looking less often than at every vote costs, and the same rules
on votes of the shipped networks. Nothing is timed, so any machine gives the same figures. Writes
votes.json and votes.md.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from benchmarks.machine import RESULTS, write
from benchmarks.votes.compare import Compared, compare, type_one
from benchmarks.votes.replay import NETWORKS, SHARES, Replay, replay, streams
from benchmarks.votes.tables import TARGET, beats, report


def main() -> None:
    """Compare, print a line a cell, and write both files."""
    options = arguments()
    compared: list[Compared] = []
    for alpha in options.alpha:
        for cell in compare(alpha):
            compared.append(cell)
            print(f"{alpha:g} p={cell.p:g} share={cell.share:g} {cell.over_oracle:.3f}", flush=True)
    errors = [found for alpha in options.alpha for found in type_one(alpha)]
    replays = replayed(options)
    write(
        {
            "benchmark": "votes",
            "target": TARGET,
            "worst_over_oracle": {
                f"{alpha:g}": max(cell.over_oracle for cell in compared if cell.alpha == alpha)
                for alpha in options.alpha
            },
            "losses": losses(compared),
            "cells": [asdict(cell) for cell in compared],
            "type_one_over_alpha": errors,
            "networks": {"images": options.images, "votes": options.votes},
            "replays": [asdict(found) for found in replays],
        },
        options.out,
    )
    (options.out / "votes.md").write_text(report(compared, errors, replays), "utf-8")


def losses(compared: list[Compared]) -> list[dict[str, object]]:
    """Cells above the target, and rules that need fewer votes than ours; the oracle may."""
    found: list[dict[str, object]] = []
    for cell in compared:
        where = {"alpha": cell.alpha, "p": cell.p, "share": cell.share}
        if cell.over_oracle > TARGET:
            found.append({**where, "over_oracle": cell.over_oracle})
        others = [name for name in cell.every_vote if not name.startswith("oracle")]
        found += [{**where, "to": name} for name in others if beats(cell, name)]
    return found


def replayed(options: argparse.Namespace) -> list[Replay]:
    """All rules on the votes of the shipped networks, at the first alpha; none for no images."""
    if not options.images:
        return []
    found = []
    for network in NETWORKS:
        votes = streams(network, options.images, options.votes, 5 * options.images)
        for share in SHARES:
            found += replay(network, votes, share, options.alpha[0])
    return found


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--alpha", type=float, nargs="+", default=[0.001, 0.01])
    parser.add_argument("--images", type=int, default=40, help="of each network; 0: none")
    parser.add_argument("--votes", type=int, default=2000, help="for each of these images")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

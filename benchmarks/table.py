"""Keep the figures of a finished run: benchmarks/results/NAME.json and a row for the README.

python benchmarks/table.py runs/digits-rotation runs/digits-l2
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.machine import describe
from gsmooth.report.summary import Share, summarize
from gsmooth.runs.records.folder import read_records

RESULTS = Path(__file__).parent / "results"


def percent(share: Share | None) -> str:
    """A share as the README shows it."""
    return "-" if share is None else f"{100 * share.value:.1f}%"


def main() -> None:
    """Write one JSON file a run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("runs", type=Path, nargs="+", help="folders of finished runs")
    print("| run | region | clean f | standard g | certified | attacked | votes | guarantee |")
    print("|---|---|---|---|---|---|---|---|")
    for folder in parser.parse_args().runs:
        records = read_records(folder)
        summary = summarize(records)
        accuracies = (summary.clean, summary.standard, summary.certified, summary.attacked)
        cells = [folder.name, summary.region, *map(percent, accuracies), f"{summary.votes:,.0f}"]
        print("| " + " | ".join([*cells, "/".join(summary.guarantees)]) + " |")
        document = {
            "benchmark": folder.name,
            "summary": asdict(summary),
            "fingerprint": records.header.fingerprint,
            **describe(),
        }
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{folder.name}.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()

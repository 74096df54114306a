"""The tables of docs/performance.md and of README, from the files of results and of runs.

    python benchmarks/summary.py [--results benchmarks/results] [--check]
    python benchmarks/summary.py --runs runs/digits-rotation runs/digits-l2

Every figure of the page is copied from a file of results, none is typed; what misses its target is
in bold. --check writes nothing, and ends with 1 where the page does not show what the files say.
--runs keeps the figures of finished runs in results/NAME.json, and prints rows for README.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks.suite.results import RESULTS, ROOT, write
from benchmarks.suite.table import rows, table
from gsmooth.report.share import Share
from gsmooth.report.summary import summarize
from gsmooth.runs.records.folder import read_records

PAGE: Final = ROOT / "docs" / "performance.md"
BLOCK: Final = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
Found = Mapping[str, Any]


def main(given: Sequence[str] | None = None) -> None:
    """Write both pages, check the one in docs/, or keep finished runs."""
    found = argparse.ArgumentParser(description=__doc__)
    found.add_argument("--results", type=Path, default=RESULTS)
    found.add_argument("--check", action="store_true")
    found.add_argument("--runs", type=Path, nargs="+", help="folders of finished runs")
    options = found.parse_args(given)
    if options.runs:
        print(table("runs", [kept(folder, options.results) for folder in options.runs]))
        return
    tables = {name: block(name, options.results) for name in TABLES}
    before = PAGE.read_text("utf-8")
    after = filled(before, tables)
    if options.check:
        sys.exit(0 if after == before else "docs/performance.md is not what the results say")
    PAGE.write_text(after, "utf-8")
    path = options.results / "performance.md"
    path.write_text("# Performance\n\n" + "\n\n".join(tables.values()) + "\n", "utf-8")
    print(f"written to {PAGE} and {path}")


def kept(folder: Path, out: Path) -> dict[str, Any]:
    """Write the summary of a run; its row of the table."""
    records = read_records(folder)
    summary = summarize(records)
    document = {"benchmark": folder.name, "summary": asdict(summary)}
    write({**document, "fingerprint": records.header.fingerprint}, out)
    names = ("clean", "standard", "certified", "attacked")
    shares = {name: _percent(getattr(summary, name)) for name in names}
    return {**asdict(summary), "benchmark": folder.name, **shares}


def filled(page: str, tables: Mapping[str, str]) -> str:
    """The page with every block between its marks replaced by the table of that name."""
    return BLOCK.sub(lambda found: f"{found[1]}{tables[found[2]]}\n{found[3]}", page)


def block(name: str, results: Path) -> str:
    """One table and the machine it was measured on; a line where there is no file of results."""
    benchmark, lines = TABLES[name]
    path = results / f"{benchmark}.json"
    if not path.exists():
        return f"Not measured here yet (`./scripts/bench {benchmark}`)."
    found = json.loads(path.read_text("utf-8"))
    return f"{lines(found)}\n\n{_machine(found)}"


def _shares(found: Found) -> str:
    parts = list(dict.fromkeys(share["part"] for share in found["shares"]))
    medians = {
        (share["case"], share["part"]): f"{share['median']:.1%}" for share in found["shares"]
    }
    cases = dict.fromkeys(case for case, _ in medians)
    lines = ([case, *(medians.get((case, part), "") for part in parts)] for case in cases)
    return rows(["share of a vote", *parts], lines)


def _gpu(found: Found) -> str:
    whole = [
        f"- {done['precision']}: n = {done['n']:,} in {done['seconds']:.1f} s; published for Cohen"
        f" et al.'s: about {done['published_s']:.0f} s on a GPU of 2019."
        for done in found["certificates"]
    ]
    return "\n".join([f"On {found['device']}:", "", table("ratios", found["ratios"]), "", *whole])


def _records(found: Found) -> str:
    steps, promised = found["steps"], found["promised_of_a_million"]
    return (
        f"{found['rows']:,} rows, {found['bytes'] / 1e6:,.0f} MB:\n\n{table('records', steps)}\n\n"
        f"All steps: {found['seconds']:,.0f} s by the clock,"
        f" {sum(step['processor_s'] for step in steps):,.0f} s of the processor. Promised of"
        f" 1,000,000 rows, on a machine that does nothing else: {promised['seconds']:,.0f} s for"
        f" all steps, {promised['peak_bytes'] / 1e6:,.0f} MB for each."
    )


def _machine(found: Found) -> str:
    machine, versions = found["machine"], found["versions"]
    load = machine["load_average"][0]
    busy = f"; the machine was busy (load {load:.1f})" if load > 1.5 * machine["cores"] else ""
    clock = found.get("timing", {}).get("clock")
    timed = {"cpu": ", CPU seconds of the process", "wall": ", wall-clock time"}.get(clock, "")
    return (
        f"Measured with torch {versions['torch']} on {machine['cores']} {machine['processor']}"
        f" cores, {machine['torch_threads']} threads{timed}{busy}."
    )


def _percent(share: Share | None) -> str:
    return "-" if share is None else f"{100 * share.value:.1f}%"


def _lines(columns: str, key: str) -> Callable[[Found], str]:
    return lambda found: table(columns, found[key])


TABLES: Final[Mapping[str, tuple[str, Callable[[Found], str]]]] = {
    "overhead": ("overhead", _lines("ratios", "ratios")),
    "profile": ("profile", _shares),
    "noise": ("profile", _lines("ratios", "noise")),
    "action": ("action", _lines("action", "shares")),
    "rivals": ("rivals", _lines("ratios", "ratios")),
    "memory": ("memory", _lines("ratios", "ratios")),
    "serve": ("serve", _lines("serve", "lines")),
    "gpu": ("gpu", _gpu),
    "records": ("records", _records),
}


if __name__ == "__main__":
    main()

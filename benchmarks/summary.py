"""The tables of docs/performance.md and benchmarks/results/performance.md, from the JSON files.

    python benchmarks/summary.py [--results benchmarks/results] [--check]

Every figure is copied from a file of results, none is typed. What misses its target is in bold.
--check writes nothing, and ends with 1 where the page does not show what the files say.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.turns import missed

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "performance.md"
BLOCK: Final = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD: Final = (
    "| case | what | median | least | largest | target | medians of both |\n"
    "|---|---|---|---|---|---|---|"
)
Found = Mapping[str, Any]


def main() -> None:
    """Write both pages, or check the one in docs/."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    tables = {name: table(name, options.results) for name in TABLES}
    before = PAGE.read_text("utf-8")
    after = filled(before, tables)
    if options.check:
        sys.exit(0 if after == before else "docs/performance.md is not what the results say")
    PAGE.write_text(after, "utf-8")
    path = options.results / "performance.md"
    path.write_text("# Performance\n\n" + "\n\n".join(tables.values()) + "\n", "utf-8")
    print(f"written to {PAGE} and {path}")


def filled(page: str, tables: Mapping[str, str]) -> str:
    """The page with every block between its marks replaced by the table of that name."""
    return BLOCK.sub(lambda found: f"{found[1]}{tables[found[2]]}\n{found[3]}", page)


def table(name: str, results: Path) -> str:
    """One table and the machine it was measured on; a line where there is no file of results."""
    benchmark, lines = TABLES[name]
    path = results / f"{benchmark}.json"
    if not path.exists():
        return f"Not measured here yet (`./scripts/bench {benchmark}`)."
    found = json.loads(path.read_text("utf-8"))
    return f"{lines(found)}\n\n{_machine(found)}"


def _ratios(found: Found, key: str = "ratios") -> str:
    return "\n".join([HEAD, *(_row(ratio) for ratio in found[key])])


def _noise(found: Found) -> str:
    return _ratios(found, "noise")


def _row(ratio: Found) -> str:
    lost = ratio["target"] is not None and missed(ratio["median"], ratio["target"], ratio["wanted"])
    median = f"{ratio['median']:.2f}"
    target = "" if ratio["target"] is None else f"{ratio['wanted']} {ratio['target']:g}"
    cells = [
        ratio["case"],
        f"{ratio['first']} / {ratio['second']}",
        f"**{median}**" if lost else median,
        f"{ratio['least']:.2f}",
        f"{ratio['largest']:.2f}",
        f"**{target}: missed**" if lost else target,
        f"{_number(ratio['first_rate'])} / {_number(ratio['second_rate'])} {ratio['unit']}",
    ]
    return "| " + " | ".join(cells) + " |"


def _shares(found: Found) -> str:
    parts = list(dict.fromkeys(share["part"] for share in found["shares"]))
    cases = list(dict.fromkeys(share["case"] for share in found["shares"]))
    medians = {(share["case"], share["part"]): share["median"] for share in found["shares"]}
    rows = [
        [case, *(f"{medians[case, p]:.1%}" if (case, p) in medians else "" for p in parts)]
        for case in cases
    ]
    head = ["| share of a vote | " + " | ".join(parts) + " |", "|---" * (len(parts) + 1) + "|"]
    return "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows)])


def _action(found: Found) -> str:
    rows = []
    for share in found["shares"]:
        lost = missed(share["median"], share["target"], "at most")
        median = f"{share['median']:.1%}"
        cells = [
            share["case"],
            f"**{median}**" if lost else median,
            f"{share['least']:.1%}",
            f"{share['largest']:.1%}",
            f"at most {share['target']:.0%}",
            *(f"{share[part]:.2f}" for part in ("act_ms", "readout_ms", "noise_ms")),
            f"{share['engine_network_ms']:.1f} / {share['raw_network_ms']:.1f}",
        ]
        rows.append("| " + " | ".join(cells) + " |")
    head = (
        "| action and readout, noise aside | median | least | largest | target | act, ms | readout"
        " | noise | network, voting / raw |"
    )
    return "\n".join([head, "|---" * 9 + "|", *rows])


def _gpu(found: Found) -> str:
    whole = [
        f"- {done['precision']}: n = {done['n']:,} in {done['seconds']:.1f} s; published for Cohen"
        f" et al.'s: about {done['published_s']:.0f} s on a GPU of 2019."
        for done in found["certificates"]
    ]
    return "\n".join([f"On {found['device']}:", "", _ratios(found), "", *whole])


def _records(found: Found) -> str:
    promised = found["promised_of_a_million"]
    rows = [
        [
            step["name"],
            f"{step['seconds']:,.1f} s",
            f"{step['processor_s']:,.1f} s",
            f"{1e6 * step['processor_s'] / step['rows']:,.0f} us",
            f"{step['peak_bytes'] / 1e6:,.0f} MB",
        ]
        for step in found["steps"]
    ]
    processor = sum(step["processor_s"] for step in found["steps"])
    size = f"{found['rows']:,} rows, {found['bytes'] / 1e6:,.0f} MB"
    head = f"| {size} | clock | processor | a row | peak memory |"
    said = (
        f"All steps: {found['seconds']:,.0f} s by the clock, {processor:,.0f} s of the processor."
        f" Promised of 1,000,000 rows, on a machine that does nothing else:"
        f" {promised['seconds']:,.0f} s for all steps,"
        f" {promised['peak_bytes'] / 1e6:,.0f} MB for each."
    )
    lines = [head, "|---" * 5 + "|", *("| " + " | ".join(row) + " |" for row in rows)]
    return "\n".join([*lines, "", said])


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


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


TABLES: Final[Mapping[str, tuple[str, Callable[[Found], str]]]] = {
    "overhead": ("overhead", _ratios),
    "profile": ("profile", _shares),
    "noise": ("profile", _noise),
    "action": ("action", _action),
    "rivals": ("rivals", _ratios),
    "memory": ("memory", _ratios),
    "gpu": ("gpu", _gpu),
    "records": ("records", _records),
}


if __name__ == "__main__":
    main()

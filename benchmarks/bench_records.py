"""What the bookkeeping of many images costs: time and memory by the number of rows."""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from benchmarks.suite.benchmark import Facts, Line
from benchmarks.suite.results import ROOT, in_a_process, tell
from gsmooth.cli.result import Result
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.execute import run_certify
from gsmooth.runs.monitor.progress import LineProgress
from gsmooth.runs.records.folder import HEADER_NAME, ROWS_NAME, RecordWriter, open_records
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.planned_images import PlannedImages
from gsmooth.runs.verify.verify import verify_records

RUN: Final = ROOT / "benchmarks" / "configs" / "records.toml"
PROMISED: Final = {"seconds": 1200.0, "peak_bytes": 10**9}
"""Of the full job: all steps together, and each of them."""


def opened(folder: Path) -> str:
    """Find every row and its index."""
    return f"{len(open_records(folder).rows)} rows"


def resumed(folder: Path) -> str:
    """Open for writing, and list what is left to do."""
    header = open_records(folder).header
    assert header.plan is not None
    with RecordWriter(folder, header) as writer:
        return f"{sum(index not in writer.done for index in header.plan)} to do"


def verified(folder: Path) -> str:
    """Derive every certificate again."""
    report = verify_records(folder)
    return f"{report.checked} checked, {len(report.faults)} faults"


def reported(folder: Path) -> str:
    """Table and curve."""
    return f"certified {Result.read([folder]).drawn(folder).summaries[0].certified}"


STEPS: Final[Mapping[str, Callable[[Path], str]]] = {
    "open": opened,
    "resume": resumed,
    "verify": verified,
    "report": reported,
}


def records(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """Make the rows and do every step, each in a fresh process; or one step, which is told."""
    if options.step:
        tell(lambda: STEPS[options.step](options.folder))
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        small, large = Path(place, "small"), Path(place, "large")
        run_certify(load_config(RUN, [f"output.folder={small}"]), LineProgress())
        repeat(small, large, options.rows)
        facts |= {"rows": options.rows, "bytes": (large / ROWS_NAME).stat().st_size}
        facts |= {"seconds": 0.0, "peak_bytes": 0, "promised_of_a_million": PROMISED}
        for name in STEPS:
            spent = in_a_process("records", step=name, folder=large)
            facts["seconds"] += spent.seconds
            facts["peak_bytes"] = max(facts["peak_bytes"], spent.peak_bytes)
            row_us = 1e6 * spent.processor_s / options.rows
            yield {"name": name, "rows": options.rows, **asdict(spent), "row_us": row_us}


def repeat(small: Path, large: Path, rows: int) -> None:
    """Write ``rows`` rows: those of ``small`` in turn, each with an index and image of its own."""
    large.mkdir(parents=True)
    header = RunHeader.from_json((small / HEADER_NAME).read_bytes())
    plan = PlannedImages(((0, rows, 1),), rows)
    (large / HEADER_NAME).write_text(replace(header, plan=plan).to_json(), "utf-8")
    ends = [_behind_the_image(line) for line in (small / ROWS_NAME).read_text().splitlines()]
    with (large / ROWS_NAME).open("w", encoding="utf-8") as stream:
        for index in range(rows):
            digest = hashlib.sha256(str(index).encode()).hexdigest()
            begin = f'{{"schema":3,"index":{index},"image_digest":"{digest}",'
            stream.write(f"{begin}{ends[index % len(ends)]}\n")


def _behind_the_image(line: str) -> str:
    """All fields of a row but the first three."""
    fields = json.loads(line)
    for name in ("schema", "index", "image_digest"):
        del fields[name]
    return json.dumps(fields, separators=(",", ":"))[1:]

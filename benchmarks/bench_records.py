"""What the bookkeeping of many images costs: time and memory by the number of rows.

    ./scripts/bench records [--rows 20000] [--folder FOLDER] [--out elsewhere]

A small run on the shipped digits is repeated under other indices until there are so many rows. Then
each step is done in a process of its own: the folder is opened, resumed, verified and reported on
(table and curve). Printed and written to records.json: seconds (by the clock and of the processor)
and peak memory of each. ``--rows 1000000`` is the full job, of some 2 GB on the disk.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, final

from benchmarks.machine import RESULTS, write
from gsmooth.runs.records.folder import HEADER_NAME, ROWS_NAME
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.planned_images import PlannedImages

ROOT: Final = Path(__file__).parents[1]
SETTINGS: Final = (
    "model.spec=shipped:digits-rotation",
    "data.spec=shipped:digits",
    "data.limit=24",
    "region.lower=[-3.0]",
    "region.upper=[3.0]",
    "smoothing.seed=0",
    "attack.points=5",
    "attack.random=0",
    "attack.gradient_steps=0",
    "attack.n=64",
    "engine.threads=1",
    "engine.batch_size=256",
)
PROMISED_S: Final = 1200.0
PROMISED_BYTES: Final = 10**9
"""Of the full job: all steps together, and each of them."""


@final
@dataclass(frozen=True)
class Step:
    """One step on ``rows`` rows: seconds by the clock and of the processor, bytes at the peak.

    said: what it found, in a few words.
    """

    name: str
    rows: int
    seconds: float
    processor_s: float
    peak_bytes: int
    said: str


def opened(folder: Path) -> str:
    """Find every row and its index."""
    from gsmooth.runs.records.folder import open_records

    return f"{len(open_records(folder).rows)} rows"


def resumed(folder: Path) -> str:
    """Open for writing, and list what is left to do."""
    from gsmooth.runs.records.folder import RecordWriter, open_records

    header = open_records(folder).header
    assert header.plan is not None
    with RecordWriter(folder, header) as writer:
        todo = [index for index in header.plan if index not in writer.done]
    return f"{len(todo)} to do"


def verified(folder: Path) -> str:
    """Derive every certificate again."""
    from gsmooth.runs.verify.verify import verify_records

    report = verify_records(folder)
    return f"{report.checked} checked, {len(report.faults)} faults"


def reported(folder: Path) -> str:
    """Table and curve."""
    from gsmooth.cli.result import Result

    result = Result.read([folder]).drawn(folder)
    return f"certified {result.summaries[0].certified}"


STEPS: Final[Mapping[str, Callable[[Path], str]]] = {
    "open": opened,
    "resume": resumed,
    "verify": verified,
    "report": reported,
}


def main() -> None:
    """Make the rows, do the steps, print and write records.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="where the rows go; by default a temporary one")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of results")
    parser.add_argument("--step", choices=STEPS, help="do this one in --folder, and print JSON")
    options = parser.parse_args()
    if options.step:
        print(json.dumps(asdict(measured(options.step, options.folder, options.rows))))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        small, large = Path(place, "small"), Path(place, "large")
        certify(small)
        repeat(small, large, options.rows)
        steps = [in_a_process(name, large, options.rows) for name in STEPS]
        size = (large / ROWS_NAME).stat().st_size
    document = {
        "benchmark": "records",
        "rows": options.rows,
        "bytes": size,
        "seconds": sum(step.seconds for step in steps),
        "peak_bytes": max(step.peak_bytes for step in steps),
        "promised_of_a_million": {"seconds": PROMISED_S, "peak_bytes": PROMISED_BYTES},
        "steps": [asdict(step) for step in steps],
    }
    write(document, options.out)


def certify(folder: Path) -> None:
    """A small run, as real as any."""
    from gsmooth.runs.config.run_file import load_config
    from gsmooth.runs.execute import run_certify
    from gsmooth.runs.monitor.progress import LineProgress

    run_certify(load_config(None, [*SETTINGS, f"output.folder={folder}"]), LineProgress())


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
    kept = {name: value for name, value in fields.items() if name not in ("schema", "index")}
    del kept["image_digest"]
    return json.dumps(kept, separators=(",", ":"))[1:]


def in_a_process(name: str, folder: Path, rows: int) -> Step:
    """One step, alone in a fresh process, so that the peak of memory is its own."""
    command = [sys.executable, "-m", "benchmarks.bench_records", "--step", name]
    command += ["--folder", str(folder), "--rows", str(rows)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    step = Step(**json.loads(done.stdout.splitlines()[-1]))
    print(
        f"{step.name:8}{step.seconds:10.1f} s{step.processor_s:10.1f} s of the processor"
        f"{step.peak_bytes / 1e6:10.0f} MB   {step.said}",
        flush=True,
    )
    return step


def measured(name: str, folder: Path, rows: int) -> Step:
    """One step, here and now; imports count."""
    began, before = time.perf_counter(), time.process_time()
    said = STEPS[name](folder)
    seconds, processor_s = time.perf_counter() - began, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Step(name, rows, seconds, processor_s, peak, said)


if __name__ == "__main__":
    main()

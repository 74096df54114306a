"""How long a page with many images takes to write and to open in a browser."""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.bench_records import RUN, repeat
from benchmarks.suite.benchmark import Facts, Line, NothingToMeasureError
from gsmooth.data.loading import load_data
from gsmooth.report.page.document import document_of
from gsmooth.report.page.write import attacker_of, write_document
from gsmooth.report.totals import Totals
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.execute import run_certify
from gsmooth.runs.monitor.progress import LineProgress
from gsmooth.runs.records.folder import Records, open_records

GOAL_SECONDS: Final = 3.0
"""Until a page of 5,000 images is ready."""


def page(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """Write the page of so many images, and open it several times."""
    program = shutil.which("chromium")
    if program is None:
        raise NothingToMeasureError("the program chromium is not installed")
    with tempfile.TemporaryDirectory() as place:
        path = options.keep or Path(place, "report.html")
        started = time.perf_counter()
        write(Path(place), path, options.images)
        seconds = time.perf_counter() - started
        facts |= {"images": options.images, "bytes": path.stat().st_size, "goal_s": GOAL_SECONDS}
        yield timed("write", options.images, [seconds])
        yield timed("open", options.images, list(opened(program, path, options.repeats)))


def timed(name: str, images: int, seconds: list[float]) -> Line:
    """One line of the results."""
    return {
        "name": name,
        "images": images,
        "median_s": statistics.median(seconds),
        "least_s": min(seconds),
        "largest_s": max(seconds),
    }


def write(place: Path, path: Path, images: int) -> None:
    """Certify a few digits, repeat their rows, and write the page with as many pictures."""
    small, large = place / "small", place / "large"
    run_certify(load_config(RUN, [f"output.folder={small}"]), LineProgress())
    repeat(small, large, images)
    # The rows are those of a few digits; the pictures are all there are, again and again.
    digits, records = load_data("shipped:digits"), open_records(large)
    chosen = np.arange(images) % len(digits)
    shown = replace(digits, images=digits.images[chosen], labels=digits.labels[chosen])
    document = document_of([(Totals.of(records), attacker_of(without_digest(records), shown))])
    write_document(document, path)


def without_digest(records: Records) -> Records:
    """The records without the digest of their images, which are not those of the page."""
    return replace(records, header=replace(records.header, identity={}))


def opened(program: str, path: Path, repeats: int) -> Iterator[float]:
    """Open the page in fresh windows; yield seconds until it is ready and drawn."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise NothingToMeasureError('needs playwright: pip install "gsmooth[browser]"') from error
    with sync_playwright() as started:
        browser: Any = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for turn in range(repeats + 1):
            window = browser.new_page()
            begun = time.perf_counter()
            window.goto(path.resolve().as_uri())
            window.wait_for_selector("html[data-ready]", state="attached")
            window.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
            seconds = time.perf_counter() - begun
            window.close()
            if turn:  # The first one starts processes of the browser.
                yield seconds
        browser.close()

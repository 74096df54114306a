"""``gsmooth report``: tables and figures of runs and of published TSVs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Protocol

import pytest
from typer.testing import CliRunner

from gsmooth.cli.app import app
from gsmooth.runs.records.folder import RecordWriter
from gsmooth.transforms.region import Region
from tests.report.test_tsv import HEADER, LINES
from tests.runs.samples import CONFIG, make_abstention, make_header, make_row

BALL = Region((), (), 1.0)


class Finished(Protocol):
    """What a command ended with."""

    @property
    def exit_code(self) -> int: ...

    @property
    def stdout(self) -> str: ...

    @property
    def stderr(self) -> str: ...

    @property
    def output(self) -> str: ...


class Command(Protocol):
    """A command that takes arguments."""

    def __call__(self, *arguments: str) -> Finished: ...


@pytest.fixture
def gsmooth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, in a folder with two runs and a TSV."""
    monkeypatch.chdir(tmp_path)
    saved(Path("turned"), region=Region((-30.0,), (30.0,)))
    saved(Path("ball"), region=BALL)
    Path("sigma_0.50.tsv").write_text(HEADER + LINES)
    return lambda *arguments: CliRunner().invoke(app, ["report", *arguments])


def saved(folder: Path, **changes: Any) -> None:
    parameters = make_header().parameters if changes["region"].dimensions else ()
    header = make_header(parameters=parameters, config=CONFIG)
    with RecordWriter(folder, header) as writer:
        for row in (make_row(0, **changes), make_abstention(1, **changes)):
            writer.write(row)


def test_runs_and_published_files_are_rows_of_one_table(gsmooth: Command) -> None:
    found = gsmooth("turned", "ball", "sigma_0.50.tsv", "--no-figures", "--format", "csv")
    assert found.exit_code == 0, found.output
    rows = list(csv.DictReader(io.StringIO(found.stdout)))
    assert [row["run"] for row in rows] == ["turned", "ball", "sigma_0.50"]
    assert [row["certified angle ±30°"] for row in rows] == ["0.5", "", ""]
    assert [row["certified r = 0.5"] for row in rows] == ["", "0.5", "0.6"]
    assert [row["unit"] for row in rows] == ["deg", "l2", "l2"]
    assert not list(Path("turned").glob("*.png"))


def test_a_published_file_alone_is_reported(gsmooth: Command) -> None:
    found = gsmooth("sigma_0.50.tsv", "--at", "0,0.5,1.0,1.5")
    assert found.exit_code == 0, found.output
    row = next(line for line in found.stdout.splitlines() if "sigma_0.50" in line)
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == [
        "sigma_0.50",
        "5",
        "0.60",
        "0.60",
        "0.20",
        "0.20",
        "0.613",
        "0.20",
    ]
    assert Path("curve.png").is_file()


def test_other_formats_have_the_table_alone_on_stdout(gsmooth: Command) -> None:
    markdown = gsmooth("turned", "--format=markdown", "--intervals", "--out=figures")
    assert markdown.stdout.startswith("| run | images | ±30° |")
    assert "0.50 (0.01–0.99)" in markdown.stdout
    assert "curve.png" not in markdown.stdout
    assert "figures/curve.png" in markdown.stderr
    latex = gsmooth("turned", "--format=latex", "--no-figures", "--table=accuracy,confusion")
    assert latex.stdout.count("\\begin{tabular}") == 2


def test_every_figure_and_table_is_drawn_by_its_name(gsmooth: Command) -> None:
    found = gsmooth("turned", "--table=classes,confusion", "--draw=attack,votes", "--json")
    document = json.loads(found.stdout)
    assert [Path(path).name for path in document["files"]] == [
        "attack.png",
        "attack.svg",
        "votes.png",
        "votes.svg",
    ]
    assert [row["names"] for row in document["tables"]["classes"]["rows"]] == [["7"], ["all"]]
    assert document["tables"]["confusion"][0]["counts"] == [
        {"label": 7, "answer": 1, "images": 1},
        {"label": 7, "answer": 7, "images": 1},
    ]


def test_an_l2_run_is_exported_as_a_published_file(gsmooth: Command) -> None:
    assert gsmooth("ball", "--no-figures", "--tsv=ball.tsv").exit_code == 0
    assert Path("ball.tsv").read_text().splitlines()[1].split("\t")[:4] == ["0", "7", "7", "1"]
    again = gsmooth("ball.tsv", "ball", "--no-figures", "--at=1", "--format=csv")
    assert [row["certified r = 1"] for row in csv.DictReader(io.StringIO(again.stdout))] == [
        "0.5",
        "0.5",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("turned", "ball", "--at=10"), 2, "no single meaning"),
        (("turned", "--rows=sigmas"), 2, "did you mean 'sigma'"),
        (("turned", "--format=html"), 2, "none of text, markdown, latex, csv"),
        (("turned", "--table=class"), 2, "did you mean 'classes'"),
        (("turned", "--draw=curves"), 2, "did you mean 'curve'"),
        (("turned", "--table=radius"), 2, "is in region mode"),
        (("turned", "--format=csv", "--table=classes,confusion"), 2, "one table a file"),
        (("turned", "--confidence=95"), 2, "expected a level in (0, 1)"),
        (("turned", "--width=0"), 2, "inches"),
        (("turned", "--tsv=no.tsv", "--no-figures"), 2, "hold l2 radii alone"),
        (("ball", "turned", "--tsv=no.tsv"), 2, "name a single folder"),
        (("sigma_0.50.tsv", "--table=confusion"), 2, "has no attacks"),
        (("sigma_0.50.tsv", "--draw=votes"), 2, "do not tell votes"),
        (("sigma_0.50.tsv", "--parquet=x", "--no-figures"), 2, "a TSV has neither"),
        (("nothing.tsv",), 6, "there is no such file"),
    ],
)
def test_what_cannot_be_reported_is_explained(
    gsmooth: Command, arguments: tuple[str, ...], code: int, told: str
) -> None:
    found = gsmooth(*arguments)
    assert (found.exit_code, told in found.stderr) == (code, True), found.output

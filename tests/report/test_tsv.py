"""Published certification records are read as runs, and written with radii rounded down."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from gsmooth.errors import ConfigurationError, RecordError
from gsmooth.report.accuracy_table import accuracy_table
from gsmooth.report.table_text import text_table
from gsmooth.report.tsv import is_tsv, read_tsv, tsv_lines, write_tsv
from gsmooth.runs.records.folder import Records
from gsmooth.text.rounding import decimal_down, decimal_up, significant_down
from gsmooth.transforms.region import Region
from tests.report.test_report import records
from tests.runs.samples import changed, make_abstention, make_row

HEADER = "idx\tlabel\tpredict\tradius\tcorrect\ttime\n"
LINES = (
    "0\t0\t394\t0.0125\t0\t0:02:32.717239\n"
    "100\t2\t2\t1.86\t1\t0:02:30.318316\n"
    "200\t4\t-1\t0.0\t0\t0:02:31.564715\n"
    "300\t6\t6\t0.709\t1\t0:02:30.939915\n"
    "400\t6\t6\t0.5\t1\t1 day, 0:02:31.558977\n"
)
BALL = Region((), (), 0.3)


def published(tmp_path: Path, text: str = HEADER + LINES, name: str = "sigma_0.50") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def l2_run() -> Records:
    rows = (
        make_row(0, region=BALL, fraction=1.0),
        make_abstention(1, region=BALL),
        make_row(2, region=BALL, fraction=1.0 / 3.0, label=5),
    )
    return records(*rows, parameters=())


def test_a_published_file_is_a_row_of_the_table(tmp_path: Path) -> None:
    run = read_tsv(published(tmp_path))
    assert (run.name, run.total.images, run.total.abstained) == ("sigma_0.50", 5, 1)
    table = accuracy_table([run], at=[0, 0.5, 1, 1.86, 1.87])
    counts = [cell.share.count for cell in table.rows[0].certified if cell is not None]
    assert counts == [3, 2 + 1, 1, 1, 0]
    assert table.rows[0].standard is None
    assert Fraction(table.rows[0].average.value) <= sum(map(Fraction, (1.86, 0.709, 0.5))) / 5
    assert text_table(table).header == (
        "run",
        "images",
        "r = 0",
        "r = 0.5",
        "r = 1",
        "r = 1.86",
        "r = 1.87",
        "average radius",
        "abstained",
    )


def test_a_published_file_is_known_by_its_first_line(tmp_path: Path) -> None:
    assert is_tsv(published(tmp_path))
    assert not is_tsv(published(tmp_path, "index\tlabel\n", "other.tsv"))
    assert not is_tsv(tmp_path)
    assert not is_tsv(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("7\t1\t1\t0.5\t0\t0:00:01\n", "correct 0, but label 1 and predict 1"),
        ("7\t1\t2\t0.5\t1\t0:00:01\n", "correct 1, but label 1 and predict 2"),
        ("7\t1\t-1\t0.5\t0\t0:00:01\n", "an abstention has radius 0"),
        ("7\t1\t1\tnan\t1\t0:00:01\n", "expected a finite number"),
        ("7\t1\t1\tinf\t1\t0:00:01\n", "expected a finite number"),
        ("7\t1\t1\t-0.5\t1\t0:00:01\n", "expected a finite number"),
        ("7\t1\t-2\t0\t0\t0:00:01\n", "a negative number"),
        ("7\t1\t1\tmuch\t1\t0:00:01\n", "a number in radius"),
        ("7\t1\n", "expected whole numbers"),
        ("0\t1\t1\t0.5\t1\t0:00:01\n", "idx 0 is there already"),
    ],
)
def test_a_line_that_contradicts_itself_is_named(tmp_path: Path, line: str, told: str) -> None:
    path = published(tmp_path, HEADER + LINES + line)
    with pytest.raises(RecordError, match=f"sigma_0.50:7: .*{told}"):
        list(tsv_lines(path))


def test_a_file_of_another_kind_is_explained(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no column radius, correct"):
        read_tsv(published(tmp_path, "idx\tlabel\tpredict\n"))
    with pytest.raises(RecordError, match="no image"):
        read_tsv(published(tmp_path, HEADER))
    with pytest.raises(RecordError, match="cannot be read"):
        read_tsv(tmp_path / "nothing")


def test_a_written_file_is_read_again_with_radii_that_are_certified(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ours.tsv"
    write_tsv(l2_run(), path)
    text = path.read_text()
    assert text.startswith(HEADER)
    assert text.splitlines()[1].split("\t")[:5] == ["0", "7", "7", "0.299999", "1"]
    assert text.splitlines()[2].split("\t")[:5] == ["1", "7", "-1", "0.0", "0"]
    assert text.splitlines()[3].split("\t")[:5] == ["2", "5", "7", "0.0999999", "0"]
    assert text.splitlines()[1].split("\t")[5] == "0:00:00.250000"
    lines = list(tsv_lines(path))
    assert all(line.radius <= 0.3 for line in lines)
    assert read_tsv(path).total.certified(0.2, 1.0).count == 1


def test_only_runs_about_an_l2_ball_are_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="every angle within"):
        write_tsv(records(make_row(0)), tmp_path / "no.tsv")
    both = records(make_row(0, region=Region((-30.0,), (30.0,), 0.5)))
    with pytest.raises(ConfigurationError, match="fraction of the region"):
        write_tsv(both, tmp_path / "no.tsv")
    assert not (tmp_path / "no.tsv").exists()


def test_a_whole_rotation_under_an_l2_ball_is_not_written_as_an_l2_ball(tmp_path: Path) -> None:
    noise = make_row(0).randomness.noise
    haar = replace(noise, axes=(replace(noise.axes[0], law="haar", size=360.0),))
    row = changed(make_row(0, region=Region((-180.0,), (180.0,), 0.5)), noise=haar)
    with pytest.raises(ConfigurationError, match="every angle of the region, and every l2"):
        write_tsv(records(row), tmp_path / "no.tsv")


@pytest.mark.parametrize("value", [0.3, 0.1 + 0.2, 1e-7, 123456.789, 1 / 3, 2.0**-60, 0.5])
def test_decimals_are_not_larger_than_the_float_itself(value: float) -> None:
    text = significant_down(Fraction(value))
    below = Decimal(text)
    place = Decimal(value).adjusted() - 5
    assert below <= Decimal(value) < below + Decimal(1).scaleb(place)
    assert decimal_down(value, 9) <= Decimal(value) <= decimal_up(value, 9)
    assert decimal_up(value, 9) - decimal_down(value, 9) <= Decimal("1e-9")

"""The table of certified accuracies: rows by what runs differ in, columns by reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gsmooth.errors import ConfigurationError
from gsmooth.report.accuracy_table import AccuracyTable, accuracy_table, class_table
from gsmooth.report.reach_columns import round_steps
from gsmooth.report.run_counts import RunCounts, named_apart
from gsmooth.report.table_text import text_table
from gsmooth.report.totals import Totals
from gsmooth.runs.records.folder import Records, Row
from gsmooth.transforms.base import Parameter
from gsmooth.transforms.region import Region
from tests.report.test_report import ANGLE, SHIFTS, records
from tests.runs.samples import CONFIG, make_abstention, make_header, make_radius_row, make_row

BALL = Region((), (), 1.0)


def run(
    *rows: Row,
    name: str = "run",
    parameters: tuple[Parameter, ...] = ANGLE,
    **sections: Mapping[str, object],
) -> RunCounts:
    config = {key: dict(value) for key, value in CONFIG.items() if isinstance(value, Mapping)}
    for section, values in sections.items():
        config[section] |= values
    header = make_header(parameters=parameters, config=config)
    found = Records(header, rows, Path("runs") / name / "records.jsonl")
    return RunCounts.of(Totals.of(found))


def l2_run(sigma: float, *fractions: float, name: str = "run") -> RunCounts:
    rows = [make_row(i, region=BALL, fraction=part) for i, part in enumerate(fractions)]
    rows.append(make_abstention(len(rows), region=BALL))
    return run(
        *rows, name=name, parameters=(), smoothing={"sigma": sigma}, certify={"mode": "radius"}
    )


def counts(table: AccuracyTable) -> list[list[int | None]]:
    return [[cell and cell.share.count for cell in row.certified] for row in table.rows]


def headers(table: AccuracyTable) -> list[str]:
    return [column.header for column in table.columns]


def best(table: AccuracyTable) -> list[list[bool]]:
    return [[bool(cell and cell.best) for cell in row.certified] for row in table.rows]


def test_runs_that_differ_in_sigma_are_rows_by_sigma() -> None:
    table = accuracy_table([l2_run(0.25, 0.2, 0.4, 0.5), l2_run(0.5, 0.1, 0.9)], at=[0, 0.25, 0.5])
    assert table.named_by == ("sigma",)
    assert [row.names for row in table.rows] == [("0.25",), ("0.5",)]
    assert headers(table) == ["r = 0", "r = 0.25", "r = 0.5"]
    assert counts(table) == [[3, 2, 1], [2, 1, 1]]


def test_a_radius_counts_at_the_reach_that_it_equals() -> None:
    table = accuracy_table([l2_run(0.25, 0.5)], at=[0.5, 0.5000001])
    assert counts(table) == [[1, 0]]


def test_rows_have_the_names_that_are_asked_for() -> None:
    runs = [l2_run(0.25, 0.5, name="a"), l2_run(0.5, 0.5, name="b")]
    table = accuracy_table(runs, rows=["run", "mode", "certify.n0"])
    assert [row.names for row in table.rows] == [("a", "radius", "64"), ("b", "radius", "64")]
    with pytest.raises(ConfigurationError, match="did you mean 'sigma'"):
        accuracy_table(runs, rows=["sigmas"])


def test_runs_that_no_setting_tells_apart_are_named_by_their_folders() -> None:
    table = accuracy_table([l2_run(0.5, 0.5, name="a"), l2_run(0.5, 0.5, name="b")])
    assert table.named_by == ("run",)
    assert [row.names for row in table.rows] == [("a",), ("b",)]


def test_folders_of_one_name_are_told_apart_by_where_they_lie() -> None:
    runs = [replace(l2_run(0.5, 0.5), path=Path(f"/runs/{place}/test")) for place in "ab"]
    assert [run.name for run in named_apart(runs)] == ["a/test", "b/test"]


def test_the_best_of_a_column_is_marked_and_so_are_ties() -> None:
    table = accuracy_table([l2_run(0.25, 0.5, 0.5), l2_run(0.5, 0.5, 1.0)], at=[0, 0.75, 1])
    assert best(table) == [[True, False, False], [True, True, True]]
    assert [row.average.best for row in table.rows] == [False, True]


def test_no_number_is_the_best_where_nothing_can_be_compared() -> None:
    alone = accuracy_table([l2_run(0.25, 0.5)])
    assert not any(best(alone)[0])
    other = run(make_row(0), transformation={"name": "rotation"})
    mixed = accuracy_table([l2_run(0.25, 0.5), other])
    assert not any(flag for row in best(mixed) for flag in row)
    elsewhere = replace(l2_run(0.5, 1.0), settings={"sigma": "0.5", "data": "other"})
    assert not any(f for row in best(accuracy_table([l2_run(0.5, 1.0), elsewhere])) for f in row)


def test_mixed_attacks_are_compared_by_shares_of_their_regions() -> None:
    turned = run(make_row(0), make_abstention(1), transformation={"name": "rotation"})
    square = Region((-2.0, -2.0), (2.0, 2.0))
    moved = run(
        make_row(0, region=square),
        parameters=SHIFTS,
        transformation={"name": "translation"},
        region={"lower": [-2.0, -2.0], "upper": [2.0, 2.0]},
    )
    table = accuracy_table([turned, moved, l2_run(0.25, 0.5)])
    assert headers(table) == ["25%", "50%", "75%", "100%"]
    assert counts(table) == [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0]]
    assert table.named_by[:2] == ("transformation", "region")
    text = text_table(table)
    averages = [row[text.header.index("average radius")].text for row in text.rows]
    assert averages == ["15.000°", "2.000 px", "0.250"]
    assert not any("deg) r" in note for note in text.notes)


def test_mixed_attacks_may_have_columns_with_units() -> None:
    turned = run(make_row(0), name="turned")
    table = accuracy_table([turned, l2_run(0.25, 0.5)], at=["10deg", "30°", "0.5l2", "50%"])
    assert headers(table) == ["angle ±10°", "angle ±30°", "r = 0.5", "50%"]
    assert counts(table) == [[1, 1, None, 1], [None, None, 1, 1]]
    for asked, told in [
        ("10", "has no single meaning"),
        ("3px", "no run has the unit 'px'"),
        ("150%", "no more than 100%"),
        ("wide", "expected numbers"),
        ("1e999", "expected numbers"),
        ("1.2.3", "expected numbers"),
    ]:
        with pytest.raises(ConfigurationError, match=told):
            accuracy_table([turned, l2_run(0.25, 0.5)], at=[asked])


def test_beyond_its_region_a_run_was_not_asked() -> None:
    narrow = run(make_row(0, region=Region((-10.0,), (10.0,))), name="narrow")
    wide = run(make_row(0), name="wide", region={"lower": [-30.0], "upper": [30.0]})
    table = accuracy_table([narrow, wide])
    assert headers(table) == ["±10°", "±30°"]
    assert counts(table) == [[1, None], [1, 1]]
    assert not best(table)[1][1]
    assert any(note.startswith("–: the run was not asked") for note in text_table(table).notes)


def test_columns_are_round_numbers_and_the_ends_of_regions() -> None:
    partly = [make_radius_row(i, fraction=part) for i, part in enumerate([0.5, 1.0])]
    table = accuracy_table([run(*partly, certify={"mode": "radius"})])
    assert headers(table) == ["±0°", "±10°", "±20°", "±30°"]
    assert round_steps(3.8) == (0.0, 1.0, 2.0, 3.0)
    assert round_steps(0.0) == (0.0,)
    for end in (1e-9, 0.07, 1.0, 59.9, 1e12):
        steps = round_steps(end)
        assert 3 <= len(steps) <= 6
        assert steps[-1] <= end


def test_the_average_radius_counts_wrong_images_and_abstentions_as_nothing() -> None:
    rows = [
        make_radius_row(0, fraction=0.5),
        make_radius_row(1, fraction=1.0, label=3),
        make_abstention(2),
    ]
    table = accuracy_table([run(*rows)])
    assert table.rows[0].average.value == 5.0
    assert table.rows[0].abstained.share.count == 1


def test_classes_have_rows_of_their_own_and_all_of_them_one() -> None:
    found = run(make_row(0), make_row(1, label=3), make_abstention(2))
    named = replace(found, class_names=tuple(f"class {k}" for k in range(8)))
    table = class_table([named])
    assert [row.names for row in table.rows] == [("class 3",), ("class 7",), ("all",)]
    assert counts(table) == [[0], [1], [1]]
    assert [row.abstained.share.count for row in table.rows] == [0, 1, 1]
    attacked = [row.attacked and row.attacked.share.count for row in table.rows]
    assert attacked == [1, 1, 2]


def test_intervals_are_printed_outwards_beside_their_shares() -> None:
    text = text_table(accuracy_table([l2_run(0.5, 0.5)], at=[0]), intervals=True)
    assert text.rows[0][2].text == "0.50 (0.01–0.99)"
    assert any("Clopper-Pearson), 0.95" in note for note in text.notes)


def test_latex_and_markdown_have_the_best_in_bold_and_names_as_texts() -> None:
    runs = [l2_run(0.25, 0.5, name="50%_a|b"), l2_run(0.5, 1.0, name="x&y")]
    text = text_table(accuracy_table(runs, at=[0, 1], rows=["run"]))
    latex = text.to_latex()
    assert "50\\%\\_a|b & 2 & \\textbf{0.50} & 0.00" in latex
    assert "x\\&y & 2 & \\textbf{0.50} & \\textbf{0.50}" in latex
    assert latex.count("\\\\\n") == 3
    markdown = text.to_markdown()
    assert "| 50%\\_a\\|b | 2 | **0.50** | 0.00" in markdown
    assert len({line.count(" | ") for line in markdown.splitlines()[:4]}) == 1
    page = StringIO()
    Console(width=120, file=page).print(text.to_rich())
    assert "50%_a|b" in page.getvalue()


def test_names_with_control_characters_stay_in_their_line() -> None:
    text = text_table(accuracy_table([l2_run(0.5, 1.0, name="a\n\x1b[31m")], rows=["run"]))
    for shown in (text.to_latex(), text.to_markdown()):
        assert "\x1b" not in shown
        assert "a\n" not in shown


def test_a_table_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no run"):
        accuracy_table([])
    with pytest.raises(ConfigurationError, match="no column"):
        accuracy_table([RunCounts.of(Totals.of(records(make_row(0))))], at=[])

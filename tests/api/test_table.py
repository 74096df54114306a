"""Results are tabulated as their records would be."""

from __future__ import annotations

from pathlib import Path

import pytest

import gsmooth as gs
from gsmooth.errors import ConfigurationError, InputError
from tests.api.objects import images, smoothed

LABELS = [1, 0, 1, 0]


def results() -> gs.Results:
    return gs.certify(smoothed(), images(), gs.Region(l2=0.5), mode="radius", n=200, labels=LABELS)


def test_a_table_of_results_is_that_of_their_folder(tmp_path: Path) -> None:
    found = results()
    table = found.table(at=[0, 0.25, "100%"])
    saved = gs.report.table(found.save(tmp_path / "run"), at=[0, 0.25, "100%"])
    row, same = table.numbers.rows[0], saved.numbers.rows[0]
    assert (row.certified, row.average, row.standard) == (
        same.certified,
        same.average,
        same.standard,
    )
    counts = [cell.share.count for cell in row.certified if cell is not None]
    assert counts == [
        round(4 * found.certified_accuracy(fraction=part)) for part in (0.0, 0.5, 1.0)
    ]
    assert (row.run, same.run) == ("results", "run")


def test_a_table_is_printed_in_every_form() -> None:
    table = results().table(at=[0.25])
    assert "r = 0.25" in str(table)
    assert "| run | images | r = 0.25 |" in table.to_markdown()
    assert table.to_latex().startswith("% Columns r")
    assert table.to_csv().splitlines()[0].startswith("run,images,certified r = 0.25,")
    assert "<th>r = 0.25</th>" in table._repr_html_()
    assert repr(table) == "Table(1 rows by run; r = 0.25)"


def test_classes_have_rows() -> None:
    rows = results().table(at=[0.25], by_class=True).numbers.rows
    assert [(row.names, row.images) for row in rows] == [(("0",), 2), (("1",), 2), (("all",), 4)]


def test_without_labels_there_is_no_table() -> None:
    found = gs.certify(smoothed(), images(), gs.Region(l2=0.5))
    with pytest.raises(InputError, match="true classes are not known"):
        found.table()


def test_figures_are_drawn_of_folders(tmp_path: Path) -> None:
    folder = results().save(tmp_path / "run")
    for draw in (gs.report.draw_curve, gs.report.draw_votes, gs.report.draw_radius):
        path = draw([folder], tmp_path / draw.__name__, width=3.3)
        assert path.read_bytes()[1:4] == b"PNG"
        assert path.with_suffix(".svg").is_file()
    with pytest.raises(ConfigurationError, match="no run was attacked"):
        gs.report.draw_attack(folder, tmp_path / "attack")

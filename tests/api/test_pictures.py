"""Results are drawn: with or without labels, in figures and for notebooks."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image

import gsmooth as gs
from gsmooth.api import progress
from gsmooth.errors import ConfigurationError, OutputError
from tests.api.objects import Mean, images, smoothed

BALL = gs.Region(l2=0.1)


def texts(figure: object) -> list[str]:
    return [text.get_text() for text in getattr(figure, "texts")]  # noqa: B009


def test_a_picture_shows_every_image_with_its_verdict() -> None:
    told = texts(gs.certify(smoothed(), images(), BALL).plot())
    assert {f"image {place}" for place in range(4)} <= set(told)
    assert any(text.startswith("certified to l2") for text in told)
    assert any(text.startswith("abstained") for text in told)
    assert "certified 75.0% of 4 images, alpha = 0.001 an image" in told


def test_a_picture_with_labels_counts_right_certificates() -> None:
    told = texts(gs.certify(smoothed(), images(), BALL).plot([0, 0, 1, 1]))
    assert "certified (and right) 50.0% of 4 images, alpha = 0.001 an image" in told
    assert any(text.endswith("as 1") for text in told)


def test_a_picture_of_a_rotation_has_its_angles() -> None:
    g = gs.SmoothedClassifier(
        Mean(),
        "rotation",
        std={"angle": 4.0},
        sigma=0.25,
        num_classes=2,
        input_shape=(1, 9, 9),
        seed=0,
    )
    figure = gs.certify(g, torch.full((1, 9, 9), 0.9), gs.Region(angle=(-1, 1))).plot()
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "original"
    assert titles[1].startswith("−1")


def test_a_notebook_gets_a_table_and_a_picture_of_what_is_there() -> None:
    results = gs.certify(smoothed(), images(), BALL)
    results[0]
    page = results._repr_html_()
    assert len(results.finished) < 4 or page.count("<tr>") == 5
    found = re.search(r'src="data:image/png;base64,([^"]+)"', page)
    assert found is not None
    picture = Image.open(io.BytesIO(base64.b64decode(found[1])))
    assert min(picture.size) > 100


def test_a_page_of_results_in_memory_has_their_pictures_and_names_no_command(
    tmp_path: Path,
) -> None:
    results = gs.certify(smoothed(), images(), BALL)
    path = results.page(tmp_path / "page.html", [0, 0, 1, 1])
    text = path.read_text("utf-8")
    certified = results.certified_accuracy()
    assert f"For {round(4 * certified)} of 4 images ({certified:.1%}), it is proved" in text
    assert 'id="sheet-0-0"' in text
    assert 'id="path-0-3-0"' in text
    assert "made from Python objects" in text
    assert "gsmooth certify" not in text
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_a_table_has_a_row_an_image() -> None:
    pandas = pytest.importorskip("pandas")
    frame = gs.certify(smoothed(), images(), BALL, labels=[1, 0, 1, 1]).to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["certified"].tolist() == [True, True, False, True]
    assert frame["true_label"].tolist() == [1, 0, 1, 1]
    assert frame["reason"].tolist()[2] == "budget"
    assert frame["label"].isna().tolist() == [False, False, True, False]
    assert frame["label"].dtype == frame["prediction"].dtype == "Int64"


def test_rows_are_written_as_json_with_no_label_for_an_abstention(tmp_path: Path) -> None:
    results = gs.certify(smoothed(), images(), BALL, labels=[1, 0, 1, 1])
    text = results.to_json(tmp_path / "rows.json")
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert rows == json.loads(text) == results.rows()
    assert [row["label"] for row in rows] == [result.label for result in results]
    assert rows[2]["label"] is None
    with pytest.raises(OutputError, match="cannot be written"):
        results.to_json(tmp_path / "missing" / "rows.json")


def test_a_table_without_pandas_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ConfigurationError, match=r"pip install .gsmooth\[pandas\]"):
        gs.certify(smoothed(), images(), BALL).to_dataframe()


def test_a_notebook_shows_a_plot_without_pyplot() -> None:
    figure = gs.certify(smoothed(), images(), BALL).plot()
    shown = Image.open(io.BytesIO(getattr(figure, "_repr_png_")()))  # noqa: B009
    assert shown.width > shown.height > 0


def test_a_notebook_without_widgets_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not progress.is_wanted(None)
    assert progress.is_wanted(True)

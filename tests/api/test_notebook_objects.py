"""Everything that a user puts at the end of a notebook's cell shows a table or a picture."""

from __future__ import annotations

import base64
import inspect
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image

import gsmooth as gs
from gsmooth.data.dataset import dataset_from_arrays
from gsmooth.theory.population import PopulationBound
from gsmooth.training.report import EpochReport, TrainReport
from tests.api.objects import Mean, images, smoothed

BALL = gs.Region(l2=0.1)
HOSTILE = "<script>alert(1)</script>\x1b[31m"
# Values, functions, modules and parts of arguments: their repr is short, or nobody ends a cell so.
PLAIN = {
    "Consistency",
    "Exponential",
    "FoldedNormal",
    "Gaussian",
    "GridUniform",
    "Guarantee",
    "Haar",
    "Laplace",
    "Macer",
    "Parameter",
    "Predictor",
    "Region",
    "SecretSeed",
    "SmoothAdv",
    "TransformationBounds",
    "Uniform",
}


def shown(thing: object) -> str:
    """The HTML of an object, which is well formed, small and free of scripts."""
    page = getattr(thing, "_repr_html_")()  # noqa: B009
    assert isinstance(page, str)
    assert len(page) < 300_000
    assert "<script" not in page
    assert "\x1b" not in page
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    return page


class _Tags(HTMLParser):
    """The tags that are open; an error where others are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_public_class_is_shown_or_has_a_short_repr() -> None:
    classes = [n for n in gs.__all__ if inspect.isclass(getattr(gs, n))]
    assert [
        n for n in classes if n not in PLAIN and not hasattr(getattr(gs, n), "_repr_html_")
    ] == []


def test_certificates_predictions_and_results_are_tables() -> None:
    results = gs.certify(smoothed(), images(), BALL, labels=[1, 0, 1, 1])
    assert "Certified as class 1" in shown(results[0].certificate)
    assert "Abstained" in shown(results[2].certificate)
    assert "g answers: class 1" in shown(results[0].prediction)
    assert "Nothing is missing." in shown(results[0])
    assert "votes that could have sufficed" not in shown(results[0].certificate)


def test_answers_of_predictors_are_tables_of_votes() -> None:
    assert "<td>class 1</td><td>12</td>" in shown(gs.Decided(1, (0, 12, 0), 0.001))
    assert "no class (ties)" in shown(gs.Undecided((3, 2, 1), 0.001))


def test_networks_and_smoothed_classifiers_say_what_they_are_and_keep_their_secret() -> None:
    g = smoothed(seed=gs.SecretSeed())
    page = shown(g)
    assert "gaussian" in page
    assert "secret" in page
    assert "<th>classes</th><td>2</td>" in shown(g.classifier)


def test_transformations_list_their_parameters() -> None:
    assert "angle" in shown(gs.load_transformation("rotation"))
    assert "dx" in shown(gs.load_transformation("translation+brightness"))


def test_recommendations_are_a_table_of_candidates() -> None:
    found = gs.tune("brightness", images(), gs.Region(brightness=(-0.1, 0.1)), progress=False)
    assert shown(found).count("<tr>") == 1 + len(found.table())


def test_attacks_populations_and_trainings_are_tables() -> None:
    (outcome,) = gs.attack(smoothed(), images()[:1], [1], BALL, n=64)
    assert "keeps the true class" in shown(outcome)
    bound = PopulationBound("clopper-pearson", max_margin=0.5)
    found = gs.PopulationCertificate.of(
        gs.Region(l2=0.5), bound, margins=[0.5] * 1000, right=[True] * 1000, alpha=0.001
    )
    assert f"{found.right:,}" in shown(found)
    report = TrainReport(tuple(EpochReport(k, 1.0, 0.5, 1.0) for k in range(3)))
    assert "Training of 3 epochs" in shown(report)
    assert shown(TrainReport(()))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 200, 100), (2, 8, 8)])
def test_data_show_their_first_images(shape: tuple[int, ...], dtype: type) -> None:
    values = np.random.default_rng(0).random((30, *shape))
    pixels = (values * 255).astype(np.uint8) if dtype is np.uint8 else values.astype(np.float32)
    data = dataset_from_arrays("data", pixels, np.arange(30) % 2, [HOSTILE, "b"])
    page = shown(data)
    assert "15" in page
    found = re.search(r"base64,([^\"]+)", page)
    assert (found is None) == (shape[0] == 2)
    if found is not None:
        with Image.open(io.BytesIO(base64.b64decode(found[1]))) as sheet:
            assert max(sheet.size) <= 1200


def test_the_pixels_of_a_sheet_are_those_of_the_images() -> None:
    pixels = np.arange(2 * 64, dtype=np.uint8).reshape(2, 1, 8, 8)
    data = dataset_from_arrays("data", pixels, np.zeros(2, dtype=np.int64), None)
    found = re.search(r"base64,([^\"]+)", shown(data))
    assert found is not None
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as sheet:
        grey = np.asarray(sheet.convert("L"))
    assert (grey[:8, :8] == pixels[0, 0]).all()
    assert (grey[:8, 9:17] == pixels[1, 0]).all()


def test_names_of_others_are_shown_as_text() -> None:
    net = gs.Classifier(Mean(), classes=2, shape=(1, 4, 4), name=f"m:{HOSTILE}")
    assert "&lt;script&gt;" in shown(net)
    assert torch.get_default_dtype() is torch.float32

"""One image file as data: predict answers, and says that its class is not known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from gsmooth.cli import app
from gsmooth.data.loading import load_data


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    digit = (255.0 * load_data("shipped:digits").image(3)[0]).round().numpy().astype(np.uint8)
    Image.fromarray(digit).save("one.PNG")


def gsmooth(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_predict_takes_one_image_and_claims_no_accuracy() -> None:
    command = ("predict", "--model=shipped:digits-l2", "--data=one.PNG", "--n=200", "--seed=0")
    result = gsmooth(*command)
    assert result.exit_code == 0, result.output
    assert "1 image, 0 abstentions; the true class is not known" in result.stdout
    assert "accuracy" not in result.output
    document = json.loads(gsmooth(*command, "--json").stdout)
    (answer,) = document["predictions"]
    assert (answer["label"], answer["prediction"]) == (None, 3)
    assert document["standard_accuracy"] is document["clean_accuracy"] is None


@pytest.mark.parametrize(
    "command", [("certify", "--mode=radius", "--l2=0.1"), ("train", "--out=net.pt", "--epochs=1")]
)
def test_what_needs_classes_says_where_to_put_the_image(command: tuple[str, ...]) -> None:
    result = gsmooth(*command, "--model=shipped:digits-l2", "--data=one.PNG")
    assert result.exit_code == 3, result.output
    assert "an image alone has no class, which is needed here" in result.stderr


def test_an_image_that_is_not_there_is_named() -> None:
    result = gsmooth("predict", "--data=two.png")
    assert result.exit_code == 3
    assert "two.png" in result.stderr

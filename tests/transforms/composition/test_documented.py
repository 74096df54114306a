"""docs/compositions.md: every composition that it shows is one, and every refusal is a refusal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gsmooth.errors import ConfigurationError
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.registry import load_transformation

GUIDE = (Path(__file__).parents[3] / "docs" / "compositions.md").read_text()
ROWS = re.findall(r"^\| `([\w+-]+)`(?:[^|]*)\| ([^|]+) \|", GUIDE, re.MULTILINE)


def rested(spec: str, scales: str) -> Transformation:
    operator = load_transformation(spec)
    given = re.search(r"`([\d.,]+)`", scales)
    stds = [float(value) for value in given[1].split(",")] if given else []
    names = [p.name for p, std in zip(operator.parameters, stds, strict=False) if std == 0.0]
    return operator.without_noise(tuple(names)).for_shape((1, 10, 10))


def test_the_guide_has_rows() -> None:
    assert len(ROWS) >= 6


@pytest.mark.parametrize(("spec", "scales"), ROWS)
def test_what_is_shown_can_be_smoothed_so(spec: str, scales: str) -> None:
    assert rested(spec, scales).no_action_because == ""


@pytest.mark.parametrize("frame", ["similarity", "scaling", "translation", "blur"])
def test_brightness_goes_with_every_frame_that_is_named(frame: str) -> None:
    assert f"{frame}+" in GUIDE
    assert rested(f"{frame}+brightness", "").has_action


@pytest.mark.parametrize("spec", ["rotation+translation", "brightness+rotation", "rotation+gamma"])
def test_what_is_refused_is_refused(spec: str) -> None:
    with pytest.raises(ConfigurationError):
        load_transformation(spec)

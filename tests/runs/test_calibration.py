"""Calibrations: what a file must say to be used, and on what it may be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gsmooth.certificate import Guarantee, Premise
from gsmooth.cover.bounds.origin import Rule, origin_of
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, GsmoothError, InputError, RecordError
from gsmooth.runs.calibrate import image_error
from gsmooth.runs.calibration import (
    CalibratedCovers,
    Calibration,
    image_digest,
    options_of,
    read_calibration,
)
from gsmooth.transforms.region import Region
from gsmooth_rotation import Rotation
from tests.cover.subjects import smoothed, uniform_thetas

SHAPE = (1, 10, 10)
REGION = Region((-12.0,), (20.0,))
BOUND = Rotation().for_shape(SHAPE)


def image(seed: int) -> Tensor:
    return torch.rand(SHAPE, dtype=torch.float64, generator=torch.manual_seed(seed))


def calibration() -> Calibration:
    """Made of eight images with made-up errors: the second largest holds for 60% of all at .83."""
    return Calibration(
        transformation="rotation",
        options=options_of(BOUND),
        shape=SHAPE,
        region=REGION,
        centre="middle",
        error=0.7,
        share=0.6,
        alpha=0.2,
        rank=7,
        tolerance=0.01,
        errors=(0.1, 0.7, 0.2, 0.9, 0.3, 0.4, 0.5, 0.6),
        digests=tuple(image_digest(image(seed)) for seed in range(8)),
        versions={"gsmooth": "0.1.0"},
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "calibration.json"
    path.write_text(calibration().to_json())
    return path


def test_what_is_written_is_read_back(written: Path) -> None:
    found = read_calibration(written)
    assert found == calibration()
    assert found.digest == calibration().digest
    assert found.premise == Premise(0.7, 0.6, 0.8)
    assert "at least 0.6 of images" in found.premise.describe()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"error": 0.6}, "give rank 7 and error 0.7"),
        ({"rank": 6}, "give rank 7 and error 0.7"),
        ({"errors": [0.1] * 8}, "give rank 7 and error 0.1"),
        ({"errors": [0.1] * 7}, "7 errors of 8 images"),
        ({"share": 0.99}, "the least n is 161"),
        ({"centre": "edge"}, "'clean' or 'middle'"),
        ({"digests": None}, "expected a list"),
        ({"more": 1}, "unknown fields: more"),
        ({"schema": 3}, "schema version 3"),
        ({"region": {"lower": [-1], "upper": [1], "l2": 0.5, "bits": 0}}, "parameters alone"),
    ],
)
def test_a_file_that_does_not_fit_itself_is_refused(
    written: Path, change: dict[str, object], complaint: str
) -> None:
    written.write_text(json.dumps({**json.loads(written.read_text()), **change}))
    with pytest.raises(RecordError, match=complaint):
        read_calibration(written)


def test_a_file_of_0_1_0_is_of_images_between_zero_and_one(written: Path) -> None:
    kept = json.loads(written.read_text())
    del kept["input_range"]
    written.write_text(json.dumps({**kept, "schema": 1}))
    assert read_calibration(written).input_range == (0.0, 1.0)
    written.write_text(json.dumps({**kept, "schema": 2}))
    with pytest.raises(RecordError, match="missing fields: input_range"):
        read_calibration(written)


def test_a_file_that_is_not_there_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="gsmooth calibrate writes one"):
        read_calibration(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("use", "complaint", "kind"),
    [
        (
            lambda c: c.require_for(Rotation(low_pass_px=2.0).for_shape(SHAPE), SHAPE),
            r"options .*0\.7.* there, .*2\.0",
            ConfigurationError,
        ),
        (
            lambda c: replace(c, transformation="turn").require_for(BOUND, SHAPE),
            "transformation 'turn' there, 'rotation'",
            ConfigurationError,
        ),
        (lambda c: c.require_for(BOUND, (3, 10, 10)), "shape", ConfigurationError),
        (
            lambda c: c.require_holds(Region((-12.0,), (20.5,))),
            r"\[-12, 20\], which does not hold the region \[-12, 20.5\]",
            ConfigurationError,
        ),
        (lambda c: c.require_fresh(image(3), "image 17"), "image 17 is one of", InputError),
    ],
)
def test_a_calibration_is_for_its_own_attack_and_for_new_images(
    use: Callable[[Calibration], None], complaint: str, kind: type[GsmoothError]
) -> None:
    with pytest.raises(kind, match=complaint):
        use(calibration())


def test_a_smaller_region_and_a_new_image_are_welcome() -> None:
    calibration().require_holds(REGION)
    calibration().require_holds(Region((-3.0,), (1.0,), l2=0.2, bits=8))
    calibration().require_fresh(image(99), "image 99")


@pytest.mark.parametrize("centre", ["clean", "middle"])
def test_the_error_of_an_image_bounds_every_attack_tightly(centre: Rule) -> None:
    pulled_back = PulledBackImage(BOUND, image(5)[None])
    error = image_error(BOUND, image(5), REGION, centre)
    theta = np.concatenate([uniform_thetas(REGION, 500), [[-12.0], [20.0]]])
    away = pulled_back.points(torch.from_numpy(theta)) - origin_of(pulled_back, REGION, centre)
    largest = float(away.norm(dim=1).max())
    assert largest <= error <= 1.03 * largest


def test_the_middle_of_an_pulled_back_image_is_nearer_to_its_rim() -> None:
    errors = {rule: image_error(BOUND, image(5), REGION, rule) for rule in ("clean", "middle")}
    assert errors["middle"] < 0.9 * errors["clean"]


def test_a_calibrated_cover_holds_the_attacks_of_an_image_that_the_error_bounds() -> None:
    g = smoothed(Rotation(), SHAPE, (6.0,), 0.3)
    asked = Region((-5.0,), (15.0,))
    error = max(image_error(BOUND, image(20), REGION), 0.7)
    made = replace(calibration(), error=error, errors=(0.1,) * 6 + (error,) * 2)
    cover = CalibratedCovers(made, 5).cover(g, Item(0, image(20)), asked)
    assert cover.guarantee is Guarantee.DISTRIBUTIONAL
    theta = uniform_thetas(asked, 300)
    attacked = g.transformation.attack(image(20).expand(300, *SHAPE), torch.from_numpy(theta))
    lifted = g.transformation.lift(attacked)
    nearest = np.full(300, np.inf)
    for ball in cover.balls:  # T4, from the ball's own z: attacks are T_(theta - theta_j) (z + e).
        back = g.transformation.act(lifted, torch.from_numpy(ball.theta[0] - theta))
        residual = (back - ball.z).norm(dim=1).numpy()
        shift = (theta[:, 0] - ball.theta[0]) / 6.0
        nearest = np.minimum(nearest, np.hypot(shift, residual / 0.3) - ball.margin)
    assert (nearest <= 0.0).all()


def test_a_calibrated_cover_refuses_what_the_calibration_is_not_for() -> None:
    g = smoothed(Rotation(), SHAPE, (6.0,), 0.3)
    covers = CalibratedCovers(calibration(), 5)
    with pytest.raises(InputError, match="image 4 is one of the calibration images"):
        covers.cover(g, Item(4, image(2)), REGION)
    with pytest.raises(ConfigurationError, match="does not hold"):
        covers.check(g, Region((-30.0,), (30.0,)))

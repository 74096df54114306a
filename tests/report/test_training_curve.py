"""The curve of a training."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from gsmooth.report.training_curve import draw_training_curve
from gsmooth.training.report import EpochReport, TrainReport


def epoch(number: int, estimate: float | None = None, best: bool = False) -> EpochReport:
    return EpochReport(number, 1.0 / number, 0.5, float(number), estimate, best)


def test_a_curve_is_drawn_with_and_without_estimates(tmp_path: Path) -> None:
    for epochs in ((epoch(1),), (epoch(1), epoch(2, 0.4, True), epoch(3), epoch(4, 0.3))):
        draw_training_curve(TrainReport(epochs), tmp_path / "curve.png")
        with Image.open(tmp_path / "curve.png") as picture:
            assert picture.size == (768, 528)


def test_before_the_first_epoch_nothing_is_drawn(tmp_path: Path) -> None:
    draw_training_curve(TrainReport(()), tmp_path / "curve.png")
    assert not (tmp_path / "curve.png").exists()

"""The recommendation: reproducible, within what was given, and a run file that can be used."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

import gsmooth
from gsmooth.certification import RegionMode
from gsmooth.cli.app import app
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.models.classifier import Classifier
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.tune import run_tune
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import load_transformation
from gsmooth.tuning import LabelledModel, Tuning, lift_variants, tuned
from gsmooth.tuning.tune import with_options
from tests.runs.tmp_project import Notebook

SHAPE = (1, 12, 12)
REGION = Region(lower=(-30.0,), upper=(30.0,))
GIVEN: dict[str, object] = {"low_pass_px": 1.2, "edge_px": 0.0}
"""Fewer lifts, so that tests are fast."""


def bars(count: int = 16) -> tuple[Tensor, np.ndarray]:
    """Images of an upright bar (class 0) or a level one (1), with a little noise."""
    draw = torch.Generator().manual_seed(0)
    images = 0.2 * torch.rand(count, *SHAPE, generator=draw, dtype=torch.float64)
    labels = np.arange(count) % 2
    for image, label in zip(images, labels, strict=True):
        image[0, 2:10, 5:7] += 0.7 * (label == 0)
        image[0, 5:7, 2:10] += 0.7 * (label == 1)
    return images, labels


class Upright(nn.Module):
    """Class 0 where the middle columns are brighter than the middle rows."""

    def forward(self, x: Tensor) -> Tensor:
        columns = x[:, 0, :, 5:7].mean(dim=(1, 2))
        lead = columns - x[:, 0, 5:7].mean(dim=(1, 2))
        return torch.stack([lead, -lead], dim=1)


def upright() -> LabelledModel:
    images, labels = bars()
    network = Classifier(Upright(), classes=2, shape=SHAPE, name="upright")
    return LabelledModel(network, images, labels, ("upright", "level"))


def found(**options: Any) -> Tuning:
    images, labels = bars()
    rotation = load_transformation("rotation")
    given = options.pop("given", GIVEN)
    region = options.pop("region", REGION)
    return tuned(rotation, images, region, RegionMode(), given=given, labels=labels, **options)


def test_the_recommendation_is_the_same_in_every_call() -> None:
    assert found() == found()


def test_options_that_are_given_stay_and_others_vary() -> None:
    candidates = found().candidates
    assert {one.transformation.low_pass_px for one in candidates} == {1.2}  # type: ignore[attr-defined]
    assert len({one.transformation.radius_px for one in candidates}) > 1  # type: ignore[attr-defined]


def test_sigma_follows_from_the_residual_and_the_std_from_the_region() -> None:
    best = found().best
    assert best.choice.sizes == (12.0,)
    assert best.figures.residual.most / 0.75 == pytest.approx(best.sigma, rel=0.1)
    assert best.figures.required_p.median <= best.figures.required_p.most < 1.0
    assert best.figures.centres > 1


def test_haar_noise_comes_first_for_a_whole_turn_with_its_warning() -> None:
    whole = found(region=Region(lower=(-180.0,), upper=(180.0,)))
    assert whole.best.choice.laws == ("haar",)
    assert whole.best.figures.centres == 1
    assert "not for labels that it tells apart, such as 6 and 9" in whole.notices[0]
    assert found().best.choice.laws == ("gaussian",)
    assert any(one.choice.haar for one in found().candidates)


def test_within_a_law_lifts_are_ranked_by_information_about_labels() -> None:
    merits = [
        one.figures.about_labels for one in found().candidates if one.choice.laws == ("gaussian",)
    ]
    assert merits == sorted(merits, key=lambda value: -(value or 0.0))
    images, _ = bars()
    blind = tuned(
        load_transformation("rotation"), images, REGION, RegionMode(), given=GIVEN
    ).candidates
    assert all(one.figures.about_labels is None for one in blind)


def test_a_model_ranks_by_its_accuracy_and_its_confusion_of_turned_images_is_told() -> None:
    whole = found(region=Region(lower=(-180.0,), upper=(180.0,)), model=upright())
    measured = [one.figures.accuracy for one in whole.candidates]
    assert measured[0] is not None
    assert measured[0] == max(value for value in measured if value is not None)
    (told,) = whole.notices
    assert "under every angle the model takes" in told
    assert "upright for level" in told
    assert "level for upright" in told


def test_a_model_that_no_lift_fits_is_refused() -> None:
    images, labels = bars()
    network = Classifier(Upright(), classes=2, shape=(1, 5, 5), name="small")
    small = LabelledModel(network, images, labels, ("a", "b"))
    with pytest.raises(ConfigurationError, match=r"small takes \(1, 5, 5\), but no lift reads"):
        found(model=small)


def test_one_image_is_too_few() -> None:
    images, _ = bars()
    with pytest.raises(InputError, match="at least two"):
        tuned(load_transformation("rotation"), images[:1], REGION, RegionMode())


def test_lifts_that_images_are_too_small_for_are_left_out() -> None:
    small = lift_variants(load_transformation("rotation"), (1, 4, 4))
    assert small
    assert all(one.for_shape((1, 4, 4)) for one in small)


def test_the_lift_of_a_composition_is_that_of_its_only_part_with_one() -> None:
    joined = load_transformation("rotation+brightness")
    found = lift_variants(joined, SHAPE, {"rotation": {"low_pass_px": 0.9}})
    assert len(found) > 3
    assert {one.rotation.low_pass_px for one in found} == {0.9}  # type: ignore[attr-defined]
    table = {"rotation": {"low_pass_px": 0.8}, "still": ["brightness"]}
    changed = with_options(joined, table)
    assert changed.unsmoothed == ("brightness",)


@pytest.mark.parametrize(
    ("name", "region"),
    [
        ("gaussian", Region(l2=0.5)),
        ("brightness", Region(lower=(-0.1,), upper=(0.1,))),
        ("blur", Region(lower=(0.0,), upper=(1.0,))),
        ("cyclic-translation", Region(lower=(-2.0, 0.0), upper=(2.0, 0.0))),
        ("contrast", Region(lower=(-0.2,), upper=(0.2,))),
        ("scaling", Region(lower=(-0.1,), upper=(0.1,))),
    ],
)
def test_every_transformation_has_a_recommendation(name: str, region: Region) -> None:
    images, labels = bars(6)
    best = tuned(load_transformation(name), images, region, RegionMode(), labels=labels).best
    assert best.sigma >= 0.03
    g = gsmooth.SmoothedClassifier(
        Upright(),
        best.transformation,
        noise=best.choice.by_name(best.transformation),
        sigma=best.sigma,
        num_classes=2,
        input_shape=SHAPE,
    )
    assert g.law.sigma == best.sigma


def test_the_api_takes_tensors_and_gives_what_a_smoothed_classifier_takes() -> None:
    images, labels = bars()
    found = gsmooth.tune(
        "brightness",
        images,
        Region(brightness=(-0.1, 0.1)),
        labels=labels,
        progress=False,
    )
    assert found.noise == {"brightness": gsmooth.Gaussian(0.04)}
    assert repr(found).startswith("Recommendation(Brightness(")
    assert repr(found).endswith("), brightness: gaussian 0.04, sigma=0.03)")
    with pytest.raises(ConfigurationError, match="a model was given without labels"):
        gsmooth.tune(
            "brightness", images, Region(brightness=(-0.1, 0.1)), model=upright().classifier
        )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "bar_net", raising=False)
    (tmp_path / "bar_net.py").write_text("from tests.tuning.test_tune import Linear as build\n")
    images, labels = bars(24)
    np.savez(tmp_path / "bars.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    return tmp_path


class Linear(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(144, 2))


FLAGS = ["tune", "-d", "bars.npz", "-t", "rotation", "-r=-30:30", "--set"]
FLAGS += ["transformation.options.low_pass_px=1.2", "--set", "transformation.options.edge_px=0"]


def test_the_run_file_is_taken_by_train_and_certify_as_it_is(project: Path) -> None:
    runner = CliRunner()
    result = runner.invoke(app, FLAGS)
    assert result.exit_code == 0, result.stderr
    assert "recommended (a heuristic)" in result.stdout
    assert "then: gsmooth train -c tuned.toml -m MODULE:FACTORY" in result.stderr
    written = load_config(project / "tuned.toml", ["model.spec=bar_net:build"])
    assert resolved(written).smoothing.scales == (12.0,)
    assert written.transformation.options["low_pass_px"] == 1.2
    for command in (
        ["train", "-c", "tuned.toml", "-m", "bar_net:build", "-o", "net.pt", "--epochs=1"],
        ["certify", "-c", "net.toml", "--limit=1", "--seed=0", "--no-attack"],
    ):
        result = runner.invoke(app, command)
        assert result.exit_code == 0, result.stderr


def test_the_images_are_those_of_training_and_a_file_is_not_overwritten(project: Path) -> None:
    config = load_config(None, ["data.spec=bars.npz", "transformation.name=brightness"])
    config = config.model_copy(
        update={"region": config.region.model_copy(update={"lower": (-0.1,), "upper": (0.1,)})}
    )
    summary = run_tune(config, Path("out/b.toml"), Notebook())
    assert (summary.split, summary.trained) == ("train", False)
    assert summary.config == load_config(Path("out/b.toml"))
    with pytest.raises(ConfigurationError, match=r"it is there already.*--force"):
        run_tune(config, Path("out/b.toml"), Notebook())
    few = run_tune(config, Path("out/b.toml"), Notebook(), force=True, limit=7)
    assert few.tuning.images == 7
    assert few.config.data.limit is None, (
        "the limit is on what is looked at, not on what is trained on"
    )


def test_a_document_for_programs_holds_all_candidates(project: Path) -> None:
    result = CliRunner().invoke(app, [*FLAGS, "--json", "--law=haar"])
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert {tuple(one["laws"]) for one in document["candidates"]} == {("haar",)}
    assert document["candidates"][0]["centres"] == 1
    assert document["next"][:4] == ["gsmooth", "train", "-c", "tuned.toml"]


def test_what_is_missing_is_said(project: Path) -> None:
    runner = CliRunner()
    result = runner.invoke(app, ["tune", "-d", "bars.npz"])
    assert result.exit_code == 2
    assert "tune: no transformation is given; name one, e.g. -t rotation" in result.stderr
    result = runner.invoke(app, ["tune", "-d", "bars.npz", "-t", "rotation"])
    assert result.exit_code == 2
    assert "region.lower is not set" in result.stderr

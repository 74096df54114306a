"""Images of one row or one column: refused, or attacked and bounded as any other."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.errors import ConfigurationError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.registry import load_transformation, transformations

SHAPES = [(1, 1, 8), (3, 8, 1), (1, 1, 1)]
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("rotation", {}),
    ("rotation", {"radius_px": 3.0}),
    ("rotation", {"radius_px": 3.0, "space": "pixels"}),
    ("scaling", {}),
    ("scaling", {"radius_px": 3.0}),
    ("similarity", {"radius_px": 3.0}),
    ("similarity", {"space": "pixels"}),
    ("translation", {}),
    ("translation", {"space": "pixels"}),
    ("rotation+brightness", {}),
    ("rotation-mirror", {}),
]
TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("blur", {}),
    ("blur", {"kernel": "sampled"}),
    ("blur", {"kernel": "matched"}),
    ("cyclic-blur", {}),
    ("cyclic-translation", {}),
    ("integer-translation", {}),
    ("brightness", {"clip": True}),
    ("contrast", {}),
    ("gamma", {}),
    ("gaussian", {}),
    ("volume", {}),
    ("mirror", {}),
]
SQUARES_ONLY = {"dihedral", "quarter-turn"}
"""Taken with sides of 1 px, but only where both are."""


def shear() -> Transformation:
    """The example of a stranger's plugin."""
    source = Path(__file__).parents[2] / "examples/gsmooth-shear/src/gsmooth_shear/shear.py"
    spec = importlib.util.spec_from_file_location("shear_of_sides", source)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    found: Transformation = module.Shear()
    return found


def test_every_first_party_transformation_is_tried() -> None:
    tried = {name for name, _ in (*REFUSED, *TAKEN)}
    assert tried | SQUARES_ONLY >= set(transformations())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("spec", "options"), REFUSED)
def test_refuses_an_image_with_a_side_that_has_no_two_pixels(
    spec: str, options: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    operator = load_transformation(spec, options)
    model = Classifier(torch.nn.Flatten(), classes=2, shape=shape)
    law = GaussianLaw((), 0.25)
    with pytest.raises(
        ConfigurationError, match=f"{shape[1]} x {shape[2]} image has no two pixels"
    ):
        SmoothedClassifier(model, operator, law)


def test_takes_images_of_two_pixels_a_side() -> None:
    operator = load_transformation("rotation", {"radius_px": 1.0}).for_shape((1, 2, 2))
    x = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]], dtype=torch.float64)
    turned = operator.attack(x, torch.tensor([[90.0]], dtype=torch.float64))
    assert torch.allclose(turned, x.rot90(1, (2, 3)), atol=1e-12)


@pytest.mark.parametrize(
    ("spec", "options", "shape"),
    [
        ("translation", {"frame_px": 8}, (1, 16, 16)),
        ("translation+brightness", {"translation": {"frame_px": 8}}, (1, 16, 16)),
        ("rotation", {}, (1, 2, 2)),
    ],
)
def test_options_that_leave_nothing_of_an_image_are_an_error_of_configuration(
    spec: str, options: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    operator = load_transformation(spec, options)
    with pytest.raises(ConfigurationError, match=f"{shape[1]} x {shape[2]}"):
        operator.for_shape(shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("spec", "options"), [*TAKEN, ("shear", {})])
def test_bounds_hold_on_what_is_not_refused(
    spec: str, options: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    plain = shear() if spec == "shear" else load_transformation(spec, options)
    operator, draw = plain.for_shape(shape), torch.Generator().manual_seed(0)
    x = torch.rand((1, *shape), generator=draw, dtype=torch.float64)
    parameters = operator.parameters
    identity_action = torch.zeros((1, len(parameters)), dtype=torch.float64)
    assert torch.allclose(
        operator.attack(x, *torch.split(identity_action, 1, dim=1)), x, atol=1e-12
    )
    for pulled_back in (
        PulledBackImage(operator, x),
        PulledBackImage(operator, x, identity_action=True),
    ):
        for axis, parameter in enumerate(parameters):
            if parameter.step:
                continue
            for part in (0.0, 0.1, 0.3, 0.8):
                low, high = identity_action.clone(), identity_action.clone()
                low[0, axis] = part * parameter.usual
                high[0, axis] = (part + 0.05) * parameter.usual
                derivative = pulled_back.derivative(low, high)
                if derivative is None:
                    continue
                moved = float((pulled_back.points(high) - pulled_back.points(low)).norm())
                reach = float(derivative[0, axis] * (high - low)[0, axis])
                assert moved <= reach * (1.0 + 1e-9) + 1e-9, (parameter.name, part)


def test_rotation_refuses_images_without_a_disc_and_takes_one_that_is_given() -> None:
    with pytest.raises(ConfigurationError, match="images of 2 x 5 px hold no disc"):
        load_transformation("rotation").for_shape((1, 2, 5))
    load_transformation("rotation", {"radius_px": 1.0}).for_shape((1, 2, 5))

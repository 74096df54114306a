"""The conformance kit: checks of the claims of a transformation that certificates depend on."""

from __future__ import annotations

try:
    import hypothesis as _hypothesis  # noqa: F401
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "gsmooth.testing searches for counterexamples with Hypothesis, which is not installed;"
        " run: pip install 'gsmooth[test]'",
        name="hypothesis",
    ) from missing

from gsmooth.testing.derivative_checks import Cell
from gsmooth.testing.images import Point, SampleImage
from gsmooth.testing.kit import (
    CheckResult,
    Status,
    check_results,
    repeat,
    shapes_tried,
    transformation_checks,
)
from gsmooth.testing.transformation_under_test import TransformationUnderTest

__all__ = [
    "Cell",
    "CheckResult",
    "Point",
    "SampleImage",
    "Status",
    "TransformationUnderTest",
    "check_results",
    "repeat",
    "shapes_tried",
    "transformation_checks",
]

"""The check of the steps after which the pulled-back image is said to be the same again."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.testing.images import SampleImage
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import TransformationUnderTest, no_claim


def pulled_back_image_recurs(subject: TransformationUnderTest) -> None:
    """||C(theta + P) - C(theta)|| <= e for the step P and the error e of a parameter (T7).

    T7: with Haar noise covers look at one such step of the parameter only.
    """
    bounds, axes = subject.transformation.bounds, range(subject.dimensions)
    blank = SampleImage("blob", 0).tensor(subject.shape)
    steps = {axis: found for axis in axes if (found := bounds.recurrence(blank, axis)) is not None}
    if not steps:
        raise no_claim("recurrence is None, and covers look at the whole region")

    def example(sample_image: SampleImage, where: float, times: int) -> None:
        x = sample_image.tensor(subject.shape)
        pulled_back = PulledBackImage(subject.transformation, x)
        for axis in steps:
            found = bounds.recurrence(x, axis)
            assert found is not None, f"recurrence of parameter {axis} is None for some images"
            step, error = found
            ends = zip(subject.region.lower, subject.region.upper, strict=True)
            theta = [
                parameter.between(
                    low, high, torch.tensor([where], dtype=torch.float64, device="cpu")
                )
                if parameter.step
                else torch.tensor([low + where * (high - low)], dtype=torch.float64, device="cpu")
                for parameter, (low, high) in zip(
                    subject.transformation.parameters, ends, strict=True
                )
            ]
            here = torch.stack(theta, dim=1)
            there = here.clone()
            there[:, axis] += times * step
            points = pulled_back.points(torch.cat([here, there]))
            apart = float((points[1] - points[0]).norm())
            slack = KIT.tolerance.derivative * (1.0 + float(points.norm(dim=1).max()))
            assert apart <= abs(times) * error + slack, (
                f"recurrence of parameter {axis}: at {here[0].tolist()} and {times} x {step:g} from"
                f" there C differs by {apart:.6g}, at most {abs(times) * error:.6g} was promised"
            )

    subject.search(
        example,
        first=[
            {"sample_image": SampleImage(kind, 1), "where": 0.3, "times": times}
            for kind in ("noise", "signed")
            for times in (1, 2, -1)
        ],
        sample_image=subject.sample_images(),
        where=st.floats(0.0, 1.0),
        times=st.integers(-3, 3),
    )

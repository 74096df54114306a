"""A check of the enclosure of originals, which online certificates use."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from gsmooth.testing.derivative_checks import Cell, cell_of, cells
from gsmooth.testing.images import IN_RANGE, SampleImage, sample_images
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import TransformationUnderTest, columns, no_claim
from gsmooth.transforms.region import Region


def preimages_are_enclosed(subject: TransformationUnderTest) -> None:
    """||L x - centre|| <= radius for the image x that was attacked, in the cell of its theta.

    Pixels are rounded as far as the enclosure is told: not at all, to 8 bits, or to 3.
    """
    blank = torch.zeros(1, *subject.shape, dtype=torch.float64, device="cpu")
    origin = torch.zeros(1, subject.dimensions, dtype=torch.float64, device="cpu")
    if subject.transformation.bounds.preimages(blank, origin, origin, 0.0) is None:
        raise no_claim("preimages is None, and only clean images are certified")

    def example(sample_image: SampleImage, cell: Cell, part: tuple[float, ...], bits: int) -> None:
        x = sample_image.tensor(subject.shape)
        _, lower, upper = cell_of(subject, sample_image, cell)
        theta = lower + torch.tensor([part], dtype=torch.float64, device="cpu") * (upper - lower)
        theta = theta.clamp(min=lower, max=upper)
        attacked = subject.transformation.attack(x.clone(), *columns(tuple(theta[0].tolist()), x))
        levels = 2**bits - 1
        sent = (attacked * levels).round() / levels if bits else attacked
        # A slack for rounding in float64.
        rounding = Region(bits=bits).half_level() * (1.0 + 1e-12) + 1e-15
        found = subject.transformation.bounds.preimages(sent.clone(), lower, upper, rounding)
        where = f"on the cell {lower[0].tolist()} to {upper[0].tolist()}, {bits} bits"
        assert found is not None, f"preimages is None {where}"
        assert bool(found.possible[0]), f"{where}: impossible, but theta={theta[0].tolist()} it was"
        lifted = subject.linear_lift(x)
        far = float((lifted[0] - found.centre[0]).norm())
        slack = KIT.tolerance.preimages * (1.0 + float(lifted.norm()))
        assert far <= float(found.radius[0]) + slack, (
            f"{where}: the original lies {far:.6g} from the centre of a ball of radius"
            f" {float(found.radius[0]):.6g} (theta={theta[0].tolist()})"
        )

    inner = st.tuples(*[st.floats(0.0, 1.0)] * subject.dimensions)
    subject.with_examples(0.5).search(
        example,
        sample_image=sample_images(IN_RANGE),
        cell=cells(subject),
        part=inner,
        bits=st.sampled_from([0, 8, 3]),
    )

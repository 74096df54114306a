"""The bound of scaling and similarity by interpolation between corners, on hostile images."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth_similarity import Scaling, Similarity
from gsmooth_similarity.patches import Patches
from tests.plugins.test_rotation_chord import hostile

Shape = tuple[int, int, int]
Plain = Similarity | Scaling
SUBJECTS: list[tuple[Plain, Shape]] = [
    (Similarity(), (1, 12, 12)),
    (Similarity(low_pass_share=0.3), (2, 15, 11)),
    (Similarity(), (1, 28, 28)),
    (Scaling(), (1, 20, 20)),
]
# Angle in degrees and ln of the scale: lower ends, then widths; some too wide for intervals.
CELLS = [((0.0, 0.0), (0.5, 0.006)), ((-0.2, -0.01), (0.4, 0.02)), ((44.0, -0.3), (1.2, 0.003))]
CELLS += [((7.0, 0.2), (0.02, 0.0)), ((3.0, 0.1), (6.0, 0.15)), ((-9.0, 0.05), (0.0, 0.01))]


def inside(lower: Tensor, upper: Tensor, steps: int = 9) -> tuple[Tensor, Tensor]:
    """Parts s (n, m) of a cell (1, m), and the parameters there."""
    line = torch.linspace(0.0, 1.0, steps, dtype=torch.float64)
    s = torch.cartesian_prod(*[line] * lower.shape[1]).reshape(-1, lower.shape[1])
    return s, lower + s * (upper - lower)


def interpolated(corners: Tensor, s: Tensor) -> Tensor:
    """The values (n, K) at s (n, m) of what is linear along every axis; corners (2^m, K)."""
    found = torch.zeros(len(s), corners.shape[1], dtype=corners.dtype)
    choices = itertools.product((0, 1), repeat=s.shape[1])
    for corner, choice in zip(corners, choices, strict=True):
        weight = torch.where(torch.tensor(choice) == 1, s, 1.0 - s).prod(dim=1)
        found += weight[:, None] * corner
    return found


@pytest.mark.parametrize("name", ["noise", "signed", "board", "rim"])
@pytest.mark.parametrize(("plain", "shape"), SUBJECTS)
def test_no_image_leaves_the_interpolation_between_its_corners_by_more(
    plain: Plain, shape: Shape, name: str
) -> None:
    operator = plain.for_shape(shape)
    pulled_back = PulledBackImage(operator, hostile(name, shape))
    axes = slice(2 - len(operator.parameters), 2)
    for low, width in CELLS:
        lower = torch.tensor([low], dtype=torch.float64)[:, axes]
        upper = lower + torch.tensor([width], dtype=torch.float64)[:, axes]
        if not bool((upper > lower).any()):
            continue
        bound = pulled_back.patch(lower, upper)
        assert bound is not None
        corners = pulled_back.corners(lower, upper)[0]
        s, theta = inside(lower, upper)
        apart = (pulled_back.points(theta) - interpolated(corners, s)).norm(dim=1)
        allowed = (4.0 * s * (1.0 - s) * bound).sum(dim=1)
        assert (apart <= allowed + 1e-11 * (1.0 + corners.norm())).all()


def test_of_a_motion_that_follows_its_action_only_the_bending_of_the_action_is_left() -> None:
    rates = torch.tensor([[3.0, 3.0, 1.0, 1.0], [0.0, 0.0, 2.0, 2.0]], dtype=torch.float64)
    # What is pulled back turns around by itself: pairs at -rates * theta, and nothing strays.
    start = torch.tensor([1.0, 0.0, 0.5, 0.0], dtype=torch.float64)

    def at(theta: Tensor) -> Tensor:
        phase = theta @ rates[:, ::2]
        turned = torch.stack([phase.cos(), phase.sin()], dim=2) * start[::2, None]
        return turned.flatten(1)

    width = torch.tensor([[0.1, 0.2]], dtype=torch.float64)
    s, theta = inside(torch.zeros_like(width), width, 41)
    corners = at(torch.tensor(list(itertools.product((0.0, 0.1), (0.0, 0.2))), dtype=torch.float64))
    # Here psi is C itself, and its derivatives are within their whole size of 0.
    sizes = torch.stack([(rate * start).norm() for rate in rates])
    bound = Patches(0.0 * rates, width, sizes[None], corners[None]).bound(0.0)
    apart = (at(theta) - interpolated(corners, s)).norm(dim=1)
    assert (apart <= (4.0 * s * (1.0 - s) * bound).sum(dim=1) + 1e-15).all()


def test_a_smaller_cell_is_left_by_much_less() -> None:
    operator = Similarity().for_shape((1, 28, 28))
    row, col = torch.meshgrid(*[torch.linspace(-1.0, 1.0, 28).double()] * 2, indexing="ij")
    smooth = torch.exp(-3.0 * (row**2 + (col - 0.2) ** 2))[None, None]
    pulled_back = PulledBackImage(operator, smooth)
    lower = torch.tensor([[1.0, 0.02]], dtype=torch.float64)
    width = torch.tensor([[0.8, 0.01]], dtype=torch.float64)
    large, small = (pulled_back.patch(lower, lower + width / part) for part in (1, 4))
    assert large is not None
    assert small is not None
    assert (small < 0.16 * large).all()

"""Places of pixels, and transforms that work on one axis at a time."""

from __future__ import annotations

import math

import pytest
import torch

from gsmooth.geometry.pixels import disc, farthest, known_size, offsets
from gsmooth.geometry.separable import AxisMap, Separable


def test_offsets_are_those_from_the_point_between_the_middle_pixels() -> None:
    row, col = offsets((2, 3), torch.arange(6))
    assert row.tolist() == [-0.5, -0.5, -0.5, 0.5, 0.5, 0.5]
    assert col.tolist() == [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0]


def test_the_farthest_of_all_pixels_is_a_corner() -> None:
    assert farthest((5, 7), torch.arange(35)) == math.hypot(2.0, 3.0)
    assert farthest((5, 7), torch.arange(0)) == 0.0


def test_a_disc_holds_the_pixels_whose_centre_is_within_its_radius() -> None:
    assert disc(3, 3, 1.0).tolist() == [1, 3, 4, 5, 7]


def test_a_disc_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no pixel of 4 x 4 images .* radius_px=0.5"):
        disc(4, 4, 0.5)


def test_an_unknown_size_is_refused_with_what_to_call() -> None:
    assert known_size("blur", (4, 5)) == (4, 5)
    with pytest.raises(ValueError, match=r"blur: the image size is not known yet; call for_shape"):
        known_size("blur", None)


def test_a_separable_map_is_the_kronecker_product_of_its_axes_and_has_its_adjoint() -> None:
    draw = torch.Generator().manual_seed(0)
    down, along, x = (
        torch.randn(*size, generator=draw, dtype=torch.float64)
        for size in ((3, 4), (2, 5), (2, 3, 4, 5))
    )
    transform = Separable(AxisMap(down, torch.arange(3)), AxisMap(along, torch.arange(2)))
    z = transform.analyse(x)
    dense = torch.kron(down, along)
    assert torch.allclose(z.flatten(2), x.flatten(2) @ dense.T, rtol=0, atol=1e-13)
    back = transform.synthesise(z)
    assert torch.allclose(back.flatten(2), z.flatten(2) @ dense, rtol=0, atol=1e-12)
    assert torch.equal(transform.grid(z.flatten(1)), z)
    kept = transform.constants(z.flatten(1)).view(z.shape)
    assert torch.equal(kept[..., 0, 0], z[..., 0, 0])
    assert int((kept != 0.0).sum()) == 2 * 3

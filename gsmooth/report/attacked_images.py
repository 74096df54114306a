"""Attacked images of a run, made by installed transformations from images that the user gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.dataset import Dataset
from gsmooth.errors import InputError, RecordError
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.row_parts import AttackRecord
from gsmooth.transforms import registry
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from gsmooth.transforms.base import Transformation


class Shown(Protocol):
    """The facts about an image that its pictures need."""

    @property
    def index(self) -> int:
        """Position of the image in the data set."""

    @property
    def region(self) -> Region:
        """The region of the run."""

    @property
    def certified_region(self) -> Region | None:
        """The certified region; None for an abstention."""

    @property
    def attack(self) -> AttackRecord | None:
        """The worst attack found; None if the run made no attack."""


def installed_transformation(records: Records, shape: tuple[int, int, int]) -> Transformation:
    """Find the transformation of a run by name among the installed ones.

    The records may come from an untrusted source: no code is loaded from names in them.

    Args:
        records: Records of the run.
        shape: Shape (C, H, W) of its images.

    Raises:
        PluginError: The transformation is not installed.
    """
    action = section(records.header.config, "transformation")
    found = registry.load_installed(str(action.get("name")), section(action, "options"))
    return found.for_shape(shape)


def require_same_images(records: Records, dataset: Dataset) -> None:
    """Raise InputError if the images are not those of the run."""
    known = section(records.header.identity, "digests").get("images")
    if known is not None and known != dataset.digest():
        raise InputError(
            f"data {dataset.name}: not the images that {records.path} is about; the pictures would"
            " be of others"
        )


def require_rows_in(dataset: Dataset, records: Records, indices: Sequence[int]) -> None:
    """Raise RecordError if one of the rows is about an image that is not in the data."""
    if missing := [index for index in indices if not 0 <= index < len(dataset)]:
        raise RecordError(
            f"{records.path}: image {missing[0]} is none of the {len(dataset)} of {dataset.name};"
            " gsmooth verify says what else is wrong with these records"
        )


def attacked_images(
    transformation: Transformation,
    dataset: Dataset,
    row: Shown,
    thetas: Sequence[tuple[float, ...]],
    input_range: tuple[float, float],
) -> NDArray[np.float64]:
    """Attack one image with several parameters.

    Args:
        transformation: The transformation, for images of this shape.
        dataset: The images.
        row: Which image, and whether attacked images are rounded.
        thetas: The parameters, K points.
        input_range: Least and greatest value of a pixel.

    Returns:
        The attacked images (K, C, H, W).
    """
    import torch

    from gsmooth.attacks import rounded

    image = dataset.image(row.index)
    several = image.expand(len(thetas), *image.shape)
    columns = torch.tensor(thetas, dtype=torch.float64, device="cpu").reshape(len(thetas), -1)
    with torch.no_grad():
        attacked = transformation.attack(several, *columns.T[:, :, None])
        pixels: NDArray[np.float64] = rounded(attacked, row.region.bits, input_range).numpy()
    return pixels


def is_inside(theta: tuple[float, ...], region: Region | None) -> bool:
    """Return True if the parameters lie in the region; False without one."""
    if region is None:
        return False
    return all(
        low <= value <= high
        for low, value, high in zip(region.lower, theta, region.upper, strict=True)
    )


def pixel_limits(dataset: Dataset) -> tuple[float, float]:
    """Return the pixel values that are drawn black and white."""
    if dataset.images.dtype == np.uint8:
        return dataset.input_range
    return dataset.extremes()


def input_range_of(records: Records) -> tuple[float, float]:
    """Return the least and greatest value of a pixel for the model of a run; by default 0 and 1."""
    match section(records.header.config, "model").get("input_range"):
        case (int() | float() as low, int() | float() as high) if low < high:
            return low, high
    return 0.0, 1.0


def section(config: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a section of a recorded configuration; an empty one where there is none."""
    found = config.get(name)
    return found if isinstance(found, Mapping) else {}

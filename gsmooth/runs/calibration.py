"""Calibration: a bound on the error of most images, and the file that keeps it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

import torch

from gsmooth.certificate import Guarantee, Premise
from gsmooth.cover import Cover, CoverBuilder, check_region
from gsmooth.cover.bounds.boxes import require_any_value
from gsmooth.cover.bounds.origin import Rule, origin_of
from gsmooth.cover.distributional import distributional_cover
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.data.image_key import image_name
from gsmooth.errors import ConfigurationError, InputError, RecordError
from gsmooth.runs.records.codec import decode, encode, parse, to_line
from gsmooth.theory.tolerance import tolerance_rank
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from torch import Tensor

    from gsmooth.data.item import Item
    from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
    from gsmooth.transforms.base import Transformation
from gsmooth.transforms.options import recorded_options

SCHEMA_VERSION: Final = 2


@final
@dataclass(frozen=True)
class Calibration:
    """For a share of at least ``share`` of images like these, E <= ``error``.

    E of an image: sup over theta in ``region`` of ||T_(-theta) L psi_theta(x) - c||, with c as
    ``centre`` says (:func:`gsmooth.cover.bounds.origin.origin_of`). The statement has confidence 1
    - alpha
    over the choice of the calibration images, whatever the distribution they were drawn from
    (:func:`gsmooth.theory.tolerance.tolerance_rank`).

    transformation, options: name and fields of the transformation as bound to ``shape`` (C, H, W).
    errors: the proved bound on E of every calibration image; error is the ``rank``-th smallest.
    digests: sha256 of every image's float64 bytes. tolerance: relative, of each bound. input_range:
    of the images, in whose units the errors are. Raises
    ConfigurationError unless rank and error follow from the rest.
    """

    transformation: str
    options: Mapping[str, object]
    shape: tuple[int, ...]
    region: Region
    centre: Rule
    error: float
    share: float
    alpha: float
    rank: int
    tolerance: float
    errors: tuple[float, ...]
    digests: tuple[str, ...]
    versions: Mapping[str, str]
    input_range: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.region.l2 or self.region.bits or not self.region.dimensions:
            raise ConfigurationError(
                "calibration: its region is of parameters alone; l2 balls and rounding are added"
                " when a cover is built"
            )
        if len(self.digests) != len(self.errors):
            raise ConfigurationError(
                f"calibration: {len(self.errors)} errors of {len(self.digests)} images"
            )
        rank = tolerance_rank(len(self.errors), self.share, self.alpha)
        error = sorted(self.errors)[rank - 1]
        if (self.rank, self.error) != (rank, error):
            raise ConfigurationError(
                f"calibration: rank {self.rank} and error {self.error!r}, but its {self.images}"
                f" images give rank {rank} and error {error!r}"
            )

    @property
    def images(self) -> int:
        """How many images it rests on."""
        return len(self.errors)

    @property
    def premise(self) -> Premise:
        """What a certificate that uses it rests on."""
        return Premise(self.error, self.share, 1.0 - self.alpha)

    @cached_property
    def digest(self) -> str:
        """sha256 of all of it: part of a run's fingerprint."""
        return hashlib.sha256(to_line(self).encode()).hexdigest()

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.digests)

    def require_for(self, transformation: Transformation, shape: tuple[int, int, int]) -> None:
        """ConfigurationError unless it is of this transformation, bound to images of ``shape``."""
        stated = (self.transformation, dict(self.options), tuple(self.shape))
        asked = (transformation.name, options_of(transformation), tuple(shape))
        for what, there, here in zip(
            ("transformation", "options", "shape"), stated, asked, strict=True
        ):
            if there != here:
                raise ConfigurationError(
                    f"certify.calibration: {what} {there!r} there, {here!r} in this run; run"
                    " gsmooth calibrate with the model and the options of this run"
                )

    def require_range(self, input_range: tuple[float, float]) -> None:
        """ConfigurationError unless its images had this range: its errors are in their units."""
        if tuple(self.input_range) != tuple(input_range):
            raise ConfigurationError(
                f"certify.calibration: of images in {list(self.input_range)}, but the model of this"
                f" run takes {list(input_range)}; run gsmooth calibrate with the model of this run"
            )

    def require_holds(self, region: Region) -> None:
        """ConfigurationError unless the parameters of ``region`` lie in the calibrated ones."""
        own = self.region
        inside = region.dimensions == own.dimensions and all(
            low <= lower and upper <= high
            for low, lower, upper, high in zip(
                own.lower, region.lower, region.upper, own.upper, strict=True
            )
        )
        if not inside:
            raise ConfigurationError(
                f"certify.calibration: calibrated on {_ends(own)}, which does not hold the region"
                f" {_ends(region)} of this run; calibrate on the larger one (gsmooth calibrate)"
            )

    def require_fresh(self, image: Tensor, name: str) -> None:
        """InputError, led by ``name``, if the image was calibrated on: it has to be a new draw."""
        if image_digest(image) in self._known:
            raise InputError(
                f"{name} is one of the calibration images; the distributional guarantee is for"
                " new images: certify others, or calibrate on others"
            )

    def to_json(self) -> str:
        """One line of strict JSON and a newline."""
        return to_line({"schema": SCHEMA_VERSION, **_plain(self)}) + "\n"

    @staticmethod
    def from_json(text: str | bytes, where: str = "calibration") -> Calibration:
        """The calibration that was written; RecordError (``where`` leads it) unless it fits."""
        found = parse(text, where)
        if not isinstance(found, dict):
            raise RecordError(f"{where}: {found!r} found; expected an object")
        version = found.pop("schema", None)
        if version == 1:  # Of 0.1.0, which took every 8-bit image into [0, 1].
            found["input_range"] = [0.0, 1.0]
        elif version != SCHEMA_VERSION:
            raise RecordError(
                f"{where}: schema version {version!r}; this gsmooth reads calibrations of version"
                f" {SCHEMA_VERSION}"
            )
        return decode(Calibration, found, where)


def read_calibration(path: Path) -> Calibration:
    """The calibration in a file; RecordError when it cannot be read or does not fit itself."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RecordError(
            f"calibration {path} cannot be read ({error.strerror}); gsmooth calibrate writes one"
        ) from error
    return Calibration.from_json(text, str(path))


@final
@dataclass(frozen=True)
class CalibratedCovers(CoverBuilder):
    """Covers by equal boxes that take the error of an image from a calibration (S8).

    Args:
        calibration: The error, and for which images, region and transformation it holds.
        boxes: The number of equal boxes, each with its own centre.
    """

    calibration: Calibration
    boxes: int

    @property
    def guarantee(self) -> Guarantee:
        """Distributional."""
        return Guarantee.DISTRIBUTIONAL

    @property
    def centres(self) -> int:
        """The number of boxes."""
        return self.boxes

    @property
    def error(self) -> float:
        """The calibrated error."""
        return self.calibration.error

    def check(self, smoothed: SmoothedClassifier, region: Region) -> None:
        """ConfigurationError unless the calibration is of this transformation and region."""
        check_region(smoothed, region)
        require_any_value(smoothed, "the distributional guarantee")
        self.calibration.require_for(smoothed.transformation, smoothed.image_shape)
        self.calibration.require_holds(region)

    def cover(self, smoothed: SmoothedClassifier, item: Item, region: Region) -> Cover:
        """The cover of one image; InputError if the image was calibrated on."""
        calibration = self.calibration
        calibration.require_fresh(item.image, image_name(item.index))
        pulled_back = PulledBackImage(smoothed.transformation, item.image[None].to(torch.float64))
        origin = origin_of(pulled_back, calibration.region, calibration.centre)
        return distributional_cover(
            smoothed, item.image, region, calibration.error, self.boxes, origin
        )


def image_digest(image: Tensor) -> str:
    """sha256 (hex) of an image's float64 bytes."""
    return hashlib.sha256(image.double().contiguous().numpy().tobytes()).hexdigest()


def options_of(transformation: Transformation) -> dict[str, object]:
    """The fields of a transformation as plain JSON values, and what it does not smooth."""
    found = recorded_options(transformation)
    if transformation.unsmoothed:  # The error of an image depends on it.
        found["resting"] = list(transformation.unsmoothed)
    return found


def _plain(calibration: Calibration) -> dict[str, object]:
    encoded = encode(calibration)
    assert isinstance(encoded, dict)
    return encoded


def _ends(region: Region) -> str:
    return " x ".join(
        f"[{low:g}, {high:g}]" for low, high in zip(region.lower, region.upper, strict=True)
    )

"""tune: which lift and which noise suit training images, before a network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gsmooth.api.images import taken_images, taken_labels
from gsmooth.api.progress import Waiting, is_wanted
from gsmooth.certification import RegionMode
from gsmooth.data.dataset import Dataset
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.models.classifier import Classifier
from gsmooth.text.notebook import table_html
from gsmooth.text.rounding import percent
from gsmooth.theory.parameter_noise import ParameterNoise, noise_texts
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import load_transformation
from gsmooth.tuning import Candidate, LabelledModel, Tuning, steps, tuned
from gsmooth.tuning.settings import TUNING

if TYPE_CHECKING:
    from gsmooth.api.images import ImagesLike, LabelsLike


@final
@dataclass(frozen=True)
class Recommendation:
    """A lift and a noise that suit the images, and what they were compared with.

    Args:
        tuning: All candidates with their figures, the recommended one first.

    Example:
        >>> import gsmooth as gs
        >>> images = gs.load_data("shipped:digits").images[:20]
        >>> found = gs.tune("brightness", images, gs.Region(brightness=(-0.1, 0.1)), progress=False)
        >>> len(found.table()) > 1, found.table()[0].sigma == found.sigma
        (True, True)
    """

    tuning: Tuning

    @property
    def transformation(self) -> Transformation:
        """The transformation with the recommended lift."""
        return self.tuning.best.transformation

    @property
    def noise(self) -> Mapping[str, ParameterNoise]:
        """The noise on every parameter by name; empty for none (T = id)."""
        return self.tuning.best.choice.by_name(self.transformation)

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise on the image, in units of the input range."""
        return self.tuning.best.sigma

    @property
    def notices(self) -> tuple[str, ...]:
        """What to know before it is used."""
        return self.tuning.notices

    def __repr__(self) -> str:
        best = self.tuning.best
        names = [parameter.name for parameter in best.transformation.parameters]
        texts = [*noise_texts(best.law(), names), f"sigma={best.sigma:g}"]
        return f"Recommendation({best.transformation!r}, {', '.join(texts)})"

    def _repr_html_(self) -> str:
        """For notebooks: the table of candidates, the recommended one first."""
        names = [parameter.name for parameter in self.transformation.parameters]
        rows = [
            (
                repr(one.transformation),
                ", ".join(noise_texts(one.law(), names)) or "none",
                f"{one.sigma:g}",
                f"{one.figures.residual.median:.3f}",
                one.figures.centres,
                f"{one.figures.votes.median:,.0f}",
                "" if one.figures.accuracy is None else percent(one.figures.accuracy),
            )
            for one in self.table()
        ]
        columns = ("lift", "noise", "sigma", "residual", "centres", "votes", "accuracy")
        return table_html("Recommended by a heuristic: the first line", columns, rows)

    def table(self) -> list[Candidate]:
        """The candidates, the recommended one first; each has ``figures``."""
        return list(self.tuning.candidates)


def tune(
    transformation: Transformation | str,
    images: ImagesLike,
    region: Region,
    *,
    labels: LabelsLike | None = None,
    model: Classifier | None = None,
    input_range: tuple[float, float] = (0.0, 1.0),
    alpha: float = 0.001,
    max_votes: int = 5000,
    progress: bool | None = None,
) -> Recommendation:
    """Recommend a lift and a noise for a region, from training images and without votes.

    A heuristic (D1 in the documentation's theory): no certificate depends on the choice.

    Args:
        transformation: Its name, or the object; its lift is varied.
        images: Training images, a tensor or an array (N, C, H, W); a few hundred are enough.
        region: What is to be certified.
        labels: Their classes, one integer an image. With them the information that the noise leaves
            about classes is compared, which ranks lifts better.
        model: A trained network (``load_model``); its accuracy under the noise then decides. Needs
            labels.
        input_range: Least and greatest value of a pixel.
        alpha: Level of the certificates, for expected votes.
        max_votes: Budget of an image, for expected votes.
        progress: Whether to show a bar; by default on a terminal.

    Returns:
        The recommendation: pass its transformation, noise and sigma to :func:`train` and
        :class:`SmoothedClassifier`.

    Raises:
        InputError: Images or labels cannot be used, or there are fewer than two.
        ConfigurationError: The region does not fit the transformation.

    Example:
        >>> import gsmooth as gs
        >>> images = gs.load_data("shipped:digits").images[:20]
        >>> found = tune("brightness", images, gs.Region(brightness=(-0.1, 0.1)), progress=False)
        >>> found.noise, found.sigma
        ({'brightness': Gaussian(std=0.04)}, 0.03)
    """
    operator = transformation
    if isinstance(operator, str):
        operator = load_transformation(operator)
    kept = taken_images(images, _stand_in(images, input_range, model))
    pixels = torch.stack([kept.image(index) for index in range(len(kept))])
    truth = None
    if labels is not None:
        classes = int(np.asarray(labels).max()) + 1 if model is None else model.classes
        truth = taken_labels(labels, len(kept), classes)
    waiting = Waiting(
        steps(operator, kept.shape, model is not None), is_wanted(progress), unit="lifts"
    )
    with waiting:
        found = tuned(
            operator,
            pixels,
            _along(operator, region, kept.shape),
            RegionMode(alpha=alpha, max_votes=max_votes),
            labels=truth,
            input_range=input_range,
            model=None if model is None else _measured(model, pixels, truth),
            on_step=lambda done, total: waiting.update(done, 0),
        )
    return Recommendation(found)


def _stand_in(
    images: ImagesLike, input_range: tuple[float, float], model: Classifier | None
) -> Classifier:
    """What images are checked against where there is no network yet: their own shape."""
    given = images.shape if isinstance(images, Dataset) else getattr(images, "shape", ())
    shape = tuple(int(side) for side in given)[-3:]
    if len(shape) != 3:
        raise InputError(
            f"tune: images of type {type(images).__name__}; expected a tensor, an array"
            " (N, C, H, W), or what gsmooth.load_data gives"
        )
    span = input_range if model is None else model.input_range
    sides = (shape[0], shape[1], shape[2])
    return Classifier(nn.Identity(), classes=2, shape=sides, input_range=span, name="tune")


def _along(operator: Transformation, region: Region, shape: tuple[int, int, int]) -> Region:
    """The region with its intervals in the order of the parameters."""
    units = {parameter.name: parameter.unit for parameter in operator.parameters}
    return region.along(units, operator.name)


def _measured(model: Classifier, pixels: Tensor, labels: NDArray[np.int64] | None) -> LabelledModel:
    if labels is None:
        raise ConfigurationError("tune: a model was given without labels; its accuracy needs them")
    few = slice(0, TUNING.model.images)
    names = tuple(str(label) for label in range(model.classes))
    return LabelledModel(model, pixels[few], labels[few], names)

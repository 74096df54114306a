"""Which classes turned images are taken for: whether orientation, say, tells labels apart (T7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from gsmooth.sampling import SampleRequest
from gsmooth.sampling.noise import SampleKey, Stream
from gsmooth.text.rounding import percent
from gsmooth.tuning.candidate import Candidate
from gsmooth.tuning.model import LabelledModel
from gsmooth.tuning.settings import TUNING


@final
@dataclass(frozen=True)
class Turned:
    """What a model makes of images all around a period.

    Args:
        parameter: The periodic parameter.
        upright: Accuracy on images that are not attacked, under noise on z alone.
        turned: Accuracy over the whole period.
        confused: (class, other class, share): so many turned images of the class are taken for the
            other one, largest share first.
    """

    parameter: str
    upright: float
    turned: float
    confused: tuple[tuple[int, int, float], ...]

    def notice(self, names: Sequence[str]) -> str:
        """A plain warning; empty where nothing is confused, or upright images are not known."""
        if not self.confused or self.upright < 0.5:
            return ""
        shown = ", ".join(
            f"{names[one]} for {names[other]} ({percent(share)})"
            for one, other, share in self.confused[:5]
        )
        return (
            f"under every {self.parameter} the model takes {shown}: labels that {self.parameter}"
            " tells apart, or a network that has not seen such images. The law haar makes every"
            f" {self.parameter} alike, so labels that it tells apart are lost"
        )


@torch.no_grad()
def turned_images(model: LabelledModel, one: Candidate, axis: int) -> Turned:
    """Classify images all around the period of parameter ``axis``, under noise on z alone.

    one: a candidate whose lift and sigma are used; the noise on its parameters is left out.
    """
    g = model.smoothed(one, resting=True)
    period = g.transformation.periods(g.image_shape)[axis]
    turns = np.arange(TUNING.model.turns) * (period / TUNING.model.turns)
    shape = (len(turns), len(g.transformation.parameters))
    theta = torch.zeros(shape, dtype=torch.float64, device="cpu")
    theta[:, axis] = torch.from_numpy(turns)
    columns = theta.tensor_split(theta.shape[1], dim=1)
    requests = []
    for index, image in enumerate(model.images):
        attacked = g.transformation.attack(image.expand(len(turns), -1, -1, -1), *columns)
        lifted = g.transformation.lift(attacked)
        requests += [
            SampleRequest(SampleKey(0, index, Stream.SCREENING, 1, turn), z, rows=1)
            for turn, z in enumerate(lifted)
        ]
    counts = g.count(requests).reshape(len(model.images), len(turns), -1)
    return _turned(g.transformation.parameters[axis].name, counts, model.labels)


def _turned(parameter: str, counts: NDArray[np.int64], labels: NDArray[np.int64]) -> Turned:
    """counts (images, turns, classes + 1); ties are of no class."""
    right = np.take_along_axis(counts, labels[:, None, None], axis=2)[:, :, 0]
    found = []
    for label in np.unique(labels):
        share = counts[labels == label].mean(axis=(0, 1))[:-1]
        share[label] = 0.0
        other = int(share.argmax())
        if share[other] >= TUNING.model.confused:
            found.append((int(label), other, float(share[other])))
    found.sort(key=lambda one: -one[2])
    return Turned(parameter, float(right[:, 0].mean()), float(right.mean()), tuple(found))

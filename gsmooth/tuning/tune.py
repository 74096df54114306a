"""Tuning: compare lifts and noises on training images, without votes, and recommend one (D1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.certification import RegionMode
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region
from gsmooth.tuning.candidate import Candidate, MeasuredLift, candidate
from gsmooth.tuning.model import LabelledModel
from gsmooth.tuning.noises import NoiseChoice, noise_choices
from gsmooth.tuning.settings import TUNING
from gsmooth.tuning.turned import turned_images

OnStep = Callable[[int, int], None]
"""Called with the number of finished steps and that of all."""


UNSEEN: Final = (
    "the law haar makes all values of the parameter alike: not for labels that it tells apart, such"
    " as 6 and 9, or arrows, under rotation. With a model (-m) its confusion of turned images is"
    " shown"
)


@final
@dataclass(frozen=True)
class Tuning:
    """Candidates, the recommended one first, and what they were compared on.

    The order is a heuristic (D1). No certificate rests on it: a candidate that is worse than it
    seems costs votes and accuracy, never soundness.

    Args:
        candidates: Best first.
        images: Number of images.
        region: What is to be certified.
        notices: What to know before the recommendation is used, a sentence each.
    """

    candidates: tuple[Candidate, ...]
    images: int
    region: Region
    notices: tuple[str, ...] = ()

    @property
    def best(self) -> Candidate:
        """The recommendation."""
        return self.candidates[0]


def tuned(
    operator: Transformation,
    images: Tensor,
    region: Region,
    mode: RegionMode,
    *,
    given: Mapping[str, object] = {},
    laws: str | tuple[str, ...] | None = None,
    labels: NDArray[np.int64] | None = None,
    input_range: tuple[float, float] = (0.0, 1.0),
    model: LabelledModel | None = None,
    on_step: OnStep = lambda done, total: None,
    is_late: Callable[[], bool] | None = None,
) -> Tuning:
    """Measure every lift, choose noise for each, and rank the candidates.

    Without a model, the law whose centres are expected to cost least at the best lift comes first,
    and within a law the lift that keeps most information, about labels where there are any (D1).
    Haar noise comes first only where the region is a large part of the period: it hides all that
    the parameter tells. With a model its accuracy under the noise decides among the best ones.

    Args:
        operator: The transformation.
        images: Training images (N, C, H, W), float64, N >= 2.
        region: What is to be certified.
        mode: The rule of decision: its alpha and its budget of votes.
        given: Options that are not to be changed.
        laws: The only law to be considered, or that of every parameter; None: all that fit.
        labels: Class of every image (N,); None: only information about the images is compared.
        input_range: Least and greatest value of a pixel.
        model: Measures accuracy; None: nothing is classified.
        on_step: Told how far the work is.
        is_late: Asked after every lift whether the others are to be left out; the lifts come in an
            order that is spread over them. None: all are measured.

    Raises:
        InputError: There are fewer than two images.
        ConfigurationError: No lift fits the images, or none fits the model.
    """
    if len(images) < 2:
        raise InputError(f"tune: {len(images)} image; give at least two training images")
    channels, height, width = images.shape[1:]
    lifts = lift_variants(operator, (channels, height, width), given)
    choices = noise_choices(operator, region, (channels, height, width), laws)
    tried = 0 if model is None else TUNING.model.candidates
    total = len(lifts) + tried
    found: list[Candidate] = []
    for done, lift in enumerate(lifts if is_late is None else _spread(lifts)):
        acting = bool(choices[0].laws)
        measured = MeasuredLift.of(lift, images, region, acting=acting, labels=labels)
        found += [candidate(measured, one, region, mode, input_range) for one in choices]
        on_step(done + 1, total)
        if is_late is not None and is_late():
            break
    ranked = _by_information(found, choices, region, (channels, height, width))
    notices: tuple[str, ...] = ()
    if model is not None:
        ranked = [*_as_given(found, lifts[0], ranked), *ranked]
        ranked = _by_accuracy(ranked, model, region, lambda done: on_step(len(lifts) + done, total))
        notices = _notices(ranked, model)
        on_step(total, total)
    elif ranked[0].choice.haar:
        notices = (UNSEEN,)
    return Tuning(tuple(ranked), len(images), region, notices)


def steps(
    operator: Transformation,
    shape: tuple[int, int, int],
    with_model: bool,
    given: Mapping[str, object] = {},
) -> int:
    """Steps that :func:`tuned` takes."""
    tried = TUNING.model.candidates if with_model else 0
    return len(lift_variants(operator, shape, given)) + tried


def lift_variants(
    operator: Transformation, shape: tuple[int, int, int], given: Mapping[str, object] = {}
) -> list[Transformation]:
    """The transformation with every lift worth trying on images (C, H, W), itself included.

    given: options that keep their values. Lifts that the images are too small for are left out.
    """
    found: dict[Transformation, None] = {}
    for variant in (operator, *operator.lift_variants(shape)):
        try:
            made = with_options(variant, given)
            made.for_shape(shape)
        except (ConfigurationError, ValueError):
            continue
        found[made] = None
    if not found:
        operator.for_shape(shape)  # It says why.
    return list(found) or [operator]


def _spread(lifts: Sequence[Transformation]) -> list[Transformation]:
    """The first lift, then the others in an order that is the same in every call."""
    others = np.random.default_rng(0).permutation(len(lifts) - 1).tolist()
    return [lifts[0], *(lifts[1 + place] for place in others)]


def with_options(operator: Transformation, given: Mapping[str, object]) -> Transformation:
    """``operator`` with these options; those of a part of a composition are a table."""
    changed: dict[str, object] = {}
    for name, value in given.items():
        own = getattr(operator, name)
        if isinstance(own, Transformation) and isinstance(value, Mapping):
            changed[name] = with_options(own, value)
        else:
            changed[name] = tuple(value) if isinstance(value, list) else value
    made: Transformation = replace(operator, **changed)  # type: ignore[type-var]
    return made


def _by_information(
    found: Sequence[Candidate],
    choices: Sequence[NoiseChoice],
    region: Region,
    shape: tuple[int, int, int],
) -> list[Candidate]:
    """The cheapest law first, by its best lift; within a law the most information first."""
    by_law = []
    for choice in choices:
        own = [one for one in found if one.choice == choice]
        by_law.append(sorted(own, key=lambda one: -one.figures.merit))
    by_law.sort(key=lambda own: (_hides(own[0], region, shape), own[0].figures.votes.most))
    first, others = by_law[0], [own[0] for own in by_law[1:]]
    # The best of every other law is shown beside the best lifts of the first.
    return [*first[: TUNING.search.shown - len(others)], *others]


def _hides(one: Candidate, region: Region, shape: tuple[int, int, int]) -> bool:
    """Whether Haar noise covers far more of a period than the region does."""
    periods = one.transformation.periods(shape)
    widths = [high - low for low, high in zip(region.lower, region.upper, strict=True)]
    return any(widths[axis] < TUNING.noise.haar_from * periods[axis] for axis in one.choice.haar)


def _as_given(
    found: Sequence[Candidate], operator: Transformation, ranked: Sequence[Candidate]
) -> list[Candidate]:
    """The candidates with the lift that was given, as far as they are not ranked high already.

    A trained model is likely to have been trained under that lift.
    """
    return [one for one in found if one.transformation == operator and one not in ranked]


def _choices(found: Sequence[Candidate]) -> list[NoiseChoice]:
    return list(dict.fromkeys(one.choice for one in found))


def _notices(ranked: Sequence[Candidate], model: LabelledModel) -> tuple[str, ...]:
    """A warning for every parameter with Haar noise under which the model confuses classes."""
    for one in ranked:
        if one.choice.haar and model.takes(one):
            found = [turned_images(model, one, axis) for axis in one.choice.haar]
            return tuple(text for turned in found if (text := turned.notice(model.names)))
    return ()


def _by_accuracy(
    ranked: Sequence[Candidate],
    model: LabelledModel,
    region: Region,
    on_step: Callable[[int], None],
) -> list[Candidate]:
    """The same candidates by their accuracy, where it was measured; the others behind them."""
    fitting = [one for one in ranked if model.takes(one)]
    # The best of every law is measured, then the others in their order.
    firsts = [next(one for one in fitting if one.choice == choice) for choice in _choices(fitting)]
    fitting = [*firsts, *(one for one in fitting if one not in firsts)]
    if not fitting:
        channels, height, width = model.images.shape[1:]
        raise ConfigurationError(
            f"tune: {model.classifier.name} takes {model.classifier.shape}, but no lift reads"
            f" images {(channels, height, width)} out so; fix the option readout, or give another"
            " model"
        )
    found = []
    for done, one in enumerate(fitting):
        if done < TUNING.model.candidates:
            accuracy = model.accuracy(one, region)
            one = replace(one, figures=replace(one.figures, accuracy=accuracy))
            on_step(done + 1)
        found.append(one)
    return sorted(found, key=lambda one: -(one.figures.accuracy or 0.0))[: TUNING.search.shown]

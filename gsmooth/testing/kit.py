"""The public functions of the kit: lists of checks, their results, and the repeat of an example."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from time import perf_counter
from typing import Final, final
from unittest import SkipTest

import torch

from gsmooth.errors import ConfigurationError
from gsmooth.testing.checks import EVERY, ONCE, Body, inapplicable
from gsmooth.testing.repeat import code_for
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import Act, Falsified, TransformationUnderTest
from gsmooth.text.spelling import did_you_mean
from gsmooth.theory.laws import Law
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region

Check = Callable[[], None]
Shape = tuple[int, int, int]

_BODIES: Final[Mapping[str, Body]] = {body.__name__: body for body in EVERY}


class Status(StrEnum):
    """Status of a check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    EXEMPT = "exempt"


@final
@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Args:
        check: Name of the check.
        status: Whether it passed, failed or was skipped.
        why: The claim if it passed, the counterexample if it failed, else the reason of the skip.
        code: Code that repeats the counterexample; empty if there is none.
        seconds: Duration of the check.
    """

    check: str
    status: Status
    why: str
    code: str = ""
    seconds: float = 0.0


class Exempted(SkipTest):
    """Skips a check that the caller has exempted."""


def transformation_checks(
    transformation: Transformation,
    *,
    shape: Shape | None = None,
    region: Region | None = None,
    examples: int = 25,
    derandomize: bool | None = None,
    exact: Act | None = None,
    exempt: Mapping[str, str] | None = None,
    laws: Sequence[Law] = (),
    seed: int | None = None,
) -> list[Check]:
    """Return the checks of a transformation, as functions without arguments.

    Use it with ``pytest.mark.parametrize("check", transformation_checks(Volume()))``. Each function
    checks one claim and raises AssertionError with a counterexample if the claim is false.
    Hypothesis searches and shrinks the counterexample, which is printed with code that repeats it.
    The list contains only checks of claims that the transformation makes (an action, orthogonality,
    a derivative bound, ...); ``gsmooth check`` prints the reasons for the others. The tests of
    gsmooth contain faulty transformations, and every fault fails a check (O5).

    Args:
        transformation: The transformation.
        shape: Shape (C, H, W) of the images. By default two shapes: one channel, and, with fewer
            examples and if the transformation accepts it, three channels that are not square.
        region: Box of parameters, as wide as in certification. By default two regions: each
            parameter's ``usual`` range (one-sided parameters: from 0), and one with ends between
            whole numbers and noise wider than the region.
        examples: Examples for each check; slow checks use fewer.
        derandomize: True to try the same examples each time; by default as the current Hypothesis
            profile does.
        exact: T_theta z, computed independently in higher precision, for the check of
            action_error; by default actions are composed instead.
        exempt: Name of a check -> reason. The check is skipped, and the reason printed.
        laws: Smoothing laws to check; by default all laws of gsmooth that fit the parameters.
        seed: Seed of the examples; votes have a fixed seed anyway.

    Raises:
        ConfigurationError: ``exempt`` has an unknown name or an empty reason.
    """
    subjects = [
        replace(subject, derandomize=derandomize, given_laws=tuple(laws), seed=seed)
        for subject in _subjects(transformation, shape, region, examples)
    ]
    # An exact action or a law for images of one shape may not fit another shape.
    first = subjects[0].shape
    subjects = [replace(s, exact=exact if s.shape == first else None) for s in subjects]
    reasons = dict(exempt or {})
    _check_exemptions(reasons)
    return [
        _check(body, subjects, reasons.get(body.__name__))
        for body in EVERY
        if body.__name__ in reasons or inapplicable(body, subjects[0]) is None
    ]


def check_results(
    transformation: Transformation,
    *,
    shape: Shape | None = None,
    region: Region | None = None,
    examples: int = 25,
    exempt: Mapping[str, str] | None = None,
    seed: int = 0,
    only: Sequence[str] = (),
) -> Iterator[CheckResult]:
    """Run checks one after the other and yield their results.

    Args:
        transformation: The transformation.
        shape, region, examples, exempt, seed: See :func:`transformation_checks`.
        only: Names of the checks to run; by default all.
    """
    reasons = dict(exempt or {})
    _check_exemptions(reasons)
    _check_names("only", only)
    subjects = [
        replace(subject, seed=seed)
        for subject in _subjects(transformation, shape, region, examples)
    ]
    return (
        _check_result(body, subjects, reasons.get(name))
        for name, body in _BODIES.items()
        if not only or name in only
    )


def repeat(
    check: str,
    transformation: Transformation,
    *,
    shape: Shape,
    region: Region,
    exact: Act | None = None,
    laws: Sequence[Law] = (),
    seed: int | None = None,
    spread: float = KIT.subject.spread,
    **values: object,
) -> None:
    """Run one example of a check again, such as a printed counterexample.

    Args:
        check: Name of the check.
        transformation: The transformation.
        shape: Shape (C, H, W) of the images.
        region: Box of parameters.
        exact, laws, seed: See :func:`transformation_checks`.
        spread: Std of the noise on theta, as a fraction of the region.
        **values: Values of the example, as printed; without them the whole check runs.

    Raises:
        AssertionError: The example fails.
    """
    _check_names("check", [check])
    subject = replace(_subject(transformation, shape, region), exact=exact, seed=seed)
    subject = replace(subject, given_laws=tuple(laws), only=values or None, spread=spread)
    _BODIES[check](subject)


def shapes_tried(transformation: Transformation, shape: Shape | None) -> list[Shape]:
    """Return the image shapes of the checks: ``shape``, or two by default."""
    if shape is not None:
        return [shape]
    second = KIT.subject.second_shape
    return [KIT.subject.first_shape, *([second] if _takes(transformation, second) else [])]


def _takes(transformation: Transformation, shape: Shape) -> bool:
    """Return True unless the transformation refuses the shape with a ConfigurationError."""
    blank = torch.zeros(1, *shape, dtype=torch.float64, device="cpu")
    try:
        bound = transformation.for_shape(shape)
        bound.lift(bound.attack(blank, *(blank.new_zeros(1, 1) for _ in bound.parameters)))
    except ConfigurationError:
        return False
    except Exception:  # Any other error fails a check later, which reports it.
        return True
    return True


def _subjects(
    transformation: Transformation, shape: Shape | None, region: Region | None, examples: int
) -> list[TransformationUnderTest]:
    """Return the transformations under test: one for each shape and region."""
    shapes = shapes_tried(transformation, shape)
    first = _subject(transformation, shapes[0], region, examples)
    if shape is not None and (region is not None or not transformation.parameters):
        return [first]
    box = region or _default_region(transformation, *KIT.subject.second_ends)
    fewer = max(3, round(KIT.subject.second_examples * examples))
    second = _subject(transformation, shapes[-1], box, fewer)
    return [first, replace(second, spread=KIT.subject.second_spread, least=1)]


def _default_region(transformation: Transformation, low: float, high: float) -> Region:
    """The region from ``low`` to ``high`` times ``usual``; one-sided parameters from -0.0."""
    parameters = transformation.parameters
    lower = [-0.0 if p.name in transformation.one_sided else low * p.usual for p in parameters]
    return Region(tuple(lower), tuple(high * p.usual for p in parameters))


def _subject(
    transformation: Transformation, shape: Shape, region: Region | None, examples: int = 25
) -> TransformationUnderTest:
    parameters = transformation.parameters
    box = region or _default_region(transformation, -1.0, 1.0)
    if box.dimensions != len(parameters):
        raise ConfigurationError(
            f"checks: a region of {box.dimensions} intervals for the {len(parameters)} parameters"
            f" of {transformation.name}; give one interval a parameter"
        )
    for parameter, low in zip(parameters, box.lower, strict=True):
        if low < 0.0 and parameter.name in transformation.one_sided:
            raise ConfigurationError(
                f"checks: the region begins at {low:g}, but {parameter.name} of"
                f" {transformation.name} is one-sided; let it begin at 0"
            )
    return TransformationUnderTest(transformation.for_shape(shape), shape, box, examples)


def _check(body: Body, subjects: Sequence[TransformationUnderTest], reason: str | None) -> Check:
    name = body.__name__

    def check() -> None:
        if reason is not None:
            raise Exempted(f"{name} is exempted: {reason}")
        try:
            _run(body, subjects)
        except _Broken as broken:
            told = f"{broken.validation_error}\n\n{broken.code}"
            raise AssertionError(told) from broken.__cause__

    check.__name__ = check.__qualname__ = name
    check.__doc__ = body.__doc__
    return check


class _Broken(Exception):
    """A counterexample to a claim, and the code that repeats it."""

    def __init__(self, body: Body, subject: TransformationUnderTest, fault: Exception) -> None:
        name = body.__name__
        self.validation_error = _validation_error(name, subject, fault)
        self.code = code_for(name, subject, fault)
        super().__init__(self.validation_error)


def _run(body: Body, subjects: Sequence[TransformationUnderTest]) -> None:
    """Run a check for every subject; SkipTest if it applies to none of them."""
    asked = subjects[:1] if body in ONCE else subjects
    skipped = []
    for subject in asked:
        try:
            body(subject)
        except SkipTest as reason:
            skipped.append(reason)
        except Exception as fault:
            if subject is not subjects[0] and _refused(fault):
                continue
            raise _Broken(body, subject, fault) from fault
    if len(skipped) == len(asked):
        raise skipped[0]


def _refused(fault: Exception) -> bool:
    """Return True if the fault is a refusal of unusual noise or images, which breaks no claim."""
    return isinstance(fault, ConfigurationError) or (
        isinstance(fault, Falsified) and isinstance(fault.__cause__, ConfigurationError)
    )


def _check_result(
    body: Body, subjects: Sequence[TransformationUnderTest], reason: str | None
) -> CheckResult:
    name, began = body.__name__, perf_counter()
    if reason is not None:
        return CheckResult(name, Status.EXEMPT, reason)
    if (missing := inapplicable(body, subjects[0])) is not None:
        return CheckResult(name, Status.SKIPPED, missing)
    try:
        _run(body, subjects)
    except SkipTest as skipped:
        return CheckResult(name, Status.SKIPPED, str(skipped), seconds=perf_counter() - began)
    except _Broken as broken:
        seconds = perf_counter() - began
        return CheckResult(name, Status.FAILED, broken.validation_error, broken.code, seconds)
    promise = " ".join((body.__doc__ or "").split("\n\n")[0].split())
    return CheckResult(name, Status.PASSED, promise, seconds=perf_counter() - began)


def _validation_error(name: str, subject: TransformationUnderTest, fault: Exception) -> str:
    kind = "" if isinstance(fault, AssertionError) else f"{type(fault).__name__}: "
    return f"{name}: {subject.transformation}: {kind}{fault}"


def _check_exemptions(reasons: Mapping[str, str]) -> None:
    _check_names("exempt", reasons)
    for name, reason in reasons.items():
        if not reason.strip():
            raise ConfigurationError(f"exempt: give the reason why {name} need not hold")


def _check_names(what: str, names: Iterable[str]) -> None:
    for name in names:
        if name not in _BODIES:
            hint = did_you_mean(name, _BODIES)
            raise ConfigurationError(
                f"{what}: {name!r} is no check; known: {', '.join(_BODIES)}{hint}"
            )

"""transformation_checks: the list of checks that a transformation has to pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from time import perf_counter
from typing import Final, final
from unittest import SkipTest

from gsmooth.errors import ConfigurationError
from gsmooth.region import Region
from gsmooth.spelling import did_you_mean
from gsmooth.testing.checks import EVERY, Body, inapplicable
from gsmooth.testing.repeat import code_for
from gsmooth.testing.subject import Act, Subject
from gsmooth.theory.laws import Law
from gsmooth.transformation import Transformation

Check = Callable[[], None]
_BODIES: Final[Mapping[str, Body]] = {body.__name__: body for body in EVERY}


class Standing(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    EXEMPT = "exempt"


@final
@dataclass(frozen=True)
class Verdict:
    """What came of one check.

    why: the promise where it passed, the counterexample where it failed, else the reason. code:
    repeats the counterexample; empty elsewhere. seconds: what the check took.
    """

    check: str
    standing: Standing
    why: str
    code: str = ""
    seconds: float = 0.0


class Exempted(SkipTest):
    """A check that is left out on purpose."""


def transformation_checks(
    transformation: Transformation,
    *,
    shape: tuple[int, int, int] = (1, 16, 16),
    region: Region | None = None,
    examples: int = 25,
    derandomize: bool | None = None,
    exact: Act | None = None,
    exempt: Mapping[str, str] | None = None,
    laws: Sequence[Law] = (),
    seed: int | None = None,
) -> list[Check]:
    """Named functions without arguments, one a promise; each raises AssertionError if it is broken.

    For ``pytest.mark.parametrize("check", transformation_checks(Volume()))``. Hypothesis searches
    and shrinks; the counterexample is printed, with the code that repeats it.

    shape: of the images (C, H, W). region: a box of parameters as wide as certificates will ask
    for, by default each parameter's ``usual`` to both sides (one-sided parameters: from 0).
    examples: tries a check; slow ones take a fraction. derandomize: the same tries each time; seed:
    these ones. Votes have a fixed seed anyway. exact: T_theta z computed independently, in higher
    precision, for the check of action_error. exempt: check name -> reason; the check is skipped and
    the reason printed.
    laws: smoothing laws of your own; by default all of gsmooth's that the parameters admit.
    ConfigurationError for an unknown name or an empty reason.

    A promise that is not made (an action, orthogonality, a derivative bound, ...) is not held
    against it: what does not apply is left out, and what the code must be asked for is skipped
    with a reason.
    """
    subject = _subject(transformation, shape, region, examples)
    subject = replace(subject, derandomize=derandomize, exact=exact)
    subject = replace(subject, given_laws=tuple(laws), seed=seed)
    reasons = dict(exempt or {})
    _check_exemptions(reasons)
    return [
        _check(body, subject, reasons.get(body.__name__))
        for body in EVERY
        if body.__name__ in reasons or inapplicable(body, subject) is None
    ]


def verdicts(
    transformation: Transformation,
    *,
    shape: tuple[int, int, int] = (1, 16, 16),
    region: Region | None = None,
    examples: int = 25,
    exempt: Mapping[str, str] | None = None,
    seed: int = 0,
    only: Sequence[str] = (),
) -> Iterator[Verdict]:
    """What comes of every check (or of ``only`` some), in order; see transformation_checks."""
    reasons = dict(exempt or {})
    _check_exemptions(reasons)
    _check_names("only", only)
    subject = replace(_subject(transformation, shape, region, examples), seed=seed)
    return (
        _verdict(body, subject, reasons.get(name))
        for name, body in _BODIES.items()
        if not only or name in only
    )


def repeat(
    check: str,
    transformation: Transformation,
    *,
    shape: tuple[int, int, int],
    region: Region,
    exact: Act | None = None,
    laws: Sequence[Law] = (),
    seed: int | None = None,
    **values: object,
) -> None:
    """Try one example of one check: AssertionError if it fails, silence if it holds.

    values: what the example is made of, as a counterexample was printed; without them the whole
    check is run.
    """
    _check_names("check", [check])
    subject = replace(_subject(transformation, shape, region), exact=exact, seed=seed)
    subject = replace(subject, given_laws=tuple(laws), only=values or None)
    _BODIES[check](subject)


def _subject(
    transformation: Transformation,
    shape: tuple[int, int, int],
    region: Region | None,
    examples: int = 25,
) -> Subject:
    parameters = transformation.parameters
    lower = tuple(0.0 if p.name in transformation.one_sided else -p.usual for p in parameters)
    box = region or Region(lower, tuple(p.usual for p in parameters))
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
    return Subject(transformation.for_shape(shape), shape, box, examples)


def _check(body: Body, subject: Subject, reason: str | None) -> Check:
    name = body.__name__

    def check() -> None:
        if reason is not None:
            raise Exempted(f"{name} is exempted: {reason}")
        try:
            body(subject)
        except SkipTest:
            raise
        except Exception as fault:
            code = code_for(name, subject, fault)
            raise AssertionError(f"{_complaint(name, subject, fault)}\n\n{code}") from fault

    check.__name__ = check.__qualname__ = name
    check.__doc__ = body.__doc__
    return check


def _verdict(body: Body, subject: Subject, reason: str | None) -> Verdict:
    name, began = body.__name__, perf_counter()
    if reason is not None:
        return Verdict(name, Standing.EXEMPT, reason)
    if (missing := inapplicable(body, subject)) is not None:
        return Verdict(name, Standing.SKIPPED, missing)
    try:
        body(subject)
    except SkipTest as skipped:
        return Verdict(name, Standing.SKIPPED, str(skipped), seconds=perf_counter() - began)
    except Exception as fault:
        why, code = _complaint(name, subject, fault), code_for(name, subject, fault)
        return Verdict(name, Standing.FAILED, why, code, perf_counter() - began)
    promise = " ".join((body.__doc__ or "").split("\n\n")[0].split())
    return Verdict(name, Standing.PASSED, promise, seconds=perf_counter() - began)


def _complaint(name: str, subject: Subject, fault: Exception) -> str:
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

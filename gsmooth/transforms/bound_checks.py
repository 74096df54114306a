"""Every bound of a plugin is checked where it leaves the plugin: no negative number and no NaN.

A negative bound on a derivative makes a residual smaller than it is, and a NaN compares as nothing
at all: either can turn into a certificate of what is false. In ``TransformationBounds`` and all its
subclasses the methods that are listed here are ``CheckedBound``, however they came there, so that
covers, compositions, calibrations, online covers and the kit all get checked numbers, whoever asks
and whoever answers. inf is allowed: it says that nothing is known.
"""

from __future__ import annotations

import math
from abc import ABCMeta
from collections.abc import Callable, Mapping
from functools import update_wrapper
from inspect import getattr_static
from typing import Any, Final, NoReturn, final

from gsmooth.errors import PluginError

Check = Callable[[Any, tuple[Any, ...], int], str]
"""What is wrong with an answer, given the arguments after self and the number of parameters; empty
where it is a bound."""


class BoundsChecked(ABCMeta):
    """The type of a class whose methods of ``BOUNDS`` are checked, those set on it later too."""

    def __init__(cls, name: str, bases: tuple[type, ...], members: Any, **options: Any) -> None:
        super().__init__(name, bases, members, **options)
        for bound in BOUNDS:
            # Found anywhere: a mixin can come before the class whose method is checked already.
            setattr(cls, bound, getattr_static(cls, bound))

    def __setattr__(cls, name: str, value: Any) -> None:
        fresh = name in BOUNDS and not isinstance(value, CheckedBound)
        super().__setattr__(name, CheckedBound(name, value) if fresh else value)


@final
class CheckedBound:
    """A method that gives a bound, and the look at what it gives.

    given: a function, or whatever else stands for a method (static, of the class, partial, cached,
    a property, an object that can be called). Nothing that an instance holds takes its place.
    """

    def __init__(self, name: str, given: Any) -> None:
        update_wrapper(self, given)  # First, for it brings all attributes of ``given``.
        self.name, self.given, self.check = name, given, BOUNDS[name]

    def __get__(self, subject: Any, owner: type | None = None) -> Any:
        return self if subject is None else lambda *args, **given: self(subject, *args, **given)

    def __set__(self, subject: Any, value: object) -> NoReturn:
        raise PluginError(
            f"{subject.of.name}: {self.name} is set on an object; it has to be a method of its"
            " class, whose answers are checked"
        )

    def __call__(self, subject: Any, *args: Any, **kwargs: Any) -> Any:
        """The method's answer; PluginError unless it is a bound."""
        method, name = self.given, subject.of.name
        if hasattr(type(method), "__get__"):
            method = method.__get__(subject, type(subject))
        answer = method(*args, **kwargs)
        given = (*args, *kwargs.values())
        if fault := self.check(answer, given, len(subject.of.parameters)):
            raise PluginError(
                f"{name}: {self.name} gave {fault}; it is a bug of the plugin, and nothing"
                f" that rests on it would be proved: tell its author what `gsmooth check"
                f" {name}` says"
            )
        return answer


def _number(least: float, *, may_be_unknown: bool) -> Check:
    """A float >= least, or None where that is an answer."""

    def fault(answer: Any, _: tuple[Any, ...], __: int) -> str:
        if answer is None and may_be_unknown:
            return ""
        try:
            value = float(answer)
        except (TypeError, ValueError):
            return f"{answer!r}, expected a number >= {least:g}"
        return "" if value >= least else f"{value!r}, expected a number >= {least:g}"

    return fault


def _cells(answer: Any, args: tuple[Any, ...], _: int) -> str:
    """None, or a tensor (n, m) for cells given by x, lower (n, m) and upper (n, m)."""
    return "" if answer is None else _tensor(answer, tuple(args[1].shape))


def _ends(answer: Any, args: tuple[Any, ...], _: int) -> str:
    """None, or a tensor (n,) for cells given by x, lower (n, m), upper, start and end."""
    return "" if answer is None else _tensor(answer, (len(args[1]),))


def _step(answer: Any, _: tuple[Any, ...], __: int) -> str:
    """None, or a step > 0 and an error >= 0."""
    if answer is None:
        return ""
    try:
        step, error = map(float, answer)
    except (TypeError, ValueError):
        return f"{answer!r}, expected a step > 0 and an error >= 0"
    return "" if step > 0.0 and error >= 0.0 else f"{answer!r}, expected > 0 and >= 0"


def _rows(answer: Any, args: tuple[Any, ...], parameters: int) -> str:
    """None, or a tensor (N, m) for rows z (N, K)."""
    return "" if answer is None else _tensor(answer, (len(args[0]), parameters))


def _tensor(answer: Any, shape: tuple[int, ...]) -> str:
    """A tensor of this shape whose entries are >= 0."""
    from torch import Tensor

    if not isinstance(answer, Tensor) or tuple(answer.shape) != shape:
        given = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        return f"{given}, expected a tensor {shape}"
    bad = ~(answer >= 0.0)
    if not bool(bad.any()):
        return ""
    return f"{float(answer[bad][0])!r} for {int(bad.sum())} of {bad.numel()}, expected >= 0"


def _part(answer: Any, args: tuple[Any, ...], _: int) -> str:
    """Part of differences (n, K): no larger than they are, row by row."""
    from torch import Tensor

    given = args[0]
    if answer is given:
        return ""
    if not isinstance(answer, Tensor) or answer.shape != given.shape:
        what = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        return f"{what}, expected a tensor {tuple(given.shape)}"
    larger = ~(answer.norm(dim=1) <= given.norm(dim=1) * (1.0 + 1e-9))
    return "a part that is longer than the whole" if bool(larger.any()) else ""


def _enclosure(answer: Any, args: tuple[Any, ...], _: int) -> str:
    """None, or balls for n cells: radii >= 0, and centres that are numbers where balls are."""
    if answer is None:
        return ""
    import torch

    count, possible = len(args[1]), answer.possible
    if possible.dtype != torch.bool or tuple(possible.shape) != (count,):
        return f"possible {tuple(possible.shape)} {possible.dtype}, expected ({count},) bool"
    if tuple(answer.radius.shape) != (count,) or len(answer.centre) != count:
        return (
            f"radius {tuple(answer.radius.shape)} and centre {tuple(answer.centre.shape)},"
            f" expected ({count},) and ({count}, K)"
        )
    if fault := _tensor(answer.radius[possible], (int(possible.sum()),)):
        return f"the radius {fault}"
    known = possible & torch.isfinite(answer.radius)
    return "" if bool(torch.isfinite(answer.centre[known]).all()) else "a centre that is no number"


def _kinks(answer: Any, _: tuple[Any, ...], __: int) -> str:
    """Numbers: a NaN is between no two ends, and a kink would be lost."""
    bad = [value for value in answer if math.isnan(float(value))]
    return "nan among its values" if bad else ""


BOUNDS: Final[Mapping[str, Check]] = {
    "lift_norm": _number(0.0, may_be_unknown=False),
    "rounding_norm": _number(0.0, may_be_unknown=False),
    # T_0 lengthens nothing and shortens nothing, and theta = 0 is always among what is asked for.
    "lipschitz_bound": _number(1.0, may_be_unknown=True),
    "action_error": _number(0.0, may_be_unknown=True),
    "action_derivative": _rows,
    "action_curvature": _rows,
    "derivative_bound": _cells,
    "curvature_bound": _cells,
    "chord_bound": _ends,
    "patch_bound": _cells,
    "recurrence": _step,
    "attack_derivative_bound": _cells,
    "attack_curvature_bound": _cells,
    "preimages": _enclosure,
    "visible": _part,
    "breakpoints": _kinks,
}
"""The methods of ``TransformationBounds``, and what each may answer."""

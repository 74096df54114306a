"""Every bound of a plugin is checked where it leaves the plugin: no negative number and no NaN.

A negative bound on a derivative makes a residual smaller than it is, and a NaN compares as nothing
at all: either can turn into a certificate of what is false. ``Transformation`` wraps the methods
that are listed here in every subclass, so that covers, compositions, calibrations, online covers
and the kit all get checked numbers, whoever asks and whoever answers. inf is allowed: it says that
nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import getattr_static
from typing import Any, Final

from gsmooth.errors import PluginError

Check = Callable[[Any, tuple[Any, ...]], str]
"""What is wrong with an answer, given the arguments after self; empty where it is a bound."""

_MARK: Final = "__gsmooth_checked__"


def check_bounds_of(cls: type) -> None:
    """Wrap every method of ``BOUNDS`` that ``cls`` defines or inherits from a mixin, once."""
    for name in BOUNDS:
        found = getattr_static(cls, name, None)
        if callable(found) and found.__module__ != _BASE and not hasattr(found, _MARK):
            setattr(cls, name, _checked(name, found))


def _checked(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    check = BOUNDS[name]

    @wraps(method)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = method(self, *args, **kwargs)
        if fault := check(answer, (*args, *kwargs.values())):
            raise PluginError(
                f"{self.name}: {name} gave {fault}; it is a bug of the plugin, and nothing that"
                f" rests on it would be proved: tell its author what `gsmooth check {self.name}`"
                " says"
            )
        return answer

    setattr(checked, _MARK, True)
    return checked


def _number(least: float, *, may_be_unknown: bool) -> Check:
    """A float >= least, or None where that is an answer."""

    def fault(answer: Any, _: tuple[Any, ...]) -> str:
        if answer is None and may_be_unknown:
            return ""
        try:
            value = float(answer)
        except (TypeError, ValueError):
            return f"{answer!r}, expected a number >= {least:g}"
        return "" if value >= least else f"{value!r}, expected a number >= {least:g}"

    return fault


def _cells(answer: Any, args: tuple[Any, ...]) -> str:
    """None, or a tensor (n, m) for cells given by x, lower (n, m) and upper (n, m)."""
    return "" if answer is None else _tensor(answer, tuple(args[1].shape))


def _rows(answer: Any, args: tuple[Any, ...]) -> str:
    """None, or a tensor (N, m) for rows z (N, K)."""
    if answer is None:
        return ""
    return _tensor(answer, (len(args[0]), *getattr(answer, "shape", ())[1:2]))


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


def _enclosure(answer: Any, args: tuple[Any, ...]) -> str:
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


def _kinks(answer: Any, _: tuple[Any, ...]) -> str:
    """Numbers: a NaN is between no two ends, and a kink would be lost."""
    bad = [value for value in answer if math.isnan(float(value))]
    return "nan among its values" if bad else ""


_BASE: Final = "gsmooth.transformation"

BOUNDS: Final[Mapping[str, Check]] = {
    "lift_norm": _number(0.0, may_be_unknown=False),
    "rounding_norm": _number(0.0, may_be_unknown=False),
    # T_0 lengthens nothing and shortens nothing, and theta = 0 is always among what is asked for.
    "stretch": _number(1.0, may_be_unknown=True),
    "action_error": _number(0.0, may_be_unknown=True),
    "action_speed": _rows,
    "derivative_bound": _cells,
    "curvature_bound": _cells,
    "attack_derivative_bound": _cells,
    "attack_curvature_bound": _cells,
    "originals": _enclosure,
    "breakpoints": _kinks,
}
"""The methods of ``Transformation`` that give bounds, and what each may answer."""

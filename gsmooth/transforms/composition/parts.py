"""Making the class of a composition: its parts are its fields."""

from __future__ import annotations

from dataclasses import MISSING, field, fields, make_dataclass
from functools import cache
from typing import Any

from gsmooth.errors import ConfigurationError
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.composition.composition import Composition

SIGN = "+"


@cache
def composed(*classes: type[Transformation]) -> type[Composition]:
    """The composition of two or more transformation classes, applied from left to right.

    Its options are those of its parts, each under the part's name with _ for -: in Python
    ``cls(rotation=Rotation(low_pass_px=1.0))``. ConfigurationError where two parameters have one
    name.
    """
    name = SIGN.join(cls.name for cls in classes)
    parameters = tuple(parameter for cls in classes for parameter in cls.parameters)
    names = [parameter.name for parameter in parameters]
    if twice := [n for n in names if names.count(n) > 1]:
        owners = [cls.name for cls in classes for p in cls.parameters if p.name == twice[0]]
        raise ConfigurationError(
            f"{name}: the parameter {twice[0]} occurs twice (in {' and '.join(owners)}); leave out"
            " all of these but one"
        )
    keys = tuple(cls.name.replace("-", "_").replace(".", "_") for cls in classes)
    members: list[tuple[str, Any, Any]] = [
        (key, cls, _field(cls)) for key, cls in zip(keys, classes, strict=True)
    ]
    attributes = {
        "name": name,
        "fields": keys,
        "parameters": parameters,
        "summary": f"{', then '.join(cls.name for cls in classes)}, smoothed in one run",
        "orthogonal": all(cls.orthogonal for cls in classes),
        "one_sided": tuple(n for cls in classes for n in cls.one_sided),
        "_haar_only": tuple(n for cls in classes for n in cls._haar_only),
        "default_centres": max(cls.default_centres for cls in classes),
        "__doc__": _told(classes, keys),
        "__module__": __name__,
    }
    made = make_dataclass(
        "".join(part.title() for key in keys for part in key.split("_")),
        members,
        bases=(Composition,),
        namespace=attributes,
        frozen=True,
        kw_only=True,
    )
    assert issubclass(made, Composition)
    return made


def _field(cls: type[Transformation]) -> Any:
    needed = any(
        f.init and f.default is MISSING and f.default_factory is MISSING
        for f in fields(cls)  # type: ignore[arg-type]
    )
    return field() if needed else field(default_factory=cls)


def _told(classes: tuple[type[Transformation], ...], keys: tuple[str, ...]) -> str:
    lines = [f"{key}: the options of {cls.name}." for key, cls in zip(keys, classes, strict=True)]
    return "\n\n".join(["The parts' attacks one after another.", *lines])

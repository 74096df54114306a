"""Transformations: what a plugin says, how it is found and built, and several as one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gsmooth.transforms.base import AffineIntensity, Enclosure, Parameter, Transformation
    from gsmooth.transforms.bounds import TransformationBounds
    from gsmooth.transforms.hookspecs import hookimpl
    from gsmooth.transforms.region import Region
    from gsmooth.transforms.registry import load_transformation, register, transformations

_HOMES = {
    "AffineIntensity": "base",
    "Enclosure": "base",
    "Parameter": "base",
    "Region": "region",
    "Transformation": "base",
    "TransformationBounds": "bounds",
    "hookimpl": "hookspecs",
    "load_transformation": "registry",
    "register": "registry",
    "transformations": "registry",
}


def __getattr__(name: str) -> object:
    """Import on first use: what needs no torch stays without it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)


__all__ = [
    "AffineIntensity",
    "Enclosure",
    "Parameter",
    "Region",
    "Transformation",
    "TransformationBounds",
    "hookimpl",
    "load_transformation",
    "register",
    "transformations",
]

"""Transformations: what a plugin says, how it is found and built, and several as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsmooth.lazy import lazy_names

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


__getattr__, __dir__ = lazy_names(__name__, _HOMES)

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

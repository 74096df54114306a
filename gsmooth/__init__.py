"""gsmooth: certificates that a classifier keeps its answer under a range of transformations."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gsmooth.attacks import AttackPlan, attack_many
    from gsmooth.certificate import Abstained, Certified, Guarantee, Prediction
    from gsmooth.certification.api import (
        RadiusMode,
        RegionMode,
        certify,
        certify_many,
        online_drafter,
        predict,
    )
    from gsmooth.data.loading import load_data
    from gsmooth.models import load_model
    from gsmooth.models.classifier import Classifier
    from gsmooth.sampling.noise import SecretSeed
    from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
    from gsmooth.theory.laws import (
        ExponentialLaw,
        FoldedNormalLaw,
        GaussianLaw,
        LaplaceLaw,
        Law,
        UniformLaw,
    )
    from gsmooth.transforms.base import Parameter, Transformation
    from gsmooth.transforms.hookspecs import hookimpl
    from gsmooth.transforms.region import Region
    from gsmooth.transforms.registry import load_transformation, register

_HOMES = {
    "Abstained": "certificate",
    "AttackPlan": "attacks",
    "Certified": "certificate",
    "Classifier": "models.classifier",
    "ExponentialLaw": "theory.laws",
    "FoldedNormalLaw": "theory.laws",
    "GaussianLaw": "theory.laws",
    "Guarantee": "certificate",
    "LaplaceLaw": "theory.laws",
    "Law": "theory.laws",
    "Parameter": "transforms.base",
    "Prediction": "certificate",
    "RadiusMode": "certification.api",
    "Region": "transforms.region",
    "RegionMode": "certification.api",
    "SecretSeed": "sampling.noise",
    "SmoothedClassifier": "sampling.smoothed_classifier",
    "Transformation": "transforms.base",
    "UniformLaw": "theory.laws",
    "attack_many": "attacks",
    "certify": "certification.api",
    "certify_many": "certification.api",
    "hookimpl": "transforms.hookspecs",
    "load_data": "data.loading",
    "load_model": "models",
    "load_transformation": "transforms.registry",
    "online_drafter": "certification.api",
    "predict": "certification.api",
    "register": "transforms.registry",
}

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import on first use: ``import gsmooth`` and ``gsmooth --help`` stay instant (no torch)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gsmooth' has no attribute {name!r}")
    return getattr(import_module(f"gsmooth.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*_HOMES, "__version__"])


__all__ = [
    "Abstained",
    "AttackPlan",
    "Certified",
    "Classifier",
    "ExponentialLaw",
    "FoldedNormalLaw",
    "GaussianLaw",
    "Guarantee",
    "LaplaceLaw",
    "Law",
    "Parameter",
    "Prediction",
    "RadiusMode",
    "Region",
    "RegionMode",
    "SecretSeed",
    "SmoothedClassifier",
    "Transformation",
    "UniformLaw",
    "__version__",
    "attack_many",
    "certify",
    "certify_many",
    "hookimpl",
    "load_data",
    "load_model",
    "load_transformation",
    "online_drafter",
    "predict",
    "register",
]

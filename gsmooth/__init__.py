"""gsmooth: certificates that a classifier keeps its answer under a range of transformations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsmooth.lazy import lazy_names

if TYPE_CHECKING:
    from gsmooth import data, report, transforms
    from gsmooth.api.attack import attack
    from gsmooth.api.certify import certify
    from gsmooth.api.export import export_onnx
    from gsmooth.api.population import certify_population
    from gsmooth.api.predict import predict
    from gsmooth.api.results import Result, Results
    from gsmooth.api.train import train
    from gsmooth.api.tune import Recommendation, tune
    from gsmooth.api.verify import verify
    from gsmooth.certificate import Abstained, Certified, Guarantee, Prediction
    from gsmooth.certification.population import PopulationCertificate
    from gsmooth.data.loading import load_data
    from gsmooth.models import load_model
    from gsmooth.models.classifier import Classifier
    from gsmooth.models.zoo.specs import zoo_network
    from gsmooth.runs.seeds.seed_file import load_seed
    from gsmooth.sampling.noise import SecretSeed
    from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
    from gsmooth.serving.answer import Decided, Undecided
    from gsmooth.serving.predictor import Predictor
    from gsmooth.theory.parameter_noise import (
        Exponential,
        FoldedNormal,
        Gaussian,
        GridUniform,
        Haar,
        Laplace,
        Uniform,
    )
    from gsmooth.training import Consistency, Macer, SmoothAdv
    from gsmooth.transforms.base import Parameter, Transformation
    from gsmooth.transforms.bounds import TransformationBounds
    from gsmooth.transforms.hookspecs import hookimpl
    from gsmooth.transforms.region import Region
    from gsmooth.transforms.registry import load_transformation, register

_HOMES = {
    "Abstained": "certificate",
    "Certified": "certificate",
    "Classifier": "models.classifier",
    "Consistency": "training",
    "Decided": "serving.answer",
    "Exponential": "theory.parameter_noise",
    "FoldedNormal": "theory.parameter_noise",
    "Gaussian": "theory.parameter_noise",
    "GridUniform": "theory.parameter_noise",
    "Guarantee": "certificate",
    "Haar": "theory.parameter_noise",
    "Laplace": "theory.parameter_noise",
    "Macer": "training",
    "Parameter": "transforms.base",
    "PopulationCertificate": "certification.population",
    "Prediction": "certificate",
    "Predictor": "serving.predictor",
    "Recommendation": "api.tune",
    "Region": "transforms.region",
    "Result": "api.results",
    "Results": "api.results",
    "SecretSeed": "sampling.noise",
    "SmoothAdv": "training",
    "SmoothedClassifier": "sampling.smoothed_classifier",
    "Transformation": "transforms.base",
    "TransformationBounds": "transforms.bounds",
    "Undecided": "serving.answer",
    "Uniform": "theory.parameter_noise",
    "attack": "api.attack",
    "certify": "api.certify",
    "certify_population": "api.population",
    "data": "data",
    "export_onnx": "api.export",
    "hookimpl": "transforms.hookspecs",
    "load_data": "data.loading",
    "load_model": "models",
    "load_seed": "runs.seeds.seed_file",
    "load_transformation": "transforms.registry",
    "predict": "api.predict",
    "register": "transforms.registry",
    "report": "report",
    "train": "api.train",
    "transforms": "transforms",
    "tune": "api.tune",
    "verify": "api.verify",
    "zoo_network": "models.zoo.specs",
}
_NOISE = "SmoothedClassifier(..., std={...}, sigma=...), or noise={...} with gsmooth."
_GONE = {
    "AttackPlan": "gsmooth.attack(..., points=31, n=1000)",
    "ExponentialLaw": f"{_NOISE}Exponential(mean)",
    "FoldedNormalLaw": f"{_NOISE}FoldedNormal(std)",
    "GaussianLaw": f"{_NOISE}Gaussian(std)",
    "LaplaceLaw": f"{_NOISE}Laplace(b)",
    "Law": f"{_NOISE}Gaussian(std)",
    "RadiusMode": 'gsmooth.certify(..., mode="radius", n=10_000)',
    "RegionMode": "gsmooth.certify(..., alpha=0.001, max_votes=5000)",
    "UniformLaw": f"{_NOISE}Uniform(half_width)",
    "attack_many": "gsmooth.attack, which takes one image or a batch",
    "certify_many": "gsmooth.certify, which takes one image or a batch",
    "online_drafter": 'gsmooth.certify(..., guarantee="online")',
}
"""Names of 0.1.0 that are no longer public, and what stands for them."""

__version__ = "0.1.0"


__getattr__, _names = lazy_names(__name__, _HOMES, _GONE)


def __dir__() -> list[str]:
    return sorted([*_names(), "__version__"])


__all__ = [
    "Abstained",
    "Certified",
    "Classifier",
    "Consistency",
    "Decided",
    "Exponential",
    "FoldedNormal",
    "Gaussian",
    "GridUniform",
    "Guarantee",
    "Haar",
    "Laplace",
    "Macer",
    "Parameter",
    "PopulationCertificate",
    "Prediction",
    "Predictor",
    "Recommendation",
    "Region",
    "Result",
    "Results",
    "SecretSeed",
    "SmoothAdv",
    "SmoothedClassifier",
    "Transformation",
    "TransformationBounds",
    "Undecided",
    "Uniform",
    "__version__",
    "attack",
    "certify",
    "certify_population",
    "data",
    "export_onnx",
    "hookimpl",
    "load_data",
    "load_model",
    "load_seed",
    "load_transformation",
    "predict",
    "register",
    "report",
    "train",
    "transforms",
    "tune",
    "verify",
    "zoo_network",
]

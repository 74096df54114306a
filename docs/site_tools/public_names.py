"""The public API: which modules it has, and which names each of them exports."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import final

from site_tools.attribute_docs import attribute_docs


def _rooms(package: str) -> dict[str, str]:
    """The modules of a package, and the first line of each one's docstring."""
    names = [found.name for found in iter_modules(import_module(package).__path__)]
    modules = [import_module(f"{package}.{name}") for name in names]
    return {module.__name__: (module.__doc__ or "").partition("\n")[0] for module in modules}


MODULES: dict[str, str] = {
    "gsmooth": "Everything that a program needs; `import gsmooth` loads no torch.",
    "gsmooth.data": "Images and labels from files, folders and arrays.",
    "gsmooth.transforms": "Transformations: finding them, and writing your own.",
    "gsmooth.report": "Tables, curves and contact sheets of saved results.",
    "gsmooth.testing": "For authors of transformations: the checks behind `gsmooth check`.",
    "gsmooth.errors": "Every exception that gsmooth raises on purpose.",
    "gsmooth.transforms.base": "For plugins: the base class, and parameters.",
    "gsmooth.transforms.bounds": "For plugins: the bounds that a transformation can state.",
    "gsmooth.transforms.clipped": "For plugins: pixel values, clipped or not.",
    "gsmooth.transforms.in_space": "For plugins: actions in a z-space.",
    "gsmooth.transforms.region": "For plugins: regions of attacks.",
    "gsmooth.transforms.hookspecs": "For plugins: the hook, and its version.",
    # For authors of transformations: mathematics that several of them share.
    **_rooms("gsmooth.geometry"),
    "gsmooth.theory.bounds": "Confidence bounds for a fixed number of votes, and PREDICT's test.",
    "gsmooth.theory.radii": "From probabilities to radii and margins, and back.",
    "gsmooth.theory.sequential": "Tests and bounds that may stop after any vote.",
}
"""Public modules, and what each is for. A name is documented in the first that exports it."""

GROUPS: dict[str, tuple[str, ...]] = {
    "Certify and predict": (
        "certify",
        "certify_population",
        "predict",
        "Predictor",
        "attack",
        "tune",
        "train",
        "verify",
    ),
    "Results": (
        "Results",
        "Result",
        "Certified",
        "Abstained",
        "Guarantee",
        "PopulationCertificate",
        "Prediction",
        "Decided",
        "Undecided",
        "Recommendation",
    ),
    "What is certified": ("Region", "SmoothedClassifier", "Classifier", "SecretSeed", "load_seed"),
    "Noise on parameters": (
        *("Gaussian", "Haar", "GridUniform", "Uniform", "Laplace", "Exponential", "FoldedNormal"),
    ),
    "Methods of training": ("Consistency", "SmoothAdv", "Macer"),
    "Models, data and transformations": (
        "load_model",
        "export_onnx",
        "zoo_network",
        "load_data",
        "load_transformation",
        "register",
        "Transformation",
        "TransformationBounds",
        "Parameter",
        "hookimpl",
    ),
    "Modules": ("data", "transforms", "report"),
}
"""Sections of the page of ``gsmooth``; a name without a section gets the last one."""


@final
@dataclass(frozen=True)
class PublicName:
    """One name of the public API."""

    module: str
    name: str

    @property
    def path(self) -> str:
        """The name as a program writes it: ``gsmooth.certify``."""
        return f"{self.module}.{self.name}"

    @property
    def value(self) -> object:
        """What the name stands for."""
        return getattr(import_module(self.module), self.name)

    @property
    def kind(self) -> str:
        """Sphinx's word for it: exception, class, module, function or data."""
        value = self.value
        if inspect.ismodule(value):
            return "module"
        if inspect.isclass(value):
            return "exception" if issubclass(value, BaseException) else "class"
        return "function" if inspect.isroutine(value) else "data"

    @property
    def docstring(self) -> str:
        """Its docstring; empty if it has none of its own."""
        value = self.value
        if self.kind == "data":
            return _below_the_definition(self.name, value)
        own = vars(value).get("__doc__") if inspect.isclass(value) else inspect.getdoc(value)
        text = inspect.cleandoc(own or "")
        # A dataclass without a docstring gets its signature as one.
        return "" if text.startswith(f"{self.name}(") else text

    @property
    def home(self) -> PublicName:
        """Where it is documented: in the first public module that exports the same object."""
        for module in MODULES:
            exported = getattr(import_module(module), "__all__", ())
            candidate = PublicName(module, self.name)
            if module == self.module or (self.name in exported and candidate.value is self.value):
                return candidate
        return self


def public_names(module: str) -> list[PublicName]:
    """The names that a public module exports: its ``__all__``, or what it defines itself."""
    loaded = import_module(module)
    exported = getattr(loaded, "__all__", None)
    found = sorted(exported) if exported is not None else _defined(loaded)
    return [PublicName(module, name) for name in found if not name.startswith("_")]


def every_public_name() -> list[PublicName]:
    """The names of all public modules, and the types of what they return."""
    return [*(name for module in MODULES for name in public_names(module)), *RETURNED]


RETURNED = (
    PublicName("gsmooth.attacks", "AttackOutcome"),
    PublicName("gsmooth.training", "TrainReport"),
    PublicName("gsmooth.training", "EpochReport"),
    PublicName("gsmooth.runs.verify.verify", "VerifyReport"),
    PublicName("gsmooth.certificate", "CentreEvidence"),
    PublicName("gsmooth.certificate", "AbstainReason"),
    PublicName("gsmooth.certificate", "Premise"),
)
"""Types that public functions return, and that programs read but never make."""


def grouped(names: list[PublicName]) -> dict[str, list[PublicName]]:
    """The names by the sections of ``GROUPS``; ``More`` holds those that none of them lists."""
    by_name = {name.name: name for name in names}
    sections = {
        title: [by_name.pop(name) for name in wanted if name in by_name]
        for title, wanted in GROUPS.items()
    }
    sections["More"] = list(by_name.values())
    return {title: found for title, found in sections.items() if found}


def _below_the_definition(name: str, value: object) -> str:
    """The string below an assignment, in whichever module of gsmooth makes it; empty if none."""
    for key, module in list(sys.modules.items()):
        ours = key.partition(".")[0] == "gsmooth" and vars(module).get(name) is value
        if ours and (found := attribute_docs(key).get(name)):
            return found
    return ""


def _defined(module: ModuleType) -> list[str]:
    """Functions and classes that a module defines, and its constants that have a word of text."""
    ours = [
        name
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]
    return [*ours, *(name for name in attribute_docs(module.__name__) if "." not in name)]

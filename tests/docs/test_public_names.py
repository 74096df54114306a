"""Every public name has a docstring, and every field of a run file a meaning."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

import gsmooth
from gsmooth.runs.config.run_config import RunConfig
from site_tools.attribute_docs import attribute_docs
from site_tools.configuration_page import kind, meanings
from site_tools.public_names import (
    MODULES,
    PublicName,
    every_public_name,
    grouped,
    public_names,
)

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.mark.parametrize("name", every_public_name(), ids=lambda name: name.path)
def test_every_public_name_has_a_docstring(name: PublicName) -> None:
    assert name.docstring


def test_names_of_gsmooth_are_those_that_it_exports() -> None:
    exported = {name for name in gsmooth.__all__ if not name.startswith("_")}
    assert {name.name for name in public_names("gsmooth")} == exported


def test_every_name_is_in_one_section_of_the_reference() -> None:
    names = public_names("gsmooth")
    listed = [name for section in grouped(names).values() for name in section]
    assert sorted(listed, key=lambda name: name.name) == sorted(names, key=lambda name: name.name)


def test_a_name_that_gsmooth_exports_is_documented_there() -> None:
    assert PublicName("gsmooth", "Region").home == PublicName("gsmooth", "Region")


def test_a_name_that_gsmooth_does_not_export_is_documented_in_its_module() -> None:
    error = PublicName("gsmooth.errors", "GsmoothError")
    assert error.home == error


def test_every_module_that_plugins_may_import_is_public() -> None:
    contracts = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
    (plugins,) = (found for found in contracts if found["name"].startswith("Plugins use"))
    admitted = {arrow.removeprefix("** -> ") for arrow in plugins["ignore_imports"]}
    rooms = {module for module in admitted if module.endswith(".**")}
    assert admitted - rooms <= set(MODULES)
    for room in rooms:
        assert any(module.startswith(room.removesuffix("**")) for module in MODULES)


@pytest.mark.parametrize("section", RunConfig.model_fields)
def test_every_field_of_a_run_file_has_a_meaning(section: str) -> None:
    model = RunConfig.model_fields[section].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    assert meanings(model).keys() == model.model_fields.keys()


def test_a_type_is_shown_in_the_words_of_toml() -> None:
    assert kind(int | None) == "integer"
    assert kind(tuple[float, float]) == "list of number"


def test_strings_below_assignments_are_found() -> None:
    found = attribute_docs("gsmooth.runs.config.certify_section")
    assert re.match("Votes that select the class", found["CertifySection.n0"])

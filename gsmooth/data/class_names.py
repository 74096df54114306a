"""Names of a model's outputs, and the match between these and the class names of data."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from gsmooth.data.dataset import Dataset
from gsmooth.data.names import is_name
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.text.display import plain
from gsmooth.text.spelling import did_you_mean

ClassNames = tuple[str, ...] | dict[str, int]
"""Names in the order of the outputs, or the number of an output by name (of some outputs)."""

_EXPECTED: Final = (
    "expected one name a line in the order of the outputs (.txt), or JSON or TOML that gives every"
    ' name its number: {"cat": 0, "dog": 1}'
)


def read_class_names(path: Path) -> ClassNames:
    """Read the class names in a file (``--classes FILE``).

    Args:
        path: A text file with a name in each line; JSON with a list of names, name -> number, or
            number -> name; TOML with name = number, or ``class_names`` with either.

    Raises:
        ConfigurationError: The file cannot be read or has another form.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json":
            return _checked(path, json.loads(text, object_pairs_hook=_each_once))
        if path.suffix.lower() == ".toml":
            tree = tomllib.loads(text)
            return _checked(path, tree.get("class_names", tree))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"--classes {path}: cannot be read ({error}); {_EXPECTED}"
        ) from error
    return _checked(path, [line.strip() for line in text.rstrip().splitlines()])


def output_names(given: ClassNames | None, outputs: int) -> tuple[str, ...] | None:
    """Return a name for each output of a model.

    Args:
        given: Names of the outputs; None without any.
        outputs: Number of outputs.

    Returns:
        The names; an output without one gets its number. None if ``given`` is None.

    Raises:
        ConfigurationError: The number of names is wrong, a number is out of range, or a name occurs
            twice.
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        numbered = _by_number(given, outputs)
        names = tuple(numbered.get(number, str(number)) for number in range(outputs))
    else:
        names = tuple(given)
        if len(names) != outputs:
            raise ConfigurationError(
                f"model.class_names: {len(names)} names, but the model has {outputs} outputs; give"
                " one a output, or name -> number for some of them"
            )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError(f"model.class_names: {twice!r} names two outputs")
    return names


def with_outputs(dataset: Dataset, given: ClassNames | None, outputs: int, model: str) -> Dataset:
    """Renumber the labels of data by the outputs of a model.

    Named classes of the data are matched with the outputs by name. If the model has no names, the
    data must have as many classes as the model has outputs, in an unambiguous order.

    Args:
        dataset: The data.
        given: Names of the model's outputs; None without any.
        outputs: Number of outputs.
        model: Name of the model, for errors.

    Returns:
        The data, with a class name for each output.

    Raises:
        InputError: A class or a label matches no output.
    """
    for name in dataset.classes:
        if not is_name(name):  # A run file cannot store it.
            raise InputError(
                f"data {dataset.name}: a class is called {name!r}; expected a name, in UTF-8:"
                " rename it"
            )
    names = output_names(given, outputs)
    if not dataset.has_names:
        _require_outputs(dataset, outputs, model)
        numbered = tuple(map(str, range(outputs)))
        return replace(dataset, classes=names or numbered, named=names is not None)
    if names is None:
        names = _own_names(dataset, outputs, model)
    places = {name: number for number, name in enumerate(names)}
    for name in dataset.classes:
        if name not in places:
            raise InputError(_stranger(dataset, name, names, model))
    order = np.array([places[name] for name in dataset.classes], dtype=np.int64)
    return replace(dataset, labels=order[dataset.labels], classes=names, named=True)


def class_label(names: Sequence[str] | None, number: int) -> str:
    """Return the printed name of class ``number``: its name if there is one, else its number.

    Control sequences of terminals are replaced by escapes.
    """
    if not names or not 0 <= number < len(names):
        return str(number)
    return plain(names[number])


def _own_names(dataset: Dataset, outputs: int, model: str) -> tuple[str, ...]:
    """Return the data's class names as names of the outputs; InputError if the order is unclear."""
    classes = dataset.classes
    numbers = [int(name) for name in classes if name.isdecimal() and str(int(name)) == name]
    if len(numbers) == len(classes) and max(numbers) < outputs <= 10:
        return tuple(map(str, range(outputs)))
    if len(classes) != outputs:
        raise InputError(
            f"data {dataset.name}: {len(classes)} classes, but {model} has {outputs} outputs, and"
            " which of them is which class is not known; name the outputs in their order:"
            " --classes FILE"
        )
    if len(numbers) < len(classes) or numbers == sorted(numbers):
        return classes
    place = next(k for k, number in enumerate(numbers[1:], start=1) if number < numbers[k - 1])
    raise InputError(
        f"data {dataset.name}: its classes are numbers, and sorted as text {classes[place - 1]!r}"
        f" comes before {classes[place]!r}; is {classes[place]!r} the output {classes[place]}, or"
        f" the output {place}? Name the outputs in their order: --classes FILE"
    )


def _stranger(dataset: Dataset, name: str, names: Sequence[str], model: str) -> str:
    return (
        f"data {dataset.name}: no output of {model} is called {name!r}{did_you_mean(name, names)};"
        f" rename the class, or name the outputs otherwise (--classes FILE, model.class_names);"
        f" they are {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
    )


def _require_outputs(dataset: Dataset, outputs: int, model: str) -> None:
    largest = int(dataset.labels.max())
    if largest >= outputs:
        raise InputError(
            f"data {dataset.name}: label {largest} is out of range: {model} knows the classes 0 to"
            f" {outputs - 1}"
        )


def _by_number(given: Mapping[str, int], outputs: int) -> dict[int, str]:
    found: dict[int, str] = {}
    for name, number in given.items():
        if not 0 <= number < outputs:
            raise ConfigurationError(
                f"model.class_names: {name!r} is number {number}, but the model has the outputs 0"
                f" to {outputs - 1}"
            )
        if number in found:
            raise ConfigurationError(
                f"model.class_names: {found[number]!r} and {name!r} are both number {number}"
            )
        found[number] = name
    return found


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Raise ValueError for a repeated name, of which JSON would silently keep the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is given twice")
    return found


def _checked(path: Path, found: object) -> ClassNames:
    if isinstance(found, list) and found and all(isinstance(n, str) and n for n in found):
        return tuple(found)
    if isinstance(found, dict) and found:
        if all(type(number) is int for number in found.values()):
            return {str(name): number for name, number in found.items()}
        turned = {name: int(key) for key, name in found.items() if key.isdecimal()}
        if len(turned) == len(found) and all(isinstance(name, str) for name in turned):
            return turned
    raise ConfigurationError(f"--classes {path}: {_EXPECTED}")

"""External data files of ONNX models, which contain large tensors.

An ONNX file is a protocol buffer (onnx.proto3). This module reads only the fields that lead to
tensors, so that the package onnx is not needed. The digest of a model covers every external file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from gsmooth.errors import ModelError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TENSOR: Final = "tensor"
_LOCATION, _IS_EXTERNAL = 13, 14
# By kind of message: the fields that lead to a tensor, with the kind of message in each field.
_FIELDS: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: _TENSOR, 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {
        5: _TENSOR,
        6: "graph",
        10: _TENSOR,
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: _TENSOR, 2: _TENSOR},
}


def external_names(model: bytes) -> tuple[str, ...]:
    """Return the locations of external files, as the model spells them, sorted.

    All tensors are read: initializers, attributes of nodes, sub-graphs, functions and training.

    Args:
        model: Content of the ONNX file.

    Raises:
        ValueError: The bytes are no protocol buffer.
    """
    return tuple(sorted(set(_names(memoryview(model), "model"))))


def external_files(path: Path, model: bytes) -> dict[str, Path]:
    """Find the external files of an ONNX model, in the folder of the model.

    Args:
        path: The ONNX file.
        model: Its content.

    Returns:
        The paths, by location in the model.

    Raises:
        ModelError: The bytes are no ONNX model, a location lies outside the model's folder, or a
            file is missing.
    """
    try:
        names = external_names(model)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"model {path} cannot be read as ONNX ({error})") from error
    found = {}
    for name in names:
        if _leads_out(name):
            raise ModelError(
                f"model {path} is refused: it reads tensors from {name!r}, outside its own folder"
            )
        found[name] = path.parent / name
        if not found[name].is_file():
            raise ModelError(
                f"model {path}: its tensors are in a file that is not there: {found[name]}; copy it"
                " beside the model"
            )
    return found


def copied(files: dict[str, Path], folder: Path) -> bytes:
    """Copy the files into ``folder`` and return the sha256 of their names and contents.

    The hash is that of the copies. Copies are loaded later, so that a change of the original files
    in the meantime has no effect.

    Args:
        files: Paths by location in the model.
        folder: Folder of the copies.
    """
    found = hashlib.sha256()
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        with target.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        found.update(f"{os.path.normpath(name)} {content}\n".encode())
    return found.digest()


def _leads_out(name: str) -> bool:
    """Return True if a location is absolute or contains "..", on any operating system."""
    readings = (PurePosixPath(name), PureWindowsPath(name))
    return not name or any(p.anchor or ".." in p.parts for p in readings)


def _names(message: memoryview, kind: str) -> Iterator[str]:
    if kind == _TENSOR:
        yield from _tensor_names(message)
        return
    for number, value in _fields(message):
        inner = _FIELDS[kind].get(number)
        if inner is not None and isinstance(value, memoryview):
            yield from _names(value, inner)


def _tensor_names(message: memoryview) -> Iterator[str]:
    """Yield the location of a tensor's data if it is external."""
    fields = list(_fields(message))
    if not any(number == _IS_EXTERNAL and value == 1 for number, value in fields):
        return
    for number, value in fields:
        if number == _LOCATION and isinstance(value, memoryview):
            entry = dict(_fields(value))
            key, location = entry.get(1), entry.get(2, memoryview(b""))
            if isinstance(key, memoryview) and bytes(key) == b"location":
                yield str(location, "utf-8") if isinstance(location, memoryview) else ""


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field of a protocol buffer, without fixed-length values."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, value
        elif wire == _BYTES:
            length, place = _varint(message, place)
            if place + length > len(message):
                raise ValueError("a field is cut off")
            yield number, message[place : place + length]
            place += length
        elif wire in (_FIXED32, _FIXED64):
            place += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"field {number} has the unknown wire type {wire}")
    if place > len(message):
        raise ValueError("a field is cut off")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < 70:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
    raise ValueError("a number is cut off")

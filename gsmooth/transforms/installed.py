"""What is installed, by its files: whether another look at the plugins may find others."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

import gsmooth
from gsmooth.transforms.hookspecs import PROJECT


def installed_stamp() -> str | None:
    """A digest of the plugins that are installed; nothing of them is imported.

    It changes with the entry points, the versions of their distributions, the files of their
    packages (name, size and time) and those of gsmooth; not with other packages that a
    plugin imports.

    Returns:
        The digest in hexadecimal; None if the files of a plugin are not found.
    """
    points = sorted(entry_points(group=PROJECT), key=lambda point: (point.value, point.name))
    stamp = hashlib.sha256(f"{sys.version}\n{sys.prefix}\n{gsmooth.__version__}\n".encode())
    for package in sorted({"gsmooth", *(point.module.partition(".")[0] for point in points)}):
        if not (files := _files(package)):
            return None
        for file in files:
            stat = file.stat()
            stamp.update(f"{file}\t{stat.st_size}\t{stat.st_mtime_ns}\n".encode())
    for point in points:
        stamp.update(f"{_stated(point)}\n".encode())
    return stamp.hexdigest()


def _stated(point: EntryPoint) -> str:
    owner = f"{point.dist.name} {point.dist.version}" if point.dist else ""
    return f"{point.name} = {point.value} ({owner})"


def _files(package: str) -> list[Path]:
    """All Python files of a top-level package or module; empty where there are none."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    folders = spec.submodule_search_locations
    if folders is None:
        return [Path(spec.origin)] if spec.has_location and spec.origin else []
    return sorted(_python_files(folders))


def _python_files(folders: list[str]) -> Iterator[Path]:
    for folder in folders:
        yield from Path(folder).rglob("*.py")

"""Reading of arrays: .npz files, and folders of .npy files, whose headers are checked first."""

from __future__ import annotations

import struct
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, Literal, Self, final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from gsmooth.boundaries.placeholder_files import refuse_disguised
from gsmooth.data.boundary import reading, require_memory
from gsmooth.data.names import named_classes
from gsmooth.data.splits import ALL
from gsmooth.errors import InputError

_WHOLE: Final = (("x", "y"), ("images", "labels"))
_NAMES: Final = ("class_names", "classes")
_ENCRYPTED: Final = 0x1
_LENGTHS_AT: Final = 26
"""Where a local header of a zip archive states the lengths of name and extra fields."""


@final
@dataclass(frozen=True)
class MappedArray:
    """An array in a file that is mapped into memory, read only.

    Args:
        values: The array.
        whole: Reads it once; InputError if the file is damaged.
    """

    values: NDArray[Any]
    whole: Callable[[], None]


@dataclass(frozen=True)
class ArrayStore(ABC):
    """Arrays with names.

    Args:
        path: The file or the folder.
        names: Names of the arrays, in their order.
    """

    path: Path
    names: tuple[str, ...]

    @abstractmethod
    def array(self, name: str) -> NDArray[Any]:
        """Read an array; InputError if it is pickled, encrypted, corrupt or too large."""

    @abstractmethod
    def mapped(self, name: str, least: int) -> MappedArray | None:
        """Map an array of ``least`` bytes or more; None if it is smaller or cannot be mapped."""

    @abstractmethod
    def file(self, name: str) -> Path:
        """Return the file that an array is in."""

    def splits(self) -> dict[str, tuple[str, str]]:
        """Return the names of images and labels by split: x_NAME and y_NAME; x and y for "all"."""
        parts = [name[2:] for name in self.names if name.startswith("x_")]
        found = {part: (f"x_{part}", f"y_{part}") for part in parts if f"y_{part}" in self.names}
        whole = [pair for pair in _WHOLE if set(pair) <= set(self.names)]
        return found | ({ALL: whole[0]} if whole else {})

    def notices(self) -> tuple[str, ...]:
        """Return a notice of arrays that are not read, if there are any."""
        read = {name for pair in self.splits().values() for name in pair} | set(_NAMES)
        others = [repr(name) for name in self.names if name not in read]
        return (f"arrays that are not read: {', '.join(others)}",) if others else ()

    def class_names(self) -> tuple[str, ...] | None:
        """Return the array ``class_names`` (or ``classes``) as names; None without one."""
        for name in _NAMES:
            if name in self.names:
                return named_classes(f"{self.path}: {name!r}", self.array(name))
        return None


@final
@dataclass(frozen=True)
class Archive(ArrayStore):
    """An .npz file."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file at ``path``; InputError unless it contains arrays in NumPy's format."""
        if not path.exists():
            raise InputError(f"data {path}: there is no such file")
        if not path.is_file():
            raise InputError(f"data {path}: it is no regular file; expected one by numpy.savez")
        with reading(path):
            refuse_disguised("data", path, InputError)
            if not zipfile.is_zipfile(path):
                raise InputError(
                    f"data {path}: cannot be read as .npz: it is no zip archive, or it is cut off;"
                    " write it by numpy.savez from plain number arrays"
                )
            with zipfile.ZipFile(path) as opened:
                members = opened.namelist()
        return cls(path, tuple(m.removesuffix(".npy") for m in members if m.endswith(".npy")))

    def array(self, name: str) -> NDArray[Any]:
        """Read an array; InputError if it is pickled, encrypted, corrupt or too large."""
        with reading(f"{self.path}: array {name!r}"), zipfile.ZipFile(self.path) as opened:
            member = opened.getinfo(f"{name}.npy")
            if member.flag_bits & _ENCRYPTED:
                raise InputError(
                    f"data {self.path}: array {name!r} is encrypted; decrypt the archive first"
                )
            with opened.open(member) as stream:
                self._require_sound(name, stream, member.file_size)
            with opened.open(member) as stream:
                found: NDArray[Any] = npy.read_array(stream, allow_pickle=False)
                stream.read()  # The archive compares check sums at the end.
            return found

    def file(self, name: str) -> Path:
        """Return the archive."""
        return self.path

    def mapped(self, name: str, least: int) -> MappedArray | None:
        """Map an array that is stored without compression, as numpy.savez does."""
        with reading(f"{self.path}: array {name!r}"), zipfile.ZipFile(self.path) as opened:
            member = opened.getinfo(f"{name}.npy")
            plain = member.compress_type == zipfile.ZIP_STORED
            if member.file_size < least or not plain or member.flag_bits & _ENCRYPTED:
                return None
            with opened.open(member) as stream:
                self._require_sound(name, stream, member.file_size, in_memory=False)
            with self.path.open("rb") as raw:
                raw.seek(_content_of(raw, member))
                values = _mapped(self.path, raw)
        return MappedArray(values, partial(self._require_whole, name))

    def _require_whole(self, name: str) -> None:
        with (
            reading(f"{self.path}: array {name!r}"),
            zipfile.ZipFile(self.path) as opened,
            opened.open(f"{name}.npy") as stream,
        ):
            while stream.read(2**16):  # The archive compares check sums at the end.
                pass

    def _require_sound(
        self, name: str, stream: IO[bytes], stored: int, in_memory: bool = True
    ) -> None:
        """Check, by the header alone, that the declared array is complete and fits into memory."""
        what = f"{self.path}: array {name!r}"
        shape, _, dtype = _header(stream, what)
        declared, there = prod(shape) * dtype.itemsize, stored - stream.tell()
        if declared != there:
            raise InputError(
                f"data {what} declares {dtype} {shape}, {declared:,} bytes, but the archive holds"
                f" {there:,} bytes of it; the file is damaged: write it again"
            )
        if in_memory:
            require_memory(declared, what)


@final
@dataclass(frozen=True)
class ArrayFolder(ArrayStore):
    """A folder of .npy files, which are called as arrays in an .npz file are."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the folder at ``path``."""
        with reading(path):
            return cls(path, _stems(path))

    def file(self, name: str) -> Path:
        """Return the file of an array."""
        return self.path / f"{name}.npy"

    def array(self, name: str) -> NDArray[Any]:
        """Read a file; InputError if it is pickled, cut off or too large."""
        path = self.file(name)
        values = self._values(name)
        require_memory(values.nbytes, str(path))
        with reading(path):
            return np.array(values)

    def mapped(self, name: str, least: int) -> MappedArray | None:
        """Map a file."""
        values = self._values(name)
        return None if values.nbytes < least else MappedArray(values, lambda: None)

    def _values(self, name: str) -> NDArray[Any]:
        path = self.file(name)
        with reading(path):
            refuse_disguised("data", path, InputError)
            with path.open("rb") as raw:
                return _mapped(path, raw)


def is_array_folder(path: Path) -> bool:
    """Return True for a folder with images in .npy files, and no folders, in it."""
    if not path.is_dir() or any(inside.is_dir() for inside in path.iterdir()):
        return False
    return any(name == "images" or name.split("_")[0] == "x" for name in _stems(path))


def _stems(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.npy")))


def opened_arrays(path: Path) -> Archive | ArrayFolder:
    """Open an .npz file, or a folder of .npy files."""
    return ArrayFolder.open(path) if is_array_folder(path) else Archive.open(path)


def _header(stream: IO[bytes], what: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, Fortran order and type of the array that begins here."""
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        raise InputError(
            f"data {what} holds Python objects, which cannot be read without running pickled"
            " code; write it by numpy.savez from plain number arrays"
        )
    return shape, fortran, dtype


def _mapped(path: Path, raw: BinaryIO) -> NDArray[Any]:
    """Map the array that begins here; ValueError if the file ends before it does."""
    shape, fortran, dtype = _header(raw, str(path))
    if 0 in shape or not shape:
        return np.fromfile(raw, dtype=dtype, count=prod(shape)).reshape(shape)
    order: Literal["F", "C"] = "F" if fortran else "C"
    return np.memmap(path, dtype, "r", raw.tell(), shape, order)


def _content_of(raw: BinaryIO, member: zipfile.ZipInfo) -> int:
    """Where the bytes of a member begin: behind a header with its name and extra fields."""
    raw.seek(member.header_offset + _LENGTHS_AT)
    name, extra = struct.unpack("<HH", raw.read(4))
    return member.header_offset + _LENGTHS_AT + 4 + int(name) + int(extra)

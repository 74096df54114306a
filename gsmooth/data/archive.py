"""Reading of .npz files, with a check of each array's header before its memory is allocated."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, Final, Self, final

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


@final
@dataclass(frozen=True)
class Archive:
    """An .npz file.

    Args:
        path: The file.
        names: Names of its arrays, in their order.
    """

    path: Path
    names: tuple[str, ...]

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

    def _require_sound(self, name: str, stream: IO[bytes], stored: int) -> None:
        """Check, by the header alone, that the declared array is complete and fits into memory."""
        what = f"{self.path}: array {name!r}"
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
        if dtype.hasobject:
            raise InputError(
                f"data {what} holds Python objects, which cannot be read without running pickled"
                " code; write it by numpy.savez from plain number arrays"
            )
        declared, there = prod(shape) * dtype.itemsize, stored - stream.tell()
        if declared != there:
            raise InputError(
                f"data {what} declares {dtype} {shape}, {declared:,} bytes, but the archive holds"
                f" {there:,} bytes of it; the file is damaged: write it again"
            )
        require_memory(declared, what)

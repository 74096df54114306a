"""Images that stay on disk: files of a folder, and an array of NumPy that is mapped into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.folder import other_size
from gsmooth.data.image_file import read_picture
from gsmooth.data.lazy_images import LazyImages
from gsmooth.data.preparation import Preparation


@final
class StreamedImages(LazyImages):
    """Images of files, uint8.

    The shape is that of the first file; a file of another shape is an error when it is read.

    Args:
        paths: The files.
        preparation: Changes of the images after they are read.
    """

    def __init__(self, paths: Sequence[Path], preparation: Preparation) -> None:
        self.paths = tuple(paths)
        self.preparation = preparation
        self.dtype = np.dtype(np.uint8)
        first = read_picture(self.paths[0], preparation)
        channels, height, width = first.shape
        self.shape = (len(self.paths), channels, height, width)
        self.name = str(self.paths[0].parent.parent)

    def read(self, place: int) -> NDArray[np.uint8]:
        """Read one file."""
        path = self.paths[place]
        image = read_picture(path, self.preparation)
        if image.shape != self.shape[1:]:
            raise other_size(path, image.shape, self.paths[0], self.shape[1:])
        return image

    def taken(self, places: Sequence[int]) -> StreamedImages:
        """Return the files at these positions."""
        return StreamedImages([self.paths[place] for place in places], self.preparation)

    def require_whole(self) -> None:
        """Reading a file shows whether it is damaged."""

    def source(self) -> str:
        """Return names, sizes and times of the files, the preparation and the decoders."""
        stated = [f"{path.absolute()}|{_version(path)}" for path in self.paths]
        return "\n".join([decoders(), repr(self.preparation), *stated])


@final
class MappedImages(LazyImages):
    """Images of an array in a file that is mapped into memory.

    Args:
        path: The file.
        member: Name of the array in the file.
        array: The mapped array, (N, C, H, W).
        preparation: Changes of the images after they are read.
        whole: Raises an error unless the array in the file is undamaged.
        places: Which images of the array are meant; by default all.
    """

    def __init__(
        self,
        path: Path,
        member: str,
        array: NDArray[Any],
        preparation: Preparation,
        whole: Callable[[], None],
        places: NDArray[np.int64] | None = None,
    ) -> None:
        self.path, self.name = path, str(path)
        self.array, self.member = array, member
        self.preparation, self.whole = preparation, whole
        self.places = np.arange(len(array)) if places is None else places
        first = self.read(0)
        self.dtype = first.dtype
        channels, height, width = first.shape
        self.shape = (len(self.places), channels, height, width)

    def read(self, place: int) -> NDArray[Any]:
        """Copy one image out of the mapped array."""
        one = int(self.places[place])
        images = self.preparation.arrays(self.array[one : one + 1], self.name)
        return np.array(images[0])

    def taken(self, places: Sequence[int]) -> MappedImages:
        """Return the images at these positions."""
        chosen = self.places[np.asarray(places, dtype=np.int64)]
        given = (self.path, self.member, self.array, self.preparation, self.whole)
        return MappedImages(*given, chosen)

    def source(self) -> str:
        """Return name, size and time of the file, the array in it, and which images are taken."""
        where = f"{self.path.absolute()}|{_version(self.path)}|{self.member}"
        return "\n".join([decoders(), repr(self.preparation), where, self.places.tobytes().hex()])

    def require_whole(self) -> None:
        """Read the array once for its check sum, where the file has one."""
        self.whole()


def _version(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size}|{found.st_mtime_ns}|{found.st_ino}"


def decoders() -> str:
    """The version of what decodes and resizes images."""
    import PIL

    return f"Pillow {PIL.__version__}"

"""Image data sets of Hugging Face (extra ``hf-data``): of a hub, or of a folder."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.boundary import require_memory
from gsmooth.data.dataset import Dataset
from gsmooth.data.image_file import FORMATS, decode_picture, read_picture
from gsmooth.data.lazy_images import LazyImages
from gsmooth.data.preparation import Preparation
from gsmooth.data.settings import DATA
from gsmooth.data.splits import ALL, chosen_split
from gsmooth.data.streamed import decoders
from gsmooth.errors import ConfigurationError, InputError

PREFIX: Final = "hf-data:"
_SPEC: Final = re.compile(r"(?P<name>[^\[\]@]+)(@(?P<revision>[^\[\]@]+))?(\[(?P<split>.+)\])?")


def load_hf_data(
    spec: str, split: str | None, preparation: Preparation, usual: str, on_disk_from: int | None
) -> Dataset:
    """Load labelled images of the package datasets. No code of a repository is run.

    Args:
        spec: ``hf-data:NAME``, ``hf-data:NAME@REVISION`` or ``hf-data:FOLDER``, with ``[SPLIT]``
            behind it for a split or a part of one: ``hf-data:owner/name[test[:500]]``. A folder is
            one of ``save_to_disk`` or one that ``load_dataset`` reads, and needs no connection.
        split: Which split, if the spec names none.
        preparation: What is done to each image.
        usual: The split that is meant where none is named.
        on_disk_from: Bytes of all images from which they are read when they are used; None: never.

    Returns:
        The images and labels, with the names of the classes.

    Raises:
        InputError: datasets is not installed, the data cannot be read, or have no single column of
            images and no single column of labels.
        ConfigurationError: The split is named twice, or does not exist.
    """
    found = _SPEC.fullmatch(spec.removeprefix(PREFIX))
    if found is None:
        raise InputError(
            f"data {spec!r}: expected hf-data:NAME, hf-data:NAME@REVISION or hf-data:FOLDER, with"
            " [SPLIT] behind it, such as hf-data:owner/name[test]"
        )
    # A run file repeats the split that the spec names.
    if found["split"] and split not in (None, found["split"].partition("[")[0]):
        raise ConfigurationError(
            f"data {spec!r}: the spec names the split {found['split']!r}, and data.split is"
            f" {split!r}; leave one of them out"
        )
    datasets = _package(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if (folder := Path(found["name"]).expanduser()).is_dir() and _is_saved(folder):
            chosen, table = _saved(datasets, spec, folder, found["split"], split, usual)
        else:
            chosen, table = _loaded(datasets, spec, found, split, usual)
        return _dataset(datasets, spec, table, chosen, preparation, on_disk_from)


def _package(spec: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            f"data {spec!r}: the package datasets is not installed ({error}); run: pip install"
            ' "gsmooth[hf-data]"'
        ) from error
    return datasets


def _is_saved(folder: Path) -> bool:
    """Return True for a folder of ``save_to_disk``."""
    return any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))


def _saved(
    datasets: Any, spec: str, folder: Path, part: str | None, split: str | None, usual: str
) -> tuple[str, Any]:
    """Return the name of the split and its table, of a folder of ``save_to_disk``."""
    held = datasets.load_from_disk(str(folder))
    several = isinstance(held, datasets.DatasetDict)
    name, _, piece = (part or "").partition("[")
    chosen = chosen_split(spec, tuple(held) if several else (), name or split, usual)
    table = held[chosen] if several else held
    if not piece:
        return chosen, table
    window = re.fullmatch(r"(\d*):(\d*)\]", piece)
    if window is None:
        raise InputError(
            f"data {spec!r}: a part of a saved split is [FIRST:END], counted in images, such as"
            f" {name}[:500]"
        )
    first, end = (int(number) if number else None for number in window.groups())
    return chosen, table.select(range(len(table))[first:end])


def _loaded(
    datasets: Any, spec: str, found: re.Match[str], split: str | None, usual: str
) -> tuple[str, Any]:
    """Return the name of the split and its table, of a hub or of a folder of files."""
    place = {"path": found["name"], "revision": found["revision"]}
    if found["split"]:
        return found["split"].partition("[")[0], datasets.load_dataset(
            **place, split=found["split"]
        )
    chosen = chosen_split(spec, datasets.get_dataset_split_names(**place), split, usual)
    return chosen, datasets.load_dataset(**place, split=chosen)


def _dataset(
    datasets: Any,
    spec: str,
    table: Any,
    chosen: str,
    preparation: Preparation,
    on_disk_from: int | None,
) -> Dataset:
    if not len(table):
        raise InputError(f"data {spec!r}: there are no images in it")
    features = dict(table.features)
    image = _column(spec, features, datasets.Image, "images", ("image", "img"))
    label = _column(spec, features, datasets.ClassLabel, "labels", ("label", "labels"))
    stored = table.cast_column(image, datasets.Image(decode=False))
    images: Any = HubImages(spec, stored, image, preparation, str(table._fingerprint))
    if on_disk_from is None or images.nbytes < on_disk_from:
        images = images.stacked()
    labels = np.array(table[label], dtype=np.int64)
    if (labels < 0).any():
        raise InputError(
            f"data {spec!r}: image {int((labels < 0).argmax())} has no label (-1), as in the test"
            " split of a competition; take a split with labels"
        )
    names = tuple(map(str, features[label].names))
    return Dataset(spec, images, labels, names, named=True, split=chosen or ALL)


def _column(
    spec: str, features: dict[str, Any], kind: type[Any], what: str, usual: tuple[str, ...]
) -> str:
    """Return the only column of this kind, or the one with a usual name."""
    columns = [name for name, feature in features.items() if isinstance(feature, kind)]
    named = [name for name in columns if name in usual]
    if len(columns) == 1 or len(named) == 1:
        return (named or columns)[0]
    raise InputError(
        f"data {spec!r}: {len(columns)} columns of {what} ({kind.__name__}) among"
        f" {', '.join(features)}; expected one, or one called {usual[0]!r}: rename or cast the"
        " columns, save_to_disk, and name that folder"
    )


@final
class HubImages(LazyImages):
    """Images of a table, decoded as image files are when they are read.

    Args:
        name: Name of the data, for errors.
        table: The table, whose column of images is not decoded.
        column: That column.
        preparation: Changes of the images after they are decoded.
        origin: Text that changes with the table.
        places: Which rows are meant; by default all.
    """

    def __init__(
        self,
        name: str,
        table: Any,
        column: str,
        preparation: Preparation,
        origin: str,
        places: Sequence[int] | None = None,
    ) -> None:
        self.name = name
        self.table = table
        self.column = column
        self.preparation = preparation
        self.origin = origin
        self.places = range(len(table)) if places is None else tuple(places)
        self.dtype = np.dtype(np.uint8)
        channels, height, width = self._pixels(0).shape
        self.shape = (len(self.places), channels, height, width)

    def _pixels(self, place: int) -> NDArray[np.uint8]:
        row = self.places[place]
        stored = self.table[row][self.column]
        if stored["bytes"] is None:
            return read_picture(Path(stored["path"]), self.preparation)
        name, most = f"{self.name}: image {row}", DATA.most_pixels
        return decode_picture(
            stored["bytes"], name, self.preparation, formats=FORMATS, max_pixels=most
        )

    def read(self, place: int) -> NDArray[np.uint8]:
        """Decode one image."""
        image = self._pixels(place)
        if image.shape != self.shape[1:]:
            raise InputError(
                f"data {self.name}: image {self.places[place]} is {image.shape}, but the first one"
                f" is {self.shape[1:]} (C, H, W); bring all to one size: --set data.resize=[H,W]"
            )
        return image

    def stacked(self) -> NDArray[np.uint8]:
        """Return all images as one array."""
        require_memory(self.nbytes, self.name)
        images = np.empty(self.shape, dtype=np.uint8)
        for place in range(len(images)):
            images[place] = self.read(place)
        return images

    def taken(self, places: Sequence[int]) -> HubImages:
        """Return the images at these positions."""
        rows = [self.places[place] for place in places]
        return HubImages(self.name, self.table, self.column, self.preparation, self.origin, rows)

    def require_whole(self) -> None:
        """Reading an image shows whether it is damaged."""

    def source(self) -> str:
        """Return what the table is, which rows are meant, the preparation and the decoders."""
        rows = hashlib.sha256(np.array(self.places, dtype=np.int64).tobytes()).hexdigest()
        return "\n".join([self.origin, self.column, rows, repr(self.preparation), decoders()])

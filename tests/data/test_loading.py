"""Data specs give checked data sets, or say which file, array or image is at fault."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gsmooth.data import loading
from gsmooth.data.dataset import Dataset, dataset_from_arrays, interleaved
from gsmooth.data.loading import load_data
from gsmooth.errors import ConfigurationError, InputError

Arrays = dict[str, NDArray[Any]]


def grey(n: int = 4, side: int = 5) -> NDArray[np.uint8]:
    return np.arange(n * side * side, dtype=np.uint8).reshape(n, side, side)


def saved(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


def picture(path: Path, side: int = 5, mode: str = "L", value: int = 7) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (side, side), value if mode in ("L", "1") else 0).save(path)
    return path


@pytest.fixture
def my_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write a module ``photos`` into the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "photos", raising=False)

    def write(code: str) -> None:
        (tmp_path / "photos.py").write_text(code)

    return write


def test_shipped_digits_are_held_out_in_balanced_order() -> None:
    digits = load_data("shipped:digits")
    assert digits.images.shape == (1000, 1, 28, 28)
    assert digits.images.dtype == np.uint8
    assert digits.classes == tuple("0123456789")
    assert digits.labels.tolist() == list(range(10)) * 100


def test_shipped_splits_share_no_image_and_follow_the_documented_order() -> None:
    table = loading._digits()
    train, heldout = load_data("shipped:digits", "train"), load_data("shipped:digits", "heldout")
    assert len(train) == 4000
    assert (train.images[13].ravel() == table[3, 1, :784]).all()
    assert (heldout.images[13].ravel() == table[3, 401, :784]).all()
    seen = {image.tobytes() for image in train.images}
    assert sum(image.tobytes() in seen for image in heldout.images) == 0


def test_bytes_become_float64_between_zero_and_one() -> None:
    digits = load_data("shipped:digits")
    image = digits.image(0)
    assert str(image.dtype) == "torch.float64"
    assert tuple(image.shape) == digits.shape == (1, 28, 28)
    assert (image.numpy() == digits.images[0] / 255.0).all()
    image += 1.0
    assert digits.images[0].max() == 255


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("shipped:digit", None), "did you mean 'digits'"),
        (("shipped:digits", "heldut"), "did you mean 'heldout'"),
        (("shipped:digits", "test"), "it has train, heldout"),
    ],
)
def test_an_unknown_shipped_name_or_split_is_explained(
    arguments: tuple[str, str | None], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_data(*arguments)


def test_missing_mlxtend_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Path:
        raise ModuleNotFoundError(f"No module named {name!r}")

    loading._digits.cache_clear()
    monkeypatch.setattr(loading, "files", absent)
    with pytest.raises(InputError, match=r'pip install "gsmooth\[demo\]"'):
        load_data("shipped:digits")


@pytest.mark.parametrize("names", [("x", "y"), ("images", "labels"), ("x_test", "y_test")])
def test_an_npz_file_is_found_under_its_usual_names(tmp_path: Path, names: tuple[str, str]) -> None:
    spec = saved(tmp_path / "a.npz", **{names[0]: grey(), names[1]: np.array([0, 1, 2, 1])})
    found = load_data(spec)
    assert found.images.shape == (4, 1, 5, 5)
    assert found.labels.tolist() == [0, 1, 2, 1]
    assert found.classes == ("0", "1", "2")


def test_arrays_of_a_file_that_nothing_reads_are_told_of(tmp_path: Path) -> None:
    pixels, track = np.zeros((2, 4, 4)), np.arange(2)
    np.savez(tmp_path / "signs.npz", x=pixels, y=track, track=track, class_names=["a", "b"])
    assert load_data(str(tmp_path / "signs.npz")).notices == ("arrays that are not read: 'track'",)
    np.savez(tmp_path / "parts.npz", x_train=pixels, y_train=track, x_test=pixels, y_test=track)
    assert load_data(str(tmp_path / "parts.npz")).notices == ()


def test_an_npz_split_is_preferred_over_the_whole(tmp_path: Path) -> None:
    arrays: Arrays = {"x": grey(4), "y": np.zeros(4, int)}
    arrays |= {"x_train": grey(2), "y_train": np.ones(2, int), "classes": np.array(["cat", "dog"])}
    spec = saved(tmp_path / "a.npz", **arrays)
    assert len(load_data(spec, "train")) == 2
    assert len(load_data(spec, "all")) == 4
    assert load_data(spec, "train").classes == ("cat", "dog")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_taken_as_they_are(dtype: type) -> None:
    images: NDArray[Any] = np.full((2, 3, 4, 4), -0.5, dtype=dtype)
    found = dataset_from_arrays("floats", images, np.array([0, 1]))
    assert float(found.image(1).min()) == -0.5
    assert found.shape == (3, 4, 4)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2, 6, 6, 3), (3, 6, 6)), ((2, 3, 6, 6), (3, 6, 6)), ((2, 1, 6, 3), (1, 6, 3))],
)
def test_channels_are_last_only_where_nothing_else_fits(
    shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    images = np.zeros(shape, dtype=np.uint8)
    assert dataset_from_arrays("a", images, np.array([0, 1])).shape == expected


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pixels": grey(), "y": np.zeros(4, int)}, "holds 'pixels', 'y'; expected 'x' and 'y'"),
        ({"x": grey(), "y": np.zeros(3, int)}, r"4 images, but labels of shape \(3,\)"),
        ({"x": grey(), "y": np.zeros(4)}, "type float64; expected integers"),
        ({"x": grey(), "y": np.eye(4, dtype=int)}, "one-hot labels take argmax"),
        ({"x": grey()[0], "y": np.zeros(5, int)}, r"images of shape \(5, 5\)"),
        ({"x": grey(0), "y": np.zeros(0, int)}, r"images of shape \(0, 1, 5, 5\)"),
        ({"x": grey().astype(int), "y": np.zeros(4, int)}, "type int64; expected uint8"),
        ({"x": grey(), "y": np.array([0, -1, 0, 0])}, "image 1 has label -1"),
        (
            {"x": grey(), "y": np.array([0, 0, 9, 0]), "classes": np.array(["a", "b"])},
            "image 2 has label 9; with 2 classes labels run from 0 to 1",
        ),
        ({"x": np.where(grey() == 30, np.nan, 0.5), "y": np.zeros(4, int)}, "image 1 holds NaN"),
        ({"x": np.where(grey() > 80, np.inf, 0.5), "y": np.zeros(4, int)}, "image 3 holds NaN or"),
        ({"x": np.array([{}]), "y": np.zeros(1, int)}, "without running pickled code"),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path: Path, arrays: Arrays, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_data(saved(tmp_path / "a.npz", **arrays))


def test_a_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"\x80\x04not an archive")
    with pytest.raises(InputError, match=r"cannot be read as \.npz"):
        load_data(str(path))
    with path.open("wb") as stream:
        np.save(stream, grey())
    with pytest.raises(InputError, match=r"cannot be read as \.npz"):
        load_data(str(path))


@pytest.mark.parametrize(
    ("spec", "message"),
    [("gone.npz", "no such file"), ("gone", "no such file or folder; expected shipped:digits")],
)
def test_a_missing_file_is_named(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_data(spec)


def test_a_folder_is_read_class_by_class_in_turn(tmp_path: Path) -> None:
    for name, value in [("b/1.png", 1), ("b/2.PNG", 2), ("a/9.jpg", 9), ("a/3.jpeg", 3)]:
        picture(tmp_path / name, value=value)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    found = load_data(str(tmp_path))
    assert found.classes == ("a", "b")
    assert found.labels.tolist() == [0, 1, 0, 1]
    assert found.images[:, 0, 0, 0].tolist() == [3, 1, 9, 2]


def test_a_folder_of_splits_is_entered(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "a" / "1.png")
    picture(tmp_path / "test" / "a" / "1.png", mode="RGB")
    assert load_data(str(tmp_path), "train").shape == (1, 5, 5)
    assert load_data(str(tmp_path), "heldout").shape == (3, 5, 5)


def test_a_folder_without_classes_is_explained(tmp_path: Path) -> None:
    picture(tmp_path / "1.png")
    with pytest.raises(InputError, match="no sub-folders; expected one a class"):
        load_data(str(tmp_path))


def test_an_empty_class_keeps_its_number_and_is_told_of(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "1.png")
    (tmp_path / "b").mkdir()
    picture(tmp_path / "c" / "1.png")
    found = load_data(str(tmp_path))
    assert found.classes == ("a", "b", "c")
    assert found.labels.tolist() == [0, 2]
    assert found.notices == ("1 of 3 classes without images: 'b'",)


@pytest.mark.parametrize(("side", "mode"), [(6, "L"), (5, "RGB")])
def test_images_of_different_shapes_are_named(tmp_path: Path, side: int, mode: str) -> None:
    first = picture(tmp_path / "a" / "1.png")
    second = picture(tmp_path / "a" / "2.png", side=side, mode=mode)
    with pytest.raises(InputError) as caught:
        load_data(str(tmp_path))
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    path = picture(tmp_path / "a" / "1.png")
    path.write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"1\.png: cannot be read as an image"):
        load_data(str(tmp_path))


def test_a_factory_in_the_working_directory_is_found(my_module: Callable[[str], None]) -> None:
    my_module(
        "import numpy as np\n"
        "def make(split):\n"
        "    return np.zeros((3, 1, 2, 2)), np.array([0, 1, len(split)])\n"
    )
    found = load_data("photos:make", "ab")
    assert found.labels.tolist() == [0, 1, 2]
    assert found.name == "photos:make"


def test_a_factory_may_return_a_dataset_and_tensors(my_module: Callable[[str], None]) -> None:
    my_module(
        "import torch\n"
        "from gsmooth.data.dataset import dataset_from_arrays\n"
        "def plain():\n"
        "    return torch.zeros(2, 1, 3, 3), torch.tensor([0, 1])\n"
        "def whole():\n"
        "    return dataset_from_arrays('mine', *plain(), classes=('cat', 'dog'))\n"
    )
    assert len(load_data("photos:plain")) == 2
    assert load_data("photos:whole").classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("code", "spec", "message"),
    [
        ("", "fotos:make", "cannot import 'fotos'"),
        ("1 / 0", "photos:make", "cannot import 'photos': ZeroDivisionError"),
        ("def make(): pass", "photos:mkae", "has no 'mkae' .did you mean 'make'"),
        ("make = 3", "photos:make", "is int, not a function"),
        ("def make(): 1 / 0", "photos:make", "raised ZeroDivisionError"),
        ("def make(): return 3", "photos:make", "returned int; expected a Dataset, "),
        ("", "photos:", "not of the form module:name"),
    ],
)
def test_a_factory_that_fails_is_explained(
    my_module: Callable[[str], None], code: str, spec: str, message: str
) -> None:
    my_module(code)
    with pytest.raises(InputError, match=message):
        load_data(spec)


def test_indices_start_skip_and_end() -> None:
    digits = load_data("shipped:digits")
    assert list(digits.indices(start=5, every=2, limit=3)) == [5, 7, 9]
    assert list(digits.indices(start=995, limit=100)) == [995, 996, 997, 998, 999]
    assert len(digits.indices()) == 1000


@pytest.mark.parametrize(
    ("start", "every", "limit", "message"),
    [
        (1000, 1, None, "lies behind the 1000 images"),
        (-1, 1, None, "must be >= 0"),
        (0, 0, None, "must be >= 0"),
        (0, 1, 0, "must be >= 0"),
    ],
)
def test_indices_that_name_no_image_are_refused(
    start: int, every: int, limit: int | None, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_data("shipped:digits").indices(start, every, limit)


def test_a_digest_tells_pixels_labels_and_shapes_apart() -> None:
    base = dataset_from_arrays("a", grey(), np.zeros(4, int))
    others = [
        dataset_from_arrays("a", grey() + 1, np.zeros(4, int)),
        dataset_from_arrays("a", grey(), np.ones(4, int)),
        dataset_from_arrays("a", grey().reshape(4, 1, 1, 25), np.zeros(4, int)),
    ]
    assert dataset_from_arrays("b", grey(), np.zeros(4, int)).digest() == base.digest()
    assert len({base.digest(), *(other.digest() for other in others)}) == 4


def test_interleaving_keeps_every_prefix_balanced() -> None:
    labels = np.array([0, 0, 0, 2, 2, 1])
    assert labels[interleaved(labels)].tolist() == [0, 1, 2, 0, 2, 0]


def test_a_dataset_refuses_labels_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="expected int64"):
        Dataset("a", grey()[:, None], np.zeros(4, dtype=np.int32), ("0",))


def test_loading_digits_needs_neither_pandas_nor_mlxtends_loader() -> None:
    loading._digits.cache_clear()
    loaded = set(sys.modules)
    load_data("shipped:digits")
    assert not {name.partition(".")[0] for name in set(sys.modules) - loaded} & {
        "pandas",
        "sklearn",
    }


def test_the_sample_of_digits_is_the_beginning_of_the_held_out_ones() -> None:
    sample, digits = load_data("shipped:digits-sample"), load_data("shipped:digits")
    assert (sample.images == digits.images[:100]).all()
    assert (sample.labels == digits.labels[:100]).all()
    assert (sample.classes, sample.split) == (digits.classes, digits.split)

"""Parts of the data of a training, and the files that name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gsmooth.data.digests import SeenImages, image_digests
from gsmooth.data.groups import image_groups
from gsmooth.data.loading import load_data
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.training_data import TrainingData

RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def parts(*overrides: str) -> TrainingData:
    config = load_config(None, ["transformation.name=gaussian", *overrides])
    return TrainingData.of(config)[1]


def archive(count: int = 600, *, copies: int = 1) -> None:
    """Random images; each is there ``copies`` times, and tracks are four images long."""
    images = RANDOM.integers(0, 256, (count // copies, 1, 4, 4), dtype=np.uint8)
    labels = np.arange(count // copies) % 3
    order = np.tile(np.arange(len(images)), copies)
    np.savez("tiles.npz", x=images[order], y=labels[order], track=np.arange(count) // 4)


def folder() -> list[str]:
    """Frames 0 to 9 of six tracks in two classes; returns their names."""
    tracks = [f"{kind}/{kind}{track}" for kind in "ab" for track in range(3)]
    names = [f"{track}_{frame}.png" for track in tracks for frame in range(10)]
    for name in names:
        path = Path("signs", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RANDOM.integers(0, 256, (4, 4, 3), dtype=np.uint8)).save(path)
    return names


def test_training_validation_and_holdout_are_all_images_once() -> None:
    archive()
    found = parts("data.spec=tiles.npz", "train.validation=0.2", "train.holdout=0.1")
    assert [len(found.training), len(found.validation), len(found.holdout)] == [420, 120, 60]
    every = np.concatenate([found.training, found.validation, found.holdout])
    assert sorted(every.tolist()) == list(range(600))


def test_equal_images_are_never_in_two_parts() -> None:
    archive(copies=2)
    found = parts("data.spec=tiles.npz", "train.validation=0.2", "train.holdout=0.1")
    keys = [
        set(image_digests(found.dataset, part.tolist()).tolist())
        for part in (found.training, found.validation, found.holdout)
    ]
    assert all(keys)
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]


def test_an_array_of_tracks_keeps_each_of_them_in_one_part() -> None:
    archive()
    found = parts("data.spec=tiles.npz", "train.validation=0.2", "train.groups=track")
    tracks = np.arange(600) // 4
    assert not set(tracks[found.training]) & set(tracks[found.validation])


def test_few_images_are_all_trained_on() -> None:
    archive(60)
    found = parts("data.spec=tiles.npz", "train.validation=0.2")
    assert (len(found.training), len(found.validation)) == (60, 0)
    assert found.describe() == "60 images to train on"


def test_a_pattern_finds_the_tracks_of_files() -> None:
    names = folder()
    groups = image_groups("signs", "all", r"(\w\d)_\d")
    data = load_data("signs")
    assert len(set(groups)) == 6
    assert len(groups) == len(data) == len(names)
    # In the order of the images: classes in turn, files by name.
    assert len(set(groups[::2][:10])) == 1
    assert groups[0] != groups[1]


def test_a_table_finds_the_tracks_of_files() -> None:
    names = folder()
    lines = [f"{name},{number % 2}" for number, name in enumerate(names)]
    Path("groups.csv").write_text("\n".join(["file,group", *lines]))
    groups = image_groups("signs", "all", "groups.csv")
    assert groups.tolist()[:4] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("groups", "error", "said"),
    [
        ("none.csv", InputError, "none.csv"),
        ("wrong.csv", InputError, "expected file and group"),
        ("short.csv", InputError, "a/a0_0.png has no line"),
        ("(", ConfigurationError, "not a pattern"),
        ("track", ConfigurationError, "it has 0 groups in parentheses; expected one"),
        ("(z)", InputError, "a/a0_0.png does not contain it"),
    ],
)
def test_groups_that_do_not_fit_say_what_is_wrong(
    groups: str, error: type[Exception], said: str
) -> None:
    folder()
    Path("wrong.csv").write_text("name,track\n")
    Path("short.csv").write_text("file,group\n")
    with pytest.raises(error, match=said):
        image_groups("signs", "all", groups)


def test_arrays_without_such_a_name_and_other_data_are_refused() -> None:
    archive()
    with pytest.raises(ConfigurationError, match="no array of this name; it holds x, y, track"):
        image_groups("tiles.npz", "all", "frame")
    with pytest.raises(ConfigurationError, match="neither an"):
        image_groups("shipped:digits", "train", "track")


def test_streamed_images_are_those_in_memory() -> None:
    folder()
    plain, streamed = load_data("signs"), load_data("signs", streamed=True)
    assert streamed.shape == plain.shape
    assert streamed.digest() == plain.digest()
    places = np.array([5, 0, 59])
    assert np.array_equal(streamed.pixels(places, np.float32), plain.pixels(places, np.float32))
    assert np.array_equal(streamed.pixels(7, np.float64), plain.pixels(7, np.float64))
    alone, by_threads = image_digests(plain, range(60)), image_digests(streamed, range(60), 2)
    assert np.array_equal(alone, by_threads)


def test_a_streamed_image_of_another_size_is_an_error_when_it_is_read() -> None:
    folder()
    Image.new("RGB", (5, 4)).save("signs/b/b9_9.png")
    streamed = load_data("signs", streamed=True)
    with pytest.raises(InputError, match=r"b9_9.png: \(C, H, W\) = \(3, 4, 5\)"):
        image_digests(streamed, range(len(streamed)))


def test_a_list_of_something_else_is_not_taken_for_digests() -> None:
    np.save("list.npy", np.zeros(3))
    with pytest.raises(InputError, match="expected a list of digests"):
        SeenImages.read(Path("list.npy"))


def test_equal_images_of_two_tracks_bring_the_tracks_together() -> None:
    images = RANDOM.integers(0, 256, (600, 1, 4, 4), dtype=np.uint8)
    tracks = np.arange(600) // 4
    images[4:8] = images[0:4]
    images[300:304] = images[40:44]
    np.savez("tiles.npz", x=images, y=np.arange(600) % 3, track=tracks)
    for seed in range(8):
        given = ("data.spec=tiles.npz", "train.validation=0.3", "train.groups=track")
        found = parts(*given, f"train.seed={seed}")
        training = set(tracks[found.training])
        assert not training & set(tracks[found.validation])
        assert (0 in training) == (1 in training)
        assert (10 in training) == (75 in training)

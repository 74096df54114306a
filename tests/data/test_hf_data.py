"""Data sets that the package datasets wrote: read without a network, as image files are."""

from __future__ import annotations

import io
import re
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gsmooth.data.loading import load_data, split_names
from gsmooth.data.preparation import Preparation
from gsmooth.errors import ConfigurationError, InputError

pytestmark = pytest.mark.extras(group="frameworks")
datasets: Any = pytest.importorskip("datasets", reason='needs the extra "hf-data"')
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 10, 3), dtype=np.uint8)
LABELS = [2, 0, 1, 1, 0, 2]
NAMES = ["heron", "crane", "ant"]


@pytest.fixture(autouse=True)
def _nobody_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("a test asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def encoded(picture: Image.Image, **options: Any) -> dict[str, Any]:
    stream = io.BytesIO()
    picture.save(stream, "PNG", **options)
    return {"bytes": stream.getvalue(), "path": None}


def table(pictures: Any = None, labels: list[int] = LABELS, **columns: Any) -> Any:
    pictures = [Image.fromarray(one) for one in PIXELS] if pictures is None else pictures
    features = {
        "image": datasets.Image(),
        "label": datasets.ClassLabel(names=NAMES),
        **{name: kind for name, (kind, _) in columns.items()},
    }
    held = {
        "image": [encoded(one) for one in pictures],
        "label": labels,
        **{name: values for name, (_, values) in columns.items()},
    }
    return datasets.Dataset.from_dict(held, features=datasets.Features(features))


def saved(folder: Path, held: Any = None) -> str:
    made = table() if held is None else held
    datasets.DatasetDict({"train": made.select([0]), "test": made}).save_to_disk(str(folder))
    return f"hf-data:{folder}"


def test_a_saved_split_is_read_pixel_by_pixel(tmp_path: Path) -> None:
    found = load_data(f"{saved(tmp_path)}[test]")
    assert np.array_equal(found.images, PIXELS.transpose(0, 3, 1, 2))
    assert (found.labels.tolist(), found.classes) == (LABELS, tuple(NAMES))
    assert found.split == "test"


def test_without_a_split_the_usual_one_is_taken(tmp_path: Path) -> None:
    spec = saved(tmp_path)
    assert load_data(spec).split == "test"
    assert len(load_data(spec, "train")) == 1
    assert split_names(spec) is None


def test_a_part_of_a_split_is_a_slice_of_its_rows(tmp_path: Path) -> None:
    assert load_data(f"{saved(tmp_path)}[test[1:3]]").labels.tolist() == LABELS[1:3]


def test_a_split_is_named_once(tmp_path: Path) -> None:
    spec = f"{saved(tmp_path)}[test[:2]]"
    with pytest.raises(ConfigurationError, match="leave one of them out"):
        load_data(spec, "train")
    # The configuration of a run holds both, and is read again where the run goes on.
    found = load_data(spec)
    assert load_data(spec, found.split).labels.tolist() == found.labels.tolist() == LABELS[:2]


def test_a_split_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="it has train, test"):
        load_data(f"{saved(tmp_path)}[tests]")


def test_images_stay_on_disk_where_that_is_asked_for(tmp_path: Path) -> None:
    spec = f"{saved(tmp_path)}[test]"
    lazy, eager = load_data(spec, streamed=True), load_data(spec)
    assert not isinstance(lazy.images, np.ndarray)
    assert lazy.digest() == eager.digest()
    assert np.array_equal(lazy.keys(), eager.keys())
    chosen = np.array([False, True, False, True, False, False])
    assert np.array_equal(lazy.taken(chosen).images[1], eager.images[3])


def test_images_of_several_sizes_are_brought_to_one(tmp_path: Path) -> None:
    sizes = [Image.fromarray(one).resize((9 + k, 12)) for k, one in enumerate(PIXELS)]
    spec = f"{saved(tmp_path, table(sizes))}[test]"
    with pytest.raises(InputError, match=r"bring all to one size: --set data\.resize"):
        load_data(spec)
    assert load_data(spec, preparation=Preparation(resize=(8, 8))).shape == (3, 8, 8)


def test_more_than_8_bits_are_refused(tmp_path: Path) -> None:
    deep = [Image.fromarray(np.full((8, 10), 40_000, dtype=np.uint16))] * 6
    with pytest.raises(InputError, match="more than 8 bits a channel"):
        load_data(f"{saved(tmp_path, table(deep))}[test]")


def test_images_without_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"image 2 has no label \(-1\)"):
        load_data(f"{saved(tmp_path, table(labels=[0, 1, -1, -1, 1, 2]))}[test]")


def test_of_several_columns_of_labels_the_usual_one_is_taken(tmp_path: Path) -> None:
    coarse = (datasets.ClassLabel(names=["bird", "insect"]), [1, 0, 0, 0, 0, 1])
    held = table(coarse=coarse)
    assert load_data(f"{saved(tmp_path / 'a', held)}[test]").labels.tolist() == LABELS
    unclear = held.rename_column("label", "fine")
    with pytest.raises(InputError, match="2 columns of labels"):
        load_data(f"{saved(tmp_path / 'b', unclear)}[test]")


def test_a_folder_of_parquet_files_is_read_as_a_hub_is(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table().to_parquet(str(tmp_path / "data" / "test-00000-of-00001.parquet"))
    found = load_data(f"hf-data:{tmp_path / 'data'}[test[:4]]")
    assert found.labels.tolist() == LABELS[:4]
    assert np.array_equal(found.images, PIXELS[:4].transpose(0, 3, 1, 2))


@pytest.mark.parametrize("spec", ["hf-data:", "hf-data:a[test", "hf-data:a@b@c"])
def test_a_spec_of_another_form_says_what_is_expected(spec: str) -> None:
    with pytest.raises(InputError, match=re.escape("with [SPLIT] behind it")):
        load_data(spec)

"""Labels find the outputs of their names; whatever cannot be matched is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gsmooth.data.class_names import ClassNames, class_label, read_class_names, with_outputs
from gsmooth.data.dataset import Dataset, dataset_from_arrays
from gsmooth.errors import ConfigurationError, InputError

ANIMALS = ("bird", "cat", "dog", "emu")


def named(*classes: str) -> Dataset:
    """One image a class, in the order of the names."""
    images = np.zeros((len(classes), 1, 2, 2), dtype=np.uint8)
    return dataset_from_arrays("pets", images, np.arange(len(classes)), classes)


def numbered(*labels: int) -> Dataset:
    return dataset_from_arrays("pets", np.zeros((len(labels), 1, 2, 2)), np.array(labels))


def test_a_subset_of_the_classes_keeps_its_outputs() -> None:
    """The labels of folders "cat" and "emu" are 0 and 1 as they lie, and outputs 1 and 3."""
    found = with_outputs(named("cat", "emu"), ANIMALS, 4, "net")
    assert found.labels.tolist() == [1, 3]
    assert found.classes == ANIMALS


def test_classes_in_another_order_than_the_outputs_are_mapped() -> None:
    found = with_outputs(named("bird", "cat", "dog"), ("dog", "cat", "bird"), 3, "net")
    assert found.labels.tolist() == [2, 1, 0]


def test_names_may_be_given_for_some_outputs_only() -> None:
    found = with_outputs(named("cat", "emu"), {"emu": 0, "cat": 2}, 4, "net")
    assert found.labels.tolist() == [2, 0]
    assert found.classes == ("emu", "1", "cat", "3")


def test_as_many_classes_as_outputs_are_taken_in_their_order() -> None:
    found = with_outputs(named("cat", "dog"), None, 2, "net")
    assert found.labels.tolist() == [0, 1]
    assert (found.classes, found.has_names) == (("cat", "dog"), True)


@pytest.mark.parametrize("outputs", [2, 4])
def test_another_number_of_classes_than_outputs_is_refused(outputs: int) -> None:
    with pytest.raises(InputError, match=rf"3 classes, but net has {outputs} outputs.*--classes"):
        with_outputs(named("bird", "cat", "dog"), None, outputs, "net")


def test_a_class_that_no_output_is_called_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"called 'dgo' \(did you mean 'dog'\?\); rename"):
        with_outputs(named("cat", "dgo"), ANIMALS, 4, "net")


def test_labels_that_are_numbers_are_outputs_and_get_the_names_of_the_model() -> None:
    found = with_outputs(numbered(3, 0), ANIMALS, 4, "net")
    assert found.labels.tolist() == [3, 0]
    assert found.classes == ANIMALS
    assert with_outputs(numbered(3, 0), None, 5, "net").classes == tuple("01234")
    with pytest.raises(InputError, match="label 3 is out of range: net knows the classes 0 to 2"):
        with_outputs(numbered(3, 0), None, 3, "net")


def test_folders_that_are_digits_are_those_outputs() -> None:
    found = with_outputs(named("3", "7"), None, 10, "net")
    assert found.labels.tolist() == [3, 7]


def test_numbers_that_sort_otherwise_as_text_are_refused() -> None:
    """Sorted as text 10 comes before 2: is it the third output or the eleventh?"""
    classes = sorted(map(str, range(12)))
    with pytest.raises(InputError, match=r"'10' comes before|'11' comes before"):
        with_outputs(named(*classes), None, 12, "net")
    found = with_outputs(named(*classes), tuple(map(str, range(12))), 12, "net")
    assert found.labels.tolist() == [int(name) for name in classes]


def test_numbers_padded_with_zeros_are_in_their_order() -> None:
    classes = [f"{number:02}" for number in range(12)]
    assert with_outputs(named(*classes), None, 12, "net").labels.tolist() == list(range(12))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a", "b", "c"), "3 names, but the model has 2 outputs"),
        (("a", "a"), "'a' names two outputs"),
        ({"a": 2}, "'a' is number 2, but the model has the outputs 0 to 1"),
        ({"a": 0, "b": 0}, "'a' and 'b' are both number 0"),
        ({"1": 0}, "'1' names two outputs"),
    ],
)
def test_names_that_do_not_fit_the_outputs_are_refused(names: ClassNames, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        with_outputs(numbered(0), names, 2, "net")


@pytest.mark.parametrize(
    ("name", "text", "names"),
    [
        ("a.txt", "cat\ndog \n\n", ("cat", "dog")),
        ("a.txt", "\ufeffcat\r\ndog", ("cat", "dog")),
        ("a.json", json.dumps(["cat", "dog"]), ("cat", "dog")),
        ("a.json", json.dumps({"cat": 1, "dog": 0}), {"cat": 1, "dog": 0}),
        ("a.json", json.dumps({"0": "cat", "1": "dog"}), {"cat": 0, "dog": 1}),
        ("a.toml", 'cat = 1\n"sea lion" = 0', {"cat": 1, "sea lion": 0}),
        ("a.toml", 'class_names = ["cat", "dog"]', ("cat", "dog")),
    ],
)
def test_files_of_names_are_read(tmp_path: Path, name: str, text: str, names: ClassNames) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_class_names(tmp_path / name) == names


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", ""),
        ("a.txt", "cat\n\ndog\n"),
        ("a.json", "{"),
        ("a.json", '{"cat": true}'),
        ("a.json", '{"cat": 0, "cat": 1}'),
        ("a.json", '{"cat": 0.5}'),
        ("a.json", '[["n01440764", "tench"]]'),
        ("a.toml", "cat = "),
        ("gone.txt", None),
    ],
)
def test_files_that_are_no_names_are_refused(tmp_path: Path, name: str, text: str | None) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match="expected one name a line in the order") as caught:
        read_class_names(tmp_path / name)
    assert str(caught.value).startswith(f"--classes {tmp_path / name}: ")


def test_a_name_cannot_steer_a_terminal() -> None:
    assert class_label(("cat\x1b[2J", "dog"), 0) == r"cat\x1b[2J"
    assert class_label(("cat",), 1) == "1"
    assert class_label(None, 1) == "1"


def test_a_dataset_with_names_of_its_own_is_matched_by_them() -> None:
    images = np.zeros((2, 1, 2, 2), dtype=np.uint8)
    whole = Dataset("pets", images, np.array([0, 1]), ("cat", "emu"))
    assert with_outputs(whole, ANIMALS, 4, "net").labels.tolist() == [1, 3]


def test_folders_called_by_numbers_go_where_the_model_has_those_names() -> None:
    found = with_outputs(named("0", "1", "2"), ("2", "1", "0"), 3, "net")
    assert found.labels.tolist() == [2, 1, 0]

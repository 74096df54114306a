"""Bad networks and bad images stop a run; nothing that is not a class is ever a vote (F3)."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from gsmooth.certification import RegionMode
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, InputError, ModelError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from tests.certifying import certify_many, predict
from tests.engine_objects import HalfLine, Scores, classifier, pixel

BATCH = torch.zeros(5, 1, 1, 1)


def labels_of(*rows: tuple[float, ...]) -> list[int]:
    scores = torch.tensor(rows)
    module = Scores(lambda x: scores)
    subject = classifier(module, classes=scores.shape[1])
    return [int(label) for label in subject.labels(torch.zeros(len(rows), 1, 1, 1))]


def smoothed(scores: Callable[[Tensor], Tensor]) -> SmoothedClassifier:
    return SmoothedClassifier(classifier(Scores(scores)), Gaussian(), GaussianLaw((), 0.25), seed=0)


def test_the_largest_score_is_the_label() -> None:
    assert labels_of((0.0, 1.0, -2.0), (3.0, 1.0, 2.0), (-3.0, -2.0, -1.0)) == [1, 0, 2]


def test_a_tie_is_the_extra_label_and_no_class() -> None:
    assert labels_of((1.0, 1.0, 0.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0)) == [3, 3, 0]


def test_a_tie_below_the_top_is_no_tie() -> None:
    assert labels_of((0.0, 0.0, 1.0)) == [2]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", [0, 1])
def test_a_score_that_is_not_finite_names_its_row(bad: float, column: int) -> None:
    scores = torch.zeros(5, 2)
    scores[3, column] = bad
    scores[4] = bad
    with pytest.raises(ModelError, match=r"toy: NaN or infinite scores, first at row 3 of a batch"):
        classifier(Scores(lambda x: scores)).labels(BATCH)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_stop_the_run_and_name_the_images(bad: float) -> None:
    def broken(x: Tensor) -> Tensor:
        lead = x.flatten(1)
        return torch.cat([-lead, torch.where(lead > 50.0, bad, lead)], dim=1)

    g = smoothed(broken)
    items = [Item(4, pixel(0.0)), Item(9, pixel(100.0))]
    with pytest.raises(ModelError, match=r"image (4, )?9"):
        list(certify_many(g, items, Region(l2=0.1), RegionMode()))
    assert predict(g, pixel(0.5), index=4).label == 1


def test_scores_that_are_not_finite_while_the_speed_is_measured_name_no_image_of_the_run() -> None:
    g = smoothed(lambda x: torch.full((len(x), 2), math.nan))
    with pytest.raises(ModelError, match=r"votes for an image of zeros, by which the speed is"):
        g.pace()


def test_scores_of_the_wrong_number_of_classes_are_refused() -> None:
    with pytest.raises(ModelError, match=r"gave \(5, 3\), expected scores \(5, 2\)"):
        classifier(Scores(lambda x: torch.zeros(len(x), 3))).labels(BATCH)


def test_scores_of_another_batch_size_are_refused() -> None:
    with pytest.raises(ModelError, match=r"gave \(1, 2\), expected scores \(5, 2\)"):
        classifier(Scores(lambda x: torch.zeros(1, 2))).labels(BATCH)


def test_labels_instead_of_scores_are_refused() -> None:
    with pytest.raises(ModelError, match=r"gave \(5,\), expected scores"):
        classifier(Scores(lambda x: torch.zeros(len(x)))).labels(BATCH)


def test_a_tuple_of_outputs_is_refused_and_the_remedy_named() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return torch.zeros(len(x), 2), x

    with pytest.raises(ModelError, match=r"gave tuple, expected .* returns logits only"):
        classifier(Two()).labels(BATCH)


def test_a_module_put_back_into_training_mode_still_votes_in_evaluation_mode() -> None:
    module = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(1), nn.Linear(1, 2))
    subject = classifier(module)
    batch = torch.linspace(-1.0, 1.0, 8).reshape(8, 1, 1, 1)
    alone = [int(subject.labels(row[None])) for row in batch]
    module.train()
    assert [int(label) for label in subject.labels(batch)] == alone


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_votes_tell_labels_ties_and_scores_that_are_not_finite_apart(
    bad: float, column: int
) -> None:
    scores = torch.tensor([[0.0, 2.0, 1.0], [2.0, 2.0, 1.0], [0.0, 1.0, 1.5], [2.0, 2.0, 2.0]])
    scores[2, column] = bad
    votes = classifier(Scores(lambda x: scores), classes=3).votes(torch.zeros(4, 1, 1, 1))
    assert votes.tolist() == [1, 3, 4, 3]
    assert votes.dtype == torch.int64


def test_the_largest_finite_scores_are_no_infinities() -> None:
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        scores = torch.full((1, 3), torch.finfo(dtype).max, dtype=dtype)
        scores[0, 1] = -torch.finfo(dtype).max
        scores[0, 0] = 0.0
        subject = classifier(Scores(lambda x, s=scores: s), classes=3)  # type: ignore[misc]
        assert subject.votes(torch.zeros(1, 1, 1, 1)).tolist() == [2]


@given(st.lists(st.lists(st.integers(-2, 2), min_size=4, max_size=4), min_size=1, max_size=9))
def test_votes_are_the_only_largest_score_or_a_tie(rows: list[list[int]]) -> None:
    subject = classifier(Scores(lambda x: torch.tensor(rows, dtype=torch.bfloat16)), classes=4)
    wanted = [row.index(max(row)) if row.count(max(row)) == 1 else 4 for row in rows]
    assert subject.votes(torch.zeros(len(rows), 1, 1, 1)).tolist() == wanted


def test_votes_are_never_waited_for() -> None:
    waits = {"aten::item", "aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero"}
    subject = classifier(HalfLine(0.0))
    with torch.profiler.profile() as profile:
        subject.votes(BATCH)
    assert not waits & {event.key for event in profile.key_averages()}


def test_a_replica_votes_alike_and_shares_no_weight() -> None:
    subject = classifier(nn.Sequential(nn.Flatten(), nn.Linear(1, 2)))
    replica = subject.replica("cpu")
    batch = torch.linspace(-3.0, 3.0, 16).reshape(16, 1, 1, 1)
    wanted = subject.labels(batch)
    for parameter in subject.module.parameters():
        nn.init.constant_(parameter, 7.0)
    assert torch.equal(replica.labels(batch), wanted)
    assert (replica.classes, replica.shape, replica.name) == (2, (1, 1, 1), "toy")


def test_no_gradient_is_recorded_for_votes() -> None:
    seen: list[bool] = []

    def spy(x: Tensor) -> Tensor:
        seen.append(torch.is_grad_enabled())
        return torch.zeros(len(x), 2)

    classifier(Scores(spy)).labels(BATCH)
    assert seen == [False]


def strict() -> Classifier:
    return Classifier(nn.Flatten(), classes=4, shape=(1, 2, 2), name="net")


def test_an_image_in_the_range_is_accepted_ends_included() -> None:
    strict().check_image(torch.tensor([[[0.0, 1.0], [0.5, 0.25]]]), 0)


@pytest.mark.parametrize("value", [-0.01, 1.01, 255.0])
def test_an_image_outside_the_declared_range_is_named(value: float) -> None:
    image = torch.zeros(1, 2, 2)
    image[0, 1, 0] = value
    with pytest.raises(InputError, match=r"image 17: values in .* declared input range \[0, 1\]"):
        strict().check_image(image, 17)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_image_that_is_not_finite_is_named(value: float) -> None:
    image = torch.zeros(1, 2, 2)
    image[0, 0, 1] = value
    with pytest.raises(InputError, match="image 17: NaN or infinite pixels"):
        strict().check_image(image, 17)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int64])
def test_an_image_of_whole_numbers_is_no_image_in_the_range(dtype: torch.dtype) -> None:
    with pytest.raises(InputError, match=r"image 17: pixels of type .* expected floating-point"):
        strict().check_image(torch.ones((1, 2, 2), dtype=dtype), 17)


@pytest.mark.parametrize("shape", [(2, 2), (1, 2, 3), (3, 2, 2), (1, 1, 2, 2)])
def test_an_image_of_another_shape_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"image 17: shape .* net takes \(1, 2, 2\)"):
        strict().check_image(torch.zeros(shape), 17)


def test_a_bad_image_stops_certify_and_predict_before_a_vote() -> None:
    def never(x: Tensor) -> Tensor:
        raise AssertionError("a vote was cast")

    g = SmoothedClassifier(
        Classifier(Scores(never), classes=2, shape=(1, 1, 1)),
        Gaussian(),
        GaussianLaw((), 0.25),
        seed=0,
    )
    with pytest.raises(InputError, match="image 3: values"):
        next(certify_many(g, [Item(3, pixel(1.5))], Region(l2=0.1), RegionMode()))
    with pytest.raises(InputError, match="image 3: values"):
        predict(g, pixel(1.5), index=3)


def test_one_class_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="classes=1"):
        classifier(nn.Flatten(), classes=1)


@pytest.mark.parametrize("ends", [(1.0, 0.0), (0.0, 0.0), (math.nan, 1.0)])
def test_an_empty_input_range_is_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(ConfigurationError, match="input_range"):
        Classifier(nn.Flatten(), classes=2, shape=(1, 1, 1), input_range=ends)


class Holder(nn.Module):
    """Scores by a sparse matrix, as a buffer or as an attribute that PyTorch knows nothing of."""

    def __init__(self, matrix: Tensor, registered: bool) -> None:
        super().__init__()
        self.matrix = nn.Buffer(matrix) if registered else matrix

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = (self.matrix @ x.flatten(1).T).T
        return scores


@pytest.mark.parametrize("registered", [True, False])
@pytest.mark.parametrize("form", ["to_sparse", "to_sparse_csr", "to_sparse_csc", "to_dense"])
@pytest.mark.filterwarnings("ignore:Sparse C:UserWarning")
def test_a_module_with_sparse_tensors_is_copied_for_every_worker(
    form: str, registered: bool
) -> None:
    matrix = torch.arange(16.0).reshape(4, 4)
    module = Holder(getattr(matrix, form)(), registered)
    subject = classifier(module, (1, 2, 2), 4)
    copied = subject.replica("cpu")
    batch = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(copied.scores(batch), subject.scores(batch))
    module.matrix.zero_()
    assert torch.equal(copied.labels(batch), torch.full((3,), 3))


def test_a_module_that_cannot_be_copied_is_named() -> None:
    module = Scores(lambda x: x.flatten(1))
    vars(module)["lock"] = threading.Lock()
    with pytest.raises(ModelError, match="toy: cannot be copied for a second worker"):
        classifier(module).replica("cpu")

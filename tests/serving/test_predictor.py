"""A predictor answers many callers as predict answers one, and loses none of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest
import torch

import gsmooth as gs
from gsmooth.errors import BusyError, ConfigurationError, InputError, ModelError
from gsmooth.serving.answer import as_answer
from tests.api.objects import smoothed
from tests.serving.objects import OPEN, SECRET, Fragile, Gate, grey, predictor, secret

LEVELS = torch.linspace(0.0, 0.96, 30).tolist()


@pytest.fixture
def closed_gate() -> Iterator[None]:
    yield
    OPEN.set()


def test_answers_of_many_threads_are_those_of_predict_one_by_one() -> None:
    images = grey(*LEVELS)
    alone = [gs.predict(secret(), image, n=200, adaptive=True)[0] for image in images]
    with predictor() as many, ThreadPoolExecutor(16) as pool:
        found = [answer for (answer,) in pool.map(many.predict, images)]
    assert found == [as_answer(prediction) for prediction in alone]
    assert {type(answer) for answer in found} == {gs.Decided, gs.Undecided}


def test_a_batch_comes_in_order_and_equal_images_have_one_answer() -> None:
    with predictor() as many:
        found = many.predict(grey(0.9, 0.1, 0.9, 0.52))
        assert [type(a) for a in found[:3]] == [gs.Decided] * 3
        assert [a.label for a in found[:3] if isinstance(a, gs.Decided)] == [1, 0, 1]
        assert found[0] == found[2]
        assert many.load.answered == 3


def test_a_batch_that_is_larger_than_the_room_to_wait_in_is_answered_all_the_same() -> None:
    with predictor() as wide, predictor(max_waiting=2) as narrow:
        images = grey(*LEVELS[:9])
        assert narrow.predict(images) == wide.predict(images)


def test_the_same_image_is_answered_in_the_same_way_again() -> None:
    doubtful = grey(0.53)
    with predictor() as many:
        first = many.predict(doubtful)
        assert [many.predict(doubtful) for _ in range(5)] == [first] * 5
    with predictor() as restarted:
        assert restarted.predict(doubtful) == first
    with gs.Predictor(smoothed(seed=None), max_votes=200) as another:
        assert another.predict(doubtful)[0].counts != first[0].counts


def test_a_public_seed_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="whoever knows the seed"):
        gs.Predictor(smoothed(seed=0))
    with gs.Predictor(smoothed(seed=0), seed=SECRET, max_votes=200) as many:
        assert many.predict(grey(0.4)) == predictor().predict(grey(0.4))


def test_an_image_that_breaks_the_network_fails_alone() -> None:
    images = grey(0.1, 0.3, 1.0, 0.2)
    with predictor(Fragile()) as many:
        futures = [many.submit(image) for image in images]
        with pytest.raises(ModelError):
            futures[2].result(timeout=60)
        right = [futures[place].result(timeout=60) for place in (0, 1, 3)]
        assert [answer.label for answer in right if isinstance(answer, gs.Decided)] == [0, 0, 0]
        assert many.alive


@pytest.mark.usefixtures("closed_gate")
def test_more_images_than_may_wait_are_refused_and_those_that_wait_are_answered() -> None:
    many = predictor(Gate(), max_waiting=3)
    OPEN.clear()
    waiting = [many.submit(image) for image in grey(0.1, 0.2, 0.9)]
    with pytest.raises(BusyError, match="3 images wait"):
        many.submit(grey(0.3))
    again = many.submit(grey(0.1))  # The same pixels: there is nothing more to do.
    assert many.load.waiting == 3
    OPEN.set()
    found = [future.result(timeout=60) for future in (*waiting, again)]
    assert [a.label for a in found if isinstance(a, gs.Decided)] == [0, 0, 1, 0]
    many.close()


@pytest.mark.usefixtures("closed_gate")
def test_an_image_that_all_have_given_up_makes_room() -> None:
    many = predictor(Gate(), max_waiting=2)
    OPEN.clear()
    kept, dropped = many.submit(grey(0.1)), many.submit(grey(0.51))
    assert dropped.cancel()
    OPEN.set()
    kept.result(timeout=60)
    with pytest.raises(CancelledError):
        dropped.result()
    many.close()
    assert many.load.waiting == 0


@pytest.mark.usefixtures("closed_gate")
def test_closing_answers_all_that_wait_or_tells_them() -> None:
    many = predictor(Gate())
    OPEN.clear()
    waiting = [many.submit(image) for image in grey(0.1, 0.9)]
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(many.close)
        OPEN.set()
        closing.result(timeout=60)
    assert all(isinstance(future.result(), gs.Decided) for future in waiting)
    with pytest.raises(BusyError, match="closed"):
        many.submit(grey(0.1))

    hasty = predictor(Gate())
    OPEN.clear()
    waiting = [hasty.submit(image) for image in grey(0.1, 0.9)]
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(hasty.close, drain=False)
        for future in waiting:
            with pytest.raises(BusyError):
                future.result(timeout=60)
        OPEN.set()
        closing.result(timeout=60)
    assert not hasty.alive


def test_images_that_do_not_fit_are_refused_at_once() -> None:
    with predictor() as many:
        with pytest.raises(InputError, match="expected"):
            many.submit(torch.zeros(1, 5, 5))
        with pytest.raises(InputError, match="outside"):
            many.predict(grey(2.0))


@pytest.mark.parametrize("arguments", [{"alpha": 0.0}, {"max_votes": 0}, {"max_waiting": 0}])
def test_numbers_out_of_range_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        gs.Predictor(secret(), **arguments)  # type: ignore[arg-type]

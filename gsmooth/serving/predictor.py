"""Predictor: one warm smoothed classifier that answers many callers; their votes share batches."""

from __future__ import annotations

import atexit
import threading
from collections import deque
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field, replace
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Self, final

import numpy as np

from gsmooth.api.images import taken_images
from gsmooth.api.voting import KeyedImages, as_voting
from gsmooth.certificate import Prediction
from gsmooth.certification.answering import AnswerRule, answer_voting
from gsmooth.certification.flights import Flight, count_round, has_room
from gsmooth.certification.session import Voting
from gsmooth.data.item import Item
from gsmooth.errors import BusyError, ConfigurationError, GsmoothError, ModelError
from gsmooth.sampling.counting import NO_IMAGE
from gsmooth.sampling.noise import SampleKey, SecretSeed, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.serving.answer import Answer, as_answer
from gsmooth.serving.settings import SERVING

if TYPE_CHECKING:
    from gsmooth.api.images import ImageLike, ImagesLike


@final
@dataclass(frozen=True)
class Load:
    """How busy a predictor is.

    Args:
        waiting: Images without an answer, those in flight included.
        answered: Images that have had one.
        votes: Votes of these.
        busy_s: Seconds in which votes were counted.
    """

    waiting: int
    answered: int
    votes: int
    busy_s: float

    @property
    def wait_s(self) -> float:
        """Seconds until all that wait are answered, if they take as long as those before."""
        return self.waiting * self.busy_s / self.answered if self.answered else 0.0


@dataclass(eq=False)
class _Asked:
    """An image that callers wait for: equal pixels, one noise, and so one answer for all."""

    item: Item
    callers: list[Future[Answer]] = field(default_factory=list)


@final
class Predictor:
    """Answers of g at images of many callers, from one warm network.

    One thread casts all votes; images that wait at the same time share forward passes, and each
    ends as soon as its class is sure (S3b: the class is another one than g's with probability at
    most alpha). It may be called from any number of threads. Votes follow from the secret seed and
    the pixels, so an answer depends neither on what else is asked nor on when, and the same image
    gets the same answer again: asking twice gains an adversary nothing.

    Args:
        g: The smoothed classifier.
        alpha: Probability, for each image, that an answer is not the class of g, in (0, 0.5].
        max_votes: Votes for an image after which there is an abstention.
        seed: What all noise follows from; the callers must not know it (S2). By default that of g,
            if it is secret.
        max_waiting: Images that may wait for an answer at the same time.

    Raises:
        ConfigurationError: A number is out of range, or the seed is public.
        ModelError: The network fails, or is no function of its input.

    Example:
        >>> import gsmooth as gs
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> _ = torch.nn.init.constant_(net[1].weight[0], 5.0)
        >>> g = gs.SmoothedClassifier(
        ...     net, "gaussian", sigma=0.25, num_classes=2, input_shape=(1, 2, 2)
        ... )
        >>> with gs.Predictor(g, alpha=0.001) as predictor:
        ...     (answer,) = predictor.predict(torch.ones(1, 1, 2, 2))
        >>> match answer:
        ...     case gs.Decided(label=label):
        ...         print(label, answer.votes)
        ...     case gs.Undecided():
        ...         print("abstains")
        0 12
    """

    def __init__(
        self,
        g: SmoothedClassifier,
        *,
        alpha: float = 0.001,
        max_votes: int = 1000,
        seed: SecretSeed | None = None,
        max_waiting: int = SERVING.max_waiting,
    ) -> None:
        if max_waiting < 1:
            raise ConfigurationError(f"max_waiting={max_waiting} must be at least 1 image")
        self.rule = AnswerRule(alpha, max_votes)
        self.max_waiting = max_waiting
        self.smoothed = _warm(replace(g, seed=_secret(g, seed)))
        self._changed = threading.Condition()
        self._queue: deque[_Asked] = deque()
        self._open: dict[int, _Asked] = {}
        self._flying: dict[int, _Asked] = {}
        self._closing = False
        self._load = Load(0, 0, 0, 0.0)
        self._thread = threading.Thread(target=self._run, name="gsmooth-predictor", daemon=True)
        self._thread.start()
        atexit.register(self.close, drain=False)

    def __repr__(self) -> str:
        rule = self.rule
        return f"Predictor({self.smoothed!r}, alpha={rule.alpha:g}, max_votes={rule.max_votes})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether images are taken and answered."""
        return self._thread.is_alive() and not self._closing

    @property
    def load(self) -> Load:
        """How busy it is."""
        with self._changed:
            return replace(self._load, waiting=len(self._open))

    def predict(self, images: ImagesLike) -> list[Answer]:
        """The answers at one image or a batch; waits for them, and for room to wait in.

        Args:
            images: One image or a batch, as for :func:`gsmooth.certify`.

        Returns:
            One answer an image, in order.

        Raises:
            InputError: The images do not fit g.
            ModelError: The network fails at one of them.
            BusyError: The predictor is closed.
        """
        keyed = KeyedImages.of(taken_images(images, self.smoothed.classifier, self._shape))
        found = {item.index: self._asked(item, patient=True) for item in keyed.items()}
        return [found[key].result() for key in keyed.keys]

    def submit(self, image: ImageLike) -> Future[Answer]:
        """Ask for one image and go on; cancel the future to give it up.

        Args:
            image: One image, as for :func:`gsmooth.certify`.

        Returns:
            The answer to come, or the ModelError of this image.

        Raises:
            InputError: The image does not fit g.
            BusyError: ``max_waiting`` images wait already, or the predictor is closed.
        """
        keyed = KeyedImages.of(taken_images(image, self.smoothed.classifier, self._shape))
        (item,) = keyed.items()
        return self._asked(item, patient=False)

    def close(self, *, drain: bool = True) -> None:
        """Take no more images, and end when those that wait are answered.

        Args:
            drain: False: those that wait get a BusyError instead.
        """
        with self._changed:
            self._closing = True
            dropped = [] if drain else list(self._open.values())
            if not drain:
                self._queue.clear()
            self._changed.notify_all()
        for asked in dropped:
            self._settle(asked, BusyError("the predictor was closed before it had an answer"))
        if threading.current_thread() is not self._thread:
            self._thread.join()
        atexit.unregister(self.close)

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self.smoothed.image_shape

    def _asked(self, item: Item, *, patient: bool) -> Future[Answer]:
        caller: Future[Answer] = Future()
        with self._changed:
            while patient and not self._closing and self._is_full(item):
                self._changed.wait()
            if self._closing:
                raise BusyError("the predictor is closed; it takes no more images")
            if self._is_full(item):
                raise BusyError(
                    f"{self.max_waiting} images wait for an answer already; come again later, or"
                    " build the predictor with a larger max_waiting"
                )
            if (asked := self._open.get(item.index)) is None:
                asked = self._open[item.index] = _Asked(item)
                self._queue.append(asked)
            asked.callers.append(caller)
            self._changed.notify_all()
        return caller

    def _is_full(self, item: Item) -> bool:
        return item.index not in self._open and len(self._open) >= self.max_waiting

    def _run(self) -> None:
        try:
            self._work()
        finally:  # Whatever ended it, no caller waits for ever.
            with self._changed:
                self._closing = True
                left = list(self._open.values())
                self._queue.clear()
            for asked in left:
                self._settle(asked, ModelError("the predictor has ended by an internal error"))

    def _work(self) -> None:
        flights: list[Flight[Prediction]] = []
        while self._has_work(flights):
            began = perf_counter()
            flights = [flight for flight in flights if not self._is_given_up(flight)]
            while has_room(self.smoothed, flights) and (asked := self._next()) is not None:
                if (flight := self._begun(asked)) is not None:
                    flights.append(flight)
            if flights:
                self._count(flights)
                ready = [flight for flight in flights if not flight.pending]
                flights = [flight for flight in flights if flight.pending]
                flights += [flight for flight in ready if self._goes_on(flight)]
            with self._changed:
                busy_s = self._load.busy_s + perf_counter() - began
                self._load = replace(self._load, busy_s=busy_s)

    def _has_work(self, flights: list[Flight[Prediction]]) -> bool:
        """Wait for images; False once there will be no more."""
        with self._changed:
            while not (flights or self._queue or self._closing):
                self._changed.wait()
            return bool(flights or self._queue)

    def _next(self) -> _Asked | None:
        with self._changed:
            return self._queue.popleft() if self._queue else None

    def _begun(self, asked: _Asked) -> Flight[Prediction] | None:
        if self._is_dropped(asked):
            return None
        try:
            flight = Flight.begun(asked.item, self._voting)
        except Exception as error:  # One image must not end the answers of all others.
            self._settle(asked, _told(error))
            return None
        self._flying[asked.item.index] = asked
        return flight

    def _voting(self, item: Item) -> Voting[Prediction]:
        return answer_voting(self.smoothed, self.rule, item)

    def _count(self, flights: list[Flight[Prediction]]) -> None:
        """One round of votes. If it fails, each image has its own, and fails alone.

        Votes are functions of their keys, so a repeated draw biases nothing.
        """
        try:
            count_round(self.smoothed, flights)
        except Exception:
            for flight in list(flights):
                try:
                    count_round(self.smoothed, [flight])
                except Exception as error:
                    flights.remove(flight)
                    self._settle(self._flying.pop(flight.index), _told(error))

    def _goes_on(self, flight: Flight[Prediction]) -> bool:
        """Whether the image needs more votes; else its callers have their answer."""
        asked = self._flying[flight.index]
        try:
            found = flight.resume()
        except Exception as error:
            del self._flying[flight.index]
            self._settle(asked, _told(error))
            return False
        if found is None:
            return True
        del self._flying[flight.index]
        self._settle(asked, as_answer(found))
        return False

    def _is_given_up(self, flight: Flight[Prediction]) -> bool:
        dropped = self._is_dropped(self._flying[flight.index])
        if dropped:
            del self._flying[flight.index]
        return dropped

    def _is_dropped(self, asked: _Asked) -> bool:
        """Whether no caller waits for the image any more."""
        # Under the lock, so that no caller joins an image that is just given up.
        with self._changed:
            dropped = all(caller.cancelled() for caller in asked.callers)
            if dropped:
                self._forget(asked)
        return dropped

    def _forget(self, asked: _Asked) -> None:
        """The image waits no more; the lock is held."""
        if self._open.get(asked.item.index) is asked:
            del self._open[asked.item.index]
        self._changed.notify_all()

    def _settle(self, asked: _Asked, found: Answer | GsmoothError) -> None:
        """Tell all callers of an image, once."""
        with self._changed:
            self._forget(asked)
            callers, asked.callers = asked.callers, []
            if not isinstance(found, GsmoothError):
                load = self._load
                answered, votes = load.answered + 1, load.votes + found.votes
                self._load = replace(load, answered=answered, votes=votes)
        for caller in callers:
            try:
                if isinstance(found, GsmoothError):
                    caller.set_exception(found)
                else:
                    caller.set_result(found)
            except InvalidStateError:
                pass  # It was cancelled.


def _secret(g: SmoothedClassifier, seed: object) -> SecretSeed:
    """The seed, or that of g; ConfigurationError for one that callers may know."""
    chosen = g.seed if seed is None else seed
    if isinstance(chosen, SecretSeed):
        return chosen
    raise ConfigurationError(
        f"seed={chosen!r}: whoever knows the seed can make images that are answered wrongly; give"
        " seed=gsmooth.SecretSeed(), or gsmooth.load_seed(FILE) for one that is kept"
    )


def _warm(smoothed: SmoothedClassifier) -> SmoothedClassifier:
    """The classifier after the check that it is a function, and a first batch."""
    low, high = smoothed.classifier.input_range
    grey = np.full((1, *smoothed.image_shape), 0.5 * (low + high))
    voting = as_voting(smoothed, taken_images(grey, smoothed.classifier, smoothed.image_shape))
    key = SampleKey(0, NO_IMAGE, Stream.SCREENING, 0, 0)
    voting.count([SampleRequest(key, voting.blank)])
    return voting


def _told(error: Exception) -> GsmoothError:
    """An error of gsmooth, for the callers of one image."""
    if isinstance(error, GsmoothError):
        return error
    return ModelError(f"the votes of this image failed: {type(error).__name__}: {error}")

"""Service: a predictor that a run file describes, and the way of an image to it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from gsmooth.data.class_names import output_names
from gsmooth.data.image_file import decode_picture, read_picture
from gsmooth.data.preparation import Preparation
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.models import model_notices
from gsmooth.runs.config.resolution import resolved_task
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.context import load_classifier, smoothed_classifier
from gsmooth.runs.inputs import preparation_of, with_input_shape
from gsmooth.runs.monitor.notices import haar_notices
from gsmooth.runs.seeds.choice import named_seed
from gsmooth.runs.smoke_test import smoke_tested
from gsmooth.runs.task import RunTask
from gsmooth.serving.answer import Answer, Decided
from gsmooth.serving.predictor import Predictor
from gsmooth.serving.settings import SERVING, ImageLimits

Shape = tuple[int, int, int]


@final
@dataclass(frozen=True)
class Service:
    """A predictor, and how image files become its images.

    Args:
        predictor: The predictor.
        preparation: Resizing, cropping and background, as of the images that were certified.
        names: Names of the classes; None without.
        notices: What the user is told before the first answer.
    """

    predictor: Predictor
    preparation: Preparation
    names: tuple[str, ...] | None = None
    notices: tuple[str, ...] = ()

    def submit_bytes(self, data: bytes, limits: ImageLimits = SERVING.http.image) -> Future[Answer]:
        """Ask for the image that a stranger sent.

        Args:
            data: The bytes of an image file.
            limits: What is decoded.

        Raises:
            InputError: As :func:`gsmooth.data.image_file.decode_picture`; or the image does not fit
                the network.
            BusyError: Too many images wait.
        """
        pixels = decode_picture(
            data,
            "of the request",
            self.preparation,
            formats=limits.formats,
            max_pixels=limits.max_pixels,
        )
        return self.submit_pixels(pixels, "data of the request")

    def submit_pixels(self, pixels: NDArray[np.uint8], name: str) -> Future[Answer]:
        """Ask for an image that was decoded and prepared.

        Args:
            pixels: The image (C, H, W).
            name: What it is, in errors.

        Raises:
            InputError: It does not fit the network.
            BusyError: Too many images wait.
        """
        expected = self.predictor.smoothed.image_shape
        if pixels.shape != expected:
            raise InputError(f"{name}: {_misfit(pixels.shape, expected)}")
        return self.predictor.submit(pixels)

    def document(self, answer: Answer) -> dict[str, object]:
        """An answer as JSON: ``label`` is null, and ``abstained`` true, for an abstention.

        Args:
            answer: The answer.
        """
        *votes, ties = answer.counts
        label = answer.label if isinstance(answer, Decided) else None
        return {
            "label": label,
            "name": None if label is None or self.names is None else self.names[label],
            "abstained": label is None,
            "votes": answer.votes,
            "counts": {str(number): cast for number, cast in enumerate(votes) if cast},
            "ties": ties,
            "alpha": answer.alpha,
        }


@final
@dataclass(frozen=True)
class ServicePlan:
    """A service that is not built yet, because it may depend on the first image.

    Args:
        task: The task of the run file.
        max_waiting: Images that may wait for an answer.
    """

    task: RunTask
    max_waiting: int = SERVING.max_waiting

    @staticmethod
    def of(config: RunConfig, max_waiting: int = SERVING.max_waiting) -> ServicePlan:
        """The plan of a configuration, of which [predict] says alpha and the most votes.

        Args:
            config: What run file and flags say.
            max_waiting: Images that may wait for an answer.

        Raises:
            ConfigurationError: Something is missing or cannot be used, or the seed is public.
        """
        if config.smoothing.seed is not None:
            raise ConfigurationError(
                f"seed {config.smoothing.seed}: whoever knows the seed can make images that are"
                " answered wrongly; leave it out for a secret one, or name a file that keeps one"
                " with --seed-file"
            )
        return ServicePlan(resolved_task(config, needs_region=False), max_waiting)

    @property
    def shape(self) -> Shape | None:
        """(C, H, W) of the images, where it is known without one: the input of the network.

        None if that is left open, or if the readout crops or pads.
        """
        given = self.task.config.model.shape
        if given is None:
            return None
        shape = (given[0], given[1], given[2])
        bound = self.task.transformation.for_shape(shape)
        return shape if bound.input_shape(shape) == shape else None

    def prepared(self, path: Path) -> NDArray[np.uint8]:
        """The image in a file, (C, H, W), as it was certified.

        Args:
            path: The file.

        Raises:
            InputError: It cannot be read.
        """
        return read_picture(path, preparation_of(self.task.config))

    def build(self, shape: Shape | None = None) -> Service:
        """Load the network and warm it.

        Args:
            shape: (C, H, W) of the images; by default :attr:`shape`.

        Raises:
            ConfigurationError: The shape is not known, or does not fit the transformation.
            ModelError: The network cannot be loaded or fails.
        """
        shape = shape or self.shape
        if shape is None:
            raise ConfigurationError(
                "the shape of the images is not known; give --shape C,H,W, such as 3,224,224"
            )
        config = self.task.config
        if config.engine.threads is not None:
            torch.set_num_threads(config.engine.threads)
        bound = smoke_tested(self.task.transformation, shape)
        config = with_input_shape(config, bound.input_shape(shape))
        classifier = load_classifier(config)
        smoothed = smoothed_classifier(config, classifier, self.task, shape, named_seed(config))
        rule = config.predict
        predictor = Predictor(
            smoothed, alpha=rule.alpha, max_votes=rule.n, max_waiting=self.max_waiting
        )
        preparation = preparation_of(config)
        done = preparation.describe()
        notices = (
            *haar_notices(smoothed),
            *((f"images are {done}: answers are about those",) if done else ()),
            *model_notices(classifier, config.model.weights),
        )
        names = output_names(config.model.class_names, classifier.classes)
        return Service(predictor, preparation, names, notices)


def _misfit(found: tuple[int, ...], expected: Shape) -> str:
    said = f"an image (C, H, W) = {found}; expected {expected}"
    if found[0] != expected[0]:
        wanted = {1: "8-bit grey", 3: "RGB"}.get(expected[0], f"{expected[0]} channels")
        return f"{said}: save it as {wanted}"
    size = f"[{expected[1]},{expected[2]}]"
    return f"{said}: bring it to that size, or let this side do it (--set data.resize={size})"

"""Results: the certificates of a batch of images, computed when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final, overload

import numpy as np
from numpy.typing import NDArray

from gsmooth.api.images import taken_labels
from gsmooth.api.progress import Waiting
from gsmooth.api.voting import KeyedImages, as_voting
from gsmooth.certificate import Certificate, Certified, Prediction
from gsmooth.certification import CertifyTask, Outcome
from gsmooth.certification.api import certify_feasible
from gsmooth.data.dataset import Dataset
from gsmooth.errors import ConfigurationError, InputError, OutputError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from gsmooth.api.images import LabelsLike
    from gsmooth.report.explain.explanation import Explanation
    from gsmooth.report.printable import Table


@final
@dataclass(frozen=True, repr=False)
class Result:
    """What was found for one image.

    Args:
        index: Place of the image in the batch.
        certificate: :class:`Certified` or :class:`Abstained`.
        prediction: Answer of g at the image itself, from the votes that selected the class.
        votes: Forward passes of the network.
        pilot_votes: Those of them that only chose the cover.
        seconds: Time spent on the image: cover, tests, and its share of every batch.
    """

    # Not a field: it is no part of the value, and neither copied nor pickled.
    _results: ClassVar[Results | None] = None
    index: int
    certificate: Certificate
    prediction: Prediction
    votes: int
    pilot_votes: int = 0
    seconds: float = field(default=0.0, compare=False)

    @property
    def certified(self) -> bool:
        """Whether there is a certificate."""
        return isinstance(self.certificate, Certified)

    @property
    def label(self) -> int | None:
        """The certified class; None for an abstention."""
        return self.certificate.label if isinstance(self.certificate, Certified) else None

    def explain(self) -> Explanation:
        """Say why the image was certified or not, and what would help.

        No vote is cast. ``gsmooth explain RUN --image INDEX`` says the same of a folder of records.

        Returns:
            Sentences; printing it, or the end of a notebook's cell, shows them.

        Raises:
            ConfigurationError: It is not one of the results of :func:`certify`.

        Example:
            >>> import gsmooth as gs
            >>> images, labels = gs.data.digits(limit=1)
            >>> net = gs.load_model("shipped:digits-l2")
            >>> g = gs.SmoothedClassifier(net, "gaussian", sigma=0.25, seed=0)
            >>> results = gs.certify(g, images, gs.Region(l2=0.25), labels=labels)
            >>> results[0].explain().limit
            <Limit.NONE: 'none'>
        """
        from gsmooth.api.explain import explanation_of

        return explanation_of(self, self._results)

    def _among(self, results: Results) -> Result:
        """The same result, which knows the batch that it belongs to."""
        object.__setattr__(self, "_results", results)
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_results"}

    @staticmethod
    def of(outcome: Outcome, place: int) -> Result:
        """The outcome of the image at this place of the batch."""
        return Result(
            place,
            outcome.certificate,
            outcome.prediction,
            outcome.votes,
            outcome.pilot_votes,
            outcome.seconds,
        )

    @property
    def outcome(self) -> Outcome:
        """The outcome that it was made of, with its place in the batch as index."""
        return Outcome(
            self.index,
            self.certificate,
            self.prediction,
            self.votes,
            self.seconds,
            self.pilot_votes,
        )

    def _repr_html_(self) -> str:
        """For notebooks: the certificate, and its explanation where the batch is known."""
        found: str = self.certificate._repr_html_()
        return found if self._results is None else found + self.explain()._repr_html_()

    def __repr__(self) -> str:
        found = self.certificate
        if isinstance(found, Certified):
            part = "" if found.fraction == 1.0 else f" on {found.fraction:.3g} of the region"
            told = f"certified as {found.label}{part} ({found.guarantee})"
        else:
            told = f"abstained ({found.reason})"
        return f"Result(index={self.index}, {told}, votes={self.votes})"


@final
class Results(Sequence[Result]):
    """The results of :func:`certify`, in the order of the images.

    They are lazy: an image is certified when its result is asked for, by iterating, indexing or any
    of the methods, and each only once. Votes of several images share batches, so some images are
    begun before they are asked for.

    Example:
        >>> import gsmooth as gs
        >>> images, labels = gs.data.digits(limit=2)
        >>> net = gs.load_model("shipped:digits-l2")
        >>> g = gs.SmoothedClassifier(net, "gaussian", sigma=0.25, seed=0)
        >>> results = gs.certify(g, images, gs.Region(l2=0.25))
        >>> results
        Results(2 images on Region(l2=0.25): 0 certified, 0 abstained, 2 not computed yet)
        >>> [r.label for r in results]
        [0, 1]
    """

    def __init__(
        self,
        task: CertifyTask,
        images: KeyedImages,
        labels: NDArray[np.int64] | None,
        progress: bool,
    ) -> None:
        self._task = task
        self._images = images
        self._labels = labels
        self._found: dict[int, Result] = {}
        self._waiting = Waiting(len(images.keys), progress)
        self._running: Iterator[Outcome] | None = None

    @property
    def smoothed(self) -> SmoothedClassifier:
        """The smoothed classifier that the results are about."""
        return self._task.smoothed

    @property
    def region(self) -> Region:
        """What was asked to be certified."""
        return self._task.region

    @property
    def task(self) -> CertifyTask:
        """What is certified of every image, and how."""
        return self._task

    @property
    def images(self) -> Dataset:
        """The images as they were certified."""
        return self._images.images

    @property
    def keys(self) -> tuple[int, ...]:
        """Of the noise of every image: a hash of its pixels."""
        return self._images.keys

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """The true classes, int64 (N,); None as long as they have not been given."""
        return self._labels

    @property
    def finished(self) -> tuple[Result, ...]:
        """What has been computed so far, in the order of the images."""
        return tuple(self._found[place] for place in sorted(self._found))

    def __len__(self) -> int:
        return len(self._images.keys)

    @overload
    def __getitem__(self, index: int) -> Result: ...

    @overload
    def __getitem__(self, index: slice) -> list[Result]: ...

    def __getitem__(self, index: int | slice) -> Result | list[Result]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        place = range(len(self))[index]
        while place not in self._found:
            self._advance()
        return self._found[place]

    def __iter__(self) -> Iterator[Result]:
        return (self[place] for place in range(len(self)))

    def compute(self) -> Results:
        """All results, now; returns itself."""
        for _ in self:
            pass
        return self

    def certified_accuracy(
        self, labels: LabelsLike | None = None, *, fraction: float = 1.0
    ) -> float:
        """Share of the images whose true class is certified; an abstention counts as wrong.

        Args:
            labels: The true classes, one integer an image; by default those given to
                :func:`certify`. The first labels that are given are kept: :meth:`save` records
                them.
            fraction: Certified has to be at least this fraction of the region; 1: all of it.

        Returns:
            A number from 0 to 1.

        Raises:
            InputError: There is another number of labels than of images.
        """
        truth = self._truth(labels)
        held = [
            isinstance(r.certificate, Certified)
            and r.certificate.fraction >= fraction
            and r.label == label
            for r, label in zip(self, truth.tolist(), strict=True)
        ]
        return float(sum(held) / len(held))

    def table(
        self,
        labels: LabelsLike | None = None,
        *,
        at: Sequence[float | str] | None = None,
        by_class: bool = False,
        confidence: float = 0.95,
    ) -> Table:
        """Certified accuracy by radius, angle or shift, with exact intervals.

        Images that are not computed yet are now. Several runs in one table: :meth:`save` them, and
        give their folders to ``gsmooth.report.table``.

        Args:
            labels: The true classes; by default those known already.
            at: Columns: numbers in the unit of the region, or shares of it (``"50%"``). None: round
                numbers up to the end of the region.
            by_class: Whether each true class has a row of its own.
            confidence: Level of the exact binomial intervals.

        Returns:
            A table that notebooks show; ``print`` it, or ``to_markdown()``, ``to_latex()``,
            ``to_csv()``.

        Raises:
            InputError: No labels are known.
            ConfigurationError: A column cannot be read.

        Example:
            >>> import gsmooth as gs
            >>> images, labels = gs.data.digits(limit=2)
            >>> net = gs.load_model("shipped:digits-l2")
            >>> g = gs.SmoothedClassifier(net, "gaussian", sigma=0.25, seed=0)
            >>> results = gs.certify(g, images, gs.Region(l2=0.25), labels=labels)
            >>> results.table(at=[0.25]).numbers.rows[0].certified[0].share.count
            2
        """
        from gsmooth.api.saving import records_of
        from gsmooth.report.accuracy_table import accuracy_table, class_table
        from gsmooth.report.printable import Table
        from gsmooth.report.run_counts import RunCounts

        counts = RunCounts.of(records_of(self, self._truth(labels)))
        if by_class:
            return Table(class_table([counts], at, confidence))
        return Table(accuracy_table([counts], at, confidence=confidence))

    def plot(self, labels: LabelsLike | None = None) -> Figure:
        """A picture of up to eight images, attacks on them, and what is certified.

        Frames are green inside the certified region and grey outside it.

        Args:
            labels: The true classes; by default those known already, and none will do.

        Returns:
            A matplotlib figure; a notebook shows it, ``figure.savefig("sheet.png")`` keeps it.
        """
        from gsmooth.api.pictures import picture_of

        if labels is not None:
            self._truth(labels)
        return picture_of(self.compute())

    def page(self, path: str | Path, labels: LabelsLike | None = None) -> Path:
        """Write a report as one HTML file: what is proved, curves, and every image with its votes.

        The file needs nothing else and asks no network. Images not computed yet are now.

        Args:
            path: The file.
            labels: The true classes; by default those known already.

        Returns:
            The path.

        Raises:
            InputError: No labels are known.
            OutputError: It cannot be written.
        """
        from gsmooth.api.page import written_page

        return written_page(self.compute(), Path(path), self._truth(labels))

    def to_dataframe(self) -> DataFrame:
        """One row an image, as a pandas DataFrame (extra ``pandas``).

        Columns: index, certified, label (certified class), reason (of an abstention), fraction
        (certified part of the region), guarantee, alpha, prediction, votes, pilot_votes, seconds,
        and true_label if labels are known. The label of an abstention is missing (``<NA>``).

        Raises:
            ConfigurationError: pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                'to_dataframe needs pandas, which is not installed; run: pip install "gsmooth'
                '[pandas]"'
            ) from error
        # Whole numbers with missing ones: as floats an abstention would be NaN among 0.0, 1.0, ...
        return DataFrame(self.rows()).astype({"label": "Int64", "prediction": "Int64"})

    def rows(self) -> list[dict[str, Any]]:
        """One row an image, of plain values; the columns are those of :meth:`to_dataframe`."""
        return [self._plain(result) for result in self]

    def to_json(self, path: str | Path | None = None) -> str:
        """The rows as a JSON list of objects; an abstention has label null.

        Args:
            path: A file to write them to as well.

        Raises:
            OutputError: The file cannot be written.
        """
        text = json.dumps(self.rows(), indent=1)
        if path is not None:
            try:
                Path(path).write_text(f"{text}\n", encoding="utf-8")
            except OSError as error:
                raise OutputError(f"{path} cannot be written ({error})") from error
        return text

    def save(self, folder: str | Path, labels: LabelsLike | None = None) -> Path:
        """Write a folder of records, as ``gsmooth certify`` does; images not computed yet are now.

        Each image is on disk before the next one is begun, and a folder that holds some of them is
        completed: what a killed script had finished is read, not computed again. ``gsmooth verify``
        and ``gsmooth report`` take the folder. A secret seed is kept there in ``seed.secret``, for
        its owner alone.

        Args:
            folder: Where to; it is made if it is not there.
            labels: The true classes, which records hold; by default those known already.

        Returns:
            The folder.

        Raises:
            InputError: No labels are known.
            RecordError: The folder holds records of another network, other images, another noise,
                seed or rule; the message names what differs.
            OutputError: It cannot be written.
        """
        from gsmooth.api.saving import saved

        return saved(self, Path(folder), self._truth(labels))

    def _restore(self, results: Mapping[int, Result]) -> None:
        """Take over results that are known already, for places that have none yet."""
        for place, result in results.items():
            self._found.setdefault(place, result._among(self))

    def __repr__(self) -> str:
        done = self.finished
        certified = sum(result.certified for result in done)
        state = f"{certified} certified, {len(done) - certified} abstained"
        left = len(self) - len(done)
        todo = f", {left} not computed yet" if left else ""
        return f"Results({len(self)} images on {self.region}: {state}{todo})"

    def _repr_html_(self) -> str:
        """For notebooks: a table and a picture of what has been computed; nothing is computed."""
        from gsmooth.api.pictures import html_of

        return html_of(self)

    def _truth(self, labels: LabelsLike | None) -> NDArray[np.int64]:
        """The labels given here, or else those known already; the first ones are kept."""
        classes = self._task.smoothed.classifier.classes
        if labels is None:
            if self._labels is None:
                raise InputError(
                    "labels: the true classes are not known; give labels, one integer an image,"
                    " here or as certify(..., labels=labels)"
                )
            return self._labels
        truth = taken_labels(labels, len(self), classes)
        if self._labels is None:
            self._labels = truth
        return truth

    def _plain(self, result: Result) -> dict[str, Any]:
        found = result.certificate
        certified = isinstance(found, Certified)
        row: dict[str, Any] = {
            "index": result.index,
            "certified": certified,
            "label": result.label,
            "reason": None if isinstance(found, Certified) else str(found.reason),
            "fraction": found.fraction if isinstance(found, Certified) else None,
            "guarantee": str(found.guarantee),
            "alpha": found.alpha,
            "prediction": result.prediction.label,
            "votes": result.votes,
            "pilot_votes": result.pilot_votes,
            "seconds": result.seconds,
        }
        if self._labels is not None:
            row["true_label"] = int(self._labels[result.index])
        return row

    def _advance(self) -> None:
        """Wait for one more image, whichever is finished first."""
        with self._waiting:
            if self._running is None:
                self._running = self._outcomes()
            try:
                outcome = next(self._running)
            except BaseException:
                self._running = None  # Begun anew when it is asked for again.
                raise
            for place in self._images.places(outcome.index):
                self._found.setdefault(place, Result.of(outcome, place)._among(self))
            self._waiting.update(len(self._found), self._votes())

    def _outcomes(self) -> Iterator[Outcome]:
        todo = [place for place in range(len(self)) if place not in self._found]
        voting = replace(self._task, smoothed=as_voting(self.smoothed, self.images))
        return certify_feasible(voting, self._images.items(todo), watch=self._watch)

    def _watch(self, spent: Mapping[int, int], seconds: float) -> None:
        self._waiting.update(len(self._found), self._votes() + sum(spent.values()))

    def _votes(self) -> int:
        return sum(result.votes for result in self._found.values())

"""The check that a classifier is a function of its input, without which votes mean nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, final

import torch
from torch import Tensor

from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.readout import Readout
from gsmooth.sampling.settings import SAMPLING

Kind = Literal["exact", "rounding", "batch_dependent"]
_REMEDY: Final = (
    "nothing can be said about votes of such a model. Look for dropout or batch normalization that"
    " stays in training mode (F.dropout without training=False), for statistics of the batch in"
    " forward(), and for operators that are not deterministic"
    " (torch.use_deterministic_algorithms(True))"
)


@final
@dataclass(frozen=True)
class FunctionCheck:
    """The comparison of the same images in different batches.

    Args:
        kind: "exact": the same scores bit by bit. "rounding": the same labels, and scores that
            differ in their last digits. "batch_dependent": a function of the image at one batch
            size only, which has to be fixed.
        difference: The largest difference between two scores of an image.
        rows: Images that were compared at the batch size of votes.
        batch_size: The batch size of votes.
    """

    kind: Kind
    difference: float
    rows: int
    batch_size: int


@final
@dataclass(frozen=True)
class _Answer:
    """Scores (N, classes) in float64 and votes (N,), on the host.

    coarse: the scores came in 16 bits.
    """

    scores: Tensor
    votes: Tensor
    coarse: bool = False

    def __getitem__(self, rows: Tensor | slice) -> _Answer:
        return _Answer(self.scores[rows], self.votes[rows], self.coarse)

    def backwards(self) -> _Answer:
        return _Answer(self.scores.flip(0), self.votes.flip(0), self.coarse)

    def gaps(self, other: _Answer) -> Tensor:
        """(N,): by how much the scores of a row differ, at most."""
        return (self.scores - other.scores).abs().amax(dim=1)

    def differs(self, other: _Answer, allowed: float) -> Tensor:
        """(N,): rows with another vote, or scores that differ by more than ``allowed``."""
        return (self.votes != other.votes) | (self.gaps(other) > allowed)

    def spread(self) -> float:
        """How far a score is from the mean of its row, at most."""
        return float((self.scores - self.scores.mean(dim=1, keepdim=True)).abs().max())


# The mode in which votes are cast: torch.compile would make another program for another mode.
@torch.inference_mode()
def checked_function(
    classifier: Classifier,
    inputs: Tensor,
    batch_size: int | None = None,
    readout: Readout | None = None,
) -> FunctionCheck:
    """Compare the scores of the same inputs in different batches.

    All inputs are evaluated three times in batches of ``batch_size``: (1) as they are; (2) with
    about half of the rows of each batch at their places, and extreme images at the others; (3) as
    in (2), in reverse order. Only the neighbours of a row differ between (1) and (2), so scores may
    differ by rounding alone (2^-18 of their spread if repetitions agree, else 2^-14), in any
    precision; between (1) and (3) they may differ by what another place in a batch explains.
    Larger differences raise ModelError: a fixed batch size would not help. At size 1 there are no
    neighbours, and the three passes are repetitions. Then other batch sizes are tried; a difference
    there makes the model ``batch_dependent``, because votes in batches of a fixed size avoid it.

    A check by example finds faults and proves nothing. It does not detect differences below the
    tolerances, differences at untried sizes, and randomness that seldom changes a score.

    Args:
        classifier: f.
        inputs: z (N, K) float32 for f Q; without ``readout`` images (N, C, H, W) float32 for f.
        batch_size: That of votes, of which N has to be a multiple; by default N.
        readout: Q; None: inputs are images.

    Raises:
        ModelError: The classifier is no function of its input at any batch size.
        ConfigurationError: There are too few inputs, or batches that are not full.
    """
    size = len(inputs) if batch_size is None else batch_size
    if size < 1 or len(inputs) < SAMPLING.function_check.least_rows or len(inputs) % size:
        raise ConfigurationError(
            f"checked_function: {len(inputs)} images in batches of {size}; give at least"
            f" {SAMPLING.function_check.least_rows}, and full batches"
        )
    subject = _Subject(classifier, readout)
    whole = subject.answer(inputs, size)
    kept = _kept(size).repeat(len(inputs) // size)
    with_neighbours = subject.among_neighbours(inputs, kept)
    gaps = _gaps_at_size(subject, inputs, with_neighbours, kept, whole, size)
    # In 16 bits a difference in the last digit often changes the label.
    reordered = whole.spread() * SAMPLING.function_check.reordered
    allowed, batch_dependent = 0.0 if subject.is_coarse(whole) else reordered, False
    for rows in _other_sizes(len(inputs), size):
        answer = subject.answer(inputs[rows], rows.stop - rows.start)
        gaps.append(whole[rows].gaps(answer))
        batch_dependent |= bool(whole[rows].differs(answer, allowed).any())
    # Among extreme images, so that an effect of neighbours is found in every run.
    for rows in (slice(0, SAMPLING.function_check.odd_rows), slice(0, len(inputs) // 3)):
        alone = _kept(rows.stop)
        with_neighbours = subject.among_neighbours(inputs[rows], alone)
        answer = subject.answer(with_neighbours, rows.stop)[alone]
        gaps.append(whole[rows][alone].gaps(answer))
        batch_dependent |= bool(whole[rows][alone].differs(answer, allowed).any())
    largest = float(torch.cat(gaps).max())
    exact = largest == 0.0 and subject.reads_exactly(inputs)
    kind: Kind = "batch_dependent" if batch_dependent else "exact" if exact else "rounding"
    return FunctionCheck(kind, largest, int(kept.sum()), size)


@final
@dataclass(frozen=True)
class _Subject:
    """f Q on z (N, K), or without a readout f on images (N, C, H, W)."""

    classifier: Classifier
    readout: Readout | None

    def answer(self, inputs: Tensor, size: int) -> _Answer:
        """Scores and votes in batches of ``size``, computed as for votes."""
        batches = (
            torch.split(inputs, size)
            if self.readout is None
            else self.readout.batches(inputs, size)
        )
        passes = [_one_pass(self.classifier, batch) for batch in batches]
        scores = torch.cat([answer.scores for answer in passes])
        return _Answer(scores, torch.cat([answer.votes for answer in passes]), passes[0].coarse)

    def is_coarse(self, answer: _Answer) -> bool:
        """True if scores have 16 bits."""
        return answer.coarse or self.classifier.autocast is not None

    def among_neighbours(self, inputs: Tensor, kept: Tensor) -> Tensor:
        """The kept rows at their places, and extreme images at all others."""
        images = inputs if self.readout is None else self.readout.images(inputs)
        bright, dark = self._point(images, images.max()), self._point(images, images.min())
        neighbours = bright.expand_as(inputs).clone()
        # Every statistic of the batch changes. As many dark images as bright ones would leave the
        # mean unchanged.
        neighbours[::4] = dark
        neighbours[1::4] = inputs[0]
        return torch.where(
            kept.to(inputs.device).view(-1, *[1] * (inputs.dim() - 1)), inputs, neighbours
        )

    def reads_exactly(self, inputs: Tensor) -> bool:
        """True if images are the same bit by bit at other places of a block."""
        if self.readout is None:
            return True
        there = self.readout.images(inputs)
        return torch.equal(self.readout.images(inputs.flip(0)).flip(0), there)

    def _point(self, images: Tensor, value: Tensor) -> Tensor:
        """The image (1, C, H, W) with this value in every pixel, or its z (1, K)."""
        if self.readout is None:
            return value.expand_as(images[:1])
        image = value.expand(1, *self.readout.shape)
        lifted = self.readout.transformation.lift(image.double())
        return lifted.to(images.dtype)


def _gaps_at_size(
    subject: _Subject,
    inputs: Tensor,
    with_neighbours: Tensor,
    kept: Tensor,
    whole: _Answer,
    size: int,
) -> list[Tensor]:
    """Gaps of the kept rows with other batch neighbours, in both orders; ModelError for a fault."""
    spread = whole.spread()
    halves = subject.is_coarse(whole)
    tolerances = SAMPLING.function_check
    there, strict = subject.answer(with_neighbours, size), tolerances.reordered
    if bool(whole.gaps(there)[kept].any()):
        # If repetitions agree bit by bit, a difference in the last digits is caused by neighbours.
        again = subject.answer(inputs, size)
        if not bool(whole.gaps(again).any()):
            strict = tolerances.repeated
    back = subject.answer(with_neighbours.flip(0), size).backwards()
    moved = tolerances.moved_16_bits if halves else tolerances.moved
    for other, share, cause in (
        (there, strict, "among other images of a batch of that size"),
        (back, moved, "in another place of the same batch"),
    ):
        if bool((faults := whole.differs(other, spread * share) & kept).any()):
            again = subject.answer(inputs, size)
            if size == 1 or bool(whole.differs(again, spread * tolerances.reordered).any()):
                cause = "in the very same batch, a second time"
            row = int(faults.nonzero()[0])
            raise ModelError(
                f"{subject.classifier.name}: row {row % size} of a batch of {size} gets other"
                f" scores {cause} (up to {float(whole.gaps(other)[kept].max()):.2g} apart, where"
                f" scores spread by {spread:.2g}); {_REMEDY}"
            )
    return [whole.gaps(there)[kept], whole.gaps(back)[kept]]


def _other_sizes(rows: int, size: int) -> list[slice]:
    """All rows at once if that is more than a batch, half of them, and batches of 1, 1 and 3."""
    return [slice(0, rows)] * (rows > size) + [
        slice(0, rows // 2),
        slice(0, 1),
        slice(1, 2),
        slice(2, 5),
    ]


def _one_pass(classifier: Classifier, batch: Tensor) -> _Answer:
    scores = classifier.scores(batch.clone())  # The model may write into it; we compare it again.
    votes = classifier.judged(scores).cpu()
    # Infinite and NaN scores raise an error in a vote; here they are only set equal.
    finite = scores.double().cpu().masked_fill(votes[:, None] > classifier.classes, 0.0)
    return _Answer(finite, votes, coarse=scores.itemsize < 4)


def _kept(size: int) -> Tensor:
    """(size,) bool: half of the rows of a batch, rounded up, the first row included.

    In a random order, so that rows at any distance from each other are kept and replaced.
    """
    order = torch.randperm(
        size, generator=torch.Generator().manual_seed(0), dtype=torch.int64, device="cpu"
    )
    return (order - order[0]) % size < (size + 1) // 2

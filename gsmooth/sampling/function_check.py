"""Whether a classifier is a function of its input, which everything said about votes rests on."""

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
    """What the same images got in other batches.

    exact: the same scores, bit by bit. rounding: scores that differ in their last digits, and the
    same labels. sized: a function at one batch size only, at which it has to be pinned. difference:
    the largest one between two scores of an image. rows: images that were compared, at the batch
    size of votes; batch_size: that size.
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
    """Compare what inputs get in batches of ``batch_size``, of which N has to be a multiple.

    inputs: z (N, K) float32 of f Q, what votes are about; without ``readout`` images (N, C, H, W)
    float32 of f. batch_size: that of votes, by default N. All N are shown in batches of it three
    times: as they are; with about half of the rows of each batch kept at their places, and extreme
    images among them; and the same backwards. ModelError where the second differs from the first by
    more than rounding (2^-18 of their spread where repetitions agree, else 2^-14), in any
    precision, since nothing but the neighbours is new to these rows, or the third by more than a
    place can explain: pinning would not help. At size 1 there are no neighbours, and these are
    repetitions. Then come other sizes: what differs there makes the model ``batch_dependent``,
    since pinned votes never see them.

    A check by example: it finds faults, and proves nothing. Unseen stays what is below the
    tolerances, other sizes than the tried ones, and randomness that seldom changes a score.
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
    crowd = subject.in_company(inputs, kept)
    gaps = _gaps_at_size(subject, inputs, crowd, kept, whole, size)
    # In 16 bits a last digit is often what a label hangs on.
    reordered = whole.spread() * SAMPLING.function_check.reordered
    allowed, batch_dependent = 0.0 if subject.is_coarse(whole) else reordered, False
    for rows in _other_sizes(len(inputs), size):
        answer = subject.answer(inputs[rows], rows.stop - rows.start)
        gaps.append(whole[rows].gaps(answer))
        batch_dependent |= bool(whole[rows].differs(answer, allowed).any())
    # Among extreme images: what neighbours do in part of a batch would else be a matter of luck.
    for rows in (slice(0, SAMPLING.function_check.odd_rows), slice(0, len(inputs) // 3)):
        alone = _kept(rows.stop)
        crowd = subject.in_company(inputs[rows], alone)
        answer = subject.answer(crowd, rows.stop)[alone]
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
        """In batches of ``size``, as votes are cast."""
        batches = (
            torch.split(inputs, size)
            if self.readout is None
            else self.readout.batches(inputs, size)
        )
        passes = [_one_pass(self.classifier, batch) for batch in batches]
        scores = torch.cat([answer.scores for answer in passes])
        return _Answer(scores, torch.cat([answer.votes for answer in passes]), passes[0].coarse)

    def is_coarse(self, answer: _Answer) -> bool:
        """Whether scores have 16 bits."""
        return answer.coarse or self.classifier.autocast is not None

    def in_company(self, inputs: Tensor, kept: Tensor) -> Tensor:
        """The kept rows at their places, and extreme images at all others."""
        images = inputs if self.readout is None else self.readout.images(inputs)
        bright, dark = self._point(images, images.max()), self._point(images, images.min())
        company = bright.expand_as(inputs).clone()
        # No statistic of the batch stays what it was. As many dark as bright ones would leave the
        # mean.
        company[::4] = dark
        company[1::4] = inputs[0]
        return torch.where(
            kept.to(inputs.device).view(-1, *[1] * (inputs.dim() - 1)), inputs, company
        )

    def reads_exactly(self, inputs: Tensor) -> bool:
        """Whether images are the same bit by bit at other places of a block."""
        if self.readout is None:
            return True
        there = self.readout.images(inputs)
        return torch.equal(self.readout.images(inputs.flip(0)).flip(0), there)

    def _point(self, images: Tensor, value: Tensor) -> Tensor:
        """What has this value in every pixel: an image (1, C, H, W), or its z (1, K)."""
        image = value.expand_as(images[:1])
        if self.readout is None:
            return image
        lifted = self.readout.transformation.lift(image.double())
        return lifted.to(images.dtype)


def _gaps_at_size(
    subject: _Subject, inputs: Tensor, crowd: Tensor, kept: Tensor, whole: _Answer, size: int
) -> list[Tensor]:
    """Gaps of the kept rows in the crowd and in the crowd backwards; ModelError for a fault."""
    spread = whole.spread()
    halves = subject.is_coarse(whole)
    tolerances = SAMPLING.function_check
    there, strict = subject.answer(crowd, size), tolerances.reordered
    if bool(whole.gaps(there)[kept].any()):
        # Where repetitions agree bit by bit, it is not chance that moved the last digits.
        again = subject.answer(inputs, size)
        if not bool(whole.gaps(again).any()):
            strict = tolerances.repeated
    back = subject.answer(crowd.flip(0), size).backwards()
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
    """All rows at once where votes take fewer, half of them, and batches of 1, 1 and 3."""
    return [slice(0, rows)] * (rows > size) + [
        slice(0, rows // 2),
        slice(0, 1),
        slice(1, 2),
        slice(2, 5),
    ]


def _one_pass(classifier: Classifier, batch: Tensor) -> _Answer:
    scores = classifier.scores(batch.clone())  # The model may write into it; we compare it again.
    votes = classifier.judged(scores).cpu()
    # Infinities and NaN stop the vote that meets them and name its image; here they only agree.
    finite = scores.double().cpu().masked_fill(votes[:, None] > classifier.classes, 0.0)
    return _Answer(finite, votes, coarse=scores.itemsize < 4)


def _kept(size: int) -> Tensor:
    """(size,) bool: half of the rows of a batch, rounded up, the first of them for certain.

    Scattered, so that rows at any distance from one another are kept and replaced alike.
    """
    order = torch.randperm(
        size, generator=torch.Generator().manual_seed(0), dtype=torch.int64, device="cpu"
    )
    return (order - order[0]) % size < (size + 1) // 2

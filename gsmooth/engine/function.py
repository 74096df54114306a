"""Whether a classifier is a function of its input, which everything said about votes rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, final

import torch
from torch import Tensor

from gsmooth.classifier import Classifier
from gsmooth.errors import ModelError

Kind = Literal["exact", "rounding", "sized"]
# Shares of the spread of scores. In one program, float32 differs by 2^-17 or so where sums are
# ordered otherwise; batch statistics and their like change scores by far more than 2^-11.
_ROUNDED: Final = 2.0**-14
_COMPANY: Final = 2.0**-11
_COMPANY_IN_HALVES: Final = 2.0**-3
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
    """Scores (N, classes) in float64 and votes (N,) of one forward pass, on the host.

    coarse: the scores came in 16 bits.
    """

    scores: Tensor
    votes: Tensor
    coarse: bool = False

    def __getitem__(self, rows: slice) -> _Answer:
        return _Answer(self.scores[rows], self.votes[rows])

    def backwards(self) -> _Answer:
        return _Answer(self.scores.flip(0), self.votes.flip(0))

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
def checked_function(classifier: Classifier, images: Tensor) -> FunctionCheck:
    """Compare what images (N, C, H, W) float32, N >= 10 the batch size of votes, get in batches.

    Two passes of N rows, the second with half of them in other places and among other images, one
    of N / 2, and three of 1, 1 and 3 rows. ModelError where the second differs by more than
    rounding, since then no batch size makes a function of the model. A check by example: it finds
    faults, and proves nothing.
    """
    half = len(images) // 2
    whole = _answer(classifier, images)
    coarse = whole.coarse or classifier.autocast is not None
    spread = whole.spread()
    allowed = spread * (_COMPANY_IN_HALVES if coarse else _COMPANY)
    moved = _answer(classifier, _in_company(images))[len(images) - half :].backwards()
    if bool((faults := whole[:half].differs(moved, allowed)).any()):
        raise _no_function(classifier, images, whole, allowed, int(faults.nonzero()[0]))
    gaps, sized = [whole[:half].gaps(moved)], False
    for rows in (slice(0, half), slice(0, 1), slice(1, 2), slice(2, 5)):
        alone = _answer(classifier, images[rows])
        gaps.append(whole[rows].gaps(alone))
        # In 16 bits a last digit is often what a label hangs on.
        sized |= bool(whole[rows].differs(alone, 0.0 if coarse else spread * _ROUNDED).any())
    largest = float(torch.cat(gaps).max())
    kind: Kind = "sized" if sized else "rounding" if largest > 0.0 else "exact"
    return FunctionCheck(kind, largest, half, len(images))


def _answer(classifier: Classifier, images: Tensor) -> _Answer:
    scores = classifier.scores(images)
    votes = classifier.judged(scores).cpu()
    # Infinities and NaN stop the vote that meets them and name its image; here they only agree.
    finite = scores.double().cpu().masked_fill(votes[:, None] > classifier.classes, 0.0)
    return _Answer(finite, votes, coarse=scores.itemsize < 4)


def _in_company(images: Tensor) -> Tensor:
    """As many rows: the first half of the images at the end and backwards, behind extreme ones."""
    half = len(images) // 2
    company = images[:1].repeat(len(images) - half, 1, 1, 1)
    # No statistic of the batch stays what it was: a third each is dark, bright, and all the same.
    company[::3] = images.min()
    company[1::3] = images.max()
    return torch.cat([company, images[:half].flip(0)])


def _no_function(
    classifier: Classifier, images: Tensor, whole: _Answer, allowed: float, row: int
) -> ModelError:
    """The error, after two more passes that tell the causes apart."""
    cause = "among other images of a batch of that size"
    if bool(whole.differs(_answer(classifier, images.flip(0)).backwards(), allowed).any()):
        cause = "in another place of the same batch"
    if bool(whole.differs(_answer(classifier, images), allowed).any()):
        cause = "in the very same batch, a second time"
    return ModelError(
        f"{classifier.name}: row {row} of a batch of {len(images)} gets other scores {cause};"
        f" {_REMEDY}"
    )

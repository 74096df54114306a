"""The batch size of a smoothed classifier, and the number of threads, that cast votes fastest."""

from __future__ import annotations

from dataclasses import replace

import torch

from gsmooth.sampling.pace import Pace
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier


def with_fast_batches(smoothed: SmoothedClassifier, *, choose_threads: bool) -> SmoothedClassifier:
    """The same classifier with the batch size that casts votes fastest on this machine.

    Args:
        smoothed: The smoothed classifier; a second or two of votes are measured.
        choose_threads: Whether one thread is tried as well, and set for torch where it is faster.
            Beside other busy processes one is often far faster than several.
    """
    pace = smoothed.pace()
    if choose_threads and (several := torch.get_num_threads()) > 1:
        pace = _with_fewer_threads(smoothed, pace, several)
    return replace(smoothed, batch_size=pace.batch_size)


def _with_fewer_threads(smoothed: SmoothedClassifier, pace: Pace, several: int) -> Pace:
    """The pace with one thread, which is set, or that with ``several`` where it is the better."""
    if smoothed.classifier.device.type != "cpu":
        return pace
    torch.set_num_threads(1)
    alone = replace(smoothed).pace()
    if alone.votes_per_second > pace.votes_per_second:
        return alone
    torch.set_num_threads(several)
    return pace

"""Parts of the training images: what is trained on, and what is kept for other uses."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Positions = NDArray[np.int64]


def split_off(
    labels: Positions, fraction: float, seed: int, groups: Positions | None = None
) -> tuple[Positions, Positions]:
    """Split positions into a part that is kept for training and one that is taken off.

    Whole groups are taken off, class by class, so that about the same fraction of every class is.
    A class of a single group stays in training.

    Args:
        labels: Classes (N,).
        fraction: Fraction of the images to take off, in [0, 1).
        seed: Seed of the choice.
        groups: Group of each image, (N,), such as the track of a frame: near copies belong to one
            group. By default every image is its own.

    Returns:
        Positions that are kept and positions that are taken off, both ascending.

    Example:
        >>> kept, taken = split_off(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, seed=0)
        >>> len(kept), len(taken)
        (6, 2)
    """
    place = np.arange(len(labels), dtype=np.int64)
    codes = place if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int64)
    taken = np.zeros(len(labels), dtype=bool)
    generator = torch.Generator(device="cpu").manual_seed(seed)
    for members in _groups_by_class(labels, codes):
        sizes = np.array([len(member) for member in members])
        order = torch.randperm(
            len(members), generator=generator, dtype=torch.int64, device="cpu"
        ).numpy()
        for chosen in _about(sizes, order, fraction):
            taken[members[chosen]] = True
    return place[~taken], place[taken]


def joined(first: Positions, second: Positions) -> Positions:
    """Number the finest groups that divide no group of either kind.

    Args:
        first: Groups of one kind, (N,).
        second: Groups of the other kind, (N,).

    Returns:
        The groups, (N,), int64.

    Example:
        >>> joined(np.array([0, 0, 1, 2]), np.array([5, 6, 6, 7])).tolist()
        [0, 0, 0, 1]
    """
    one, other = (np.unique(codes, return_inverse=True)[1] for codes in (first, second))
    size = int(one.max(initial=-1)) + 1
    nodes = size + int(other.max(initial=-1)) + 1
    links = coo_array((np.ones(len(one)), (one, size + other)), shape=(nodes, nodes))
    components = connected_components(links, directed=False)[1]
    return np.unique(components[one], return_inverse=True)[1].astype(np.int64)


def _groups_by_class(labels: Positions, codes: Positions) -> list[list[Positions]]:
    """The members of every group, by the class that most images of the group have."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    members = np.split(order, starts[1:])
    classes: dict[int, list[Positions]] = {}
    for member in members:
        classes.setdefault(int(np.bincount(labels[member]).argmax()), []).append(member)
    return [classes[label] for label in sorted(classes)]


def _about(sizes: NDArray[np.int64], order: NDArray[np.int64], fraction: float) -> list[int]:
    """Groups, in ``order``, whose images are together nearest to the fraction; never all."""
    wanted, found, chosen = fraction * sizes.sum(), 0, []
    for group in order[:-1]:
        if abs(found + sizes[group] - wanted) < abs(found - wanted):
            found += int(sizes[group])
            chosen.append(int(group))
    return chosen

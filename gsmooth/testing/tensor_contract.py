"""Checks of how methods treat tensors: independent rows, unchanged inputs, types, repetition."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.testing.images import KINDS, Point, SampleImage
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import Theta, TransformationUnderTest, near

Call = Callable[[Tensor, list[Tensor]], Tensor]
ROWS = 3


def rows_are_independent(subject: TransformationUnderTest) -> None:
    """The result for a row depends on that row only, up to rounding.

    Votes must not depend on other rows of a batch. Rounding may: a matrix product can use another
    order of summation for another batch size.
    """

    def example(seed: int, thetas: tuple[Theta, ...]) -> None:
        for name, call, batch, theta in _calls(subject, seed, thetas):
            together = call(batch.clone(), theta)
            assert len(together) == ROWS, f"{name}: {ROWS} rows gave {len(together)}"
            for row in range(ROWS):
                place = slice(row, row + 1)
                alone = call(batch[place].clone(), [column[place] for column in theta])
                scale = 1.0 + float(alone.norm())
                near(together[place], alone, scale, f"{name}: row {row} depends on its batch")

    def crowded(seed: int, thetas: tuple[Theta, ...]) -> None:
        for name, call, batch, theta in _calls(subject, seed, thetas):
            place = torch.arange(KIT.action.many_rows, dtype=torch.int64, device="cpu") % ROWS
            crowd = call(batch[place], [column[place] for column in theta])
            apart = call(batch.clone(), theta)[place]
            scale = 1.0 + float(apart.norm())
            near(crowd, apart, scale, f"{name}: a row among {KIT.action.many_rows} is another one")

    _search(subject, example)
    rows = [(end,) * ROWS for end in _ends(subject)]
    for seed, thetas in enumerate(rows):
        crowded(seed, thetas)


def _ends(subject: TransformationUnderTest) -> list[Theta]:
    return [subject.possible(end) for end in (subject.region.lower, subject.region.upper)]


def inputs_are_untouched(subject: TransformationUnderTest) -> None:
    """No method writes into its arguments."""

    def example(seed: int, thetas: tuple[Theta, ...]) -> None:
        for name, call, batch, theta in _calls(subject, seed, thetas):
            given = [batch.clone(), *(column.clone() for column in theta)]
            call(given[0], given[1:])
            kept = all(map(torch.equal, given, [batch, *theta]))
            assert kept, f"{name} changed its input in place"

    _search(subject, example)


def dtype_and_device_are_kept(subject: TransformationUnderTest) -> None:
    """float64 stays float64, as the error bound of F1 needs; the readout also keeps float32."""
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]

    def example(seed: int, thetas: tuple[Theta, ...]) -> None:
        for name, call, batch, theta in _calls(subject, seed, thetas):
            dtypes = [torch.float64, torch.float32] if name == "readout" else [torch.float64]
            for device in devices:
                for dtype in dtypes:
                    moved = [column.to(device) for column in theta]
                    found = call(batch.to(device, dtype), moved)
                    told = f"{name}: {dtype} on {device} became {found.dtype} on {found.device}"
                    assert (found.dtype, found.device.type) == (dtype, device), told

    _search(subject, example)


def results_are_deterministic(subject: TransformationUnderTest) -> None:
    """The same call gives the same bits, so that votes can be counted again."""

    def example(seed: int, thetas: tuple[Theta, ...]) -> None:
        for name, call, batch, theta in _calls(subject, seed, thetas):
            first, second = call(batch.clone(), theta), call(batch.clone(), theta)
            assert torch.equal(first, second), f"{name}: the same call gave two results"

    _search(subject, example)


def _search(
    subject: TransformationUnderTest, example: Callable[[int, tuple[Theta, ...]], None]
) -> None:
    rows = st.tuples(*[subject.attacks()] * ROWS)
    subject.with_examples(0.5).search(example, seed=st.integers(0, 2**16), thetas=rows)


def _calls(
    subject: TransformationUnderTest, seed: int, thetas: tuple[Theta, ...]
) -> Iterator[tuple[str, Call, Tensor, list[Tensor]]]:
    """Yield every method with a batch of different rows, and a different theta for each row."""
    operator = subject.transformation
    kinds = [KINDS[(seed + row) % len(KINDS)] for row in range(ROWS)]
    x = torch.cat(
        [SampleImage(kind, seed + row).tensor(subject.shape) for row, kind in enumerate(kinds)]
    )
    z = Point("normal", seed).tensor(subject.size, ROWS)
    theta = [
        torch.tensor([[row[axis]] for row in thetas], dtype=torch.float64, device="cpu")
        for axis in range(subject.dimensions)
    ]
    if operator.has_action:
        yield "act", lambda batch, moved: operator.act(batch, *moved), z, theta
    yield "attack", lambda batch, moved: operator.attack(batch, *moved), x, theta
    yield "lift", lambda batch, _: operator.lift(batch), x, theta
    yield "readout", lambda batch, _: operator.readout(batch, subject.shape), z, theta

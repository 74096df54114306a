"""CertifiedAccuracy of torchmetrics, on a half space whose certificates are known."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

import gsmooth as gs
from gsmooth.errors import ConfigurationError, InputError
from tests.integrations.subjects import REGION, images, smooth

pytestmark = pytest.mark.extras(group="frameworks")
torchmetrics = pytest.importorskip("torchmetrics", reason='needs the extra "metrics"')


def metric(**options: Any) -> Any:
    from gsmooth.integrations.torchmetrics import CertifiedAccuracy

    return CertifiedAccuracy(REGION, smooth(), **options)


def test_the_value_is_the_share_of_true_classes_that_are_certified() -> None:
    found: Any = metric()
    found.update(images(1.0, 0.0, 1.0), [1, 0, 0])
    found.update(images(0.5), [1])  # g abstains on the border.
    assert float(found.compute()) == 0.5
    assert int(found.abstained) == 1
    low, high = found.interval()
    assert (low, high) == pytest.approx((0.0676, 0.9324), abs=1e-4)


def test_results_that_are_there_already_count_the_same() -> None:
    from gsmooth.integrations.torchmetrics import CertifiedAccuracy

    x, truth = images(1.0, 0.0, 0.5), torch.tensor([1, 1, 0])
    first: Any = metric()
    first.update(x, truth)
    second = CertifiedAccuracy(REGION)
    second.update(gs.certify(smooth(), x, REGION), truth)
    assert torch.equal(first.compute(), second.compute())
    assert first.interval() == second.interval()


def test_a_part_of_the_region_is_not_the_region() -> None:
    from gsmooth.integrations.torchmetrics import CertifiedAccuracy

    wide = gs.Region(l2=0.6)
    results = gs.certify(smooth(), images(1.0), wide, mode="radius", n=1000)
    assert 0.5 < results[0].certificate.fraction < 1.0  # type: ignore[union-attr]
    found = CertifiedAccuracy(wide)
    found.update(results, [1])
    assert float(found.compute()) == 0.0


def test_results_of_another_region_are_refused() -> None:
    found: Any = metric()
    with pytest.raises(ConfigurationError, match="make a metric for each region"):
        found.update(gs.certify(smooth(), images(1.0), gs.Region(l2=0.1)), [1])


def test_images_without_a_classifier_are_refused() -> None:
    from gsmooth.integrations.torchmetrics import CertifiedAccuracy

    with pytest.raises(ConfigurationError, match="no smoothed classifier"):
        CertifiedAccuracy(REGION).update(images(1.0), [1])


def test_normalized_images_are_refused() -> None:
    found: Any = metric()
    with pytest.raises(InputError, match="outside of the input range"):
        found.update(images(1.0) * 4 - 2, [1])


def test_it_goes_on_after_new_images_and_begins_anew_after_a_reset() -> None:
    found: Any = metric()
    assert float(found(images(1.0), [1])) == 1.0
    assert float(found(images(0.0), [1])) == 0.0  # The value of this batch.
    assert float(found.compute()) == 0.5
    assert found.interval()[1] < 1.0
    found.reset()
    assert int(found.images) == 0


def test_copies_and_pickles_go_on_where_it_was() -> None:
    found: Any = metric()
    found.update(images(1.0), [1])
    for copy in (found.clone(), pickle.loads(pickle.dumps(found))):
        copy.update(images(0.0), [1])
        assert float(copy.compute()) == 0.5
    assert float(found.compute()) == 1.0


def test_it_is_one_of_a_collection() -> None:
    several = torchmetrics.MetricCollection({"certified": metric()})
    several.update(images(1.0, 0.0), torch.tensor([1, 1]))
    assert several.compute()["certified"] == 0.5


def _process(rank: int, folder: str) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    found: Any = metric()
    # Three images here, one there: a mean of the two shares would be wrong.
    found.update(*[(images(1.0, 0.0, 0.0), [1, 1, 1]), (images(1.0), [1])][rank])
    value = (float(found.compute()), *found.interval(), int(found.images))
    Path(folder, f"{rank}.txt").write_text(repr(value))
    torch.distributed.destroy_process_group()


def test_two_processes_have_the_value_of_all_their_images(tmp_path: Path) -> None:
    processes: Any = torch.multiprocessing
    processes.spawn(_process, args=(str(tmp_path),), nprocs=2)
    expected: Any = metric()
    expected.update(images(1.0, 0.0, 0.0, 1.0), [1, 1, 1, 1])
    for rank, own in enumerate((3, 1)):
        # After compute() each has its own images again, and so counts none twice later.
        told = repr((0.5, *expected.interval(), own))
        assert (tmp_path / f"{rank}.txt").read_text() == told

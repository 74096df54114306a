"""Violation: an attack that beat a certificate is saved so that anyone can repeat it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gsmooth.certificate import Guarantee
from gsmooth.errors import ViolationError
from gsmooth.run.journal import make_folder, write_atomically

if TYPE_CHECKING:
    from gsmooth.attacks import AttackOutcome
    from gsmooth.run.assembly import Assembly
    from gsmooth.run.row import Row


def raise_if_violated(row: Row, attack: AttackOutcome, parts: Assembly, folder: Path) -> None:
    """Save a reproduction and raise ViolationError if ``attack`` refutes the row's certificate.

    It does when PREDICT at alpha = 1e-9 gave another class than the certified one at a theta
    inside the certified region.
    """
    certified, found = row.certified_label, attack.strict
    if certified is None or not attack.refutes(certified) or not _inside(row, attack):
        return
    place = folder / "violations"
    make_folder(place)
    stem = place / f"image-{row.index}"
    with io.BytesIO() as buffer:
        image = parts.dataset.image(row.index).numpy()
        attacked = image[:0] if attack.attacked is None else attack.attacked.numpy()
        np.savez(buffer, image=image, theta=np.array(attack.theta), attacked=attacked)
        write_atomically(stem.with_suffix(".npz"), buffer.getvalue())
    report = {
        "row": json.loads(row.to_json()),
        "theta": list(attack.theta),
        "l2": attack.l2,
        "label_found": found.label,
        "counts_found": list(found.counts),
        "alpha": found.alpha,
        "config": parts.config.model_dump(mode="json"),
    }
    write_atomically(stem.with_suffix(".json"), json.dumps(report, indent=2).encode())
    blame = (
        "the certificate was heuristic, and what it assumed does not hold"
        if row.guarantee is Guarantee.HEURISTIC
        else "a bug in gsmooth or a false claim of the transformation: please report it"
    )
    raise ViolationError(
        f"image {row.index}: certified as class {row.certified_label}, but at theta ="
        f" {list(attack.theta)} the smoothed classifier answers {found.label} (PREDICT at alpha ="
        f" {found.alpha:g}); {blame}. The case is in {stem}.json and .npz"
    )


def _inside(row: Row, attack: AttackOutcome) -> bool:
    """Whether the attack lies in what was certified (nothing, for an abstention)."""
    region = row.certified_region
    if region is None or not (attack.l2 < region.l2 or attack.l2 == 0.0):
        return False
    ends = zip(region.lower, attack.theta, region.upper, strict=True)
    return all(low <= value <= high for low, value, high in ends)

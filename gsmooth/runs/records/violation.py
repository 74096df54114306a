"""Violation: an attack that beat a certificate is saved so that anyone can repeat it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.certificate import Guarantee
from gsmooth.errors import RecordError, ViolationError
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.inputs import called
from gsmooth.runs.records.codec import decode, encode, parse
from gsmooth.runs.records.journal import make_folder, write_atomically
from gsmooth.runs.records.row import Row

if TYPE_CHECKING:
    from gsmooth.attacks import AttackOutcome, Attempt
    from gsmooth.certificate import Prediction
    from gsmooth.runs.context import RunContext

_BUG = "a bug in gsmooth or a false claim of the transformation: please report it"
_BLAME: Final = {
    Guarantee.HEURISTIC: "the certificate was heuristic, and what it assumed does not hold",
    Guarantee.DISTRIBUTIONAL: (
        "the certificate was distributional: its premise fails on a share of images; where it holds"
        f" on this one, {_BUG}"
    ),
}


@final
@dataclass(frozen=True)
class Violation:
    """An attack that beat the certificate of image ``index``: what to say, and the case to save.

    json, npz: the contents of its two files.
    """

    index: int
    says: str
    json: bytes
    npz: bytes

    def save_and_raise(self, folder: Path) -> NoReturn:
        """Save the case in the folder of the run; ViolationError says where."""
        place = folder / "violations"
        make_folder(place)
        stem = place / f"image-{self.index}"
        write_atomically(stem.with_suffix(".npz"), self.npz)
        write_atomically(stem.with_suffix(".json"), self.json)
        raise ViolationError(f"{self.says}. The case is in {stem}.json and .npz")


def violation_of(row: Row, attack: AttackOutcome, context: RunContext) -> Violation | None:
    """The case, if ``attack`` refutes the row's certificate; None otherwise.

    It does when PREDICT at alpha = 1e-9 gave another class than the certified one at a theta
    inside the certified region. An *online* certificate is about the originals of the image: an
    attack on the image itself does not refute it.
    """
    if row.decision.certified_label is None or row.claim.guarantee is Guarantee.ONLINE:
        return None
    for attempt in attack.attempts:
        if attempt.refutes(row.decision.certified_label) and _inside(row, attempt):
            certified = called(context.config, row.decision.certified_label)
            assert attempt.strict.label is not None
            found = called(context.config, attempt.strict.label)
            says = (
                f"image {row.index}: certified as class {certified}, but at theta ="
                f" {list(attempt.theta)} the smoothed classifier answers {found}"
                f" (PREDICT at alpha = {attempt.strict.alpha:g});"
                f" {_BLAME.get(row.claim.guarantee, _BUG)}"
            )
            return Violation(row.index, says, *_case(row, attempt, context))
    return None


@final
@dataclass(frozen=True)
class Repeated:
    """A saved violation, repeated: PREDICT at the attacked image made again, from the same votes.

    moved: largest difference between a pixel of that image and of the saved one. stands: the class
    found is neither the certified one nor an abstention.
    """

    prediction: Prediction
    moved: float
    stands: bool


def repeated(report: Path | str) -> Repeated:
    """The violation in ``violations/image-N.json`` (with the .npz beside it), once more.

    Model and transformation are loaded as the run's configuration says; the data are not needed.
    RecordError when the files cannot be read, or the run's seed is secret and not found; and what
    loading raises.
    """
    import torch

    from gsmooth.attacks import attacked_images, put_to_predict
    from gsmooth.certification import prediction
    from gsmooth.runs.context import load_classifier, smoothed_classifier
    from gsmooth.runs.seeds.choice import kept_seed
    from gsmooth.runs.task import RunTask

    path = Path(report)
    case, config, pixels = _read(path)
    seed = kept_seed(config, path.resolve().parents[1])
    image, added, saved = (torch.from_numpy(pixels[k]) for k in ("image", "added", "attacked"))
    channels, height, width = image.shape
    smoothed = smoothed_classifier(
        config, load_classifier(config), RunTask.of(config), (channels, height, width), seed
    )
    if config.engine.batch_size != "auto":  # The run may have had a fixed batch size.
        smoothed = replace(smoothed, fixed_batch=True)
    theta = torch.tensor([case.theta], dtype=torch.float64, device="cpu")
    with torch.no_grad():
        attacked = attacked_images(
            smoothed, image[None], theta, case.row.claim.region, added[None]
        )[0]
    votes = put_to_predict(smoothed, case.row.index, attacked, sum(case.counts_found), case.stream)
    answer = prediction(votes, case.alpha)
    stands = answer.label not in (None, case.row.decision.certified_label)
    return Repeated(answer, float((attacked - saved).abs().max()), stands)


@final
@dataclass(frozen=True)
class _Case:
    """What the JSON file of a violation holds, beside the configuration of its run."""

    row: Row
    theta: tuple[float, ...]
    l2: float
    label_found: int | None
    counts_found: tuple[int, ...]
    alpha: float
    stream: int


def _case(row: Row, attempt: Attempt, context: RunContext) -> tuple[bytes, bytes]:
    """The contents of the JSON and the .npz file of a case."""
    image = context.dataset.image(row.index).double()
    found = attempt.strict
    case = _Case(
        row, attempt.theta, attempt.l2, found.label, found.counts, found.alpha, attempt.stream
    )
    document: dict[str, Any] = {
        "case": encode(case),
        "config": context.config.model_dump(mode="json"),
    }
    with io.BytesIO() as buffer:
        np.savez(
            buffer,
            image=image.numpy(),
            theta=np.array(attempt.theta),
            added=attempt.added.numpy(),
            attacked=attempt.attacked.numpy(),
        )
        return json.dumps(document, indent=2).encode(), buffer.getvalue()


def _read(path: Path) -> tuple[_Case, RunConfig, dict[str, NDArray[np.float64]]]:
    try:
        document = parse(path.read_bytes(), str(path))
        if not isinstance(document, dict) or set(document) != {"case", "config"}:
            raise RecordError(f"{path} is no saved violation: expected its case and config")
        with np.load(path.with_suffix(".npz")) as saved:
            pixels = {name: saved[name] for name in ("image", "added", "attacked")}
        config = RunConfig.model_validate_json(json.dumps(document["config"]), strict=True)
    except (OSError, KeyError, ValueError) as error:
        raise RecordError(f"{path} and its .npz cannot be read: {error}") from error
    return decode(_Case, document["case"], f"{path}: case"), config, pixels


def _inside(row: Row, attempt: Attempt) -> bool:
    """Whether the attack lies in what was certified (nothing, for an abstention)."""
    region = row.certified_region
    if region is None or not (attempt.l2 < region.l2 or attempt.l2 == 0.0):
        return False
    ends = zip(region.lower, attempt.theta, region.upper, strict=True)
    return all(low <= value <= high for low, value, high in ends)

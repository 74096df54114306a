"""What covers cost in one tree: a process that measures once for every line it is sent.

    python cover_work.py CASE < lines

It stands alone, because the tree whose gsmooth it runs may not have this package. CASE: JSON, the
fields of a case of ``covers.toml``. For every line of input it prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import gsmooth
from gsmooth.certification import CertifyTask, RegionMode
from gsmooth.certification.api import certify_feasible
from gsmooth.cover import PilotEstimates, plan_cover
from gsmooth.data.item import Item
from gsmooth.models.classifier import Classifier
from gsmooth.models.zoo.networks import fused, small_cnn
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.task import RunTask
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
Line = dict[str, Any]
SIZES = (64, 128, 256, 512)


class Leaning(nn.Module):
    """A network of known accuracy: class 0 for a given share of all noisy images, else class 1.

    Which of them depends on a pixel in the middle alone, so it is a function of its input. The
    layers before it take the time of the small networks that the evidence is made with.
    """

    def __init__(self, shape: tuple[int, ...], share: float) -> None:
        super().__init__()
        widths = (24, 48, 48, 64) if shape[0] == 1 else (32, 64, 96, 128)
        self.share, self.layers = share, fused(small_cnn(widths, 10, shape[0], shape[1]))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 2)."""
        scores = self.layers(x)[:, :1] * 0.0
        middle = x[:, :1, x.shape[2] // 2, x.shape[3] // 2]
        first = ((middle.double() * 997.0) % 1.0 < self.share).to(scores.dtype)
        return torch.cat([scores + first, scores + 1.0 - first], dim=1)


def sign(size: int, seed: int, channels: int = 3) -> Tensor:
    """A disc with a rim and a bar on a smooth background: float64 (channels, size, size)."""
    chance = torch.Generator().manual_seed(seed)
    rough = torch.rand(1, channels, 6, 6, dtype=torch.float64, generator=chance)
    picture = nn.functional.interpolate(rough, (size, size), mode="bicubic")[0] * 0.5 + 0.2
    colours = torch.rand(3, channels, 1, dtype=torch.float64, generator=chance)
    down, right = torch.meshgrid(*[torch.linspace(-1.0, 1.0, size).double()] * 2, indexing="ij")
    far, aslant = down.hypot(right), float(torch.rand(1, generator=chance)) * 3.0
    bar = (down * np.cos(aslant) + right * np.sin(aslant)).abs() < 0.15
    for colour, where in zip(colours, (far < 0.8, far < 0.62, bar & (far < 0.5)), strict=True):
        picture[:, where] = colour
    return picture.clamp(0.0, 1.0)


def images(case: Line) -> list[Tensor]:
    """The images of a case."""
    if case["data"] == "signs":
        return [sign(case["side"], seed) for seed in range(case["images"])]
    digits = gsmooth.load_data("shipped:digits", "heldout")
    return [digits.image(place * 24) for place in range(case["images"])]


def subject(case: Line, shape: tuple[int, ...]) -> tuple[SmoothedClassifier, CertifyTask]:
    """What is certified, with the shipped network or one of a known share."""
    told = {name: case[name] for name in ("transformation", "smoothing", "region")}
    model = {"spec": "shipped:digits-rotation"}
    task = RunTask.of(resolved(RunConfig.model_validate({"model": model, **told})))
    if case["share"] is None:
        classifier = gsmooth.load_model(model["spec"])
    else:
        network = Leaning(shape, case["share"]).eval()
        classifier = Classifier(network, classes=2, shape=(shape[0], shape[1], shape[2]))
    smoothed = SmoothedClassifier(
        classifier, task.transformation, task.law, batch_size=case["batch"], seed=0
    )
    return smoothed, CertifyTask(smoothed, task.region, RegionMode(max_votes=case["max_votes"]))


def certified(smoothed: SmoothedClassifier, task: CertifyTask, pictures: list[Tensor]) -> Line:
    """Seconds of the votes and of all else, and of as many raw forward passes."""
    spent, counted = 0.0, SmoothedClassifier.count

    def count(self: SmoothedClassifier, requests: Any) -> Any:
        nonlocal spent
        began = process_time()
        found = counted(self, requests)
        spent += process_time() - began
        return found

    SmoothedClassifier.count = count  # type: ignore[method-assign]
    try:
        began = process_time()
        items = [Item(place, image) for place, image in enumerate(pictures)]
        found = list(certify_feasible(task, items))
        whole = process_time() - began
    finally:
        SmoothedClassifier.count = counted  # type: ignore[method-assign]
    votes = sum(outcome.votes for outcome in found)
    # Only a certificate of the whole region is one here.
    sure = sum(getattr(outcome.certificate, "fraction", 0.0) == 1.0 for outcome in found)
    return {"covers_s": whole - spent, "votes_s": spent, "votes": votes, "certified": sure}


def planned(smoothed: SmoothedClassifier, task: CertifyTask, image: Tensor, share: float) -> int:
    """The number of balls of a cover, planned as if pilots had this share of votes."""
    plan: Any = plan_cover(smoothed, image, task.region, None, task.rule.price)
    theta = plan.pilot_theta
    cast = np.full(len(theta), 16.0)
    return len(plan.plan(PilotEstimates(theta, share * cast, cast)).balls)


def forwards(classifier: Classifier, size: int, rows: int) -> float:
    """Seconds of as many raw forward passes, from at least a quarter of a second of them."""
    batch, done, began = torch.rand(size, *classifier.shape), 0, process_time()
    with torch.inference_mode():
        while (passed := process_time() - began) < 0.25 or not done:
            classifier.scores(batch)
            done += size
    return passed * rows / done


def memory(work: Callable[[], Line]) -> Line:
    """What the work found, with resident bytes at most and before it (Linux)."""
    before = _resident("VmRSS:")
    RESET.write_text("5", "ascii")
    return {**work(), "peak_bytes": _resident("VmHWM:"), "bytes_before": before}


def _resident(name: str) -> int:
    lines = STATUS.read_text("ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def measured(case: Line) -> Callable[[], Line]:
    """What is done for every line of input."""
    pictures = images(case)
    smoothed, task = subject(case, pictures[0].shape)
    smoothed.transformation.lift(pictures[0][None])  # Frames are built once for a run.
    if case["plan_only"]:

        def plan() -> Line:
            began = process_time()
            balls = [planned(smoothed, task, image, case["share"]) for image in pictures]
            return {"covers_s": process_time() - began, "balls": sum(balls) / len(balls)}

        return lambda: memory(plan)
    classifier = smoothed.classifier
    best = min(SIZES, key=lambda size: forwards(classifier, size, 1))

    def whole() -> Line:
        found = memory(lambda: certified(smoothed, task, pictures))
        return {**found, "raw_s": forwards(classifier, best, found["votes"]), "batch": best}

    return whole


def main() -> None:
    """Measure for every line of input; the first answer says whose code was run."""
    torch.set_num_threads(1)
    work = measured(json.loads(sys.argv[1]))
    print(json.dumps({"tree": str(Path(gsmooth.__file__).parents[1])}), flush=True)
    for _ in sys.stdin:
        print(json.dumps(work()), flush=True)


if __name__ == "__main__":
    main()

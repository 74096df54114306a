"""init: a commented run file for a folder of images, after a look at it."""

from __future__ import annotations

import math
import os
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch

from gsmooth.certification import RegionMode
from gsmooth.data.folder import stacked
from gsmooth.data.look import FolderLook, look_at
from gsmooth.data.preparation import Preparation
from gsmooth.errors import InputError
from gsmooth.runs.config.overrides import Override
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.init_file import Choice, run_file_lines
from gsmooth.runs.monitor.progress import Progress, RunProgress
from gsmooth.runs.records.files import make_folder, write_atomically
from gsmooth.runs.settings import RUN
from gsmooth.runs.task import RunTask
from gsmooth.runs.tune import require_free, tuning_task
from gsmooth.transforms.options import recorded_options
from gsmooth.tuning import Tuning, tuned


@final
@dataclass(frozen=True)
class InitSummary:
    """What was seen, and the run file.

    Args:
        look: What the folder holds.
        run_file: The file that was written.
        tuned: Whether lift and noise were compared; else they are left to the usual ones.
        notices: What to know, a sentence each.
    """

    look: FolderLook
    run_file: Path
    tuned: bool
    notices: tuple[str, ...]

    @property
    def next_steps(self) -> tuple[str, ...]:
        """The next three commands."""
        file = shlex.quote(str(self.run_file))
        return (
            f"gsmooth train -c {file} --out net.pt",
            "gsmooth certify -c net.toml --out runs/net",
            "gsmooth report runs/net",
        )


def run_init(
    folder: Path,
    out: Path,
    progress: Progress,
    *,
    task: Sequence[Override] = (),
    seconds: float = 30.0,
    force: bool = False,
) -> InitSummary:
    """Look at a folder of images, choose lift and noise by a few of them, and write a run file.

    Args:
        folder: One sub-folder a class, or one a split with those inside.
        out: The run file.
        progress: Told how far the comparison is.
        task: Transformation and region, as flags give them.
        seconds: For the comparison; 0: none, and the usual lift and noise.
        force: Whether ``out`` may be overwritten.

    Raises:
        ConfigurationError: ``out`` is there already, or the task cannot be used.
        InputError: The folder holds no images by class, or images that cannot be read.
    """
    require_free(out, force)
    look = look_at(folder, max(5.0, seconds))
    _require_readable(look)
    preparation = _preparation(look)
    asked = load_config(None, [Override("data.spec", os.path.abspath(folder), "FOLDER"), *task])
    resolved = tuning_task(asked, with_model=False)
    found = _tuned(look, preparation, resolved, progress, seconds) if seconds > 0.0 else None
    notices = _notices(look, preparation, found is None)
    lines = run_file_lines(look, preparation, _choice(resolved, found), notices)
    make_folder(out.parent)
    write_atomically(out, "\n".join([*lines, ""]).encode())
    load_config(out)
    return InitSummary(look, out, found is not None, notices)


def _require_readable(look: FolderLook) -> None:
    """InputError that names images which no command will read."""
    shown = RUN.init.shown
    if look.unreadable:
        few = "\n".join(look.unreadable[:shown])
        more = len(look.unreadable) - shown
        rest = f"\nand {more} more of those that were read" if more > 0 else ""
        raise InputError(
            f"{few}{rest}\nmove such files away, or save them anew; nothing is written"
        )
    if len(look.channels) > 1:
        grey = sum(count for shape, count in look.shapes.items() if shape[0] == 1)
        raise InputError(
            f"data {look.folder}: {grey} of {look.shapes.total()} images are grey and the others"
            " are RGB; save all of them as one or the other; nothing is written"
        )


def _preparation(look: FolderLook) -> Preparation:
    """One size for all images, and not a large one."""
    least, most = look.sides
    settings = RUN.init
    white = (255, 255, 255) if look.transparent else None
    if not look.mixed and most <= settings.most_side:
        return Preparation(background=white)
    side = min(least, settings.side)
    return Preparation(side, side, white)


def _tuned(
    look: FolderLook,
    preparation: Preparation,
    task: RunTask,
    progress: Progress,
    seconds: float,
) -> Tuning:
    """The comparison of as many lifts and noises as there is time for, on a few images."""
    began, paths = time.monotonic(), look.files.paths[: RUN.init.images]
    images = torch.from_numpy(stacked(paths, preparation)).double() / 255.0
    rule = task.rule if isinstance(task.rule, RegionMode) else RegionMode(task.config.certify.alpha)

    def spent() -> float:
        return time.monotonic() - began

    def step(done: int, total: int) -> None:
        progress.update(RunProgress(done, total, 0, spent(), 0, done, "", unit="lifts"))

    with progress:
        return tuned(
            task.loaded,
            images,
            task.region,
            rule,
            laws=task.config.smoothing.law,
            labels=look.files.labels[: len(paths)],
            on_step=step,
            is_late=lambda: spent() > seconds,
        )


def _choice(task: RunTask, found: Tuning | None) -> Choice:
    """What the run file says about transformation, noise and region."""
    name, region = str(task.config.transformation.name), task.region
    names = tuple(parameter.name for parameter in task.loaded.parameters)
    if found is None:
        return Choice(name, names, region)
    best = found.best
    options = {k: v for k, v in recorded_options(best.transformation).items() if v is not None}
    scales = tuple(_rounded(size) for size in best.choice.sizes)
    return Choice(name, names, region, options, best.choice.laws, scales, _rounded(best.sigma))


def _rounded(value: float) -> float:
    """Three significant digits, upwards: a size of noise that a person reads."""
    if value == 0.0:
        return 0.0
    scale = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return float(f"{math.ceil(value / scale - 1e-9) * scale:.3g}")


def _notices(look: FolderLook, preparation: Preparation, usual: bool) -> tuple[str, ...]:
    counts, said = look.counts, list(look.files.notices)
    full = [count for count in counts.values() if count]
    if max(full) >= RUN.init.unbalanced * min(full):
        small = sorted(counts, key=lambda name: counts[name])[: RUN.init.shown]
        few = ", ".join(f"{name} {counts[name]}" for name in small)
        said.append(f"classes are of very different sizes ({few}; the largest has {max(full)})")
    if text := preparation.describe():
        least, most = look.sides
        said.append(f"images have sides of {least} to {most} px: {text}")
    if look.groups is not None:
        said.append(f"{look.tracks} tracks of near copies, by the names of the files")
    if sum(full) < 50 * len(full):
        said.append(f"{sum(full)} images are few to train {len(full)} classes on")
    if usual:
        said.append("lift and noise were not compared: the usual ones for the region are taken")
    return tuple(said)

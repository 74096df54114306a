"""What a training leaves: weights, and a run file that certifies them on other images."""

from __future__ import annotations

import io
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from torch import Tensor, nn

from gsmooth.data.digests import Keys
from gsmooth.data.loading import split_names
from gsmooth.data.splits import ALL
from gsmooth.errors import ConfigurationError, ModelError, OutputError
from gsmooth.models.zoo.denoiser import learnt_part
from gsmooth.runs.config.data_section import DataSection
from gsmooth.runs.config.run_config import OutputSection, RunConfig, to_toml
from gsmooth.runs.config.run_file import HEADER_NAME
from gsmooth.runs.context import load_classifier
from gsmooth.runs.records.files import write_atomically

_RUN_FILE: Final = ".toml"
_NOT_TRAINED_ON: Final = ("heldout", "test", "val", "valid", "validation")


@final
@dataclass(frozen=True)
class TrainedFiles:
    """Where the state dict goes, and the run file of the same name beside it."""

    weights: Path

    @property
    def run_file(self) -> Path:
        """``net.toml`` for ``net.pt``."""
        return self.weights.with_suffix(_RUN_FILE)

    @property
    def images(self) -> Path:
        """``net.images.npy`` for ``net.pt``: digests of the images of the training."""
        return self.weights.with_suffix(".images.npy")

    @property
    def curve(self) -> Path:
        """``net.png`` for ``net.pt``."""
        return self.weights.with_suffix(".png")

    @property
    def resume(self) -> Path:
        """``net.resume.pt`` for ``net.pt``: the state of a training that is not finished."""
        return self.weights.with_suffix(".resume.pt")

    def require_free(self, force: bool = False) -> None:
        """Refuse, before hours of work, what could not be written after them.

        The files of an unfinished training are overwritten when it goes on.

        Args:
            force: Files that are there may be overwritten, and an unfinished training begins anew.

        Raises:
            ConfigurationError: ``weights`` is a folder, has the suffix of the run file, or one of
                the two files is there.
            OutputError: The folder cannot be written to.
        """
        out = self.weights
        if out.is_dir():
            raise ConfigurationError(
                f"--out {out}: it is a folder; name the file that the weights go to, e.g."
                f" {out / 'net.pt'}"
            )
        if out.suffix.lower() == _RUN_FILE:
            raise ConfigurationError(
                f"--out {out}: the weights go there, and the run file beside them is called"
                f" {self.run_file.name}; choose another suffix, e.g. {out.with_suffix('.pt')}"
            )
        taken = [
            path for path in (out, self.run_file, self.images, self.curve) if os.path.lexists(path)
        ]
        if force:
            self.resume.unlink(missing_ok=True)
        elif taken and not self.resume.exists():
            raise ConfigurationError(
                f"--out {out}: {' and '.join(map(str, taken))} would be overwritten; choose another"
                " name, or give --force"
            )
        folder = next(part for part in (out.parent, *out.parent.parents) if part.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(f"--out {out}: you may not write to {folder}; choose another folder")

    def write(self, module: nn.Module, config: RunConfig, seen: Keys) -> None:
        """Write weights, digests of images and run file; OutputError when that cannot be done.

        Of a network behind a denoiser the weights are those of the denoiser.
        """
        learnt = learnt_part(module).state_dict()
        state = {name: _on_host(value) for name, value in learnt.items()}
        weights, images = io.BytesIO(), io.BytesIO()
        torch.save(state, weights)
        np.save(images, seen)
        write_atomically(self.weights, weights.getvalue())
        write_atomically(self.images, images.getvalue())
        write_atomically(self.run_file, to_toml(config).encode())

    def configuration(self, config: RunConfig, trained_on: str, *, holdout: bool) -> RunConfig:
        """The run that certifies these weights: it holds from any working directory.

        config: of the training, resolved, with the split that it was on. The split becomes one
        that is held out, where the data have any; ``start``, ``every`` and ``limit`` were about
        the training images, of which trained_on is the digest. holdout: a part of the images was
        kept, and is what the run certifies.
        """
        model, data, certify = config.model, config.data, config.certify
        learnt = "denoiser" if config.train.denoiser else "weights"
        weights = {
            learnt: _absolute(self.weights),
            "trained_on": trained_on,
            "trained_images": _absolute(self.images),
        }
        if config.train.denoiser and model.weights is not None:
            weights["weights"] = _absolute(model.weights)
        usual, place = DataSection(), Path(data.spec).expanduser()
        images = {
            "spec": str(_absolute(place)) if place.exists() else data.spec,
            "split": data.split if holdout else other_split(data),
            "unseen": holdout,
            "start": usual.start,
            "every": usual.every,
            "limit": usual.limit,
        }
        if certify.calibration is not None:
            certify = certify.model_copy(update={"calibration": _absolute(certify.calibration)})
        return config.model_copy(
            update={
                "model": model.model_copy(update=weights),
                "data": data.model_copy(update=images),
                "certify": certify,
                "output": self._output(config.output),
            }
        )

    def _output(self, output: OutputSection) -> OutputSection:
        """A folder of these weights' own, unless a free one was named."""
        if "folder" in output.model_fields_set and not (output.folder / HEADER_NAME).exists():
            return output
        return OutputSection(folder=Path("runs") / self.weights.stem)


def require_reproduced(module: nn.Module, images: Tensor, config: RunConfig) -> None:
    """ModelError unless the run file's network gives the scores of the trained ``module``.

    images (N, C, H, W) float32. A network may keep what it learnt outside its state dict.
    """
    model = config.model
    # In full precision: fewer digits than that would hide a difference.
    exact = model.model_copy(update={"autocast": None, "compile": False})
    loaded = load_classifier(config.model_copy(update={"model": exact}))
    images = images.to(loaded.device)
    with torch.no_grad():
        ours, theirs = module.eval()(images.clone()), loaded.scores(images.clone())
    # Layers that a shipped network folds into one change the last digits.
    if not torch.allclose(ours.double(), theirs.double(), rtol=1e-3, atol=1e-3):
        raise ModelError(
            f"train: {model.spec} with the weights {model.weights} gives other scores than the"
            " trained network; keep all that it learns in parameters and buffers, so that it is in"
            " its state dict"
        )


@final
@dataclass(frozen=True)
class NextStep:
    """The command that certifies the trained weights, and what to know before.

    note: empty where the command can be run as it stands.
    """

    command: tuple[str, ...]
    note: str

    def __str__(self) -> str:
        return " ".join([shlex.join(self.command), *([f"  ({self.note})"] if self.note else [])])


def next_step(config: RunConfig, run_file: Path) -> NextStep:
    """What to do with the ``run_file`` that holds ``config``."""
    command = ["gsmooth", "certify", "--config", str(run_file)]
    region = config.region
    if not (region.lower or region.l2):
        # Trained under noise alone. A ball of sigma is within reach of the usual number of votes.
        command += ["--mode", "radius", "--l2", f"{config.smoothing.sigma:g}"]
    if config.data.split is not None or config.data.unseen:
        return NextStep(tuple(command), "")
    return NextStep(
        (*command, "--data", "OTHER"),
        f"the network was trained on all that there is of {config.data.spec}: give other images as"
        " OTHER",
    )


def other_split(data: DataSection) -> str | None:
    """A split beside ``data.split``, held out where there is one; None where there is no other."""
    if data.split in (None, ALL):
        return None
    names = split_names(data.spec)
    if names is None:  # A factory that takes splits.
        names = ("train", "heldout")
    usual = [name for name in _NOT_TRAINED_ON if name in names]
    return next((name for name in (*usual, *names) if name != data.split), None)


def _on_host(value: object) -> object:
    return value.cpu() if isinstance(value, Tensor) else value


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))

"""TrainingState: all that a training continues from, in memory and in a file."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from gsmooth.errors import ConfigurationError
from gsmooth.models.head import last_linear
from gsmooth.training.plan import TrainPlan
from gsmooth.training.report import EpochReport

_FORMAT: Final = 1


@final
@dataclass
class Place:
    """How far a training is.

    Args:
        epoch: Finished epochs.
        step: Finished steps of the present epoch.
        loss: Sum of the losses of its images.
        right: Number of its images that were classified rightly.
        seconds: Seconds of training so far.
    """

    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    right: int = 0
    seconds: float = 0.0


@final
@dataclass
class TrainingState:
    """The mutable state of a training.

    Args:
        module: What is learnt: the network, or the denoiser in front of it.
        averaged: The running average of its weights (EMA).
        optimizer: AdamW.
        schedule: The one-cycle schedule.
        scaler: Scaler of the loss; disabled except for float16.
        device: Where the network is.
        place: How far the training is.
        epoch_rng: State of the CPU generator at the beginning of the present epoch.
        history: Results of the finished epochs.
        best: Weights of the best estimate; None without any.
    """

    module: nn.Module
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler
    scaler: torch.amp.GradScaler
    device: torch.device
    place: Place = field(default_factory=Place)
    epoch_rng: Tensor | None = None
    history: list[EpochReport] = field(default_factory=list)
    best: dict[str, Any] | None = None

    def save(self, path: Path, identity: str) -> None:
        """Write everything to ``path``, at once: an interrupted write leaves the old file.

        Args:
            path: The file.
            identity: What the training is of; :meth:`load` compares it.
        """
        buffer = io.BytesIO()
        torch.save(self._document(identity), buffer)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_bytes(buffer.getvalue())
        os.replace(fresh, path)

    def load(self, path: Path, identity: str) -> None:
        """Continue from what :meth:`save` wrote, random generators included.

        Raises:
            ConfigurationError: The file is of another training, or cannot be read.
        """
        try:
            document = torch.load(path, map_location="cpu", weights_only=True)
            fits = document["format"] == _FORMAT and document["identity"] == identity
        except Exception as error:  # Any file may lie there.
            raise ConfigurationError(f"train: {path} cannot be read ({error}); {_ANEW}") from error
        if not fits:
            raise ConfigurationError(
                f"train: {path} is of another training (other images, network or settings); {_ANEW}"
            )
        for name, part in self._parts().items():
            part.load_state_dict(document[name])
        self.place = Place(**document["place"])
        self.epoch_rng = document["epoch_rng"]
        self.history = [EpochReport(**epoch) for epoch in document["history"]]
        self.best = document["best"]
        torch.set_rng_state(document["rng"])
        if document["device_rng"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(document["device_rng"], self.device)

    def _parts(self) -> dict[str, Any]:
        return {
            "module": self.module,
            "averaged": self.averaged,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self.scaler,
        }

    def _document(self, identity: str) -> dict[str, Any]:
        on_gpu = self.device.type == "cuda"
        return {
            "format": _FORMAT,
            "identity": identity,
            **{name: part.state_dict() for name, part in self._parts().items()},
            "place": asdict(self.place),
            "epoch_rng": self.epoch_rng,
            "rng": torch.get_rng_state(),
            "device_rng": torch.cuda.get_rng_state(self.device) if on_gpu else None,
            "history": [asdict(epoch) for epoch in self.history],
            "best": self.best,
        }


_ANEW: Final = "give --force to begin anew, or another file"


def new_state(module: nn.Module, plan: TrainPlan, steps: int) -> TrainingState:
    """The state before the first step.

    Args:
        module: What is learnt.
        plan: The hyper-parameters.
        steps: Steps of an epoch.
    """
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    groups = _parameter_groups(module, plan)
    optimizer = torch.optim.AdamW(groups, lr=plan.learning_rate, weight_decay=plan.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [float(group["lr"]) for group in groups],
        total_steps=plan.epochs * steps,
        pct_start=plan.warm_up,
    )
    averaged = AveragedModel(module, avg_fn=_warmed_average(plan.average), use_buffers=True)
    scaler = torch.amp.GradScaler(device.type, enabled=plan.amp == "float16")
    return TrainingState(module, averaged, optimizer, schedule, scaler, device)


def _parameter_groups(module: nn.Module, plan: TrainPlan) -> list[dict[str, Any]]:
    """All parameters with the one rate; or those of the head with it, and the others with less."""
    if plan.body_rate == 1.0:
        return [{"params": list(module.parameters()), "lr": plan.learning_rate}]
    _, head = last_linear(module)
    own = {id(parameter) for parameter in head.parameters()}
    body = [parameter for parameter in module.parameters() if id(parameter) not in own]
    slow = plan.learning_rate * plan.body_rate
    return [
        {"params": list(head.parameters()), "lr": plan.learning_rate},
        {"params": body, "lr": slow},
    ]


def _warmed_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Return a running average whose decay grows to ``decay``: early weights count little."""

    def average(mean: Tensor, value: Tensor, steps: Tensor | int) -> Tensor:
        if not mean.is_floating_point():
            return value
        count = int(steps)
        return torch.lerp(mean, value, 1.0 - min(decay, (1.0 + count) / (10.0 + count)))

    return average

"""The class Classifier: a PyTorch module that assigns a label to each image of a batch."""

from __future__ import annotations

import copy
import itertools
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Literal, TypeGuard, final

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from gsmooth.boundaries.user_code import one_line, users_code
from gsmooth.data.image_key import image_name
from gsmooth.errors import ConfigurationError, InputError, ModelError
from gsmooth.models.call import model_call, plain_precision
from gsmooth.text.notebook import facts_html

Autocast = Literal["bfloat16", "float16"]
_TYPES: Final[dict[str, torch.dtype]] = {"bfloat16": torch.bfloat16, "float16": torch.float16}
_COMPILER: Final = ("torch._dynamo", "torch._inductor", "torch._functorch", "triton")
_COMPRESSED: Final = (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)


IN_MEMORY: Final = "in-memory:"
"""Prefix of the names of networks that were given as Python objects, not by a spec."""


@final
class Classifier:
    """A PyTorch module as a function from images to labels.

    Votes, clean predictions and gradients of attacks are all computed by :meth:`scores`, the only
    caller of ``module``.

    Args:
        module: Maps float32 (N, C, H, W) to (N, classes) scores, and holds its own normalization,
            which comes after the noise.
        classes: Number of classes, at least 2.
        shape: Shape (C, H, W) of one input; that of the images, unless the readout of a
            transformation crops or pads them.
        input_range: Least and greatest value of a pixel, (low, high).
        name: Name of the network in errors and records.
        device: Where it runs; by default where the parameters of the module are.
        autocast: Type that torch.autocast may calculate in: "bfloat16" or "float16".
        channels_last: Store weights and batches in that layout.
        compile: Compile the module by torch.compile, which needs a C++ compiler. These three change
            the last digits of scores, so they are part of the function that is certified.
        copy: Use a copy of the module, in evaluation mode and without gradients for its parameters.
            The module itself stays as it is, and training it further does not change this
            classifier. False: use the module itself, put into evaluation mode, which nothing may
            change afterwards; for modules that cannot be copied.

    Raises:
        ConfigurationError: classes, input_range or autocast cannot be used.
        ModelError: The module cannot be copied.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
        >>> Classifier(net, classes=10, shape=(1, 28, 28))
        Classifier(Sequential, classes=10, shape=(1, 28, 28))
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        classes: int,
        shape: tuple[int, int, int],
        input_range: tuple[float, float] = (0.0, 1.0),
        name: str = "model",
        device: str | torch.device | None = None,
        autocast: Autocast | None = None,
        channels_last: bool = False,
        compile: bool = False,
        copy: bool = True,
    ) -> None:
        if classes < 2:
            raise ConfigurationError(f"classes={classes}: a classifier needs at least two classes")
        if not input_range[0] < input_range[1]:
            raise ConfigurationError(f"input_range={input_range}: expected (low, high), low < high")
        if autocast is not None and autocast not in _TYPES:
            raise ConfigurationError(f"autocast={autocast!r}: expected one of {', '.join(_TYPES)}")
        self.device = _device_of(module) if device is None else torch.device(device)
        if copy:
            hint = "; give copy=False, and do not change it afterwards"
            module = _copied(module, f"{name}: cannot be copied, so that it stays as it is:", hint)
            for parameter in module.parameters():  # TorchScript has no requires_grad_ of its own.
                parameter.requires_grad_(False)
        self.module = module.eval().to(self.device)
        if channels_last:
            self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.classes = classes
        self.shape = shape
        self.input_range = input_range
        self.name = name
        self.autocast: Autocast | None = autocast
        self.channels_last = channels_last
        self.compile = compile
        # ``module`` itself is not wrapped: its state dict keeps the names of the stored weights.
        self._forward: Callable[[Tensor], object] = self.module
        if compile:
            self._forward = torch.compile(self.module)

    def __repr__(self) -> str:
        name = self.name if ":" in self.name else type(self.module).__name__
        low, high = self.input_range
        span = "" if (low, high) == (0.0, 1.0) else f", input_range=({low:g}, {high:g})"
        where = "" if self.device.type == "cpu" else f", device={str(self.device)!r}"
        return f"Classifier({name}, classes={self.classes}, shape={self.shape}{span}{where})"

    def _repr_html_(self) -> str:
        """For notebooks."""
        count = sum(parameter.numel() for parameter in self.module.parameters())
        facts = {
            "network": self.name if ":" in self.name else type(self.module).__name__,
            "parameters": f"{count:,}" if count else None,
            "classes": self.classes,
            "input (C, H, W)": self.shape,
            "range of pixels": self.input_range,
            "device": self.device,
        }
        return facts_html("Classifier", facts)

    def scores(self, batch: Tensor) -> Tensor:
        """Compute the scores of a batch; differentiable if the module is.

        Args:
            batch: Images (N, C, H, W), float32. The module may overwrite them.

        Returns:
            Scores (N, classes), in the type that the module returns.

        Raises:
            MemoryShortError: The batch does not fit into memory.
            ModelError: The module raises another error, cannot be compiled, or returns another
                shape.
        """
        if self.channels_last:
            batch = batch.contiguous(memory_format=torch.channels_last)
        shape = tuple(batch.shape)  # Read before the call: the module may resize the batch.
        with model_call(self.name, batch), self._precision():
            if self.module.training:  # Evaluation mode: results must not depend on the batch.
                self.module.eval()
            scores = self._compiled(batch) if self.compile else self._forward(batch)
        return self._expected(scores, shape)

    def _expected(self, scores: object, shape: tuple[int, ...]) -> Tensor:
        """Return ``scores`` on the classifier's device; ModelError unless they have its shape."""
        wanted = (shape[0], self.classes)
        if not isinstance(scores, Tensor) or scores.shape != wanted:
            given = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            raise ModelError(
                f"{self.name}: a batch {shape} gave {given}, expected scores {wanted}; declare the"
                " right number of classes, or wrap the model so that it returns logits only"
            )
        if scores.layout != torch.strided or scores.is_complex() or scores.is_quantized:
            raise ModelError(
                f"{self.name}: a batch {shape} gave scores of {scores.dtype} ({scores.layout});"
                " expected plain real numbers (dense, neither complex nor quantized)"
            )
        return scores.to(self.device)

    @torch.inference_mode()
    def votes(self, batch: Tensor) -> Tensor:
        """Compute the votes of a batch, without waiting for the device.

        By F3, a tie for the largest score counts as no vote, and a score that is not finite stops
        the run.

        Args:
            batch: Images (N, C, H, W), float32.

        Returns:
            Votes (N,), int64, on the device. 0..classes-1: a label. ``classes``: a tie, compared in
            the type of the scores. ``classes + 1``: a score is NaN or infinite, so that the whole
            batch must be refused.

        Raises:
            ModelError: The module fails or returns scores of another shape.
        """
        return self.judged(self.scores(batch))

    def judged(self, scores: Tensor) -> Tensor:
        """Return the votes (N,) for scores (N, classes); see :meth:`votes`."""
        best, label = scores.max(dim=1)
        tied = (scores == best[:, None]).sum(dim=1) > 1
        # Zero times NaN or infinity is NaN, which is unequal to 0; zero times a number is 0.
        broken = (scores * 0).sum(dim=1) != 0
        return label.masked_fill(tied, self.classes).masked_fill(broken, self.classes + 1)

    def labels(self, batch: Tensor) -> Tensor:
        """Predict the label of each image of a batch.

        Args:
            batch: Images (N, C, H, W), float32.

        Returns:
            Labels (N,), int64; ``classes`` marks a tie, which counts as no vote (F3).

        Raises:
            ModelError: The module fails, or its scores have another shape or are not finite.
        """
        votes = self.votes(batch)
        self.require_finite(votes)
        return votes

    def require_finite(self, votes: Tensor) -> None:
        """Raise ModelError if one of the votes (N,) marks scores that are not finite."""
        broken = votes > self.classes
        if bool(broken.any()):
            row = int(broken.nonzero()[0])
            raise self.not_finite(f"first at row {row} of a batch of {len(votes)}")

    def not_finite(self, where: str) -> ModelError:
        """Return the error for scores that are not finite; ``where``: the place in the batch."""
        return ModelError(
            f"{self.name}: NaN or infinite scores, {where}; no vote of this batch was counted."
            " Check the model's weights and that it expects inputs in"
            f" [{self.input_range[0]}, {self.input_range[1]}]"
            + (f", or leave model.autocast={self.autocast} out" if self.autocast else "")
        )

    def replica(self, device: str) -> Classifier:
        """Copy the classifier to ``device``, without shared state, for use in another thread.

        Args:
            device: Device of the copy.

        Raises:
            ModelError: The module cannot be copied.
        """
        hint = "; name one device only"
        module = _copied(self.module, f"{self.name}: cannot be copied for a second worker:", hint)
        return Classifier(
            module,
            classes=self.classes,
            shape=self.shape,
            input_range=self.input_range,
            name=self.name,
            device=device,
            autocast=self.autocast,
            channels_last=self.channels_last,
            compile=self.compile,
            copy=False,
        )

    def _precision(self) -> AbstractContextManager[object]:
        if self.autocast is None:
            return plain_precision(self.device)
        return torch.autocast(self.device.type, dtype=_TYPES[self.autocast])

    def _compiled(self, batch: Tensor) -> object:
        # One compiled program for all batch sizes from 2 on, if the compiler can: otherwise the
        # first size gets its own program, and scores depend on the sizes of earlier batches.
        torch._dynamo.maybe_mark_dynamic(batch, 0)
        try:
            return self._forward(batch)
        except Exception as error:
            if not type(error).__module__.startswith(_COMPILER):
                raise
            raise ModelError(
                f"{self.name}: torch.compile failed ({one_line(error)}); it needs a C++ compiler"
                " (on Debian: apt install g++; the variable CXX names another) and Python's"
                " headers, on a GPU triton; or leave model.compile out"
            ) from error

    def check_image(
        self, image: Tensor, index: int, shape: tuple[int, int, int] | None = None
    ) -> None:
        """Check one image.

        Args:
            image: The image.
            index: Its index, for the error.
            shape: Shape (C, H, W) of images; by default that of the input.

        Raises:
            InputError: It is not (C, H, W), not floating, not finite or outside ``input_range``.
        """
        name, expected = image_name(index), shape or self.shape
        if tuple(image.shape) != expected:
            raise InputError(
                f"{name}: shape {tuple(image.shape)}, but {self.name} takes {expected}"
            )
        if not image.is_floating_point():  # Value 1 is white in [0, 1], but nearly black in 8 bits.
            raise InputError(
                f"{name}: pixels of type {image.dtype}; expected floating-point numbers in the"
                f" declared input range [{self.input_range[0]:g}, {self.input_range[1]:g}] (8-bit"
                " images: divide by 255)"
            )
        if not bool(torch.isfinite(image).all()):
            raise InputError(f"{name}: NaN or infinite pixels; clean the data set")
        low, high = float(image.min()), float(image.max())
        if low < self.input_range[0] or high > self.input_range[1]:
            raise InputError(
                f"{name}: values in [{low:g}, {high:g}], outside the declared input range"
                f" [{self.input_range[0]:g}, {self.input_range[1]:g}]; rescale the data (8-bit"
                " images: divide by 255) or declare model.input_range"
            )


def _device_of(module: nn.Module) -> torch.device:
    """Return the device of a module's parameters and buffers; the CPU if it has none."""
    held = next(itertools.chain(module.parameters(), module.buffers()), None)
    return torch.device("cpu") if held is None else held.device


def _copied(module: nn.Module, what: str, hint: str) -> nn.Module:
    """Return a deep copy, or raise ModelError with ``what`` first and ``hint`` last."""
    held = (value for part in module.modules() for value in tree_leaves(_state(part)))
    # deepcopy takes from its memo the values that it cannot copy.
    memo: dict[int, object] = {id(t): _clone(t) for t in held if _is_compressed(t)}
    with users_code(what, ModelError, hint=hint), warnings.catch_warnings():
        # PyTorch warns about storage when it copies a quantized tensor.
        warnings.filterwarnings("ignore", message="TypedStorage is deprecated")
        return copy.deepcopy(module, memo)


def _state(module: nn.Module) -> dict[str, object]:
    """Parameters, buffers and plain attributes of one module, without those of its children."""
    return {k: value for k, value in vars(module).items() if k != "_modules"}


def _is_compressed(value: object) -> TypeGuard[Tensor]:
    """Return True for a compressed sparse tensor, which has no storage for deepcopy."""
    return isinstance(value, Tensor) and value.layout in _COMPRESSED


def _clone(tensor: Tensor) -> Tensor:
    copied = tensor.detach().clone()
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(copied, tensor.requires_grad)
    return copied

"""Loading of a model from its spec: a shipped model, factory, program file, ONNX or hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, final

import torch
from torch import Tensor, nn

from gsmooth.boundaries.factory import call_factory, import_object
from gsmooth.boundaries.user_code import first_line, users_code
from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.models.call import model_call
from gsmooth.models.cards import Card, card, shipped_models
from gsmooth.models.classifier import IN_MEMORY, Autocast, Classifier
from gsmooth.models.digest import refuse_hollow
from gsmooth.models.head import replace_head
from gsmooth.models.hubs import is_of_hub, load_of_hub
from gsmooth.models.onnx import Layout, load_onnx
from gsmooth.models.programs import PROGRAM_SUFFIXES, load_exported, load_script
from gsmooth.models.weights import load_weights
from gsmooth.models.zoo.denoiser import Denoised
from gsmooth.models.zoo.networks import fused
from gsmooth.models.zoo.specs import DENOISER, zoo_network
from gsmooth.models.zoo.specs import PREFIX as ZOO

_WEIGHTS: Final = (".safetensors", ".bin", ".ckpt", ".tar")


def load_model(
    spec: str,
    *,
    weights: str | Path | None = None,
    classes: int | None = None,
    shape: tuple[int, int, int] | None = None,
    input_range: tuple[float, float] = (0.0, 1.0),
    device: str = "cpu",
    autocast: Autocast | None = None,
    channels_last: bool = False,
    compile: bool = False,
    layout: Layout | None = None,
    output: str | None = None,
    providers: Sequence[str] | None = None,
    options: Mapping[str, object] = {},
    new_head: bool = False,
    denoiser: str | Path | None = None,
) -> Classifier:
    """The classifier that ``spec`` names: in evaluation mode, without gradients, on ``device``.

    TorchScript, torch.export and ONNX files are programs: load only those you trust. Pickled Python
    code is never run.

    Args:
        spec: One of these forms.

            - ``shipped:NAME``: a network that comes with the package.
            - ``module:factory``: a function that returns a torch module, or a module.
            - ``zoo:NAME``: a small network for any image shape and number of classes; see
              :func:`gsmooth.zoo_network`.
            - A TorchScript file (.pt), a torch.export file (.pt2) or an ONNX file (.onnx, extra
              ``onnx``).
            - ``timm:NAME``, ``torchvision:NAME[@WEIGHTS]`` or ``hf:NAME[@REVISION]`` (extras of
              these names): a network of that hub behind its own normalization, with ``weights`` or
              those that the hub downloads; ``hf:FOLDER`` is one that ``save_pretrained`` wrote.
        weights: A state dict: a file of torch.save or (extra ``safetensors``) .safetensors.
        classes: Number of classes; by default counted from one trial batch.
        shape: Shape (C, H, W) of one image, needed except for shipped models and those of hubs.
        input_range: Least and greatest value of a pixel; normalization belongs to the module.
        device: Where it runs, ``cpu`` or ``cuda:0``.
        autocast, channels_last, compile: As for :class:`Classifier`; tried out on a batch here.
        layout: Of an ONNX file that leaves it open, "nchw" or "nhwc".
        output: Of an ONNX file with several outputs, the name of the one with the scores.
        providers: Of an ONNX file, what onnxruntime computes on, such as
            ``["CUDAExecutionProvider"]``; by default the CPU.
        options: Keyword arguments of the factory, or of the network of the zoo.
        new_head: The last linear layer is a new one with ``classes`` outputs, as fine-tuning makes
            it; ``weights`` are those behind it.
        denoiser: Weights of a ``zoo:denoiser`` that stands in front of the network.

    Returns:
        The network, for :class:`SmoothedClassifier`.

    Raises:
        ModelError: It cannot be loaded, or fails on a trial batch.
        ConfigurationError: An argument does not go with the spec, or there is no such device.

    Example:
        >>> load_model("shipped:digits-l2")
        Classifier(shipped:digits-l2, classes=10, shape=(1, 28, 28))
    """
    check_device(device)
    how = _Settings(input_range, device, autocast, channels_last, compile, denoiser)
    path, suffix = None if weights is None else Path(weights), Path(spec).suffix.lower()
    if (layout or output or providers) and suffix != ".onnx":
        raise ConfigurationError(
            f"model {spec!r}: layout, output and providers are for ONNX files; leave them out"
        )
    if spec.startswith(IN_MEMORY):
        raise ModelError(
            f"model {spec!r} was given as an object in Python, and records hold no network: build"
            " it there again, and go on with gsmooth.certify(...).save(folder)"
        )
    if (shipped := card(spec)) is not None:
        return _from_card(spec, shipped, path, how)
    if spec == f"{ZOO}{DENOISER}":
        raise ModelError(
            f"model {spec!r} makes images of images, not scores; name the network behind it, and"
            " the weights of the denoiser as model.denoiser (gsmooth train --denoiser makes them)"
        )
    if spec.startswith(ZOO):
        module = zoo_network(spec, shape=_given(spec, shape), classes=classes, options=options)
        if path is not None:
            load_weights(module, path, spec)
    elif is_of_hub(spec):
        found = load_of_hub(spec, path, classes, shape)
        module, shape = found, found.inputs.shape
    elif suffix in PROGRAM_SUFFIXES:
        if path is not None:
            raise ConfigurationError(f"model {spec!r} holds its own weights; leave weights out")
        module = _from_program(Path(spec), _given(spec, shape), classes, layout, output, providers)
    else:
        module = _from_factory(spec, options)
        if new_head:
            replace_head(module, _required(spec, classes))
        if path is not None:
            load_weights(module, path, spec)
    return _classifier(module, spec, classes, _given(spec, shape), how)


def _given(spec: str, shape: tuple[int, int, int] | None) -> tuple[int, int, int]:
    if shape is None:
        raise ConfigurationError(
            f"model {spec!r}: give the shape of its input, e.g. --set model.shape=[1,28,28]"
        )
    return shape


def _required(spec: str, classes: int | None) -> int:
    if classes is None:
        raise ConfigurationError(f"model {spec!r}: new_head needs the number of classes")
    return classes


def _from_program(
    path: Path,
    shape: tuple[int, int, int],
    classes: int | None,
    layout: Layout | None,
    output: str | None,
    providers: Sequence[str] | None,
) -> nn.Module:
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        return load_onnx(
            path, shape, classes=classes, layout=layout, output=output, providers=providers
        )
    return load_exported(path) if suffix == ".pt2" else load_script(path)


@final
@dataclass(frozen=True)
class _Settings:
    """Settings of models of every kind; see :class:`Classifier`."""

    input_range: tuple[float, float]
    device: str
    autocast: Autocast | None
    channels_last: bool
    compile: bool
    denoiser: str | Path | None

    @property
    def spoken(self) -> str:
        """Return the options in use, as in a run file."""
        given = {
            "autocast": self.autocast,
            "channels_last": self.channels_last,
            "compile": self.compile,
        }
        return ", ".join(f"model.{name}={value}" for name, value in given.items() if value)


def _from_card(spec: str, shipped: Card, weights: Path | None, how: _Settings) -> Classifier:
    model = shipped.model
    module = _from_factory(model.network, model.options)
    if weights is not None:
        load_weights(module, weights, spec)
    else:
        with as_file(files("gsmooth") / "models" / "zoo" / f"{shipped.name}.pt") as path:
            load_weights(module, path, spec)
    if isinstance(module, nn.Sequential):
        module = fused(module)
    own = replace(how, input_range=model.input_range)
    return _classifier(module, spec, model.classes, model.shape, own)


def _from_factory(spec: str, options: Mapping[str, object] = {}) -> nn.Module:
    if ":" not in spec:
        if Path(spec).suffix.lower() in _WEIGHTS:
            raise ModelError(
                f"model {spec!r} is a file of weights; give the network as module:factory or"
                f" timm:NAME, and the file as its weights: --set model.weights={spec}"
            )
        known = ", ".join(sorted(PROGRAM_SUFFIXES))
        raise ModelError(
            f"model {spec!r}: expected shipped:NAME ({', '.join(shipped_models()) or 'none'}),"
            f" module:factory, zoo:NAME, timm:NAME, torchvision:NAME, hf:NAME, or a file ending in"
            f" {known}"
        )
    found = import_object(spec, ModelError)
    if isinstance(found, nn.Module):
        return found
    made = call_factory(spec, ModelError, options)
    if not isinstance(made, nn.Module):
        raise ModelError(f"model {spec!r} returned {type(made).__name__}, not a torch module")
    return made


def _classifier(
    module: nn.Module,
    spec: str,
    classes: int | None,
    shape: tuple[int, int, int],
    how: _Settings,
) -> Classifier:
    refuse_hollow(module, spec)
    if how.denoiser is not None:
        front = zoo_network(DENOISER, shape=shape)
        load_weights(front, Path(how.denoiser), f"zoo:{DENOISER}")
        module = Denoised(front, module)
    with users_code(f"model {spec!r}: eval() or to({how.device!r}) raised", ModelError):
        module = module.eval().to(how.device)
    for parameter in module.parameters():  # TorchScript has no requires_grad_ of its own.
        parameter.requires_grad_(False)
    found = _trial(module, spec, shape, how)
    if classes is not None and classes != found:
        raise ModelError(f"model {spec!r}: {found} outputs, but classes={classes} was given")
    classifier = Classifier(
        module,
        classes=found,
        shape=shape,
        input_range=how.input_range,
        name=spec,
        device=how.device,
        autocast=how.autocast,
        channels_last=how.channels_last,
        compile=how.compile,
        copy=False,
    )
    if how.spoken:
        _try_out(classifier, how)
    return classifier


def _try_out(classifier: Classifier, how: _Settings) -> None:
    """Raise ModelError if the model fails with its options on a small batch."""
    try:
        classifier.votes(_grey(2, classifier.shape, how))
    except ModelError as error:  # For example: no operator for this type, device or layout.
        raise ModelError(
            f"model {classifier.name!r} with {how.spoken} on device {how.device}: {error}; it runs"
            " without"
        ) from error


def _grey(images: int, shape: tuple[int, int, int], how: _Settings) -> Tensor:
    return torch.full(
        (images, *shape), sum(how.input_range) / 2, device=how.device, dtype=torch.float32
    )


def _trial(
    module: nn.Module,
    spec: str,
    shape: tuple[int, int, int],
    how: _Settings,
) -> int:
    """Count the classes, by scores of grey batches of two and three images."""
    for images in (2, 3):
        batch = _grey(images, shape, how)
        hint = "; does the file fix the batch size?" if images == 3 else ""
        with torch.no_grad(), model_call(f"model {spec!r}", batch, hint):
            scores = module(batch)
        found = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        if not isinstance(scores, Tensor) or scores.ndim != 2 or scores.shape[0] != images:
            raise ModelError(
                f"model {spec!r} returns {found} for {images} images; expected scores of shape"
                f" ({images}, classes)"
            )
    return int(scores.shape[1])


def check_device(device: str) -> None:
    """ConfigurationError unless tensors can be put on ``device``."""
    try:
        torch.empty(0, device=device, dtype=torch.float32)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = first_line(error).partition("Expected one of")[0].strip()  # Without the rest.
        raise ConfigurationError(
            f"device {device!r} cannot be used here{': ' * bool(reason)}{reason}; expected cpu, or"
            " cuda:0 where torch.cuda.is_available() is true"
        ) from error

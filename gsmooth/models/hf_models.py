"""Loading of image classifiers of Hugging Face together with their normalization (extra ``hf``)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, final

import torch
from torch import Tensor, nn

from gsmooth.boundaries.user_code import one_line
from gsmooth.errors import ModelError
from gsmooth.models.hub_network import ATOL, HubInputs, HubNetwork, Normalize
from gsmooth.models.weights import load_weights

PREFIX: Final = "hf:"
_WHITE: Final = 255
_LOST: Final = ("missing_keys", "mismatched_keys")


def load_hf(
    name: str, weights: Path | None, classes: int | None, shape: tuple[int, int, int] | None
) -> HubNetwork:
    """Load an image classifier of transformers, preceded by its normalization.

    No code of a repository and no pickled weights are run: weights are read from safetensors.

    Args:
        name: A folder that ``save_pretrained`` wrote (network and image processor), which is read
            without a network connection; or the name of a repository, with ``@REVISION`` behind it
            for one state of it.
        weights: State dict of the network without normalization; None: that of the repository.
        classes: Number of classes of a network with ``weights``; None: that of its configuration.
        shape: Input shape (C, H, W); None: that of the image processor.

    Returns:
        The network, for images in [0, 1].

    Raises:
        ModelError: transformers is not installed, the repository cannot be read, some of its
            weights are missing, or its processor does more than resize, crop and normalize.
    """
    place = _place(name)
    transformers = _transformers(name)
    with warnings.catch_warnings(), _without_bars(transformers):
        warnings.simplefilter("ignore")
        try:
            processor = transformers.AutoImageProcessor.from_pretrained(**place)
            if weights is None:
                network = _pretrained(transformers, name, place)
            else:
                network = _random(transformers, place, classes)
        except ModelError:
            raise
        except Exception as error:  # Unknown name, no connection, damaged files, pickled weights.
            raise ModelError(f"model hf:{name}: {_explained(error)}") from error
    if weights is not None:
        load_weights(network, weights, f"hf:{name}")
    inputs = _inputs(f"hf:{name}", processor, network.config, shape)
    _require_same(f"hf:{name}", processor, inputs)
    return HubNetwork(_Logits(network), inputs)


def _place(name: str) -> dict[str, Any]:
    """Return the arguments of ``from_pretrained`` that name a folder or a repository."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return {"pretrained_model_name_or_path": str(folder), "local_files_only": True}
    if name.startswith((".", "/", "~")):
        raise ModelError(
            f"model hf:{name}: there is no such folder; expected one that save_pretrained wrote, or"
            " the name of a repository, such as hf:owner/name"
        )
    repository, _, revision = name.partition("@")
    place: dict[str, Any] = {"pretrained_model_name_or_path": repository}
    return place | ({"revision": revision} if revision else {})


def _transformers(name: str) -> Any:
    try:
        import transformers
    except Exception as error:  # An incompatible torchvision raises many types of errors.
        raise ModelError(
            f"model hf:{name}: transformers cannot be imported ({one_line(error)});"
            ' run: pip install "gsmooth[hf]"'
        ) from error
    return transformers


@contextmanager
def _without_bars(transformers: Any) -> Iterator[None]:
    """Show no progress bars of transformers: a local file is read at once."""
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _random(transformers: Any, place: Mapping[str, Any], classes: int | None) -> Any:
    """Return the network with random weights; ``classes``: None for those of its configuration."""
    more = {} if classes is None else {"num_labels": classes}
    config = transformers.AutoConfig.from_pretrained(**place, **more)
    with torch.random.fork_rng(devices=[]):
        return transformers.AutoModelForImageClassification.from_config(config)


def _pretrained(transformers: Any, name: str, place: Mapping[str, Any]) -> Any:
    """Return the network with its own weights; ModelError where some of them are missing."""
    with torch.random.fork_rng(devices=[]):
        found, told = transformers.AutoModelForImageClassification.from_pretrained(
            **place, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
    if lost := sorted(str(key) for part in _LOST for key in told.get(part) or ()):
        shown = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
        raise ModelError(
            f"model hf:{name}: no weights for {shown}, which would stay random; is it a network"
            " without a trained classifier? Fine-tune it first, or name one for classification"
        )
    return found


def _explained(error: Exception) -> str:
    """Return the error in one line, with what to do about weights that are pickled."""
    said = one_line(error)
    if "safetensors" in said:
        return (
            f"{said}; pickled weights are refused, because loading them can run any code: save the"
            " network with save_pretrained (which writes safetensors), or name a file of tensors as"
            " weights: --set model.weights=FILE"
        )
    return said


@final
class _Logits(nn.Module):
    """A network of transformers whose output is the logits alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.network(pixel_values=x).logits
        return found


def _inputs(
    spec: str, processor: Any, config: Any, shape: tuple[int, int, int] | None
) -> HubInputs:
    mean, std = _normalization(spec, processor)
    channels = int(getattr(config, "num_channels", None) or max(len(mean), 1))
    resize, crop = _sizes(processor)
    height, width = _final(spec, config, resize, crop) if shape is None else shape[1:]
    named = {int(number): str(label) for number, label in dict(config.id2label or {}).items()}
    names = tuple(named[number] for number in sorted(named))
    # LABEL_0, LABEL_1, ... stand for classes that were never named.
    own = names if any(name != f"LABEL_{number}" for number, name in enumerate(names)) else ()
    return HubInputs(shape or (channels, height, width), mean, std, resize, crop, own)


def _normalization(spec: str, processor: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of pixels in [0, 1], whatever the processor scales to."""
    scale = _WHITE * float(processor.rescale_factor) if _does(processor, "rescale") else _WHITE
    scale = 1.0 if abs(scale - 1.0) < ATOL else scale
    if not _does(processor, "normalize"):
        return ((), ()) if scale == 1.0 else ((0.0,), (1.0 / scale,))
    mean, std = _listed(processor.image_mean), _listed(processor.image_std)
    if not all(value > 0.0 for value in std):
        raise ModelError(f"model {spec}: image_std={list(std)} of its processor; expected above 0")
    return tuple(value / scale for value in mean), tuple(value / scale for value in std)


def _does(processor: Any, step: str) -> bool:
    return bool(getattr(processor, f"do_{step}", False))


def _listed(value: Any) -> tuple[float, ...]:
    return tuple(map(float, value)) if isinstance(value, list | tuple) else (float(value),)


def _sizes(
    processor: Any,
) -> tuple[int | tuple[int, int] | None, int | tuple[int, int] | None]:
    """Return what the processor resizes to and what it cuts out."""
    resize = _size(getattr(processor, "size", None)) if _does(processor, "resize") else None
    crop = _size(getattr(processor, "crop_size", None)) if _does(processor, "center_crop") else None
    share = getattr(processor, "crop_pct", None)
    if crop is None and share and isinstance(resize, int):  # ConvNeXt: larger, then the centre.
        return int(resize / float(share)), resize
    return resize, crop


def _size(given: Any) -> int | tuple[int, int] | None:
    """Return one number for the shortest side, or (height, width)."""
    if given is None or isinstance(given, int):
        return given
    sides = dict(given)
    if sides.get("height") and sides.get("width"):
        return int(sides["height"]), int(sides["width"])
    shortest = sides.get("shortest_edge")
    return int(shortest) if shortest else None


def _final(
    spec: str,
    config: Any,
    resize: int | tuple[int, int] | None,
    crop: int | tuple[int, int] | None,
) -> tuple[int, int]:
    size = crop or resize or _size(getattr(config, "image_size", None))
    if size is None:
        raise ModelError(
            f"model {spec}: its image processor names no size; give the shape of its input, e.g."
            " --set model.shape=[3,224,224]"
        )
    return (size, size) if isinstance(size, int) else size


def _require_same(spec: str, processor: Any, inputs: HubInputs) -> None:
    """ModelError where the processor, applied to an image, does more than our normalization."""
    channels, height, width = inputs.shape
    count = height * width * channels
    levels = torch.arange(count, dtype=torch.int64, device="cpu") * 37 % (_WHITE + 1)
    image = levels.to(torch.uint8).reshape(height, width, channels)
    try:
        made = processor(image.numpy(), do_resize=False, do_center_crop=False, return_tensors="pt")[
            "pixel_values"
        ]
    except Exception as error:
        raise ModelError(
            f"model {spec}: its image processor fails on an image {tuple(image.shape)}:"
            f" {one_line(error)}"
        ) from error
    ours = Normalize(inputs.mean, inputs.std)(image.permute(2, 0, 1)[None] / _WHITE)
    if made.shape != ours.shape or not torch.allclose(made.float(), ours, rtol=1e-4, atol=1e-4):
        raise ModelError(
            f"model {spec}: its image processor ({type(processor).__name__}) does more than resize,"
            " crop and normalize, so that images in [0, 1] are not what it makes them; write a"
            " module:factory that does the rest"
        )

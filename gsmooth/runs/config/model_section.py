"""ModelSection: the base classifier of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gsmooth.data.fields import NamesField, ShapeField
from gsmooth.runs.config.section import NO_OPTIONS, Section


class ModelSection(Section):
    """The base classifier f. Normalization is part of it and comes after the noise."""

    spec: str = "shipped:digits-rotation"
    """`shipped:NAME`, `module:factory`, `zoo:NAME`, TorchScript `.pt`, torch.export `.pt2`,
    `.onnx`, or of a hub: `timm:NAME`, `torchvision:NAME`, `hf:NAME`, `hf:FOLDER`."""
    weights: Path | None = None
    """State dict for `module:factory`, `zoo:NAME` and networks of a hub: a file of `torch.save`, or
    `.safetensors` (pickled code is refused)."""
    classes: Annotated[int, Field(ge=2)] | None = None
    """Number of classes. Left out: it is counted."""
    class_names: NamesField = None
    """Names of the outputs in their order, or name = number for some of them; `--classes FILE`
    fills it."""
    shape: ShapeField = None
    """`[C, H, W]` of one input of the network. Left out: the shape of the images as the
    transformation reads them out, which is their own unless it crops or pads."""
    input_range: tuple[float, float] | None = None
    """Range of the pixels, [0, 1] unless declared. 8-bit images are mapped onto it (0 to 255
    becomes low to high); floating-point images outside of it are refused."""
    device: str = "cpu"
    """One device, or several of one kind (`cuda:0,cuda:1` or `cpu,cpu`) that share the batches.
    Counts agree on all devices of one kind."""
    autocast: Literal["bfloat16", "float16"] | None = None
    """The precision that `torch.autocast` may calculate in."""
    channels_last: bool = False
    """Memory layout of weights and batches; often faster for convolutions."""
    compile: bool = False
    """`torch.compile`; needs a C++ compiler, on a GPU triton."""
    layout: Literal["nchw", "nhwc"] | None = None
    """Order of the input's axes, for an ONNX file that leaves it open."""
    output: str | None = None
    """Name of the scores, for an ONNX file with several outputs."""
    providers: tuple[str, ...] | None = None
    """What onnxruntime computes an ONNX file on, e.g. `["CUDAExecutionProvider"]`. Left out: the
    CPU."""
    options: dict[str, object] = NO_OPTIONS
    """Arguments of the factory, or of the network of the zoo, such as `{width = 32}`."""
    new_head: bool = False
    """The last linear layer is a new one with `classes` outputs (fine-tuning). `model.weights` are
    those before it was replaced in `gsmooth train`, and those after it everywhere else."""
    denoiser: Path | None = None
    """Weights of a `zoo:denoiser` in front of the network. `gsmooth train --denoiser` writes
    them."""
    trained_on: str | None = None
    """Digest of the images that the network was trained on. `gsmooth train` writes it, and a run on
    the same images says so."""
    trained_images: Path | None = None
    """File with a digest of each image that the network was trained or validated on. `gsmooth
    train` writes it, and a run on one of them says so."""

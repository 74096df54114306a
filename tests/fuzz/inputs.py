"""Bad flags, run files, data, weights and networks: a refusal in one line, and its exit code."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import tomli_w
import torch
from PIL import Image

from tests.fuzz.desk import IMAGES, TMP_PROJECT, desk, gsmooth, spoilt
from tests.fuzz.trial import Found

FLAGS: Final = (
    "--model", "--data", "--transformation", "--region", "--l2", "--bits", "--sigma", "--std",
    "--alpha", "--mode", "--limit", "--device", "--guarantee", "--seed", "--config", "--out",
)  # fmt: skip
FIELDS: Final = (
    "model.classes", "model.shape", "model.input_range", "model.weights", "model.autocast",
    "data.split", "data.start", "data.every", "smoothing.grid", "smoothing.law", "smoothing.seed",
    "certify.n", "certify.n0", "certify.rule", "certify.bound", "certify.centres", "certify.order",
    "certify.calibration", "certify.attempts", "certify.futility", "predict.n", "attack.points",
    "attack.n", "attack.gradient_steps", "engine.batch_size", "engine.in_flight",
    "engine.workers", "transformation.options.clip", "region.lower", "region.upper",
)  # fmt: skip
VALUES: Final = (
    "nan", "inf", "-inf", "-1", "0", "-0.0", "1e400", "1e-320", "", " ", "é", "9" * 30, "[1,2",
    "[]", "[0,0,0]", "[1,4,4]", "[3,4,4]", "-0.0:0.2", "-0.1:0.1", "0:0", "1:-1", "a:b:c",
    "\x1b[31m", "../..", "/dev/null", "true", "none", "None", "0.25", "2", "3", "64",
    "brightness", "rotation", "gaussian+brightness", "radius", "nested", "online", "images.npz",
    "tmp_project_net:Mean", "tmp_project_net:missing", "os:getcwd", "numpy",
    "shipped:digits", "a\nb",
    "\u202e", "{}", "'x'",
)  # fmt: skip


def try_inputs(seed: int) -> str:
    """One bad input of some kind."""
    rng = Random(seed)
    with desk() as folder:
        kind = rng.choice(_KINDS)
        code = kind(rng, folder)
    return f"exit {code}"


def _flags(rng: Random, folder: Path) -> int:
    """A good command and up to three flags too many."""
    command = rng.choice(["certify", "certify", "predict", "calibrate", "train"])
    extra = []
    for _ in range(rng.randint(1, 3)):
        value = rng.choice(VALUES)
        if rng.random() < 0.5:
            extra.append(f"{rng.choice(FLAGS)}={value}")
        else:
            extra.append(f"--set={rng.choice(FIELDS)}={value}")
    if command == "train":
        extra.append("--set=train.epochs=1")
    return gsmooth(command, *TMP_PROJECT, *extra)


def _run_file(rng: Random, folder: Path) -> int:
    """A run file with a value or a byte that is wrong."""
    tables: dict[str, dict[str, object]] = {
        "model": {"spec": "tmp_project_net:build", "shape": [1, 4, 4]},
        "data": {"spec": "images.npz", "limit": 4},
        "transformation": {"name": "gaussian"},
        "smoothing": {"sigma": 0.25, "seed": 0},
        "region": {"l2": 0.3},
        "certify": {"max_votes": 512},
        "attack": {"n": 64},
        "output": {"folder": "run"},
    }
    if rng.random() < 0.6:
        table = rng.choice(list(tables))
        key = rng.choice([*tables[table], "strange"])
        odd: list[object] = ["", "x", "\x00", -1, 0, -0.0, 1.5, float("nan"), 2**70, True]
        odd += [[], [1], [[1]], {}]
        tables[table][key] = rng.choice(odd)
        (folder / "run.toml").write_text(tomli_w.dumps(tables))
    else:
        (folder / "run.toml").write_bytes(spoilt(rng, tomli_w.dumps(tables).encode()))
        try:
            tomllib.loads((folder / "run.toml").read_text("utf-8"))
        except (ValueError, UnicodeDecodeError):
            pass
        else:
            # What is still a run file may ask for the shipped model and all of its data.
            return gsmooth("certify", "--config=run.toml", "--dry-run")
    return gsmooth("certify", "--config=run.toml", "--limit=4")


def _arrays(rng: Random, folder: Path) -> int:
    """An archive with arrays of odd types, shapes and values, or with bytes that are wrong."""
    name = folder / "images.npz"
    if rng.random() < 0.5:
        name.write_bytes(spoilt(rng, name.read_bytes()))
        return gsmooth("certify", *TMP_PROJECT)
    count = rng.choice([0, 1, 2, 5])
    shape = rng.choice([(1, 4, 4), (4, 4), (4, 4, 1), (3, 4, 4), (4, 4, 3), (16,), (), (1, 4, 5)])
    x = np.asarray(np.random.default_rng(rng.getrandbits(30)).random((count, *shape)))
    x = x * rng.choice([1.0, 1.0, 255.0, 1e300, -1.0])
    if x.size and rng.random() < 0.3:
        x.flat[0] = rng.choice([np.nan, np.inf, -0.0, 1.0 + 1e-9])
    kinds = ["f8", "f4", "f2", "u1", "i8", "u8", "?", "c16", "O", "U8", ">f8", "M8[s]"]
    y: Any = np.arange(count) % 2
    huge = y.astype("u8") + 2**62
    y = rng.choice([y, y[:, None], y[:-1], y.astype("f8"), y - 1, huge, y * np.nan])
    with np.errstate(all="ignore"):
        arrays = {"x": x.astype(rng.choice(kinds[:7]) if rng.random() < 0.7 else "f8"), "y": y}
        if rng.random() < 0.2:
            arrays[rng.choice(["x", "y"])] = np.array([None, "a"], dtype=object)
    if rng.random() < 0.15:
        arrays.pop(rng.choice(["x", "y"]))
    np.savez(name, **arrays)
    return gsmooth("certify", *TMP_PROJECT)


def _pictures(rng: Random, folder: Path) -> int:
    """A folder of pictures of several modes and formats, one of which may be broken."""
    for label in rng.choice([["0", "1"], ["a"], ["a", "b", "c"], ["train", "heldout"], []]):
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(rng.choice([0, 1, 2])):
            mode = rng.choice(["L", "L", "RGB", "RGBA", "P", "1", "I;16", "LA", "CMYK", "F"])
            form = {"CMYK": "tif", "F": "tif", "1": "bmp"}.get(
                mode, rng.choice(["png", "png", "PNG"])
            )
            size = rng.choice([(4, 4), (4, 4), (5, 4), (1, 1), (4, 9)])
            name = folder / "photos" / label / f"{number}.{form}"
            Image.new(mode, size).save(name)
            if rng.random() < 0.3:
                name.write_bytes(spoilt(rng, name.read_bytes()))
    (folder / "photos").mkdir(exist_ok=True)
    return gsmooth(
        "certify", *TMP_PROJECT, "--data=photos", *_maybe(rng, "--set=model.shape=[3,4,4]")
    )


def _weights(rng: Random, folder: Path) -> int:
    """Weights with bytes, names or shapes that are wrong."""
    values = {"threshold": torch.tensor(rng.choice([0.5, float("nan"), float("inf"), -1.0]))}
    state = rng.choice(
        [values, {"state_dict": values}, {"module.threshold": values["threshold"]}, {}, [1, 2],
         {"threshold": torch.zeros(2)}, {"other": torch.zeros(1)}, torch.nn.Linear(2, 2)]
    )  # fmt: skip
    name = folder / rng.choice(["net.pt", "net.pth", "net.safetensors", "net.bin", "net.onnx"])
    torch.save(state, name)
    if rng.random() < 0.5:
        name.write_bytes(spoilt(rng, name.read_bytes()))
    return gsmooth("certify", *TMP_PROJECT, f"--set=model.weights={name.name}")


NETWORK: Final = """
import torch
from torch import nn

class Odd(nn.Module):
    def forward(self, x):
        n = len(x)
        mean = x.flatten(1).mean(dim=1)
        scores = torch.stack([torch.full_like(mean, 0.5), mean], dim=1)
        {body}

def build():
    {made}
"""
BODIES: Final = (
    "return scores", "return scores.half()", "return scores.long()", "return scores[:, :1]",
    "return scores * float('nan')", "return scores / 0", "return scores[0]", "return scores[:-1]",
    "return scores[None]", "return None", "return (scores,)", "return {'logits': scores}",
    "return scores.numpy()", "return scores.detach().tolist()", "x.sub_(0.1); return scores",
    "raise ValueError('no')", "raise SystemExit(0)", "raise BaseException(1)",
    "import os; exit(0)",
    "return scores + torch.rand(2)", "return scores - scores.mean(dim=0)", "return mean",
    "assert n == 1; return scores", "assert n > 1; return scores", "return scores.to_sparse()",
    "return scores.to(torch.complex64)", "return torch.full((n, 2), 1e30) * 1e30",
    "raise MemoryError", "raise RuntimeError('\\x1b[31mred')", "return scores.double()",
    "torch.set_default_dtype(torch.bfloat16); return scores", "return scores.requires_grad_()",
    "return torch.from_numpy(scores.detach().numpy() + 0.0)", "return scores.expand(n, 2).clone()",
)  # fmt: skip
MADE: Final = (
    "return Odd()", "return Odd().eval()", "return Odd", "return None", "return Odd().forward",
    "raise RuntimeError('no')", "raise SystemExit(0)", "import missing_module", "return 3",
    "return nn.DataParallel(Odd())", "return torch.compile(Odd())", "return Odd().half()",
)  # fmt: skip


def _networks(rng: Random, folder: Path) -> int:
    """A network that answers in some other way, or a factory that does."""
    body = rng.choice(BODIES)
    made = rng.choice(MADE) if rng.random() < 0.25 else MADE[0]
    (folder / "tmp_project_odd.py").write_text(NETWORK.format(body=body, made=made))
    print(body, made, flush=True)
    before = torch.get_default_dtype()
    command = rng.choice(["certify", "certify", "predict"])
    try:
        code = gsmooth(command, *TMP_PROJECT, "--model=tmp_project_odd:build")
    finally:
        torch.set_default_dtype(before)
    if code == 0 and command == "certify":
        rows = (folder / "run" / "records.jsonl").read_text().count("\n")
        if rows != IMAGES:
            raise Found(f"exit code 0 after {rows} of {IMAGES} images: {body}; {made}")
    return code


def _maybe(rng: Random, *flags: str) -> tuple[str, ...]:
    return flags if rng.random() < 0.5 else ()


_KINDS: Final[tuple[Callable[[Random, Path], int], ...]] = (
    _flags, _flags, _run_file, _arrays, _pictures, _weights, _networks,
)  # fmt: skip

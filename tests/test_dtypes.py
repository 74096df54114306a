"""torch's defaults are the caller's business: no type and no place of ours depends on them."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gsmooth.transforms.registry import transformations

ROOT = Path(__file__).resolve().parents[1]
# Those that make numbers; randint and randperm make integers whatever the default is.
TYPED = {
    "arange",
    "as_tensor",
    "asarray",
    "empty",
    "empty_strided",
    "eye",
    "full",
    "linspace",
    "logspace",
    "ones",
    "rand",
    "randint",
    "randn",
    "randperm",
    "range",
    "scalar_tensor",
    "tensor",
    "tril_indices",
    "triu_indices",
    "zeros",
    "fftfreq",
    "rfftfreq",
    "hann_window",
    "sparse_csr_tensor",
    "sparse_coo_tensor",
}
"""Functions of torch whose answer has the default type or the default device."""


def calls(path: Path) -> Iterator[ast.Call]:
    """Calls of torch.NAME(...), torch.fft.NAME(...) in TYPED."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value, name)) if name in TYPED:
                if ast.unparse(value).startswith("torch"):
                    yield node


def sources() -> list[Path]:
    return sorted(p for room in ("gsmooth", "plugins") for p in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("argument", ["dtype", "device"])
def test_every_tensor_is_made_with_a_type_and_a_place(argument: str) -> None:
    missing = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)}"
        for path in sources()
        for call in calls(path)
        if argument not in {keyword.arg for keyword in call.keywords}
    ]
    assert not missing, "\n".join(missing)


RUN = '''
import json, sys
import numpy as np
import torch
from torch import nn

kind, place = sys.argv[1].split()
torch.set_default_dtype(getattr(torch, kind))
if place != "cpu":
    torch.set_default_device(place)

from gsmooth.attacks import AttackPlan, attack_many
from gsmooth.certification import RegionMode
from gsmooth.data.item import Item
from gsmooth.models.classifier import Classifier
from gsmooth.cover.online import build_online_cover
from gsmooth.transforms.options import fitting_laws
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import load_transformation
from gsmooth.models import load_model
from tests.certifying import certify, predict
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import law_from_name

SHAPE = (1, 8, 8)
rows = np.random.default_rng(0)
image = torch.from_numpy(rows.random(SHAPE))
plane = torch.from_numpy(rows.normal(size=(64, 1)))
assert image.dtype == torch.float64


class Plane(nn.Module):
    """Which side of a plane; says what it was given."""

    seen = set()

    def forward(self, x):
        self.seen.add((str(x.dtype), str(x.device)))
        lead = (x.flatten(1).double() - 0.5) @ plane + 4.0
        return torch.cat([lead, -lead], dim=1)


def told(name):
    operator = load_transformation(name)
    laws = fitting_laws(operator)
    one_sided = [a for a, p in enumerate(operator.parameters) if p.name in operator.one_sided]
    scales = [0.5 * p.usual for p in operator.parameters]
    law = law_from_name(laws[0], scales, sigma=0.25, one_sided=one_sided)
    g = SmoothedClassifier(Classifier(Plane(), classes=2, shape=SHAPE), operator, law, seed=0)
    region = Region(
        tuple(0.0 if a in one_sided else -0.1 * p.usual for a, p in enumerate(operator.parameters)),
        tuple(0.1 * p.usual for p in operator.parameters),
        l2=0.01,
    )
    mode = RegionMode(n0=64, max_votes=2048)
    certificate = certify(g, image, region, mode, index=3).certificate
    found = predict(g, image, n=128, index=3)
    plan = AttackPlan(points=3, random=3, gradient_steps=2, screening_votes=4, n=64)
    attack = next(attack_many(g, [(Item(3, image), 0)], region, plan))
    return [repr(certificate), repr(found), repr(attack)]


answers = {name: told(name) for name in sys.argv[2].split(",")}
received = (image * 255.0).round() / 255.0
for name in ("rotation", "translation"):
    operator = load_transformation(name)
    law = law_from_name("gaussian", [2.0] * len(operator.parameters), sigma=0.25)
    g = SmoothedClassifier(Classifier(Plane(), classes=2, shape=SHAPE), operator, law, seed=0)
    region = Region(*(tuple(s * 0.02 for _ in operator.parameters) for s in (-1.0, 1.0)), bits=8)
    cover = build_online_cover(g, received, region, 2)
    answers[name + " online"] = [[ball.theta, ball.margin] for ball in cover.balls]
shipped = load_model("shipped:digits-rotation", device="cpu")
grey = torch.full((2, 1, 28, 28), 0.5, dtype=torch.float32, device="cpu")
answers["shipped"] = shipped.scores(grey).tolist()
answers["seen"] = sorted(Plane.seen)
print(json.dumps(answers))
'''

SPECS = (
    "blur",
    "brightness",
    "contrast",
    "cyclic-blur",
    "cyclic-translation",
    "dihedral",
    "gamma",
    "gaussian",
    "integer-translation",
    "mirror",
    "quarter-turn",
    "rotation",
    "rotation+brightness",
    "rotation-mirror",
    "scaling",
    "similarity",
    "translation",
    "volume",
)


@cache
def answers(mode: str) -> dict[str, Any]:
    """What a process of its own says: constants that are kept would hide a leak."""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, mode, ",".join(SPECS)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    told: dict[str, Any] = json.loads(found.stdout)
    return told


def test_every_first_party_transformation_is_tried() -> None:
    assert set(transformations()) <= set(SPECS)


@pytest.mark.parametrize("mode", ["bfloat16 cpu", "float64 meta"])
def test_votes_certificates_and_attacks_do_not_depend_on_torchs_defaults(mode: str) -> None:
    expected, told = answers("float32 cpu"), answers(mode)
    assert expected["seen"] == [["torch.float32", "cpu"]]
    assert any("Certified" in told[0] for told in expected.values() if told and "seen" not in told)
    for name, answer in expected.items():
        assert told[name] == answer, name

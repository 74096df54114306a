"""The strings and numbers that hashes, identities, records and entry points are made of.

Those of random streams are in ``test_frozen_streams``. All of them are written out here by value,
and nothing is compared with the constant that the code uses for it. Whoever changes one of them
changes the noise of every seed, the fingerprint of every run or the name by which a plugin is
found: stored records are then those of other runs. So this file is not adapted to the code. A
constant, a class or a module may be renamed; its value stays.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gsmooth.certificate import (
    DECISION_RULE,
    AbstainReason,
    Guarantee,
    InnerEvidence,
    Premise,
    Step,
    Verdict,
    decision_rule,
)
from gsmooth.data.image_key import image_key
from gsmooth.models import weights_digest
from gsmooth.models.classifier import Classifier
from gsmooth.runs.calibration import SCHEMA_VERSION as CALIBRATION_VERSION
from gsmooth.runs.calibration import Calibration, image_digest, options_of
from gsmooth.runs.config.identity import fingerprint, identity
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.records import schema2
from gsmooth.runs.records.recorded_noise import AxisNoise
from gsmooth.runs.records.row import SCHEMA_VERSION
from gsmooth.runs.seeds.choice import VARIABLE
from gsmooth.runs.seeds.seed_file import SECRET_NAME
from gsmooth.sampling.noise import SecretSeed, SeedCommitment
from gsmooth.theory.settings import THEORY, RunnerUpSettings
from gsmooth.transforms import hookspecs, registry
from gsmooth.transforms.region import Region
from tests.runs.samples import IDENTITY, make_centre, make_header, make_row

ROOT = Path(__file__).parents[1]
SECRET = SecretSeed(0x0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF)
IMAGE = torch.arange(12, dtype=torch.float64).reshape(1, 3, 4) / 16


# --- Seeds and images ------------------------------------------------------------------------


def test_the_hashes_of_an_image() -> None:
    assert image_key(IMAGE) == 0x1C6F92D7383EE1756BFF42245C4569B14
    assert image_digest(IMAGE) == "e6ebc7a18dbc37ab6c75eaf880186152e0454b921aa6060099254c7c6c3c0689"


def test_the_commitment_to_a_secret_seed() -> None:
    assert SECRET.text == (
        "9f229e3afcd3490182f7ad37d839a02c"
        " 00000000000000000123456789abcdef0123456789abcdef0123456789abcdef"
    )
    assert SECRET.commitment.hash == (
        "9196eb92f8c9881c5d28a64f8a676ec68389e196563f2b1bbcc8e70f15f63102"
    )
    assert SecretSeed(2**130, "ab" * 16).commitment.hash == (
        "a8532f9421f3563a61dc351b3a34da3fa2575c41f14d0e0ac0f0b3f3ab02e862"
    )
    assert SECRET.derived("trial").text.split() == [
        "7d5c5ac6d8d2db53c8f84a38fa1eeb6f",
        "963fa5bf1f32eba12cf6865424f5dbf352ee12e0953df0748ebcdf622759024c",
    ]
    assert (VARIABLE, SECRET_NAME) == ("GSMOOTH_SEED", "seed.secret")


# --- Models ----------------------------------------------------------------------------------


class Weighted(nn.Module):
    """A parameter, a buffer that is saved and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(6, dtype=torch.float32).reshape(2, 3) / 8)
        self.register_buffer("steps", torch.tensor(7))
        self.register_buffer("mean", torch.tensor([0.5]), persistent=False)


def test_the_digest_of_a_network() -> None:
    found = weights_digest(Classifier(Weighted(), classes=2, shape=(1, 1, 3), name="net"))
    assert found == "76057f2880611cf33c284da7e4be76286022b0eb6682204b90a3b2678f51a924"


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("digits-l2", "70f89886288b2673e29b8fc6e9927c428854ecf4fe0726a3a581402bd861ae54"),
        ("digits-rotation", "a3e4de8a774b8613143d43d650c2c7faad5a8550670482575d67f09d5c95fc4a"),
    ],
)
def test_the_files_of_shipped_weights(name: str, digest: str) -> None:
    """By their names, wherever they lie: a card's path to a network is in no identity."""
    (path,) = (path for path in _inside(Path(str(files("gsmooth")))) if path.name == f"{name}.pt")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    card: Mapping[str, Any] = tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))
    assert card["model"]["options"] == {"widths": [24, 48, 48, 64]}
    assert card["model"]["network"].endswith(":small_cnn")


def _inside(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.pt")


# --- Transformations -------------------------------------------------------------------------

TRANSFORMATIONS: dict[str, tuple[list[tuple[str, str, float]], dict[str, object]]] = {
    "blur": (
        [("variance", "px^2", 0.0)],
        {"kernel": "exact", "radius_px": 16, "image_px": None},
    ),
    "brightness": (
        [("brightness", "of the pixel scale", 0.0)],
        {"clip": False, "low": 0.0, "high": 1.0},
    ),
    "contrast": ([("contrast", "ln", 0.0)], {"about": 0.5, "clip": False, "low": 0.0, "high": 1.0}),
    "cyclic-blur": ([("variance", "px^2", 0.0)], {"image_px": None}),
    "cyclic-translation": ([("down", "px", 0.0), ("across", "px", 0.0)], {"image_px": None}),
    "gamma": ([("gamma", "ln", 0.0)], {}),
    "gaussian": ([], {}),
    "integer-translation": (
        [("dx", "px", 1.0), ("dy", "px", 1.0)],
        {
            "low_pass_px": 0.0,
            "pad_px": 4,
            "cutoff": 0.5,
            "image_px": None,
        },
    ),
    "rotation": (
        [("angle", "deg", 0.0)],
        {"low_pass_px": 0.7, "radius_px": None, "ring_step_px": 1.0, "space": "polar"},
    ),
    "scaling": (
        [("scale", "ln", 0.0)],
        {
            "low_pass_px": 0.5,
            "low_pass_share": 0.1,
            "radius_px": None,
            "knee_px": None,
            "pad_ln": 1.2,
            "space": "log-polar",
        },
    ),
    "similarity": (
        [("angle", "deg", 0.0), ("scale", "ln", 0.0)],
        {
            "low_pass_px": 0.5,
            "low_pass_share": 0.1,
            "radius_px": None,
            "knee_px": None,
            "pad_ln": 1.2,
            "space": "log-polar",
        },
    ),
    "translation": (
        [("dx", "px", 0.0), ("dy", "px", 0.0)],
        {
            "low_pass_px": 1.0,
            "pad_px": 6,
            "frame_px": 0,
            "cutoff": None,
            "image_px": None,
            "padding": "zeros",
            "space": "fourier",
        },
    ),
    "volume": ([("volume", "dB", 0.0)], {"clip": True, "low": -1.0, "high": 1.0}),
}


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_the_names_of_a_transformation_its_parameters_and_its_options(name: str) -> None:
    parameters, options = TRANSFORMATIONS[name]
    found = registry.load_transformation(name)
    assert found.name == name
    assert [(p.name, p.unit, p.step) for p in found.parameters] == parameters
    assert options_of(found) == options


def test_the_names_of_the_options_of_a_composition() -> None:
    found = options_of(registry.load_transformation("rotation+brightness"))
    assert set(found) == {"rotation", "brightness", "still", "image_shape"}
    assert found["still"] == []


def test_the_names_by_which_plugins_are_found() -> None:
    assert hookspecs.PROJECT == registry.GROUP == "gsmooth"
    assert [name for name in vars(hookspecs) if name.startswith("gsmooth_")] == [
        "gsmooth_transformations"
    ]
    assert (hookspecs.API_VERSION, hookspecs.STATED_VERSION) == (1, "GSMOOTH_API")
    project: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["entry-points"] == {
        "gsmooth": {
            "blur": "gsmooth_blur",
            "brightness": "gsmooth_brightness",
            "contrast": "gsmooth_contrast",
            "cyclic": "gsmooth_cyclic",
            "gamma": "gsmooth_gamma",
            "gaussian": "gsmooth_gaussian",
            "mirror": "gsmooth_mirror",
            "rotation": "gsmooth_rotation",
            "similarity": "gsmooth_similarity",
            "translation": "gsmooth_translation",
            "volume": "gsmooth_volume",
        }
    }
    assert project["project"]["scripts"] == {"gsmooth": "gsmooth.cli:main"}


# --- Identity and records --------------------------------------------------------------------

USUAL: dict[str, dict[str, object]] = {
    "model": {
        "spec": "shipped:digits-rotation",
        "weights": None,
        "classes": None,
        "class_names": None,
        "shape": None,
        "input_range": None,
        "device": "cpu",
        "autocast": None,
        "channels_last": False,
        "compile": False,
        "layout": None,
        "output": None,
        "providers": None,
        "options": {},
        "new_head": False,
        "denoiser": None,
        "trained_on": None,
        "trained_images": None,
    },
    "data": {
        "spec": "shipped:digits",
        "split": None,
        "resize": None,
        "crop": None,
        "background": None,
        "start": 0,
        "every": 1,
        "limit": None,
        "unseen": False,
        "shard": None,
    },
    "transformation": {"name": None, "options": {}},
    "smoothing": {
        "law": None,
        "sigma": None,
        "scales": None,
        "grid": None,
        "seed": None,
        "seed_file": None,
    },
    "region": {"lower": None, "upper": None, "l2": None, "bits": 0},
    "certify": {
        "mode": "region",
        "alpha": 0.001,
        "n0": 64,
        "n0_first": 16,
        "max_votes": 5000,
        "futility": 0.001,
        "order": "worst-first",
        "n": 10_000,
        "bound": "clopper-pearson",
        "within": 0.05,
        "n_outer": 200,
        "n_inner": 1000,
        "alpha_inner": None,
        "rule": "runner-up",
        "attempts": 2,
        "centres": None,
        "guarantee": "individual",
        "calibration": None,
        "online_seconds": 10.0,
    },
    "population": {"bound": "betting", "typical_p": 0.95, "max_margin": None},
    "predict": {"n": 1000, "alpha": 0.001},
    "attack": {
        "enabled": True,
        "points": 31,
        "random": 32,
        "gradient_steps": 10,
        "screening_votes": 16,
        "n": 1000,
        "alpha": 0.001,
    },
    "train": {
        "epochs": 80,
        "batch_size": 128,
        "learning_rate": 0.005,
        "weight_decay": 0.02,
        "warm_up": 0.15,
        "widen": 1.2,
        "variation": 1.0,
        "average": 0.998,
        "seed": 0,
        "photometric": 0.0,
        "label_smoothing": 0.0,
        "balance": False,
        "body_rate": 1.0,
        "amp": None,
        "method": {"name": "noise"},
        "denoiser": False,
        "validation": 0.1,
        "holdout": 0.0,
        "groups": None,
        "workers": 0,
    },
    "engine": {
        "batch_size": "auto",
        "in_flight": "auto",
        "threads": None,
        "executor": "process",
        "workers": 2,
        "gpus_per_worker": None,
        "lease": 32,
        "address": None,
    },
    "output": {"folder": "runs/certify"},
}
"""The configuration in run.json, and what every field of it usually is."""


RULE_1 = {"rule": "e-process"}


def without(section: str, *fields: str) -> dict[str, object]:
    return {name: value for name, value in USUAL[section].items() if name not in fields}


def test_the_configuration_that_run_json_holds() -> None:
    assert RunConfig().model_dump(mode="json") == USUAL


def test_the_identity_of_a_run() -> None:
    options = ("class_names", "autocast", "channels_last", "compile", "layout", "output")
    made = ("providers", "options", "new_head", "denoiser")
    read = ("resize", "crop", "background", "unseen")
    plain: dict[str, object] = {
        "model": without("model", *options, *made, "trained_on", "trained_images"),
        "data": without("data", *read, "start", "every", "limit", "shard"),
        "transformation": USUAL["transformation"],
        "smoothing": without("smoothing", "seed_file"),
        "region": USUAL["region"],
        "certify": without("certify", "within", "online_seconds"),
        "attack": USUAL["attack"],
        "decision_rule": 2,
        "sampler": "blake2b-philox-sfc64-cells16-1",
    }
    assert identity(RunConfig()) == plain
    # Runs of earlier versions cast all selection votes, and their identity names nothing else.
    earlier = without("certify", "within", "online_seconds", "n0_first")
    assert identity(RunConfig(certify={"n0_first": None})) == {**plain, "certify": earlier}
    old = {**plain, "certify": {**earlier, **RULE_1}}
    assert identity(RunConfig(certify=RULE_1)) == {**old, "decision_rule": 1}
    commitment = SeedCommitment("ab", "cd")
    assert identity(RunConfig(), {"weights": "0", "images": "1"}, 64, "other", commitment) == {
        **plain,
        "sampler": "other",
        "engine": {"batch_size": 64},
        "seed_commitment": {"salt": "ab", "hash": "cd"},
        "digests": {"weights": "0", "images": "1"},
    }


def test_the_fingerprints_of_runs() -> None:
    given = (
        RunConfig(certify=RULE_1),
        {"weights": "0", "images": "1"},
        64,
        "other",
        SeedCommitment("ab", "cd"),
    )
    assert fingerprint(*given) == (
        "fed482b04e978ac0636174f28cf19689ce29c8c26908832ac8a9e1b30ab5fd47"
    )
    header = make_header()
    assert header.identity == IDENTITY
    assert header.fingerprint == (
        "f88da9646e3a39de906ee9ec404714838cbccbdd338a638b5f7c05362cacbd2e"
    )


def test_the_digest_of_a_calibration() -> None:
    """A part of the fingerprint, and a hash of its own field names."""
    found = Calibration(
        transformation="rotation",
        options={"space": "polar"},
        shape=(1, 2, 2),
        region=Region((-1.0,), (1.0,)),
        centre="middle",
        error=0.5,
        share=0.75,
        alpha=0.25,
        rank=5,
        tolerance=0.01,
        errors=(0.5, 0.25, 0.125, 0.25, 0.375),
        digests=("a", "b", "c", "d", "e"),
        versions={"gsmooth": "0.1.0"},
    )
    assert found.digest == "5fd5c9b4855fb9ea00d8cf034023ae8db2024c99d70c339fef116048d84aa73b"
    assert json.loads(found.to_json())["schema"] == 2


def test_the_versions_of_schemas_and_rules() -> None:
    assert (SCHEMA_VERSION, schema2.VERSION, CALIBRATION_VERSION) == (3, 2, 2)
    assert (DECISION_RULE, schema2.DECISION_RULE) == (2, 1)


@pytest.mark.parametrize(
    ("settings", "version"),
    [
        ({"mode": "region", "rule": "runner-up"}, 2),
        ({"mode": "region", "rule": "e-process"}, 1),
        ({"mode": "region", "rule": "fixed"}, 1),
        ({"mode": "region"}, 1),
        ({"mode": "radius", "bound": "sequence", "rule": "runner-up"}, 2),
        ({"mode": "radius", "bound": "clopper-pearson", "rule": "runner-up"}, 1),
        ({"mode": "nested", "rule": "runner-up"}, 1),
    ],
)
def test_the_version_of_the_rule_follows_from_the_settings(
    settings: dict[str, object], version: int
) -> None:
    assert decision_rule(settings) == version


def test_votes_that_are_fixed_in_advance_have_the_identity_that_they_had() -> None:
    for mode in ("radius", "nested"):
        new, old = (RunConfig(certify={"mode": mode, **rule}) for rule in ({}, RULE_1))
        assert fingerprint(new) == fingerprint(old)


def test_the_weights_of_decision_rule_2() -> None:
    """Rows are judged by them for ever: other weights are another version."""
    assert THEORY.runner_up == RunnerUpSettings(
        prior=(1.0, 0.5, 0.5),
        variation=2.0**-20,
        near_one=0.125,
        widest=8.0,
        halvings=30,
        unanimous=0.1,
        concentrated=0.1,
        spread=0.5,
    )


def names(value: object) -> object:
    """The names in JSON, level by level; of a list, those of its first item."""
    if isinstance(value, dict):
        return {name: names(item) for name, item in value.items()}
    return [names(value[0])] if isinstance(value, list) and value else None


CENTRE = {
    "theta": [None],
    "margin": None,
    "required_p": None,
    "successes": None,
    "trials": None,
    "verdict": None,
    "profile": [{"fraction": None, "required_p": None}],
    "inner": {"margin": None, "required_p": None, "votes": None, "successes": [None]},
    "class_votes": [[None]],
    "ties": None,
}


def test_the_names_in_a_row() -> None:
    inner = InnerEvidence(0.5, 0.75, 64, (64,))
    row = make_row(
        premise=Premise(0.5, 0.9, 0.99),
        evidence=(make_centre(profile=(Step(1.0, 0.75),), inner=inner),),
    )
    found = json.loads(row.to_json())
    assert list(found)[:2] == ["schema", "index"]
    assert names(found) == {
        "schema": None,
        "index": None,
        "image_digest": None,
        "label": None,
        "clean_prediction": None,
        "prediction": None,
        "prediction_counts": [None],
        "outcome": None,
        "selected_label": None,
        "certified_label": None,
        "reason": None,
        "least_n": None,
        "region": {"lower": [None], "upper": [None], "l2": None, "bits": None},
        "fraction": None,
        "guarantee": None,
        "premise": {"error": None, "share": None, "confidence": None},
        "alpha": None,
        "attempts": None,
        "mode": None,
        "seed": None,
        "noise": {"sigma": None, "orthogonal": None, "axes": [{"law": None, "std": None}]},
        "sampler": None,
        "evidence": [CENTRE],
        "votes": None,
        "pilot_votes": None,
        "attack": {
            "theta": [None],
            "label": None,
            "counts": [None],
            "robust": None,
            "forwards": None,
            "missing_gradient": None,
        },
        "seconds": None,
        "fingerprint": None,
        "versions": {"gsmooth": None, "torch": None},
    }


def test_the_names_in_run_json() -> None:
    found = json.loads(make_header(seed_commitment=SECRET.commitment).to_json())
    config, whole = found.pop("config"), found.pop("identity")
    assert (set(config), set(whole)) == (set(USUAL), set(IDENTITY))
    assert list(found.pop("versions"))[:3] == ["gsmooth", "python", "torch"]
    assert names(found) == {
        "schema_version": None,
        "fingerprint": None,
        "parameters": [{"name": None, "unit": None, "description": None, "step": None}],
        "sampler": None,
        "decision_rule": None,
        "plan": {"indices": [[None]], "images": None, "repeats": None},
        "capabilities": {
            "exact": None,
            "orthogonal": None,
            "lipschitz_bound": None,
            "derivative_bound": None,
            "action_error": None,
            "keeps_range": None,
            "preimages": None,
            "lift_norm": None,
            "rounding_norm": None,
            "guarantee": None,
        },
        "class_names": None,
        "data_notices": None,
        "seed_commitment": {"salt": None, "hash": None},
        "machine": {"system": None, "processor": None, "cpus": None},
        "created": None,
    }


@pytest.mark.parametrize(
    ("law", "word"),
    [
        ("gaussian", "std"),
        ("uniform", "half_width"),
        ("exponential", "mean"),
        ("laplace", "b"),
        ("folded-normal", "std"),
        ("haar", "period"),
        ("grid-uniform", "steps"),
    ],
)
def test_the_laws_and_the_words_for_their_sizes(law: str, word: str) -> None:
    assert AxisNoise(law, 0.5).to_plain() == {"law": law, word: 0.5}


def test_the_words_for_what_came_out() -> None:
    assert [str(one) for one in Guarantee] == [
        "individual",
        "distributional",
        "heuristic",
        "online",
    ]
    assert [str(one) for one in Verdict] == ["accepted", "futile", "exhausted", "untested"]
    assert [str(one) for one in AbstainReason] == ["futile", "budget", "impossible", "unreachable"]

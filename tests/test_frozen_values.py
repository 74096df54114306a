"""The strings and numbers that random streams, hashes, identities and entry points are made of.

All of them are written out here by value, and nothing is compared with the constant that the code
uses for it. Whoever changes one of them changes the noise of every seed, the fingerprint of every
run or the name by which a plugin is found: stored records are then those of other runs. So this
file is not adapted to the code. A constant, a class or a module may be renamed; its value stays.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typer.testing import CliRunner

from gsmooth import hookspecs, registry
from gsmooth.attacks import AttackPlan, attack_many
from gsmooth.certificate import (
    DECISION_RULE,
    AbstainReason,
    Guarantee,
    InnerEvidence,
    Premise,
    Step,
    Verdict,
)
from gsmooth.certification import Item, certify, predict
from gsmooth.classifier import Classifier
from gsmooth.cli import app
from gsmooth.decision import PILOT_VOTES, RadiusMode, RegionMode, decide
from gsmooth.engine.readout import CUDA_NUMBERS, CUDA_ROWS, ROWS
from gsmooth.nested import NestedMode, certify_nested_many
from gsmooth.noise import (
    CHUNK,
    Coordinate,
    Draws,
    Purpose,
    SecretSeed,
    SeedCommitment,
    image_key,
    sampler_of_kind,
)
from gsmooth.noise.cells import BLOCK, CELLS, COARSEST, EXPONENTS, LARGEST
from gsmooth.noise.coordinate import FIRST_KEY
from gsmooth.region import Region
from gsmooth.run import schema2
from gsmooth.run.calibration import SCHEMA_VERSION as CALIBRATION_VERSION
from gsmooth.run.calibration import Calibration, image_digest, options_of
from gsmooth.run.config import RunConfig, fingerprint, identity
from gsmooth.run.models import weights_digest
from gsmooth.run.recorded_noise import AxisNoise
from gsmooth.run.row import SCHEMA_VERSION
from gsmooth.run.seed_file import SECRET_NAME
from gsmooth.run.seeds import VARIABLE
from gsmooth.smoothing import GRID, Ballot
from gsmooth.theory.laws import (
    ExponentialLaw,
    FoldedNormalLaw,
    GaussianLaw,
    LaplaceLaw,
    Law,
    UniformLaw,
)
from tests.decision.jury import G, ball, cover
from tests.decision.test_attempts import Surveyed, stubborn
from tests.engine_objects import Counts, half_line, on_ring, pixel, told, turned
from tests.run.samples import IDENTITY, make_centre, make_header, make_row
from tests.run.workshop import SETTINGS, furnish

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")
SECRET = SecretSeed(0x0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF)
IMAGE = torch.arange(12, dtype=torch.float64).reshape(1, 3, 4) / 16
FIRST = Coordinate(0, 0, Purpose.SELECTION, 0, 0)
SECOND = Coordinate(7, 3, Purpose.ESTIMATION, 2, 5)
THIRD = Coordinate(SECRET, image_key(IMAGE), Purpose.SECOND, 0, 1)


def hexadecimal(values: Tensor | NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


# --- Streams ---------------------------------------------------------------------------------


def test_the_sizes_that_streams_are_cut_into() -> None:
    assert (CHUNK, PILOT_VOTES, BLOCK) == (64, 8, 65536)
    assert (CELLS, COARSEST, LARGEST) == (65536, 1024.0, 4194304.0)
    assert EXPONENTS == (7.888609052210118e-31, 1.2676506002282294e30)
    assert GRID == 0.00390625
    assert FIRST_KEY == 340282366920938463463374607431768211456


def test_the_rows_of_a_block_of_the_readout() -> None:
    assert (ROWS, CUDA_ROWS, CUDA_NUMBERS) == (32, 256, 16777216)


def test_the_names_of_the_samplers() -> None:
    assert sampler_of_kind("cpu") == "blake2b-philox-sfc64-cells16-1"
    assert sampler_of_kind("cuda") == "blake2b-philox-torch-cuda-1"
    assert sampler_of_kind("xpu") == "blake2b-philox-torch-xpu-1"


def test_the_integers_of_the_streams() -> None:
    assert int(Purpose.SELECTION) == 0
    assert int(Purpose.ESTIMATION) == 1
    assert int(Purpose.PREDICTION) == 2
    assert int(Purpose.SCREENING) == 3
    assert int(Purpose.OPPONENT) == 4
    assert int(Purpose.BOUND) == 5
    assert int(Purpose.INNER) == 6
    assert int(Purpose.PILOT) == 7
    assert int(Purpose.SECOND) == 8
    assert sorted(map(int, Purpose)) == [0, 1, 2, 3, 4, 5, 6, 7, 8]


class Hashed:
    """What blake2b is given while a test runs: (person, digest size, data)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._all: list[tuple[bytes, int, bytes]] = []
        self._real = hashlib.blake2b
        monkeypatch.setattr(hashlib, "blake2b", self._noted)

    def _noted(self, data: bytes = b"", **options: Any) -> Any:
        self._all.append((options.get("person", b""), options["digest_size"], bytes(data)))
        return self._real(data, **options)

    def taken(self) -> list[tuple[bytes, int, bytes]]:
        found, self._all = self._all, []
        return found

    def streams(self) -> list[str]:
        """seed/image/purpose/centre/chunk of every stream since the last look, in order, once."""
        return list(dict.fromkeys(data.decode() for _, _, data in self.taken()))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Hashed:
    return Hashed(monkeypatch)


def test_the_persons_and_texts_that_streams_are_hashes_of(hashed: Hashed) -> None:
    SECOND.generator()
    SECOND.pixels()
    SECOND.device_seed()
    image_key(IMAGE)
    Coordinate(SECRET, 4, Purpose.BOUND, -1000, 0).generator()
    number = b"27898229935051914142968983831921934135401027036219428335"
    assert hashed.taken() == [
        (b"gsmooth-noise", 16, b"7/3/1/2/5"),
        (b"gsmooth-pixels", 24, b"7/3/1/2/5"),
        (b"gsmooth-device", 8, b"7/3/1/2/5"),
        (b"gsmooth-image", 16, b""),
        (b"gsmooth-noise", 16, str(SECRET.reveal()).encode() + b"/4/5/-1000/0"),
    ]
    assert str(SECRET.reveal()).encode() == number


def test_the_streams_of_a_region_and_of_a_radius(hashed: Hashed) -> None:
    smoothed, region = half_line(0.5 + 2.0**-9, 0.25, seed=11), Region((), (), 0.3)
    found = certify(smoothed, pixel(0.9), region, RegionMode(), index=5)
    assert hashed.streams() == ["11/5/0/0/0", "11/5/1/0/0", "11/5/1/0/1"]
    assert [(c.successes, c.trials) for c in found.certificate.evidence] == [(66, 66)]
    found = certify(smoothed, pixel(0.9), region, RadiusMode(n=128, bound="randomized"), index=5)
    assert hashed.streams() == ["11/5/0/0/0", "11/5/5/0/0", "11/5/1/0/0", "11/5/1/0/1"]
    assert [(c.successes, c.trials) for c in found.certificate.evidence] == [(126, 128)]


def test_the_streams_of_a_prediction_and_of_an_attack(hashed: Hashed) -> None:
    smoothed = half_line(0.5 + 2.0**-9, 0.25, seed=11)
    assert predict(smoothed, pixel(0.9), n=100, index=5).counts == (11, 117, 0)
    assert hashed.streams() == ["11/5/2/0/0", "11/5/2/0/1"]
    plan = AttackPlan(points=3, random=2, gradient_steps=1, screening_votes=4, n=64, alpha=0.001)
    (found,) = attack_many(smoothed, [(Item(5, pixel(0.6)), 1)], Region((), (), 0.1), plan)
    assert found.prediction.counts == (34, 30, 0)
    assert hashed.streams() == ["11/5/3/-1000/0", "11/5/3/0/0", "11/5/3/-3/0", "11/5/4/0/0"]


def circle() -> Any:
    """Class 1 beyond 20 degrees; angles are smoothed by 5 degrees."""
    return turned(lambda phase: (phase.abs() > 20.0).long(), 5.0, seed=11)


def test_the_streams_of_an_attack_by_parameters(hashed: Hashed) -> None:
    plan = AttackPlan(points=3, random=2, gradient_steps=1, screening_votes=4, n=64, alpha=0.001)
    region = Region((-15.0,), (15.0,))
    (found,) = attack_many(circle(), [(Item(5, on_ring(2.0)), 0)], region, plan)
    assert found.prediction.counts == (42, 22, 0)
    screened = [f"11/5/3/{place}/0" for place in (-1000, 0, 1, 2, 3, 4, -1, -2)]
    again = [f"11/5/3/{place}/1" for place in range(7)]
    assert hashed.streams() == [*screened, *again, "11/5/4/0/0"]


def test_the_streams_of_pilots(hashed: Hashed) -> None:
    certify(circle(), on_ring(2.0), Region((-15.0,), (15.0,)), RegionMode(), index=5)
    found = hashed.streams()
    assert found[:9] == ["11/5/0/0/0", *(f"11/5/7/{place}/0" for place in range(8))]
    assert {stream.split("/")[2] for stream in found[9:]} == {"1"}


def test_the_streams_of_a_second_cover() -> None:
    """The first cover's second centre fails; pilots and covers are made up."""
    asked: list[str] = []

    def reply(ballots: list[Ballot]) -> Counts:
        for ballot in ballots:
            at = ballot.coordinate
            asked.append(f"{at.seed}/{at.image}/{int(at.purpose)}/{at.centre}/{at.chunk}")
        return np.array([(b.rows - stubborn(b), stubborn(b), 0) for b in ballots])

    told(decide(G, 3, Surveyed(again=cover(ball(0.3))), RegionMode()), reply)
    assert asked[:3] == ["0/3/0/0/0", "0/3/7/0/0", "0/3/7/1/0"]
    assert [stream for stream in asked if stream.split("/")[2] == "8"] == ["0/3/8/0/0"]
    assert {stream[:6] for stream in asked[3:]} == {"0/3/1/", "0/3/8/"}


def test_the_streams_of_the_nested_method(hashed: Hashed) -> None:
    mode, region = NestedMode(n_outer=20, n_inner=128), Region((-0.1,), (0.1,))
    (_,) = certify_nested_many(circle(), [Item(5, on_ring(0.0))], region, mode)
    outer = [f"11/5/1/0/{draw}" for draw in range(20)]
    inner = [f"11/5/6/0/{part}" for part in range(40)]
    first, second = [*outer[:8], *inner[:16]], [*outer[8:16], *inner[16:32]]
    assert hashed.streams() == ["11/5/0/0/0", *first, *second, *outer[16:], *inner[32:]]


def test_the_streams_of_measurements_and_of_a_dry_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hashed: Hashed
) -> None:
    """Votes of no image (-1, -2), and a seed that nobody meets again: none of them is recorded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    furnish(tmp_path)
    changed = [*SETTINGS, "attack.enabled=false", "data.limit=1", "smoothing.seed=4"]
    sets = [part for setting in changed for part in ("--set", setting)]
    result = CliRunner().invoke(app, ["certify", "--dry-run", *sets])
    assert result.exit_code == 0, result.output
    found = {data.decode() for person, _, data in hashed.taken() if person or data[:1] == b"t"}
    other = 1 + int.from_bytes(hashlib.blake2b(b"trial/4", digest_size=7).digest(), "little")
    assert other == 26626532020397590
    assert {"trial/4", "0/-1/0/0/0", "0/-2/3/0/0", f"{other}/0/0/0/0"} <= found


# --- Draws -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coordinate", "device", "parameters", "pixels"),
    [
        (
            FIRST,
            9042640853361067323,
            [1931067621698437, 3599517565614222, 1408423329216778],
            [1031671627193729, 3907923909437982, 1288367326925043],
        ),
        (
            SECOND,
            16132520412975724392,
            [1166144539157188, 3814369973812176, 3640253029385252],
            [1230990117863175, 3327102484487417, 654690157559799],
        ),
        (
            THIRD,
            5322771410837533545,
            [3626491960575502, 3588401469938785, 149338148690822],
            [3034421314152199, 3194055059965984, 3812456635787111],
        ),
    ],
)
def test_the_random_numbers_of_a_coordinate(
    coordinate: Coordinate, device: int, parameters: list[int], pixels: list[int]
) -> None:
    assert coordinate.device_seed() == device
    assert coordinate.generator().integers(0, 2**52, 3).tolist() == parameters
    assert coordinate.pixels().integers(0, 2**52, 3).tolist() == pixels


@pytest.mark.parametrize(
    ("coordinate", "sigma", "grid", "digest"),
    [  # From cells, from normals that are rounded, and from normals that are not.
        (FIRST, 0.25, 2.0**-8, "e021d395542b006956755b7c4fc68f50146dc13fa357552dfaaf049dcc98212b"),
        (FIRST, 8.0, 2.0**-8, "a8e23b2d7464c408ab9b938c1b63b1ed0c066bb235e14b21434a10af08756a1b"),
        (FIRST, 0.25, 0.0, "ee5b2d7406513fdb0e7703cd408825c90d55f351b5d41ecb3e91f24d579eaafc"),
        (SECOND, 0.25, 2.0**-8, "54b9c2aa89ed8cc70718ac03183e9807b19bb3a3a8e8a9608890dadc125f96ff"),
        (SECOND, 8.0, 2.0**-8, "b65e635cf996bcc679faac2f444f0ec1c086702ba26cb483961de1e609aef3d2"),
        (SECOND, 0.25, 0.0, "ed01de76274c790a63134189617355b04a30e287d126f725ffa645fd900e2943"),
        (THIRD, 0.25, 2.0**-8, "48cbdae0e3f3e62a7c26d030b818441b10d98af957f73522625af2961eb4393d"),
        (THIRD, 8.0, 2.0**-8, "57548d1d728b10ff5b56e473a614ad51940a3f9717460254d9f07385bb015733"),
        (THIRD, 0.25, 0.0, "23d54ffabafca3ea109c7f71eb5ae8608723572732b6656f2eace0a17d83e1bd"),
    ],
)
def test_the_noise_on_pixels(
    coordinate: Coordinate, sigma: float, grid: float, digest: str
) -> None:
    mean = torch.linspace(-1.0, 1.0, 300, dtype=torch.float64)[None]
    assert hexadecimal(Draws(coordinate, CPU).around(mean, 64, sigma, grid)) == digest


def test_the_noise_on_pixels_beyond_one_block() -> None:
    mean = torch.linspace(-1.0, 1.0, 300, dtype=torch.float64)[None].expand(300, -1)
    found = hexadecimal(Draws(FIRST, CPU).around(mean + 0.0, 300, 0.25, 2.0**-8))
    assert found == "cfc525e87d2a4567281f15d4a5723940949b5bbfbd823d4db0c7b1155d342456"


@pytest.mark.parametrize(
    ("law", "theta"),
    [
        (UniformLaw(2.0, 1.0), [[-0.2848674114258025], [1.197013823110082]]),
        (
            GaussianLaw((2.0, 3.0), 1.0, True),
            [[-0.35894605527416434, 2.5168728786015633], [-0.9762378598667331, -2.53235770163666]],
        ),
        (ExponentialLaw(2.0, 1.0), [[1.1199727281829939], [3.21142428127457]]),
        (FoldedNormalLaw(2.0, 1.0), [[1.1325205735349726], [2.558855061224351]]),
        (LaplaceLaw(2.0, 1.0), [[-0.3073135836168236], [1.8251299201546791]]),
    ],
)
def test_the_noise_on_parameters(law: Law, theta: list[list[float]]) -> None:
    """Quantile functions of other versions may differ in the last digits; streams may not."""
    found = Draws(FIRST, CPU).theta(law, 2).tolist()
    assert [value for row in found for value in row] == pytest.approx(
        [value for row in theta for value in row], rel=1e-12
    )


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
        {"low_pass_px": 0.0, "pad_px": 4, "cutoff": 0.5, "image_px": None},
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
        "trained_on": None,
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
        "max_votes": 5000,
        "futility": 0.001,
        "order": "worst-first",
        "n": 10_000,
        "bound": "clopper-pearson",
        "within": 0.05,
        "n_outer": 200,
        "n_inner": 1000,
        "alpha_inner": None,
        "rule": "e-process",
        "attempts": 2,
        "centres": None,
        "guarantee": "individual",
        "calibration": None,
        "online_seconds": 10.0,
    },
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
    },
    "engine": {"batch_size": "auto", "in_flight": "auto", "threads": None},
    "output": {"folder": "runs/certify"},
}
"""The configuration in run.json, and what every field of it usually is."""


def without(section: str, *fields: str) -> dict[str, object]:
    return {name: value for name, value in USUAL[section].items() if name not in fields}


def test_the_configuration_that_run_json_holds() -> None:
    assert RunConfig().model_dump(mode="json") == USUAL


def test_the_identity_of_a_run() -> None:
    options = ("class_names", "autocast", "channels_last", "compile", "layout", "output")
    plain: dict[str, object] = {
        "model": without("model", *options, "trained_on"),
        "data": without("data", "resize", "crop", "background", "start", "every", "limit"),
        "transformation": USUAL["transformation"],
        "smoothing": without("smoothing", "seed_file"),
        "region": USUAL["region"],
        "certify": without("certify", "within", "online_seconds"),
        "attack": USUAL["attack"],
        "decision_rule": 1,
        "sampler": "blake2b-philox-sfc64-cells16-1",
    }
    assert identity(RunConfig()) == plain
    commitment = SeedCommitment("ab", "cd")
    assert identity(RunConfig(), {"weights": "0", "images": "1"}, 64, "other", commitment) == {
        **plain,
        "sampler": "other",
        "engine": {"batch_size": 64},
        "seed_commitment": {"salt": "ab", "hash": "cd"},
        "digests": {"weights": "0", "images": "1"},
    }


def test_the_fingerprints_of_runs() -> None:
    given = RunConfig(), {"weights": "0", "images": "1"}, 64, "other", SeedCommitment("ab", "cd")
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
    assert (DECISION_RULE, schema2.DECISION_RULE) == (1, 1)


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

"""The strings and numbers that random streams are made of, and some of their draws, by value.

As in ``test_frozen_values``: this file is not adapted to the code. Whoever changes a value changes
the noise of every seed, and stored records are then those of other runs.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from typer.testing import CliRunner

from gsmooth.attacks import AttackPlan, attack_many
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.certification.nested import NestedMode, certify_nested_many
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.cli import app
from gsmooth.data.image_key import FIRST_KEY, image_key
from gsmooth.data.item import Item
from gsmooth.sampling.noise import CHUNK, Draws, SampleKey, SecretSeed, Stream, sampler_of_kind
from gsmooth.sampling.noise.grid_cells import BLOCK, CELLS, COARSEST, EXPONENTS, LARGEST
from gsmooth.sampling.readout import CUDA_NUMBERS, CUDA_ROWS, ROWS
from gsmooth.sampling.smoothed_classifier import GRID, SampleRequest
from gsmooth.theory.laws import (
    ExponentialLaw,
    FoldedNormalLaw,
    GaussianLaw,
    GridUniformLaw,
    HaarLaw,
    LaplaceLaw,
    Law,
    UniformLaw,
)
from gsmooth.transforms.region import Region
from tests.certification.fake_votes import G, ball, cover
from tests.certification.test_attempts import NotedPlan, stubborn
from tests.certifying import certify, decide, predict
from tests.engine_objects import Counts, half_line, on_ring, pixel, told, turned
from tests.runs.tmp_project import SETTINGS, furnish

PILOT_VOTES = CERTIFICATION.pilot_votes

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")
SECRET = SecretSeed(0x0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF)
IMAGE = torch.arange(12, dtype=torch.float64).reshape(1, 3, 4) / 16
FIRST = SampleKey(0, 0, Stream.SELECTION, 0, 0)
SECOND = SampleKey(7, 3, Stream.ESTIMATION, 2, 5)
THIRD = SampleKey(SECRET, image_key(IMAGE), Stream.SECOND, 0, 1)


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
    assert int(Stream.SELECTION) == 0
    assert int(Stream.ESTIMATION) == 1
    assert int(Stream.PREDICTION) == 2
    assert int(Stream.SCREENING) == 3
    assert int(Stream.ADVERSARY) == 4
    assert int(Stream.BOUND) == 5
    assert int(Stream.INNER) == 6
    assert int(Stream.PILOT) == 7
    assert int(Stream.SECOND) == 8
    assert int(Stream.POPULATION) == 9
    assert int(Stream.ANSWER) == 10
    assert sorted(map(int, Stream)) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


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
    SampleKey(SECRET, 4, Stream.BOUND, -1000, 0).generator()
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

    def reply(requests: list[SampleRequest]) -> Counts:
        for request in requests:
            at = request.sample_key
            asked.append(f"{at.seed}/{at.image}/{int(at.stream)}/{at.centre}/{at.chunk}")
        return np.array([(b.rows - stubborn(b), stubborn(b), 0) for b in requests])

    told(decide(G, 3, NotedPlan(again=cover(ball(0.3))), RegionMode(rule="e-process")), reply)
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
    """Votes of no image (-1, -2), and a seed that is not reused: none of them is recorded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    furnish(tmp_path)
    public = dry_run(hashed, "smoothing.seed=4")
    assert public >= {b"trial/4", b"0/-1/0/0/0", b"0/-2/3/0/0", b"26626532020397590/0/0/0/0"}
    (tmp_path / "secret").write_text(SECRET.text)
    (tmp_path / "secret").chmod(0o600)
    derived = 67959382593353658828407556648364493359135026185023619256435672072035935781452
    assert f"{derived}/0/0/0/0".encode() in dry_run(hashed, "smoothing.seed_file=secret")


def dry_run(hashed: Hashed, seed: str) -> set[bytes]:
    """What is hashed while one image is tried under this seed."""
    plain = [setting for setting in SETTINGS if not setting.startswith("smoothing.seed")]
    changed = [*plain, "attack.enabled=false", "data.limit=1", seed]
    sets = [part for setting in changed for part in ("--set", setting)]
    hashed.taken()
    result = CliRunner().invoke(app, ["certify", "--dry-run", *sets])
    assert result.exit_code == 0, result.output
    return {data for _, _, data in hashed.taken()}


# --- Draws -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample_key", "device", "parameters", "pixels"),
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
def test_the_random_numbers_of_a_key(
    sample_key: SampleKey, device: int, parameters: list[int], pixels: list[int]
) -> None:
    assert sample_key.device_seed() == device
    assert sample_key.generator().integers(0, 2**52, 3).tolist() == parameters
    assert sample_key.pixels().integers(0, 2**52, 3).tolist() == pixels


@pytest.mark.parametrize(
    ("sample_key", "sigma", "grid", "digest"),
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
def test_the_noise_on_pixels(sample_key: SampleKey, sigma: float, grid: float, digest: str) -> None:
    mean = torch.linspace(-1.0, 1.0, 300, dtype=torch.float64)[None]
    assert hexadecimal(Draws(sample_key, CPU).around(mean, 64, sigma, grid)) == digest


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
        (GridUniformLaw((4.0,), (0,), 1.0), [[-1.0], [3.0]]),
        (
            GridUniformLaw((4.0, 3.0), (0,), 1.0),
            [[-1.0, 2.5168728786015633], [-2.0, -2.5323577016366587]],
        ),
        (HaarLaw((0,), (360.0,), 1.0), [[154.36193297167776], [287.73124407990736]]),
        (HaarLaw((0,), (4.0,), 1.0, steps=(1.0,)), [[1.0], [3.0]]),
        (
            HaarLaw((0,), (360.0, 3.0), 1.0),
            [[154.36193297167776, 2.5168728786015633], [112.58380861312928, -2.5323577016366587]],
        ),
    ],
)
def test_the_noise_on_parameters(law: Law, theta: list[list[float]]) -> None:
    """Quantile functions of other versions may differ in the last digits; streams may not."""
    found = Draws(FIRST, CPU).theta(law, 2).tolist()
    assert [value for row in found for value in row] == pytest.approx(
        [value for row in theta for value in row], rel=1e-12
    )

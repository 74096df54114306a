"""Seeds: secret unless a number is given, never printed, and another stream for every image."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gsmooth import SecretSeed
from gsmooth.certificate import Certified
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.certification.nested import NestedMode
from gsmooth.data.image_key import image_key
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.runs.records.codec import encode
from gsmooth.sampling.noise import SampleKey, SeedCommitment, Stream, public_seed
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from tests.certifying import certify, predict
from tests.engine_objects import (
    HalfLine,
    Labels,
    certify_nested,
    classifier,
    half_line,
    most_by_chance,
    on_ring,
    pixel,
    turned,
)

SECRET = SecretSeed(0x0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF, "ab" * 16)


def unseeded() -> SmoothedClassifier:
    return SmoothedClassifier(classifier(HalfLine(0.0)), Gaussian(), GaussianLaw((), 1.0))


def texts(seed: SecretSeed) -> tuple[str, ...]:
    """Ways to write the secret down."""
    return f"{seed.reveal()}", f"{seed.reveal():x}", f"{seed.reveal():X}", f"{seed.reveal():o}"


def test_two_classifiers_without_a_seed_differ_and_a_copy_keeps_its_seed() -> None:
    one, other = unseeded(), unseeded()
    assert one.seed != other.seed
    assert predict(one, pixel()).counts != predict(other, pixel()).counts
    same = dataclasses.replace(one, batch_size=64)
    assert same.seed == one.seed
    assert predict(same, pixel()).counts == predict(one, pixel()).counts


@pytest.mark.parametrize("seed", [0.5, "7", (1,)])
def test_a_seed_that_is_no_integer_is_refused(seed: object) -> None:
    with pytest.raises(ConfigurationError, match="leave it out for a secret one"):
        dataclasses.replace(unseeded(), seed=seed)  # type: ignore[arg-type]


def test_integer_seeds_and_indices_give_the_streams_that_they_always_gave() -> None:
    place = SampleKey(7, 3, Stream.ESTIMATION, 2, 11)
    assert place.device_seed() == 14667178520247338980
    assert place.generator().integers(2**62) == 2761041489063565667
    assert place.pixels().integers(2**62) == 3980669964287197795


def test_a_secret_that_is_made_public_gives_the_same_votes_as_a_number() -> None:
    secret = half_line(0.0, 0.5, seed=SECRET)
    assert predict(secret, pixel(0.1)) == predict(
        half_line(0.0, 0.5, seed=SECRET.reveal()), pixel(0.1)
    )


Answers = Callable[[SmoothedClassifier, Tensor], object]

# What is said of an image without an index, by everything that takes one.
ANSWERS: dict[str, tuple[SmoothedClassifier, Answers]] = {
    "predict": (half_line(0.0, 0.5, seed=0), lambda g, x: predict(g, x).counts),
    "certify": (
        half_line(0.0, 0.5, seed=0),
        lambda g, x: certify(g, x, Region(l2=0.01), RadiusMode(n=1024)).certificate.evidence[0],
    ),
    "nested": (
        turned(lambda phase: phase > 0.0, 9.0),
        lambda g, x: (
            certify_nested(
                g, x, Region((-0.1,), (0.1,)), NestedMode(0.1, n_outer=60, n_inner=256)
            ).prediction
        ),
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_images_of_a_loop_without_index_have_noise_of_their_own(name: str) -> None:
    """In 0.1.0 every image of such a loop had the index 0, and so the same noise."""
    g, answer = ANSWERS[name]
    images = [on_ring(1e-9 * k) if name == "nested" else pixel(1e-9 * k) for k in range(4)]
    assert len({repr(answer(g, image)) for image in images}) > 1
    again = [image.clone() for image in images]
    assert [answer(g, image) for image in images] == [answer(g, image) for image in again]


def test_the_draw_of_the_randomized_bound_is_another_one_for_another_image() -> None:
    g, mode = half_line(-1e5, 0.5, seed=0), RadiusMode(n=1024, bound="randomized")
    # Unanimous votes: what differs is the draw alone.
    found = [certify(g, pixel(0.1 * k), Region(l2=2.0), mode).certificate for k in range(6)]
    fractions = [outcome.fraction for outcome in found if isinstance(outcome, Certified)]
    assert len(set(fractions)) == 6
    secret = dataclasses.replace(g, seed=SECRET)
    other = certify(secret, pixel(0.0), Region(l2=2.0), mode).certificate
    assert isinstance(other, Certified)
    assert other.fraction not in fractions


def test_the_key_of_an_image_is_of_its_pixels_and_its_shape_and_no_index() -> None:
    image = torch.rand((1, 2, 6), generator=torch.Generator().manual_seed(0))
    moved = torch.nextafter(image, torch.ones(()))
    keys = [image_key(x) for x in (image, moved, image.reshape(2, 1, 6), image.reshape(1, 3, 4))]
    assert len(set(keys)) == 4
    assert all(2**128 <= key < 2**129 for key in keys)
    assert image_key(image.double()) == keys[0]
    assert image_key(torch.zeros(1, 2, 2)) == image_key(-torch.zeros(1, 2, 2))
    assert image_key(image.transpose(1, 2).contiguous().transpose(1, 2)) == keys[0]


def test_an_explicit_index_names_the_votes_as_before() -> None:
    g = half_line(0.0, 0.5, seed=0)
    by_index = [predict(g, pixel(1e-9 * k), index=4).counts for k in range(3)]
    assert len(set(by_index)) == 1
    assert certify(g, pixel(), Region(l2=0.1), index=4).index == 4
    assert certify(g, pixel(), Region(l2=0.1)).index == image_key(pixel())


def test_an_error_about_an_image_without_index_does_not_name_its_key() -> None:
    with pytest.raises(InputError, match=r"^the image: NaN"):
        predict(half_line(0.0, 0.5), pixel(float("nan")))


def test_a_secret_seed_shows_in_no_text_of_what_holds_it() -> None:
    g = half_line(0.0, 0.5, seed=SECRET)
    place = SampleKey(SECRET, 0, Stream.PILOT, 0, 0)
    seen = [repr(g), str(SECRET), f"{SECRET}", f"{SECRET!r:>20}", repr(place), repr([SECRET])]
    seen += [str(dataclasses.asdict(place)), str(SECRET.commitment), str(hash(SECRET))]
    for hidden in texts(SECRET):
        assert not any(hidden in text for text in seen)
    assert not hasattr(SECRET, "__dict__")
    with pytest.raises(TypeError):
        json.dumps(SECRET)
    with pytest.raises(ValueError, match="SecretSeed cannot be recorded"):
        encode({"seed": SECRET})
    assert pickle.loads(pickle.dumps(SECRET)) == SECRET  # For a worker process.


def test_secrets_are_drawn_with_256_bits_and_public_seeds_stay_exact_in_any_json() -> None:
    drawn = [SecretSeed.drawn() for _ in range(64)]
    assert len(set(drawn)) == 64
    assert max(seed.reveal().bit_length() for seed in drawn) == 256
    assert all(public_seed() < 2**53 for _ in range(64))


@pytest.mark.parametrize("number", [0, 42, 2**64, -(2**200)])
def test_a_number_that_can_be_guessed_is_no_secret_and_is_not_repeated_in_the_error(
    number: int,
) -> None:
    with pytest.raises(ConfigurationError, match="small enough to be guessed") as error:
        SecretSeed(number)
    assert str(number) not in str(error.value).replace("256", "").replace("128", "")


def test_a_secret_is_read_as_it_was_written_and_from_a_number_alone() -> None:
    drawn = SecretSeed.drawn()
    again = SecretSeed.parsed(drawn.text + "\n", "seed.secret")
    assert again == drawn
    assert again.commitment == drawn.commitment
    alone = SecretSeed.parsed(f"{drawn.reveal():064X}", "seed.secret")
    assert alone == drawn
    assert alone.commitment == SecretSeed(drawn.reveal()).commitment


@pytest.mark.parametrize("text", ["", "7", "f" * 31, "g" * 64, "ab " * 3, f"{'a' * 31} {'b' * 64}"])
def test_what_is_no_secret_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^seed\.secret holds no secret seed") as error:
        SecretSeed.parsed(text, "seed.secret")
    assert len(text) < 31 or text not in str(error.value)


def test_a_commitment_binds_to_one_number_and_anyone_can_check_it_with_sha256() -> None:
    import hashlib

    found = SECRET.commitment
    text = f"gsmooth-seed/{found.salt}/{SECRET.reveal():x}"
    assert found.hash == hashlib.sha256(text.encode()).hexdigest()
    assert found.binds(SECRET)
    assert found.binds(SecretSeed(SECRET.reveal()))  # Whatever salt came with it.
    assert not found.binds(SecretSeed(SECRET.reveal() + 1))
    assert not SeedCommitment("cd" * 16, found.hash).binds(SECRET)


def test_seeds_that_follow_from_a_secret_are_secret_and_others() -> None:
    one, other = SECRET.derived("trial"), SECRET.derived("rehearsal")
    assert len({SECRET, one, other}) == 3
    assert one == SECRET.derived("trial")


PLACES = 64
"""Directions that an attacker can choose from."""


def chosen_pixel() -> Labels:
    """Class 1 where the pixel that a marker above it points at is positive."""

    def label(x: Tensor) -> Tensor:
        marker, pixels = x[:, 0, 0], x[:, 0, 1]
        return pixels.gather(1, marker.argmax(dim=1, keepdim=True))[:, 0] > 0.0

    return Labels(label)


def pointing_at(place: int) -> Tensor:
    """An image (1, 2, PLACES) on the decision boundary: both classes have half of the votes."""
    image = torch.zeros((1, 2, PLACES), dtype=torch.float64)
    image[0, 0, place] = 100.0
    return image


def test_an_input_made_for_known_draws_is_certified_falsely_and_not_under_a_secret_seed() -> None:
    """S2: alpha speaks of votes that are drawn independently of the input.

    No class has more than half of the votes at any of these inputs, so every certificate is false.
    Seed 0 and index 0 are what 0.1.0 took where none was given.
    """
    alpha, region = 0.1, Region(l2=0.05)
    rule = RegionMode(alpha=alpha, max_votes=640)
    known = SmoothedClassifier(
        classifier(chosen_pixel(), (1, 2, PLACES)), Gaussian(), GaussianLaw((), 1.0), seed=0
    )

    def certified(g: SmoothedClassifier, image: Tensor, index: int | None = None) -> bool:
        return isinstance(certify(g, image, region, rule, index=index).certificate, Certified)

    overfitted = [k for k in range(PLACES) if certified(known, pointing_at(k), index=0)]
    assert overfitted, "the attacker finds an input that is certified falsely, every time"
    image = pointing_at(overfitted[0])
    runs = 200
    secret = [dataclasses.replace(known, seed=SECRET.derived(f"{k}")) for k in range(runs)]
    false = sum(certified(g, image) for g in secret)
    assert false <= most_by_chance(alpha, runs)
    assert np.mean([certified(known, image, index=0) for _ in range(3)]) == 1.0

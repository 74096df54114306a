"""The shipped networks do what README and cards say of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gsmooth
from gsmooth.certification import Mode, RegionMode
from gsmooth.data.item import Item
from gsmooth.models.cards import Card, card
from gsmooth.theory.laws import GaussianLaw
from tests.certifying import certify_many

ROOT = Path(__file__).parents[2]


def shipped(name: str) -> Card:
    found = card(f"shipped:{name}")
    assert found is not None
    return found


def summary(name: str) -> dict[str, dict[str, int]]:
    document = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text("utf-8"))
    found: dict[str, dict[str, int]] = document["summary"]
    return found


def rightly_certified(name: str, region: gsmooth.Region, mode: Mode, images: int) -> int:
    """Digits certified with their true label on the whole region, as the card's noise has it."""
    noise = shipped(name).smoothing
    smoothed = gsmooth.SmoothedClassifier(
        gsmooth.load_model(f"shipped:{name}"),
        gsmooth.load_transformation(noise.transformation, noise.options),
        GaussianLaw(noise.scales, noise.sigma),
        seed=0,
    )
    digits = gsmooth.load_data("shipped:digits")
    items = [Item(index, digits.image(index)) for index in range(images)]
    return sum(
        isinstance(outcome.certificate, gsmooth.Certified)
        and outcome.certificate.guarantee is gsmooth.Guarantee.INDIVIDUAL
        and outcome.certificate.label == digits.label(outcome.index)
        for outcome in certify_many(smoothed, items, region, mode)
    )


@pytest.mark.slow
def test_most_held_out_digits_are_certified_against_every_rotation() -> None:
    """At the recorded 95% fewer than 15 of 20 would have a probability below .001."""
    region = gsmooth.Region((-30.0,), (30.0,))
    assert rightly_certified("digits-rotation", region, RegionMode(), 20) >= 15


def test_most_held_out_digits_are_certified_against_small_perturbations() -> None:
    region = gsmooth.Region(l2=0.25)
    assert rightly_certified("digits-l2", region, RegionMode(), 50) >= 42


@pytest.mark.parametrize("name", ["digits-rotation", "digits-l2"])
def test_cards_and_readme_show_the_recorded_figures(name: str) -> None:
    recorded, accuracy = summary(name), shipped(name).accuracy
    readme = (ROOT / "README.md").read_text("utf-8")
    for figure in ("clean", "standard"):
        assert accuracy[figure] == recorded[figure]["count"] / recorded[figure]["total"]
    certified = recorded["certified"]["count"] / recorded["certified"]["total"]
    assert certified == accuracy.get("certified", accuracy.get("certified_at_l2_0_50"))
    assert f"**{certified:.1%}**" in readme

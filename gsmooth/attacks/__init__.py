"""Attacks: an empirical search for an attack in the region that changes the class."""

from __future__ import annotations

from gsmooth.attacks.candidates import attacked_images, grid, rounded
from gsmooth.attacks.outcome import VIOLATION_ALPHA, AttackOutcome, Attempt
from gsmooth.attacks.plan import AttackPlan
from gsmooth.attacks.search import attack_many, put_to_predict

__all__ = [
    "VIOLATION_ALPHA",
    "AttackOutcome",
    "AttackPlan",
    "Attempt",
    "attack_many",
    "attacked_images",
    "grid",
    "put_to_predict",
    "rounded",
]

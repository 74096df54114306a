"""Noise: where it stands in a run, how it is drawn, and how far it is from the theorems' own."""

from gsmooth.noise.accuracy import TAIL, ThetaAccuracy, grid_total_variation, theta_accuracy
from gsmooth.noise.coordinate import CHUNK, Coordinate, Purpose
from gsmooth.noise.draws import SAMPLER, Draws, sampler_of_kind, sampler_on
from gsmooth.noise.seed import SecretSeed, Seed, SeedCommitment, public_seed

__all__ = [
    "CHUNK",
    "SAMPLER",
    "TAIL",
    "Coordinate",
    "Draws",
    "Purpose",
    "SecretSeed",
    "Seed",
    "SeedCommitment",
    "ThetaAccuracy",
    "grid_total_variation",
    "public_seed",
    "sampler_of_kind",
    "sampler_on",
    "theta_accuracy",
]
